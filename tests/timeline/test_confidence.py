"""How sure an answer is: the same when swapped, more with more evidence, little where there is none."""

from __future__ import annotations

import json
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.cues.made_signals import Signals, motion, seen, stretch
from videosync.cues import DEFAULT_CUE
from videosync.cues.evidence import scores_with_evidence
from videosync.cues.named import CUES
from videosync.lags.scores import LagEvidence, LagScores, added
from videosync.models import SHIPPED
from videosync.timeline.calibration import CALIBRATIONS, FALLBACK, FEATURES, PATH, calibration_for
from videosync.timeline.clips import inspect, read_clip
from videosync.timeline.confidence import features, half_width, lag_probabilities, mass_near, probability_right
from videosync.timeline.placement import DoubtKind, judge, rivals_of
from videosync.timeline.result import Timeline

CUE = CUES["motion"]
LAGS = range(-40, 41)


def pair(seed: int, *, offset: int = 11, frames: int = 150, related: bool = True, **options: int) -> LagScores:
    """The curve of two cameras that see one event, or of two that see one each."""
    rng = np.random.default_rng(seed)
    things = motion(frames + 100, rng, **options)
    other = things if related else motion(frames + 100, rng, **options)
    one, two = seen(things, rng), seen(other, rng)
    lags = LAGS if frames > 80 else range(-frames // 2, frames // 2 + 1)
    return scores_with_evidence(CUE, stretch(one, 50, frames), stretch(two, 50 - offset, frames), lags, "motion")


def same(one: LagScores, other: LagScores) -> bool:
    rows = [(vars(c.support()) | {"scores": c.scores}) for c in (one, other)]
    return one.first == other.first and all(np.array_equal(rows[0][n], rows[1][n]) for n in rows[0])


def peak(height: float, at: int = 5) -> LagScores:
    noise = np.random.default_rng(3).normal(size=121)
    return LagScores(-60, noise + height * np.exp(-0.5 * ((np.arange(-60, 61) - at) / 1.5) ** 2))


# the numbers


@pytest.mark.parametrize("cue", sorted(CALIBRATIONS))
def test_the_numbers_make_sense(cue: str) -> None:
    table = CALIBRATIONS[cue]
    assert cue in CUES
    assert len(table.weights) == len(FEATURES)
    assert min(table.weights) >= 0
    assert max(table.weights) > 0
    assert table.sharpness > 0
    assert 0.5 <= table.accepted < table.most < 1
    assert all(a < b for a, b in pairwise(table.confidences))
    assert all(a >= b > 0 for a, b in pairwise(table.half_widths))
    assert len(table.confidences) == len(table.half_widths)
    assert table.cue == cue


def test_every_entry_says_where_its_numbers_come_from() -> None:
    for entry in json.loads(PATH.read_text(encoding="utf-8"))["cues"].values():
        measured = entry["measured"]
        assert "benchmarks.confidence" in measured["command"]
        assert date.fromisoformat(measured["date"])
        assert measured["pairs"] == sum(measured["sets"].values()) > 0


def test_a_cue_that_was_not_measured_gets_the_fallback_and_the_answer_says_so() -> None:
    curve = peak(8.0)
    unknown = LagScores(curve.first, curve.scores, cue="energy")
    assert probability_right(unknown, 5) == probability_right(curve, 5)
    assert half_width(0.9, "energy") == half_width(0.9, FALLBACK)
    assert calibration_for("energy").cue == FALLBACK == calibration_for(None).cue
    said = Timeline(None, (), (), "energy")
    assert said.to_json()["calibration"] == {"cue": "motion", "encoder": None}
    assert said.sentences() == [
        "Confidence is an estimate: it was calibrated with the cue motion, and this is the cue energy"
    ]
    (other,) = Timeline(None, (), (), DEFAULT_CUE, "mine").sentences()
    assert other.endswith("motion-learned with encoder crossview, and this is the cue motion-learned with encoder mine")
    assert Timeline(None, (), (), DEFAULT_CUE, SHIPPED).sentences() == []


# what an answer is worth


def test_a_swapped_pair_is_as_sure_to_the_last_bit() -> None:
    rng = np.random.default_rng(1)
    one, two = (seen(motion(180, rng), rng) for _ in range(2))
    short = stretch(two, 20, 131)
    lags = range(-120, 80)
    forward = scores_with_evidence(CUE, one, short, lags)
    backward = scores_with_evidence(CUE, short, one, range(-79, 121))
    assert same(forward, backward.reversed())
    best = forward.best()
    assert probability_right(forward, best) == probability_right(backward.reversed(), best)
    assert judge(backward).lag == -best


def test_the_order_of_sums_does_not_tell_a_pair_from_the_swapped_one() -> None:
    """As added up from one end or from the other, about one curve in a hundred would be a bit surer."""
    for seed in range(300):
        rng = np.random.default_rng(seed)
        scores = 3 * rng.normal(size=rng.integers(40, 300))
        one, other = LagScores(-20, scores), LagScores(21 - len(scores), scores[::-1].copy())
        assert probability_right(one, one.best()) == probability_right(other, other.best())
        assert (lag_probabilities(one) == lag_probabilities(other)[::-1]).all()


def test_pixels_give_the_same_both_ways(event: tuple[list[Path], list[int]]) -> None:
    clips = [read_clip(inspect(str(path)), 30.0, CUE.meters()).signals for path in event[0][:2]]
    forward = scores_with_evidence(CUE, *clips, range(-100, 101))
    assert same(forward, scores_with_evidence(CUE, *clips[::-1], range(-100, 101)).reversed())
    assert judge(forward).doubt is None
    assert abs(forward.best() - (event[1][0] - event[1][1])) <= 1


def test_more_evidence_never_makes_less_sure() -> None:
    sure = [probability_right(peak(height), 5) for height in np.arange(0.0, 20.0, 0.5)]
    assert all(a <= b + 1e-12 for a, b in pairwise(sure))
    assert sure[0] < 0.3
    assert sure[-1] > 0.95


def test_related_pairs_are_accepted_and_right_unrelated_ones_refused() -> None:
    related = [judge(pair(seed)) for seed in range(20)]
    accepted = [said for said in related if said.doubt is None]
    assert len(accepted) >= 17
    assert all(abs(said.lag - 11) <= 1 for said in accepted)
    strangers = [judge(pair(seed, related=False)) for seed in range(20)]
    assert sum(said.doubt is None for said in strangers) <= 1
    assert max(said.confidence for said in strangers) < min(said.confidence for said in accepted) + 0.2


def test_as_long_as_the_null_sees_them_repeating_signals_say_less_by_the_same_score() -> None:
    """A period raises the spread of the null, so that the same cue speaks in smaller units."""
    wandering, repeating = pair(2, frames=200), pair(2, frames=200, period=13)
    assert repeating.support().level.max() < wandering.support().level.max()


def test_halves_speak_where_the_whole_time_is_shared() -> None:
    """A common stretch in clips that share nothing else gives a peak, but one of the halves knows nothing of it."""
    shared = pair(5, frames=160)
    rng = np.random.default_rng(6)
    one, two = motion(160, rng), motion(160, rng)
    two[25:75] = one[14:64]
    part = scores_with_evidence(CUE, seen(one, rng), seen(two, rng), LAGS)
    assert abs(part.best() - 11) <= 1
    assert features(part, part.best())[2] < 0.8 * features(shared, shared.best())[2]
    assert judge(part).confidence < judge(shared).confidence


# probabilities over lags, and reasons


def test_probabilities_of_offsets_add_up_and_peak_at_the_answer() -> None:
    curve = peak(6.0)
    likely = lag_probabilities(curve)
    assert likely.sum() == pytest.approx(1)
    assert curve.lags[likely.argmax()] == curve.best()
    assert mass_near(curve, 5) == pytest.approx(likely[np.abs(curve.lags - 5) <= 1].sum())
    assert rivals_of(curve, 5) == ()
    two = LagScores(-60, 0.1 * peak(0.0).scores + peak_at(5, 121, 60) + peak_at(-30, 121, 60))
    assert probability_right(two, two.best()) < 0.7
    assert [abs(rival) for rival in rivals_of(two, two.best())] == [35]


def test_repeating_motion_is_refused_and_its_rivals_are_listed() -> None:
    said = judge(pair(4, frames=180, period=17))
    assert said.doubt is not None
    assert said.doubt.kind is DoubtKind.PERIODIC
    assert {17, -17} & set(said.doubt.rivals)


def test_too_few_frames_are_named() -> None:
    kinds = [said.doubt.kind for seed in range(8) if (said := judge(pair(seed, frames=32, related=False))).doubt]
    assert kinds.count(DoubtKind.SHORT) >= 4
    assert set(kinds) <= {DoubtKind.SHORT, DoubtKind.EDGE, DoubtKind.PERIODIC}


def test_parts_that_speak_for_different_offsets_are_named() -> None:
    lags = np.arange(-60, 61)
    parts = np.array([7 * np.exp(-0.5 * ((lags - at) / 1.5) ** 2) for at in (-31, 4, 33)])
    level = parts.sum(axis=0) / np.sqrt(3) + 0.8 * np.exp(-0.5 * ((lags - 4) / 1.5) ** 2)
    said = judge(LagScores(-60, level, LagEvidence(level, parts, np.zeros(121)), np.full(121, 200)))
    assert said.lag == 4
    assert said.doubt is not None
    assert said.doubt.kind is DoubtKind.DISAGREE


def test_a_curve_that_says_nothing_is_flat() -> None:
    still: Signals = {name: np.zeros((100, 64 if name == "cells" else 16), np.float32) for name in CUE.channels}
    said = judge(scores_with_evidence(CUE, still, still, LAGS))
    assert said.doubt is not None
    assert said.doubt.kind is DoubtKind.FLAT
    assert said.confidence < 0.1


def test_curves_that_say_the_same_thing_count_once() -> None:
    """Four pairs of one stranger with cameras that see the same are not four times the evidence."""
    rng = np.random.default_rng(7)
    common = LagScores(-80, rng.normal(size=161))
    once = common.support().level.max()
    assert added([(0, common)] * 4).support().level.max() == pytest.approx(once)
    apart = [LagScores(-80, rng.normal(size=161) + peak_at(0, 161, 80)) for _ in range(4)]
    assert added([(0, c) for c in apart]).support().level[80] > 1.2 * np.mean([c.support().level[80] for c in apart])


def peak_at(lag: int, count: int, middle: int) -> np.ndarray:
    return np.asarray(6 * np.exp(-0.5 * ((np.arange(count) - middle - lag) / 1.5) ** 2))
