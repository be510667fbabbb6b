"""Files of one event, or of two, and when each of them really starts: what ``benchmarks.sync`` asks about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from videosync.data.manifest import read_manifest
from videosync.data.samples import Sample, View
from videosync.errors import ManifestError
from videosync.signals.grey import small_size
from videosync.video.read import iter_frames, probe
from videosync.video.write import write_video

CUT_SIZE = 320  # pixels, the longer side of cuts that are written
TRIES = 200  # draws of two stretches that share enough


@dataclass(frozen=True)
class Case:
    """Files that are put on one timeline together. ``starts`` (s) is empty for files of different events."""

    condition: str
    event: str
    files: tuple[Path, ...]
    rates: tuple[float, ...]  # frames/s of each
    starts: tuple[float, ...]

    @property
    def related(self) -> bool:
        return bool(self.starts)

    @property
    def name(self) -> str:
        return "+".join(f"{file.parent.name}/{file.name}" for file in self.files)


@dataclass(frozen=True)
class Cutting:
    """How clips are cut into files: ``count`` cases of a pair of views, frames of either file, and what they share."""

    count: int
    frames: tuple[int, int]  # shortest, longest; drawn log-uniformly, or as the clip allows
    share: float  # of the shorter file, at least
    folder: Path  # where the files are written
    seed: int


def start_seconds(view: View) -> float:
    """When a view's file starts: its frame i is taken at ``(start_frame + i) / fps``, in its own frames and rate."""
    return view.start_frame / view.fps


def cases_of(
    name: str, folder: Path, *, split: str | None, groups: bool, cutting: Cutting | None, limit: int
) -> Iterator[Case]:
    """The cases of a dataset folder: each pair of views (with ``groups`` all views of an event at once), whole or cut.

    Args:
        limit: cases of the folder at most, evenly spread; 0: all.

    Raises:
        ManifestError: no event of the split has two views.
    """
    manifest = read_manifest(folder)
    samples = manifest.samples if split is None else manifest.of_split(split)
    members = [(sample, views) for sample in samples for views in _together(sample, groups)]
    if not members:
        raise ManifestError(f"{folder}: no event has two views or more; give --data another folder")
    if limit and len(members) > limit:
        members = [members[place] for place in np.linspace(0, len(members) - 1, limit).round().astype(int)]
    for number, (sample, views) in enumerate(members):
        paths, rates = tuple(manifest.path(view) for view in views), tuple(view.fps for view in views)
        whole = Case(name, sample.event, paths, rates, tuple(start_seconds(view) for view in views))
        if cutting is None:
            yield whole
            continue
        for turn in range(cutting.count):
            rng = np.random.default_rng([cutting.seed, number, turn])
            yield from cut_case(whole, views, cutting, rng, cutting.folder / f"{number}_{turn}")


def strangers(cases: Sequence[Case]) -> list[Case]:
    """For each event's first case: its first file, and the last file of another event. Nothing can be found in them."""
    firsts = list({case.event: case for case in reversed(cases)}.values())[::-1]
    if len(firsts) < 2:
        return []
    made = []
    for one, other in zip(firsts, [*firsts[1:], firsts[0]]):
        files, rates = (one.files[0], other.files[-1]), (one.rates[0], other.rates[-1])
        made.append(Case(one.condition, f"{one.event} and {other.event}", files, rates, ()))
    return made


def cut_case(
    whole: Case, views: Sequence[View], cutting: Cutting, rng: np.random.Generator, folder: Path
) -> Iterator[Case]:
    """The case with a stretch of each file, coded anew with keyframes of its own; none where the files are too short.

    Raises VideoError: a file cannot be read.
    """
    for _ in range(TRIES):
        stretches = [_stretch(view.num_frames, cutting.frames, rng) for view in views]
        if len(views) > 2:  # anywhere, they would hardly ever all share enough
            moment = whole.starts[0] + stretches[0][0] / views[0].fps
            stretches[1:] = [
                _near(view, (moment - start) * view.fps, frames, rng)
                for view, start, (_, frames) in zip(views[1:], whole.starts[1:], stretches[1:])
            ]
        starts = [s + first / v.fps for s, (first, _), v in zip(whole.starts, stretches, views)]
        lengths = [frames / view.fps for (_, frames), view in zip(stretches, views)]
        if all(
            min(starts[i] + lengths[i], starts[j] + lengths[j]) - max(starts[i], starts[j])
            >= cutting.share * min(lengths[i], lengths[j])
            for i, j in combinations(range(len(views)), 2)
        ):
            break
    else:
        return
    files = []
    for number, (path, view, (first, frames)) in enumerate(zip(whole.files, views, stretches)):
        info = probe(path)
        height, width = small_size(info.height, info.width, CUT_SIZE)
        size = height // 2 * 2, width // 2 * 2
        files.append(folder / f"cam{number}.mp4")
        drawn = {"crf": rng.integers(18, 29), "gop": rng.integers(11, 61), "b_frames": rng.integers(0, 4)}
        coding: dict[str, Any] = {name: int(value) for name, value in drawn.items()}
        frames_there = iter_frames(path, first, first + frames, size=size)
        write_video(files[-1], frames_there, view.fps, preset="veryfast", threads=1, **coding)
    yield Case(whole.condition, whole.event, tuple(files), whole.rates, tuple(starts))


def _stretch(frames: int, bounds: tuple[int, int], rng: np.random.Generator) -> tuple[int, int]:
    """(first frame, frames) inside a clip; a clip that is shorter than the longest allowed keeps at most 80 %."""
    longest = min(bounds[1], int(0.8 * frames))
    shortest = min(bounds[0], longest)
    length = int(np.exp(rng.uniform(np.log(shortest), np.log(longest + 0.99))))
    return int(rng.integers(frames - length + 1)), length


def _near(view: View, middle: float, frames: int, rng: np.random.Generator) -> tuple[int, int]:
    """A stretch of ``frames`` that begins less than its length before or after frame ``middle``, within the clip."""
    last = view.num_frames - frames
    return int(np.clip(round(middle + rng.uniform(-frames, frames)), 0, last)), frames


def _together(sample: Sample, groups: bool) -> list[tuple[View, ...]]:
    if len(sample.views) < 2:
        return []
    return [sample.views] if groups else list(combinations(sample.views, 2))
