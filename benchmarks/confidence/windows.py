"""Windows on which confidence is measured: signals measured once and cached, and what is drawn from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from benchmarks.accuracy.windows import group_samples, read_data
from benchmarks.signals import Signals, length, of_file, part
from videosync.cues.named import Cue
from videosync.timeline.search import lag_range

FAST = 100.0  # frames/s; files of so many are also measured at a quarter of them
SHORTEST, LONGEST = 30, 480  # frames of a window
LEAST_SHARED = 0.35  # of the shorter window, of related pairs
USUAL_FRAMES, USUAL_REACH, USUAL_SHARE = 240, 30, 0.6  # "fit240" of benchmarks.accuracy
LONGER = 4  # times the short window of a "long" pair, at least, is its other one …
SHORT = 300  # … and that short one has no more frames
UNRELATED, DISJOINT = (0.35, 0.4)  # share of pairs, and of those the share of one event at times that never meet
STRANGERS, OWN_SET = 0.15, 0.5  # of pairs of two events: with a stranger; else with another event of the set
TRIES = 60
SUFFIXES = (".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v")

Shape = Literal["equal", "wide", "fit240", "long"]
SHAPES: tuple[Shape, ...] = get_args(Shape)


@dataclass(frozen=True, eq=False)
class Event:
    """Views of one event at one frame rate: (start, frames of the common clock; signals) of each."""

    group: str
    name: str
    made: bool  # synthetic
    views: tuple[tuple[float, Signals], ...]


@dataclass(frozen=True, eq=False)
class Drawn:
    """Two windows. ``true`` is None where there is no right answer."""

    group: str
    name: str
    made: bool
    shape: Shape
    true: int | None
    signals0: Signals
    signals1: Signals
    lags: range


@dataclass(frozen=True)
class Measured:
    """Signals of files, as a cue needs them, from a cache where they are there."""

    cue: Cue
    cache: Path

    def signals(self, path: Path, fps: float | None = None) -> Signals:
        """At ``fps`` frames/s (None: the file's own). Raises VideoError."""
        return of_file(path, self.cue, self.cache, fps)


def read_events(folders: Sequence[Path], made: bool, measured: Measured) -> Iterator[Event]:
    """Events of datasets, by set. Raises ManifestError, VideoError."""
    if not folders:
        return
    for group, members in group_samples(read_data(folders), None).items():
        for manifest, sample in members:
            fps = {view.fps for view in sample.views}
            longest = min(view.num_frames for view in sample.views)
            if len(fps) > 1 or longest < SHORTEST:
                continue
            rate = fps.pop()
            for step in (1, 4) if rate >= FAST and longest >= 4 * SHORTEST else (1,):
                fps_asked = None if step == 1 else rate / step
                views = tuple(
                    (view.start_frame / step, measured.signals(manifest.path(view), fps_asked)) for view in sample.views
                )
                yield Event(group, f"{sample.event}/{step}", made, views)


def read_strangers(folders: Sequence[Path], measured: Measured) -> list[Signals]:
    """Files that share nothing with any event. Raises VideoError."""
    paths = [p for folder in folders for p in sorted(folder.iterdir()) if p.suffix.lower() in SUFFIXES]
    return [measured.signals(path) for path in paths]


def draw(
    events: Sequence[Event], strangers: Sequence[Signals], count: int, rng: np.random.Generator
) -> Iterator[Drawn]:
    """``count`` pairs of windows of each set (fewer where no draw fits).

    In turn: equal windows of any length, searched up to any offset; windows of unlike lengths at random places,
    searched as ``videosync sync`` does; "fit240" windows, searched to ±30 frames; and a short window beside a long one
    of another view, up to the whole clip, searched as ``videosync sync`` does.
    """
    groups: dict[str, list[Event]] = {}
    for event in events:
        groups.setdefault(event.group, []).append(event)
    for members in groups.values():
        for number in range(count):
            event = members[number % len(members)]
            others = [e for e in members if _stem(e) != _stem(event)]
            foreign = [e for e in events if e.group != event.group]
            shape = SHAPES[(number % len(members) + number // len(members)) % len(SHAPES)]  # of each event all
            made = _pair(event, others, foreign, strangers, shape, rng)
            if made is not None:
                yield made


def _stem(event: Event) -> str:
    return event.name.rsplit("/", 1)[0]


def _pair(
    event: Event, others: Sequence[Event], foreign: Sequence[Event], strangers: Sequence[Signals], shape: Shape,
    rng: np.random.Generator,
) -> Drawn | None:  # fmt: skip
    first, second = rng.choice(len(event.views), 2, replace=False)
    (start0, clip0), (start1, clip1) = event.views[first], event.views[second]
    related = bool(rng.random() >= UNRELATED)
    disjoint = bool(rng.random() < DISJOINT) and min(length(clip0), length(clip1)) >= 8 * SHORTEST
    if not related and not disjoint:
        if strangers and rng.random() < STRANGERS:
            clip1 = strangers[int(rng.integers(len(strangers)))]
        else:
            pool = others if others and (not foreign or rng.random() < OWN_SET) else foreign
            if not pool:
                return None
            views = pool[int(rng.integers(len(pool)))].views
            clip1 = views[int(rng.integers(len(views)))][1]
    for _ in range(TRIES):
        window = _window(length(clip0), length(clip1), start1 - start0, shape, related, disjoint, rng)
        if window is None:
            continue
        begin0, frames0, begin1, frames1, lags = window
        place = (start0 + begin0) - (start1 + begin1)
        near = lags.start <= place < lags.stop
        shared = min(frames0, frames1 - place) - max(0, -place)
        if related and not (near and shared >= LEAST_SHARED * min(frames0, frames1)):
            continue
        if not related and disjoint and shared > -LONGEST / 16:
            continue
        return Drawn(
            event.group, event.name, event.made, shape, round(place) if related else None,
            part(clip0, begin0, frames0), part(clip1, begin1, frames1), lags,
        )  # fmt: skip
    return None


def _window(
    total0: int, total1: int, apart: float, shape: Shape, related: bool, disjoint: bool, rng: np.random.Generator
) -> tuple[int, int, int, int, range] | None:  # fmt: skip
    """(first frame, frames) of both windows and the offsets to search; None: this draw does not fit."""
    common = min(total0, total1)
    if shape in ("wide", "long"):
        least, most = (SHORTEST, SHORTEST), (LONGEST, LONGEST)
        if shape == "long":
            least, most = (max(LONGER * SHORTEST, total0 // LONGER), SHORTEST), (total0, SHORT)
        if disjoint and not related:
            most = min(most[0], common // 2), min(most[1], common // 2)
        if shape == "long" and most[0] < least[0]:
            return None
        frames = np.exp(rng.uniform(np.log(least), np.log(np.maximum(most, np.add(least, 1))))).astype(int)
        frames0, frames1 = min(int(frames[0]), total0), min(int(frames[1]), total1)
        if shape == "long":
            frames1 = min(frames1, frames0 // LONGER)
        found = lag_range(frames0, frames1, 30.0)
        if found is None:
            return None
        lags = found
    else:
        if shape == "equal":
            frames0 = min(int(np.exp(rng.uniform(np.log(SHORTEST), np.log(300)))), common)
            reach = int(np.exp(rng.uniform(np.log(6), np.log(max(7, min(60, frames0 // 2))))))
        else:
            frames0 = min(USUAL_FRAMES, int(USUAL_SHARE * common))
            reach = min(USUAL_REACH, frames0 // 2, common - frames0)
        if disjoint and not related:
            frames0 = min(frames0, common // 2 - SHORTEST // 2)
            reach = min(reach, frames0 // 2)
        if reach < 4:
            return None
        frames1, lags = frames0, range(-reach, reach + 1)
    begin0 = int(rng.integers(total0 - frames0 + 1))
    begin1 = int(rng.integers(total1 - frames1 + 1))
    if related and shape not in ("wide", "long"):  # uniform in the range that is searched
        begin1 = round(begin0 - apart) - int(rng.integers(lags.start, lags.stop))
        if not 0 <= begin1 <= total1 - frames1:
            return None
    return begin0, frames0, begin1, frames1, lags
