"""Which pairs of a prepared folder the leak test looks at, and windows that fit its clips."""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np

from videosync.data.clock import MOST_DRIFT, common_frames, drift, similar_rates, start_offset
from videosync.data.pairs import feasible_offsets
from videosync.data.samples import Manifest, Sample, View
from videosync.errors import ManifestError

LONGEST = 240  # frames of a window
NOISE_FRAMES = 64  # of a window of noise, which looks the same at any length
USUAL_OFFSET = 30  # frames, where the clips themselves start together
SHORT_SHARE = 0.1  # of the pairs may be left out for the sake of longer windows
TRAIN, VAL = "train", "val"


@dataclass(frozen=True)
class Windows:
    """What the pairs of a folder have room for."""

    placement: Literal["random", "start"]
    num_frames: int  # of the windows that the controls look at
    max_offset: int  # K

    @property
    def noise_frames(self) -> int:
        """Shorter windows for the noise encoder, long enough for K."""
        return min(self.num_frames, max(NOISE_FRAMES, 2 * self.max_offset + 2))

    def hold(self, view0: View, view1: View) -> bool:
        """Whether these windows can be cut from two clips."""
        if drift(view0.fps, view1.fps, self.num_frames) > MOST_DRIFT:
            return False
        if min(view0.num_frames, view1.num_frames) < self.num_frames:
            return False
        if self.placement == "start":
            return abs(start_offset(view0, view1)) <= self.max_offset
        room = feasible_offsets(view0, view1, self.num_frames, self.max_offset)
        return room is not None and room[1] - room[0] >= self.max_offset


def fit_windows(manifest: Manifest) -> Windows:
    """Windows that nine of ten pairs of views have room for.

    Where the clips of a sample start apart, that is the label, and windows begin with the clips; where they start
    together, windows at random places make the offsets, up to ±30 frames.

    Raises ManifestError: no sample has two views, or they are too short for any offset.
    """
    pairs = [(a, b) for sample in manifest.samples for a, b in combinations(sample.views, 2) if similar_rates(a, b)]
    if not pairs:
        raise ManifestError(
            f"{manifest.root}: no sample has two views of one frame rate, so there is no offset to give away"
        )
    apart = np.array([abs(start_offset(a, b)) for a, b in pairs])
    shortest = np.array([min(a.num_frames, b.num_frames) for a, b in pairs])
    if np.mean(apart > 0) >= 0.5 and np.quantile(apart / shortest, 1 - SHORT_SHARE, method="lower") < 0.5:
        furthest = int(np.quantile(apart, 1 - SHORT_SHARE, method="lower"))
        usual = int(np.quantile(shortest[apart <= furthest], SHORT_SHARE, method="higher"))
        max_offset = int(apart[(apart < usual) & (shortest >= usual)].max(initial=0))
        windows = Windows("start", min(LONGEST, usual), min(max_offset, LONGEST - 1))
    else:
        common = np.array([common_frames(a, b) for a, b in pairs])
        usual = int(np.quantile(common, SHORT_SHARE, method="higher"))
        max_offset = min(USUAL_OFFSET, usual // 3)
        windows = Windows("random", max(1, min(LONGEST, usual - max_offset)), max_offset)
    if windows.max_offset < 1 or windows.max_offset >= windows.num_frames:
        raise ManifestError(f"{manifest.root}: pairs of views share {usual} frames, too few for windows with an offset")
    return windows


def split_in_two(manifest: Manifest) -> tuple[Manifest, str, str]:
    """(manifest, name of its train split, name of the split that is evaluated).

    A folder without two splits that have pairs is divided by event, half and half, the same way each time.
    """
    counts = Counter(s.split for s in manifest.samples if len(s.views) > 1)
    others = [split for split, _ in counts.most_common() if split != TRAIN]
    if TRAIN in counts and others:
        return manifest, TRAIN, VAL if VAL in counts else others[0]
    events = sorted({s.event for s in manifest.samples}, key=lambda e: hashlib.sha256(e.encode()).digest())
    first = set(events[: (len(events) + 1) // 2])
    samples = tuple(replace(s, split=TRAIN if s.event in first else VAL) for s in manifest.samples)
    return Manifest(manifest.root, samples), TRAIN, VAL


def choose_pairs(
    manifest: Manifest, split: str, *, count: int, seed: int, windows: Windows | None
) -> tuple[list[Sample], int]:
    """At most ``count`` pairs of views of a split, each as a sample of its own, of as many events as can be.

    With ``windows`` only pairs that hold them. Paths are absolute, so that the samples can stand in another folder.

    Returns:
        The pairs, and how many the split has that do not hold the windows.
    """
    by_event: dict[str, list[Sample]] = defaultdict(list)
    seen: set[frozenset[str]] = set()  # two lines of a manifest may share a pair of views
    left_out = 0
    for sample in manifest.samples:
        if sample.split == split:
            for views in combinations(sample.views, 2):
                videos = frozenset(view.video for view in views)
                if videos in seen:
                    continue
                seen.add(videos)
                if windows is None or windows.hold(*views):
                    by_event[sample.event].append(replace(sample, split=split, views=views))
                else:
                    left_out += 1
    rng = random.Random(f"{seed}/{split}")
    queues = [rng.sample(pairs, len(pairs)) for _, pairs in sorted(by_event.items())]
    rng.shuffle(queues)
    chosen: list[Sample] = []
    turn = 0
    while len(chosen) < count and any(turn < len(queue) for queue in queues):
        chosen += [queue[turn] for queue in queues if turn < len(queue)][: count - len(chosen)]
        turn += 1
    return [_absolute(manifest, sample) for sample in chosen], left_out


def _absolute(manifest: Manifest, sample: Sample) -> Sample:
    views = tuple(
        View(str(Path(manifest.path(v)).absolute()), v.start_frame, v.num_frames, v.fps) for v in sample.views
    )
    return replace(sample, views=views)
