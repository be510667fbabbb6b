from __future__ import annotations

import numpy as np
import pytest

from benchmarks.accuracy_scores import (
    confidence_scores,
    control_scores,
    over_sets,
    risk_coverage,
    set_scores,
)
from benchmarks.accuracy_signals import Outcome
from benchmarks.accuracy_windows import Trial
from videosync.types import SyncPair, Window


def outcome(
    error: float,
    confidence: float | None = None,
    *,
    group: str = "a",
    unit: str = "u",
    true: int = 5,
    grid: tuple[int, int] | None = None,
) -> Outcome:
    window = Window("/x/v.mp4", 0, 60, 25.0)
    pair = SyncPair("p", "e", window, window, true)
    trial = Trial(group, "60", unit, pair, 10, (group,), grid=grid)
    return Outcome(trial, true + error, confidence, 0.5, ())


def test_scores_of_a_set() -> None:
    errors = {"u": (0, -2), "v": (1, 9)}
    found = set_scores(
        [outcome(error, unit=f"{unit}{n}") for unit in errors for error in errors[unit] for n in range(3)],
        bootstrap=500,
        seed=0,
    )
    assert (found["n_pairs"], found["n_windows"]) == (6, 12)
    assert found["mae_frames"] == 3
    assert found["median_frames"] == 1.5
    assert found["bias_frames"] == 2
    assert (found["within_1"], found["within_3"], found["within_5"]) == (0.5, 0.75, 0.75)
    assert (found["within_20_ms"], found["within_50_ms"], found["within_100_ms"]) == (
        0.25,
        0.5,
        0.75,
    )  # 40 ms a frame
    low, high = found["mae_interval"]  # pairs are drawn whole: means of six numbers out of 1 and 5
    assert (low, high) == (pytest.approx(1 + 4 / 6), pytest.approx(5 - 4 / 6))
    assert found["seconds_per_pair"] == 0.5


def test_shares_within_frames_round_the_answer_and_errors_do_not() -> None:
    found = set_scores([outcome(1.4), outcome(-1.6)], bootstrap=0, seed=0)
    assert (found["within_1"], found["within_3"]) == (0.5, 1)
    assert found["mae_frames"] == pytest.approx(1.5)


def test_one_pair_has_no_interval_however_many_windows() -> None:
    found = set_scores([outcome(0), outcome(3)] * 20, bootstrap=500, seed=0)
    assert found["mae_interval"] is None


def test_sets_weigh_the_same_whatever_their_size() -> None:
    small = set_scores([outcome(0)], bootstrap=0, seed=0)
    large = set_scores([outcome(4)] * 9, bootstrap=0, seed=0)
    found = over_sets([small, large] * 3, bootstrap=2000, seed=0)
    assert found["mae_frames"] == 2
    assert found["within_1"] == 0.5
    assert found["n_windows"] == 30
    assert found["mae_interval"] == pytest.approx((4 / 6, 20 / 6))
    few = over_sets([small, large], bootstrap=500, seed=0)
    assert (few["mae_interval"], few["within_1_interval"]) == (None, None)


def test_risk_falls_with_coverage_when_confidence_is_right() -> None:
    curve = risk_coverage([outcome(8, 0.1), outcome(0, 0.9), outcome(4, 0.5), outcome(0, 0.7)])
    assert curve is not None
    assert curve.confidence.tolist() == [0.9, 0.7, 0.5, 0.1]
    assert curve.coverage.tolist() == [0.25, 0.5, 0.75, 1]
    np.testing.assert_allclose(curve.mean_error, [0, 0, 4 / 3, 3])
    np.testing.assert_allclose(curve.within_1, [1, 1, 2 / 3, 0.5])
    assert curve.at(0.5) == 1
    assert curve.at(0.6) == 2


def test_equal_confidences_are_accepted_together() -> None:
    curve = risk_coverage([outcome(0, 1.0), outcome(6, 1.0), outcome(0, 0.0)])
    assert curve is not None
    np.testing.assert_allclose(curve.coverage, [2 / 3, 1])
    np.testing.assert_allclose(curve.mean_error, [3, 2])


def test_a_method_without_confidences_has_no_curve() -> None:
    assert risk_coverage([outcome(0), outcome(0, 0.5)]) is None
    assert confidence_scores([outcome(0)], []) is None


def test_areas_under_the_curve() -> None:
    related = [outcome(0, 0.9), outcome(0, 0.8), outcome(5, 0.2)]
    found = confidence_scores(related, [outcome(0, 0.5), outcome(0, 0.1)])
    assert found is not None
    assert found["auc_right"] == 1
    assert found["auc_related"] == pytest.approx(5 / 6)  # only 0.2 < 0.5 is the wrong way round
    assert found["at_50%"]["within_1"] == 1
    alone = confidence_scores([outcome(0, 0.9)], [])
    assert alone is not None
    assert (alone["auc_right"], alone["auc_related"]) == (None, None)  # nothing wrong, nothing unrelated


def test_a_control_that_is_accepted_shows() -> None:
    related = [outcome(0, 0.1 * n) for n in range(1, 11)]
    confidence = confidence_scores(related, [])
    found = control_scores([outcome(3, 0.35), outcome(3, 0.25)], confidence)
    assert found["accepted_at_80%"] == 0.5  # eight of ten are at least 0.3 sure
    assert found["accepted_at_50%"] == 0


def test_hits_that_are_no_accident_show() -> None:
    hits = control_scores([outcome(0, true=n % 8) for n in range(24)], None)
    assert hits["hits"] == 1
    assert hits["chance"] == pytest.approx(1 / 21)
    assert hits["p_value"] < 1e-20
    misses = control_scores([outcome(2) for _ in range(24)], None)
    assert misses["p_value"] == 1


def test_answers_on_the_keyframe_grid_are_hits() -> None:
    on_grid = [outcome(0, true=lag, grid=(3, 12)) for lag in (3, -9, 3, -9)]
    found = control_scores(on_grid, None)
    assert found["hits"] == 1
    assert found["chance"] == pytest.approx(2 / 21)  # -9 and 3 of -10 … 10
    assert found["p_value"] < 0.001
    assert control_scores([outcome(1, true=3, grid=(3, 12))], None)["hits"] == 0
