"""The evaluation job: the tasks that ``eval.tasks`` names, one report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from videosync.config.schema import Config
from videosync.engine.distributed import Distributed
from videosync.engine.encoders import load_trained_encoder
from videosync.engine.evaluate_phases import PhaseEvaluation
from videosync.engine.evaluate_recognition import RecognitionEvaluation
from videosync.engine.evaluate_sync import SyncEvaluation
from videosync.engine.identity import options_of, result_code, run_differences
from videosync.engine.reports import REPORT_FILE, named_folder, read_finished, report_folder, write_report
from videosync.models.encoder import require_frame_encoder
from videosync.phases.tasks import TASKS
from videosync.recognition.options import TASKS as RECOGNITION_TASKS

SYNC_TASK = "sync_offset"
Facts = Callable[[], tuple[dict[str, Any], Path]]  # what a report says beside numbers, and its usual folder
Job = tuple[Facts, Callable[[Path], dict[str, Any]]]  # and what is found, on all ranks; files go into the folder


@dataclass(frozen=True)
class Evaluation:
    """A report, as it is in ``metrics.json`` of ``folder``."""

    folder: Path
    report: Mapping[str, Any]  # rank 0; empty elsewhere
    changed: tuple[str, ...] = ()  # since an earlier one, which was therefore not shown again


def run_evaluation(
    config: Config,
    *,
    workdir: Path,
    logdir: Path,
    output: Path | None,
    keep_finished: bool,
    command: str,
    distributed: Distributed,
) -> Evaluation:
    """Evaluate the encoder trained in ``logdir`` on ``config.eval.split``.

    Writes ``metrics.json`` and pictures into ``output``; of sync also ``pairs.csv``, of phases also aligned videos.
    Without ``output`` the folder is ``evaluation/DATASET_SPLIT`` in ``logdir``, or, where the encoder is shown
    something else than in training or a report made with other options is there, one beside it that names them.

    With ``keep_finished`` a report made from the same weights, pairs, labels, files, detectors, options and code is
    read back.

    Raises:
        ConfigError: ``output`` holds a report made with other options.
        CheckpointError: no checkpoint in ``logdir``, or a detector that is absent or made for other matrices.
        ManifestError, VideoError: the dataset is missing, cannot be read, or does not allow a task.
    """
    recognised = [task for task in RECOGNITION_TASKS if task in config.eval.tasks]
    if recognised:
        facts, find = _recognition(config, recognised, workdir, logdir, distributed, keep=keep_finished)
    else:
        facts, find = _sync_and_phases(config, workdir, logdir, distributed)

    def look() -> tuple[dict[str, Any], Path, dict[str, Any], list[str]]:
        """What the report says beside numbers, its folder, a finished one of the kind, and what changed since."""
        about, plain = facts()
        made_from = about["made_from"]
        folder = report_folder(output or plain, made_from["options"], flag="--output-dir" if output else "")
        finished, since = read_finished(folder / REPORT_FILE, made_from) if keep_finished else ({}, [])
        return about, folder, finished, since

    about, folder, finished, since = distributed.broadcast(
        distributed.together(lambda: look() if distributed.is_main else ({}, Path(), {}, []))
    )
    if finished:
        return Evaluation(folder, {**finished, "checkpoint": about["checkpoint"]})
    found = find(folder)
    if not distributed.is_main:
        return Evaluation(folder, {})
    told = {"split": config.eval.split, "dataset": config.data.dataset, "command": command}
    report = {**told, **found, **about, "config": asdict(config)}
    write_report(folder / REPORT_FILE, report)  # last: where it is, everything is
    return Evaluation(folder, report, tuple(since))


def _sync_and_phases(config: Config, workdir: Path, logdir: Path, distributed: Distributed) -> Job:
    require_frame_encoder(config.model.name, f"the configuration, eval.tasks={config.eval.tasks}")
    sync = SyncEvaluation(config, workdir) if SYNC_TASK in config.eval.tasks else None
    named = [task for task in TASKS if task in config.eval.tasks]
    phases = PhaseEvaluation(config, workdir, named) if named else None
    encoder, encoder_id = load_trained_encoder(config, workdir=workdir, logdir=logdir, device=distributed.device)
    taken = encoder_id.pop("checkpoint")

    def facts() -> tuple[dict[str, Any], Path]:
        rates = {pair.window0.fps for pair in sync.pairs} if sync else set()
        rates |= {video.fps for video in phases.val} if phases else set()
        lengths = {pair.window0.num_frames for pair in sync.pairs} if sync else set()
        changed, differences = run_differences(config, logdir, rates=rates, lengths=lengths)
        made_from = {
            "options": options_of(config, "pairs", "similarity", "eval"),
            "weights": encoder_id["hash"],
            **(sync.made_from() if sync else {}),
            **(phases.made_from() if phases else {}),
            "code": result_code(),
        }
        differences += sync.notes(encoder_id["hash"]) if sync else []
        about = {"encoder": encoder_id, "made_from": made_from, "differences": differences, "checkpoint": taken}
        dataset = Path(config.data.dataset)
        name = dataset.name if dataset.is_absolute() else config.data.dataset  # else beside the videos
        plain = evaluations_folder(logdir) / f"{name}_{config.eval.split}"
        return about, named_folder(plain, changed) if changed else plain

    def find(folder: Path) -> dict[str, Any]:
        found = sync.run(encoder, folder, distributed) if sync else {}
        return {**found, "phases": phases.run(encoder, folder, distributed)} if phases else found

    return facts, find


def _recognition(
    config: Config, tasks: Sequence[str], workdir: Path, logdir: Path, distributed: Distributed, *, keep: bool
) -> Job:
    """The tasks that recognise classes; no frame encoder is looked at."""
    job = distributed.together(lambda: RecognitionEvaluation(config, workdir, logdir, tasks))
    taken = job.network.pop("checkpoint")

    def facts() -> tuple[dict[str, Any], Path]:
        weights = [logdir.name.partition(".")[0]] if logdir.is_file() else []  # several of them share a folder
        plain = evaluations_folder(logdir) / "_".join([Path(config.data.dataset).name, *tasks, *weights])
        return {"network": job.network, "made_from": job.made_from(), "checkpoint": taken}, plain

    return facts, lambda folder: {"recognition": job.run(folder, distributed, keep=keep)}


def evaluations_folder(logdir: Path) -> Path:
    """Where the reports of a run go; those of a .pth file of CARL go beside it."""
    run = logdir.parent if logdir.is_file() and logdir.suffix else logdir
    return run / "evaluation"
