"""What is kept of a file: its signals on a common time grid, from one decoding pass."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from videosync.signals.grey import small_size
from videosync.signals.hard_changes import PICTURES, empty_frames
from videosync.signals.looks import SIZE as LOOK_SIZE
from videosync.signals.looks import Looks
from videosync.signals.measure import UNSEEN, Meter, Signals, Source, measure_some
from videosync.signals.motion import CAMERA
from videosync.timeline.clock_steps import without_steps
from videosync.timeline.damage import readable_frames, said_of_lost
from videosync.timeline.grid import GAP, resampled_to, usual_intervals
from videosync.video.index import VideoIndex, video_index
from videosync.video.read import Larger

SAME_CLOCK = 0.05  # frames: grids that stay this close over a whole file are one
STRAY = 0.1  # frames: presentation times further than this off an even grid make a rate variable
LONG_GAP = 10.0  # seconds, and usual intervals
STRAYS = 0.02  # of the frames of a file, or two, may come after a long gap and be left out
LONGEST_PAUSE = 3600.0  # seconds: a gap that is longer is one of the clock
ROUNDING = 0.002  # seconds: clocks of containers round times to a millisecond

Progress = Callable[[int, int], None]  # frames done, frames in all


@dataclass(frozen=True)
class FileWarning:
    """One thing to know of a file: a word for programs, a clause for people."""

    code: str
    text: str


@dataclass(frozen=True, eq=False)
class ClipInfo:
    """A file, before anything of it is decoded (T frames)."""

    path: str
    times: np.ndarray  # float64 [T] seconds since the first frame is shown, of the frames that are compared
    fps: float  # the average where the rate varies
    warnings: tuple[FileWarning, ...] = ()  # what the user should know though the file can be used; each names it
    first: int = 0  # of a stretch of the file: the number of the frame that it begins with

    def stretch(self, first: int, stop: int, rate: float) -> tuple[ClipInfo, int]:
        """Frames ``first … stop - 1``, and the number of the step of the grid of ``rate`` frames/s they begin with."""
        start = round(float(self.times[first]) * rate)
        return replace(self, times=self.times[first:stop] - start / rate, first=self.first + first), start

    @property
    def duration(self) -> float:
        """Seconds, the last frame's own included."""
        return float(self.times[-1]) + 1 / self.fps


@dataclass(frozen=True, eq=False)
class Clip:
    """Signals of one file, at ``rate`` frames/s from its first frame on."""

    info: ClipInfo
    rate: float
    signals: Signals

    def __len__(self) -> int:
        return len(next(iter(self.signals.values())))

    @cached_property
    def empty(self) -> np.ndarray:
        """Which frames contain nothing of an event (``hard_changes.empty_frames``), as far as is known: bool [T]."""
        pictures = self.signals.get(PICTURES)
        return np.zeros(len(self), bool) if pictures is None else empty_frames(pictures)

    @property
    def camera_moves(self) -> bool:
        """Whether the camera's own motion was taken out of the signals."""
        return bool(self.signals[CAMERA].any())


def inspect(path: str | os.PathLike[str]) -> ClipInfo:
    """Times of a file's frames. Raises VideoError: no such file, not a video, nothing that can be decoded."""
    index = video_index(path)
    times = index.times - index.times[0]
    stamps = [] if index.clock is None else [f"{index.path}: {index.clock}"]
    if index.starts_over:
        times = times[: index.starts_over[0]]
        stamps[-1] += "; what comes before is used"
    else:
        if (early := _early(times)) > 0:
            away = times[early] - times[early - 1]
            stamps.append(
                f"{index.path}: the time stamps of its first {f'{early} frames' if early > 1 else 'frame'} lie "
                f"{away:.2f} s before the others'; they are taken to come just before these"
            )
            times = np.concatenate([np.arange(early) / index.fps, times[early:] - times[early] + early / index.fps])
        if (kept := _before_strays(times)) < len(times):
            stamps.append(
                f"{index.path}: after {times[kept - 1]:.2f} s nothing is shown for {times[kept] - times[kept - 1]:.2f} "
                f"s; what comes later is left out: {len(times) - kept} of {len(times)} frames"
            )
            times = times[:kept]
    found = [FileWarning("time_stamps", text) for text in stamps]
    if index.truncated:
        found.append(FileWarning("cut_off", _said_of_end(index, float(times[-1]))))
    return ClipInfo(os.fspath(path), times, index.fps, tuple(found))


