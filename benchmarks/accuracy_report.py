"""Scores of all methods as one JSON-ready report, and as tables to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.accuracy_methods import FLOORS, Method
from benchmarks.accuracy_scores import (
    confidence_scores,
    control_scores,
    over_sets,
    set_scores,
)
from benchmarks.accuracy_signals import Outcome
from benchmarks.accuracy_windows import LeftOut
from videosync.evaluation.intervals import interval_text

FOOLED = 0.05  # share of unrelated pairs that may be accepted where 80 % of the real ones are
SURE = 0.01  # p-value below which hits in a control are no accident
UNRELATED = "unrelated events"
KEYFRAMES = "keyframes"  # the method that sees nothing else
GIVEN_AWAY = 0.3  # share of its answers within 1 frame above which a set is marked
Table = list[list[str]]


def make_report(
    outcomes: Mapping[str, Sequence[Outcome]],
    methods: Mapping[str, Method],
    lengths: Sequence[str],
    *,
    bootstrap: int,
    seed: int,
) -> dict[str, Any]:
    """Scores by length: ``{length: {method: {"sets", "sets_equal", "pairs_equal", "confidence", "controls", …}}}``.

    ``outcomes``: of each method, in the same order, trials of sets and controls.
    """
    report: dict[str, Any] = {}
    for length in lengths:
        for name, answers in outcomes.items():
            mine = [outcome for outcome in answers if outcome.trial.length == length]
            if mine:
                report.setdefault(length, {})[name] = _method_scores(
                    mine, methods[name].tuned_on, bootstrap=bootstrap, seed=seed
                )
    return report


def _method_scores(
    outcomes: Sequence[Outcome], tuned_on: tuple[str, ...], *, bootstrap: int, seed: int
) -> dict[str, Any]:
    related = [outcome for outcome in outcomes if outcome.trial.related]
    groups = dict.fromkeys(outcome.trial.group for outcome in related)
    sets = {
        group: set_scores([o for o in related if o.trial.group == group], bootstrap=bootstrap, seed=seed)
        for group in groups
    }
    controls = dict.fromkeys(outcome.trial.group for outcome in outcomes if not outcome.trial.related)
    of_control = {name: [o for o in outcomes if o.trial.group == name] for name in controls}
    confidence = confidence_scores(related, of_control.get(UNRELATED, []))
    return {
        "tuned_on": list(tuned_on) or "nothing",
        "tuned_on_sets_of_this_table": sorted(set(groups) & set(tuned_on)),
        "sets": sets,
        "sets_equal": over_sets(list(sets.values()), bootstrap=bootstrap, seed=seed),
        "pairs_equal": set_scores(related, bootstrap=bootstrap, seed=seed),
        "confidence": confidence,
        "controls": {name: control_scores(found, confidence) for name, found in of_control.items()},
    }


def answers_json(outcomes: Mapping[str, Sequence[Outcome]]) -> list[dict[str, Any]]:
    """Every answer of every method, so that other questions can be asked of the same run."""
    rows = []
    for places in zip(*outcomes.values()):
        trial = places[0].trial
        said = {name: [o.offset, o.confidence] for name, o in zip(outcomes, places)}
        rows.append(
            {
                "pair": trial.pair.pair_id,
                "set": trial.group,
                "length": trial.length,
                "frames": trial.pair.window0.num_frames,
                "starts": [trial.pair.window0.start, trial.pair.window1.start],
                "fps": trial.pair.window0.fps,
                "search": trial.search,
                "true": trial.pair.offset if trial.related else None,
                "said": said,  # method → [offset, confidence]
            }
        )
    return rows


def sets_table(scores: Mapping[str, Any]) -> Table:
    """A row for each set and control, a column for each method: mean error / % within 1 frame.

    Of controls that have no offset: the share accepted where 80 % of the real windows are.
    """
    methods = list(scores)
    first = scores[methods[0]]
    rows = [["set", "pairs", "windows", *methods]]
    for group, entry in first["sets"].items():
        cells = [_cell(scores[name]["sets"][group]) for name in methods]
        rows.append([group, str(entry["n_pairs"]), str(entry["n_windows"]), *cells])
        spared = entry["no_keyframes_meet"]
        if 0 < spared["n_windows"] < entry["n_windows"]:
            cells = [_cell(scores[name]["sets"][group]["no_keyframes_meet"]) for name in methods]
            rows.append(["  where no keyframes meet", "", str(spared["n_windows"]), *cells])
    for key, label in (("sets_equal", "all, sets equal"), ("pairs_equal", "all, pairs equal")):
        entry = first[key]
        cells = [_cell(scores[name][key]) for name in methods]
        rows.append([label, str(entry["n_pairs"]), str(entry["n_windows"]), *cells])
    for control, entry in first["controls"].items():
        cells = [_control_cell(scores[name]["controls"][control]) for name in methods]
        rows.append([f"control: {control}", "", str(entry["n_windows"]), *cells])
    return rows


def _cell(entry: Mapping[str, Any]) -> str:
    return f"{entry['mae_frames']:.2f}/{entry['within_1'] * 100:.0f}"


def _control_cell(entry: Mapping[str, Any]) -> str:
    parts = [f"{entry['accepted_at_80%'] * 100:.0f} % acc."] if "accepted_at_80%" in entry else ["–"]
    if entry.get("hits") is not None:
        parts.append(f"{entry['hits'] * 100:.0f} % hit" + "!" * (entry["p_value"] < SURE))
    return ", ".join(parts)


def methods_table(scores: Mapping[str, Any]) -> Table:
    """A row for each method: the mean over sets of equal weight, with intervals over sets, and the cost."""
    head = ["method", "mean", "95 % (sets)", "median", "≤1", "95 % (sets)", "≤3", "≤5", "≤20 ms", "≤50 ms", "≤100 ms",
            "s/pair", "tuned on"]  # fmt: skip
    rows = [head]
    for name, entry in scores.items():
        over = entry["sets_equal"]
        shares = [f"{over[f'within_{key}'] * 100:.0f} %" for key in ("3", "5", "20_ms", "50_ms", "100_ms")]
        rows.append(
            [name, f"{over['mae_frames']:.2f}", interval_text(over["mae_interval"]), f"{over['median_frames']:.1f}",
             f"{over['within_1'] * 100:.0f} %", interval_text(over["within_1_interval"], ".0f", 100), *shares,
             f"{over['seconds_per_pair']:.3f}", tuned(entry)]
        )  # fmt: skip
    return rows


def tuned(entry: Mapping[str, Any]) -> str:
    """In few words what a method was tuned and fitted on."""
    here = len(entry["tuned_on_sets_of_this_table"])
    if entry["tuned_on"] == "nothing":
        said = "nothing"
    elif here:
        said = f"{here} set{'s' * (here > 1)} of this table"
    else:
        said = ", ".join(entry["tuned_on"][:2]) + ", …" * (len(entry["tuned_on"]) > 2)
    return said + "; fitted on the other sets" * bool(entry["pairs_equal"]["fitted_on"])


def confidence_table(scores: Mapping[str, Any]) -> Table:
    """A row for each method that has confidences: what they are worth."""
    head = ["method", "AUC right", "AUC related", "error at 50 %", "≤1 at 50 %", "error at 80 %", "≤1 at 80 %",
            "unrelated accepted at 50 %", "at 80 %"]  # fmt: skip
    rows = [head]
    for name, entry in scores.items():
        found = entry["confidence"]
        if found is None:
            continue
        unrelated = entry["controls"].get(UNRELATED, {})
        cells = [_number(found["auc_right"]), _number(found["auc_related"])]
        for at in ("at_50%", "at_80%"):
            cells += [f"{found[at]['mae_frames']:.2f}", f"{found[at]['within_1'] * 100:.0f} %"]
        cells += [_percent(unrelated.get(f"accepted_{at}")) for at in ("at_50%", "at_80%")]
        rows.append([name, *cells])
    return rows


def warnings(scores: Mapping[str, Any], length: str) -> list[str]:
    """One sentence for each thing that makes a number of the table less than it looks."""
    found = [
        f"{length}: in {group} the places of keyframes alone give {entry['within_1'] * 100:.0f} % of the answers away: "
        "what reads flashes at keyframes looks better there than it is"
        for group, entry in scores.get(KEYFRAMES, {"sets": {}})["sets"].items()
        if entry["within_1"] > GIVEN_AWAY
    ]
    for name, entry in scores.items():
        if entry["tuned_on_sets_of_this_table"]:
            sets = ", ".join(entry["tuned_on_sets_of_this_table"])
            found.append(f"{length}: {name} was trained or tuned on footage of {sets}: no clean test there")
        for control, said in entry["controls"].items():
            accepted = said.get("accepted_at_80%")
            if name not in FLOORS and accepted is not None and accepted > FOOLED:
                found.append(
                    f"{length}: {name} accepts {accepted * 100:.0f} % of {control} where it accepts 80 % of the "
                    "real pairs"
                )
            if name != KEYFRAMES and said.get("hits") is not None and said["p_value"] < SURE:
                found.append(
                    f"{length}: {name} hits {said['hits'] * 100:.0f} % in {control}, where chance hits "
                    f"{said['chance'] * 100:.0f} % (p = {said['p_value']:.1g}): it reads something else than motion"
                )
    return found


def left_out_lines(left_out: Sequence[LeftOut]) -> list[str]:
    """What has no windows of which length, by set."""
    by_set: dict[tuple[str, str], list[LeftOut]] = {}
    for entry in left_out:
        by_set.setdefault((entry.length, entry.group), []).append(entry)
    return [
        f"{length}: left out {len(entries)} pair{'s' * (len(entries) > 1)} of {group} ({entries[0].pair}: "
        f"{entries[0].reason})"
        for (length, group), entries in by_set.items()
    ]


def as_text(table: Table) -> str:
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))])
        for row in table
    ]
    return "\n".join([lines[0], "─" * len(lines[0]), *lines[1:]])


def _number(value: float | None) -> str:
    return "–" if value is None or np.isnan(value) else f"{value:.2f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value * 100:.0f} %"
