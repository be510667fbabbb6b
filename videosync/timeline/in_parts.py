"""Long files, coarse to fine: a part of each shows where they may lie, and windows along what they share decide.

First a share of each file is decoded at its full rate, in stretches at places of its own, so that two files have some
of every offset in common. What moves in them names a few offsets, at which windows are compared (``windows``). Anything
but a plain answer, be it none, a break, another speed, or shared pictures, is left to those who decode all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from videosync.cues.cue import Cue
from videosync.cues.motion import COARSE
from videosync.errors import VideoError
from videosync.lags.fusion import fuse
from videosync.lags.overlap import cross_products
from videosync.lags.scores import LagScores
from videosync.lags.smoothing import gaussian
from videosync.signals.hard_changes import PICTURES
from videosync.signals.measure import UNSEEN, Signals
from videosync.signals.motion import CAMERA, MotionMeter
from videosync.signals.thumbnails import ThumbnailMeter
from videosync.timeline.clips import Clip, ClipInfo, frames_at
from videosync.timeline.clocks import Pair
from videosync.timeline.compare import Compared
from videosync.timeline.grid import GAP
from videosync.timeline.progress import COMPARING, Progress, counted, step
from videosync.timeline.search import STILL, lag_range
from videosync.timeline.windows import AROUND, PartlyRead, StretchReader, UnclearError, answer_of, windows_at
from videosync.video.index import video_index

LONG = 600.0  # seconds: files that all last so long are read in parts
FEW = 4  # files at most: each two are read at windows of their own
LONGEST_GROUP = 12.0  # seconds between keyframes at most: to jump is to decode from one on
SHARE, ENOUGH = 0.3, 240.0  # of each file that is read first, and seconds at least …
EVERY = 60.0  # … in one stretch of so many seconds
EDGE = 8  # frames at the ends of a stretch that do not count: signals look back, and are smoothed
COMMON = 10.0  # seconds of the stretches that have to meet at an offset
SMOOTH = 0.5  # seconds over which a drift spreads the offset; offsets are also looked for so


@dataclass(frozen=True, eq=False)
class InParts:
    """What parts of long files say."""

    compared: dict[Pair, Compared]
    left_out: frozenset[Pair]  # of which parts do not tell; the others join all files
    note: str  # what the user should know


@dataclass(frozen=True, eq=False)
class _Limits:
    """As of ``sync``."""

    max_offset: float | None
    min_overlap: float | None


def compare_in_parts(
    cue: Cue,
    infos: Mapping[int, ClipInfo],
    grids: Mapping[Pair, float],
    read: Callable[..., dict[float, Clip]],
    *,
    max_offset: float | None = None,
    min_overlap: float | None = None,
    name: str | None = None,
    progress: Progress | None = None,
) -> InParts | None:
    """What pictures of long files say, if parts of them are enough to place all; None: all has to be read.

    Args:
        grids: pairs that can be compared → frames/s, as of ``comparable``. read: as ``read_clips``.
        max_offset, min_overlap: seconds, as of ``sync``. name: of the cue, whose calibration is used.
    """
    rates = set(grids.values())
    if len(rates) != 1 or not 1 < len(infos) <= FEW or not set(COARSE) <= set(cue.parts):
        return None
    if not all(_can_be_read_in_parts(info) for info in infos.values()):
        return None
    reader, limits = StretchReader(read, rates.pop()), _Limits(max_offset, min_overlap)
    found: dict[Pair, Compared] = {}
    try:
        files = {n: _read_first(info, reader, step(progress, info.path)) for n, info in infos.items()}
        for pair in counted(progress, COMPARING, list(grids)):
            said = _compared(cue, [files[n] for n in pair], reader, limits, name)
            if said is not None:
                found[pair] = said
    except (UnclearError, VideoError):  # what is damaged is told by those who read all
        return None
    joined = {min(infos)}
    for _ in infos:
        joined |= {n for pair in found if joined & set(pair) for n in pair}
    if joined != set(infos):
        return None
    seconds = reader.seconds, sum(info.duration for info in infos.values())
    read_of = " of ".join(f"{each / 60:.0f}" for each in seconds)
    note = f"of these long files {read_of} minutes were decoded, which leave no doubt; --thorough decodes all"
    return InParts(found, frozenset(grids) - found.keys(), note)


def _can_be_read_in_parts(info: ClipInfo) -> bool:
    """Whether a file is long, shown evenly, and has keyframes to jump to."""
    index, steps = video_index(info.path), np.diff(info.times)
    if info.duration < LONG or index.pts is None or index.starts_over or steps.max() > GAP * np.median(steps):
        return False
    keys = [key.frame for key in index.keys if key.frame < len(info.times)]
    return bool(len(keys)) and bool(np.diff(info.times[[0, *keys, -1]]).max() <= LONGEST_GROUP)


def _stretches(info: ClipInfo) -> list[tuple[int, int]]:
    """First and one past the last frame of what is read first: of each ``EVERY`` seconds a part, from a keyframe on.

    Where in them is drawn by the file's length and size: of two files the parts shall not lie alike, or offsets would
    be tried by unlike amounts.
    """
    rng = np.random.default_rng([len(info.times), Path(info.path).stat().st_size])
    length = EVERY * max(SHARE, ENOUGH / info.duration)
    keys = np.array([key.frame for key in video_index(info.path).keys if key.frame < len(info.times)])
    found: list[tuple[int, int]] = []
    for start in np.arange(0, info.duration - length, EVERY):
        frame = np.searchsorted(info.times, start + rng.uniform(0, EVERY - length))
        first = max(int(keys[max(0, np.searchsorted(keys, frame, side="right") - 1)]), found[-1][1] if found else 0)
        found.append((first, int(np.searchsorted(info.times, info.times[first] + length))))
    return found


def _read_first(info: ClipInfo, reader: StretchReader, progress: Callable[[int, int], None] | None) -> PartlyRead:
    """Raises UnclearError: nothing moves, or the camera does."""
    meters = (MotionMeter(tuple(dict.fromkeys(["energy", *Cue(COARSE).channels]))), ThumbnailMeter())
    frames, signals = frames_at(info, reader.rate), Signals()
    read, unseen = np.zeros(frames, bool), np.ones((frames, 1), np.float32)
    stretches = _stretches(info)
    for number, (first, stop) in enumerate(stretches, 1):
        start, clip = reader(info, first, stop, meters)
        if clip.camera_moves:
            raise UnclearError
        end = min(start + len(clip), frames)
        for name in clip.signals.keys() - {CAMERA, UNSEEN, PICTURES}:
            values = clip.signals[name][: end - start]
            signals.setdefault(name, np.zeros((frames, values.shape[1]), np.float32))[start:end] = values
        read[start:end] = True
        unseen[start + EDGE : end - EDGE] = 0
        if progress is not None:
            progress(number, len(stretches))
    if signals["energy"][read].std() < STILL:
        raise UnclearError
    for values in signals.values():
        values[~read] = values[read].mean(axis=0)  # as usual: nothing happens there
    return PartlyRead(info, reader.rate, {**signals, UNSEEN: unseen})


def _compared(
    cue: Cue, files: Sequence[PartlyRead], reader: StretchReader, limits: _Limits, name: str | None
) -> Compared | None:
    """What parts of two files say; None: nothing sure.

    Raises UnclearError: something that only all of the files tells.
    """
    ranks = [(file.info.duration, Path(file.info.path).stat().st_size, file.info.path) for file in files]
    if ranks[0] > ranks[1]:
        said = _compared(cue, files[::-1], reader, limits, name)
        if said is None or said.clocks is None:
            return said
        return replace(said, curve=said.curve.reversed(), clocks=said.clocks.reversed())
    one, other = files
    for lag in _candidates(one, other, limits):
        found = answer_of(windows_at(cue, one, other, lag, reader, name), one, lag)
        if found is not None:
            return found
    return None


def _candidates(one: PartlyRead, other: PartlyRead, limits: _Limits) -> list[int]:
    """Offsets in frames that what was read first speaks for, the likeliest first."""
    frames0, frames1, rate = len(one.seen), len(other.seen), one.rate
    lags = lag_range(frames0, frames1, rate, max_offset=limits.max_offset, min_overlap=limits.min_overlap)
    if lags is None:
        return []
    tried = np.arange(lags.start, lags.stop)
    scores = fuse(Cue(COARSE).curves(one.signals, other.signals, tried))
    met = cross_products(one.seen, other.seen, tried)[:, 0] >= COMMON * rate
    found: list[int] = []
    for curve in (scores, gaussian(scores[:, None], SMOOTH * rate)[:, 0]):
        found += LagScores(lags.start, np.where(met, curve, -np.inf)).peaks(1)
    return [lag for n, lag in enumerate(found) if all(abs(lag - before) > rate * AROUND for before in found[:n])]
