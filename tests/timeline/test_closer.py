"""Drift, breaks and other speeds of two files, from their signals."""

from __future__ import annotations

import numpy as np
import pytest

from tests.timeline.moving_signals import RATE, REACH, joined, part, two_views
from videosync.cues import evidence
from videosync.cues.evidence import scores_with_evidence
from videosync.cues.named import CUES
from videosync.lags.line import fit_line
from videosync.signals.measure import Signals
from videosync.timeline.calibration import calibration_for
from videosync.timeline.closer import Closer, look_again, look_closer, unanswered
from videosync.timeline.confidence import probability_right
from videosync.timeline.parts import Part, Search, frames_of
from videosync.timeline.search import lag_range
from videosync.timeline.speeds import resampled

CUE = CUES["motion"]


def asked(clip0: Signals, clip1: Signals) -> Closer:
    """As of two files of which no third is known."""
    lags = lag_range(frames_of(clip0), frames_of(clip1), RATE)
    assert lags is not None
    curve = scores_with_evidence(CUE, clip0, clip1, lags, "motion")
    if unanswered({(0, 1): curve}):
        return look_again(CUE, clip0, clip1, RATE, curve)
    return look_closer(CUE, clip0, clip1, RATE, curve)


def lag_of(found: Closer) -> float:
    """Frames of clip 1."""
    assert found.clocks is not None
    best = found.curve.best()
    assert probability_right(found.curve, best) >= calibration_for("motion").accepted
    return found.curve.vertex(best) * found.clocks.seconds_of(1)


@pytest.mark.parametrize("seed", range(3))
def test_of_one_clock_nothing_is_said_and_the_scores_stay(seed: int) -> None:
    one, other = two_views(900, seed)
    found = asked(part(one, 0, 800), part(other, 60))
    assert lag_of(found) == pytest.approx(-60, abs=0.5)
    assert found.clocks is not None
    assert found.clocks.rate == 1
    assert not found.clocks.breaks
    assert found.clocks.interval_ppm is not None
    assert found.clocks.interval_ppm[0] <= 0 <= found.clocks.interval_ppm[1]


def test_a_part_that_is_shorter_than_a_window_shows_no_steps() -> None:
    one, other = two_views(300, 5)
    search = Search(CUE, one, other, RATE, REACH, "motion")
    line = fit_line(np.arange(5.0), np.zeros(5), np.ones(5))
    assert search.small_steps(Part(100, 110, line, False)) == ()


def test_of_a_part_that_cannot_stand_no_evidence_is_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = two_views(400, 5)
    search = Search(CUE, one, other, RATE, REACH, "motion")
    lines = [fit_line(np.arange(5.0), np.full(5, lag), np.ones(5)) for lag in (0.0, 60.0)]
    stands, elsewhere = (Part(50, 330, line, False) for line in lines)
    found = search.standing_of([elsewhere, stands], 1)
    assert [part.line.offset for part in found] == [0]
    monkeypatch.setattr(evidence, "_surrogate_null", None)
    assert search.standing_of([elsewhere, stands], 2) == []


def test_what_is_short_has_no_drift() -> None:
    one, other = two_views(450, 5)
    found = asked(one, other)
    assert found.clocks is not None
    assert (found.clocks.rate, found.clocks.interval_ppm, found.clocks.untold) == (1, None, None)


@pytest.mark.parametrize("ppm", [-10_000, 10_000])
def test_a_drift_that_is_plain_is_told_of_short_clips_too(ppm: int) -> None:
    one, other = two_views(540, 6)
    rate = 1 + ppm * 1e-6
    found = asked(one, resampled(other, 1 / rate, REACH))
    assert found.clocks is not None
    assert found.clocks.interval_ppm is not None
    assert found.clocks.interval_ppm[0] <= ppm <= found.clocks.interval_ppm[1]
    assert lag_of(found) == pytest.approx(0, abs=0.7)


def test_where_a_short_stretch_alone_tells_the_offset_it_is_said() -> None:
    (one, other), unlike = two_views(510, 7), two_views(510, 8)[1]
    found = asked(one, joined(part(other, 0, 260), part(unlike, 260)))
    assert lag_of(found) == pytest.approx(0, abs=0.5)
    assert found.clocks is not None
    assert found.clocks.untold is not None
    assert found.clocks.untold.before[0] == pytest.approx(0, abs=2)
    assert found.clocks.untold.after[0] == pytest.approx(260 / RATE, abs=2)
    assert found.clocks.untold.reversed().ppm == found.clocks.untold.ppm > 10_000


def test_of_a_part_that_alone_stands_it_is_said_where_it_does_not_hold() -> None:
    (one, other), unlike = two_views(510, 7), two_views(510, 8)[1]
    mixed = joined(part(other, 0, 260), part(unlike, 260))
    curve = scores_with_evidence(CUE, one, mixed, range(-400, 401), "motion")
    found = look_again(CUE, one, mixed, RATE, curve)
    assert lag_of(found) == pytest.approx(0, abs=0.5)
    assert found.clocks is not None
    assert found.clocks.untold is not None


def test_where_both_ends_of_short_clips_differ_it_is_said() -> None:
    one, other = two_views(500, 9)
    found = asked(one, {name: np.delete(values, (170, 330), axis=0) for name, values in other.items()})
    assert found.clocks is not None
    assert found.clocks.breaks or found.clocks.untold or found.clocks.rate < 0.999


