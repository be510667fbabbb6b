"""Tables of what was said of files as people bring them. Sets of one kind weigh the same."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from benchmarks.brought.ask import told
from benchmarks.pipeline import Answer
from benchmarks.scores import weights
from benchmarks.tables import Column, joined, number, share, text

NEAR = 2  # frames of the slower file
PRECISE, STRANGE = 0.99, 0.005  # wanted: of what is given right; of unrelated pairs given, at most
CLASSES = (0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)  # confidences that have to be earned

BROUGHT: tuple[Column, ...] = (
    ("files", text("name")),
    ("pairs", text("pairs")),
    ("any answer within 2 frames", share("answered")),
    ("placed", share("placed", 1)),
    ("of these right", share("right", 1)),
    ("wrong", joined(text("wrong"), text("given"), by=" of ")),
    ("warned", text("warned")),
    ("interval holds", share("holds", 1)),
    ("unrelated placed", joined(text("strange"), text("unrelated"), by=" of ")),
    ("share", share("strange_share", 1)),
)
AT_PRECISION: tuple[Column, ...] = (
    ("answers", text("name")),
    ("pairs", text("pairs")),
    ("unrelated", text("unrelated")),
    ("cut at", number("limit", ".4f")),
    ("given", share("given", 1)),
    ("of these right", share("right", 2)),
    ("unrelated given", share("strange", 2)),
)
EARNED: tuple[Column, ...] = (
    ("confidence", lambda row: f"{row['from']:g} and more"),
    ("said on average", share("said", 2)),
    ("answers", text("n")),
    ("wrong", text("wrong")),
)


def right(answer: Answer) -> bool:
    """Within 2 frames, or further off and said so."""
    return abs(answer.error) <= NEAR or (answer.true is not None and told(answer))


def rows_of(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """A row for each kind of footage, and each kind of question in it."""
    rows = []
    for kind in ("real", "synthetic"):
        mine = [a for a in answers if a.row.startswith(kind)]
        names = dict.fromkeys([kind, *(a.row for a in mine)])
        rows += [_row(name, [a for a in mine if name in (kind, a.row)]) for name in names if mine]
    return rows


def _row(name: str, answers: Sequence[Answer]) -> dict[str, Any]:
    related, strange = ([a for a in answers if (a.true is not None) == kind] for kind in (True, False))
    given = [a for a in related if a.placed]
    inside = [a.half_width is not None and abs(a.error) <= a.half_width for a in given]
    return {
        "name": name,
        "pairs": len(related),
        "answered": _mean([abs(a.error) <= NEAR for a in related], related),
        "placed": _mean([bool(a.placed) for a in related], related),
        "given": len(given),
        "right": _mean([right(a) for a in given], given),
        "wrong": sum(not right(a) for a in given),
        "warned": sum(abs(a.error) > NEAR and told(a) for a in given),
        "holds": _mean(inside, given),
        "unrelated": len(strange),
        "strange": sum(bool(a.placed) for a in strange),
        "strange_share": _mean([bool(a.placed) for a in strange], strange),
    }


def at_precision(name: str, answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """The largest share of related pairs that can be given: all that are as sure as a limit, from which on up the
    answers are as right as wanted. Of all pairs, and of those whose clocks run alike."""
    rows = []
    for kind, steady in product(("real", "synthetic"), (False, True)):
        mine = [a for a in answers if a.row.startswith(kind) and not (steady and a.row.endswith(", clock"))]
        related, strange = ([a for a in mine if (a.true is not None) == kind] for kind in (True, False))
        if not related:
            continue
        sure, weight = np.array([a.confidence for a in related], float), weights(related)
        good = np.array([right(a) for a in related])
        others, theirs = np.array([a.confidence for a in strange], float), weights(strange)
        best: dict[str, Any] = {"limit": None, "given": 0.0, "right": None, "strange": 0.0}
        for limit in np.unique(sure[sure > 0])[::-1]:
            here = sure >= limit
            found = {
                "limit": float(limit),
                "given": float(weight[here].sum()),
                "right": float(weight[here] @ good[here] / weight[here].sum()),
                "strange": float(theirs[others >= limit].sum()),
            }
            if found["strange"] > STRANGE:
                break
            if found["right"] >= PRECISE:
                best = found
        title = f"{name}: {kind}, {'clocks that run alike' if steady else 'all'}"
        rows.append({"name": title, "pairs": len(related), "unrelated": len(strange), **best})
    return rows


def earned(answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """How often what is at least so sure, and given, was wrong; unrelated pairs count as wrong."""
    rows = []
    for least in CLASSES:
        here = [a for a in answers if a.placed and a.confidence is not None and a.confidence >= least]
        mean = float(np.mean([a.confidence for a in here])) if here else None
        rows.append({"from": least, "said": mean, "n": len(here), "wrong": sum(not right(a) for a in here)})
    return rows


def _mean(values: Sequence[bool], answers: Sequence[Answer]) -> float | None:
    return float(weights(answers) @ np.array(values, float)) if answers else None
