"""Local offsets: windows, the path through their scores, and the line through their peaks."""

from __future__ import annotations

import numpy as np
import pytest

from videosync.lags.line import fit_line
from videosync.lags.local import NONE, LocalScores, best_path, local_scores, own_peaks, runs, steps, window_starts


def made(lags: list[int | None], *, height: float = 4.0, first: int = -30, count: int = 61) -> LocalScores:
    """Windows with one peak each; None: nothing stands out."""
    scores = np.zeros((len(lags), count))
    for row, lag in zip(scores, lags):
        if lag is not None:
            row[lag - first] = height
    return LocalScores(np.arange(len(lags)) * 10, 20, first, scores)


def test_windows_cover_a_stretch_evenly() -> None:
    starts = window_starts(10, 110, 20, 100)
    assert (starts[0], starts[-1] + 20, len(starts)) == (10, 110, 9)
    assert len(window_starts(0, 1000, 20, 7)) == 7
    assert len(window_starts(0, 10, 20, 7)) == 0


def test_the_path_follows_peaks_jumps_where_it_pays_and_is_nowhere_where_nothing_is() -> None:
    path = best_path(made([3, 3, 4, 5, 5, None, None, None, -20, -20, -20]), 7.0)
    assert path.tolist() == [3, 3, 4, 5, 5, NONE, NONE, NONE, -20, -20, -20]
    assert [(run.start, run.stop) for run in runs(path)] == [(0, 5), (8, 11)]


def test_steps_are_where_two_offsets_explain_more_than_one() -> None:
    assert steps(made([3] * 6 + [4] * 5 + [6] * 5).scores, 6.0, 3) == [(6, 33, 34), (11, 34, 36)]
    assert steps(made([3] * 9 + [4]).scores, 6.0, 3) == []
    assert steps(made([3, 4]).scores, 6.0, 3) == []


def test_one_odd_window_is_no_jump() -> None:
    path = best_path(made([3, 3, 3, -20, 3, 3, 3]), 7.0)
    assert set(path[[0, 1, 2, 4, 5, 6]].tolist()) == {3}
    assert [(run.start, run.stop) for run in runs(path)] == [(0, 7)]


def test_the_best_path_is_the_best_of_all() -> None:
    """By trying every path of a small case."""
    from itertools import product

    from videosync.lags.local import IDLE, NEAR, STEP

    rng = np.random.default_rng(0)
    local = LocalScores(np.arange(5), 1, 0, rng.normal(size=(5, 6)) * 2)
    jump = 1.5

    def worth(path: tuple[int, ...]) -> float:  # 6: nowhere
        total, before = 0.0, None
        for w, place in enumerate(path):
            if place < 6:
                total += local.scores[w, place] - IDLE
                if w == 0:
                    pass
                elif before is not None and abs(place - before) <= NEAR:
                    total -= STEP * abs(place - before)
                else:
                    total -= jump
            elif w == 0:
                total += jump  # as much as the first offset is given
            before = place if place < 6 else None
        return total

    best = max(product(range(7), repeat=5), key=worth)
    found = tuple(6 if lag == NONE else int(lag) for lag in best_path(local, jump))
    assert worth(found) == pytest.approx(worth(best))


def test_scores_are_asked_of_what_both_clips_have() -> None:
    asked = []

    def score(one: slice, other: slice, lags: np.ndarray) -> np.ndarray:
        asked.append((one, other, lags))
        return np.ones(len(lags))

    local = local_scores(score, np.array([0, 50]), 20, 60, [range(-100, 100)] * 2)
    assert (asked[0][0], asked[0][1]) == (slice(0, 20), slice(0, 60))
    assert asked[0][2].tolist() == list(range(-10, 50))  # half of the window inside
    lags = np.arange(local.first, local.first + local.scores.shape[1])
    assert lags[local.scores[1] > 0].tolist() == list(range(-60, 0))


def test_own_peaks_have_fractions() -> None:
    local = made([0, 0])
    x = np.arange(-30, 31)
    local.scores[0], local.scores[1] = 5 - (x - 1.3) ** 2, -1.0
    offsets, heights = own_peaks(local, np.array([0, 0]))
    assert offsets[0] == pytest.approx(1.3)
    assert heights.tolist() == [pytest.approx(4.91), 0]


@pytest.mark.parametrize("slope", [0.0, 0.002])
def test_the_interval_of_a_line_holds_its_slope(slope: float) -> None:
    """Of 200 lines with errors that are alike in neighbours, and a tenth of points far off."""
    rng = np.random.default_rng(4)
    times = np.arange(40) * 30.0
    held = 0
    for _ in range(200):
        errors = np.convolve(rng.normal(size=41), [0.7, 0.7], "valid") * 0.3
        errors[rng.random(40) < 0.1] += rng.normal() * 8
        line = fit_line(times, 5 + slope * times + errors, np.ones(40))
        held += abs(line.slope - slope) <= line.around(0.95)
    assert held >= 176


def test_too_few_points_have_no_slope() -> None:
    line = fit_line(np.arange(3.0), np.array([1.0, 2.0, 3.0]), np.ones(3))
    assert (line.slope, line.offset, line.error) == (0.0, 2.0, np.inf)
