"""The logistic model of confidence, fitted and judged on rows of features."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score

from videosync.lags.scores import LagScores
from videosync.timeline.confidence import FEATURES, RIGHT_WITHIN, features, mass_near

PENALTY = 1e-3  # on squared weights of features in units of their spread
WANTED = 0.98  # of accepted answers that are right
LIMITS = tuple(
    round(0.8 + 0.01 * n, 2) for n in range(20)
)  # what is less sure is refused even where it is right
NODES = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99)  # confidences at which widths are given
COVERED = 0.95
WIDTH, LEAST = 0.8, 60  # log odds to either side, or as many answers, of which a node is measured
SHARPNESS = tuple(0.5 + 0.25 * n for n in range(23))  # tried


@dataclass(frozen=True, eq=False)
class Row:
    """What was found in one pair of windows."""

    group: str
    name: str
    made: bool
    shape: str
    true: int | None
    curve: LagScores

    @cached_property
    def right(self) -> bool:
        return self.true is not None and abs(self.curve.best() - self.true) <= RIGHT_WITHIN

    @cached_property
    def features(self) -> np.ndarray:
        """Of the answer."""
        return features(self.curve, self.curve.best())

    @cached_property
    def masses(self) -> np.ndarray:
        """Near the answer, for each of ``SHARPNESS``."""
        return np.array([mass_near(self.curve, self.curve.best(), sharpness) for sharpness in SHARPNESS])

    @cached_property
    def error(self) -> float:
        """Of the answer with its fraction, frames; infinite where there is no right one."""
        return math.inf if self.true is None else abs(self.curve.vertex(self.curve.best()) - self.true)


@dataclass(frozen=True)
class Model:
    """A fit: what ``videosync.timeline.confidence.probability_right`` computes of it."""

    sharpness: float
    bias: float
    weights: tuple[float, ...]
    most: float

    def __call__(self, rows: Sequence[Row]) -> np.ndarray:
        shared = self.most * expit(self.bias + feature_rows(rows) @ np.array(self.weights))
        edge = np.array([row.curve.at_edge(row.curve.best()) for row in rows])
        mass = np.array([mass_near(row.curve, row.curve.best(), self.sharpness) for row in rows])
        return shared * mass / np.where(edge, 2.0, 1.0)


def feature_rows(rows: Sequence[Row]) -> np.ndarray:
    """float64 [N, F]."""
    return np.array([row.features for row in rows])


def row_weights(rows: Sequence[Row], groups: Sequence[str] | None = None) -> np.ndarray:
    """[N], sum N: synthetic and real rows weigh the same in all, and so do the sets (``groups``) of either kind."""
    sets = [(row.made, group) for row, group in zip(rows, groups or [row.group for row in rows])]
    kinds = {made for made, _ in sets}
    sizes = Counter(sets)
    weight = {s: 1 / n / sum(other[0] == s[0] for other in sizes) / len(kinds) for s, n in sizes.items()}
    return np.array([weight[s] for s in sets]) * len(rows)


def fit(rows: Sequence[Row]) -> Model:
    """The sharpness, bias and weights (none negative) of largest likelihood of being right."""
    weights = row_weights(rows) / len(rows)
    x = feature_rows(rows)
    scale = np.maximum(x.std(axis=0), 1e-9)
    right = np.array([row.right for row in rows])

    def loss(values: np.ndarray, mass: np.ndarray) -> tuple[float, np.ndarray]:
        shared = expit(values[0] + x / scale @ values[1:])
        said = np.clip(shared * mass, 1e-9, 1 - 1e-9)
        error = weights * np.where(right, shared - 1, said * (1 - shared) / (1 - said))
        slope = np.concatenate([[error.sum()], error @ (x / scale)])
        slope[1:] += 2 * PENALTY * values[1:]
        cost = -weights @ np.where(right, np.log(said), np.log1p(-said))
        return float(cost + PENALTY * values[1:] @ values[1:]), slope

    bounds = [(None, None)] + [(0.0, None)] * x.shape[1]
    masses = np.array([row.masses for row in rows])  # [N, S]
    found = [
        minimize(loss, np.zeros(1 + x.shape[1]), args=(mass,), jac=True, bounds=bounds, method="L-BFGS-B")
        for mass in masses.T
    ]
    best = int(np.argmin([one.fun for one in found]))
    values = found[best].x
    # as if one more answer had been wrong: nothing is ever certain
    most = 1 - 1 / (2 + int(right.sum()))
    return Model(
        SHARPNESS[best],
        round(float(values[0]), 4),
        tuple(round(float(v), 4) for v in values[1:] / scale),
        round(most, 4),
    )


def held_out(rows: Sequence[Row]) -> np.ndarray:
    """What models that were fitted on the other sets say of each row: [N]."""
    said = np.zeros(len(rows))
    for group in sorted({row.group for row in rows}):
        model = fit([row for row in rows if row.group != group])
        places = [n for n, row in enumerate(rows) if row.group == group]
        said[places] = model([rows[n] for n in places])
    return said


def threshold(rows: Sequence[Row], said: np.ndarray) -> float:
    """The lowest limit from which on up, of both kinds, enough of the accepted answers are right."""
    for limit in LIMITS:
        enough = True
        for made in {row.made for row in rows}:
            kind = np.array([row.made == made for row in rows]) & (said >= limit)
            weights = row_weights(rows)[kind]
            right = np.array([row.right for row in rows])[kind]
            enough &= bool(kind.any()) and float(weights @ right / weights.sum()) >= WANTED
        if enough:
            return limit
    return LIMITS[-1]


def half_widths(rows: Sequence[Row], said: np.ndarray) -> tuple[float, ...]:
    """At each of ``NODES``: frames that hold 95 % of all answers about as sure (of right ones, where fewer are)."""
    errors = np.array([row.error for row in rows])
    right = np.array([row.right for row in rows])
    weights = row_weights(rows)
    widths = []
    for node in NODES:
        away = np.abs(logit(said) - logit(node))
        near = right & (away <= max(WIDTH, float(np.sort(away[right])[:LEAST].max(initial=0.0))))
        share = min(COVERED / node, 1 - (1 - COVERED) / 2)
        order = np.argsort(errors[near])
        total = np.cumsum(weights[near][order])
        place = np.searchsorted(total, share * total[-1]) if near.any() else 0
        widths.append(float(errors[near][order][place]) if near.any() else float(RIGHT_WITHIN))
    return tuple(round(float(w), 2) for w in np.minimum.accumulate(widths))


def scores(
    rows: Sequence[Row],
    said: np.ndarray,
    limit: float,
    widths: Sequence[float],
    groups: Sequence[str] | None = None,
) -> dict[str, Any]:
    """What confidences are worth; sets (``groups``) weigh the same. AUCs are None where one kind is missing."""
    weights = row_weights(rows, groups)
    right = np.array([row.right for row in rows])
    told = np.array([row.true is not None for row in rows])
    accepted = said >= limit
    reach = np.interp(said, NODES, widths)
    inside = np.array([row.error for row in rows]) <= reach

    def share(what: np.ndarray, of: np.ndarray) -> float | None:
        return float(weights[of] @ what[of] / weights[of].sum()) if of.any() else None

    def area(kinds: np.ndarray, of: np.ndarray) -> float | None:
        some = kinds[of]
        if not some.any() or some.all():
            return None
        return float(roc_auc_score(some, said[of], sample_weight=weights[of]))

    everything = np.ones(len(rows), bool)
    found: dict[str, Any] = {
        "rows": len(rows),
        "related": int(told.sum()),
        "right_of_related": share(right, told),
        "auc_right_of_related": area(right, told),
        "auc_right": area(right, everything),
        "auc_related": area(told, everything),
        "auc_right_or_unrelated": area(right, right | ~told),
        "log_loss": float(
            weights @ -np.log(np.clip(np.where(right, said, 1 - said), 1e-6, 1)) / weights.sum()
        ),
        "accepted_related": share(accepted, told),
        "accepted_unrelated": share(accepted, ~told),
        "right_of_accepted": share(right, accepted),
        "right_of_accepted_related": share(right, accepted & told),
        "inside_interval_of_accepted": share(inside, accepted),
    }
    for coverage in (0.5, 0.8):
        point = _limit_at(said[told], weights[told], coverage) if told.any() else 1.0
        found[f"at_{coverage:.0%}"] = {
            "confidence": point,
            "right": share(right, told & (said >= point)),
            "accepted_unrelated": share(said >= point, ~told),
        }
    return found


def _limit_at(said: np.ndarray, weights: np.ndarray, coverage: float) -> float:
    order = np.argsort(-said, kind="stable")
    total = np.cumsum(weights[order]) / weights.sum()
    return float(said[order][min(int(np.searchsorted(total, coverage)), len(said) - 1)])


def reliability(rows: Sequence[Row], said: np.ndarray, edges: Sequence[float]) -> list[dict[str, float]]:
    """In each class of confidence: how sure on average, how many right; sets weigh the same."""
    weights = row_weights(rows)
    right = np.array([row.right for row in rows])
    classes = []
    for low, high in pairwise(edges):
        inside = (said >= low) & (said < high)
        if inside.any():
            own = weights[inside] / weights[inside].sum()
            sure, share = float(own @ said[inside]), float(own @ right[inside])
            classes.append(
                {"from": low, "to": high, "pairs": int(inside.sum()), "said": sure, "right": share}
            )
    return classes


def risk_coverage(rows: Sequence[Row], said: np.ndarray) -> dict[str, list[float]]:
    """Of related pairs, the surest first: share accepted and share of those that is wrong."""
    told = np.array([row.true is not None for row in rows])
    weights = row_weights(rows)[told]
    order = np.argsort(-said[told], kind="stable")
    wrong = ~np.array([row.right for row in rows])[told][order]
    total = np.cumsum(weights[order])
    return {
        "coverage": (total / total[-1]).tolist(),
        "risk": (np.cumsum(weights[order] * wrong) / total).tolist(),
    }


def intervals(
    rows: Sequence[Row], said: np.ndarray, keys: Sequence[str], draws: int, seed: int
) -> Mapping[str, list[float] | None]:
    """95 % of a bootstrap over sets and, within them, over events, of each of ``keys`` of :func:`scores`."""
    rng = np.random.default_rng(seed)
    members: dict[str, dict[str, list[int]]] = {}
    for number, row in enumerate(rows):
        members.setdefault(row.group, {}).setdefault(row.name, []).append(number)
    values: dict[str, list[float]] = {key: [] for key in keys}
    for _ in range(draws):
        picked: list[int] = []
        groups: list[str] = []
        for turn, group in enumerate(rng.choice(sorted(members), len(members))):
            events = members[str(group)]
            picked += [n for name in rng.choice(sorted(events), len(events)) for n in events[str(name)]]
            groups += [str(turn)] * (len(picked) - len(groups))
        some = scores([rows[n] for n in picked], said[picked], 1.0, [1.0] * len(NODES), groups)
        for key in keys:
            if some[key] is not None:
                values[key].append(some[key])
    return {
        key: [float(e) for e in np.quantile(v, [0.025, 0.975])] if v else None for key, v in values.items()
    }


def as_calibration(model: Model, limit: float, widths: Sequence[float]) -> dict[str, Any]:
    return {
        "sharpness": model.sharpness,
        "bias": model.bias,
        "weights": dict(zip(FEATURES, model.weights)),
        "most": model.most,
        "accepted": limit,
        "confidences": list(NODES),
        "half_widths": list(widths),
    }
