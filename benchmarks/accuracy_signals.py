"""Each window is decoded and measured once, whatever number of pairs and methods look at it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.accuracy_methods import SIZE, Answer, Clip, Example, Method
from benchmarks.accuracy_windows import Trial
from videosync.errors import ConfigError, VideoSyncError
from videosync.signals.grey import small_size
from videosync.types import Window
from videosync.video.read import iter_frames, probe


@dataclass
class Signals:
    """What every method prepared of every window, and the processor seconds that took."""

    values: dict[tuple[str, Window], Any] = field(default_factory=dict)
    seconds: dict[tuple[str, Window], float] = field(default_factory=dict)
    decoding: dict[Window, float] = field(default_factory=dict)  # processor seconds, of frames for methods


@dataclass(frozen=True)
class Outcome:
    """What a method said about a trial."""

    trial: Trial
    offset: float  # frames
    confidence: float | None
    seconds: float  # of processor time: preparing both windows and answering
    fitted_on: tuple[str, ...]  # sets


def windows_of(trials: Iterable[Trial]) -> list[Window]:
    """Every window once, in the order in which its file is read."""
    found = {window for trial in trials for window in (trial.pair.window0, trial.pair.window1)}
    return sorted(found, key=lambda window: (window.video, window.start, window.num_frames, window.fps))


def measure_windows(
    windows: Sequence[Window],
    methods: Mapping[str, Method],
    signals: Signals,
    *,
    on_window: Callable[[], object] = lambda: None,
) -> None:
    """Prepare each window with each method, and add that to ``signals``. One window is in memory at a time, and the
    frames that the next one of the same file shares with it.

    Raises:
        VideoError: a video does not have these frames.
    """
    look = any(method.reads == "frames" for method in methods.values())
    nothing = np.empty((0, SIZE, SIZE, 3), np.uint8)
    clips = _decoded(windows, signals.decoding) if look else (Clip(window, nothing) for window in windows)
    for clip in clips:
        done: dict[Hashable, tuple[Any, float]] = {}
        for name, method in methods.items():
            key = name if method.shared is None else (method.shared,)
            if key not in done:
                started = time.process_time()
                done[key] = method.prepare(clip), time.process_time() - started
            signals.values[name, clip.window], signals.seconds[name, clip.window] = done[key]
        on_window()


def _decoded(windows: Sequence[Window], seconds: dict[Window, float]) -> Iterator[Clip]:
    """Sorted windows with their frames: those that overlap are decoded in one go."""
    video, first = "", 0
    held: list[np.ndarray] = []  # frames first, first + 1, … of video
    coming: Iterator[np.ndarray] = iter(())
    for number, window in enumerate(windows):
        started = time.process_time()
        if window.video != video or window.start > first + len(held):
            video, first, held = window.video, window.start, []
            info = probe(video)
            size = small_size(info.height, info.width, SIZE)
            coming = iter_frames(video, first, _unbroken_end(windows, number), size=size)
        held = held[window.start - first :]
        first = window.start
        while len(held) < window.num_frames:
            held.append(next(coming))
        clip = Clip(window, np.stack(held[: window.num_frames]))
        seconds[window] = time.process_time() - started
        yield clip


def _unbroken_end(windows: Sequence[Window], number: int) -> int:
    """Where the stretch of overlapping windows ends that begins with this one."""
    first, stop = windows[number], windows[number].start
    while number < len(windows) and windows[number].video == first.video and windows[number].start <= stop:
        stop = max(stop, windows[number].start + windows[number].num_frames)
        number += 1
    return stop


def ask(
    name: str,
    method: Method,
    trials: Sequence[Trial],
    signals: Signals,
    *,
    learn_from: Sequence[Trial] = (),
    on_trial: Callable[[], object] = lambda: None,
) -> list[Outcome]:
    """What a method says about each trial.

    A method that is fitted learns anew for each set: from those of ``learn_from`` that show none of its footage.

    Raises:
        ConfigError: a fitted method without other sets to learn from.  VideoSyncError: an answer that is no number.
    """
    fitted: dict[tuple[str, ...], tuple[Method, tuple[str, ...]]] = {}
    outcomes = []
    for trial in trials:
        key = tuple(sorted(set(trial.sets)))
        if key not in fitted:
            fitted[key] = _fitted(name, method, key, learn_from, signals)
        ready, fitted_on = fitted[key]
        pair = trial.pair
        started = time.process_time()
        said = ready.answer(
            signals.values[name, pair.window0], signals.values[name, pair.window1], trial.search
        )
        took = (
            time.process_time()
            - started
            + sum(signals.seconds[name, window] for window in (pair.window0, pair.window1))
        )
        _check(name, said, trial)
        outcomes.append(Outcome(trial, said.offset, said.confidence, took, fitted_on))
        on_trial()
    return outcomes


def _fitted(
    name: str, method: Method, sets: tuple[str, ...], learn_from: Sequence[Trial], signals: Signals
) -> tuple[Method, tuple[str, ...]]:
    if method.fit is None:
        return method, ()
    allowed = [trial for trial in learn_from if not set(trial.sets) & set(sets)]
    if not allowed:
        raise ConfigError(
            f"--methods {name}: it is fitted, and there is no set beside {', '.join(sets)} to fit it on; give "
            "--leave_one_out and data of three sets or more"
        )
    values = signals.values
    by_set: dict[str, list[Example]] = defaultdict(list)
    for trial in allowed:
        pair = trial.pair
        example = Example(values[name, pair.window0], values[name, pair.window1], pair.offset, trial.search)
        by_set[trial.group].append(example)
    return method.fit([example for examples in by_set.values() for example in examples]), tuple(by_set)


def _check(name: str, said: Answer, trial: Trial) -> None:
    confident = said.confidence is None or np.isfinite(said.confidence)
    if not (np.isfinite(said.offset) and confident):
        raise VideoSyncError(
            f"method {name} said offset {said.offset} with confidence {said.confidence} of {trial.pair.pair_id} "
            f"({trial.group}, {trial.length}); both must be finite: a method that knows nothing says 0"
        )
