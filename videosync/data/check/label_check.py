"""Are the labels of a prepared dataset right? They are compared with the files that its clips were cut from.

``sources.jsonl`` (:mod:`videosync.data.sources`) says which frames of which file a clip holds. Three things must be
true: the starts in the manifest follow from it, the clips really show those frames, and the views of a sample are as
far apart by the times of their source frames, at their start and at their end, as the manifest says.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np

from videosync.data.check.frame_match import FARTHEST, FrameMatch, match_clip
from videosync.data.clock import MOST_DRIFT
from videosync.data.samples import Manifest, Sample, View, view_names
from videosync.data.sources import SOURCES_NAME, SourceOf
from videosync.errors import ManifestError, VideoError
from videosync.files import read_json
from videosync.video.read import probe

REPORT_NAME = "report.json"


@dataclass
class LabelCheck:
    """What came out of comparing labels with source frames."""

    clips: int = 0  # compared
    frames: int = 0  # of them looked for
    told: int = 0  # of them found where nothing else fits
    still: list[str] = field(default_factory=list)  # clips of which no frame could be told
    absent: list[str] = field(default_factory=list)  # sources that are not there
    problems: list[str] = field(default_factory=list)


def recorded_data_root(folder: Path) -> Path | None:
    """The archive's folder as report.json has it; None where it says nothing.

    Raises ManifestError for a report that is not JSON.
    """
    path = folder / REPORT_NAME
    if not path.is_file():
        return None
    try:
        report = read_json(path)
    except ValueError as error:
        raise ManifestError(f"{path}: not valid JSON ({error}); prepare the folder again") from error
    root = report.get("data_root") if isinstance(report, dict) else None
    return Path(root) if isinstance(root, str) else None


def start_problems(manifest: Manifest, sources: Mapping[str, SourceOf]) -> list[str]:
    """Where the manifest's offsets are not those of ``sources.jsonl``, for all samples; nothing is decoded."""
    problems = []
    for number, sample in enumerate(manifest.samples, start=1):
        place = f"sample {number} ({sample.event})"
        for view in sample.views:
            if view.video not in sources:
                problems.append(f"{place}: {SOURCES_NAME} does not say where {view.video} was cut from")
        known = [(name, v) for name, v in zip(view_names(sample.views), sample.views) if v.video in sources]
        for (name0, view0), (name1, view1) in product(known[:1], known[1:]):
            said = view0.start_frame - view1.start_frame
            cut = _start(sources[view0.video]) - _start(sources[view1.video])
            if said != cut:
                problems.append(
                    f"{place}: the manifest says that {name0} and {name1} start {said} frames apart, "
                    f"{SOURCES_NAME} says {cut} (first_frame + origin)"
                )
    return problems


def choose_clips(samples: Sequence[Sample], count: int, rng: random.Random) -> list[View]:
    """Two views of each of ``count`` samples, of as many events as can be; those with two views or more first.

    Of an event with several samples its last comes first, where clocks that drift are furthest apart, then its first.
    """
    by_event: dict[str, list[Sample]] = defaultdict(list)
    for sample in rng.sample(list(samples), len(samples)):
        by_event[sample.event].append(sample)
    for members in by_event.values():
        starts = [sample.views[0].start_frame for sample in members]
        rank = {max(starts): 0, min(starts): 1} if min(starts) < max(starts) else {}
        members.sort(  # stable: else the drawn order stays
            key=lambda sample: (len(sample.views) < 2, rank.get(sample.views[0].start_frame, 2))
        )
    queue = sorted(by_event.values(), key=lambda members: len(members[0].views) < 2)
    chosen: dict[str, View] = {}
    for turn in range(max((len(members) for members in queue), default=0)):
        for members in queue:
            if count > 0 and turn < len(members):
                views = members[turn].views
                chosen.update((view.video, view) for view in rng.sample(views, min(2, len(views))))
                count -= 1
    return list(chosen.values())


