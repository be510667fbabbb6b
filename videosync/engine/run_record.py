"""What a training run was: its commands, data and versions, in ``run.json`` beside the checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from videosync.checkpoints.checkpoint import git_commit
from videosync.config.schema import Config
from videosync.data.labelled import labelled_views
from videosync.data.manifest import read_manifest
from videosync.data.samples import MANIFEST_NAME
from videosync.engine.held_out import TRAIN_SPLIT, split_train_events
from videosync.engine.losses import build_loss
from videosync.engine.reports import read_report, write_report
from videosync.files import file_hash
from videosync.models.card import is_export, read_card

RUN_FILE = "run.json"


def record_run(logdir: Path, config: Config, *, workdir: Path, command: str, processes: int) -> None:
    """Write ``run.json``, or add this ``command`` to the one that is there (training that goes on)."""
    commands = [*read_run(logdir).get("commands", []), command]
    data = training_data(config, workdir)
    run = {"commands": commands, "processes": processes, "data": data, "git_commit": git_commit()}
    write_report(logdir / RUN_FILE, run)


def read_run(logdir: Path) -> dict[str, Any]:
    """What ``run.json`` says; {} where there is none. Raises CheckpointError when it is damaged."""
    return read_report(logdir / RUN_FILE, "delete it to go on without it")


def trained_rates(logdir: Path) -> list[float]:
    """Frames/s of the videos that a run or an exported encoder was trained on; none where that was not recorded."""
    run = read_card(logdir, kind="encoder").get("training", {}) if is_export(logdir) else read_run(logdir)
    data = run.get("data", {})
    rates = data.get("frame_rates", []) if isinstance(data, dict) else []
    return [rate for rate in rates if isinstance(rate, int | float)] if isinstance(rates, list) else []


def training_data(config: Config, workdir: Path) -> dict[str, Any]:
    """What ``config`` trains on, counted in its manifest.

    Raises ManifestError: the dataset is not in ``workdir``, or has nothing to train on.
    """
    folder = workdir / config.data.dataset
    manifest = read_manifest(folder)
    if build_loss(config).labels:
        manifest = labelled_views(manifest, TRAIN_SPLIT)
    train, held_out = split_train_events(config, manifest)
    samples = train.of_split(TRAIN_SPLIT)
    views = {(v.video, v.num_frames, v.fps) for sample in samples for v in sample.views}
    return {
        "dataset": config.data.dataset,
        "split": TRAIN_SPLIT,
        "events": len({sample.event for sample in samples}),
        "samples": len(samples),
        "videos": len(views),
        "frame_rates": sorted({round(fps, 3) for _, _, fps in views}),
        "hours": round(sum(frames / fps for _, frames, fps in views) / 3600, 3),
        "held_out_events": len({sample.event for sample in held_out.samples}),
        "manifest_hash": file_hash(folder / MANIFEST_NAME),
    }
