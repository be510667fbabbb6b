"""From an encoder and a list of sync pairs to similarity matrices and predicted offsets.

Work is dealt out by event: all pairs of one event go to one rank, so that every video is encoded once however
many pairs it is in, and every pair is evaluated exactly once whatever the number of ranks.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from videosync.evaluation.embed import video_features
from videosync.models.encoder import Encoder
from videosync.models.noise import NoiseEncoder
from videosync.similarity.matrix import Metric, similarity_matrix
from videosync.types import SyncPair, Window

BATCH = 16  # pairs that are compared, and windows that the transformer sees, at once
# forward [N, T, T], backward [N, T, T], max_offset -> predicted offsets [N], frames
OffsetMethod = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


@dataclass(frozen=True)
class PairMatrices:
    """Similarity matrices of some pairs of one length: ``indices`` say which ones of the list that was asked for."""

    indices: list[int]  # n
    forward: np.ndarray  # float32 [n, T, T]
    backward: np.ndarray  # float32 [n, T, T]


@dataclass(frozen=True)
class PairResult:
    """What each method said about one pair."""

    index: int  # of the pair
    predicted: dict[str, float]  # offsets, frames


def deal_events(pairs: Sequence[SyncPair], world_size: int) -> list[list[int]]:
    """Indices of ``pairs`` for each rank: whole events, largest first, each to the rank with the least work."""
    members: dict[str, list[int]] = defaultdict(list)
    for index, pair in enumerate(pairs):
        members[pair.event].append(index)
    shares: list[list[int]] = [[] for _ in range(world_size)]
    for _, indices in sorted(members.items(), key=lambda item: (-len(item[1]), item[0])):
        min(shares, key=len).extend(indices)
    return [sorted(share) for share in shares]


def iter_pair_matrices(
    encoder: Encoder | NoiseEncoder,
    pairs: Sequence[SyncPair],
    *,
    image_size: int,
    device: torch.device | str,
    metric: Metric,
    temperature: float,
    rank: int = 0,
    world_size: int = 1,
) -> Iterator[PairMatrices]:
    """Similarity matrices of this rank's share of ``pairs``: one event at a time, in it one length at a time, ``BATCH``
    pairs at a time, so that memory does not grow with the number of pairs.

    Args:
        encoder: an ``Encoder`` or ``NoiseEncoder`` in eval mode, on ``device``.
        image_size: frames are resized to this many pixels in both directions.
        metric, temperature: see :func:`videosync.similarity.matrix.similarity_matrix`.

    Raises:
        VideoError: a video cannot be read as its pair asks.
    """
    by_event: dict[str, list[int]] = defaultdict(list)
    for index in deal_events(pairs, world_size)[rank]:
        by_event[pairs[index].event].append(index)
    for indices in by_event.values():
        wanted = Counter(window for index in indices for window in _windows(pairs[index]))
        features = window_features(encoder, wanted, image_size=image_size, device=device)
        embeddings: dict[Window, Tensor] = {}
        by_length: dict[int, list[int]] = defaultdict(list)
        for index in indices:
            by_length[pairs[index].window0.num_frames].append(index)
        for same in (alike[n : n + BATCH] for alike in by_length.values() for n in range(0, len(alike), BATCH)):
            windows = [window for index in same for window in _windows(pairs[index])]
            new = [window for window in dict.fromkeys(windows) if window not in embeddings]
            embeddings |= embed_windows(encoder, {window: features[window] for window in new}, device=device)
            e0 = torch.stack([embeddings[pairs[index].window0] for index in same])  # [n, T, D]
            e1 = torch.stack([embeddings[pairs[index].window1] for index in same])
            forward = similarity_matrix(e0, e1, metric=metric, temperature=temperature)
            backward = similarity_matrix(e1, e0, metric=metric, temperature=temperature)
            yield PairMatrices(same, forward.cpu().numpy(), backward.cpu().numpy())
            wanted.subtract(windows)
            for window in set(windows):
                if not wanted[window]:
                    del embeddings[window]


def _windows(pair: SyncPair) -> tuple[Window, Window]:
    return pair.window0, pair.window1


def window_features(
    encoder: Encoder | NoiseEncoder, windows: Iterable[Window], *, image_size: int, device: torch.device | str
) -> dict[Window, Tensor]:
    """Backbone features ``[T, F]`` of each window, on the CPU: each stretch of a video that any needs is seen once.

    What windows have in common is shared, so that a video's features are held once however many windows it has.
    """
    unique = sorted(set(windows), key=lambda w: (w.video, w.start, w.num_frames, w.fps))
    features: dict[Window, Tensor] = {}
    for group in _overlapping(unique):
        start, stop = group[0].start, max(w.start + w.num_frames for w in group)
        # [S, F]
        stretch = video_features(encoder, group[0].video, start, stop, size=image_size, device=device)
        for window in group:
            features[window] = stretch[window.start - start : window.start - start + window.num_frames]
    return features


@torch.no_grad()
def embed_windows(
    encoder: Encoder | NoiseEncoder, features: Mapping[Window, Tensor], *, device: torch.device | str
) -> dict[Window, Tensor]:
    """Embeddings ``[T, D]`` of windows with these features: the transformer sees each by itself, as in training."""
    embeddings: dict[Window, Tensor] = {}
    for length in sorted({len(of) for of in features.values()}):
        same = [window for window, of in features.items() if len(of) == length]
        for first in range(0, len(same), BATCH):
            part = same[first : first + BATCH]
            stacked = torch.stack([features[w] for w in part]).to(device)  # [n, T, F]
            embeddings.update(zip(part, encoder.embed(stacked, None).float()))
    return embeddings


def _overlapping(windows: Sequence[Window]) -> Iterator[list[Window]]:
    """Groups of sorted windows that lie in one unbroken stretch of one video."""
    group: list[Window] = []
    stop = 0
    for window in windows:
        if group and (window.video != group[0].video or window.start > stop):
            yield group
            group = []
        stop = max(stop, window.start + window.num_frames) if group else window.start + window.num_frames
        group.append(window)
    if group:
        yield group


def evaluate_encoder(
    encoder: Encoder | NoiseEncoder,
    pairs: Sequence[SyncPair],
    methods: Mapping[str, OffsetMethod],
    *,
    max_offset: int,
    on_pairs: Callable[[int], object] = lambda count: None,
    **options: Any,
) -> list[PairResult]:
    """What each of ``methods`` predicts for this rank's share of ``pairs``; ``options`` as in ``iter_pair_matrices``.

    ``on_pairs`` is called with the number of pairs that were done after each event (for a progress bar). Gather the
    lists of all ranks with :func:`videosync.evaluation.embed.merged`.
    """
    results = []
    for part in iter_pair_matrices(encoder, pairs, **options):
        predicted = {name: method(part.forward, part.backward, max_offset) for name, method in methods.items()}
        for n, index in enumerate(part.indices):
            results.append(PairResult(index, {name: float(offsets[n]) for name, offsets in predicted.items()}))
        on_pairs(len(part.indices))
    return results
