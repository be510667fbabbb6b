"""Offsets read from what a file says about itself, without a look at any picture.

A dataset whose offsets can be read from clip lengths or from the places of keyframes teaches a model (or flatters a
method) with something that no other footage has. Each control here answers for pairs as a method would.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from videosync.data.clock import start_offset
from videosync.data.samples import Manifest
from videosync.lags.correlation import correlation_scores
from videosync.lags.overlap import cross_products
from videosync.lags.scores import best_lag
from videosync.types import SyncPair, Window
from videosync.video.packet_sizes import PacketTable

PacketsOf = Callable[[str], PacketTable]


@dataclass(frozen=True, eq=False)
class ClipPairs:
    """All N pairs of whole clips of a manifest."""

    offsets: np.ndarray  # int64 [N] k = start0 - start1
    lengths: np.ndarray  # int64 [N, 2] frames
    fps: np.ndarray  # float64 [N]
    events: tuple[str, ...]
    clips: tuple[tuple[str, str], ...]


def clip_pairs(manifest: Manifest) -> ClipPairs:
    found = [(s.event, a, b) for s in manifest.samples for a, b in combinations(s.views, 2)]
    return ClipPairs(
        offsets=np.array([start_offset(a, b) for _, a, b in found], np.int64),
        lengths=np.array([(a.num_frames, b.num_frames) for _, a, b in found], np.int64).reshape(-1, 2),
        fps=np.array([a.fps for _, a, _ in found], np.float64),
        events=tuple(event for event, _, _ in found),
        clips=tuple((a.video, b.video) for _, a, b in found),
    )


def offsets_from_lengths(offsets: np.ndarray, lengths: np.ndarray, events: Sequence[str]) -> np.ndarray:
    """``a * (length1 - length0)`` float64 ``[N]``, with ``a`` fitted on the events of the other half.

    Where recordings end together and only their starts were cut, ``a`` is 1 and the answer exact. The fit has the
    least absolute error: ``a`` is the median of ``k / difference``, weighted with the differences.
    """
    difference = (lengths[:, 1] - lengths[:, 0]).astype(np.float64)
    half = np.array([hashlib.sha256(event.encode()).digest()[0] % 2 for event in events], dtype=np.int64)
    answers = np.zeros(len(offsets))
    for own in (0, 1):
        fit = (half != own) & (difference != 0)
        if fit.any():
            ratios, weights = offsets[fit] / difference[fit], np.abs(difference[fit])
            order = np.argsort(ratios, kind="stable")
            middle = np.searchsorted(np.cumsum(weights[order]), weights.sum() / 2)
            answers[half == own] = ratios[order][middle] * difference[half == own]
    return answers


def keyframe_scores(pairs: Sequence[SyncPair], packets_of: PacketsOf, max_offset: int) -> np.ndarray:
    """How well keyframes of the two windows fall together at each offset: float64 ``[N, 2K + 1]`` in 0…1.

    ``common / sqrt(n0 * n1)`` of the keyframes in the frames that overlap; 0 where either window has none there.
    """
    rows, lags = [], np.arange(-max_offset, max_offset + 1)
    for pair in pairs:
        key0, key1 = (
            packets_of(w.video).keyframes[w.start : w.start + w.num_frames].astype(np.float64)
            for w in (pair.window0, pair.window1)
        )
        one = np.ones(len(key0))
        columns0, columns1 = (np.stack(v, axis=1) for v in ([key0, key0, one], [key1, one, key1]))
        common, n0, n1 = np.rint(cross_products(columns0, columns1, lags)).T
        rows.append(np.divide(common, np.sqrt(n0 * n1), out=np.zeros_like(common), where=n0 * n1 > 0))
    return np.stack(rows)


def packet_size_offsets(pairs: Sequence[SyncPair], packets_of: PacketsOf, max_offset: int) -> np.ndarray:
    """Offsets float64 ``[N]`` at which the sizes of packets (bits spent a frame) correlate best.

    Logarithms of sizes, keyframes interpolated. Sizes follow the motion, so this works on good data too, without any
    leak.
    """
    lags = np.arange(-max_offset, max_offset + 1)

    def sizes(window: Window) -> np.ndarray:
        return _size_curve(packets_of(window.video))[window.start : window.start + window.num_frames, None]

    return best_lag(np.stack([correlation_scores(sizes(p.window0), sizes(p.window1), lags) for p in pairs]))


def _size_curve(packets: PacketTable) -> np.ndarray:
    """Log size of each packet, keyframes interpolated: float64 ``[T]``."""
    places, plain = np.arange(len(packets.sizes)), ~packets.keyframes
    logs = np.log(packets.sizes.astype(np.float64))
    return np.interp(places, places[plain], logs[plain]) if plain.any() else logs
