"""An answer without its most telling moment."""

from __future__ import annotations

import numpy as np
import pytest

from tests.cues.made_signals import Signals, motion, seen
from videosync.cues.cue import Cue
from videosync.cues.evidence import scores_with_evidence, without_most_telling
from videosync.cues.named import CUES
from videosync.signals.motion import CHANNELS

CUE: Cue = CUES["motion"]
FRAMES, BLOCK, LAGS = 200, 15, range(-120, 121)
REACH = {name: np.ones(columns, np.int64) for name, columns in CHANNELS.items()}


def cameras(one: np.ndarray, other: np.ndarray, noise: float = 0.1) -> tuple[Signals, Signals]:
    return seen(one, np.random.default_rng(1), noise), seen(other, np.random.default_rng(2), noise)


def of_one_event() -> tuple[Signals, Signals]:
    """The second starts 30 frames later."""
    things = motion(FRAMES + 30, np.random.default_rng(3))
    return cameras(things[:FRAMES], things[30:])


def of_two_events_with_one_burst() -> tuple[Signals, Signals]:
    """At frame 140 of one and 60 of the other a few frames are far livelier than all others."""
    one, other = (motion(FRAMES, np.random.default_rng(seed)) for seed in (4, 5))
    burst = np.array([2.0, 9.0, 30.0, 14.0, 4.0, 11.0, 25.0, 3.0])[:, None] * 20
    one[140:148] += burst
    other[60:68] += burst
    return cameras(one, other)


def test_what_is_seen_all_the_time_survives() -> None:
    clips = of_one_event()
    curve = scores_with_evidence(CUE, *clips, LAGS, "motion")
    rest = without_most_telling(CUE, *clips, curve, BLOCK, REACH)
    assert curve.best() == rest.best() == -30
    assert rest.cue == "motion"
    assert curve.near(curve.support().level, -30) > rest.near(rest.support().level, -30) > 4


def test_one_burst_does_not_survive() -> None:
    clips = of_two_events_with_one_burst()
    curve = scores_with_evidence(CUE, *clips, LAGS)
    assert curve.best() == -80
    rest = without_most_telling(CUE, *clips, curve, BLOCK, REACH)
    assert rest.near(rest.scores, -80) < 0.5 * curve.near(curve.scores, -80)


@pytest.mark.parametrize("clips", [of_one_event(), of_two_events_with_one_burst()])
def test_swapped_clips_give_exactly_the_reversed_scores(clips: tuple[Signals, Signals]) -> None:
    found = []
    for one, other in (clips, clips[::-1]):
        curve = scores_with_evidence(CUE, one, other, LAGS)
        found.append(without_most_telling(CUE, one, other, curve, BLOCK, REACH))
    ahead, back = found[0], found[1].reversed()
    np.testing.assert_array_equal(ahead.scores, back.scores)
    np.testing.assert_array_equal(ahead.support().parts, back.support().parts)


def test_each_part_compares_two_clips_once_and_four_times_more_for_the_evidence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Twice with one of them played backwards, and both halves; of the same clips both orders count."""
    asked, curves = [], Cue.curves
    monkeypatch.setattr(Cue, "curves", lambda self, *given: asked.append(1) or curves(self, *given))
    one, other = of_one_event()
    scores_with_evidence(CUE, one, other, LAGS)
    assert len(asked) == 5
    same = scores_with_evidence(CUE, one, one, LAGS)
    np.testing.assert_array_equal(same.scores, same.reversed().scores)


def test_a_block_longer_than_the_overlap_takes_all_of_it() -> None:
    things = motion(60, np.random.default_rng(3))
    clips = cameras(things[:40], things[20:])
    curve = scores_with_evidence(CUE, *clips, range(-25, 26))
    assert np.isfinite(without_most_telling(CUE, *clips, curve, 1000, REACH).scores).all()