def _long_gaps(times: np.ndarray) -> np.ndarray:
    """The frames, shown at ``times`` [T], that come last before a long gap."""
    steps = np.diff(times)
    return np.flatnonzero(steps > max(LONG_GAP, LONG_GAP * np.median(steps))) if len(steps) else np.zeros(0, np.int64)


def _early(times: np.ndarray) -> int:
    """How many frames come before a long gap that only a few come before."""
    return max((n + 1 for n in _long_gaps(times).tolist() if n + 1 <= max(2, STRAYS * len(times))), default=0)


def _said_of_end(index: VideoIndex, last: float) -> str:
    """The sentence on a file that is cut off, of which the last frame is shown at ``last`` seconds."""
    said = f"{index.path} is cut off after {last:.2f} s, though its header lists more"
    readable = last + 1 / index.fps
    if index.listed is not None and index.listed > readable:
        digits = 0 if index.listed >= 30 else 1
        said += f": {readable:.{digits}f} of {index.listed:.{digits}f} s readable"
    return f"{said}; what is there is used"


def _before_strays(times: np.ndarray) -> int:
    """How many frames come before a long gap that only a few come after, or one that is longer than any pause."""
    gaps = _long_gaps(times)
    few = [len(times) - 1 - n for n in gaps.tolist() if len(times) - 1 - n <= max(2, STRAYS * len(times))]
    steps = np.diff(times)
    endless = [n + 1 for n in gaps.tolist() if steps[n] > LONGEST_PAUSE]
    return min([*endless, len(times) - max(few, default=0)])


def read_clip(info: ClipInfo, rate: float, meters: Sequence[Meter], progress: Progress | None = None) -> Clip:
    """``read_clips`` at one rate."""
    return read_clips(info, [rate], meters, progress)[rate]


def read_clips(
    info: ClipInfo, rates: Collection[float], meters: Sequence[Meter], progress: Progress | None = None
) -> dict[float, Clip]:
    """Decode a file once and measure it, at each of ``rates`` in frames/s (at most the file's own).

    Files of a multiple of a rate are thinned out before motion is measured, so that motion means change over about
    the same time in all of them; what remains is averaged onto the grid. Memory does not grow with the pictures.

    Frames that cannot be decoded are left out, and a warning says how many. Where the pictures show that a clock was
    set (``clock_steps``), the times of the later frames are put right.

    Raises:
        VideoError: no frame can be decoded.
    """
    steps = sorted({_step(info, rate) for rate in rates})
    keys = np.array([key.frame for key in video_index(info.path).keys], np.int64) - info.first
    keys = keys[(keys >= 0) & (keys < len(info.times))]
    kept = [_kept(info, step) for step in steps]
    looks = Looks(info.times, info.fps)
    sources = [
        # a flash shows in the next frame that is kept
        Source(tuple(np.searchsorted(frames, keys).tolist()), info.path, info.times[frames], looks)
        for frames in kept
    ]
    chosen = [None if step == 1 else np.isin(np.arange(len(info.times)), frames) for step, frames in zip(steps, kept)]
    lost: set[int] = set()
    signals = measure_some(_decoded(info, meters, looks, lost, progress), meters, list(zip(sources, chosen)))
    if PICTURES in signals[0]:
        times, said = without_steps(info.path, info.times, kept[0], signals[0][PICTURES])
        if said:
            steps_said = tuple(FileWarning("time_stamps", text) for text in said)
            info = replace(info, times=times, warnings=(*info.warnings, *steps_said))
    measured = {step: (info.times[frames], found) for step, frames, found in zip(steps, kept, signals)}
    if lost:
        lost = {number - info.first for number in lost}
        for step, frames in zip(steps, kept):
            good, (times, found) = ~np.isin(frames, list(lost)), measured[step]
            measured[step] = times[good], {name: signal[good] for name, signal in found.items()}
        info = _without(info, lost)
    clips = {}
    for rate in rates:
        times, found = measured[_step(info, rate)]
        clips[rate] = Clip(info, rate, _gridded(found, times, info, rate, meters))
    return clips


