"""Cameras that move: what it does to the answer, and what taking their motion out gives back.

    python dataset_preparation/synthetic_process.py --output_dir SYN/head --train_events 0 --val_events 14 \\
        --frames 180 --size 128 --offset_range 30 --seed 501 --camera_motion head     # and pan, handheld, fixed
    python -m benchmarks.moving_cameras --real ~/datasets/mine --parallax SYN --output runs/moving

``--real``: footage of fixed cameras, filmed again by virtual ones that shake, pan or turn (see virtual_camera.py: the
pictures are real, the camera's motion is not, and there is no parallax). ``--parallax``: a folder of prepared
datasets, one for each kind of camera, in which cameras really move through the scene. Kinds with the same scenes are
asked about the same windows. Every cue answers with the camera's motion taken out and without; always 0 stands beside.

Answers of ``motion`` are accepted as ``videosync sync`` accepts those of a pair.
Intervals are 95 % of a bootstrap over pairs of views; means over sets weigh these equally.
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from benchmarks.virtual_camera import KINDS, film
from videosync.cues.evidence import scores_with_evidence
from videosync.cues.named import CUES
from videosync.data.manifest import Manifest, read_manifest, write_manifest
from videosync.data.samples import Sample, View
from videosync.evaluation.intervals import Interval, interval_text, share_interval, stratified_means
from videosync.signals.grey import small_size
from videosync.signals.measure import Source, measure
from videosync.signals.motion import CAMERA, MotionMeter
from videosync.timeline.calibration import CALIBRATIONS
from videosync.timeline.placement import judge
from videosync.video.index import video_index
from videosync.video.read import iter_frames

SIZE = 160  # pixels, as videosync sync
LONGEST, LEAST_SEARCH = 240, 5  # frames of a window; lags to either side
CUES_ASKED = ("energy", "motion")
Signals = dict[str, np.ndarray]


@dataclass(frozen=True)
class Row:
    """One window and what was said about it. ``true`` is None of two events that have nothing in common."""

    data: str
    kind: str
    event: str
    pair: str
    method: str
    true: int | None
    said: float
    confidence: float | None = None  # None: the method has none
    accepted: bool = False


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--real", type=Path, metavar="FOLDER", help="prepared dataset of fixed cameras")
    add("--frames", type=int, default=480, help="that are filmed of each file (default %(default)s)")
    add(
        "--parallax",
        type=Path,
        metavar="FOLDER",
        help="with a prepared dataset for each kind of camera in it",
    )
    add("--events", type=int, nargs=2, default=(0, 10**6), metavar=("FIRST", "STOP"),
        help="of each --parallax dataset, in the order of its manifest (default: all)")  # fmt: skip
    add("--windows", type=int, default=4, help="a pair of views (default %(default)s)")
    add("--max_offset", type=int, default=30, help="frames (default %(default)s)")
    add("--seed", type=int, default=0)
    add("--output", type=Path, default=Path("runs/benchmarks/moving_cameras"), help="(default %(default)s)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = arguments().parse_args(argv)
    if args.real is None and args.parallax is None:
        arguments().error("give --real, --parallax or both")
    sources: list[tuple[str, str, Manifest]] = []
    if args.real is not None:
        filmed = args.output / f"filmed_{args.frames}_{args.seed}"
        film_all(args.real, filmed, args.frames, args.seed)
        sources += [("real", kind, read_manifest(filmed / kind)) for kind in KINDS]
    if args.parallax is not None:
        folders = sorted(path.parent for path in args.parallax.glob("*/manifest.jsonl"))
        sources += [
            ("parallax", folder.name, _some(read_manifest(folder), *args.events)) for folder in folders
        ]
    rows: list[Row] = []
    moving: dict[str, float] = {}
    for data, kind, manifest in sources:
        measured = measure_all(manifest, f"{data} {kind}")
        moving[f"{data} {kind}"] = float(np.mean([bool(s[CAMERA].any()) for s, _ in measured.values()]))
        rows += ask_all(data, kind, manifest, measured, args)
    table = as_text(rows, moving)
    print(table)
    args.output.mkdir(parents=True, exist_ok=True)
    report = {
        "arguments": {key: str(value) for key, value in vars(args).items()},
        "moving": moving,
        "rows": [asdict(row) for row in rows],
    }
    (args.output / "moving_cameras.json").write_text(json.dumps(report) + "\n", encoding="utf-8")
    (args.output / "moving_cameras.md").write_text(table + "\n", encoding="utf-8")
    return 0


def film_all(source: Path, target: Path, frames: int, seed: int) -> None:
    """Datasets ``target/<kind>`` of all kinds of virtual cameras; files that are there are kept."""
    manifest = read_manifest(source)
    samples: dict[str, list[Sample]] = {kind: [] for kind in KINDS}
    for sample in tqdm(manifest.samples, desc="filming", unit="event", disable=not sys.stderr.isatty()):
        low = max(view.start_frame for view in sample.views)
        stop = min(view.end_frame for view in sample.views)
        count = min(frames, stop - low)
        if len(sample.views) < 2 or count < 2 * LEAST_SEARCH:
            continue
        for view in sample.views:
            targets = {kind: target / kind / view.video for kind in KINDS}
            if not all(path.exists() for path in targets.values()):
                for path in targets.values():
                    path.parent.mkdir(parents=True, exist_ok=True)
                key = [seed, zlib.crc32(view.video.encode())]
                film(manifest.path(view), targets, first=low - view.start_frame, num_frames=count, seed=key)
        views = tuple(View(view.video, 0, count, view.fps) for view in sample.views)
        for kind in KINDS:
            samples[kind].append(Sample(sample.event, sample.split, views))
    for kind in KINDS:
        write_manifest(target / kind, samples[kind])


def _some(manifest: Manifest, first: int, stop: int) -> Manifest:
    return Manifest(manifest.root, manifest.samples[first:stop])


def measure_all(manifest: Manifest, title: str) -> dict[str, tuple[Signals, Signals]]:
    """Video → signals with the camera's motion taken out, and without."""
    channels = tuple(dict.fromkeys(name for cue in CUES_ASKED for name in CUES[cue].channels))
    meters = [MotionMeter(channels, size=SIZE, stabilise=stabilise) for stabilise in (True, False)]
    found = {}
    views = [view for sample in manifest.samples for view in sample.views]
    for view in tqdm(views, desc=title, unit="file", disable=not sys.stderr.isatty()):
        path = manifest.path(view)
        index = video_index(path)
        shown = index.orientation.stored_size((index.height, index.width))
        frames = list(iter_frames(path, 0, view.num_frames, size=small_size(*shown, SIZE)))
        source = Source(tuple(key.frame for key in index.keys))
        on, off = (measure(frames, [meter], source) for meter in meters)
        found[view.video] = on, off
    return found


