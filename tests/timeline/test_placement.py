"""Joint placement of cameras from lag curves: right where pairs are wrong, order-free, and silent where it must be."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pytest

from videosync.lags.scores import LagEvidence, LagScores
from videosync.timeline.placement import DoubtKind, judge, place
from videosync.timeline.solve import fine_starts, joint_starts, moved_curve, spanning_cuts, total_score

HEIGHT = 9.0  # of a clear peak, standard errors
Curves = dict[tuple[int, int], LagScores]


def curve(true: float, *, height: float = HEIGHT, rng: np.random.Generator | None = None, reach: int = 80) -> LagScores:
    """A peak of a frame and a half at ``true`` in noise of one standard error."""
    lags = np.arange(-reach, reach + 1)
    noise = np.zeros(len(lags)) if rng is None else rng.normal(size=len(lags))
    return LagScores(-reach, height * np.exp(-0.5 * ((lags - true) / 1.5) ** 2) + noise)


def event(starts: Mapping[int, float], seed: int = 0, **options: float) -> Curves:
    rng = np.random.default_rng(seed)
    return {(i, j): curve(starts[i] - starts[j], rng=rng, **options) for i, j in combinations(starts, 2)}


def relative(starts: Mapping[int, float], base: int) -> dict[int, float]:
    return {camera: start - starts[base] for camera, start in starts.items()}


TRUE = {0: 0, 1: 13, 2: -22, 3: 7}


def test_a_pair_that_is_wrong_alone_is_put_right_by_the_others() -> None:
    curves = event(TRUE)
    wrong = curve(TRUE[0] - TRUE[1] + 30, height=12.0)
    curves[0, 1] = LagScores(wrong.first, wrong.scores + curve(TRUE[0] - TRUE[1], height=5.0).scores)
    assert curves[0, 1].best() == TRUE[0] - TRUE[1] + 30
    found = joint_starts(curves, list(TRUE))
    assert relative(found, 0) == TRUE


def test_the_joint_answer_is_the_best_of_all_assignments() -> None:
    """Against an exhaustive search, on curves of pure noise where there is no obvious answer."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        curves = {pair: LagScores(-6, rng.normal(size=13)) for pair in combinations(range(3), 2)}
        everything = [total_score(curves, {0: 0, 1: a, 2: b}) for a in range(-13, 14) for b in range(-13, 14)]
        assert total_score(curves, joint_starts(curves, [0, 1, 2])) == pytest.approx(max(everything))


def test_the_answer_permutes_with_the_cameras() -> None:
    curves = event({0: 0.0, 1: 13.3, 2: -22.4, 3: 7.2}, seed=3, height=5.0)
    known = place(curves, range(4))
    assert len(known.starts) == 4
    # camera c is called order[c] now; exchanges of neighbours make up every order
    for order in ((1, 0, 2, 3), (0, 2, 1, 3), (0, 1, 3, 2)):
        renamed = {}
        for (i, j), scores in curves.items():
            a, b = order[i], order[j]
            renamed[min(a, b), max(a, b)] = scores if a < b else scores.reversed()
        found = place(renamed, range(4))
        for camera in range(4):  # sums over pairs are taken in the cameras' order: alike but for rounding
            expected = known.starts[camera] - known.starts[0]
            assert found.starts[order[camera]] - found.starts[order[0]] == pytest.approx(expected, abs=1e-9)
            assert found.confidence[order[camera]] == pytest.approx(known.confidence[camera])


def test_swapped_videos_give_exactly_the_negative_offset() -> None:
    scores = curve(11.37, rng=np.random.default_rng(5))
    one, other = place({(0, 1): scores}, [0, 1]), place({(0, 1): scores.reversed()}, [0, 1])
    assert one.starts[0] - one.starts[1] == -(other.starts[0] - other.starts[1])
    assert one.confidence == other.confidence


@pytest.mark.parametrize("true", [11.0, 11.25, 11.5, -3.7])
def test_fractions_of_a_frame(true: float) -> None:
    placed = place({(0, 1): curve(true)}, [0, 1])
    assert placed.starts[0] - placed.starts[1] == pytest.approx(true, abs=0.05)


def test_fractions_of_several_pairs_agree_and_a_stray_one_weighs_little() -> None:
    true = {0: 0.0, 1: 13.3, 2: -22.4, 3: 7.2}
    curves = {(i, j): curve(true[i] - true[j]) for i, j in combinations(true, 2)}
    curves[0, 1] = curve(true[0] - true[1] + 2.0)  # two frames off, as after a smooth turn
    whole = {camera: round(start) for camera, start in true.items()}
    fine = relative(fine_starts(curves, whole), 0)
    assert fine == pytest.approx(true, abs=0.35)


def test_an_unrelated_camera_is_left_out_and_the_others_are_as_without_it() -> None:
    curves = event(TRUE, seed=1)
    rng = np.random.default_rng(8)
    curves |= {(camera, 4): LagScores(-80, rng.normal(size=161)) for camera in TRUE}
    placed = place(curves, range(5))
    assert sorted(placed.starts) == [0, 1, 2, 3]
    assert placed.doubts[4].kind is DoubtKind.UNRELATED
    assert relative(placed.starts, 0) == pytest.approx(TRUE, abs=0.5)


