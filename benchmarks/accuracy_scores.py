"""Numbers of a method: errors with intervals over pairs and sets, and what its confidence is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats
from sklearn.metrics import roc_auc_score

from benchmarks.accuracy_signals import Outcome
from videosync.evaluation.intervals import event_interval
from videosync.evaluation.metrics import sync_metrics

WITHIN_MS = (20, 50, 100)
COVERAGES = (0.5, 0.8)
CARRIED = ("mae_frames", "median_frames", "bias_frames", "mae_ms", "median_ms")
WITHIN_FRAMES = ("within_1", "within_3", "within_5")


def errors_of(outcomes: Sequence[Outcome]) -> np.ndarray:
    """Absolute errors [N], frames."""
    return np.array([abs(outcome.offset - outcome.trial.pair.offset) for outcome in outcomes])


def right(outcomes: Sequence[Outcome]) -> np.ndarray:
    """Whether answers are within 1 frame, rounded to whole frames: bool [N]."""
    return np.array([abs(np.rint(outcome.offset) - outcome.trial.pair.offset) <= 1 for outcome in outcomes])


def set_scores(outcomes: Sequence[Outcome], *, bootstrap: int, seed: int) -> dict[str, Any]:
    """Errors of some trials with intervals over pairs of views (all pairs have as many windows, and weigh the same).

    For the shares within 1, 3 and 5 frames answers are rounded to whole frames, as the truth and the answers of most
    methods are: an answer of 1.2 frames would else be worse than one of 1. All else is measured as it was said.
    """
    errors = errors_of(outcomes)
    fps = np.array([outcome.trial.pair.window0.fps for outcome in outcomes])
    said = np.array([outcome.offset for outcome in outcomes])
    true = np.array([outcome.trial.pair.offset for outcome in outcomes])
    options: dict[str, Any] = {
        "fps": fps,
        "events": [outcome.trial.unit for outcome in outcomes],
        "seed": seed,
    }
    metrics = sync_metrics(said, true, bootstrap=bootstrap, **options).to_json()
    whole = sync_metrics(np.rint(said), true, bootstrap=bootstrap, **options).to_json()
    within = {f"within_{ms}_ms": float(np.mean(errors / fps * 1000 <= ms)) for ms in WITHIN_MS}
    apart = np.array([not outcome.trial.keyframes_meet for outcome in outcomes])
    spared = {"n_windows": int(apart.sum())} | (
        {"mae_frames": float(errors[apart].mean()), "within_1": float(np.mean(right(outcomes)[apart]))}
        if apart.any()
        else {}
    )
    return {
        "n_pairs": metrics["n_events"],
        "n_windows": metrics["n"],
        **{key: metrics[key] for key in CARRIED},
        **{key: whole[key] for key in WITHIN_FRAMES},
        **within,
        "mae_interval": metrics["mae_interval"],
        "within_1_interval": whole["within_1_interval"],
        "seconds_per_pair": float(np.mean([outcome.seconds for outcome in outcomes])),
        "no_keyframes_meet": spared,
        "fitted_on": sorted({name for outcome in outcomes for name in outcome.fitted_on}),
    }


def over_sets(scores: Sequence[dict[str, Any]], *, bootstrap: int, seed: int) -> dict[str, Any]:
    """The mean over sets, each of the same weight, with intervals from drawing sets with replacement."""
    averaged = [key for key, value in scores[0].items() if isinstance(value, float)]
    values = {key: np.array([score[key] for score in scores]) for key in averaged}
    sets = np.arange(len(scores))
    options: dict[str, Any] = {"bootstrap": bootstrap, "seed": seed}
    return {
        "n_sets": len(scores),
        "n_pairs": sum(score["n_pairs"] for score in scores),
        "n_windows": sum(score["n_windows"] for score in scores),
        **{key: float(values[key].mean()) for key in averaged},
        "mae_interval": event_interval(values["mae_frames"], sets, **options),
        "within_1_interval": event_interval(values["within_1"], sets, **options, share=True),
    }


@dataclass(frozen=True)
class RiskCoverage:
    """Error of the surest answers, at each number of answers accepted. Sets weigh the same."""

    confidence: np.ndarray  # [M] falling: everything at least as sure is accepted
    coverage: np.ndarray  # [M] share of the windows accepted
    mean_error: np.ndarray  # [M] of those accepted, frames
    within_1: np.ndarray  # [M]

    def at(self, coverage: float) -> int:
        """The first point that covers as much; answers that are equally sure are accepted together."""
        return int(np.searchsorted(self.coverage, coverage - 1e-9).clip(max=len(self.coverage) - 1))

    def to_json(self) -> dict[str, list[float]]:
        return {key: [round(float(x), 5) for x in value] for key, value in vars(self).items()}


def risk_coverage(outcomes: Sequence[Outcome]) -> RiskCoverage | None:
    """None for a method without confidences."""
    said = [outcome.confidence for outcome in outcomes if outcome.confidence is not None]
    if len(said) < len(outcomes):
        return None
    weights = set_weights(outcomes)
    order = np.argsort(-np.array(said), kind="stable")
    sorted_confidence, errors, weights = np.array(said)[order], errors_of(outcomes)[order], weights[order]
    hits = right(outcomes)[order]
    last = np.flatnonzero(np.append(np.diff(sorted_confidence) != 0, True))  # of those that are equally sure
    total = np.cumsum(weights)[last]
    return RiskCoverage(
        confidence=sorted_confidence[last],
        coverage=total / weights.sum(),
        mean_error=np.cumsum(weights * errors)[last] / total,
        within_1=np.cumsum(weights * hits)[last] / total,
    )


def set_weights(outcomes: Sequence[Outcome]) -> np.ndarray:
    """[N] weights with the same sum for each set."""
    _, place, sizes = np.unique([o.trial.group for o in outcomes], return_inverse=True, return_counts=True)
    return 1 / sizes[place] / len(sizes)


def confidence_scores(outcomes: Sequence[Outcome], unrelated: Sequence[Outcome]) -> dict[str, Any] | None:
    """What a method's confidence is worth: errors at 50 and 80 % coverage, and areas under the ROC curve.

    ``auc_right``: right (within 1 frame) against wrong answers; ``auc_related``: pairs of one event against unrelated
    ones. 0.5 is chance; None where one of the two kinds is missing. Sets weigh the same.
    """
    curve = risk_coverage(outcomes)
    if curve is None:
        return None
    weights = set_weights(outcomes)
    said = [o.confidence for o in outcomes]
    strangers = [o.confidence for o in unrelated]
    found: dict[str, Any] = {
        "auc_right": _auc(right(outcomes), said, weights),
        "auc_related": _auc(
            np.arange(len(said) + len(strangers)) < len(said),
            [*said, *strangers],
            np.append(weights, np.full(len(strangers), 1 / max(len(strangers), 1))),
        ),
    }
    for coverage in COVERAGES:
        point = curve.at(coverage)
        found[f"at_{coverage:.0%}"] = {
            "confidence": float(curve.confidence[point]),
            "coverage": float(curve.coverage[point]),
            "mae_frames": float(curve.mean_error[point]),
            "within_1": float(curve.within_1[point]),
        }
    return {**found, "curve": curve.to_json()}


def _auc(kinds: np.ndarray, said: Sequence[float | None], weights: np.ndarray) -> float | None:
    if kinds.all() or not kinds.any():
        return None
    return float(roc_auc_score(kinds, np.array(said, float), sample_weight=weights))


def control_scores(outcomes: Sequence[Outcome], confidence: dict[str, Any] | None) -> dict[str, Any]:
    """Of a control: the share accepted where 50 and 80 % of the real windows are, and whether answers are no accident.

    ``hits``: answers within half a frame of the offset that the windows had before they were spoiled (of clips that
    share a keyframe grid: of a lag at which the grids coincide), ``chance`` what a uniform guess would hit, ``p_value``
    of as many hits or more by chance. Pairs without either have no hits.
    """
    found: dict[str, Any] = {"n_windows": len(outcomes)}
    for coverage in COVERAGES if confidence else ():
        limit = (confidence or {})[f"at_{coverage:.0%}"]["confidence"]
        accepted = [outcome.confidence is not None and outcome.confidence >= limit for outcome in outcomes]
        found[f"accepted_at_{coverage:.0%}"] = float(np.mean(accepted))
    found["seconds_per_pair"] = float(np.mean([outcome.seconds for outcome in outcomes]))
    if outcomes[0].trial.grid is None and len(outcomes[0].trial.sets) > 1:
        return found
    found["mae_frames"] = None if outcomes[0].trial.grid else float(errors_of(outcomes).mean())
    hit = [_target_distance(outcome) <= 0.5 for outcome in outcomes]
    chance = [_chance(outcome) for outcome in outcomes]
    p_value = float(stats.binom.sf(sum(hit) - 1, len(hit), np.mean(chance)))
    return found | {"hits": float(np.mean(hit)), "chance": float(np.mean(chance)), "p_value": p_value}


def _target_distance(outcome: Outcome) -> float:
    grid = outcome.trial.grid
    if grid is None:
        return abs(outcome.offset - outcome.trial.pair.offset)
    apart = (outcome.offset - grid[0]) % grid[1]
    return min(apart, grid[1] - apart)


def _chance(outcome: Outcome) -> float:
    lags, grid = np.arange(-outcome.trial.search, outcome.trial.search + 1), outcome.trial.grid
    return 1 / len(lags) if grid is None else float(np.mean((lags - grid[0]) % grid[1] == 0))
