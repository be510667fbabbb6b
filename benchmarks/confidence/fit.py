"""The logistic model of confidence, fitted and judged on rows of features."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

from benchmarks.pipeline import Answer
from videosync.lags.scores import LagScores
from videosync.timeline.calibration import Calibration
from videosync.timeline.confidence import RIGHT_WITHIN, features, mass_near

PENALTY = 1e-3  # on squared weights of features in units of their spread
WANTED, NEAR = 0.99, 2.0  # of accepted answers, within so many frames
STRANGE = 0.005  # of unrelated pairs that are accepted, at most
LIMITS = tuple(round(0.8 + 0.01 * n, 2) for n in range(20))  # what is less sure is refused even where it is right
SURE = 0.98  # said of answers that show how sure any answer can be
NODES = (0.5, 0.8, 0.9, 0.95, 0.98)  # confidences at which widths are given: few answers are surer
COVERED = 0.95
BROUGHT = "brought"  # shape of rows that are not windows of clips
WIDTH, LEAST = 0.8, 60  # log odds to either side, or as many answers, of which a node is measured
SHARPNESS = tuple(0.5 + 0.5 * n for n in range(12))  # tried


@dataclass(frozen=True, eq=False)
class Row:
    """What was found in one pair of windows."""

    group: str
    name: str
    made: bool
    shape: str
    true: float | None
    curve: LagScores

    @cached_property
    def right(self) -> bool:
        return self.true is not None and abs(self.curve.best() - self.true) < RIGHT_WITHIN + 0.5

    @cached_property
    def can_be_given(self) -> bool:
        """Whether it can be an answer, however sure."""
        return not (self.curve.fragile or self.curve.at_edge(self.curve.best()))

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
        mass = np.array([mass_near(row.curve, row.curve.best(), self.sharpness) for row in rows])
        return shared * mass / np.where([row.can_be_given for row in rows], 1.0, 2.0)


def feature_rows(rows: Sequence[Row]) -> np.ndarray:
    """float64 [N, F]."""
    return np.array([row.features for row in rows])


def row_weights(rows: Sequence[Row]) -> np.ndarray:
    """[N], sum N: synthetic and real rows weigh the same in all, and so do the sets of either kind."""
    sets = [(row.made, row.group) for row in rows]
    kinds = {made for made, _ in sets}
    sizes = Counter(sets)
    weight = {s: 1 / n / sum(other[0] == s[0] for other in sizes) / len(kinds) for s, n in sizes.items()}
    return np.array([weight[s] for s in sets]) * len(rows)


def fit(rows: Sequence[Row]) -> Model:
    """The sharpness, bias and weights (none negative) of largest likelihood of being right."""
    weights = row_weights(rows) / len(rows)
    x = feature_rows(rows)
    spread = x.std(axis=0)
    scale = np.where(spread > 1e-6, spread, 1.0)  # of one part, there is nothing to agree with
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
    said = expit(values[0] + x / scale @ values[1:]) * masses[:, best]
    sure = said >= min(SURE, float(np.sort(said)[-LEAST:][0]))
    # as if one more of the sure answers had been wrong: what nobody counted is not certain
    most = 1 - (1 + int((~right[sure]).sum())) / (2 + int(sure.sum()))
    return Model(
        SHARPNESS[best],
        round(float(values[0]), 4),
        tuple(round(float(v), 4) for v in values[1:] / scale),
        round(most, 4),
    )


def held_out_models(rows: Sequence[Row]) -> dict[str, Model]:
    """Set → the model that was fitted on the other sets."""
    return {group: fit([row for row in rows if row.group != group]) for group in sorted({row.group for row in rows})}


def said_of(models: Mapping[str, Model], rows: Sequence[Row]) -> np.ndarray:
    """What the model of its set says of each row: [N]."""
    said = np.zeros(len(rows))
    for group, model in models.items():
        places = [n for n, row in enumerate(rows) if row.group == group]
        said[places] = model([rows[n] for n in places])
    return said


def threshold(rows: Sequence[Row], said: np.ndarray) -> float:
    """The lowest limit at which, of both kinds, enough of the accepted answers are near and few strangers accepted."""
    weights, error = row_weights(rows), np.array([row.error for row in rows])
    inside = np.array([row.can_be_given for row in rows])
    related = np.array([row.true is not None for row in rows])
    for limit in LIMITS:
        enough = True
        for made in {row.made for row in rows}:
            kind = np.array([row.made == made for row in rows])
            accepted = kind & inside & (said >= limit)
            given = weights * (accepted & related)
            enough &= bool(given.any()) and float(given @ (error <= NEAR)) >= WANTED * given.sum()
            enough &= float((weights * (accepted & ~related)).sum()) <= STRANGE * (weights * (kind & ~related)).sum()
        if enough:
            return limit
    return LIMITS[-1]


def half_widths(rows: Sequence[Row], said: np.ndarray) -> tuple[float, ...]:
    """At each of ``NODES``: frames that hold 95 % of all answers about as sure (of right ones, where fewer are), of
    either kind."""
    kinds = [np.array([row.made == made for row in rows]) for made in {row.made for row in rows}]
    widths = [max(_half_width(rows, said, kind, node) for kind in kinds) for node in NODES]
    return tuple(round(w, 2) for w in np.minimum.accumulate(widths).tolist())


def _half_width(rows: Sequence[Row], said: np.ndarray, kind: np.ndarray, node: float) -> float:
    """Of the rows of one kind, bool [N]."""
    right = kind & np.array([row.right for row in rows])
    if not right.any():
        return float(RIGHT_WITHIN)
    away = np.abs(logit(said) - logit(node))
    near = right & (away <= max(WIDTH, float(np.sort(away[right])[:LEAST].max())))
    some = [row for row, there in zip(rows, near) if there]
    errors = np.array([row.error for row in some])
    order = np.argsort(errors)
    total = np.cumsum(row_weights(some)[order])  # sets weigh the same here too: some are seldom sure
    share = min(COVERED / node, 1 - (1 - COVERED) / 2)
    return float(errors[order][np.searchsorted(total, share * total[-1])])


def tables_of(
    models: Mapping[str, Model], rows: Sequence[Row], said: np.ndarray, cue: str, encoder: str | None
) -> dict[str, Calibration]:
    """Set → its calibration, of which nothing has seen that set: neither model nor limit nor widths."""
    tables = {}
    for group, model in models.items():
        places = [n for n, row in enumerate(rows) if row.group != group]
        others = [rows[n] for n in places]
        tables[group] = calibration(model, others, said[places], cue, encoder)
    return tables


def calibration(model: Model, rows: Sequence[Row], said: np.ndarray, cue: str, encoder: str | None) -> Calibration:
    """The model with the limit and the widths that ``rows`` ask for, of which held-out models say ``said``."""
    return Calibration(
        cue, model.sharpness, model.bias, model.weights, model.most, threshold(rows, said), NODES,
        half_widths(rows, said), encoder,
    )  # fmt: skip


def answers(rows: Sequence[Row], said: np.ndarray, tables: Mapping[str, Calibration]) -> list[Answer]:
    """What is said of each row, as ``videosync sync`` would; ``Answer.row``: the kind of its set, and its shape."""
    return [
        Answer(
            f"{'synthetic' if row.made else 'real'}, {row.shape}", row.group, row.name, str(number), table.cue, 30.0,
            None if row.true is None else float(row.true), row.curve.vertex(row.curve.best()), float(sure),
            bool(sure >= table.accepted and row.can_be_given),
            float(np.interp(sure, table.confidences, table.half_widths)), slack=0.5,
        )
        for number, (row, sure, table) in enumerate(zip(rows, said, (tables[row.group] for row in rows)))
    ]  # fmt: skip
