"""Each window is decoded and measured once, whatever number of pairs and methods look at it."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.accuracy.methods import SIZE, Clip, Method, Said
from benchmarks.accuracy.windows import Trial
from benchmarks.pipeline import Answer, bar
from videosync.errors import VideoSyncError
from videosync.signals.grey import small_size
from videosync.types import Window
from videosync.video.read import iter_frames, probe

Prepared = dict[tuple[str, Window], tuple[Any, float]]  # what a method measured, and the seconds it took


def windows_of(trials: Iterable[Trial]) -> list[Window]:
    """Every window once, in the order in which its file is read."""
    found = {window for trial in trials for window in (trial.pair.window0, trial.pair.window1)}
    return sorted(found, key=lambda window: (window.video, window.start, window.num_frames, window.fps))


def prepare(windows: Sequence[Window], methods: Mapping[str, Method]) -> Prepared:
    """What each method measures in each window, and the processor seconds of that. One window is in memory at a time,
    and the frames that the next one of the same file shares with it.

    Raises:
        VideoError: a video does not have these frames.
    """
    look = any(method.frames for method in methods.values())
    nothing = np.empty((0, SIZE, SIZE, 3), np.uint8)
    clips = decoded(windows) if look else (Clip(window, nothing) for window in windows)
    found: Prepared = {}
    for clip in bar(clips, "windows", len(windows)):
        done: dict[Hashable, tuple[Any, float]] = {}
        for name, method in methods.items():
            key = name if method.shared is None else (method.shared,)
            if key not in done:
                started = time.process_time()
                done[key] = method.prepare(clip), time.process_time() - started
            found[name, clip.window] = done[key]
    return found


def decoded(windows: Sequence[Window]) -> Iterator[Clip]:
    """Sorted windows with their frames: those that overlap are decoded in one go."""
    video, first = "", 0
    held: list[np.ndarray] = []  # frames first, first + 1, … of video
    coming: Iterator[np.ndarray] = iter(())
    for number, window in enumerate(windows):
        if window.video != video or window.start > first + len(held):
            video, first, held = window.video, window.start, []
            info = probe(video)
            size = small_size(info.height, info.width, SIZE)
            coming = iter_frames(video, first, _unbroken_end(windows, number), size=size)
        held = held[window.start - first :]
        first = window.start
        while len(held) < window.num_frames:
            held.append(next(coming))
        yield Clip(window, np.stack(held[: window.num_frames]))


def _unbroken_end(windows: Sequence[Window], number: int) -> int:
    """Where the stretch of overlapping windows ends that begins with this one."""
    first, stop = windows[number], windows[number].start
    while number < len(windows) and windows[number].video == first.video and windows[number].start <= stop:
        stop = max(stop, windows[number].start + windows[number].num_frames)
        number += 1
    return stop


def ask(trials: Sequence[Trial], methods: Mapping[str, Method]) -> list[Answer]:
    """What every method says about every trial. Raises VideoError; VideoSyncError: an answer that is no number."""
    prepared = prepare(windows_of(trials), methods)
    answers = []
    for trial in bar(trials, "answers"):
        for name, method in methods.items():
            (signals0, took0), (signals1, took1) = (
                prepared[name, window] for window in (trial.pair.window0, trial.pair.window1)
            )
            started = time.process_time()
            said = method.answer(signals0, signals1, trial.search)
            answers.append(_answer(name, trial, said, time.process_time() - started + took0 + took1))
    return answers


def _answer(name: str, trial: Trial, said: Said, seconds: float) -> Answer:
    pair = trial.pair
    if not np.isfinite(said.offset) or not (said.confidence is None or np.isfinite(said.confidence)):
        raise VideoSyncError(
            f"method {name} said offset {said.offset} with confidence {said.confidence} of {pair.pair_id} "
            f"({trial.group}, {trial.length}); both must be finite: a method that knows nothing says 0"
        )
    more: dict[str, Any] = {"search": trial.search}
    if trial.control:
        more |= {"control": trial.control, "target": trial.target, "period": trial.period}
    return Answer(
        trial.length, trial.group, trial.unit, pair.pair_id, name, pair.window0.fps,
        None if trial.control else float(pair.offset), said.offset, said.confidence, said.placed, said.half_width,
        slack=0.5, seconds=seconds, more=more,
    )  # fmt: skip
