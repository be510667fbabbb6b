"""Scores of placing sound, in milliseconds, and the tables of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.pipeline import Answer
from benchmarks.tables import NONE, Column, Row, around, joined, number, share, text
from videosync.evaluation.intervals import event_interval

WRONG = 100.0  # milliseconds
COPIES = "copies"  # the condition of pairs of which both files hold the same recording


def sound_scores(answers: Sequence[Answer], *, bootstrap: int = 2000, seed: int = 0) -> dict[str, Any]:
    """All numbers of one method. Intervals are 95 % of a bootstrap over what was recorded.

    Placed and accepted are None of a method that never refuses.
    """
    related = [a for a in answers if a.true is not None]
    unrelated = [a for a in answers if a.true is None]
    placed = [a for a in related if a.placed]
    precise = [a for a in placed if a.more.get("precise")]
    refuses = all(a.placed is not None for a in answers)

    def part(name: str, hits: Sequence[bool], of: Sequence[Answer]) -> dict[str, Any]:
        if not of:
            return {name: None, f"{name}_95": None}
        options: dict[str, Any] = {"share": True, "bootstrap": bootstrap, "seed": seed}
        return {
            name: float(np.mean(hits)),
            f"{name}_95": event_interval(np.array(hits), [a.unit for a in of], **options),
        }

    drifts = [
        abs(a.more["drift_ppm"] - a.more["true_drift_ppm"])
        for a in placed
        if a.row == "60 s" and a.more.get("drift_ppm") is not None
    ]
    found: dict[str, Any] = {
        "n": len(related),
        "unrelated": len(unrelated),
        "sources": len({a.unit for a in answers}),
        **part("placed", [bool(a.placed) for a in related], related),
        "n_placed": len(placed),
        "placed_median_ms": _median([abs(a.error) for a in placed]),
        **part("placed_within_5", [a.within(5) for a in placed], placed),
        **part("placed_within_20", [a.within(20) for a in placed], placed),
        **part("precise_within_5", [a.within(5) for a in precise], precise),
        **part("precise_within_20", [a.within(20) for a in precise], precise),
        "n_precise": len(precise),
        **part("placed_wrong", [not a.within(WRONG) for a in placed], placed),
        **part("accepted", [bool(a.placed) for a in unrelated], unrelated),
        **part("interval_holds", [bool(a.more.get("inside")) for a in placed], placed),
        "median_ms": _median([abs(a.error) for a in related]),
        **part("within_20", [a.within(20) for a in related], related),
        **part("within_100", [a.within(WRONG) for a in related], related),
        "drift_error_ppm": _median(drifts),
        "n_drift": len(drifts),
        "drift_within_4": float(np.mean(np.array(drifts) <= 4)) if drifts else None,
        "seconds_a_minute": sum(a.seconds for a in answers) / max(sum(a.more["minutes"] for a in answers), 1e-9),
    }
    if not refuses:
        found |= dict.fromkeys(("placed", "placed_95", "accepted", "accepted_95"))
    if not any(a.more.get("inside") is not None for a in placed):
        found |= dict.fromkeys(("interval_holds", "interval_holds_95"))
    return found


def copy_scores(answers: Sequence[Answer], *, bootstrap: int = 2000, seed: int = 0) -> dict[str, Any]:
    """How many are named as copies of one recording, of all and of those that are placed."""
    named = [bool(a.more.get("same_recording")) for a in answers]
    placed = [own for own, a in zip(named, answers) if a.placed]
    options: dict[str, Any] = {"share": True, "bootstrap": bootstrap, "seed": seed}
    return {
        "n": len(answers),
        "named": float(np.mean(named)) if named else None,
        "named_95": event_interval(np.array(named), [a.unit for a in answers], **options) if named else None,
        "n_placed": len(placed),
        "placed_named": sum(placed),
    }


def counted(key: str, cell: Callable[[Row], str]) -> Callable[[Row], str]:
    """The cell, where there is any of what ``key`` counts."""
    return lambda row: cell(row) if row.get(key) else NONE


COMPARISON: tuple[Column, ...] = (
    ("method", text("name")),
    ("placed (95 %)", around(share("placed"), "placed_95", ".0f", 100)),
    ("of these: median ms", number("placed_median_ms", ".1f")),
    ("wrong by > 100 ms (95 %)", around(share("placed_wrong", 2), "placed_wrong_95", ".2f", 100)),
    ("flagged precise, of placed", counted("n_precise", joined(text("n_precise"), text("n_placed"), by=" of "))),
    (
        "these within 5 / 20 ms",
        counted("n_precise", joined(share("precise_within_5", 1), share("precise_within_20", 1))),
    ),
    ("interval holds", share("interval_holds", 1)),
    ("unrelated accepted (95 %)", around(share("accepted", 2), "accepted_95", ".2f", 100)),
)
ANY_ANSWER: tuple[Column, ...] = (
    ("method", text("name")),
    ("pairs, unrelated", joined(text("n"), text("unrelated"), by=", ")),
    ("median ms", number("median_ms", ".1f")),
    ("within 20 ms (95 %)", around(share("within_20"), "within_20_95", ".0f", 100)),
    ("within 100 ms (95 %)", around(share("within_100"), "within_100_95", ".0f", 100)),
    ("drift at 60 s: median ppm off", number("drift_error_ppm", ".1f")),
    ("within 4 ppm", counted("n_drift", joined(share("drift_within_4"), text("n_drift"), by=" of "))),
    ("CPU s a minute", number("seconds_a_minute", ".2f")),
)
PARTS: tuple[Column, ...] = (
    ("sounds", text("name")),
    ("pairs, unrelated", joined(text("n"), text("unrelated"), by=", ")),
    ("placed (95 %)", around(share("placed"), "placed_95", ".0f", 100)),
    ("of these: median ms", number("placed_median_ms", ".1f")),
    ("within 5 / 20 ms", joined(share("placed_within_5"), share("placed_within_20"))),
    ("wrong by > 100 ms", share("placed_wrong", 1)),
    ("unrelated accepted (95 %)", around(share("accepted", 1), "accepted_95", ".1f", 100)),
)
NAMED: tuple[Column, ...] = (
    ("pairs", text("name")),
    ("n", text("n")),
    ("named as copies (95 %)", around(share("named", 1), "named_95", ".1f", 100)),
    ("of those placed", joined(text("placed_named"), text("n_placed"), by=" of ")),
)
EVENTS: tuple[Column, ...] = (
    ("from", text("name")),
    ("pairs, unrelated", joined(text("n"), text("unrelated"), by=", ")),
    ("placed (95 %)", around(share("placed"), "placed_95", ".0f", 100)),
    ("of these: median ms", number("placed_median_ms", ".1f")),
    ("within 20 ms", share("placed_within_20")),
    ("wrong by > 100 ms", share("placed_wrong", 1)),
    ("any answer: median ms", number("median_ms", ".0f")),
    ("within 20 / 100 ms", joined(share("within_20"), share("within_100"))),
    ("unrelated accepted", share("accepted", 1)),
)


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if len(values) else None