def frames_at(info: ClipInfo, rate: float) -> int:
    """How many frames a file has at ``rate`` frames/s, at most its own."""
    kept = _kept(info, _step(info, rate))
    return len(kept) if on_grid(info.times[kept], rate) else _grid_length(info, rate)


def _step(info: ClipInfo, rate: float) -> int:
    """Of how many frames one is kept at a rate."""
    return max(1, math.floor(info.fps / rate + 0.1))


def _kept(info: ClipInfo, step: int) -> np.ndarray:
    """The first frame of each ``step`` usual intervals: int [≤ T]."""
    if step == 1:
        return np.arange(len(info.times))
    return np.flatnonzero(np.diff(np.floor((info.times * info.fps + 0.5) / step), prepend=-1))


def _without(info: ClipInfo, lost: set[int]) -> ClipInfo:
    """The same file without frames that cannot be decoded."""
    warning = FileWarning("frames_lost", said_of_lost(info.path, info.times, lost))
    return replace(info, times=np.delete(info.times, sorted(lost)), warnings=(*info.warnings, warning))


def _decoded(
    info: ClipInfo, meters: Sequence[Meter], looks: Looks, lost: set[int], progress: Progress | None
) -> Iterator[np.ndarray]:
    """All frames of a file, no larger than a meter needs them; ``looks`` gets larger ones of its own.

    ``lost``: as of ``readable_frames``.
    """
    index, first, stop = video_index(info.path), info.first, info.first + len(info.times)
    stored = index.orientation.stored_size((index.height, index.width))
    size = max((meter.pixels(*stored) for meter in meters if meter.needs == "pictures"), key=math.prod)
    larger = None
    if max(stored) >= LOOK_SIZE:
        numbers = {first + number for number in looks.numbers}
        larger = Larger(
            numbers, small_size(*stored, LOOK_SIZE), lambda number, frame: looks.show(number - first, frame)
        )
    for number, frame in enumerate(readable_frames(info.path, stop, size, lost, larger, first), 1):
        yield frame
        if progress is not None:
            progress(number, stop - first)


def _gridded(signals: Signals, times: np.ndarray, info: ClipInfo, rate: float, meters: Sequence[Meter]) -> Signals:
    """Signals of frames that are shown at ``times`` [T] seconds, at ``rate`` frames/s up to the end of the file.

    Where nothing is shown for long, the channel ``UNSEEN`` says so.
    """
    if on_grid(times, rate):
        return signals
    grid = np.arange(_grid_length(info, rate)) / rate
    reach = {name: columns for meter in meters for name, columns in meter.reach.items()}
    usual = usual_intervals(times)
    found = {name: resampled_to(grid, times, signal, reach[name], usual) for name, signal in signals.items()}
    after = np.flatnonzero(np.diff(times, prepend=times[0]) > GAP * usual)
    if len(after):
        place = np.searchsorted(times[after], grid)  # the next gap that ends at or after each step of the grid
        ends, begins = (np.append(times[some], np.inf)[place] for some in (after, after - 1))
        own = np.append(usual[after], 0.0)[place] / 2
        found[UNSEEN] = ((grid > begins + own) & (grid < ends + own))[:, None].astype(np.float32)
    return found


def _grid_length(info: ClipInfo, rate: float) -> int:
    return max(1, math.floor(info.times[-1] * rate + 1e-6) + 1)


def on_grid(times: np.ndarray, rate: float) -> bool:
    """Whether frame ``i`` is shown at ``i / rate`` seconds, but for the rounding of the container's clock."""
    stray = np.abs(times - np.arange(len(times)) / rate)
    return bool(stray[-1] * rate <= SAME_CLOCK + ROUNDING * rate and stray.max() <= STRAY / rate + ROUNDING)
