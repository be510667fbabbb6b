"""Scores, paired comparisons and tables, from answers that are made up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.pipeline import Answer
from benchmarks.scores import compare, reliability, risk_coverage, scores
from benchmarks.tables import ACCURACY, CONFIDENCE, SYNC_MORE, cross, markdown, number, text
from videosync.errors import ConfigError


def answer(
    error: float | None, confidence: float | None = None, *, group: str = "a", unit: str = "u", case: str = "c",
    true: float | None = 5.0, placed: bool | None = None, half_width: float | None = None, slack: float = 0.0,
    fps: float = 25.0, method: str = "m", row: str = "60",
) -> Answer:  # fmt: skip
    said = None if error is None else (true or 0.0) + error
    return Answer(row, group, unit, case, method, fps, true, said, confidence, placed, half_width, slack, 0.5)


def test_errors_of_one_set() -> None:
    errors = {"u": (0, -2), "v": (1, 9)}
    found = scores(
        [answer(error, unit=f"{unit}{n}") for unit in errors for error in errors[unit] for n in range(3)], bootstrap=500
    )
    assert (found["units"], found["n"], found["sets"]) == (6, 12, 1)
    assert found["mean_error"] == 3
    assert found["median_error"] == 1.5
    keys = ("within_1", "within_3", "within_5", "within_20_ms", "within_50_ms", "within_100_ms")  # 40 ms a frame
    assert [found[key] for key in keys] == pytest.approx([0.5, 0.75, 0.75, 0.25, 0.5, 0.75])
    low, high = found["mean_error_95"]  # units are drawn whole: means of six numbers out of 1 and 5
    assert (low, high) == (pytest.approx(1 + 4 / 6), pytest.approx(5 - 4 / 6))
    assert found["placed"] is None
    assert found["auc_right"] is None


def test_whole_frames_round_the_answer_for_shares_and_not_for_errors() -> None:
    found = scores([answer(1.4, slack=0.5), answer(-1.6, slack=0.5)], bootstrap=0)
    assert (found["within_1"], found["within_3"]) == (0.5, 1)
    assert found["mean_error"] == pytest.approx(1.5)
    assert scores([answer(1.03)])["within_1"] == 0


def test_sets_weigh_the_same_whatever_their_size() -> None:
    small, large = [answer(0, group="a")], [answer(4, group="b", unit=str(n)) for n in range(9)]
    found = scores([*small, *large])
    assert (found["mean_error"], found["within_1"], found["n"]) == (2, 0.5, 10)
    assert found["mean_error_95"] is None  # two sets tell too little
    many = [answer(4 * (n % 2), group=str(n), unit=str(k)) for n in range(6) for k in range(1 + 8 * (n % 2))]
    assert scores(many, bootstrap=2000)["mean_error_95"] == pytest.approx((4 / 6, 20 / 6))


def test_one_unit_has_no_interval_however_many_cases() -> None:
    assert scores([answer(0), answer(3)] * 20, bootstrap=500)["mean_error_95"] is None


def test_placed_refused_wrong_and_unrelated_are_counted() -> None:
    inside: dict[str, Any] = {"half_width": 2.5, "placed": True, "true": 25.0}
    found = scores(
        [
            answer(0.0, 0.9, unit="a", **inside),
            answer(0.75, 0.9, unit="b", **inside),
            answer(12.5, 0.6, unit="c", **inside),  # placed, and wrong
            answer(0.0, 0.3, unit="d", placed=False),  # refused, its guess is right
            answer(None, 0.0, unit="e", placed=False),
            answer(0.0, 0.1, unit="f", true=None, placed=False),
            answer(0.0, 0.95, unit="g", true=None, placed=True),
        ],
        bootstrap=200,
    )
    assert (found["n"], found["unrelated"]) == (5, 2)
    expected = {
        "placed": 3 / 5, "placed_right": 2 / 3, "placed_wrong": 1 / 5, "refused": 2 / 5, "interval_holds": 2 / 3,
        "placed_within_20_ms": 1 / 3, "placed_within_50_ms": 2 / 3, "within_1": 3 / 5, "unrelated_placed": 1 / 2,
        "always_0": 0,
    }  # fmt: skip
    assert {key: found[key] for key in expected} == pytest.approx(expected)
    assert found["mean_error"] is None  # one gave no answer
    low, high = found["within_1_95"]
    assert low < 3 / 5 < high


def test_the_surest_are_accepted_first_and_the_equally_sure_together() -> None:
    curve = risk_coverage([answer(8, 0.1), answer(0, 0.9), answer(4, 0.5), answer(0, 0.7)])
    assert curve is not None
    assert curve["confidence"] == [0.9, 0.7, 0.5, 0.1]
    np.testing.assert_allclose(curve["mean_error"], [0, 0, 4 / 3, 3])
    np.testing.assert_allclose(curve["within_1"], [1, 1, 2 / 3, 0.5])
    together = risk_coverage([answer(0, 1.0), answer(6, 1.0), answer(0, 0.0)])
    assert together is not None
    np.testing.assert_allclose(together["coverage"], [2 / 3, 1])
    assert risk_coverage([answer(0), answer(0, 0.5)]) is None


def test_areas_under_the_curve() -> None:
    related = [answer(0, 0.9), answer(0, 0.8), answer(5, 0.2)]
    found = scores([*related, answer(0, 0.5, true=None), answer(0, 0.1, true=None)])
    assert found["auc_right"] == 1
    assert found["auc_related"] == pytest.approx(5 / 6)  # only 0.2 < 0.5 is the wrong way round
    assert found["at_50%"]["within_1"] == 1
    alone = scores([answer(0, 0.9)])
    assert (alone["auc_right"], alone["auc_related"]) == (None, None)  # nothing wrong, nothing unrelated
    sets = [answer(5 * (n % 2), 0.9 - 0.1 * ((n + k) % 3), group=str(k)) for k in range(6) for n in range(4)]
    low, high = scores(sets)["auc_right_95"]
    assert low <= scores(sets)["auc_right"] <= high


def test_reliability_is_how_many_are_right_of_the_equally_sure() -> None:
    some = [answer(0, 0.9), answer(0, 0.9), answer(9, 0.9), answer(0, 0.2, true=None)]
    low, high = reliability(some, (0.0, 0.5, 1.01))
    assert (low["pairs"], low["right"]) == (1, 0)
    assert (high["pairs"], high["right"], high["said"]) == (3, pytest.approx(2 / 3), pytest.approx(0.9))


def paired(group: str, unit: str, case: str, first: float, second: float) -> list[Answer]:
    made: dict[str, Any] = {"group": group, "unit": unit, "case": case, "slack": 0.5}
    return [answer(first, method="a", **made), answer(second, method="b", **made)]


PAIRED = [
    *paired("x", "x01", "0", 5.0, 0.2),  # put right
    *paired("x", "x01", "1", 0.0, 0.0),
    *paired("x", "x02", "2", 0.0, 9.0),  # put wrong
    *paired("y", "y01", "3", 5.0, 1.4),  # right once rounded
    answer(30.0, method="a", true=None),
]


def test_paired_differences_weigh_sets_and_units_the_same() -> None:
    (row,) = compare(PAIRED, "a", "b", bootstrap=300)
    assert (row["fewer_frames_95"], row["more_within_1_95"]) == (None, None)  # three units tell too little
    assert (row["n"], row["put_right"], row["put_wrong"]) == (4, 2, 1)
    assert row["fewer_frames"] == pytest.approx(((2.5 - 0.1 - 9) / 2 + 3.6) / 2)
    assert row["more_within_1"] == pytest.approx(((0.5 - 1) / 2 + 1) / 2)
    more = [Answer(**vars(a) | {"unit": a.unit + n, "case": a.case + n}) for a in PAIRED for n in "01"]
    (one,), (other,) = (compare(more, *names, bootstrap=300) for names in (("a", "b"), ("b", "a")))
    low, high = one["fewer_frames_95"]
    assert low < one["fewer_frames"] < high
    assert one["fewer_frames"] == pytest.approx(row["fewer_frames"])
    assert other["fewer_frames"] == -one["fewer_frames"]
    with pytest.raises(ConfigError, match="method 'c' is unknown: expected one of a, b"):
        compare(PAIRED, "a", "c")


def test_tables_show_what_there_is() -> None:
    row = {"name": "x", **scores([answer(0, 0.9, placed=True, half_width=1), answer(0, 0.1, true=None, placed=False)])}
    bare = {"name": "y", **scores([answer(3)])}
    for columns in (ACCURACY, CONFIDENCE, SYNC_MORE):
        lines = markdown([row, bare], columns).splitlines()
        assert len(lines) == 4
        assert len({len(line) for line in lines}) == 1
        assert {line.count("|") for line in lines} == {len(columns) + 1}
    assert "| 100 %  |" in markdown([row], SYNC_MORE)
    rows = [{"name": n, "window": w, "error": e} for n, w, e in (("a", "60", 1), ("a", "240", 2), ("b", "60", 3))]
    found = cross(rows, number("error"), "method")
    assert found.endswith("| a      | 1.00 | 2.00 |\n| b      | 3.00 |      |")
    assert text("none")({}) == ""
