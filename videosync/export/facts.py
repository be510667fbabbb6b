"""Facts about a trained encoder or detector, gathered from the files of its run; all of them ready for JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from videosync.checkpoints.checkpoint import SUMMARY, Checkpoint
from videosync.config.load import config_to_dict
from videosync.config.schema import Config
from videosync.engine.encoders import HEADS
from videosync.engine.reports import REPORT_FILE
from videosync.engine.run_record import read_run, training_data
from videosync.errors import CheckpointError, VideoSyncError
from videosync.evaluation.metrics import SyncMetrics, metrics_table
from videosync.files import read_object
from videosync.models.card import is_export, read_card
from videosync.models.crisscross import CrissCrossModel
from videosync.models.encoder import Encoder
from videosync.offset.saving import detector_hash

# of an evaluation's report; its configuration stays with the run
REPORTED = ("dataset", "split", "prefix", "model_prefix", "data_prefix", "max_offset", "num_frames", "floor", "methods",
            "differences", "notes", "phases", "command", "versions")  # fmt: skip


def run_facts(
    checkpoint: Checkpoint,
    config: Config,
    about: Mapping[str, Any],
    *,
    source: Path,
    workdir: Path,
    reports: Iterable[Path],
) -> tuple[dict[str, Any], list[str]]:
    """Facts of what is in ``checkpoint`` of the run ``source``, and remarks about what is not known.

    ``about``: what the model says of itself, its ``kind`` among it. ``reports``: metrics.json files beside those that
    lie in the run's ``evaluation`` folder.

    Raises:
        CheckpointError: a file of the run is damaged, or a report is of other weights.
    """
    remarks: list[str] = []
    earlier = read_card(source, kind="encoder") if is_export(source) else {}
    evaluations = list(earlier.get("evaluations", []))
    for path in sorted(source.glob(f"evaluation/*/{REPORT_FILE}")):
        report = read_report(path)
        made_with = _weights_of(report)
        if made_with in (None, checkpoint.weights_hash):
            evaluations.append(evaluation(report, path, known=made_with is not None))
        else:
            remarks.append(f"{path}: made with other weights than {checkpoint.folder.name}'s, so left out")
    for path in reports:
        report = read_report(path)
        if _weights_of(report) != checkpoint.weights_hash:
            raise CheckpointError(
                f"--metrics {path}: made with other weights than {checkpoint.folder}; expected an evaluation of "
                "this checkpoint"
            )
        evaluations.append(evaluation(report, path))
    training = earlier.get("training") or _training(checkpoint, config, source, workdir, remarks)
    return {
        **about,
        "run": earlier.get("run", source.name),
        "checkpoint": {
            "name": earlier.get("checkpoint", {}).get("name", checkpoint.folder.name),
            "epoch": checkpoint.epoch,
            "step": checkpoint.step,
            "metrics": checkpoint.metrics,
            "weights_hash": checkpoint.weights_hash,
        },
        "config": config_to_dict(config),
        "training": training,
        "evaluations": evaluations,
    }, remarks


def about_encoder(encoder: Encoder) -> dict[str, Any]:
    """What an encoder says of itself, without the heads of its training."""
    return {
        "kind": "encoder",
        "shortest_clip": encoder.context + 2 if encoder.context else 1,
        "feature_size": encoder.feature_size,
        "parameters": sum(p.numel() for n, p in encoder.named_parameters() if not n.startswith(HEADS)),
    }


def about_two_streams(model: CrissCrossModel) -> dict[str, Any]:
    """What both backbones say of themselves, without the heads of their training."""
    parameters = {kind: sum(p.numel() for p in getattr(model, kind).parameters()) for kind in ("video", "audio")}
    return {"kind": "two_streams", "feature_size": model.video.features, "parameters": sum(parameters.values())}


def detector_facts(
    saved: Mapping[str, Any], *, source: Path, parameters: int, reports: Iterable[Path]
) -> tuple[dict[str, Any], list[str]]:
    """Facts of the detector whose ``detector.json`` is ``saved``, and remarks about what is not known.

    Raises:
        CheckpointError: a report knows nothing of this detector.
    """
    name = f"{saved.get('prefix', source.parent.name)}/{saved['method']}"
    evaluations, remarks = [], []
    for path in reports:
        report = read_report(path)
        if not _is_about(report, name, saved, source):
            raise CheckpointError(f"--metrics {path}: holds no numbers of the detector {name}")
        evaluations.append(evaluation(report, path))
    told = {e["split"] for e in evaluations if _is_training_report(e, saved)}
    for split, metrics in saved.get("metrics", {}).items():
        floor = saved.get("floor", {}).get(split)
        if floor is None and split in told:
            continue  # the same numbers, with their floor, are in a report
        if floor is None:
            remarks.append(
                f"the error of always answering 0 on split {split} was not recorded with the detector: give the "
                "metrics.json of its training with --metrics"
            )
        evaluations.insert(0, evaluation({"split": split, "methods": {name: metrics}, "floor": floor}, source))
    return {
        "kind": "detector",
        "run": name,
        "method": saved["method"],
        "size": saved["size"],
        "shortest": saved.get("shortest", saved["size"]),
        "max_offset": saved["max_offset"],
        "options": saved["options"],
        "metric": saved.get("metric", "sqeuclidean"),
        "temperature": saved.get("temperature"),
        "encoder": saved.get("encoder"),
        "encoder_hash": saved.get("encoder_hash"),
        "parameters": parameters,
        "training": {
            "commands": [saved["command"]] if saved.get("command") else [],
            "seed": saved["options"].get("seed"),
            "versions": saved.get("versions", {}),
            "git_commit": None,
            "data": {
                "dataset": saved.get("dataset", ""),
                "set": saved.get("prefix"),
                "set_hash": saved.get("set_hash"),
                "events": saved.get("train_events"),
            },
            "result": {key: value for key, value in saved.get("train", {}).items() if key != "holdout_events"}
            | {"holdout_events": len(saved.get("train", {}).get("holdout_events", []))},
        },
        "evaluations": evaluations,
    }, remarks


def read_report(path: Path) -> dict[str, Any]:
    """A metrics.json. Raises CheckpointError when it is missing, damaged or something else."""
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such file; expected the {REPORT_FILE} of an evaluation")
    try:
        report = read_object(path)
    except ValueError as error:
        raise CheckpointError(f"{path}: damaged ({error}); evaluate again") from error
    if not {"methods", "phases", "recognition"} & report.keys():
        raise CheckpointError(f"{path}: not the {REPORT_FILE} of an evaluation")
    return report


def evaluation(report: Mapping[str, Any], path: Path, *, known: bool = True) -> dict[str, Any]:
    """What a report says about errors, with its tables as text; ``known``: it says of which weights.

    Raises CheckpointError when it cannot be read.
    """
    facts = {key: report[key] for key in REPORTED if report.get(key) is not None}
    tables = []
    try:
        if "methods" in facts:
            methods = {name: SyncMetrics(**m) for name, m in facts["methods"].items()}
            floor = SyncMetrics(**facts["floor"]) if "floor" in facts else None
            tables.append(_without_floor(methods) if floor is None else metrics_table(methods, floor))
        if "phases" in facts:
            tables.append(facts["phases"]["table"])
        if "recognition" in report:  # what was found on each file of each fold stays with the run
            facts["recognition"] = report["recognition"]["tasks"]
            tables.append(report["recognition"]["table"])
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: not a report of this version ({error}); evaluate again") from error
    return {**facts, "tables": tables, "weights_known": known}


def _without_floor(methods: Mapping[str, SyncMetrics]) -> str:
    lines = []
    for name, m in methods.items():
        margin = "" if m.moe_frames is None else f" ± {m.moe_frames:.2f}"
        interval = (
            "" if m.mae_interval is None else f" (95 % over events: {m.mae_interval[0]:.2f} … {m.mae_interval[1]:.2f})"
        )
        lines.append(
            f"{name}: {m.mae_frames:.2f}{margin} frames{interval}, within 1 frame {m.within_1:.0%}; {m.n} pairs of "
            f"{m.n_events} events. The error of always answering 0 was not recorded."
        )
    return "\n".join(lines)


def _training(
    checkpoint: Checkpoint, config: Config, source: Path, workdir: Path, remarks: list[str]
) -> dict[str, Any]:
    if checkpoint.step == 0:  # what was read or converted from other code's files
        return {"foreign": True, "commands": [], "data": {}}
    folder = source if source.is_dir() else source.parent
    run = read_run(folder)
    summary_path = checkpoint.folder / SUMMARY
    summary = read_object(summary_path) if summary_path.is_file() else {}
    data = run.get("data")
    if data is None and config.data.dataset:
        try:
            data = {**training_data(config, workdir), "counted": "at export"}
        except VideoSyncError as error:
            remarks.append(f"the training data is not counted: {error}")
            data = {"dataset": config.data.dataset}
    return {
        "commands": run.get("commands", []),
        "seed": config.train.seed,
        "processes": run.get("processes"),
        "versions": summary.get("versions", {}),
        "git_commit": summary.get("git_commit"),
        "data": data or {},
    }


def _weights_of(report: Mapping[str, Any]) -> str | None:
    """Hash of the weights that a report is about, an encoder's or those of two streams; None where it does not tell."""
    encoder = report.get("encoder") or report.get("network")
    return encoder.get("hash") if isinstance(encoder, Mapping) else report.get("encoder_hash")


def _is_about(report: Mapping[str, Any], name: str, saved: Mapping[str, Any], source: Path) -> bool:
    """Whether a report of ``evaluate`` or of the two detector commands holds numbers of this very detector."""
    prefix, _, method = name.partition("/")
    if name in report.get("methods", {}):
        known = report.get("made_from", {}).get("detectors", {}).get(name)
        return bool(known in (None, detector_hash(source)))
    if "model_prefix" in report:
        return bool(report["model_prefix"] == prefix and method in report["methods"])
    return bool(report.get("prefix") == prefix) and _is_training_report(report, saved)


def _is_training_report(report: Mapping[str, Any], saved: Mapping[str, Any]) -> bool:
    """Whether a report holds the very numbers that are saved with the detector."""
    own = saved.get("metrics", {}).get(report.get("split"))
    return own is not None and report.get("methods", {}).get(saved["method"]) == own
