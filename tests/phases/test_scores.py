"""Means and their intervals over events."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from videosync.phases.scores import EventDraws, _over_pairs, mean_score, pair_score, r_squared_score


def draws(events, bootstrap=500, seed=0):
    return EventDraws.of(events, bootstrap=bootstrap, seed=seed)


def test_means_over_videos_frames_and_pairs_are_plain_means():
    rng = np.random.default_rng(0)
    events = ["a", "a", "b", "c", "c"]
    values = rng.normal(size=5)
    score = mean_score(values, draws(events))
    assert score.value == pytest.approx(values.mean())
    assert (score.n, score.n_events) == (5, 3)
    of_frames, videos = rng.normal(size=40), np.sort(rng.integers(0, 5, 40))
    assert mean_score(of_frames, draws(events), videos).value == pytest.approx(of_frames.mean())
    pairs = rng.normal(size=(5, 5))
    np.fill_diagonal(pairs, np.nan)
    pairs[1, 3] = np.nan
    assert pair_score(pairs, draws(events)).value == pytest.approx(np.nanmean(pairs))


def test_r_squared_is_the_usual_one():
    rng = np.random.default_rng(1)
    videos = np.repeat(np.arange(6), 20)
    true = rng.normal(size=(120, 3)) + 100
    said = true + rng.normal(size=(120, 3)) * [0.1, 0.5, 1]
    score = r_squared_score(true, said, draws(list("abcdef")), videos)
    assert score.value == pytest.approx(r2_score(true, said, multioutput="uniform_average"))
    assert score.interval[0] < score.value < score.interval[1]


def test_the_interval_is_over_events_not_over_videos():
    """More views of the same events tell no more; more events do."""
    values = np.random.default_rng(2).normal(size=20)
    names = [f"e{i}" for i in range(20)]
    width = lambda score: score.interval[1] - score.interval[0]  # noqa: E731
    once = mean_score(values, draws(names))
    ten_views = mean_score(np.repeat(values, 10), draws(np.repeat(names, 10).tolist()))
    assert ten_views.interval == pytest.approx(once.interval)
    independent = mean_score(np.repeat(values, 10), draws([f"e{i}" for i in range(200)]))
    assert width(independent) < 0.5 * width(once)
    assert width(once) == pytest.approx(2 * 1.96 * values.std() / np.sqrt(20), rel=0.15)


def test_intervals_of_pairs_hold_what_another_draw_of_events_gives():
    """The pairs' mean is that of a sum over events: 95 % intervals hold the truth about that often."""
    held = 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        quality = rng.normal(size=15)
        pairs = quality[:, None] + quality[None]
        np.fill_diagonal(pairs, np.nan)
        low, high = pair_score(pairs, draws([f"e{i}" for i in range(15)], seed=seed)).interval
        held += low <= 0 <= high
    assert 0.85 <= held / 150 <= 0.99


def test_a_drawn_event_is_not_compared_with_its_own_copy():
    """Two views of one event match perfectly, others not at all: a copy must not look like a match."""
    pairs = np.zeros((7, 7))
    pairs[:2, :2] = 1
    np.fill_diagonal(pairs, np.nan)
    low, high = pair_score(pairs, draws(list("aabcdef"))).interval
    assert low == 0
    assert high < 0.5  # event a, drawn three times of six, gives 6 of 42 pairs or so; with its copies 36 of them


def test_events_that_all_agree_have_exact_bounds_for_shares_alone():
    shares = mean_score(np.ones(12), draws(list("aabbccddeeff")))
    assert shares.interval == pytest.approx((0.025 ** (1 / 6), 1.0))
    assert mean_score(np.ones(8), draws(list("aabbccdd"))).interval is None
    taus = np.ones((6, 6))
    np.fill_diagonal(taus, np.nan)
    assert pair_score(taus, draws(list("abcdef"))).interval is None


def test_pairs_of_different_events_keep_their_weight():
    """On average over the draws, pairs inside events and between them weigh what they weigh in the data."""
    counts = draws(list("abcdef"), bootstrap=40_000).counts
    for sums in (np.eye(6), 1 - np.eye(6)):
        weighed = _over_pairs(counts, sums)
        assert weighed[1:].mean() == pytest.approx(weighed[0], rel=0.01)


def test_too_little_for_an_interval_or_a_value():
    one_event = mean_score(np.array([1.0, 3.0]), draws(["a", "a"]))
    assert (one_event.value, one_event.interval) == (2.0, None)
    assert mean_score(np.array([1.0, 3.0]), draws(["a", "b"], bootstrap=0)).interval is None
    nothing = pair_score(np.full((3, 3), np.nan), draws(list("abc")))
    assert (nothing.value, nothing.interval) == (None, None)
    constant = r_squared_score(np.ones((4, 1)), np.zeros((4, 1)), draws(["a", "b"]), np.array([0, 0, 1, 1]))
    assert constant.value is None


def test_the_same_seed_gives_the_same_interval():
    values = np.arange(8.0)
    names = list("abcdefgh")
    assert mean_score(values, draws(names, seed=3)) == mean_score(values, draws(names, seed=3))
    assert mean_score(values, draws(names, seed=3)) != mean_score(values, draws(names, seed=4))
