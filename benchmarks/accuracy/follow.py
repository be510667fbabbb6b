"""Tracks of corners through a file, and lag scores of the tracks of two files, assigned to each other.

Corners of what moves (Shi, Tomasi, "Good Features to Track", CVPR 1994) are followed by pyramidal Lucas-Kanade, there
and back. See ``tracks.py``, which asks what that is worth.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from benchmarks.accuracy.methods import SIZE
from videosync.lags.overlap import overlaps
from videosync.lags.smoothing import gaussian
from videosync.signals.grey import small_grey, small_size
from videosync.signals.keyframes import AFTER, bridged
from videosync.video.packet_sizes import read_packets
from videosync.video.read import iter_frames, probe

LIVE, COMPARED, COUNTED = 64, 128, 8  # tracks at a time; the liveliest of a window; pairs of tracks that count
EVERY = 8  # frames between searches for new corners, about: an even grid, the same in both files, is itself an answer
LOOK, LEVELS, BACK = 15, 2, 0.5  # pixels; levels of the pyramid; pixels off after there and back
CHANGED = 6  # grey levels: what moves
STILL, PATIENCE = 0.03, 32  # pixels a frame; frames after which a track that rests is given up
LEAST = 12  # frames that two tracks share
CAP = 0.98  # of a correlation
SURROGATES = 4  # circular shifts of either clip


@dataclass(frozen=True, eq=False)
class Track:
    """A corner that is followed: ``steps`` [n, 2] pixels, to frame ``first``, ``first + 1``, …"""

    first: int
    steps: np.ndarray


@dataclass(frozen=True, eq=False)
class Profiles:
    """How the speeds of tracks change in a window of T frames: [T, M], 0 where there is no track, and 1 where it is."""

    values: np.ndarray
    there: np.ndarray


def follow(path: Path) -> tuple[list[Track], float]:
    """Tracks of a file, bridged over keyframes, and processor milliseconds a frame. Raises VideoError."""
    info, took = probe(path), 0.0
    size = small_size(info.height, info.width, SIZE)
    follower = Follower(zlib.crc32("/".join(path.parts[-3:]).encode()))
    for number_, frame in enumerate(iter_frames(path, 0, info.num_frames, size=size)):
        started = time.process_time()
        follower.watch(number_, small_grey(frame, SIZE))
        took += time.process_time() - started
    flashes, found = np.flatnonzero(read_packets(path).keyframes)[1:], []
    for track in follower.tracks():
        near = flashes[(flashes >= track.first - AFTER) & (flashes < track.first + len(track.steps))]
        found.append(Track(track.first, bridged(track.steps, near - track.first, np.full(2, 1 + AFTER))))
    return found, 1000 * took / info.num_frames


class Follower:
    """Corners of what moves, followed through a file."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.due = 1 + int(self.rng.integers(1, 2 * EVERY))
        self.points = np.empty((0, 1, 2), np.float32)
        self.live: list[tuple[int, list[np.ndarray]]] = []
        self.done: list[tuple[int, list[np.ndarray]]] = []
        self.speed = np.empty(0)  # of each, of late
        self.last: tuple[np.ndarray, np.ndarray] | None = None
        self.change: np.ndarray | None = None

    def watch(self, number_: int, grey: np.ndarray) -> None:
        blurred = cv2.GaussianBlur(grey, (0, 0), 1.0)
        if self.last is not None:
            changed = cv2.absdiff(blurred, self.last[1])
            self.change = changed if self.change is None else cv2.max(self.change, changed)
            if len(self.points):
                self._step(self.last[0], grey)
            if number_ >= self.due and len(self.points) < LIVE:
                self._search(number_, grey)
        self.last = grey, blurred

    def tracks(self) -> list[Track]:
        return [Track(first, np.array(steps)) for first, steps in [*self.done, *self.live] if len(steps) >= LEAST]

    def _step(self, before: np.ndarray, after: np.ndarray) -> None:
        there, found = _lucas_kanade(before, after, self.points)
        back, found_back = _lucas_kanade(after, before, there)
        places, (height, width) = there[:, 0], after.shape
        good = found & found_back & (np.abs(back - self.points).max(axis=(1, 2)) < BACK)
        good &= (places >= 1).all(axis=1) & (places < (width - 1, height - 1)).all(axis=1)
        steps = (there - self.points)[:, 0]
        for (_, own), step, kept in zip(self.live, steps, good):
            if kept:
                own.append(step)
        self.speed = 0.9 * self.speed + 0.1 * np.linalg.norm(steps, axis=1)
        good &= (self.speed > STILL) | (np.array([len(own) for _, own in self.live]) < PATIENCE)
        self.done += [track for track, kept in zip(self.live, good) if not kept]
        self.live = [track for track, kept in zip(self.live, good) if kept]
        self.points, self.speed = there[good], self.speed[good]

    def _search(self, number_: int, grey: np.ndarray) -> None:
        assert self.change is not None
        where = cv2.dilate((self.change >= CHANGED).astype(np.uint8), np.ones((5, 5), np.uint8))
        for x, y in self.points[:, 0]:
            cv2.circle(where, (int(x), int(y)), 3, (0,), -1)
        new = cv2.goodFeaturesToTrack(grey, LIVE - len(self.points), 0.01, 3, mask=where, blockSize=5)
        self.change, self.due = None, number_ + int(self.rng.integers(EVERY // 2, EVERY + EVERY // 2 + 1))
        if new is not None:
            self.points = np.concatenate([self.points, new])
            self.live += [(number_ + 1, []) for _ in new]
            self.speed = np.append(self.speed, np.ones(len(new)))


def _lucas_kanade(before: np.ndarray, after: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 10, 0.03)
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, points, np.empty_like(points), winSize=(LOOK, LOOK), maxLevel=LEVELS, criteria=stop
    )
    return there, found[:, 0] > 0


def profiles(tracks: Sequence[Track], start: int, frames: int) -> Profiles:
    """Of the tracks of a file: those that are liveliest in a window of it."""
    inside = []
    for track in tracks:
        first, stop = max(track.first, start), min(track.first + len(track.steps), start + frames)
        if stop - first >= LEAST:
            inside.append((first - start, track.steps[first - track.first : stop - track.first].astype(np.float64)))
    inside.sort(key=lambda one: -float(np.square(np.diff(one[1], axis=0)).sum()))
    values, there = (np.zeros((frames, len(inside[:COMPARED]))) for _ in range(2))
    for place, (first, steps) in enumerate(inside[:COMPARED]):
        away = steps - steps.mean(axis=0)
        main = np.linalg.eigh(away.T @ away)[1][:, -1]
        change = gaussian((steps @ main)[:, None], 1.0, order=1)[:, 0]
        change -= change.mean()
        values[first : first + len(steps), place] = change / max(float(change.std()), 1e-6)
        there[first : first + len(steps), place] = 1
    return Profiles(values, there)


def track_scores(one: Profiles, other: Profiles, lags: np.ndarray) -> np.ndarray:
    """Sum of the ``COUNTED`` best pairs of an assignment of tracks, by ``atanh |r| √(N - 3)``: float64 [L]."""
    size0, size1 = one.values.shape[1], other.values.shape[1]
    found = np.zeros(len(lags))
    if not size0 or not size1:
        return found
    powers0, powers1 = (np.concatenate([p.there, p.values, p.values**2], axis=1) for p in (one, other))  # [T, 3 M]
    for place, (lag, first, stop) in enumerate(zip(lags, *overlaps(len(powers0), len(powers1), lags))):
        sums = (powers0[first:stop].T @ powers1[first + lag : stop + lag]).reshape(3, size0, 3, size1)
        count = sums[0, :, 0]
        frames = np.maximum(count, 1)
        sum0, sum1, square0, square1 = sums[1, :, 0], sums[0, :, 1], sums[2, :, 0], sums[0, :, 2]
        power = (square0 - sum0**2 / frames) * (square1 - sum1**2 / frames)
        alike = np.abs(sums[1, :, 1] - sum0 * sum1 / frames) / np.sqrt(np.maximum(power, 1e-9))
        score = np.arctanh(np.minimum(alike, CAP)) * np.sqrt(np.maximum(frames - 3, 0)) * (count >= LEAST)
        assigned = score[linear_sum_assignment(score, maximize=True)]
        found[place] = np.sort(assigned)[-COUNTED:].sum()
    return found


def against_shifts(scores: np.ndarray, one: Profiles, other: Profiles, lags: np.ndarray, seed: int) -> np.ndarray:
    """Scores in units of those of clips of which either is rolled by a quarter to three quarters: float64 [L]."""
    rng, null = np.random.default_rng(seed), []
    for number_ in range(SURROGATES):
        pair = [one, other]
        frames = len(pair[number_ % 2].values)
        by = int(rng.integers(frames // 4, 3 * frames // 4 + 1))
        rolled = pair[number_ % 2]
        pair[number_ % 2] = Profiles(np.roll(rolled.values, by, axis=0), np.roll(rolled.there, by, axis=0))
        null.append(track_scores(pair[0], pair[1], lags))
    usual = gaussian(np.mean(null, axis=0)[:, None], 5.0)[:, 0]
    spread = np.sqrt(gaussian(np.square(null - usual).mean(axis=0)[:, None], 8.0)[:, 0])
    return np.asarray((scores - usual) / np.maximum(spread, 1e-9))
