"""Which frame of its source a clip's frame really is: found by looking, not by trusting the label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from videosync.video.read import iter_frames, probe, read_frames, read_frames_at

RADIUS = 8  # source frames looked at on either side of the claimed one
FARTHEST = 200  # frames: how far is looked where none of these fits
STRETCH = 32  # frames of each part of the clip among which the one with the most motion is taken
LONGEST_SIDE = 224  # pixels; larger clips are compared at this size
MOVING = 2.0  # grey levels: a pixel moves where it varies by more (standard deviation over 2 * RADIUS + 1 frames)
LEAST_AREA = 0.002  # share of the pixels that must move
UNIQUE = 1.5  # the second best frame must differ from the clip's by this factor (squared) more than the best
ALIKE = 0.25  # and the best by less than this share of how different two moments of the clip are
WIDE = ((40, ALIKE / 5), (FARTHEST, ALIKE))  # (radius, what is good enough to look no further)
UNLIKE = 0.5  # above this share, and below SAME_PICTURE, a source frame is another moment or scene
SAME_PICTURE = 0.95  # correlation of the moving pixels
SAME_SCENE = 0.7  # correlation of the whole picture, where nothing moves


@dataclass(frozen=True)
class FrameMatch:
    """One frame of a clip, and where it was found."""

    frame: int  # of the clip
    claimed: int  # the frame of the source that it is said to be
    found: int | None = None  # the only frame of the source that fits; None: it cannot be told
    elsewhere: bool = False  # it is not the claimed frame, and none that was looked at fits

    @property
    def shift(self) -> int | None:
        """How many frames the label is off; None where that cannot be told."""
        return None if self.found is None else self.found - self.claimed


@dataclass(frozen=True)
class _Probe:
    """A frame of the clip that is looked for, and what is known of it from the clip alone."""

    match: FrameMatch
    picture: np.ndarray  # float32 [H, W] grey
    moving: np.ndarray  # bool [H, W]
    variety: float  # mean squared difference of two moments of the clip, over the moving pixels


def match_clip(clip: Path, source: Path, first_frame: int, *, frames: int = 5) -> list[FrameMatch]:
    """Look for ``frames`` frames of ``clip``, from its start to its end and where there is motion, in ``source``.

    Frame ``i`` of the clip is said to be frame ``first_frame + i`` of the source. The frames around that one are
    resized to the clip's size and compared where the picture moves. Where none fits, the search is widened (to
    ±200 frames), so that a wrong label is measured. Raises VideoError for files that cannot be read.
    """
    info, whole = probe(clip), probe(source)
    scale = min(1.0, LONGEST_SIDE / max(info.height, info.width))
    size = (max(1, round(info.height * scale)), max(1, round(info.width * scale)))
    probes = [
        _choose(clip, low, high, info.num_frames, size, first_frame)
        for low, high in _stretches(info.num_frames, frames)
    ]
    matches = _look(probes, source, whole.num_frames, size, shift=0)
    doubtful = [n for n, match in enumerate(matches) if match.elsewhere or match.shift]
    if doubtful:  # a moment like it may lie near, the moment itself far away
        clearest = max(doubtful, key=lambda n: probes[n].variety * probes[n].moving.sum())
        shift = _search(probes[clearest], source, whole.num_frames, size)
        if shift is not None:
            unsure = [n for n, match in enumerate(matches) if match.shift != 0]
            again = _look([probes[n] for n in unsure], source, whole.num_frames, size, shift=shift)
            for n, match in zip(unsure, again):
                matches[n] = match
    return matches


def _stretches(num_frames: int, count: int) -> list[tuple[int, int]]:
    """Of equal parts of a clip STRETCH frames each, or fewer: the first ones of the first, the last of the last."""
    parts = [
        (low, high) for low, high in pairwise(np.linspace(0, num_frames, count + 1).astype(int).tolist()) if high > low
    ]
    chosen = []
    for number, (low, high) in enumerate(parts):
        spare = max(0, high - low - STRETCH)
        before = spare * number // max(1, len(parts) - 1)
        chosen.append((low + before, high - spare + before))
    return chosen


def _choose(clip: Path, low: int, high: int, num_frames: int, size: tuple[int, int], first_frame: int) -> _Probe:
    """The frame of ``low … high - 1`` that differs most from the ones before and after it."""
    start, stop = max(0, low - RADIUS), min(num_frames, high + RADIUS)
    pictures = _grey(read_frames(clip, start, stop, size=size))  # [n, H, W]
    steps = np.square(np.diff(pictures, axis=0)).mean((1, 2))  # [n - 1]
    padded = np.concatenate([steps[:1], steps, steps[-1:]]) if len(steps) else np.zeros(2)
    apart = np.minimum(padded[:-1], padded[1:])[low - start : high - start]
    frame = low + int(apart.argmax())
    around = pictures[max(0, frame - RADIUS - start) : frame + RADIUS + 1 - start]
    variance = around.var(axis=0)  # [H, W]
    moving = variance > MOVING**2
    variety = 2 * float(variance[moving].mean()) if moving.any() else 0.0
    return _Probe(FrameMatch(frame, first_frame + frame), pictures[frame - start], moving, variety)


def _look(
    probes: Sequence[_Probe], source: Path, num_frames: int, size: tuple[int, int], *, shift: int
) -> list[FrameMatch]:
    """Each probe among the source's frames around the claimed one plus ``shift``, decoded in one pass."""
    windows = [_around(p.match.claimed + shift, RADIUS, num_frames) for p in probes]
    numbers = sorted({number for window in windows for number in window})
    decoded = dict(zip(numbers, _grey(read_frames_at(source, numbers, size=size)))) if numbers else {}
    matches = []
    for p, window in zip(probes, windows):
        match = replace(p.match, elsewhere=True)
        if window:
            match = _judge(p, window, np.stack([decoded[n] for n in window]), num_frames)
        if match.found is None and not 0 <= match.claimed < num_frames:
            match = replace(match, elsewhere=True)
        matches.append(match)
    return matches


