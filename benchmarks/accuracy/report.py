"""Tables of a comparison: every method at every length, set by set, and what controls give away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.accuracy.controls import UNRELATED
from benchmarks.accuracy.methods import FLOORS
from benchmarks.pipeline import Answer
from benchmarks.scores import scores
from benchmarks.tables import markdown, percent, text

FOOLED = 0.05  # share of unrelated pairs that may be accepted where 80 % of the real ones are
SURE = 0.01  # p-value below which hits in a control are no accident
SET_KEYS = ("n", "units", "mean_error", "within_1", "placed", "placed_wrong")
GIVEN_AWAY = 0.3  # share of answers within 1 frame by the places of keyframes alone


def report(answers: Sequence[Answer], *, bootstrap: int, seed: int) -> list[dict[str, Any]]:
    """The scores of each method at each length, with those of the controls."""
    rows = []
    for length in dict.fromkeys(a.row for a in answers):
        for method in dict.fromkeys(a.method for a in answers):
            mine = [a for a in answers if (a.row, a.method) == (length, method)]
            controls: dict[str, list[Answer]] = {}
            for answer in mine:
                if answer.true is None:
                    controls.setdefault(answer.more["control"], []).append(answer)
            real = [a for a in mine if a.true is not None]
            found = scores([*real, *controls.get(UNRELATED, [])], bootstrap=bootstrap, seed=seed)
            found["controls"] = {name: control_scores(of, found) for name, of in controls.items()}
            found["by_set"] = {
                group: {key: value for key, value in of_set(real, group).items() if key in SET_KEYS}
                for group in dict.fromkeys(a.group for a in real)
            }
            rows.append({"name": method, "window": length, **found})
    return rows


def of_set(answers: Sequence[Answer], group: str) -> dict[str, Any]:
    return scores([a for a in answers if a.group == group], bootstrap=0)


def control_scores(answers: Sequence[Answer], found: Mapping[str, Any]) -> dict[str, Any]:
    """Of one control: the share accepted where 80 % of the real windows are, and whether answers are no accident.

    ``hits``: answers within half a frame of a lag at which the keyframe grids of both clips coincide, ``chance`` what a
    uniform guess would hit, ``p_value`` of as many hits or more by chance. Clips without a common grid have none.
    """
    limit = found.get("at_80%", {}).get("confidence")
    accepted = None if limit is None else float(np.mean([(a.confidence or 0) >= limit for a in answers]))
    result: dict[str, Any] = {"n": len(answers), "accepted_at_80%": accepted}
    if any(a.more["target"] is None for a in answers):
        return result
    hits = sum(_away(a.said or 0.0, a) <= 0.5 for a in answers)
    lags = [np.arange(-a.more["search"], a.more["search"] + 1) for a in answers]
    chance = float(np.mean([np.mean([_away(lag, a) <= 0.5 for lag in of]) for of, a in zip(lags, answers)]))
    p_value = float(stats.binom.sf(hits - 1, len(answers), chance))
    return result | {"hits": hits / len(answers), "chance": chance, "p_value": p_value}


def _away(said: float, answer: Answer) -> float:
    """Frames from the nearest lag that would give the control away."""
    period = answer.more["period"]
    apart = float((said - answer.more["target"]) % period)
    return min(apart, period - apart)


def control_lines(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """One sentence for each thing that makes a number of the table less than it looks."""
    lines = []
    for row in rows:
        if row["name"] == "keyframes" and row["within_1"] > GIVEN_AWAY:
            lines.append(
                f"- the places of keyframes alone give {percent(row['within_1'])} of the answers away: what reads "
                "flashes at keyframes looks better here than it is"
            )
        for name, control in row["controls"].items():
            accepted = control["accepted_at_80%"]
            if row["name"] not in FLOORS and accepted is not None and accepted > FOOLED:
                lines.append(f"- {row['name']} accepts {percent(accepted)} of {name} where it accepts 80 % of the real")
            if row["name"] != "keyframes" and control.get("p_value", 1.0) < SURE:
                lines.append(
                    f"- {row['name']} hits {percent(control['hits'])} in {name}, where chance hits "
                    f"{percent(control['chance'])} (p = {control['p_value']:.1g}): it reads something else than motion"
                )
    return lines


def set_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A line for each set, a column for each method: mean error, share within 1 frame. ``rows`` of one length."""
    lines = []
    for group in dict.fromkeys(group for row in rows for group in row["by_set"]):
        first = rows[0]["by_set"][group]
        line = {"set": group, "pairs, windows": f"{first['units']}, {first['n']}"}
        for row in rows:
            found = row["by_set"][group]
            line[row["name"]] = f"{found['mean_error']:.2f}, {percent(found['within_1'])}"
        lines.append(line)
    return markdown(lines, [(title, text(title)) for title in lines[0]])
