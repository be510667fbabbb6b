"""The job behind ``eval_sync_offset_detector.py``: detectors of one set on the pairs of another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from videosync.config.schema import Config
from videosync.data.identity import code_hash
from videosync.engine.detector_sets import classes_note, find_detectors, find_set, matrix_notes
from videosync.engine.reports import REPORT_FILE, clear_report, report_folder
from videosync.engine.train_detectors import metric_options, write_metrics
from videosync.errors import CheckpointError, did_you_mean
from videosync.evaluation.detector_plots import save_comparison
from videosync.evaluation.report import MethodResults, measure_methods, set_notes, write_pairs
from videosync.offset.detector import all_alike
from videosync.offset.lengths import predict_offsets
from videosync.offset.methods import DETECTORS, PREDICTORS, load_detector
from videosync.offset.predictor import Predictor
from videosync.offset.saving import detector_hash, trained_detectors
from videosync.similarity.store import set_hash

SIGN = (
    "An offset k means: frame i of video 0 shows the moment of frame i + k of video 1 (k > 0: video 1\n"
    "started first). An error is predicted − true."
)


def evaluate_detectors(
    config: Config,
    *,
    model_prefix: str,
    data_prefix: str,
    models: Sequence[str] | None,
    workdir: Path,
    output: Path,
    flag: str = "",
    command: str,
) -> MethodResults:
    """Evaluate ``models`` (None: the label-free and all trained on ``model_prefix``) on ``data_prefix``.

    Writes metrics.json, pairs.csv and methods.png after all methods have answered: into ``output``, or where that
    holds a report of other options, into a folder beside it (``flag``: :func:`videosync.engine.reports.report_folder`).

    Returns:
        What they say, with notes of the pairs and of how the detectors were trained.

    Raises:
        ConfigError: the folder given with ``flag`` holds a report of other options.
        CheckpointError: a set or detector is absent, or they are of different sizes or maximum offsets.
    """
    pairs, header = find_set(config.paths.sets, workdir, data_prefix, config.eval.split)
    folder = find_detectors(config.paths.detectors, workdir, model_prefix)
    if models is None:
        trained = trained_detectors(folder)
        if not trained:
            others = [path.name for path in folder.parent.glob("*") if trained_detectors(path)]
            raise CheckpointError(
                f"{folder}: no detector was trained there.{did_you_mean(model_prefix, others)} Train some with "
                f"train_sync_offset_detector.py --prefix {model_prefix}, or choose methods that need no training, as "
                "in --models median diagonal"
            )
        models = [*PREDICTORS, *(name for name in DETECTORS if name in trained)]
    asked = {
        "model_prefix": model_prefix,
        "data_prefix": data_prefix,
        "models": list(models),
        "eval.split": config.eval.split,
        "eval.bootstrap": config.eval.bootstrap,
        "detector.seed": config.detector.seed,
    }
    output = report_folder(output, asked, flag=flag)
    made_from = {
        "options": asked,
        "set": set_hash(header),
        "detectors": {name: detector_hash(folder / name) for name in models if name not in PREDICTORS},
        "code": code_hash("evaluation", "lags", "offset"),
    }
    methods, differences = _load(models, folder, header, _trained_set(config, workdir, model_prefix))
    notes = [*set_notes(pairs.offsets, pairs.events, pairs.max_offset), *differences]
    if len(pairs) > 1 and all_alike(pairs.forward):
        notes.append(f"all {len(pairs)} matrices are the same: no method can tell one pair from another")
    predicted = {name: predict_offsets(method, pairs) for name, method in methods.items()}
    options = metric_options(pairs, config)
    metrics, floor = measure_methods(predicted, pairs.offsets, **options)
    facts = {
        "model_prefix": model_prefix,
        "data_prefix": data_prefix,
        "split": config.eval.split,
        "made_from": made_from,
        "set_hash": set_hash(header),
        **{key: header[key] for key in ("encoder", "encoder_hash", "metric", "temperature")},
        "notes": notes,
        "sign": SIGN,
        "command": command,
        "config": asdict(config),
    }
    clear_report(output)
    write_pairs(
        output / "pairs.csv", predicted, pair_ids=pairs.pair_ids, events=pairs.events, fps=pairs.fps, true=pairs.offsets
    )
    save_comparison(
        output / "methods.png",
        metrics,
        floor,
        {name: values - pairs.offsets for name, values in predicted.items()},
        title=f"detectors of {model_prefix} on {data_prefix}, split {config.eval.split}",
    )
    write_metrics(output / REPORT_FILE, metrics, floor, facts)  # last: where it is, everything is
    return MethodResults(output, pairs.pair_ids, metrics, floor, predicted, tuple(notes))


def _trained_set(config: Config, workdir: Path, prefix: str) -> str | None:
    """Hash of the set that detectors of ``prefix`` are trained on, as it is now; None where there is none."""
    try:
        return set_hash(find_set(config.paths.sets, workdir, prefix, "train")[1])
    except CheckpointError:
        return None


def _load(
    models: Sequence[str], folder: Path, header: Mapping[str, Any], train_hash: str | None
) -> tuple[dict[str, Predictor], list[str]]:
    """Methods by name, and sentences on what they were trained on.

    ``train_hash``: of the set they are named after, as it is now; None where it is not there.
    """
    methods: dict[str, Predictor] = {}
    notes = []
    for name in models:
        if name in PREDICTORS:
            methods[name] = PREDICTORS[name]
            continue
        detector, facts = load_detector(folder / name)
        methods[name] = detector
        notes += classes_note(detector.name, facts)
        notes += matrix_notes(str(detector.name), facts, {key: header[key] for key in ("metric", "temperature")})
        if train_hash not in (None, facts.get("set_hash")):
            notes.append(
                f"{detector.name} was trained on an earlier set {folder.name}, made anew since; train it again"
            )
    return methods, notes
