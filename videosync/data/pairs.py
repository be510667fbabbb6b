"""Pairs of windows with a known offset, for evaluation and for offset detectors.

The two windows of a pair have **equal length**; otherwise length alone gives the offset away. Window frame
``i`` is file frame ``s + i``, so with file starts on the event's timeline the offset of (window 0, window 1)
is ``k = (start0 + s0) - (start1 + s1)``. Views of unlike rates (30 and 29.97 frames/s) are compared by time
(:mod:`videosync.data.clock`): windows lie so that ``k`` is right within half a frame from end to end.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np

from videosync.data.clock import MOST_DRIFT, drift, frames_apart
from videosync.data.samples import Manifest, Sample, View, view_names
from videosync.errors import ConfigError, ManifestError
from videosync.types import SyncPair, Window

_TRIES = 100  # places drawn for a pair of unlike rates, most of which drift through a whole frame in half a minute


class _Unusable(Exception):
    """Why no pair can be made of two views."""


def sync_pairs(
    manifest: Manifest,
    split: str,
    *,
    num_frames: int,
    max_offset: int,
    placement: Literal["random", "start"],
    windows: int,
    seed: int,
) -> list[SyncPair]:
    """All pairs of views i < j of every sample of a split, with their true offsets.

    ``"random"``: windows of ``num_frames`` frames. ``k`` is uniform over those offsets of ``-K … K`` that
    both files have room for (made symmetric around 0 where there is room on both sides, so that no pair
    favours a sign), and the position is uniform given ``k``. Each draw is seeded by (seed, split, event, the
    two files, window number): it depends neither on the order of the manifest nor on its other lines, and
    listing the two views the other way round gives the same windows with ``-k``.

    ``"start"``: each clip from its first frame on, ``k = start0 - start1``, and one length for both,
    ``min(num_frames, frames of either clip)``; one window a pair, whatever ``windows`` says.

    Samples with one view have nothing to pair with and are passed over.

    Args:
        num_frames: T, length of both windows.
        max_offset: K, below ``num_frames`` so that the windows of a pair share frames.
        windows: windows drawn per pair of views (``"random"``).

    Raises:
        ConfigError: the numbers do not fit each other.
        ManifestError: no such split, no sample with two views, or clips too short, without a moment in
            common, out of the offset range, or at frame rates that part by more than half a frame over a window
            (all are counted, a few named).
    """
    if num_frames < 1 or windows < 1 or not 0 <= max_offset < num_frames:
        raise ConfigError(
            f"pairs of {num_frames} frames, {windows} windows and offsets up to {max_offset}: num_frames and "
            "windows must be 1 or more, and max_offset between 0 and num_frames - 1"
        )
    samples = [sample for sample in manifest.of_split(split) if len(sample.views) > 1]
    if not samples:
        raise ManifestError(
            f"{manifest.root}: split '{split}' has only samples with one view; "
            "pairs for sync need two views of one event"
        )
    pairs: list[SyncPair] = []
    unusable: list[str] = []
    made: Counter[str] = Counter()
    for sample in samples:
        for name0, view0, name1, view1 in _view_pairs(sample):
            prefix = f"{sample.event}/{name0}-{name1}"
            try:
                for number in range(windows if placement == "random" else 1):
                    if placement == "start":
                        k, length = _place_at_start(view0, view1, num_frames, max_offset)
                        s0 = s1 = 0
                    else:
                        key = (seed, split, sample.event, number)
                        s0, s1, k = _place_at_random(view0, view1, num_frames, max_offset, key)
                        length = num_frames
                    pairs.append(
                        SyncPair(
                            pair_id=f"{prefix}/{made[prefix]}",
                            event=sample.event,
                            window0=_window(manifest, view0, s0, length),
                            window1=_window(manifest, view1, s1, length),
                            offset=k,
                        )
                    )
                    made[prefix] += 1
            except _Unusable as reason:
                unusable.append(f"{prefix} ({reason})")
    if unusable:
        raise ManifestError(_complaint(manifest, split, unusable, len(pairs) + len(unusable)))
    return pairs


def feasible_offsets(view0: View, view1: View, num_frames: int, max_offset: int) -> tuple[int, int] | None:
    """Smallest and largest ``k`` in ``-K … K`` for which both files hold a window, or None."""
    slack0, slack1 = view0.num_frames - num_frames, view1.num_frames - num_frames
    if slack0 < 0 or slack1 < 0:
        return None
    low = max(round(frames_apart(view0, view1, 0, slack1, num_frames)), -max_offset)
    high = min(round(frames_apart(view0, view1, slack0, 0, num_frames)), max_offset)
    if low > high:
        return None
    if low < 0 < high:
        high = min(-low, high)
        low = -high
    return low, high


def _view_pairs(sample: Sample) -> list[tuple[str, View, str, View]]:
    named = list(zip(view_names(sample.views), sample.views))
    return [(name0, view0, name1, view1) for (name0, view0), (name1, view1) in combinations(named, 2)]


def _check_rates(view0: View, view1: View, num_frames: int) -> None:
    if (apart := drift(view0.fps, view1.fps, num_frames)) > MOST_DRIFT:
        raise _Unusable(
            f"{view0.fps:g} and {view1.fps:g} frames/s, which part by {apart:.1f} frames within {num_frames}"
        )


def _place_at_start(view0: View, view1: View, num_frames: int, max_offset: int) -> tuple[int, int]:
    """k, and the length of both windows."""
    length = min(num_frames, view0.num_frames, view1.num_frames)
    _check_rates(view0, view1, length)
    apart = round(frames_apart(view0, view1, num_frames=length))
    if abs(apart) > max_offset:
        raise _Unusable(f"{apart} frames apart, pairs.max_offset is {max_offset}")
    if abs(apart) >= length:
        raise _Unusable(f"first {length} frames share no moment")
    return apart, length


def _place_at_random(
    view0: View, view1: View, num_frames: int, max_offset: int, key: tuple[int, str, str, int]
) -> tuple[int, int, int]:
    """First frames of both windows, and k."""
    if view0.video > view1.video:  # always drawn in one order: swapped views give exactly -k
        s1, s0, k = _place_at_random(view1, view0, num_frames, max_offset, key)
        return s0, s1, -k
    _check_rates(view0, view1, num_frames)
    shortest = min(view0.num_frames, view1.num_frames)
    if shortest < num_frames:
        raise _Unusable(f"{shortest} frames")
    offsets = feasible_offsets(view0, view1, num_frames, max_offset)
    if offsets is None:
        raise _Unusable(f"no windows within {max_offset} frames of each other")
    rng = generator(*key, view0.video, view1.video)
    k = int(rng.integers(offsets[0], offsets[1], endpoint=True))
    slack0, slack1 = view0.num_frames - num_frames, view1.num_frames - num_frames
    first, last = (_beside(view1, s1, view0, -k, num_frames, slack0) for s1 in (0, slack1))
    within = Fraction(1, 2) - Fraction(drift(view0.fps, view1.fps, num_frames)) / 2
    for _ in range(_TRIES):
        s0 = int(rng.integers(first, last, endpoint=True))
        s1 = _beside(view0, s0, view1, k, num_frames, slack1)
        if abs(frames_apart(view0, view1, s0, s1, num_frames) - k) <= within:
            break
    return s0, s1, k


def _beside(view0: View, s0: int, view1: View, k: int, num_frames: int, slack1: int) -> int:
    """Where a window of view 1 begins, in 0 … ``slack1``, that lies nearest to ``k`` frames before that of view 0."""
    behind = frames_apart(view0, view1, s0, 0, num_frames) - k  # in frames of both rates' mean period
    own = behind * (1 + Fraction(view1.fps) / Fraction(view0.fps)) / 2  # in frames of view 1
    return min(max(round(own), 0), slack1)


def generator(*key: int | str) -> np.random.Generator:
    """A stream of random numbers of its own for each key."""
    digest = hashlib.sha256("\0".join(map(str, key)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))


def _window(manifest: Manifest, view: View, start: int, num_frames: int) -> Window:
    video = str(Path(manifest.path(view)).absolute())
    return Window(video=video, start=start, num_frames=num_frames, fps=view.fps)


def _complaint(manifest: Manifest, split: str, unusable: list[str], total: int) -> str:
    named = ", ".join(unusable[:3]) + (", …" if len(unusable) > 3 else "")
    return (
        f"{manifest.root}: {len(unusable)} of {total} pairs of split '{split}' cannot be made: {named}; "
        "lower pairs.num_frames (or raise pairs.max_offset), or take these lines out of the manifest"
    )
