"""The manifest of a dataset folder: ``manifest.jsonl``, one JSON object a line, one line a *sample*.

::

    {"event": "run_07", "split": "train", "views": [
        {"video": "run_07/cam0.mp4", "start_frame": 0,  "num_frames": 300, "fps": 30.0},
        {"video": "run_07/cam1.mp4", "start_frame": 12, "num_frames": 300, "fps": 30.0}]}

``video`` is relative to the manifest. ``start_frame`` is where the file's frame 0 lies on the event's common
timeline, so two views of one sample are ``k = start0 - start1`` frames apart (the sign is said in
:mod:`videosync.types`). It counts in the view's own frames, and ``fps`` is the view's own exact rate (29.97002997 for
30000/1001): frame ``i`` shows the time ``(start_frame + i) / fps``. Where cameras run at 30 and 29.97 frames/s, offsets
and windows go by that time (:mod:`videosync.data.clock`).

A line with one view is allowed: self-supervised training needs no second camera; pairs for sync are made of lines with
two views or more. Several lines may share an event (its segments).
A line may have one more key, ``label``: the name of its class, and a view ``frame_labels``: a file with a
label for each of its frames (:mod:`videosync.data.frame_labels`).
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from pathlib import Path

from videosync.data.clock import MOST_DRIFT, common_frames, drift, similar_rates, start_offset
from videosync.data.frame_labels import read_frame_labels
from videosync.data.manifest_lines import format_line, parse_line
from videosync.data.samples import MANIFEST_NAME, Manifest, Sample, View, view_names
from videosync.errors import ManifestError, VideoError, did_you_mean
from videosync.files import read_text, write_text
from videosync.video.read import probe

__all__ = [
    "MANIFEST_NAME",
    "Manifest",
    "Sample",
    "View",
    "clip_problems",
    "read_manifest",
    "require_usable",
    "validate_manifest",
    "write_manifest",
]


def read_manifest(folder: str | Path) -> Manifest:
    """Read ``folder/manifest.jsonl``.

    Only the form is checked here (keys, types, positive lengths and rates); :func:`validate_manifest` checks
    what the lines say against each other and against the files.

    Raises:
        ManifestError: the folder or file is missing, or a line is malformed (file, line and key are named).
    """
    root = Path(folder)
    if not root.is_dir():
        siblings = [p.name for p in root.parent.iterdir() if p.is_dir()] if root.parent.is_dir() else []
        where = "" if root.parent.is_dir() else f" (nor does {root.parent})"
        raise ManifestError(
            f"dataset folder {root} does not exist{where}."
            + did_you_mean(root.name, siblings, f"Expected a folder that holds {MANIFEST_NAME}")
        )
    path = root / MANIFEST_NAME
    if not path.is_file():
        raise ManifestError(
            f"{root} has no {MANIFEST_NAME}; write one with a script of dataset_preparation/, "
            "or give the folder that holds it"
        )
    try:
        text = read_text(path)
    except ValueError as error:
        raise ManifestError(f"{path}: {error}") from error
    lines = text.split("\n")
    samples = tuple(parse_line(line, f"{path}:{i}") for i, line in enumerate(lines, start=1) if line.strip())
    if not samples:
        raise ManifestError(f"{path} is empty; it needs at least one line with event, split and views")
    return Manifest(root=root, samples=samples)


def write_manifest(folder: str | Path, samples: Iterable[Sample]) -> None:
    """Write ``folder/manifest.jsonl``: complete or not at all, the same bytes for the same samples.

    Raises:
        ManifestError: a sample could not be read back (its keys or types are wrong), or there is none.
        VideoWriteError: the place cannot be written, or is full.
    """
    root = Path(folder)
    path = root / MANIFEST_NAME
    lines = [format_line(sample) for sample in samples]
    if not lines:
        raise ManifestError(f"{path}: nothing to write; a manifest needs at least one sample")
    for number, line in enumerate(lines, start=1):
        parse_line(line, f"{path}:{number}")
    write_text(path, "\n".join(lines) + "\n")


def validate_manifest(manifest: Manifest, *, deep: bool = False, max_offset: int | None = None) -> list[str]:
    """Everything that is wrong with a manifest, in the order of its lines; empty when nothing is.

    An event or a file in two splits would let a model be tested on what it was trained on; a view's file
    belongs to the manifest as a whole, so a file that two splits name is an overlap however it is placed.

    Args:
        deep: also read every file's packets and compare frame count and rate (its last frame within half a frame of
            where fps puts it), and read the frame labels of views that have them.
        max_offset: K; also list samples whose views start further apart than this many frames.
    """
    problems = [*_split_problems(manifest), *_file_problems(manifest), *_duplicate_problems(manifest)]
    for number, sample in enumerate(manifest.samples, start=1):
        problems += [f"sample {number} ({sample.event}): {text}" for text in _sample_problems(sample, max_offset)]
    missing = _missing(manifest, manifest.samples)
    problems += [f"{video}: the file is missing from {manifest.root}" for video in sorted(missing)]
    if deep:
        problems += clip_problems(manifest, _views(manifest.samples))
    return problems


def clip_problems(
    manifest: Manifest, views: Iterable[View], *, on_clip: Callable[[], object] = lambda: None
) -> list[str]:
    """Where files differ from what the manifest says of them (length, rate, frame labels); packets are read.

    Files that are missing are passed over: :func:`validate_manifest` names them. ``on_clip`` is called after each file.
    """
    chosen = {view.video: view for view in views}
    missing = _missing(manifest, manifest.samples)
    problems = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        present = [view for video, view in chosen.items() if video not in missing]
        for found in pool.map(lambda view: _probe_problems(manifest, view), present):
            problems += found
            on_clip()
    return problems


def require_usable(manifest: Manifest, split: str) -> None:
    """Refuse what would make a result worthless, or stop a run in its middle.

    Raises:
        ManifestError: an event or a file is in two splits, there is no such split, or files of it are missing.
    """
    problems = list(_split_problems(manifest))
    missing = sorted(_missing(manifest, manifest.of_split(split)))
    problems += [f"{video}: the file is missing from {manifest.root}" for video in missing]
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise ManifestError(
            f"{manifest.root / MANIFEST_NAME}: {problems[0]}{more}; 'videosync check {manifest.root}' lists all"
        )


def _views(samples: Iterable[Sample]) -> Iterator[View]:
    for sample in samples:
        yield from sample.views


def _missing(manifest: Manifest, samples: Iterable[Sample]) -> set[str]:
    """Videos that are not there. Each folder is listed once, which is quick where a look at each file is not."""
    paths = {view.video: manifest.path(view) for view in _views(samples)}
    folders = {path.parent for path in paths.values()}
    there = {folder: set(os.listdir(folder)) if folder.is_dir() else set() for folder in folders}
    return {video for video, path in paths.items() if path.name not in there[path.parent]}


def _split_problems(manifest: Manifest) -> Iterator[str]:
    """Events, then files, that are in more than one split."""
    events: dict[str, dict[str, None]] = defaultdict(dict)
    files: dict[str, dict[str, None]] = defaultdict(dict)
    for sample in manifest.samples:
        events[sample.event][sample.split] = None
        for view in sample.views:
            files[os.path.normpath(view.video)][sample.split] = None
    for event, splits in events.items():
        if len(splits) > 1:
            yield f"event '{event}' is in splits {_and(splits)}; an event may be in one split only"
    for video, splits in files.items():
        if len(splits) > 1:
            yield f"{video}: its frames are in splits {_and(splits)}; a file may be in one split only"


def _file_problems(manifest: Manifest) -> Iterator[str]:
    """One file, one place: in one event, at one start, with one length and rate."""
    uses: dict[str, list[tuple[Sample, View]]] = defaultdict(list)
    for sample in manifest.samples:
        for view in sample.views:
            uses[os.path.normpath(view.video)].append((sample, view))
    for video, found in uses.items():
        events = list(dict.fromkeys(sample.event for sample, _ in found))
        if len({sample.split for sample, _ in found}) > 1:
            continue  # _split_problems has said so
        if len(events) > 1:
            yield f"{video}: belongs to events {_and(events)}; a file shows one event"
        elif len({(view.start_frame, view.num_frames, view.fps, view.frame_labels) for _, view in found}) > 1:
            keys = "start_frame, num_frames, fps or frame_labels"
            yield f"{video}: listed with different {keys}; say the same on each line"


def _duplicate_problems(manifest: Manifest) -> Iterator[str]:
    first: dict[tuple[str, frozenset[str]], int] = {}
    for number, sample in enumerate(manifest.samples, start=1):
        key = (sample.event, frozenset(os.path.normpath(view.video) for view in sample.views))
        if key in first:
            yield f"sample {number} ({sample.event}): has the same videos as sample {first[key]}; delete one"
        first.setdefault(key, number)


def _sample_problems(sample: Sample, max_offset: int | None) -> Iterator[str]:
    names = view_names(sample.views)
    for view, name in zip(sample.views, names):
        if view.start_frame < 0:
            yield f"{name} has start_frame {view.start_frame}; shift the event so that it starts at 0"
    for (view0, name0), (view1, name1) in combinations(zip(sample.views, names), 2):
        if os.path.normpath(view0.video) == os.path.normpath(view1.video):
            yield f"{view0.video} is listed twice; views must be different files"
            continue
        apart = start_offset(view0, view1)
        if not similar_rates(view0, view1):
            yield (
                f"{name0} has {view0.fps:g} frames/s and {name1} {view1.fps:g}; views of one event need one "
                "rate, or an offset in frames means nothing: transcode them to one"
            )
        if common_frames(view0, view1) <= 0:
            yield f"{name0} and {name1} have no moment in common (frames {_span(view0)} and {_span(view1)})"
        elif max_offset is not None and abs(apart) > max_offset:
            yield f"{name0} and {name1} start {apart} frames apart, outside -{max_offset} … {max_offset}"


def _probe_problems(manifest: Manifest, view: View) -> list[str]:
    problems = []
    if view.frame_labels is not None:
        try:
            read_frame_labels(manifest, view)
        except ManifestError as error:
            problems.append(str(error))
    try:
        info = probe(manifest.path(view))
    except VideoError as error:
        return [*problems, str(error)]
    if info.num_frames != view.num_frames:
        problems.append(f"{view.video}: the manifest says {view.num_frames} frames, the file has {info.num_frames}")
    if info.clock is not None:
        problems.append(f"{view.video}: {info.clock}")
    if (off := drift(view.fps, info.fps, info.num_frames)) > MOST_DRIFT:
        problems.append(
            f"{view.video}: the manifest says {view.fps:g} frames/s, the file has {info.fps:.6g}: its last frame is "
            f"{off:.1f} frames from where the manifest puts it"
        )
    return problems


def _span(view: View) -> str:
    return f"{view.start_frame}–{view.end_frame - 1}"


def _and(names: Iterable[str]) -> str:
    quoted = [f"'{name}'" for name in names]
    return ", ".join(quoted[:-1]) + f" and {quoted[-1]}"
