"""The leak test of a prepared folder: can offsets be told from anything but the pictures?

A noise encoder goes through the whole chain (pairs → similarity sets → detectors trained → evaluated on other
events), and what files say about themselves (lengths, keyframes) is asked for offsets too. All must be at chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from videosync.config.schema import Config
from videosync.data.manifest import read_manifest, write_manifest
from videosync.data.samples import Sample
from videosync.engine.build import pairs_of
from videosync.engine.construct import construct_similarity_sets
from videosync.engine.distributed import Distributed
from videosync.engine.eval_detectors import evaluate_detectors
from videosync.engine.reports import write_report
from videosync.engine.train_detectors import train_detectors
from videosync.lags.scores import best_lag
from videosync.leaks.chance import ChanceTest, label_groups
from videosync.leaks.metadata import clip_pairs, keyframe_scores, offsets_from_lengths, packet_size_offsets
from videosync.leaks.plan import TRAIN
from videosync.leaks.rows import Judge, LeakRow
from videosync.types import SyncPair
from videosync.video.packet_sizes import read_packets

PREFIX, DATASET = "noise", "dataset"
FALSE_ALARMS = 0.01  # probability that a sound folder gets any verdict of a leak
FEWEST_EVENTS = 2  # that detectors can be trained on


@dataclass(frozen=True)
class LeakReport:
    rows: tuple[LeakRow, ...]
    notes: tuple[str, ...]

    @property
    def leaks(self) -> tuple[LeakRow, ...]:
        return tuple(row for row in self.rows if row.leak)


def leak_config(config: Config, *, output: Path, split: str) -> Config:
    """``config`` with a noise encoder, ``output``'s own dataset and folders, and ``split`` as the reported one."""
    return replace(
        config,
        data=replace(config.data, dataset=DATASET),
        model=replace(config.model, name="noise"),
        similarity=replace(config.similarity, splits=[TRAIN, split]),
        eval=replace(config.eval, split=split, detectors=[]),
        paths=replace(config.paths, sets=str(output / "sets"), detectors=str(output / "detectors")),
    )


def find_leaks(
    config: Config,
    train: Sequence[Sample],
    val: Sequence[Sample],
    *,
    methods: Sequence[str],
    control_frames: int,
    output: Path,
    distributed: Distributed,
    command: str,
) -> LeakReport:
    """Run all controls on pairs of views with absolute paths; writes everything into ``output``.

    Args:
        config: as ``leak_config`` made it. train, val: the pairs of its two splits.
        methods: detectors to train on noise. control_frames: length of the windows that are asked for keyframes and
            packet sizes.

    Raises:
        ManifestError, VideoError: files that are not there or cannot be read.
    """
    write_manifest(output / DATASET, [*train, *val])
    notes: list[str] = []
    judged = len(methods) + 2
    judge = Judge(level=FALSE_ALARMS / judged, bootstrap=config.eval.bootstrap, seed=config.pairs.seed)
    rows: list[LeakRow] = []
    events = len({sample.event for sample in train})
    if methods and events >= FEWEST_EVENTS and val:
        rows += _noise_rows(config, methods, judge, output, distributed, command)
    elif methods:
        notes.append(
            f"noise was not run through the detectors: they need {FEWEST_EVENTS} events or more to train on and "
            f"another one to be evaluated on; there are {events} and {len({s.event for s in val})}"
        )
    rows.append(_length_row(config, output, judge))
    rows += _packet_rows(config, control_frames, [TRAIN] * bool(train) + [config.eval.split] * bool(val), output, judge)
    report = LeakReport(tuple(rows), tuple(notes))
    facts = {
        "leaks": [row.name for row in report.leaks],
        "rows": [asdict(row) for row in rows],
        "notes": notes,
        "false_alarms": FALSE_ALARMS,
        "config": asdict(config),
        "command": command,
    }
    write_report(output / "leaks.json", facts)
    return report


