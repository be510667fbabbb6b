"""The task ``sync_offset``: encode the pairs of a split, ask every method, report errors, table and pictures."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from videosync.config.schema import Config
from videosync.engine.build import build_pairs, matrix_options
from videosync.engine.detector_sets import classes_note, find_detectors, matrix_notes
from videosync.engine.distributed import Distributed
from videosync.engine.identity import pairs_made_from
from videosync.engine.loggers import pair_progress
from videosync.engine.reports import clear_report
from videosync.evaluation.detector_plots import save_comparison
from videosync.evaluation.embed import merged
from videosync.evaluation.metrics import SyncMetrics, metrics_table
from videosync.evaluation.plots import save_film_strip, save_heat_map
from videosync.evaluation.report import measure_methods, set_notes, write_pairs
from videosync.evaluation.sync import PairResult, evaluate_encoder, iter_pair_matrices
from videosync.models.encoder import Encoder
from videosync.models.noise import NoiseEncoder
from videosync.offset.methods import PREDICTORS, load_methods
from videosync.offset.saving import detector_hash, read_facts
from videosync.types import SyncPair


class SyncEvaluation:
    """The sync pairs of ``eval.split`` and the methods that are asked about them.

    Raises:
        CheckpointError: a detector is absent or made for other matrices.
        ManifestError: the dataset is missing or has no such pairs.
    """

    def __init__(self, config: Config, workdir: Path) -> None:
        self.config = config
        self.pairs = build_pairs(config, workdir, config.eval.split)
        self.workdir = workdir
        folder_of = partial(find_detectors, config.paths.detectors, workdir)
        self.methods = load_methods([*config.eval.methods, *config.eval.detectors], folder_of)
        self.detectors = {
            name: folder_of(name.partition("/")[0]) / name.partition("/")[2] for name in config.eval.detectors
        }
        self.true = np.array([pair.offset for pair in self.pairs])  # [N]
        self.events = [pair.event for pair in self.pairs]
        self.pair_notes = set_notes(
            self.true, self.events, config.pairs.max_offset, shown=[(pair.window0, pair.window1) for pair in self.pairs]
        ) + [n for name, folder in self.detectors.items() for n in classes_note(name, read_facts(folder))]

    def made_from(self) -> dict[str, Any]:
        """What is evaluated, for a finished report to be known again."""
        detectors = {name: detector_hash(folder) for name, folder in self.detectors.items()}
        return {**pairs_made_from(self.config, self.workdir, self.pairs), "detectors": detectors}

    def notes(self, encoder_hash: str) -> list[str]:
        """How the detectors' training matrices differ from those that are asked about now."""
        now = {
            "metric": self.config.similarity.metric,
            "temperature": self.config.similarity.temperature,
            "encoder_hash": encoder_hash,
        }
        return [note for name, folder in self.detectors.items() for note in matrix_notes(name, read_facts(folder), now)]

    def run(self, encoder: Encoder | NoiseEncoder, output: Path, distributed: Distributed) -> dict[str, Any]:
        """What the report says about sync (rank 0; others: nothing); ``pairs.csv`` and pictures go into ``output``.

        Raises VideoError: a video cannot be read.
        """
        config, pairs = self.config, self.pairs
        matching = {**matrix_options(config), "device": distributed.device}
        with pair_progress("evaluating", len(pairs), distributed) as advance:
            share = evaluate_encoder(
                encoder,
                pairs,
                self.methods,
                max_offset=config.pairs.max_offset,
                rank=distributed.rank,
                world_size=distributed.world_size,
                on_pairs=advance,
                **matching,
            )
        results = merged(distributed.gather(share), len(pairs))
        if not distributed.is_main:
            return {}
        true, fps = self.true, np.array([pair.window0.fps for pair in pairs])
        predicted = {name: np.array([result.predicted[name] for result in results]) for name in self.methods}
        metrics, floor = measure_methods(
            predicted,
            true,
            fps=fps,
            events=self.events,
            max_offset=config.pairs.max_offset,
            bootstrap=config.eval.bootstrap,
            seed=config.pairs.seed,
        )
        clear_report(output, "pairs.csv", "methods.png", "worst_*_*.png", "median_*_*.png")
        ids = [pair.pair_id for pair in pairs]
        write_pairs(output / "pairs.csv", predicted, pair_ids=ids, events=self.events, fps=fps, true=true)
        save_comparison(
            output / "methods.png",
            metrics,
            floor,
            {name: values - true for name, values in predicted.items()},
            title=f"{config.data.dataset}, {config.eval.split}",
        )
        errors = np.abs(predicted[best_method(metrics)] - true)
        for label, index in pictured_pairs(errors, config.eval.pictures):
            draw_pair(output, label, encoder, pairs[index], results[index], metrics, matching)
        return {
            "max_offset": config.pairs.max_offset,
            "num_frames": sorted({pair.window0.num_frames for pair in pairs}),
            "table": metrics_table(metrics, floor, self.pair_notes),
            "notes": self.pair_notes,
            "floor": floor.to_json(),
            "methods": {name: m.to_json() for name, m in metrics.items()},
        }


def best_method(metrics: Mapping[str, SyncMetrics]) -> str:
    """The method with the smallest mean absolute error."""
    return min(metrics, key=lambda name: metrics[name].mae_frames)


def pictured_pairs(errors: np.ndarray, count: int) -> list[tuple[str, int]]:
    """(label, index) of the ``count`` worst and the ``count`` median pairs by their ``errors`` ``[N]``."""
    order = np.argsort(errors, kind="stable").tolist()
    middle = max(len(order) // 2 - count // 2, 0)
    worst = [(f"worst_{n + 1}", i) for n, i in enumerate(reversed(order[len(order) - count :]))]
    median = [(f"median_{n + 1}", i) for n, i in enumerate(order[middle : middle + count])]
    return worst + median if count else []


def draw_pair(
    output: Path,
    label: str,
    encoder: Encoder | NoiseEncoder,
    pair: SyncPair,
    result: PairResult,
    metrics: Mapping[str, SyncMetrics],
    matching: Mapping[str, Any],
) -> None:
    """Heat map, with the best method of those that need no training and the best trained one, and film strip."""
    name = best_method(metrics)
    kinds = [{n: m for n, m in metrics.items() if (n in PREDICTORS) == free} for free in (True, False)]
    drawn = {best: result.predicted[best] for best in map(best_method, filter(None, kinds))}
    matrix = next(iter_pair_matrices(encoder, [pair], **matching)).forward[0]
    title = f"{label.replace('_', ' ')} pair: {pair.pair_id}"
    save_heat_map(output / f"{label}_matrix.png", matrix, pair.offset, drawn, title)
    save_film_strip(
        output / f"{label}_strip.png",
        pair,
        result.predicted[name],
        f"{title}, {name}: {result.predicted[name]:+.1f} frames, true {pair.offset:+d}",
    )
