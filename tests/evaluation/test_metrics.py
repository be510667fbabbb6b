"""Metrics of offsets against hand-computed numbers, and their honest edges."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from videosync.evaluation.metrics import SyncMetrics, floor_metrics, metrics_table, sync_metrics


def metrics(errors: list[float] | np.ndarray, pairs_per_event: int = 1, **options: int) -> SyncMetrics:
    """Of errors around a true offset of 0, at 30 frames/s."""
    events = [str(n // pairs_per_event) for n in range(len(errors))]
    return sync_metrics(np.array(errors, float), np.zeros(len(errors)), fps=30.0, events=events, **options)


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
    assert metrics([-1.0, -2.0]).bias_frames == pytest.approx(-1.5)  # it has a sign


def test_events_not_pairs_are_drawn() -> None:
    """Six events of 100 like pairs each: the interval is that of six numbers; pairs alone would give ±0.4."""
    m = metrics(np.repeat([0.0, 10.0], 300), 100)
    assert m.mae_interval == pytest.approx((10 / 6, 50 / 6))
    assert m.within_1_interval == pytest.approx((1 / 6, 5 / 6))
    assert m.moe_frames < 0.5


def test_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        errors = np.repeat(rng.gamma(2, 2, size=30), 3)  # 30 events of 3 like pairs, true mean 4
        interval = metrics(errors, 3, bootstrap=400, seed=trial).mae_interval
        covered += interval[0] <= 4 <= interval[1]
    assert 0.86 < covered / 200 <= 0.99


def test_same_seed_same_interval() -> None:
    values = np.random.default_rng(3).normal(size=40)
    first, again, other = (metrics(values, 6, seed=seed).mae_interval for seed in (1, 1, 2))
    assert first == again != other


def test_floor_is_the_metrics_of_zeros() -> None:
    true = np.arange(-30, 31)
    floor = floor_metrics(true, fps=30.0, events=[str(k) for k in true], max_offset=30)
    assert floor.mae_frames == pytest.approx(np.abs(true).mean())
    assert floor.within_1 == pytest.approx(3 / 61)


def test_two_events_have_no_interval_and_it_is_said_why() -> None:
    """Two events whose pairs are half right, or all right: not "50 … 50 %" and not "100 … 100 %"."""
    half, right = metrics([0, 9, 0, 9], 2), metrics([0, 0, 0, 0], 2)
    table = metrics_table({"half": half, "right": right}, right, ["what is odd"])
    assert "… " not in table
    assert "No intervals over events: they need 5 events or more, here are 2." in table
    assert table.endswith("\nNote: what is odd")


def test_all_or_none_right_has_exact_bounds() -> None:
    right, wrong = metrics(np.zeros(32), 4), metrics(np.full(32, 9.0), 4)  # 8 events
    low = 0.025 ** (1 / 8)
    assert right.within_1_interval == pytest.approx((low, 1.0))
    assert wrong.within_1_interval == pytest.approx((0.0, 1 - low))
    assert (right.mae_interval, wrong.mae_interval) == (None, None)
    table = metrics_table({"right": right}, wrong)
    assert "63 … 100 %" in table
    assert "exact binomial bounds over events" in table


def test_one_pair_and_one_event_make_no_statement() -> None:
    one, same_event = metrics([1.0]), metrics([1.0, 2.0], 2)
    assert (one.moe_frames, one.moe_ms, one.mae_interval, one.within_1_interval) == (None, None, None, None)
    assert same_event.moe_frames > 0
    assert same_event.mae_interval is None
    assert "–" in metrics_table({"mlp": one}, one)
    assert "1 event\n" in metrics_table({"mlp": one}, one) + "\n"


def test_json_round_trip() -> None:
    m = metrics([0, 2.5, 0, 0, 3])
    read = json.loads(json.dumps(m.to_json(), allow_nan=False))
    assert read["mae_interval"] == list(m.mae_interval)
    assert SyncMetrics(**read).mae_frames == m.mae_frames


def test_table_has_the_floor_first_and_aligned_columns() -> None:
    methods = {"diagonal": metrics(np.full(50, 0.5), 6), "mlp": metrics(np.arange(50.0), 6)}
    table = metrics_table(methods, metrics(np.arange(50.0), 6)).splitlines()
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