def check_labels(
    manifest: Manifest,
    views: Sequence[View],
    sources: Mapping[str, SourceOf],
    data_root: Path,
    *,
    frames: int = 5,
    on_clip: Callable[[], object] = lambda: None,
) -> LabelCheck:
    """Look for frames of ``views`` in the files they were cut from (:mod:`videosync.data.check.frame_match`).

    Views of one sample among them are also compared by the times of their source frames.
    """
    result = LabelCheck()
    for view in views:
        source = sources.get(view.video)
        if source is not None:  # start_problems names the others
            _check_clip(manifest, view, source, data_root, frames, result)
        on_clip()
    chosen = {view.video for view in views}
    for number, sample in enumerate(manifest.samples, start=1):
        among = [view for view in sample.views if view.video in chosen]
        if len(among) > 1:
            place = f"sample {number} ({sample.event})"
            result.problems += [f"{place}: {text}" for text in _time_problems(among, sources, data_root)]
    return result


def _time_problems(views: Sequence[View], sources: Mapping[str, SourceOf], data_root: Path) -> Iterator[str]:
    """Where the first and last frames of two views are further apart in time than the manifest says."""
    # view → seconds that its first and last frame are later than said
    late: dict[str, tuple[float, float]] = {}
    for view in views:
        with suppress(VideoError, KeyError):  # both have been named
            late[view.video] = _lateness(view, sources[view.video], data_root)
    known = [(name, view) for name, view in zip(view_names(views), views) if view.video in late]
    for (name0, view0), (name1, view1) in product(known[:1], known[1:]):
        for end, (late0, late1) in zip(("start", "end"), zip(late[view0.video], late[view1.video])):
            if (off := abs(late0 - late1) * min(view0.fps, view1.fps)) > MOST_DRIFT:
                yield (
                    f"by the times of their source frames, {name0} and {name1} are {off:.1f} frames off the label at "
                    f"the {end} of the clips, at the manifest's {view0.fps:.6g} and {view1.fps:.6g} frames/s; prepare "
                    "the folder again (recordings of a variable frame rate are to be converted first)"
                )
                break


def _lateness(view: View, source: SourceOf, data_root: Path) -> tuple[float, float]:
    """Seconds by which the first and the last frame were taken later than their numbers say at the manifest's rate."""
    info = probe(data_root / source.source)
    numbers = source.first_frame + np.array([0, view.num_frames - 1])
    taken = source.origin / info.fps + info.times[np.clip(numbers, 0, info.num_frames - 1)] - info.times[0]
    first, last = (taken - (source.origin + numbers) / view.fps).tolist()
    return first, last


def _check_clip(
    manifest: Manifest, view: View, source: SourceOf, data_root: Path, frames: int, result: LabelCheck
) -> None:
    path = data_root / source.source  # an absolute source stays as it is
    if not path.is_file():
        result.absent.append(str(path))
        return
    try:
        matches = match_clip(manifest.path(view), path, source.first_frame, frames=frames)
        length = probe(path).num_frames
    except VideoError as error:
        result.problems.append(f"{view.video}: cannot be compared with its source: {error}")
        return
    told = [match for match in matches if match.found is not None]
    result.clips += 1
    result.frames += len(matches)
    result.told += len(told)
    problems = _complaints(view.video, path, matches, length)
    result.problems += problems
    if not told and not problems:
        result.still.append(view.video)


def _complaints(video: str, source: Path, matches: Sequence[FrameMatch], length: int) -> list[str]:
    """One sentence for each way in which frames are not where ``sources.jsonl`` says."""
    told = [match for match in matches if match.shift is not None]
    problems = []
    for shift, count in Counter(match.shift for match in told if match.shift).most_common():
        first = next(match for match in told if match.shift == shift)
        problems.append(
            f"{video}: frame {first.frame} is frame {first.found} of {source}, {SOURCES_NAME} says "
            f"{first.claimed}: the label is {abs(shift)} frame{'s' * (abs(shift) != 1)} off "
            f"({count} of the {len(told)} frames that can be told)"
        )
    lost = [match for match in matches if match.elsewhere]
    if lost:
        first = lost[0]
        why = f"which does not show it, nor does a frame up to {FARTHEST} before or after"
        if not 0 <= first.claimed < length:
            why = f"which has {length} frames"
        more = f" (and {len(lost) - 1} more such frames)" if len(lost) > 1 else ""
        problems.append(
            f"{video}: {SOURCES_NAME} says that frame {first.frame} is frame {first.claimed} of {source}, {why}{more}"
        )
    return problems


def _start(source: SourceOf) -> int:
    return source.first_frame + source.origin
