"""Questions as people ask them: which files belong together, how little they share, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.accuracy.windows import group_samples, read_data
from benchmarks.brought.takes import Fault, Source, Take
from videosync.errors import VideoError
from videosync.video.read import probe

FRAMES = (28, 420)  # of a file
RATES = (24.0, 25.0, 29.97, 30.0, 50.0, 60.0)  # frames/s of files that an editor has converted
SIZES = (160, 200, 240, 320, 480, 640, 1280)  # pixels of the longer side …
OFTEN = (0.2, 0.2, 0.2, 0.2, 0.13, 0.05, 0.02)  # … and how many are so large
CRF = (23, 36)
KEYFRAMES = (10, 15, 25, 30, 48, 60, 250)
SHARED, LITTLE = (0.4, 1.0), (0.2, 0.4)  # of the shorter file
HARD = ("black start", "black tail", "title", "flash", "graphics")
CLOCKS = ("lost", "drift", "pause")
DRIFTS = (5e-5, 2e-4, 1e-3, 3e-3, 1e-2)
SPAN = 20.0  # seconds of files whose clocks are off, at least where the clip has them
ALIKE = 2.5  # rates of unrelated files differ by no more, where such files are there
TRIES = 80
SUFFIXES = (".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v")
LONGER, MINUTES = 4, 9000  # a long file has so many times the frames of short ones beside it, and no more than these
SHORT = 4.0  # seconds of these, at least, where the long one is long enough
LONG_OF = 5  # of so many questions of a set there is one more of a long file and short ones
# kinds of questions, in the order they are drawn; "other" and those after it share nothing
KINDS = ("plain", "little overlap", "hard change", "plain", "clock", "little overlap", "group")
STRANGE = ("other event", "other time", "other event", "same graphics", "same keyframes", "other time", "stranger")


@dataclass(frozen=True)
class Question:
    """Files for ``videosync.sync``. ``starts``: seconds on one clock; None: of a file that shares nothing with any."""

    kind: str
    takes: tuple[Take, ...]
    starts: tuple[float | None, ...]

    @property
    def group(self) -> str:
        return self.takes[0].source.group

    @property
    def made(self) -> bool:
        return self.takes[0].source.made


def sources_of(folders: Sequence[Path], made: bool) -> dict[str, list[list[Source]]]:
    """Set → its events' views. Raises ManifestError."""
    return {
        group: [
            [
                Source(group, sample.event, manifest.path(v), v.start_frame / v.fps, v.fps, v.num_frames, made)
                for v in sample.views
            ]
            for manifest, sample in members
        ]
        for group, members in (group_samples(read_data(folders), None) if folders else {}).items()
    }


def strangers_of(folders: Sequence[Path]) -> list[Source]:
    """Videos that share nothing with any set. Raises VideoError."""
    found = []
    for path in (p for folder in folders for p in sorted(folder.iterdir()) if p.suffix.lower() in SUFFIXES):
        info = probe(path)
        if info.fps is None or info.num_frames < FRAMES[0]:
            raise VideoError(f"{path}: too short for a file of {FRAMES[0]} frames; leave it out")
        found.append(Source("strangers", path.stem, path, 0.0, info.fps, info.num_frames))
    return found


def questions_of(
    data: Sequence[Path], synthetic: Sequence[Path], strangers: Sequence[Path], related: Sequence[int], seed: int
) -> list[Question]:
    """Those of real and of made sets, ``related`` (two numbers) of each, and twice as many pairs that share nothing.

    Raises ManifestError, VideoError.
    """
    others, found = strangers_of(strangers), []
    for folders, made, count in zip((data, synthetic), (False, True), related):
        found += draw(sources_of(folders, made), others, count, 2 * count, seed)
    return found


