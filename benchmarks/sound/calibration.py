"""How sure sound is, measured: the numbers of ``videosync/sound/calibration.json``.

    python -m benchmarks.sound.calibration --sources sounds --write

Pairs of the split ``calibration``, related and not, are matched. A logistic model maps the features of a match to the
probability that it is right within 0.1 s. What is printed is held out: what was recorded is dealt to five parts, each
judged by a model that was fitted on the others. What is written (``--write``) is fitted on all: the model, the least
confidence at which a match counts as placed, the sharpness from which it is precise, and how wide the intervals are.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from itertools import pairwise
from typing import Any
from zlib import crc32

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from benchmarks.pipeline import Answer, asked, benchmark, keep_result, run
from benchmarks.sound.methods import OURS, answered, ours
from benchmarks.sound.pairs import Draw
from benchmarks.sound.recordings import add_arguments, of_all
from benchmarks.sound.scoring import COMPARISON, WRONG, sound_scores
from benchmarks.tables import RELIABILITY, markdown
from videosync.files import write_text
from videosync.sound.calibration import FEATURES, PATH

EDGES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.98, 0.99, 0.995, 1.01)
PARTS = 5
PENALTY = 1e-4  # on squared weights of features in units of their spread
LEAST = 0.9  # no answer less sure than this is placed
MOST_WRONG = 0.005  # of all that is placed; what is unrelated is wrong
SHARP = {5.0: 0.95, 20.0: 0.985}  # ms → share within them of those flagged precise; the aim is 0.97 within 20
STRUCTURAL = ("silent", "short", "repeats", "edge")  # reasons that refuse whatever the confidence


@dataclass(frozen=True)
class Model:
    """What ``videosync.sound`` computes of the features."""

    bias: float
    weights: tuple[float, ...]
    most: float

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """[N, F] → [N]."""
        return np.asarray(self.most * expit(self.bias + features @ np.array(self.weights)))


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.sound.calibration")
    add_arguments(parser.add_argument, related=1250, unrelated=750)
    parser.add_argument("--write", action="store_true", help=f"write {PATH.name}")
    return parser


def measure(args: argparse.Namespace) -> list[Answer]:
    """Matches of all pairs, as they are by the calibration that is there. Raises VideoSyncError."""
    draw = Draw("calibration", args.seed, args.related, args.unrelated)
    return [answer for found in of_all(args, draw, partial(answered, methods={OURS: ours})) for answer in found]


def feature_rows(answers: Sequence[Answer]) -> np.ndarray:
    """float64 [N, F]."""
    return np.array([[a.more["features"][name] for name in FEATURES] for a in answers])


def right(answers: Sequence[Answer]) -> np.ndarray:
    """bool [N]: within 0.1 s of the truth."""
    return np.array([a.within(WRONG) for a in answers], bool)


def fit(answers: Sequence[Answer]) -> Model:
    """The bias and weights (none negative) of largest likelihood of being right."""
    answers = [a for a in answers if a.more["reason"] not in STRUCTURAL]
    x, hit = feature_rows(answers), right(answers)
    scale = np.maximum(x.std(axis=0), 1e-9)

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        logit = values[0] + x / scale @ values[1:]
        error = (expit(logit) - hit) / len(x)
        slope = np.concatenate([[error.sum()], error @ (x / scale) + 2 * PENALTY * values[1:]])
        cost = np.mean(np.logaddexp(0, logit) - hit * logit) + PENALTY * values[1:] @ values[1:]
        return float(cost), slope

    bounds = [(None, None)] + [(0.0, None)] * x.shape[1]
    values = minimize(loss, np.zeros(1 + x.shape[1]), jac=True, bounds=bounds, method="L-BFGS-B").x
    most = 1 - 1 / (2 + int(hit.sum()))  # as if one more answer had been wrong: nothing is ever certain
    weights = tuple(round(float(weight), 4) for weight in values[1:] / scale)
    return Model(round(float(values[0]), 4), weights, round(most, 4))


def held_out(answers: Sequence[Answer]) -> np.ndarray:
    """What models that were fitted on other sources say: [N]."""
    part = np.array([crc32(a.unit.encode()) % PARTS for a in answers])
    said = np.zeros(len(answers))
    for number in range(PARTS):
        model = fit([a for a, own in zip(answers, part) if own != number])
        said[part == number] = model(feature_rows([a for a, own in zip(answers, part) if own == number]))
    return said


def threshold(answers: Sequence[Answer], said: np.ndarray) -> float:
    """The least confidence from which on up few enough of the placed are wrong, be it that they are unrelated.

    What is named as copies of one recording is not placed quietly, and does not count.
    """
    open_ = np.array([a.more["reason"] not in STRUCTURAL and not a.more.get("same_recording") for a in answers])
    hit = right(answers)
    for limit in np.unique(np.append(said[open_ & (said >= LEAST)], LEAST)):
        placed = open_ & (said >= limit)
        if placed.any() and np.mean(~hit[placed]) <= MOST_WRONG:
            return float(np.ceil(limit * 1e4) / 1e4)
    return 1.0


def placed_at(answers: Sequence[Answer], said: np.ndarray, limit: float) -> list[Answer]:
    """The answers with these confidences, placed by this limit."""
    return [
        replace(a, confidence=float(sure), placed=bool(sure >= limit and a.more["reason"] not in STRUCTURAL))
        for a, sure in zip(answers, said)
    ]


def sharpness_limit(placed: Sequence[Answer]) -> float:
    """The least sharpness from which on up enough are within 5 and within 20 ms."""
    sharp = np.array([a.more["features"]["sharpness"] for a in placed])
    errors = np.abs([a.error for a in placed])
    for limit in np.arange(1.05, 4, 0.05):
        kept = errors[sharp >= limit]
        if all(np.mean(kept <= ms) >= share for ms, share in SHARP.items() if len(kept)):
            break
    return round(float(limit), 2)


def half_widths(placed: Sequence[Answer], limit: float) -> tuple[float, float]:
    """Seconds that hold 95 % of the errors: of precise answers, and of the others."""
    errors = {True: [0.0005], False: [0.05]}
    for a in placed:
        if a.within(WRONG):
            errors[a.more["features"]["sharpness"] >= limit].append(abs(a.error) / 1000)
    return tuple(round(float(np.quantile(errors[kind], 0.95)), 4) for kind in (True, False))  # type: ignore[return-value]


def reliability(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """In each class of confidence: how sure on average, and how many right; what is unrelated counts as wrong."""
    said, hit = np.array([a.confidence for a in answers], float), right(answers)
    rows = []
    for low, high in pairwise(EDGES):
        here = (said >= low) & (said < high)
        if here.any():
            shares = {"said": float(said[here].mean()), "right": float(hit[here].mean())}
            rows.append({"name": "made", "from": low, "to": high, "pairs": int(here.sum()), **shares})
    return rows


def calibrate(args: argparse.Namespace) -> None:
    """Measure (or read), fit, print, write. Raises VideoSyncError."""
    answers = asked(args, lambda: measure(args))
    said = held_out(answers)
    limit = threshold(answers, said)
    judged = placed_at(answers, said, limit)
    placed = [a for a in judged if a.placed and a.true is not None]
    sharp = sharpness_limit(placed) if placed else 1.3
    for a in judged:
        a.more["precise"] = bool(a.placed and a.more["features"].get("sharpness", 0) >= sharp)
    scores = {"name": OURS, **sound_scores(judged, bootstrap=args.bootstrap, seed=args.seed)}
    classes = reliability(judged)
    model = fit(answers)
    print(markdown([scores], COMPARISON))
    print("\nHeld out: how sure, and how many of them are right within 0.1 s\n")
    print(markdown(classes, RELIABILITY))
    widths = half_widths(placed, sharp)
    measured = {
        "command": args.command,
        "date": date.today().isoformat(),
        "related": scores["n"],
        "placed": scores["n_placed"],
        "unrelated": scores["unrelated"],
    }
    content = {
        "bias": model.bias,
        "weights": dict(zip(FEATURES, model.weights)),
        "most": model.most,
        "accepted": limit,
        "precise": sharp,
        "half_widths": widths,
        "measured": measured,
    }
    text = json.dumps(content, indent=1) + "\n"
    print(f"\n{text}")
    if args.write:
        write_text(PATH, text)
        print(f"written: {PATH}", file=sys.stderr)
    keep_result(args, [scores], reliability=classes)


main = partial(run, calibrate, arguments)

if __name__ == "__main__":
    sys.exit(main())
