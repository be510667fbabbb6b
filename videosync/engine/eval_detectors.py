"""The job behind ``eval_sync_offset_detector.py``: detectors of one set on the pairs of another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from videosync.config.options import nearest
from videosync.config.schema import Config
from videosync.engine.detector_sets import classes_note, find_detectors, find_set
from videosync.engine.train_detectors import metric_options, write_metrics
from videosync.errors import CheckpointError
from videosync.evaluation.detector_plots import save_comparison
from videosync.evaluation.metrics import metrics_table
from videosync.evaluation.report import measure_methods, set_notes, write_pairs
from videosync.offset.detector import all_alike
from videosync.offset.lengths import predict_offsets
from videosync.offset.methods import DETECTORS, PREDICTORS, load_detector
from videosync.offset.predictor import Predictor
from videosync.offset.saving import trained_detectors
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
    command: str,
) -> str:
    """Evaluate ``models`` (None: the label-free and all trained on ``model_prefix``) on ``data_prefix``.

    Writes metrics.json, pairs.csv and methods.png into ``output``, after all methods have answered.

    Returns:
        A table, and notes on what makes it say less: of the pairs, and of how the detectors were trained.

    Raises:
        CheckpointError: a set or detector is absent, or they are of different sizes or maximum offsets.
    """
    pairs, header = find_set(config.paths.sets, workdir, data_prefix, config.eval.split)
    folder = find_detectors(config.paths.detectors, workdir, model_prefix)
    if models is None:
        trained = trained_detectors(folder)
        if not trained:
            others = [path.name for path in folder.parent.glob("*") if trained_detectors(path)]
            near = nearest(model_prefix, others)
            raise CheckpointError(
                f"{folder}: no detector was trained there"
                + (f"; did you mean prefix '{near}'?" if near else ".")
                + f" Train some with train_sync_offset_detector.py --prefix {model_prefix}, or choose methods that "
                "need no training, as in --models median diagonal"
            )
        models = [*PREDICTORS, *(name for name in DETECTORS if name in trained)]
    methods, differences = _load(models, folder, header)
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
        "set_hash": set_hash(header),
        **{key: header[key] for key in ("encoder", "encoder_hash", "metric", "temperature")},
        "notes": notes,
        "sign": SIGN,
        "command": command,
        "config": asdict(config),
    }
    write_metrics(output / "metrics.json", metrics, floor, facts)
    write_pairs(
        output / "pairs.csv",
        predicted,
        pair_ids=pairs.pair_ids,
        events=pairs.events,
        fps=pairs.fps,
        true=pairs.offsets,
    )
    save_comparison(
        output / "methods.png",
        metrics,
        floor,
        {name: values - pairs.offsets for name, values in predicted.items()},
        title=f"detectors of {model_prefix} on {data_prefix}, split {config.eval.split}",
    )
    return metrics_table(metrics, floor, notes)


def _load(
    models: Sequence[str], folder: Path, header: Mapping[str, Any]
) -> tuple[dict[str, Predictor], list[str]]:
    """Methods by name, and sentences on what they were trained on."""
    methods: dict[str, Predictor] = {}
    notes = []
    for name in models:
        if name in PREDICTORS:
            methods[name] = PREDICTORS[name]
            continue
        detector, facts = load_detector(folder / name)
        methods[name] = detector
        notes += classes_note(detector.name, facts)
        for key in ("metric", "temperature"):
            if facts.get(key) != header[key]:
                notes.append(
                    f"{detector.name} was trained on matrices with {key} {facts.get(key)}, the data has "
                    f"{header[key]}; build both with similarity.{key} alike for a fair comparison"
                )
    return methods, notes
