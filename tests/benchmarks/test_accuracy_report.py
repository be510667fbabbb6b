"""Tables and the sentences below them, from outcomes that are made up."""

from __future__ import annotations

from typing import Any

from benchmarks.accuracy_methods import Method, make_method
from benchmarks.accuracy_report import (
    as_text,
    confidence_table,
    left_out_lines,
    make_report,
    methods_table,
    sets_table,
    warnings,
)
from benchmarks.accuracy_signals import Outcome
from benchmarks.accuracy_windows import LeftOut, Trial
from videosync.types import SyncPair, Window

METHODS: dict[str, Method] = {
    "always-0": make_method("always-0"),
    "keyframes": make_method("keyframes"),
    "mine": Method(lambda clip: None, lambda s0, s1, k: None, tuned_on=("lab", "elsewhere")),  # type: ignore
}


def outcome(group: str, error: float, confidence: float | None, *, related: bool = True) -> Outcome:
    window = Window("/x/v.mp4", 0, 60, 25.0)
    sets = (group,) if related else ("lab", "street")
    trial = Trial(group, "60", group, SyncPair("p", "e", window, window, 5), 10, sets, related)
    return Outcome(trial, 5 + error, confidence, 0.1, ())


def scores(strangers: float) -> dict[str, Any]:
    """``mine`` is right and sure, and as sure of unrelated events as ``strangers``; keyframes give "lab" away."""

    def answers(errors: dict[str, float], confidence: float | None, unrelated: float | None) -> list[Outcome]:
        related = [outcome(group, error, confidence) for group, error in errors.items() for _ in range(10)]
        return [*related, *(outcome("unrelated events", 0, unrelated, related=False) for _ in range(10))]

    outcomes = {
        "always-0": answers({"lab": -5, "street": -5}, None, None),
        "keyframes": answers({"lab": 0, "street": 9}, 0.5, 0.5),
        "mine": answers({"lab": 0, "street": 0}, 0.9, strangers),
    }
    return make_report(outcomes, METHODS, ["120", "60"], bootstrap=100, seed=0)


def test_what_makes_numbers_less_than_they_look_is_said() -> None:
    report = scores(strangers=0.95)
    assert list(report) == ["60"]  # nothing was asked at 120
    said = warnings(report["60"], "60")
    assert said == [
        "60: in lab the places of keyframes alone give 100 % of the answers away: what reads flashes at keyframes "
        "looks better there than it is",
        "60: mine was trained or tuned on footage of lab: no clean test there",
        "60: mine accepts 100 % of unrelated events where it accepts 80 % of the real pairs",
    ]
    assert len(warnings(scores(strangers=0.1)["60"], "60")) == 2


def test_tables_have_a_row_for_each_set_control_and_method() -> None:
    found = scores(strangers=0.1)["60"]
    rows = {row[0]: row[1:] for row in sets_table(found)}
    assert rows["set"] == ["pairs", "windows", "always-0", "keyframes", "mine"]
    assert rows["lab"] == ["1", "10", "5.00/0", "0.00/100", "0.00/100"]
    assert rows["all, sets equal"][2:] == ["5.00/0", "4.50/50", "0.00/100"]
    assert rows["control: unrelated events"] == ["", "10", "–", "100 % acc.", "0 % acc."]
    assert methods_table(found)[3][-1] == "1 set of this table"
    assert [row[0] for row in confidence_table(found)[1:]] == ["keyframes", "mine"]
    lines = as_text(methods_table(found)).splitlines()
    assert len(lines) == 5
    assert len({len(line) for line in lines}) == 1


def test_what_was_left_out_is_counted_by_set() -> None:
    entries = [LeftOut("lab", "240", f"e/{n}", f"{n} frames") for n in (5, 6)]
    assert left_out_lines(entries) == ["240: left out 2 pairs of lab (e/5: 5 frames)"]
