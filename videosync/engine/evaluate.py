"""The evaluation job: the tasks that ``eval.tasks`` names, one report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from videosync.config.schema import Config
from videosync.engine.distributed import Distributed
from videosync.engine.encoders import load_trained_encoder
from videosync.engine.evaluate_phases import PhaseEvaluation
from videosync.engine.evaluate_sync import SyncEvaluation
from videosync.engine.reports import finished_report, write_report
from videosync.evaluation.phase_tasks import TASKS

REPORT_FILE = "metrics.json"
SYNC_TASK = "sync_offset"


def run_evaluation(
    config: Config,
    *,
    workdir: Path,
    logdir: Path,
    output: Path,
    keep_finished: bool,
    command: str,
    distributed: Distributed,
) -> str:
    """Evaluate the encoder trained in ``logdir`` on ``config.eval.split``; returns titled tables (rank 0).

    Writes ``metrics.json`` and pictures into ``output``; of sync also ``pairs.csv``, of phases also aligned videos.

    With ``keep_finished`` an evaluation of the same encoder, videos and detectors with the same options is read back.

    Raises:
        CheckpointError: no checkpoint in ``logdir``, or a detector that is absent or made for other matrices.
        ManifestError, VideoError: the dataset is missing, cannot be read, or does not allow a task.
    """
    sync = SyncEvaluation(config, workdir) if SYNC_TASK in config.eval.tasks else None
    named = [task for task in TASKS if task in config.eval.tasks]
    phases = PhaseEvaluation(config, workdir, named) if named else None
    encoder, encoder_id = load_trained_encoder(
        config, workdir=workdir, logdir=logdir, device=distributed.device
    )
    taken = encoder_id.pop("checkpoint")
    facts = {
        "encoder": encoder_id,
        "config": asdict(config),
        **(sync.facts if sync else {}),
        **(phases.facts if phases else {}),
    }
    if keep_finished:
        finished = distributed.broadcast(
            distributed.together(lambda: finished_report(output / REPORT_FILE, facts))
        )
        if finished:
            return titled_tables({**finished, "checkpoint": taken})
    report: dict[str, Any] = {"split": config.eval.split, "dataset": config.data.dataset, "command": command}
    if sync:
        report.update(sync.run(encoder, output, distributed))
    if phases:
        report["phases"] = phases.run(encoder, output, distributed)
    if not distributed.is_main:
        return ""
    report.update(facts, checkpoint=taken)
    write_report(output / REPORT_FILE, report)  # last: where it is, everything is
    return titled_tables(report)


def titled_tables(report: Mapping[str, Any]) -> str:
    """Which checkpoint was taken, and the tables of a report, each below a line that says what it is about."""
    about = f"{report['dataset']}, split {report['split']}"
    tables = [f"checkpoint {report['checkpoint']['why']}"] if report["checkpoint"] else []
    if "table" in report:
        tables.append(f"Offset errors on {about}\n{report['table']}")
    if "phases" in report:
        tables.append(f"Phases on {about}\n{report['phases']['table']}")
    return "\n\n".join(tables)
