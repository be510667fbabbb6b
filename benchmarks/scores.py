"""Scores of answers: errors with intervals, what is placed, what confidence is worth. Sets weigh the same."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmarks.pipeline import Answer
from videosync.errors import require_known
from videosync.evaluation.intervals import event_counts, event_interval, percentiles, stratified_means

WITHIN = (1, 3, 5)  # frames
WITHIN_MS = (20, 50, 100)
COVERAGES = (0.5, 0.8)


def weights(answers: Sequence[Answer]) -> np.ndarray:
    """[N] with the same sum for each set, 1 in all."""
    if not answers:
        return np.zeros(0)
    _, place, sizes = np.unique([a.group for a in answers], return_inverse=True, return_counts=True)
    return 1 / sizes[place] / len(sizes)


def scores(answers: Sequence[Answer], *, bootstrap: int = 2000, seed: int = 0) -> dict[str, Any]:
    """All numbers of one method on one kind of cases.

    Intervals are 95 % of a bootstrap over sets, or over units where there is one set. Placed and refused are None of a
    method that never refuses, everything about confidence of one that has none.
    """
    related = [a for a in answers if a.true is not None]
    unrelated = [a for a in answers if a.true is None]
    weight, error = weights(related), np.array([a.error for a in related])
    sets = [a.group for a in related]
    units = sets if len(set(sets)) > 1 else [a.unit for a in related]
    options: dict[str, Any] = {"bootstrap": bootstrap, "seed": seed, "weights": weight}
    right = np.array([a.within(1) for a in related], bool)
    milliseconds = np.abs(error) / np.array([a.fps for a in related]) * 1000
    answered = np.isfinite(error)
    found: dict[str, Any] = {
        "n": len(related),
        "units": len({a.unit for a in related}),
        "sets": len(set(sets)),
        "unrelated": len(unrelated),
        "mean_error": _mean(np.abs(error), weight) if answered.all() else None,
        "mean_error_95": event_interval(np.abs(error), units, **options) if answered.all() else None,
        "median_error": float(np.median(np.abs(error[answered]))) if answered.any() else None,
        **{f"within_{n}": _mean([a.within(n) for a in related], weight) for n in WITHIN},
        "within_1_95": event_interval(right, units, share=True, **options) if related else None,
        **{f"within_{ms}_ms": _mean(milliseconds <= ms, weight) for ms in WITHIN_MS},
        "always_0": _mean([abs(a.true or 0.0) <= 1 for a in related], weight),
        "seconds": float(np.mean([a.seconds for a in answers])),
    }
    found |= _placing(related, right, milliseconds, weight, units, options)
    found["unrelated_placed"] = (
        None if any(a.placed is None for a in unrelated)
        else _mean([bool(a.placed) for a in unrelated], weights(unrelated))
    )  # fmt: skip
    return found | _confidence(related, unrelated, right, bootstrap, seed)


def _placing(
    related: Sequence[Answer], right: np.ndarray, milliseconds: np.ndarray, weight: np.ndarray,
    units: Sequence[str], options: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    if not related or any(a.placed is None for a in related):
        return {"placed": None, "placed_right": None, "placed_wrong": None, "refused": None, "interval_holds": None}
    placed = np.array([bool(a.placed) for a in related])
    inside = np.array([a.half_width is not None and abs(a.error) <= a.half_width for a in related])
    return {
        "placed": _mean(placed, weight),
        "placed_right": _mean(right[placed], weight[placed]),
        **{f"placed_within_{ms}_ms": _mean((milliseconds <= ms)[placed], weight[placed]) for ms in WITHIN_MS},
        "placed_wrong": _mean(placed & ~right, weight),
        "placed_wrong_95": event_interval(placed & ~right, units, share=True, **options),
        "refused": _mean(~placed, weight),
        "interval_holds": _mean(inside[placed], weight[placed]),
    }


def _confidence(
    related: Sequence[Answer], unrelated: Sequence[Answer], right: np.ndarray, bootstrap: int, seed: int
) -> dict[str, Any]:
    curve = risk_coverage(related)
    if curve is None:
        return {"auc_right": None, "auc_related": None}
    said, strange = (np.array([a.confidence for a in of], float) for of in (related, unrelated))
    weight, theirs = weights(related), weights(unrelated)
    kinds = np.arange(len(said) + len(strange)) < len(said)
    groups = np.array([a.group for a in related])
    found: dict[str, Any] = {
        "auc_right": area(right, said, weight),
        "auc_right_95": _area_interval(right, said, weight, groups, bootstrap, seed),
        "auc_related": area(kinds, np.append(said, strange), np.append(weight, theirs)),
    }
    for share in COVERAGES:
        at = int(np.searchsorted(curve["coverage"], share - 1e-9).clip(max=len(curve["coverage"]) - 1))
        limit = curve["confidence"][at]
        found[f"at_{share:.0%}"] = {
            "confidence": limit,
            "mean_error": curve["mean_error"][at],
            "within_1": curve["within_1"][at],
            "unrelated": _mean(strange >= limit, theirs),
        }
    return found


def risk_coverage(answers: Sequence[Answer]) -> dict[str, list[float]] | None:
    """Of the surest answers to cases that have one, at each share accepted: mean error and share within 1 frame.

    Answers that are equally sure are accepted together. None for a method without confidences, and without answers.
    """
    answers = [a for a in answers if a.true is not None]
    if not answers or any(a.confidence is None for a in answers):
        return None
    said = np.array([a.confidence for a in answers], float)
    order = np.argsort(-said, kind="stable")
    weight = weights(answers)[order]
    error = np.array([abs(a.error) for a in answers])[order]
    right = np.array([a.within(1) for a in answers])[order]
    last = np.flatnonzero(np.append(np.diff(said[order]) != 0, True))
    total = np.cumsum(weight)[last]
    return {
        "confidence": said[order][last].tolist(),
        "coverage": (total / weight.sum()).tolist(),
        "mean_error": (np.cumsum(weight * error)[last] / total).tolist(),
        "within_1": (np.cumsum(weight * right)[last] / total).tolist(),
    }


def reliability(answers: Sequence[Answer], edges: Sequence[float]) -> list[dict[str, float]]:
    """In each class of confidence: how sure on average, and how many right; what cannot be right counts as wrong."""
    said = np.array([a.confidence for a in answers], float)
    weight, right = weights(answers), np.array([a.within(1) for a in answers])
    classes = []
    for low, high in pairwise(edges):
        here = (said >= low) & (said < high)
        if here.any():
            own = weight[here] / weight[here].sum()
            shares = {"said": float(own @ said[here]), "right": float(own @ right[here])}
            classes.append({"from": low, "to": high, "pairs": int(here.sum()), **shares})
    return classes


def compare(
    answers: Sequence[Answer], first: str, second: str, *, bootstrap: int = 4000, seed: int = 0
) -> list[dict[str, Any]]:
    """Is the second method better on the very same cases? Paired, a line for each ``row``.

    Intervals are 95 % of a bootstrap over units within each set: they say nothing about other sets.
    Raises ConfigError: a method that did not answer.
    """
    for name in (first, second):
        require_known("method", name, dict.fromkeys(a.method for a in answers))
    lines = []
    for row in dict.fromkeys(a.row for a in answers if a.true is not None):
        here = [a for a in answers if a.row == row and a.true is not None]
        mine = {name: {a.case: a for a in here if a.method == name} for name in (first, second)}
        pairs = [(a, mine[second][case]) for case, a in mine[first].items()]
        gains: dict[str, dict[str, list[tuple[float, float]]]] = {}  # set → unit → (fewer frames, more right)
        for a, b in pairs:
            gain = abs(a.error) - abs(b.error), float(b.within(1)) - a.within(1)
            gains.setdefault(a.group, {}).setdefault(a.unit, []).append(gain)
        strata = [np.array([np.mean(of, axis=0) for of in units.values()]).T for units in gains.values()]
        drawn = stratified_means(strata, bootstrap=bootstrap, seed=seed)  # [R, 2]
        fewer, more = np.mean([of.mean(axis=1) for of in strata], axis=0)
        lines.append(
            {
                "name": row,
                "n": len(pairs),
                "fewer_frames": float(fewer),
                "fewer_frames_95": percentiles(drawn[:, 0]),
                "more_within_1": float(more),
                "more_within_1_95": percentiles(drawn[:, 1]),
                "put_right": sum(b.within(1) and not a.within(1) for a, b in pairs),
                "put_wrong": sum(a.within(1) and not b.within(1) for a, b in pairs),
            }
        )
    return lines


def area(kinds: np.ndarray, said: np.ndarray, weight: np.ndarray) -> float | None:
    """Under the ROC curve; None where one of the two kinds is missing."""
    if not len(kinds) or kinds.all() or not kinds.any():
        return None
    return float(roc_auc_score(kinds, said, sample_weight=weight))


def _area_interval(
    kinds: np.ndarray, said: np.ndarray, weight: np.ndarray, groups: np.ndarray, bootstrap: int, seed: int
) -> tuple[float, float] | None:
    """95 % over sets: a set that is drawn twice weighs twice."""
    names, place = np.unique(groups, return_inverse=True)
    drawn = []
    for counts in event_counts(len(names), bootstrap=min(bootstrap, 200), rng=np.random.default_rng(seed)):
        there = counts[place] > 0
        found = area(kinds[there], said[there], (weight * counts[place])[there])
        drawn.append(np.nan if found is None else found)
    return percentiles(np.array(drawn))


def _mean(values: Any, weight: np.ndarray) -> float | None:
    """Weighted; None of nothing."""
    return float(np.average(np.asarray(values, float), weights=weight)) if len(weight) else None
