"""NTU-SYN: which two videos make a pair, where each view begins, and what the clips become."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from typing import Any

from dataset_preparation.clips.dataset import Dropped, dropped_of
from dataset_preparation.clips.job import Outcome
from dataset_preparation.ntu.annotations import Annotation, read_annotation
from dataset_preparation.ntu.archive import Files
from dataset_preparation.ntu.names import ANNOTATION_ENDING, CAMERAS, VIDEO_ENDING, Name
from videosync.data.samples import Sample, View
from videosync.errors import ManifestError

READERS = 8  # annotations read at once: on network disks most of the time is waiting


@dataclass(frozen=True)
class PairJob:
    """Both views of one performance: clip i is raw frames ``starts[i] … starts[i] + L - 1`` of source i."""

    name: str  # the event
    sources: tuple[str, str]  # raw videos of cameras 001 and 002
    starts: tuple[int, int]  # raw frames
    clips: tuple[str, str]  # relative to the output folder

    @property
    def offset(self) -> int:
        """k: frame i of clip 0 shows the moment of frame i + k of clip 1."""
        return self.starts[0] - self.starts[1]


@dataclass
class Plan:
    jobs: list[PairJob] = field(default_factory=list)  # by event
    splits: dict[str, str] = field(default_factory=dict)  # event → split, of the jobs
    said: dict[str, tuple[int | None, int | None]] = field(
        default_factory=dict
    )  # event → frames, as annotated
    dropped: list[Dropped] = field(default_factory=list)
    other_cameras: int = 0  # annotation files of cameras that make no pair


def plan_pairs(annotations: Mapping[str, Files], videos: Files, *, max_offset: int, limit: int = 0) -> Plan:
    """The pairs of all splits. No video is opened; annotations are read where nothing else is missing.

    Args:
        max_offset: pairs further apart (frames) are dropped.
        limit: only the first this many events, taken from the splits in turn; 0: all.
    """
    plan = Plan()
    chosen = _events(annotations, plan)
    if limit:
        turns = zip_longest(*([event for event in chosen if chosen[event] == s] for s in annotations))
        kept = [event for turn in turns for event in turn if event is not None][:limit]
        chosen = {event: chosen[event] for event in sorted(kept)}
    complete = {}  # event → its two names
    names = {
        name.event: name for files in annotations.values() for name in files.paths if name.event in chosen
    }
    for event, split in chosen.items():
        pair = (names[event].seen_by(CAMERAS[0]), names[event].seen_by(CAMERAS[1]))
        missing = [f"{n.text}{ANNOTATION_ENDING}" for n in pair if n not in annotations[split].paths]
        if missing:
            plan.dropped.append(
                Dropped(event, "", "annotation missing", f"{split}: there is no {missing[0]}")
            )
            continue
        missing = [f"{n.text}{VIDEO_ENDING}" for n in pair if n not in videos.paths]
        if missing:
            why = f"there is no {' and no '.join(missing)} among the videos"
            plan.dropped.append(Dropped(event, "", "video missing", why))
            continue
        complete[event] = pair
    with ThreadPoolExecutor(READERS) as pool:
        read = partial(_read_pair, annotations)
        for (event, pair), found in zip(complete.items(), pool.map(read, *_columns(complete, chosen))):
            _add_pair(plan, event, chosen[event], pair, found, videos, max_offset)
    return plan


def _columns(
    complete: Mapping[str, tuple[Name, Name]], splits: Mapping[str, str]
) -> tuple[list[str], list[tuple[Name, Name]]]:
    return [splits[event] for event in complete], list(complete.values())


def _events(annotations: Mapping[str, Files], plan: Plan) -> dict[str, str]:
    """Event → split, sorted. An event in both splits stays in the later one, val: the paper's test split is kept."""
    splits: dict[str, str] = {}
    for split, files in annotations.items():
        events = set()
        for name in files.paths:
            if name.camera in CAMERAS:
                events.add(name.event)
            else:
                plan.other_cameras += 1
        for event in sorted(events & set(splits)):
            why = f"is in {splits[event]} and in {split}; kept in {split}, or its encoder would have seen it"
            plan.dropped.append(Dropped(event, "", "in both splits", why))
        splits.update(dict.fromkeys(events, split))
    return dict(sorted(splits.items()))


def _read_pair(
    annotations: Mapping[str, Files], split: str, pair: tuple[Name, Name]
) -> tuple[Annotation, Annotation] | ManifestError:
    try:
        first, second = (read_annotation(annotations[split].paths[name]) for name in pair)
    except ManifestError as error:
        return error
    return first, second


def _add_pair(
    plan: Plan,
    event: str,
    split: str,
    pair: tuple[Name, Name],
    found: tuple[Annotation, Annotation] | ManifestError,
    videos: Files,
    max_offset: int,
) -> None:
    if isinstance(found, ManifestError):
        plan.dropped.append(Dropped(event, "", "bad annotation", str(found)))
        return
    first, second = found
    job = PairJob(
        name=event,
        sources=(videos.paths[pair[0]], videos.paths[pair[1]]),
        starts=(first.start, second.start),
        clips=(f"{pair[0].setup}/{pair[0].text}.mp4", f"{pair[1].setup}/{pair[1].text}.mp4"),
    )
    if abs(job.offset) > max_offset:
        why = f"its views are {job.offset} frames apart, more than --max_offset {max_offset}"
        plan.dropped.append(Dropped(event, "", "too far apart", why))
        return
    plan.jobs.append(job)
    plan.splits[event] = split
    plan.said[event] = (first.num_frames, second.num_frames)


def pair_samples(
    plan: Plan, outcomes: Mapping[str, Outcome], *, min_frames: int
) -> tuple[list[Sample], list[Dropped]]:
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
            View(clip.clip, start, clip.num_frames, clip.fps)
            for clip, start in zip(outcome.clips, job.starts)
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
