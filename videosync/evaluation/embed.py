"""Backbone features of a video, decoded while the backbone computes, in memory that does not grow with its length."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from videosync.models.encoder import Encoder
from videosync.models.inference import threads_for
from videosync.models.noise import NoiseEncoder
from videosync.video.read import iter_frames, probe

PREFETCH = 2  # decoded batches that may wait for the backbone

Item = TypeVar("Item")


@torch.no_grad()
def video_features(
    encoder: Encoder | NoiseEncoder,
    path: str | PathLike[str],
    start: int = 0,
    stop: int | None = None,
    *,
    size: int,
    batch_frames: int = 64,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Pooled features of frames ``start … stop - 1`` (to the end if None): float32 ``[T, F]`` on the CPU.

    ``size``: frames are resized to ``size`` × ``size`` pixels. ``encoder`` is in evaluation mode, on
    ``device``. Frames before ``start`` that the encoder looks back at (``encoder.context``) are read too,
    so that the result is that of the whole video's, cut (of its first frames only if the window holds a
    difference for them). At most ``(PREFETCH + 2) * batch_frames`` decoded frames are held. For a
    ``NoiseEncoder`` the video is not opened. Raises VideoError when the video does not have these frames.
    """
    if encoder.training:
        raise ValueError("video_features needs an encoder in evaluation mode: call encoder.eval() first")
    if isinstance(encoder, NoiseEncoder):  # it looks at nothing, so nothing is decoded
        return encoder.features_of(path, start, probe(path).num_frames if stop is None else stop)
    device = torch.device(device)
    batch_frames = max(batch_frames, encoder.context + 1)  # the first batch has every difference it needs
    before = min(encoder.context, start)
    frames = iter_frames(path, start - before, stop, size=(size, size))

    features: list[Tensor] = []
    history = torch.empty(0, size, size, 3, dtype=torch.uint8, device=device)
    for batch in prefetch(_batches(frames, batch_frames, first=batch_frames + before, pin=device.type == "cuda")):
        current = batch.to(device, non_blocking=True)  # [n, H, W, 3]
        clip = torch.cat([history, current]) if len(history) else current
        context = len(history) if features else before
        with threads_for(encoder.backbone):
            features.append(encoder.backbone_features(clip.permute(0, 3, 1, 2)[None], context=context)[0].float())
        history = clip[len(clip) - encoder.context :] if encoder.context else history
    return torch.cat(features).cpu()  # [T, F]


def prefetch(items: Iterator[Item], depth: int = PREFETCH) -> Iterator[Item]:
    """The same items, made ahead of their use by a thread; what it raises is raised here."""
    done = object()
    with ThreadPoolExecutor(1, thread_name_prefix="decode") as pool:
        waiting = deque(pool.submit(next, items, done) for _ in range(depth))
        try:
            while (item := waiting.popleft().result()) is not done:
                waiting.append(pool.submit(next, items, done))
                yield item  # type: ignore[misc]
        finally:
            for future in waiting:
                future.cancel()


def _batches(frames: Iterator[np.ndarray], size: int, *, first: int, pin: bool) -> Iterator[Tensor]:
    """Stacks of ``first``, then ``size``, at last fewer frames: uint8 ``[n, H, W, 3]``."""
    wanted = first
    while True:
        stack: Tensor | None = None
        count = 0
        for frame in frames:
            if stack is None:
                stack = torch.empty(wanted, *frame.shape, dtype=torch.uint8, pin_memory=pin)
            stack[count] = torch.from_numpy(frame)
            count += 1
            if count == wanted:
                break
        if stack is None:
            return
        yield stack[:count]
        wanted = size


class Indexed(Protocol):
    """What came of one of the things that were dealt out to ranks."""

    @property
    def index(self) -> int: ...


Result = TypeVar("Result", bound=Indexed)


def merged(shares: Sequence[Sequence[Result]], count: int) -> list[Result]:
    """All ranks' results in the order in which the ``count`` things were asked for; each exactly once."""
    found = sorted((result for share in shares for result in share), key=lambda result: result.index)
    if [result.index for result in found] != list(range(count)):
        raise RuntimeError(f"{count} results were expected, one of each; {len(found)} came back")
    return found
