"""What to cut out of which recording: sources, cuts, splits and the samples they become."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from videosync.data.manifest import MANIFEST_NAME, read_manifest
from videosync.data.samples import Sample, View, nearest, view_names
from videosync.errors import ManifestError, VideoError
from videosync.video.read import VideoInfo, probe

VIDEO_SUFFIXES = (".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".mts", ".ts", ".wmv")
FPS_TOLERANCE = 0.005  # relative difference of the rates of two views of one event


@dataclass(frozen=True)
class Source:
    """Views of one event that belong together: a line of a manifest, or a sub-folder."""

    event: str
    split: str  # "" where the source does not say
    part: str  # tells apart several sources of one event; else ""
    views: tuple[tuple[str, str, int], ...]  # (name, absolute path, start on the event's timeline in frames)


@dataclass(frozen=True)
class Cut:
    """A stretch of one source file that becomes one clip."""

    clip: str  # path relative to the output folder
    segment: int
    first: int  # file frame
    num_frames: int
    start_frame: int  # of ``first`` on the event's timeline


@dataclass(frozen=True)
class ViewJob:
    """One pass over one source file."""

    event: str
    part: str
    name: str
    path: str
    fps: float
    cuts: tuple[Cut, ...]


@dataclass(frozen=True)
class Dropped:
    event: str
    what: str  # the view, or "" for the whole event
    why: str


def find_sources(data_root: Path) -> tuple[list[Source], list[Dropped]]:
    """The events of a source folder, and the sub-folders that are none. ManifestError if there is none."""
    if not data_root.is_dir():
        raise ManifestError(
            f"--data_root {data_root} is not a folder; give the one that holds the recordings"
        )
    sources: list[Source] = []
    dropped: list[Dropped] = []
    if (data_root / MANIFEST_NAME).is_file():
        manifest = read_manifest(data_root)
        lines = Counter(sample.event for sample in manifest.samples)
        for number, sample in enumerate(manifest.samples):
            names = view_names(sample.views)
            paths = [str(manifest.path(view).absolute()) for view in sample.views]
            views = tuple(zip(names, paths, (view.start_frame for view in sample.views)))
            part = f"line{number + 1}" if lines[sample.event] > 1 else ""
            sources.append(Source(sample.event, sample.split, part, views))
    else:
        for folder in sorted(p for p in data_root.iterdir() if p.is_dir() and not p.name.startswith(".")):
            files = sorted(p for p in folder.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES)
            if len(files) < 2:
                dropped.append(
                    Dropped(folder.name, "", f"has {len(files)} video files; an event needs two or more")
                )
                continue
            names = view_names([View(file.name, 0, 1, 1.0) for file in files])
            views = tuple((name, str(file.absolute()), 0) for name, file in zip(names, files))
            sources.append(Source(folder.name, "", "", views))
    if not sources:
        raise ManifestError(
            f"{data_root} has neither a {MANIFEST_NAME} nor a sub-folder with two or more videos "
            f"({', '.join(VIDEO_SUFFIXES)}); put each event's videos into a folder of its own"
        )
    return sources, dropped


def plan_source(
    source: Source, *, max_frames: int, segment_frames: int, min_frames: int = 0
) -> tuple[list[ViewJob], list[Dropped]]:
    """What to cut out of each view. Unusable views are dropped; an event needs two that are left."""
    dropped = []
    infos: dict[str, tuple[str, int, VideoInfo]] = {}
    for name, path, start in source.views:
        try:
            info = probe(path)
        except VideoError as error:
            dropped.append(Dropped(source.event, name, str(error)))
            continue
        if info.truncated:
            dropped.append(Dropped(source.event, name, f"{path}: the file is cut off; copy it again"))
            continue
        infos[name] = (path, start, info)
    if len(infos) < 2:
        return [], [*dropped, Dropped(source.event, "", "fewer than two views can be read")]
    rates = [info.fps for _, _, info in infos.values()]
    if max(rates) > min(rates) * (1 + FPS_TOLERANCE):
        listed = ", ".join(f"{name} {info.fps:.6g}" for name, (_, _, info) in infos.items())
        return [], [
            *dropped,
            Dropped(source.event, "", f"frame rates differ ({listed}); convert to one rate"),
        ]
    begin = max(start for _, start, _ in infos.values())
    end = min(start + info.num_frames for _, start, info in infos.values())
    if begin >= end:
        return [], [*dropped, Dropped(source.event, "", "the views have no moment in common")]
    if end - begin < min_frames:
        why = f"its views share {end - begin} frames, fewer than --min_frames {min_frames}"
        return [], [*dropped, Dropped(source.event, "", why)]
    first = min(start for _, start, _ in infos.values())
    last = max(start + info.num_frames for _, start, info in infos.values())
    if max_frames:
        first, last = begin, min(end, begin + max_frames)
    count = max(1, (last - first) // segment_frames) if segment_frames else 1
    bounds = [first + (last - first) * i // count for i in range(count + 1)]
    jobs = []
    for name, (path, start, info) in infos.items():
        cuts = []
        for i, (low, high) in enumerate(pairwise(bounds)):
            low, high = max(low, start), min(high, start + info.num_frames)
            if low < high:
                stem = "_".join(
                    [name, *([source.part] if source.part else []), *([f"{i:03d}"] if count > 1 else [])]
                )
                clip = f"{_file_name(source.event)}/{_file_name(stem)}.mp4"
                cuts.append(Cut(clip, i, low - start, high - low, low))
        jobs.append(ViewJob(source.event, source.part, name, path, rates[0], tuple(cuts)))
    return jobs, dropped


def choose_splits(
    sources: Sequence[Source], *, val_events: Sequence[str], val_share: float | None, seed: int
) -> dict[str, str]:
    """Split of each event: the listed ones or a seeded share are "val"; else what the source says.

    Raises ManifestError: an event that is not there, or nothing that says which events are "val".
    """
    events = sorted({source.event for source in sources})
    for event in val_events:
        if event not in events:
            raise ManifestError(f"--val_events {event}: there is no such event{nearest(event, events)}")
    if val_events:
        return {event: "val" if event in val_events else "train" for event in events}
    if val_share is None:
        said = {source.event: source.split for source in sources}
        if not all(said.values()):
            raise ManifestError("the source folder has no splits; give --val_events or --val_share")
        return said
    count = round(val_share * len(events))
    if len(events) > 1:
        count = min(max(count, 1), len(events) - 1)
    order = sorted(events, key=lambda event: hashlib.sha256(f"{seed}/{event}".encode()).digest())
    return {event: "val" if i < count else "train" for i, event in enumerate(order)}


def assemble(jobs: Iterable[ViewJob], splits: dict[str, str]) -> tuple[list[Sample], list[Dropped]]:
    """One sample for each segment of each source; segments that are left with one view are dropped."""
    groups: dict[tuple[str, str, int], list[View]] = {}
    for job in jobs:
        for cut in job.cuts:
            view = View(cut.clip, cut.start_frame, cut.num_frames, job.fps)
            groups.setdefault((job.event, job.part, cut.segment), []).append(view)
    samples, dropped = [], []
    for (event, _, segment), views in groups.items():
        overlap = min(view.end_frame for view in views) - max(view.start_frame for view in views)
        if len(views) < 2 or overlap < 1:
            dropped.append(Dropped(event, f"segment {segment}", "fewer than two views, or none in common"))
            continue
        samples.append(Sample(event, splits[event], tuple(views)))
    return samples, dropped


def _file_name(text: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else "_" for c in text)