def draw(
    sets: dict[str, list[list[Source]]], strangers: Sequence[Source], related: int, unrelated: int, seed: int
) -> list[Question]:
    """``related`` and ``unrelated`` questions of each set (fewer where no draw fits); each set has a seed of its own.

    Unrelated pairs are mostly made of the files of related ones, which costs no coding. Besides, there are long files
    with two short ones each, and as many with a short one that shares nothing with it.
    """
    found, pool = [], []
    for number, events in enumerate(sets.values()):
        rng = np.random.default_rng([seed, number, 1])
        for turn in range(related):
            kind = KINDS[turn % len(KINDS)]
            question = _related(kind, events[int(rng.integers(len(events)))], rng)
            if question is not None:
                found.append(question)
                pool += [take for take in question.takes if not take.fault.kind]
    for number, group in enumerate(sets):
        rng = np.random.default_rng([seed, number, 2])
        mine, theirs = ([t for t in pool if (t.source.group == group) == own] for own in (True, False))
        for turn in range(unrelated if mine else 0):
            kind = STRANGE[turn % len(STRANGE)]
            question = _unrelated(kind, mine, theirs, strangers, rng)
            if question is not None:
                found.append(question)
    for number, events in enumerate(sets.values()):
        rng = np.random.default_rng([seed, number, 3])
        for turn in range(2 * (related // LONG_OF)):
            one, other = (events[int(n)] for n in rng.permutation(len(events))[[0, -1]])
            question = _long(one, one, 2, rng) if turn % 2 == 0 else _long(one, other, 1, rng)
            if question is not None:
                found.append(question)
    return found


def coded(source: Source, begin: float, frames: int, fps: float, rng: np.random.Generator) -> Take:
    """A file that is coded as people's files are."""
    size, crf, gop = rng.choice(SIZES, p=OFTEN), rng.integers(*CRF), rng.choice(KEYFRAMES)
    return Take(source, begin, frames, fps, int(size), int(crf), int(gop), int(rng.integers(0, 4)))


def _related(kind: str, views: Sequence[Source], rng: np.random.Generator) -> Question | None:
    if kind == "group":
        count = min(len(views), int(rng.integers(3, 9)))
        if count < 3:
            kind = "plain"
    chosen = [views[n] for n in rng.permutation(len(views))[: count if kind == "group" else 2]]
    for _ in range(TRIES):
        takes = _takes(chosen, LITTLE if kind == "little overlap" else SHARED, SPAN if kind == "clock" else 0.0, rng)
        if takes is not None:
            break
    else:
        return None
    if kind == "hard change":
        takes = _spoilt(takes, str(rng.choice(HARD)), rng)
    elif kind == "clock":
        takes = [replace(takes[0], fault=_off(takes[0], str(rng.choice(CLOCKS)), rng)), *takes[1:]]
    return Question(kind, tuple(takes), tuple(take.start for take in takes))


def _takes(
    views: Sequence[Source], share: tuple[float, float], least: float, rng: np.random.Generator
) -> list[Take] | None:
    """A stretch of each view, of which each shares so much with the first; None: this draw does not fit."""
    converted, step = _pace(views, rng)
    takes: list[Take] = []
    for view in views:
        fps = _rate(view, converted, step, rng)
        longest = min(FRAMES[1], int(0.9 * view.seconds * fps))
        shortest = min(max(FRAMES[0], int(least * fps)), longest)
        if shortest < FRAMES[0]:
            return None
        frames = int(np.exp(rng.uniform(np.log(shortest), np.log(longest + 0.99))))
        seconds = frames / fps
        if not takes:
            begin = rng.uniform(0, view.seconds - seconds)
        else:
            first = takes[0]
            shorter = min(first.seconds, seconds)
            wanted = rng.uniform(*share) * shorter
            begin = first.stop - wanted if rng.random() < 0.5 else first.start + wanted - seconds
            if rng.random() < 0.2 and share == SHARED:  # one within the other
                low, high = sorted((first.start, first.stop - seconds))
                begin = rng.uniform(low, high)
            begin -= view.start
        begin = round(begin * view.fps) / view.fps
        if not 0 <= begin <= view.seconds - seconds:
            return None
        takes.append(coded(view, begin, frames, fps, rng))
    return takes


def _long(views: Sequence[Source], theirs: Sequence[Source], shorts: int, rng: np.random.Generator) -> Question | None:
    """A long file, and two short ones of another view that were taken at other times while it ran, or one of ``theirs``
    that shares nothing with it; None: this draw does not fit."""
    related = shorts == 2
    view = views[int(rng.integers(len(views)))]
    other = [v for v in theirs if v != view][int(rng.integers(len(theirs) - (view in theirs)))]
    converted, step = _pace((view, other), rng)
    apart = related or view.event != other.event
    for _ in range(TRIES):
        fps = [_rate(one, converted, step, rng) for one in (view, other)]
        longest = min(MINUTES, int((0.9 if apart else 0.6) * view.seconds * fps[0]))
        shortest = max(LONGER * FRAMES[0], longest // 2)
        if longest < shortest:
            return None
        long = _anywhere(view, int(np.exp(rng.uniform(np.log(shortest), np.log(longest)))), fps[0], rng)
        most = int(long.seconds / LONGER * fps[1])
        if most < FRAMES[0]:
            continue
        least = max(FRAMES[0], min(SHORT * fps[1], most / 2))
        counts = np.exp(rng.uniform(np.log(least), np.log(min(FRAMES[1], most) + 0.99), shorts)).astype(int)
        if counts.max() > other.frames * fps[1] / other.fps:
            continue
        takes = [_anywhere(other, int(count), fps[1], rng) for count in counts]
        if related and never_meet(*takes) and all(long.start <= t.start and t.stop <= long.stop for t in takes):
            return Question("long and short", (long, *takes), (long.start, *(t.start for t in takes)))
        if not related and (view.event != other.event or never_meet(long, takes[0])):
            return Question("long and other", (long, takes[0]), (long.start, None))
    return None


def _pace(views: Sequence[Source], rng: np.random.Generator) -> tuple[bool, int]:
    """Whether files are converted to rates of an editor, which the clips do not have; if not, of how many frames one
    stays."""
    return bool(rng.random() < 0.35), 1 + int(rng.integers(max(1, int(min(v.fps for v in views) // 20))))


def _rate(view: Source, converted: bool, step: int, rng: np.random.Generator) -> float:
    if not converted:
        return view.fps / step
    return float(rng.choice([r for r in RATES if r <= 1.05 * view.fps] or [view.fps]))


def _anywhere(view: Source, frames: int, fps: float, rng: np.random.Generator) -> Take:
    begin = rng.uniform(0, view.seconds - frames / fps)
    return coded(view, round(begin * view.fps) / view.fps, frames, fps, rng)


def _spoilt(takes: Sequence[Take], kind: str, rng: np.random.Generator) -> list[Take]:
    """The files with one hard change of the whole picture in each, as often as not the same in all."""
    seed, same = int(rng.integers(2**31)), rng.random() < 0.5
    made, amount = [], None
    for take in takes:
        if amount is None or not same or kind == "flash":
            amount = {
                "flash": rng.uniform(0.1, 0.9),
                "graphics": rng.uniform(0, max(0.1, 0.6 * take.seconds - 1)),
                "title": float(rng.integers(int(take.fps / 2) + 1, int(2 * take.fps) + 2)),
            }.get(kind, float(rng.integers(1, 10)))
        made.append(replace(take, fault=Fault(kind, float(amount), seed)))
    return made


def _off(take: Take, kind: str, rng: np.random.Generator) -> Fault:
    amount = {
        "lost": rng.uniform(0.005, 0.03),
        "drift": float(rng.choice(DRIFTS)) * rng.choice([-1, 1]),
        "pause": rng.uniform(0.1, 0.15) * take.seconds,
    }[kind]
    return Fault(kind, float(amount), int(rng.integers(2**31)))


def _unrelated(
    kind: str, mine: Sequence[Take], theirs: Sequence[Take], strangers: Sequence[Source], rng: np.random.Generator
) -> Question | None:
    """Two files that share nothing: ``mine`` are of one set, ``theirs`` of all others."""
    one = mine[int(rng.integers(len(mine)))]
    if kind == "stranger" and strangers:
        source = strangers[int(rng.integers(len(strangers)))]
        frames = min(source.frames, FRAMES[1])
        other = coded(source, 0.0, frames, source.fps, rng)
    else:
        events = [t for t in mine if t.source.event != one.source.event]
        apart = [t for t in mine if t.source.event == one.source.event and never_meet(one, t)]
        others = apart or events if kind == "other time" else events or theirs if rng.random() < 0.6 else theirs
        others = [t for t in others if max(t.fps, one.fps) <= ALIKE * min(t.fps, one.fps)] or others
        if not others:
            return None
        other = others[int(rng.integers(len(others)))]
        if kind == "other time" and not apart:
            kind = "other event"
    takes = [one, other]
    if kind == "same graphics":
        takes = _spoilt(takes, str(rng.choice(HARD)), rng)
    elif kind == "same keyframes":
        fps = min(one.fps, other.fps)
        gop, crf = int(rng.choice(KEYFRAMES[:-1])), int(rng.integers(32, 40))
        takes = [replace(t, frames=int(t.seconds * fps), fps=fps, gop=gop, crf=crf) for t in takes]
        if min(t.frames for t in takes) < FRAMES[0]:
            return None
    return Question(kind, tuple(takes), (takes[0].start, None))


def never_meet(one: Take, other: Take) -> bool:
    """Whether files of one event share no time."""
    return one.stop < other.start or other.stop < one.start


def files_of(questions: Sequence[Question]) -> Iterator[Take]:
    """Each file once."""
    yield from {take.name: take for question in questions for take in question.takes}.values()
