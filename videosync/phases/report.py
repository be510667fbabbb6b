"""Scores of an encoder in the tasks about phases, beside what knows only the time, or nothing; and their table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from videosync.evaluation.metrics import columns
from videosync.phases.embed import PhaseVideo, VideoEmbeddings
from videosync.phases.scores import Score
from videosync.phases.tasks import CHANCE, TASKS, PhaseOptions, Task, Track, Tracks, position_code, tracks_of

Scores = dict[str, Score]  # metric → score


@dataclass(frozen=True)
class PhaseScores:
    """Every metric of every task for the encoder and for what it has to be compared with."""

    encoder: Scores
    without_positions: Scores | None  # None: the encoder is told none
    position_only: Scores
    chance: Scores

    def to_json(self) -> dict[str, Any]:
        return {
            column: None if scores is None else {metric: score.to_json() for metric, score in scores.items()}
            for column, scores in vars(self).items()
        }


@dataclass(frozen=True)
class EmbeddedSplit:
    """The videos of a split with their embeddings."""

    videos: Sequence[PhaseVideo]
    embeddings: Sequence[VideoEmbeddings]

    def embedded(self) -> list[np.ndarray]:
        """All frames: float32 ``[T, D]`` for each video."""
        return [found.embeddings for found in self.embeddings]

    def tracks(self) -> list[Track]:
        """The frames that count."""
        return self._tracks(self.embedded())

    def unplaced_tracks(self) -> list[Track] | None:
        """As the encoder sees them without positions; None where it is told none."""
        unplaced = [found.unplaced for found in self.embeddings if found.unplaced is not None]
        return None if len(unplaced) < len(self.videos) else self._tracks(unplaced)

    def position_tracks(self) -> list[Track]:
        """What the place of a frame says alone."""
        return self._tracks([position_code(video.num_frames) for video in self.videos])

    def _tracks(self, embeddings: Sequence[np.ndarray]) -> list[Track]:
        return tracks_of(self.videos, embeddings)


def score_phases(tasks: Sequence[str], train: EmbeddedSplit, val: EmbeddedSplit, options: PhaseOptions) -> PhaseScores:
    """The scores of ``tasks`` (names out of ``TASKS``) on ``val``; what is fitted is fitted on ``train``."""
    seen, fitted_on = val.tracks(), train.tracks()
    unplaced, unplaced_train = val.unplaced_tracks(), train.unplaced_tracks()
    return PhaseScores(
        encoder=_scores(TASKS, tasks, fitted_on, seen, options),
        without_positions=None
        if unplaced is None or unplaced_train is None
        else _scores(TASKS, tasks, unplaced_train, unplaced, options),
        position_only=_scores(TASKS, tasks, train.position_tracks(), val.position_tracks(), options),
        chance=_scores(CHANCE, tasks, fitted_on, seen, options),
    )


def _scores(
    functions: Mapping[str, Task], tasks: Sequence[str], train: Tracks, val: Tracks, options: PhaseOptions
) -> Scores:
    found: Scores = {}
    for task in tasks:
        found.update(functions[task](train, val, options))
    return found


def phase_table(scores: PhaseScores, notes: Sequence[str] = ()) -> str:
    """A text table, one line a metric. "–" where a number is not defined or too few events allow no interval."""
    head = ["metric", "encoder", "95 % (events)"]
    if scores.without_positions is not None:
        head += ["without positions", "95 % (events)"]
    rows = [[*head, "position only", "chance"]]
    for metric, score in scores.encoder.items():
        row = [metric_name(metric), _value(metric, score), _interval(metric, score)]
        if scores.without_positions is not None:
            other = scores.without_positions[metric]
            row += [_value(metric, other), _interval(metric, other)]
        rows.append([*row, _value(metric, scores.position_only[metric]), _value(metric, scores.chance[metric])])
    lines = columns(rows)
    lines.insert(1, "─" * max(map(len, lines)))
    return "\n".join([*lines, *_counts(scores.encoder), *notes])


def metric_name(metric: str) -> str:
    """``retrieval_ap_5`` → ``AP@5``, …"""
    kind, _, number = metric.rpartition("_")
    if kind == "retrieval_ap":
        return f"AP@{number}"
    if kind == "classification_accuracy":
        return f"accuracy, {number} % of labels"
    return {"kendalls_tau": "Kendall's tau", "event_completion_r2": "event completion R²"}[metric]


def _value(metric: str, score: Score) -> str:
    return "–" if score.value is None else _number(metric, score.value)


def _interval(metric: str, score: Score) -> str:
    return "–" if score.interval is None else " … ".join(_number(metric, value) for value in score.interval)


def _number(metric: str, value: float) -> str:
    if metric.startswith(("retrieval", "classification")):
        return f"{100 * value:.1f} %"
    return f"{value:.3f}"


def _counts(scores: Scores) -> list[str]:
    """One line for each number of videos that scores are about."""
    by_count: dict[tuple[int, int], list[str]] = {}
    for metric, score in scores.items():
        by_count.setdefault((score.n, score.n_events), []).append(metric_name(metric))
    return [
        f"{n} video{'s' * (n != 1)} of {events} event{'s' * (events != 1)}"
        + (f": {'; '.join(names)}" if len(by_count) > 1 else "")
        for (n, events), names in by_count.items()
    ]
