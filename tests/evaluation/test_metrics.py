"""Metrics of offsets against hand-computed numbers, and their honest edges."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from videosync.evaluation.metrics import SyncMetrics, floor_metrics, metrics_table, sync_metrics


def test_numbers_by_hand() -> None:
    predicted, true = np.array([0.0, 5.5, -3.0, 20.0]), np.array([0, 4, -6, 0])  # errors 0, 1.5, 3, 20
    m = sync_metrics(predicted, true, fps=np.array([10.0, 10.0, 30.0, 100.0]), events=["a", "a", "b", "c"])
    assert m.mae_frames == pytest.approx(6.125)
    assert m.median_frames == pytest.approx(2.25)
    assert m.bias_frames == pytest.approx(6.125)
    assert (m.within_1, m.within_3, m.within_5, m.within_10) == (0.25, 0.75, 0.75, 0.75)
    assert m.mae_ms == pytest.approx((0 + 150 + 100 + 200) / 4)
    assert m.median_ms == pytest.approx(125)
    deviation = math.sqrt(sum((e - 6.125) ** 2 for e in (0, 1.5, 3, 20)) / 3)
    assert m.moe_frames == pytest.approx(3.182446 * deviation / 2, rel=1e-6)  # t(0.975, 3) = 3.182446
    assert (m.n, m.n_events) == (4, 3)


def test_bias_has_a_sign() -> None:
    m = sync_metrics(np.array([1.0, -4.0]), np.array([2, -2]), fps=30.0, events=["a", "b"])
    assert m.bias_frames == pytest.approx(-1.5)


def test_events_not_pairs_are_drawn() -> None:
    """Six events of 100 like pairs each: the interval is that of six numbers; pairs alone would give ±0.4."""
    predicted = np.repeat([0.0, 10.0], 300)
    m = sync_metrics(predicted, np.zeros(600), fps=30.0, events=[str(n // 100) for n in range(600)])
    assert m.mae_interval == pytest.approx((10 / 6, 50 / 6))
    assert m.within_1_interval == pytest.approx((1 / 6, 5 / 6))
    assert m.moe_frames is not None
    assert m.moe_frames < 0.5


def test_two_events_have_no_interval_and_it_is_said_why() -> None:
    """Two events whose pairs are half right, or all right: not "50 … 50 %" and not "100 … 100 %"."""
    facts: dict[str, Any] = {"fps": 30.0, "events": ["a", "a", "b", "b"]}
    half = sync_metrics(np.array([0.0, 9.0, 0.0, 9.0]), np.zeros(4), **facts)
    right = sync_metrics(np.zeros(4), np.zeros(4), **facts)
    for m in (half, right):
        assert (m.mae_interval, m.within_1_interval) == (None, None)
        assert (m.to_json()["mae_interval"], m.to_json()["within_1_interval"]) == (None, None)
    table = metrics_table({"half": half, "right": right}, right, ["what is odd"])
    assert "… " not in table
    assert "No intervals over events: they need 5 events or more, here are 2." in table
    assert table.endswith("\nNote: what is odd")


def test_all_or_none_right_has_exact_bounds() -> None:
    events = [str(n // 4) for n in range(32)]  # 8 events of 4 pairs
    right = sync_metrics(np.zeros(32), np.zeros(32), fps=30.0, events=events)
    wrong = sync_metrics(np.full(32, 9.0), np.zeros(32), fps=30.0, events=events)
    low = 0.025 ** (1 / 8)
    assert right.within_1_interval == pytest.approx((low, 1.0))
    assert wrong.within_1_interval == pytest.approx((0.0, 1 - low))
    assert (right.mae_interval, wrong.mae_interval) == (None, None)
    table = metrics_table({"right": right}, wrong)
    assert "63 … 100 %" in table
    assert "exact binomial bounds over events" in table


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        errors = np.repeat(rng.gamma(2, 2, size=30), 3)  # 30 events of 3 like pairs, true mean 4
        interval = sync_metrics(
            errors, np.zeros(90), fps=30.0, events=[str(n // 3) for n in range(90)], bootstrap=400, seed=trial
        ).mae_interval
        assert interval is not None
        covered += interval[0] <= 4 <= interval[1]
    assert 0.86 < covered / 200 <= 0.99


def test_floor_is_the_metrics_of_zeros() -> None:
    true = np.arange(-30, 31)
    floor = floor_metrics(true, fps=30.0, events=[str(k) for k in true], max_offset=30)
    assert floor.mae_frames == pytest.approx(np.abs(true).mean())
    assert floor.within_1 == pytest.approx(3 / 61)


def test_one_pair_and_one_event_make_no_statement() -> None:
    one = sync_metrics(np.array([2.0]), np.array([1]), fps=30.0, events=["a"])
    assert (one.moe_frames, one.moe_ms, one.mae_interval, one.within_1_interval) == (None, None, None, None)
    same_event = sync_metrics(np.array([2.0, 3.0]), np.array([1, 1]), fps=30.0, events=["a", "a"])
    assert same_event.moe_frames is not None
    assert same_event.mae_interval is None
    assert "–" in metrics_table({"mlp": one}, one)
    assert "1 event\n" in metrics_table({"mlp": one}, one) + "\n"


def test_json_round_trip() -> None:
    m = sync_metrics(np.array([0.0, 1.5, 0, 0, 3]), np.array([0, 4, 0, 0, 0]), fps=30.0, events=list("abcde"))
    assert m.mae_interval is not None
    read = json.loads(json.dumps(m.to_json(), allow_nan=False))
    assert read["mae_interval"] == list(m.mae_interval)
    assert SyncMetrics(**read).mae_frames == m.mae_frames


def test_same_seed_same_interval() -> None:
    def run(seed: int) -> object:
        values = np.random.default_rng(3).normal(size=40)
        return sync_metrics(
            values, np.zeros(40), fps=30.0, events=[str(n % 7) for n in range(40)], seed=seed
        ).mae_interval

    assert run(1) == run(1) != run(2)


def test_table_has_the_floor_first_and_aligned_columns() -> None:
    rng = np.random.default_rng(0)
    true = rng.integers(-30, 31, 50)
    facts = {"fps": 30.0, "events": [str(n % 9) for n in range(50)], "max_offset": 30}
    table = metrics_table(
        {"diagonal": sync_metrics(true + 0.5, true, **facts), "mlp": sync_metrics(0.0 * true, true, **facts)},
        floor_metrics(true, **facts),
    ).splitlines()
    assert table[2].startswith("always 0")
    assert table[3].startswith("diagonal")
    assert "0.50 ± 0.00" in table[3]
    assert "17 ± 0" in table[3]
    assert table[3].index("±") == table[2].index("±")
    assert "50 pairs of 9 events" in table[-1]


@pytest.mark.parametrize(
    ("predicted", "true", "fps"),
    [([], [], 30.0), ([1.0], [1, 2], 30.0), ([np.nan], [1], 30.0), ([1.0], [1], 0.0), ([1.0], [31], 30.0)],
)
def test_bad_input_is_refused(predicted: list[float], true: list[int], fps: float) -> None:
    with pytest.raises(ValueError):
        sync_metrics(np.array(predicted), np.array(true), fps=fps, events=["a"] * len(true), max_offset=30)
