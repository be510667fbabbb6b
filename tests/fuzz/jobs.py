"""The jobs that write, small: how each is started, and started again after it was killed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dataset_preparation import multiview_process, synthetic_process
from videosync.cli import audit, batch, construct, export, export_timeline, sync, train, train_detector

ANSWER = "answer.json"
GOES_ON = ("--continue_train",)
EVENTS = ["--frames", "48", "--size", "32", "--offset_range", "6", "--workers", "1", "--seed", "3"]
CONFIG = """
data: {dataset: synthetic, image_size: 32, num_frames: 24, views: cross, sampling_region: 1.0, num_workers: 0}
pairs: {num_frames: 24, max_offset: 6, windows_train: 2, windows_val: 2}
model: {backbone: small, input: motion, layer: 0, temporal_kernel: 5, fc_layers: 1, fc_size: 16, dropout: 0.0,
        hidden_size: 16, positions: none, layers: 1, heads: 2, ff_size: 16, embedding_size: 16, projection_size: 0}
train: {epochs: 3, batch_size: 2, eval_every: 1, save_every: 1, holdout: 0.4}
"""


@dataclass(frozen=True)
class Job:
    """One command.

    Args:
        run: takes the folder of what all jobs read, and the one to write into; returns the exit code.
        again: the same, as a user goes on after a kill.
        same: endings of the names of files that hold the same bytes however often the job was killed.
        alike: of videos that show the same, and may be encoded otherwise.
    """

    run: Callable[[Path, Path], int]
    again: Callable[[Path, Path], int]
    same: tuple[str, ...]
    alike: tuple[str, ...] = ()


def make_source(folder: Path) -> None:
    """What the jobs read: events, a configuration, an encoder that was trained, a similarity set."""
    events = ["--train_events", "4", "--val_events", "2", *EVENTS]
    assert synthetic_process.main(["--output_dir", str(folder / "synthetic"), *events]) == 0
    for event in ("train_0000", "val_0000"):
        shutil.copytree(folder / "synthetic" / event, folder / "few" / event)
    (folder / "tiny.yml").write_text(CONFIG)
    assert train.main(flags(folder, folder / "encoder")) == 0
    assert construct_sets(folder, folder / "sets") == 0
    assert (
        _placed(sync.main([*_cameras(folder), "--cue", "motion", "--accept", "0.001", f"--json={folder / ANSWER}"]))
        == 0
    )


def flags(source: Path, logdir: Path, *opts: str, more: tuple[str, ...] = ()) -> list[str]:
    paths = ["--workdir", str(source), "--cfg_file", str(source / "tiny.yml"), "--logdir", str(logdir)]
    return [*paths, *more, "--opts", "log.every=1", *opts]


def train_encoder(source: Path, out: Path, *opts: str, more: tuple[str, ...] = ()) -> int:
    return train.main(flags(source, out / "run", *opts, more=more))


def _prepare(source: Path, out: Path) -> int:
    return synthetic_process.main(["--output_dir", str(out), "--train_events", "2", "--val_events", "1", *EVENTS])


def multiview(source: Path, out: Path) -> int:
    folders = ["--data_root", str(source / "synthetic"), "--output_dir", str(out)]
    return multiview_process.main([*folders, "--size", "32", "--workers", "1", "--limit", "3"])


def construct_sets(source: Path, out: Path) -> int:
    more = ("--dataset_prefix", "small")
    return construct.main(flags(source, source / "encoder", f"paths.sets={out}", more=more))


def train_detectors(source: Path, out: Path) -> int:
    opts = (f"paths.sets={source / 'sets'}", f"paths.detectors={out}")
    words = ("--sync_methods", "log_reg", "--prefix", "small")
    return train_detector.main(flags(source, out / "log", *opts, more=words))


def _cameras(source: Path) -> list[str]:
    event = source / "synthetic" / "train_0000"
    return [str(event / "cam0.mp4"), str(event / "cam1.mp4")]


def _written(out: Path, **flags: str) -> list[str]:
    return [f"--{flag.replace('_', '-')}={out / name}" for flag, name in flags.items()]


def _placed(code: int) -> int:
    """What the answer is does not matter here."""
    return 0 if code in (3, 4) else code


def _sync(source: Path, out: Path, *more: str) -> int:
    written = _written(out, json="a.json", trim="cut", report="page.html", plot="p.png", otio="p.otio", cache="signals")
    return _placed(sync.main([*_cameras(source), "--cue", "motion", "--accept", "0.001", *written, *more]))


def _edit(source: Path, out: Path, *more: str) -> int:
    """From a saved answer: streams that are copied, a page with its videos beside it, and all kinds of projects."""
    written = _written(
        out, trim="cut", report="page.html", preview="all.mp4", premiere="p.xml", fcpxml="p.fcpxml", mlt="p.mlt",
        edl="edl", frames_csv="f.csv", manifest="set",
    )  # fmt: skip
    return export_timeline.main([str(source / ANSWER), "--fast", "--report-videos", "beside", *written, *more])


def _batch(source: Path, out: Path) -> int:
    """Two events, each with a page and a table."""
    words = [str(source / "few"), "--output-dir", str(out), "--workers", "1", "--cue", "motion"]
    return _placed(batch.main([*words, "--accept", "0.001", "--frames-csv", "--report", f"--json={out / 'all.json'}"]))


def _audit(source: Path, out: Path) -> int:
    written = _written(out, csv="a.csv", plot="a.png")
    return _placed(audit.main([str(source / "few"), "--cue", "motion", *written]))


def train_decoded(source: Path, out: Path, *more: str) -> int:
    """Training from files that are decoded once, into a folder."""
    return train_encoder(source, out, f"paths.decoded={out / 'decoded'}", "train.epochs=1", more=more)


def _export(source: Path, out: Path) -> int:
    words = ["--output", str(out / "encoder"), "--format", "safetensors", "--workdir", str(source)]
    return export.main([str(source / "encoder"), *words])


def _export_again(source: Path, out: Path) -> int:
    """It replaces nothing, so what is there is taken away first."""
    shutil.rmtree(out / "encoder", ignore_errors=True)
    return _export(source, out)


JOBS = {
    "train": Job(train_encoder, lambda source, out: train_encoder(source, out, more=GOES_ON), ("model.safetensors",)),
    "prepare": Job(_prepare, _prepare, (".mp4", "manifest.jsonl")),
    "multiview": Job(multiview, multiview, (".mp4", "manifest.jsonl")),
    "construct": Job(construct_sets, construct_sets, (".npy",)),
    "detectors": Job(train_detectors, train_detectors, ("detector.safetensors",)),
    "sync": Job(_sync, lambda source, out: _sync(source, out, "--force"), (".json", ".otio"), (".mp4",)),
    "edit": Job(
        _edit,
        lambda source, out: _edit(source, out, "--force"),
        ("_synced.mp4", ".xml", ".fcpxml", ".mlt", ".edl", ".csv", ".jsonl"),
        ("all.mp4",),
    ),
    "batch": Job(_batch, _batch, ("answer.json", "summary.csv", "frames.csv")),
    "audit": Job(_audit, _audit, (".csv",)),
    "decoded": Job(
        train_decoded, lambda source, out: train_decoded(source, out, *GOES_ON), ("model.safetensors", ".npy")
    ),
    "export": Job(_export, _export_again, ("model.safetensors", "config.yaml")),
}
