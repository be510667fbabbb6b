"""Controls: windows in which there is nothing to be found. A method that is sure of its answer there is fooled.

Clips whose frames are changed are written as video files, so that methods that decode by themselves see them too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.accuracy.windows import Trial
from videosync.types import SyncPair, Window
from videosync.video.read import iter_frames
from videosync.video.write import write_video

SIZE = 224  # pixels, height and width of the files written
GOP = 12  # frames between the keyframes of clips that share a grid
GRID_CRF = 32  # coarse enough for keyframes to flash
UNRELATED, SHARED_GRID = CONTROLS = ("unrelated events", "shared keyframe grid")
SMALLEST = 2 * GOP  # frames that a window of clips that share a grid needs


def make_controls(trials: Sequence[Trial], *, count: int, folder: Path, seed: int) -> list[Trial]:
    """At most ``count`` trials of each of ``CONTROLS`` for each length, drawn from all sets in turn.

    Where there is one event only there are no unrelated ones. ``folder``: for clips that are written; it must last as
    long as the trials are used.  Raises VideoError.
    """
    made: list[Trial] = []
    for number, length in enumerate(dict.fromkeys(trial.length for trial in trials)):
        rng = np.random.default_rng([seed, number])
        some = in_turn([trial for trial in trials if trial.length == length], count, rng)
        strangers = [(trial, other) for trial, other in zip(some, _partners(some)) if other is not None]
        unrelated = [_unrelated(trial, other) for trial, other in strangers]
        made += unrelated
        for index, trial in enumerate(unrelated):
            if trial.pair.window0.num_frames - (GOP - 1) >= SMALLEST:
                made.append(_shared_grid(trial, folder / length / str(index), rng))
    return made


def in_turn(trials: Sequence[Trial], count: int, rng: np.random.Generator) -> list[Trial]:
    """``count`` trials, at random, as many of each set as there are."""
    by_set: dict[str, list[Trial]] = {}
    for index in rng.permutation(len(trials)):
        by_set.setdefault(trials[index].group, []).append(trials[index])
    order = sorted((turn, group) for group, members in by_set.items() for turn in range(len(members)))
    return [by_set[group][turn] for turn, group in order[:count]]


def _partners(trials: Sequence[Trial]) -> list[Trial | None]:
    """For each trial one of another set (where there is one set, of another event) with windows of about its length."""
    found: list[Trial | None] = []
    for number, trial in enumerate(trials):
        others = [*trials[number + 1 :], *trials[:number]]
        strangers = [other for other in others if other.group != trial.group]
        strangers = strangers or [other for other in others if other.pair.event != trial.pair.event]
        frames = trial.pair.window0.num_frames
        found.append(min(strangers, key=lambda o: abs(o.pair.window0.num_frames - frames), default=None))
    return found


def _control(trial: Trial, name: str, window0: Window, window1: Window, search: int) -> Trial:
    changed = SyncPair(f"{name}:{trial.pair.pair_id}", trial.pair.event, window0, window1, 0)
    return replace(trial, unit=f"{name}:{trial.unit}", pair=changed, search=search, control=name)


def _unrelated(trial: Trial, other: Trial) -> Trial:
    """Window 0 of one event, window 1 of another, both cut to the shorter."""
    frames = min(trial.pair.window0.num_frames, other.pair.window0.num_frames)
    cut0, cut1 = (replace(w, num_frames=frames) for w in (trial.pair.window0, other.pair.window1))
    return _control(trial, UNRELATED, cut0, cut1, min(trial.search, other.search))


def _shared_grid(unrelated: Trial, folder: Path, rng: np.random.Generator) -> Trial:
    """Unrelated windows, coded with keyframes every 12 frames and cut at different places of that grid.

    The pictures flash at keyframes, and what locks to the flashes answers with a lag at which the grids coincide:
    frame i of window 0 is ``i + s0`` on its grid, frame i + k of window 1 ``i + k + s1``, so k = s0 - s1 (mod 12).
    """
    frames = unrelated.pair.window0.num_frames - (GOP - 1)
    starts = rng.integers(GOP, size=2)
    windows = []
    for view, start in enumerate(starts):
        window, path = (unrelated.pair.window0, unrelated.pair.window1)[view], folder / f"{view}.mp4"
        source = iter_frames(window.video, window.start, window.start + window.num_frames, size=(SIZE, SIZE))
        # fixed keyframes; one thread, so that the same frames make the same file
        coding = {"x264-params": "scenecut=0"}
        write_video(path, source, window.fps, crf=GRID_CRF, gop=GOP, preset="superfast", options=coding, threads=1)
        windows.append(Window(str(path), int(start), frames, window.fps))
    made = _control(unrelated, SHARED_GRID, windows[0], windows[1], min(unrelated.search, frames // 2))
    return replace(made, target=int(starts[0] - starts[1]), period=GOP)
