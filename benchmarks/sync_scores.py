"""Scores of whole answers: how many files were placed, how well, and what the confidence was worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from videosync.evaluation.intervals import event_interval, interval_text

WITHIN_MS = (20, 50, 100)
CONFIDENCES = (0.5, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class PairAnswer:
    """What was said about two files, and the truth. Seconds are start 0 - start 1."""

    condition: str
    event: str
    files: tuple[str, str]
    fps: float  # the lower of the two rates
    true: float | None  # None: files of different events
    placed: bool
    said: float | None  # the answer; of pairs that are not placed the best guess, if there is any
    interval: tuple[float, float] | None
    confidence: float
    reason: str | None
    seconds: float  # processor time, shared out over the pairs of the case

    @property
    def frames_off(self) -> float:
        """Error in frames of the slower file; infinite without any answer."""
        if self.said is None or self.true is None:
            return float("inf")
        return abs(self.said - self.true) * self.fps


def condition_scores(answers: Sequence[PairAnswer], *, bootstrap: int, seed: int) -> dict[str, Any]:
    """Of the answers of one condition, related and unrelated pairs. Intervals are 95 % of a bootstrap over events.

    ``right``: within one frame of the slower file. ``guess_right`` looks at all pairs, also those that were refused;
    ``always_0`` is what that answer would score.
    """
    related = [answer for answer in answers if answer.true is not None]
    unrelated = [answer for answer in answers if answer.true is None]
    off = np.array([answer.frames_off for answer in related])
    seconds_off = off / np.array([answer.fps for answer in related])
    placed = np.array([answer.placed for answer in related])
    right = off <= 1
    said = np.array([answer.confidence for answer in related])
    truth_inside = np.array(
        [a.interval is not None and a.interval[0] <= (a.true or 0) <= a.interval[1] for a in related]
    )
    at_zero = np.array([abs((answer.true or 0) * answer.fps) <= 1 for answer in related])
    events = [answer.event for answer in related]
    options: dict[str, Any] = {"bootstrap": bootstrap, "seed": seed, "share": True}
    strangers = np.array([answer.confidence for answer in unrelated])
    kept = {f"{level:g}": _kept(level, said, right, strangers) for level in CONFIDENCES}
    finite = off[np.isfinite(off)]
    return {
        "pairs": len(related),
        "events": len(set(events)),
        "unrelated_pairs": len(unrelated),
        "placed": float(placed.mean()),
        "placed_right": _share(right[placed]),
        **{f"placed_within_{ms}_ms": _share(seconds_off[placed] * 1000 <= ms) for ms in WITHIN_MS},
        "placed_median_frames": float(np.median(off[placed])) if placed.any() else None,
        "placed_wrong": float(np.mean(placed & ~right)),
        "placed_wrong_interval": event_interval(placed & ~right, events, **options),
        "guess_right": float(right.mean()),
        "guess_right_interval": event_interval(right, events, **options),
        "guess_median_frames": float(np.median(finite)) if len(finite) else None,
        "always_0": float(at_zero.mean()),
        "interval_holds": _share(truth_inside[placed]),
        "unrelated_placed": _share(np.array([answer.placed for answer in unrelated])),
        "auc_right": _auc(right, said),
        "auc_related": _auc(np.arange(len(said) + len(strangers)) < len(said), np.append(said, strangers)),
        "at_confidence": kept,
        "seconds_per_pair": float(np.mean([answer.seconds for answer in answers])),
    }


def _kept(
    level: float, said: np.ndarray, right: np.ndarray, strangers: np.ndarray
) -> dict[str, float | None]:
    """If answers at least as sure were taken: how many, how many of them right, and how many unrelated pairs."""
    taken = said >= level
    return {
        "coverage": float(taken.mean()),
        "right": _share(right[taken]),
        "unrelated": _share(strangers >= level),
    }


def _share(holds: np.ndarray) -> float | None:
    return float(holds.mean()) if len(holds) else None


def _auc(kinds: np.ndarray, said: np.ndarray) -> float | None:
    return None if kinds.all() or not kinds.any() else float(roc_auc_score(kinds, said))


def table(scores: dict[str, dict[str, Any]]) -> list[list[str]]:
    """A row a condition; shares in %."""
    rows = [
        ["condition", "pairs", "placed", "of these within 1 frame", "20 / 50 / 100 ms", "interval holds",
         "placed wrong", "any answer within 1 frame", "always 0", "unrelated placed", "AUC right, related", "s/pair"]
    ]  # fmt: skip
    for name, score in scores.items():
        within = " / ".join(_percent(score[f"placed_within_{ms}_ms"]) for ms in WITHIN_MS)
        unrelated = score["unrelated_placed"]
        rows.append(
            [
                name,
                str(score["pairs"]),
                _percent(score["placed"]),
                _percent(score["placed_right"]),
                within,
                _percent(score["interval_holds"]),
                _percent(score["placed_wrong"]),
                _percent(score["guess_right"])
                + f" ({interval_text(score['guess_right_interval'], '.0f', 100)})",
                _percent(score["always_0"]),
                "-" if unrelated is None else f"{_percent(unrelated)} (n = {score['unrelated_pairs']})",
                f"{_number(score['auc_right'])}, {_number(score['auc_related'])}",
                f"{score['seconds_per_pair']:.2f}",
            ]
        )
    return rows


def confidence_table(scores: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Answers at least so sure: share of pairs / of these right / of unrelated pairs, in %."""
    rows = [["condition", *(f"confidence {level:g}" for level in CONFIDENCES)]]
    for name, score in scores.items():
        kept = [score["at_confidence"][f"{level:g}"] for level in CONFIDENCES]
        rows.append(
            [
                name,
                *(" / ".join(_percent(k[key]) for key in ("coverage", "right", "unrelated")) for k in kept),
            ]
        )
    return rows


def as_markdown(rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