def _search(probe_: _Probe, source: Path, num_frames: int, size: tuple[int, int]) -> int | None:
    """How far from the claimed frame the best one lies, in ever wider windows; None if it does not stand out."""
    for radius, enough in WIDE:
        window = _around(probe_.match.claimed, radius, num_frames)
        if not window or not probe_.moving.any():
            continue
        frames = iter_frames(source, window.start, window.stop, size=size)
        errors = [_errors(probe_, _grey(frame[None]))[0] for frame in frames]
        best = int(np.argmin(errors))
        if errors[best] < enough * probe_.variety:
            return window[best] - probe_.match.claimed
    return None


def _judge(probe_: _Probe, window: range, pictures: np.ndarray, num_frames: int) -> FrameMatch:
    match = probe_.match
    if probe_.moving.mean() < LEAST_AREA:  # nothing moves: only another scene can be seen
        nearest = pictures[min(range(len(window)), key=lambda n: abs(window[n] - match.claimed))]
        return replace(match, elsewhere=bool(_correlation(probe_.picture, nearest) < SAME_SCENE))
    errors = _errors(probe_, pictures)
    best = int(errors.argmin())
    second = float(np.delete(errors, best).min()) if len(errors) > 1 else np.inf
    inside = (best > 0 or window.start == 0) and (best < len(window) - 1 or window.stop == num_frames)
    fits = errors[best] < ALIKE * probe_.variety
    if fits and inside and second > UNIQUE * errors[best]:
        return replace(match, found=window[best])
    same = _correlation(probe_.picture[probe_.moving], pictures[best][probe_.moving]) > SAME_PICTURE
    outside = fits and not inside and second > UNIQUE * errors[best]
    unlike = errors[best] > UNLIKE * probe_.variety and not same
    return replace(match, elsewhere=bool(outside or unlike))


def _errors(probe_: _Probe, pictures: np.ndarray) -> np.ndarray:
    """Mean squared differences of the moving pixels: float64 ``[n]`` for pictures ``[n, H, W]``."""
    difference = pictures[:, probe_.moving] - probe_.picture[probe_.moving]
    return np.square(difference, dtype=np.float64).mean(axis=1)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Of two pictures. 1 where both are flat and say nothing; 0 where only one is."""
    a, b = a.ravel() - a.mean(), b.ravel() - b.mean()
    if max(a.std(), b.std()) <= MOVING:
        return 1.0
    norm = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / norm if norm > 0 else 0.0


def _around(frame: int, radius: int, num_frames: int) -> range:
    return range(max(0, frame - radius), min(num_frames, frame + radius + 1))


def _grey(frames: np.ndarray) -> np.ndarray:
    """uint8 ``[n, H, W, 3]`` → float32 ``[n, H, W]``."""
    return frames.mean(axis=3, dtype=np.float32)