def test_two_events_are_not_put_on_one_timeline() -> None:
    rng = np.random.default_rng(4)
    curves = event({0: 0, 1: 5, 2: 9}, seed=2) | {(3, 4): curve(20, rng=rng)}
    curves |= {(i, j): LagScores(-80, rng.normal(size=161)) for i in range(3) for j in (3, 4)}
    placed = place(curves, range(5))
    assert sorted(placed.starts) == [0, 1, 2]
    assert set(placed.doubts) == {3, 4}


def test_of_two_pairs_the_one_with_the_reference_is_kept() -> None:
    rng = np.random.default_rng(6)
    curves = {(0, 1): curve(5, rng=rng), (2, 3): curve(9, rng=rng)}
    curves |= {(i, j): LagScores(-80, rng.normal(size=161)) for i in (0, 1) for j in (2, 3)}
    assert sorted(place(curves, range(4), prefer=3).starts) == [2, 3]
    assert sorted(place(curves, range(4), prefer=0).starts) == [0, 1]


def test_noise_alone_is_refused() -> None:
    placed = 0
    for seed in range(40):
        rng = np.random.default_rng([17, seed])
        placed += bool(place({(0, 1): LagScores(-80, rng.normal(size=161))}, [0, 1]).starts)
    assert placed <= 2


def test_a_periodic_pair_is_refused_with_its_rivals() -> None:
    lags = np.arange(-60, 61)
    said = judge(LagScores(-60, 8 * np.cos(2 * np.pi * lags / 25) ** 9))
    assert said.doubt is not None
    assert said.doubt.kind is DoubtKind.PERIODIC
    assert {-25, 25} <= set(said.doubt.rivals)


def test_an_answer_at_the_end_of_the_range_is_refused() -> None:
    said = judge(LagScores(-30, curve(33, reach=30).scores))
    assert said.doubt is not None
    assert said.doubt.kind is DoubtKind.EDGE


def test_cameras_without_any_curve_are_named() -> None:
    placed = place({(0, 1): curve(3, rng=np.random.default_rng(1))}, [0, 1, 2])
    assert sorted(placed.starts) == [0, 1]
    assert placed.doubts[2].kind is DoubtKind.UNKNOWN
    assert place({}, [0, 1]).starts == {}


def test_moving_a_group_sums_the_pairs_between() -> None:
    curves = event(TRUE)
    moved = moved_curve(curves, TRUE, {1, 3})
    assert moved is not None
    for step in (-7, 0, 2):
        starts = {c: s + step * (c in (1, 3)) for c, s in TRUE.items()}
        inside = curves[0, 2].at(TRUE[0] - TRUE[2]) + curves[1, 3].at(TRUE[1] - TRUE[3])
        assert moved.at(step) * 2 == pytest.approx(total_score(curves, starts) - inside)


def test_cuts_part_each_camera_and_the_weak_edge() -> None:
    strong, weak = curve(0, height=9), curve(0, height=2)
    curves = {pair: weak for pair in combinations(range(4), 2)} | {(0, 1): strong, (2, 3): strong}
    cuts = spanning_cuts(curves, dict.fromkeys(range(4), 0))
    assert {frozenset({1}), frozenset({2}), frozenset({3}), frozenset({1, 2, 3}), frozenset({2, 3})} == set(cuts)


def test_a_reversed_curve_reads_backwards() -> None:
    one = LagScores(-3, np.arange(8.0))
    assert [one.reversed().at(-lag) for lag in one.lags] == one.scores.tolist()
    assert one.reversed().lags.tolist() == [-4, -3, -2, -1, 0, 1, 2, 3]
    assert one.at(-4) == one.at(5) == 0.0


def test_peaks_are_apart_and_sorted() -> None:
    scores = np.zeros(50)
    scores[[10, 12, 30, 49]] = [5, 4, 6, 3]
    assert LagScores(0, scores).peaks(3) == [30, 10, 49]


def test_a_smooth_curve_is_not_taken_for_a_periodic_one() -> None:
    lags = np.arange(-60, 61)
    smooth = 3 * np.exp(-((lags - 5) ** 2) / 200)
    doubt = judge(LagScores(-60, smooth + 0.05 * np.cos(lags / 2), None, np.full(121, 240)), 5).doubt
    assert doubt is not None
    assert doubt.kind is not DoubtKind.PERIODIC
    wave = judge(LagScores(-60, np.cos(lags * 2 * np.pi / 20), None, np.full(121, 240)), 0).doubt
    assert wave is not None
    assert wave.kind is DoubtKind.PERIODIC


def test_without_rivals_an_answer_is_weak_and_not_ambiguous() -> None:
    scores = np.random.default_rng(1).normal(scale=0.8, size=121)
    scores[70] = 4.6
    silent = LagEvidence(scores, scores[None], np.zeros(121))
    doubt = judge(LagScores(-60, scores, silent, np.full(121, 240))).doubt
    assert doubt is not None
    assert not doubt.rivals
    assert doubt.kind is DoubtKind.WEAK


def test_one_camera_alone_has_nothing_to_be_compared_with() -> None:
    assert place({}, [3]).doubts[3].kind is DoubtKind.ALONE