@pytest.mark.parametrize("gone", [(96, 116), (24, 44)], ids=["near the end", "near the beginning"])
def test_in_short_clips_a_break_is_suspected_though_no_part_is_sure(gone: tuple[int, int]) -> None:
    one, other = two_views(140, 39, noise=0.3)
    paused = joined(part(other, 0, gone[0]), part(other, gone[1]))
    found = asked(one, paused)
    assert lag_of(found) == pytest.approx(0 if gone[0] > 70 else -20, abs=0.5)  # of the longer part
    assert found.clocks is not None
    assert not found.clocks.breaks
    suspected = found.clocks.suspected
    assert suspected is not None
    assert suspected.size_seconds == pytest.approx(-20 / RATE, abs=1 / RATE)
    assert gone[0] - 16 <= suspected.before[0] * RATE <= gone[1] + 16
    swapped = asked(paused, one).clocks
    assert swapped is not None
    assert swapped.suspected == suspected.reversed()


def test_in_short_clips_of_one_offset_no_break_is_suspected() -> None:
    found = [asked(*two_views(140, seed, noise=0.3)).clocks for seed in range(20, 30)]
    assert all(clocks is not None and clocks.suspected is None for clocks in found)


@pytest.mark.parametrize("ppm", [-2000, 1000])
def test_a_drift_is_measured_and_the_first_frame_is_right(ppm: int) -> None:
    one, other = two_views(2000, 11)
    rate = 1 + ppm * 1e-6  # frames of the second clip in one of the first
    found = asked(part(one, 90), resampled(other, 1 / rate, REACH))
    assert found.clocks is not None
    assert found.clocks.interval_ppm is not None
    low, high = found.clocks.interval_ppm
    assert low <= ppm <= high
    assert abs(found.clocks.drift_ppm) > 0.7 * abs(ppm)
    assert lag_of(found) == pytest.approx(90 * rate, abs=0.7)


@pytest.mark.slow
def test_swapped_files_have_the_opposite_drift() -> None:
    one, other = two_views(1200, 12)
    slower = resampled(other, 1.004, REACH)
    there, back = asked(one, slower), asked(slower, one)
    assert there.clocks is not None
    assert back.clocks is not None
    assert there.clocks.rate != 1
    assert back.clocks.rate == pytest.approx(1 / there.clocks.rate)
    np.testing.assert_allclose(back.curve.scores[::-1], there.curve.scores, atol=1e-9)


@pytest.mark.parametrize(("gone", "seconds"), [(90, 3.0), (12, 0.4)])
def test_what_one_file_lacks_is_a_break(gone: int, seconds: float) -> None:
    one, other = two_views(900, 21)
    found = asked(one, joined(part(other, 0, 300), part(other, 300 + gone)))
    assert found.clocks is not None
    (each,) = found.clocks.breaks
    assert each.size_seconds == pytest.approx(-seconds, abs=0.07)
    assert each.before[0] <= 10 + seconds + 1
    assert each.after[0] >= 10 - 1
    assert lag_of(found) == pytest.approx(-gone, abs=1)  # the longer part is the later one


@pytest.mark.parametrize("lost", [(250,), (200, 201)])
def test_single_frames_that_are_lost_are_breaks(lost: tuple[int, ...]) -> None:
    one, other = two_views(900, 23)
    found = asked(one, {name: np.delete(values, lost, axis=0) for name, values in other.items()})
    assert found.clocks is not None
    assert sum(each.size_seconds for each in found.clocks.breaks) == pytest.approx(-len(lost) / RATE, abs=1e-6)
    assert found.clocks.breaks[0].before[0] == pytest.approx(lost[0] / RATE, abs=2)


def test_slow_motion_inside_a_file_is_a_break_that_lasts_in_both() -> None:
    one, other = two_views(900, 22)
    slow = resampled(part(other, 360, 480), 0.25, REACH)
    ends = ({name: clip[name] for name in slow} for clip in (part(other, 0, 360), part(other, 480)))
    first, last = ends
    found = asked(one, joined(first, slow, last))
    assert found.clocks is not None
    (each,) = found.clocks.breaks
    assert each.size_seconds == pytest.approx(12, abs=0.2)


@pytest.mark.parametrize(("ratio", "slow"), [(1.25, 1), pytest.param(4.0, 0, marks=pytest.mark.slow)])
def test_another_speed_is_found_and_the_first_frame_is_right(ratio: float, slow: int) -> None:
    clips = [part(clip, 60 * n, 600) for n, clip in enumerate(two_views(600, 31))]
    clips[slow] = resampled(clips[slow], 1 / ratio, REACH)
    found = asked(*clips)
    assert found.clocks is not None
    assert found.clocks.slow == slow
    assert found.clocks.rate == pytest.approx(ratio if slow else 1 / ratio)
    assert found.clocks.seconds_of(1 - slow) == 1
    lag = lag_of(found) * (1 if slow == 0 else 1 / ratio)  # in frames of the file at its own speed
    assert lag == pytest.approx(-60, abs=1)


def test_files_of_unlike_events_are_refused_at_any_speed() -> None:
    one, other = two_views(500, 41)[0], two_views(500, 42)[1]
    found = asked(one, other)
    assert probability_right(found.curve, found.curve.best()) < calibration_for("motion").accepted
    assert found.clocks is None or not found.clocks.sure


def test_pairs_of_answered_files_are_not_looked_at_again() -> None:
    one, other = two_views(300, 51)
    lags = lag_range(300, 300, RATE)
    assert lags is not None
    good = scores_with_evidence(CUE, one, other, lags, "motion")
    bad = scores_with_evidence(CUE, one, two_views(300, 52)[1], lags, "motion")
    assert unanswered({(0, 1): good, (0, 2): bad, (1, 2): bad}) == [(0, 2), (1, 2)]
    assert unanswered({(0, 1): good}) == []
