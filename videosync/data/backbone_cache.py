"""Features of a frozen backbone, computed once and kept on disk, so that the head can be trained on a CPU.

What is given up: there is no fresh augmentation at each step (a video has ``copies`` fixed augmented
versions, and the two views of a pair take two different ones), and the backbone cannot be trained, since its
output is fixed. Features are stored as float16.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from videosync.data.datasets import DrawnClips, decode_size, prepare_frames
from videosync.data.draws import ClipDraws, Draw
from videosync.data.identity import content_hash, files_hash
from videosync.data.samples import Manifest, View
from videosync.errors import ManifestError
from videosync.files import make_folder, new_file, write_text
from videosync.foreign import read_npy
from videosync.video.read import probe, read_frames, read_frames_at
from videosync.video.transforms import ClipAugment

CHUNK = 64  # frames decoded at once
REFERENCE_FRAMES = 32  # spread over a video, for its mean colour
Encode = Callable[[Tensor, int], Tensor]  # (frames [C + n, 3, S, S], context C) → features [n, F]


def feature_key(**parts: Any) -> str:
    """Name of a cache: a hash of all its features depend on (weights, transform, sizes, copies, seed, code)."""
    return content_hash(parts)


class FeatureCache:
    """``folder/key/``: an array float16 [copies, T, F] for each video, and ``cache.json`` once all are there.

    Every array is complete or absent, and so is the cache: a build that was cut off goes on where it stopped.

    Args:
        folder: where caches are kept.
        key: :func:`feature_key` of all that the features depend on.
        copies: 1: plain frames; more: that many augmented copies.
    """

    def __init__(self, folder: str | Path, key: str, *, copies: int) -> None:
        self.root = Path(folder) / key
        self.key = key
        self.copies = copies

    def build(
        self,
        manifest: Manifest,
        views: Iterable[View],
        encode: Encode,
        *,
        image_size: int,
        augment: ClipAugment | None,
        context: int = 0,
        seed: int = 0,
        rank: int = 0,
        world_size: int = 1,
        show_progress: bool = False,
    ) -> None:
        """Compute the arrays that are missing; rank r takes every ``world_size``-th video.

        Decodes and encodes in chunks: memory does not grow with the length of a video. Each copy is one draw of
        ``augment`` for all frames, seeded by (seed, video, copy). Call :meth:`finish` when all ranks are done.

        Args:
            encode: ``(frames float [context + n, 3, S, S], context) -> [n, F]``, on the CPU or moved there
                here.
            context: frames before a chunk that ``encode`` looks back at (0 at a video's start).

        Raises:
            VideoError: a file cannot be read.
        """
        make_folder(self.root)
        mine = _distinct(views)[rank::world_size]
        often = 0.1 if sys.stderr.isatty() else 15.0  # seconds between updates; a log file needs few
        progress = tqdm(mine, "backbone features", unit="video", disable=not show_progress, mininterval=often)
        for view in progress:
            path = self._path(manifest, view)
            if path.is_file():
                continue
            copies = [
                _encode_view(manifest, view, encode, image_size, augment, context, f"{seed}/{view.video}/{copy}")
                for copy in range(self.copies)
            ]
            with new_file(path) as temporary:
                np.save(temporary, np.stack(copies), allow_pickle=False)  # [copies, T, F]

    def finish(self, manifest: Manifest, views: Iterable[View], about: dict[str, Any]) -> None:
        """Mark the cache complete (on one rank, when all are done). ``about`` is kept for people to read."""
        wanted = _distinct(views)
        missing = [view.video for view in wanted if not self._path(manifest, view).is_file()]
        if missing:
            raise ManifestError(f"{self.root}: features of {len(missing)} videos are missing, e.g. {missing[0]}")
        record = {"key": self.key, "copies": self.copies, "videos": len(wanted), "about": about}
        write_text(self.root / "cache.json", json.dumps(record, indent=1, default=str) + "\n")

    def has(self, manifest: Manifest, views: Iterable[View]) -> bool:
        """Whether :meth:`finish` was called and these videos, unchanged since, are in the cache."""
        complete = (self.root / "cache.json").is_file()
        return complete and all(self._path(manifest, view).is_file() for view in _distinct(views))

    def features(self, manifest: Manifest, view: View) -> np.ndarray:
        """float16 [copies, T, F] of a video, mapped from disk. Raises ManifestError when it is not there."""
        path = self._path(manifest, view)
        if not path.is_file():
            raise ManifestError(f"{self.root} holds no features of {view.video} as it is now; build the cache again")
        try:
            return read_npy(path)
        except (OSError, ValueError) as error:
            raise ManifestError(f"{path}: damaged ({error}); delete it and build the cache again") from error

    def _path(self, manifest: Manifest, view: View) -> Path:
        path = manifest.path(view)
        if not path.is_file():
            raise ManifestError(f"{path.absolute()}: the video is missing")
        return self.root / f"{files_hash(manifest.root, [path])}.npy"


class CachedClips(DrawnClips):
    """The samples of ``TrainingClips``, with cached features [2, T, F] as their frames.

    With the same seed and settings the same videos and frames are drawn as there. A backbone that looks back
    at earlier frames sees those before each frame in the video here, and those before it in the sample there.
    With two copies or more the two views come from two different ones.

    Raises:
        ManifestError: the cache is not complete for this split.
    """

    def __init__(self, cache: FeatureCache, draws: ClipDraws) -> None:
        super().__init__(draws)
        self.cache = cache
        needed = [view for sample in draws.samples for view in sample.views]
        if not cache.has(draws.manifest, needed):
            raise ManifestError(
                f"{cache.root} is not a complete feature cache of split '{draws.split}'; build it first"
            )
        self._open: dict[str, np.ndarray] = {}

    def _frames(self, draw: Draw) -> Tensor:
        first = draw.seeds[0] % self.cache.copies
        second = first
        if self.cache.copies > 1:
            second = (first + 1 + draw.seeds[1] % (self.cache.copies - 1)) % self.cache.copies
        features = [
            torch.from_numpy(self._features(view)[copy, numbers] * mask[:, None].astype(np.float32))  # [T, F]
            for view, numbers, mask, copy in zip(draw.views, draw.numbers, draw.mask, (first, second))
        ]
        return torch.stack(features)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_open": {}}  # each process maps the files itself

    def _features(self, view: View) -> np.ndarray:
        if view.video not in self._open:
            self._open[view.video] = self.cache.features(self.draws.manifest, view)
        return self._open[view.video]


def _distinct(views: Iterable[View]) -> list[View]:
    return list({view.video: view for view in views}.values())


def _encode_view(
    manifest: Manifest,
    view: View,
    encode: Encode,
    image_size: int,
    augment: ClipAugment | None,
    context: int,
    seed_text: str,
) -> np.ndarray:
    """One copy of a video: float16 [T, F]."""
    path = manifest.path(view)
    size = decode_size(probe(path), image_size, augment)
    seed = int.from_bytes(hashlib.sha256(seed_text.encode()).digest()[:7], "little")
    fixed = None
    if augment is not None:
        spread = np.linspace(0, view.num_frames - 1, REFERENCE_FRAMES).astype(np.int64)
        fixed = _FixedAugment(augment, read_frames_at(path, spread, size=size), seed)
    parts = []
    for start in range(0, view.num_frames, CHUNK):
        before = min(context, start)
        clip = read_frames(path, start - before, min(start + CHUNK, view.num_frames), size=size)
        frames = fixed(clip) if fixed is not None else prepare_frames(clip, image_size, None, seed)
        with torch.no_grad():
            parts.append(encode(frames, before).float().cpu().numpy().astype(np.float16))
    return np.concatenate(parts)  # [T, F]


class _FixedAugment:
    """One draw for a video that comes in chunks.

    Contrast turns around a clip's mean colour; that of ``reference`` uint8 [R, H, W, 3] is taken for all chunks,
    or the brightness would jump from chunk to chunk.
    """

    def __init__(self, augment: ClipAugment, reference: np.ndarray, seed: int) -> None:
        _, height, width, _ = reference.shape
        self.draw = augment.draw(height, width, torch.Generator().manual_seed(seed))
        self.augment = augment
        plain = replace(self.draw, brightness=1.0, contrast=1.0, saturation=1.0, hue=0.0, gray=False)
        self.mean = augment.apply(torch.from_numpy(reference), plain).mean((0, 2, 3))

    def __call__(self, clip: np.ndarray) -> Tensor:
        """uint8 [T, H, W, 3] → float32 [T, 3, S, S] in 0…1."""
        return self.augment.apply(torch.from_numpy(clip), self.draw, mean=self.mean)
