"""What to cut out of which recording: sources, cuts, splits and the samples they become."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from dataset_preparation.arguments import require_folder
from dataset_preparation.clips.dataset import Dropped
from videosync.data.clock import MOST_DRIFT, similar_rates, span_at
from videosync.data.manifest import MANIFEST_NAME, read_manifest
from videosync.data.samples import Sample, View, view_names
from videosync.data.splits import split_by_hash
from videosync.errors import ManifestError, VideoError, did_you_mean
from videosync.video.read import VideoInfo, probe

VIDEO_SUFFIXES = (".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".mts", ".ts", ".wmv")


@dataclass(frozen=True)
class Source:
    """Views of one event that belong together: a line of a manifest, or a sub-folder."""

    event: str
    split: str  # "" where the source does not say
    part: str  # tells apart several sources of one event; else ""
    views: tuple[tuple[str, str, int], ...]  # (name, absolute path, start on the event's timeline, own frames)


@dataclass(frozen=True)
class Segment:
    """A stretch of one source file that becomes one clip."""

    clip: str  # path relative to the output folder
    number: int  # along the event
    first: int  # file frame
    num_frames: int
    start_frame: int  # of ``first`` on the event's timeline, in frames of the view


@dataclass(frozen=True)
class ViewJob:
    """One pass over one source file."""

    name: str
    sources: tuple[str]
    event: str
    part: str
    view: str
    fps: float  # the view's own
    segments: tuple[Segment, ...]

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(segment.clip for segment in self.segments)


def find_sources(data_root: Path) -> tuple[list[Source], list[Dropped]]:
    """The events of a source folder, and the sub-folders that are none. ManifestError if there is none."""
    require_folder(data_root, "the recordings")
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
                    Dropped(
                        folder.name, "", "too few views", f"has {len(files)} video files; an event needs two or more"
                    )
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
    """What to cut out of each view. Unusable views are dropped; an event needs two that are left.

    Cuts go by time: where rates differ (30 and 29.97 frames/s), a segment begins with the frame of each view that is
    nearest to one moment, so that views do not drift apart over a recording. Numbers count frames of the first view.
    """
    dropped = []
    usable: dict[str, View] = {}
    for name, path, start in source.views:
        try:
            info = probe(path)
        except VideoError as error:
            dropped.append(Dropped(source.event, name, "unreadable", str(error)))
            continue
        if info.truncated:
            why = f"{path}: the file is cut off; copy it again"
            dropped.append(Dropped(source.event, name, "unreadable", why))
            continue
        if why := info.clock or _uneven(info):
            dropped.append(Dropped(source.event, name, "frame times", f"{path}: {why}"))
            continue
        usable[name] = View(path, start, info.num_frames, info.fps)
    if len(usable) < 2:
        return [], [*dropped, Dropped(source.event, "", "too few views", "fewer than two views can be used")]
    views = list(usable.values())
    if not similar_rates(min(views, key=_rate), max(views, key=_rate)):
        listed = ", ".join(f"{name} {view.fps:.6g}" for name, view in usable.items())
        return [], [
            *dropped,
            Dropped(source.event, "", "frame rates", f"frame rates differ ({listed}); convert to one rate"),
        ]
    fps = views[0].fps
    spans = [span_at(view, fps) for view in views]
    begin, end = max(low for low, _ in spans), min(high for _, high in spans)
    if begin >= end:
        return [], [*dropped, Dropped(source.event, "", "too short", "the views have no moment in common")]
    if end - begin < min_frames:
        why = f"its views share {end - begin} frames, fewer than --min_frames {min_frames}"
        return [], [*dropped, Dropped(source.event, "", "too short", why)]
    first, last = min(low for low, _ in spans), max(high for _, high in spans)
    if max_frames:
        first, last = begin, min(end, begin + max_frames)
    count = max(1, (last - first) // segment_frames) if segment_frames else 1
    bounds = [first + (last - first) * i // count for i in range(count + 1)]
    jobs = []
    for name, view in usable.items():
        segments = []
        places = np.rint(np.array(bounds) * (view.fps / fps)).astype(int).tolist()
        if not max_frames:  # every frame is kept
            places[0], places[-1] = view.start_frame, view.end_frame
        for i, (low, high) in enumerate(pairwise(places)):
            low, high = max(low, view.start_frame), min(high, view.end_frame)
            if low < high:
                stem = "_".join([name, *([source.part] if source.part else []), *([f"{i:03d}"] if count > 1 else [])])
                clip = f"{_file_name(source.event)}/{_file_name(stem)}.mp4"
                segments.append(Segment(clip, i, low - view.start_frame, high - low, low))
        job_name = f"{source.event}/{source.part}/{name}"
        jobs.append(ViewJob(job_name, (view.video,), source.event, source.part, name, view.fps, tuple(segments)))
    return jobs, dropped


def _rate(view: View) -> float:
    return view.fps


def _uneven(info: VideoInfo) -> str:
    """Why frame numbers do not tell the time of this file; "" where they do, within half a frame."""
    off = np.abs((info.times - info.times[0]) * info.fps - np.arange(info.num_frames))
    if off.max() <= MOST_DRIFT:
        return ""
    return (
        f"has a variable frame rate: frame {off.argmax()} is {off.max():.1f} frames from where {info.fps:.6g} frames/s "
        "put it; convert it to a constant one: ffmpeg -i IN -fps_mode cfr -r 30 OUT"
    )


def choose_splits(
    sources: Sequence[Source], *, val_events: Sequence[str], val_share: float | None, seed: int
) -> dict[str, str]:
    """Split of each event: the listed ones or a seeded share are "val"; else what the source says.

    Raises ManifestError: an event that is not there, or nothing that says which events are "val".
    """
    events = sorted({source.event for source in sources})
    for event in val_events:
        if event not in events:
            raise ManifestError(f"--val_events {event}: there is no such event.{did_you_mean(event, events)}")
    if val_events:
        return {event: "val" if event in val_events else "train" for event in events}
    if val_share is None:
        said = {source.event: source.split for source in sources}
        if not all(said.values()):
            raise ManifestError("the source folder has no splits; give --val_events or --val_share")
        return said
    return split_by_hash(events, val_share=val_share, seed=seed)


def assemble(
    jobs: Iterable[ViewJob], made: Collection[str], splits: dict[str, str]
) -> tuple[list[Sample], list[Dropped]]:
    """One sample for each segment of each source, of the clips in ``made``; segments left with one view are dropped."""
    groups: dict[tuple[str, str, int], list[View]] = {}
    for job in jobs:
        for cut in job.segments:
            views = groups.setdefault((job.event, job.part, cut.number), [])
            if cut.clip in made:
                views.append(View(cut.clip, cut.start_frame, cut.num_frames, job.fps))
    samples, dropped = [], []
    for (event, _, number), views in groups.items():
        spans = [span_at(view, views[0].fps) for view in views]
        if len(views) < 2 or min(high for _, high in spans) <= max(low for low, _ in spans):
            why = "fewer than two views, or none in common"
            dropped.append(Dropped(event, f"segment {number}", "too few views", why))
            continue
        samples.append(Sample(event, splits[event], tuple(views)))
    return samples, dropped


def _file_name(text: str) -> str:
    """A name for files and folders; of different texts, also of those that differ in what no file name may hold."""
    plain = "".join(c if c.isalnum() or c in "-_." else "_" for c in text)
    if plain == text and text.strip("."):
        return text
    return f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:6]}"
