"""The job behind ``train_sync_offset_detector.py``: fit detectors on one split, report them on another."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import numpy as np
from tqdm import tqdm

from videosync.config.schema import Config, detector_key
from videosync.data.identity import code_hash, what_changed
from videosync.engine.allocator import keep_freed_memory
from videosync.engine.detector_sets import check_apart, check_made_alike, classes_note, find_set
from videosync.engine.reports import versions, write_report
from videosync.evaluation.metrics import SyncMetrics, floor_metrics, sync_metrics
from videosync.evaluation.report import MethodResults, set_notes
from videosync.files import make_folder
from videosync.offset.detector import Detector, Report, split_events
from videosync.offset.lengths import predict_offsets
from videosync.offset.methods import DETECTORS, load_detector
from videosync.offset.saving import read_facts, save_detector, trained_detectors
from videosync.option import taken
from videosync.similarity.store import set_hash
from videosync.types import MatrixPairs

log = logging.getLogger("videosync")


def train_detectors(
    config: Config,
    *,
    prefix: str,
    methods: Sequence[str],
    workdir: Path,
    logdir: Path,
    continue_train: bool,
    command: str,
) -> MethodResults:
    """Train ``methods`` on the train split of set ``prefix`` into ``paths.detectors/prefix/method``.

    ``logdir`` gets metrics.jsonl (every epoch) and metrics.json. The split ``eval.split`` is only reported.
    With ``continue_train``, methods finished on the same set with the same options and code are not trained again.

    Returns:
        What they say about ``eval.split``.

    Raises:
        CheckpointError: the set is absent, incomplete or does not fit.
        TrainingError: it cannot be trained on.
    """
    keep_freed_memory()
    train, header = find_set(config.paths.sets, workdir, prefix, "train")
    reported, reported_header = find_set(config.paths.sets, workdir, prefix, config.eval.split)
    check_made_alike(header, reported_header, prefix)
    check_apart(train, reported, config.eval.split)
    # refused before anything is written
    split_events(train.events, config.detector.holdout, config.detector.seed)
    folder = Path(config.paths.detectors) / prefix
    measured_by = metric_options(reported, config)
    floor = floor_metrics(reported.offsets, **measured_by)
    predicted: dict[str, np.ndarray] = {}
    metrics: dict[str, SyncMetrics] = {}
    notes = set_notes(reported.offsets, reported.events, reported.max_offset)
    with EpochLog(logdir, every=config.log.every, go_on=continue_train) as epochs:
        for method in methods:
            detector = DETECTORS[method](
                **vars(taken(DETECTORS[method].Options, config.detector, detector_key(method)))
            )
            made_from = {
                "set": set_hash(header),
                "options": asdict(detector.options),
                "code": code_hash("lags", "offset"),
            }
            changed = _changed(folder, method, made_from)
            if continue_train and changed == []:
                log.info("%s: finished before on this set with these options; not trained again", method)
                predicted[method] = predict_offsets(load_detector(folder / method)[0], reported)
                metrics[method] = sync_metrics(predicted[method], reported.offsets, **measured_by)
                notes += classes_note(method, read_facts(folder / method))
                continue
            if changed:
                log.info("%s: replaces one made otherwise: %s", method, "; ".join(changed))
            log.info("%s: training on %d pairs of %d events", method, len(train), len(set(train.events)))
            facts = epochs.fit(detector, train)
            notes += classes_note(method, {"train": facts, "max_offset": train.max_offset})
            predicted[method] = predict_offsets(detector, reported)
            metrics[method] = sync_metrics(predicted[method], reported.offsets, **measured_by)
            save_detector(
                detector,
                folder / method,
                {
                    "prefix": prefix,
                    "made_from": made_from,
                    "set_hash": set_hash(header),
                    **{key: header[key] for key in ("encoder", "encoder_hash", "metric", "temperature")},
                    "train": facts,
                    "train_events": len(set(train.events)),
                    "frame_rates": sorted({round(float(rate), 3) for rate in train.fps}),
                    "metrics": {config.eval.split: metrics[method].to_json()},
                    "floor": {config.eval.split: floor.to_json()},
                    "dataset": header["config"].get("data", {}).get("dataset", ""),
                    "versions": versions(),
                    "command": command,
                },
            )
    write_metrics(
        logdir / "metrics.json",
        metrics,
        floor,
        {"prefix": prefix, "split": config.eval.split, "notes": notes, "command": command, "config": asdict(config)},
    )
    return MethodResults(logdir, reported.pair_ids, metrics, floor, predicted, tuple(notes))


def metric_options(pairs: MatrixPairs, config: Config) -> dict[str, Any]:
    """Keywords of ``sync_metrics`` for these pairs."""
    return {
        "fps": pairs.fps,
        "events": pairs.events,
        "max_offset": pairs.max_offset,
        "bootstrap": config.eval.bootstrap,
        "seed": config.detector.seed,
    }


def write_metrics(path: Path, metrics: Mapping[str, SyncMetrics], floor: SyncMetrics, facts: Mapping[str, Any]) -> None:
    """``{..., "floor": …, "methods": {name: …}, "versions": …}`` as JSON; complete or not there."""
    results = {"floor": floor.to_json(), "methods": {name: m.to_json() for name, m in metrics.items()}}
    write_report(path, {**facts, **results})


def _changed(folder: Path, method: str, made_from: Mapping[str, Any]) -> list[str] | None:
    """In what ``made_from`` differs from what the detector there was made from; None where there is none."""
    if method not in trained_detectors(folder):
        return None
    return what_changed(read_facts(folder / method).get("made_from"), made_from)


class EpochLog:
    """Epochs of detectors: a line each in ``metrics.jsonl``; a bar on a terminal, log lines elsewhere."""

    def __init__(self, logdir: Path, *, every: int, go_on: bool) -> None:
        make_folder(logdir)
        self._every = every
        self._file: IO[str] = (logdir / "metrics.jsonl").open("a" if go_on else "w", encoding="utf-8")

    def fit(self, detector: Detector, train: MatrixPairs) -> dict[str, Any]:
        """``detector.fit(train)``, logged; returns its facts."""
        with tqdm(desc=detector.method, unit="epoch", disable=not sys.stderr.isatty()) as bar:

            def on_epoch(report: Report) -> None:
                self._file.write(json.dumps({"method": detector.method, **report}) + "\n")
                self._file.flush()
                losses = f"loss {report['train_loss']:.3f}, on held-out events {report['holdout_loss']:.3f}"
                bar.set_postfix_str(losses, refresh=False)
                bar.update()
                if bar.disable and report["epoch"] % self._every == 0:
                    log.info("%s: epoch %d, %s", detector.method, report["epoch"], losses)

            facts = detector.fit(train, on_epoch=on_epoch)
        if "best_epoch" in facts:
            log.info(
                "%s: epoch %d of %d was best on held-out events and is kept",
                detector.method,
                facts["best_epoch"],
                facts["epochs"],
            )
        return facts

    def __enter__(self) -> EpochLog:
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.close()
