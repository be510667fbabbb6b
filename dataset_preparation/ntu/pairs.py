"""NTU-SYN: which two videos make a pair, where each view begins, and what the clips become."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from dataset_preparation.clips.dataset import Dropped, dropped_of
from dataset_preparation.ntu.annotations import Annotation, read_annotation
from dataset_preparation.ntu.archive import Files
from dataset_preparation.ntu.names import ANNOTATION_ENDING, CAMERAS, VIDEO_ENDING, Name
from videosync.data.samples import Sample, View
from videosync.errors import ManifestError
from videosync.jobs.job import Outcome

READERS = 8  # annotations read at once: on network disks most of the time is waiting


@dataclass(frozen=True)
class PairJob:
    """Both views of one performance: clip i is raw frames ``starts[i] … starts[i] + L - 1`` of source i."""

    name: str  # the event
    sources: tuple[str, str]  # raw videos of cameras 001 and 002
    starts: tuple[int, int]  # raw frames
    clips: tuple[str, str]  # relative to the output folder

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.clips

    @property
    def offset(self) -> int:
        """k: frame i of clip 0 shows the moment of frame i + k of clip 1."""
        return self.starts[0] - self.starts[1]


@dataclass
class Plan:
    jobs: list[PairJob] = field(default_factory=list)  # by event
    splits: dict[str, str] = field(default_factory=dict)  # event → split, of the jobs
    said: dict[str, tuple[int | None, int | None]] = field(default_factory=dict)  # event → frames, as annotated
    dropped: list[Dropped] = field(default_factory=list)
    other_cameras: int = 0  # annotation files of cameras that make no pair


def plan_pairs(annotations: Mapping[str, Files], videos: Files, *, max_offset: int, limit: int = 0) -> Plan:
    """The pairs of all splits. No video is opened; annotations are read where nothing else is missing.

    Args:
        max_offset: pairs further apart (frames) are dropped.
        limit: only the first this many events, taken from the splits in turn; 0: all.
    """
    plan = Plan()
    chosen = _limited(_events(annotations, plan), list(annotations), limit)
    complete = {event: pair for event, pair in chosen.items() if _has_files(pair, annotations, videos, plan)}
    with ThreadPoolExecutor(READERS) as pool:
        read = pool.map(_read_pair, (pair.annotations(annotations) for pair in complete.values()))
        for pair, found in zip(complete.values(), read):
            _add_pair(plan, pair, found, videos, max_offset)
    return plan


@dataclass(frozen=True)
class _Pair:
    event: str
    split: str
    names: tuple[Name, Name]

    def annotations(self, files: Mapping[str, Files]) -> tuple[str, ...]:
        return tuple(files[self.split].paths[name] for name in self.names)


def _events(annotations: Mapping[str, Files], plan: Plan) -> dict[str, _Pair]:
    """The events of all splits. One that is in both stays in the later one, val: the paper's test split is kept."""
    events: dict[str, _Pair] = {}
    for split, files in annotations.items():
        here: dict[str, _Pair] = {}
        for name in files.paths:
            if name.camera in CAMERAS:
                pair = name.seen_by(CAMERAS[0]), name.seen_by(CAMERAS[1])
                here[name.event] = _Pair(name.event, split, pair)
            else:
                plan.other_cameras += 1
        for event in sorted(here.keys() & events.keys()):
            why = f"is in {events[event].split} and in {split}; kept in {split}, or its encoder would have seen it"
            plan.dropped.append(Dropped(event, "", "in both splits", why))
        events |= here
    return dict(sorted(events.items()))


def _limited(events: dict[str, _Pair], splits: Sequence[str], limit: int) -> dict[str, _Pair]:
    if limit == 0:
        return events
    turns = zip_longest(*([e for e, pair in events.items() if pair.split == split] for split in splits))
    kept = set([event for turn in turns for event in turn if event is not None][:limit])
    return {event: pair for event, pair in events.items() if event in kept}


def _has_files(pair: _Pair, annotations: Mapping[str, Files], videos: Files, plan: Plan) -> bool:
    for kind, ending, paths in (
        ("annotation", ANNOTATION_ENDING, annotations[pair.split].paths),
        ("video", VIDEO_ENDING, videos.paths),
    ):
        missing = [f"{name.text}{ending}" for name in pair.names if name not in paths]
        if missing:
            why = f"there is no {' and no '.join(missing)} ({pair.split})"
            plan.dropped.append(Dropped(pair.event, "", f"{kind} missing", why))
            return False
    return True


def _read_pair(paths: Sequence[str]) -> list[Annotation] | ManifestError:
    try:
        return [read_annotation(path) for path in paths]
    except ManifestError as error:
        return error


def _add_pair(plan: Plan, pair: _Pair, found: list[Annotation] | ManifestError, videos: Files, max_offset: int) -> None:
    if isinstance(found, ManifestError):
        plan.dropped.append(Dropped(pair.event, "", "bad annotation", str(found)))
        return
    first, second = pair.names
    job = PairJob(
        name=pair.event,
        sources=(videos.paths[first], videos.paths[second]),
        starts=(found[0].start, found[1].start),
        clips=(first.clip, second.clip),
    )
    if abs(job.offset) > max_offset:
        why = f"its views are {abs(job.offset)} frames apart, more than --max_offset {max_offset}"
        plan.dropped.append(Dropped(pair.event, "", "too far apart", why))
        return
    plan.jobs.append(job)
    plan.splits[pair.event] = pair.split
    plan.said[pair.event] = (found[0].num_frames, found[1].num_frames)


def pair_samples(plan: Plan, outcomes: Mapping[str, Outcome], *, min_frames: int) -> tuple[list[Sample], list[Dropped]]:
    """One sample for each pair whose clips were written and are long enough."""
    samples, dropped = [], []
    for job in plan.jobs:
        outcome = outcomes[job.name]
        dropped += dropped_of(outcome, job.name, "")
        if len(outcome.clips) < 2:
            continue
        length = outcome.clips[0].num_frames
        if length < min_frames:
            why = f"its clips have {length} frames, fewer than --min_frames {min_frames}"
            dropped.append(Dropped(job.name, "", "too short", why))
            continue
        views = tuple(
            View(clip.clip, start, clip.num_frames, clip.fps) for clip, start in zip(outcome.clips, job.starts)
        )
        samples.append(Sample(job.name, plan.splits[job.name], views))
    return samples, dropped


def disagreements(plan: Plan, outcomes: Mapping[str, Outcome]) -> list[dict[str, Any]]:
    """Videos whose annotation names another number of frames than were decoded (which is what counts)."""
    found = []
    for job in plan.jobs:
        decoded = (outcomes[job.name].facts or {}).get("decoded", ())
        for path, said, count in zip(job.sources, plan.said[job.name], decoded):
            if said is not None and said != count:
                found.append({"event": job.name, "video": path, "num_frame": said, "decoded": count})
    return found


def offsets_of(samples: Sequence[Sample]) -> Counter[int]:
    """How many pairs have each offset k."""
    return Counter(sample.views[0].start_frame - sample.views[1].start_frame for sample in samples)