def ask_all(
    data: str,
    kind: str,
    manifest: Manifest,
    measured: dict[str, tuple[Signals, Signals]],
    args: argparse.Namespace,
) -> Iterator[Row]:
    samples = manifest.samples
    for number, sample in enumerate(samples):
        for view0, view1 in combinations(sample.views, 2):
            pair = f"{view0.video} {view1.video}"
            rng = np.random.default_rng([args.seed, zlib.crc32(pair.encode())])
            for _ in range(args.windows):
                drawn = _window(view0, view1, args.max_offset, rng)
                if drawn is None:
                    continue
                start0, start1, frames, search, true = drawn
                named = (data, kind, sample.event, pair)
                yield Row(*named, "always 0", true, 0.0)
                yield from _answers(
                    named, measured[view0.video], measured[view1.video], start0, start1, frames, search, true
                )
        other = samples[(number + 1) % len(samples)]
        if other.event != sample.event:  # nothing in common
            view0, view1 = sample.views[0], other.views[-1]
            frames = min(view0.num_frames, view1.num_frames, LONGEST)
            search = min(args.max_offset, frames // 2)
            named = (data, kind, f"{sample.event}, {other.event}", f"{view0.video} {view1.video}")
            yield from _answers(
                named, measured[view0.video], measured[view1.video], 0, 0, frames, search, None
            )


def _answers(
    named: tuple[str, str, str, str],
    clip0: tuple[Signals, Signals],
    clip1: tuple[Signals, Signals],
    start0: int,
    start1: int,
    frames: int,
    search: int,
    true: int | None,
) -> Iterator[Row]:
    for place, taken in enumerate(("taken out", "left in")):
        part0 = {name: signal[start0 : start0 + frames] for name, signal in clip0[place].items()}
        part1 = {name: signal[start1 : start1 + frames] for name, signal in clip1[place].items()}
        for cue in CUES_ASKED:
            lags = range(-search, search + 1)
            curve = scores_with_evidence(CUES[cue], part0, part1, lags, cue)
            said = judge(curve) if cue in CALIBRATIONS else None
            answer = float(curve.vertex(curve.best()))
            if said is None:
                yield Row(*named, f"{cue}, {taken}", true, answer)
            else:
                accepted = said.doubt is None
                yield Row(*named, f"{cue}, {taken}", true, answer, said.confidence, accepted)


def _window(
    view0: View, view1: View, max_offset: int, rng: np.random.Generator
) -> tuple[int, int, int, int, int] | None:
    """First frame in either file, frames, largest offset that is searched, and the true one; None: too short."""
    low, stop = max(view0.start_frame, view1.start_frame), min(view0.end_frame, view1.end_frame)
    frames = LONGEST if stop - low >= LONGEST + max_offset else int(0.6 * (stop - low))
    search = min(max_offset, stop - low - frames, frames // 2)
    if search < LEAST_SEARCH:
        return None
    true = int(rng.integers(-search, search + 1))
    first = low + int(rng.integers(stop - low - frames - abs(true) + 1)) + max(true, 0)
    return first - view0.start_frame, first - true - view1.start_frame, frames, search, true


def as_text(rows: Sequence[Row], moving: dict[str, float]) -> str:
    """A Markdown table: one line for each kind of data, camera and method."""
    titles = (
        "footage", "camera", "found to move", "method", "mean error", "within 1 (95 %)", "within 5", "accepted",
        "right of those", "unrelated accepted",
    )  # fmt: skip
    lines = [" | ".join(titles), " | ".join(["---"] * len(titles))]
    groups = dict.fromkeys((row.data, row.kind, row.method) for row in rows)
    for data, kind, method in groups:
        those = [row for row in rows if (row.data, row.kind, row.method) == (data, kind, method)]
        related, strangers = [r for r in those if r.true is not None], [r for r in those if r.true is None]
        around = interval_text(_interval(related), ".0f", 100)
        judged = related[0].confidence is not None
        sure = [r for r in related if r.accepted]
        cells = (
            data, kind, f"{100 * moving[f'{data} {kind}']:.0f} %", method,
            f"{_mean(related, _error):.2f}",
            f"{100 * _mean(related, lambda r: _error(r) < 1.5):.0f} % ({around})",
            f"{100 * _mean(related, lambda r: _error(r) < 5.5):.0f} %",
            f"{100 * _mean(related, lambda r: r.accepted):.0f} %" if judged else "",
            f"{sum(_error(r) < 1.5 for r in sure)} of {len(sure)}" if judged else "",
            f"{sum(r.accepted for r in strangers)} of {len(strangers)}" if judged and strangers else "",
        )  # fmt: skip
        lines.append(" | ".join(cells))
    return "\n".join(f"| {line} |" for line in lines)


def _error(row: Row) -> float:
    assert row.true is not None
    return abs(row.said - row.true)


def _mean(rows: Sequence[Row], of: Any) -> float:
    """Mean over sets, which weigh the same; events of a synthetic dataset are one set."""
    sets = dict.fromkeys(_set(row) for row in rows)
    return float(np.mean([np.mean([of(row) for row in rows if _set(row) == one]) for one in sets]))


def _set(row: Row) -> str:
    return row.event if row.data == "real" else row.data


def _interval(rows: Sequence[Row]) -> Interval | None:
    """95 % interval of the share within 1 frame, over pairs of views drawn within their sets."""
    sets: dict[str, dict[str, list[float]]] = {}
    for row in rows:
        sets.setdefault(_set(row), {}).setdefault(row.pair, []).append(_error(row) < 1.5)
    strata = [np.array([[np.mean(hits) for hits in pairs.values()]]) for pairs in sets.values()]  # [1, pairs]
    drawn = stratified_means(strata, bootstrap=2000, seed=0)[:, 0]
    share = float(np.mean([shares.mean() for shares in strata]))
    return share_interval(drawn, share, sum(shares.shape[1] for shares in strata))


if __name__ == "__main__":
    sys.exit(main())
