"""Intervals over events: when there is one, what it says where all events agree, and how often it is right."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from videosync.evaluation.intervals import (
    FEWEST_EVENTS,
    drawn_means,
    event_interval,
    interval_text,
    percentiles,
    share_interval,
    stratified_means,
)

OPTIONS = {"bootstrap": 500, "seed": 0}


@pytest.mark.parametrize("events", [1, 2, 3, FEWEST_EVENTS - 1])
def test_too_few_events_give_no_interval(events: int) -> None:
    names = np.repeat(np.arange(events), 4)
    assert event_interval(np.arange(4.0 * events), names, **OPTIONS) is None
    for share in (np.arange(4 * events) > 1, np.ones(4 * events)):
        assert event_interval(share, names, share=True, **OPTIONS) is None


@pytest.mark.parametrize(("share", "events"), [(1.0, 5), (1.0, 40), (0.0, 7), (0.5, 6)])
def test_a_share_that_all_events_agree_on_has_exact_bounds_over_events(share: float, events: int) -> None:
    """Eight windows an event, all like each other: not 100 … 100 %, and no surer than one window an event."""
    values = np.tile(np.repeat([1.0, 0.0], [round(8 * share), 8 - round(8 * share)]), events)
    found = event_interval(values, np.repeat(np.arange(events), 8), share=True, **OPTIONS)
    exact = stats.binomtest(round(share * events), events).proportion_ci(method="exact")
    assert found == pytest.approx((exact.low, exact.high))
    assert found[1] - found[0] > 0.08


@pytest.mark.parametrize("value", [0.0, 0.1])
def test_a_mean_that_all_events_agree_on_has_no_interval(value: float) -> None:
    assert event_interval(np.full(40, value), np.arange(40) % 10, **OPTIONS) is None


def test_events_are_drawn_whole() -> None:
    """Ten events of 100 like values each: as wide as for one value an event."""
    values, names = np.random.default_rng(0).normal(size=10), np.arange(10)
    many = event_interval(np.repeat(values, 100), np.repeat(names, 100), **OPTIONS)
    assert many == pytest.approx(event_interval(values, names, **OPTIONS))


def test_weights_leave_values_out() -> None:
    values, events = np.arange(12.0), np.arange(12) % 6
    weights = values < 8

    def drawn(rows: list[np.ndarray], **options: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(0)
        return drawn_means(np.stack(rows), events, bootstrap=300, rng=rng, **options)

    sums = drawn([values * weights, weights])  # both divided by the same numbers
    assert drawn([values], weights=weights)[:, 0] == pytest.approx(sums[:, 0] / sums[:, 1])


def test_strata_weigh_the_same_and_units_are_drawn_within_them() -> None:
    strata = [np.array([[0.0, 2.0]]), np.array([[10.0, 10.0, 10.0, 10.0]])]
    drawn = stratified_means(strata, bootstrap=400, seed=0)[:, 0]
    assert set(drawn.tolist()) == {5.0, 5.5, 6.0}
    assert len(stratified_means([np.zeros((1, 2)), np.zeros((1, 2))], bootstrap=400, seed=0)) == 0
    assert share_interval(np.ones(400), 1.0, 6) == pytest.approx((0.025 ** (1 / 6), 1.0))


def test_draws_without_a_value_are_left_out() -> None:
    assert percentiles(np.array([np.nan, np.nan])) is None
    assert percentiles(np.append(np.linspace(0, 1, 201), np.nan)) == pytest.approx((0.025, 0.975))


def test_text() -> None:
    assert interval_text(None) == "–"
    assert interval_text((0.251, 1.5)) == "0.25 … 1.50"
    assert interval_text((0.25, 1), ".0f", 100) == "25 … 100"