def _noise_rows(
    config: Config, methods: Sequence[str], judge: Judge, output: Path, distributed: Distributed, command: str
) -> list[LeakRow]:
    """The chain of commands, with noise for embeddings."""
    construct_similarity_sets(
        config,
        workdir=output,
        logdir=output / "construct",
        folder=Path(config.paths.sets),
        prefix=PREFIX,
        keep_finished=False,
        distributed=distributed,
    )
    train_detectors(
        config,
        prefix=PREFIX,
        methods=methods,
        workdir=output,
        logdir=output / "train",
        continue_train=False,
        command=command,
    )
    results = evaluate_detectors(
        config,
        model_prefix=PREFIX,
        data_prefix=PREFIX,
        models=list(methods),
        workdir=output,
        output=output / "evaluation",
        command=command,
    )
    pairs = pairs_of(config, read_manifest(output / DATASET), config.eval.split)
    assert list(results.pair_ids) == [pair.pair_id for pair in pairs]
    labels = _labels(pairs, config)
    return [judge.answers(f"noise → {name}", results.predicted[name], **labels) for name in methods]


def _length_row(config: Config, output: Path, judge: Judge) -> LeakRow:
    pairs = clip_pairs(read_manifest(output / DATASET))
    if not pairs.offsets.any():
        return LeakRow("clip lengths", "nothing to tell: all clips of an event start together")
    row = judge.answers(
        "clip lengths",
        offsets_from_lengths(pairs.offsets, pairs.lengths, pairs.events),
        pairs.offsets,
        pairs.events,
        pairs.fps,
        label_groups(pairs.events, pairs.offsets, pairs.clips),
    )
    if (pairs.lengths[:, 0] == pairs.lengths[:, 1]).all():
        return replace(row, verdict="at chance: clips of a pair are of equal length", told=True)
    if row.leak and config.pairs.placement == "random":
        said = row.verdict.removeprefix("LEAK: ")
        return replace(row, verdict=f"{said}, which windows at random places do not show: no leak", leak=False)
    return row


def _labels(pairs: Sequence[SyncPair], config: Config) -> dict[str, Any]:
    """Keywords of ``Judge.answers``."""
    offsets, events = np.array([pair.offset for pair in pairs]), [pair.event for pair in pairs]
    clips = [(pair.window0.video, pair.window1.video) for pair in pairs]
    return {
        "offsets": offsets,
        "events": events,
        "fps": np.array([pair.window0.fps for pair in pairs]),
        "groups": label_groups(events, offsets, None if config.pairs.placement == "random" else clips),
    }


def _packet_rows(config: Config, num_frames: int, splits: Sequence[str], output: Path, judge: Judge) -> list[LeakRow]:
    config = replace(config, pairs=replace(config.pairs, num_frames=num_frames))
    manifest = read_manifest(output / DATASET)
    pairs = [pair for split in splits for pair in pairs_of(config, manifest, split)]
    packets_of = lru_cache(maxsize=None)(read_packets)
    reach, labels = config.pairs.max_offset, _labels(pairs, config)
    offsets = labels["offsets"]
    scores = keyframe_scores(pairs, packets_of, reach)
    rows = np.arange(len(pairs))
    true, mirrored = scores[rows, reach + offsets], scores[rows, reach - offsets]

    def say(test: ChanceTest) -> str:
        return (
            f"{true.mean():.0%} of keyframes fall together at the true offset, {mirrored.mean():.0%} at its mirror "
            "image; encode clips with keyframes at irregular places"
        )

    keyframes = judge.answers(
        "keyframes",
        best_lag(scores),
        **labels,
        gains=true - mirrored,
        largest=(offsets != 0).astype(np.float64),
        say=say,
    )
    sizes = judge.answers("packet sizes", packet_size_offsets(pairs, packets_of, reach), **labels)
    reference = "for comparison only: bits follow the motion, so this is no leak"
    return [keyframes, replace(sizes, verdict=reference, leak=False, told=True)]
