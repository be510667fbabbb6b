"""Files that share no time, and many files: what is alone right stays right, in any order, with bounded work."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import combinations

import numpy as np
import pytest

from videosync.lags.scores import LIKELIHOOD, LagScores, added
from videosync.timeline import solve
from videosync.timeline.calibration import calibration_for
from videosync.timeline.clips import ClipInfo
from videosync.timeline.compare import Compared
from videosync.timeline.conclude import conclude
from videosync.timeline.confidence import probability_right
from videosync.timeline.evidence import Evidence
from videosync.timeline.joint import picture_groups
from videosync.timeline.partners import FEW, PARTNERS, compare_likely, picked_from
from videosync.timeline.placement import judge, place, sure_groups
from videosync.timeline.reasons import Search
from videosync.timeline.search import lag_range
from videosync.timeline.solve import moved_curve

Curves = dict[tuple[int, int], LagScores]


def scored(frames: Mapping[int, int], starts: Mapping[int, int], seed: int, height: float = 8.0) -> Curves:
    """Curves over the range of files of so many frames: noise, and a peak where they overlap enough."""
    rng = np.random.default_rng(seed)
    curves = {}
    for i, j in combinations(frames, 2):
        lags = lag_range(frames[i], frames[j], 30.0)
        assert lags is not None
        noise = np.convolve(rng.normal(size=len(lags) + 2), [0.45, 0.77, 0.45], "valid")
        peak = height * np.exp(-0.5 * ((np.array(lags) - (starts[i] - starts[j])) / 1.2) ** 2)
        curves[i, j] = LagScores(lags.start, noise + peak)
    return curves


def one_long(shorts: int, seed: int) -> tuple[dict[int, int], dict[int, int]]:
    """A file of two minutes, and short ones of which no two share a moment: frames and starts."""
    rng = np.random.default_rng(seed)
    lengths = {0: 3600} | {n: int(rng.integers(150, 300)) for n in range(1, shorts + 1)}
    starts = {0: 0} | {n: 550 * (n - 1) + int(rng.integers(0, 100)) for n in range(1, shorts + 1)}
    return lengths, starts


@pytest.mark.parametrize("shorts", [2, 3, 4, 5, 6])
def test_short_files_that_share_nothing_are_placed_beside_a_long_one(shorts: int) -> None:
    for seed in range(3):
        lengths, starts = one_long(shorts, seed)
        found = place(scored(lengths, starts, seed), list(lengths))
        assert found.starts.keys() == starts.keys()
        for n, start in starts.items():
            assert found.starts[n] - found.starts[0] == pytest.approx(start, abs=1)


def test_a_file_that_shares_no_time_leaves_a_pair_as_sure_as_it_is_alone() -> None:
    lengths, starts = one_long(3, 5)
    curves = scored(lengths, starts, 5, height=5.5)
    for n in (1, 2, 3):
        alone, joined = judge(curves[0, n]), moved_curve(curves, starts, [n], 0)
        assert joined is not None
        assert judge(joined, 0).confidence == pytest.approx(alone.confidence, abs=0.15)


def test_a_group_that_is_tied_weakly_stays_where_its_many_ties_want_it() -> None:
    """Files of one camera fit each other better than those of another: none drifts off to where nothing overlaps."""
    lengths, starts = dict.fromkeys(range(12), 150), {n: 25 * (n // 2) for n in range(12)}
    curves = scored(lengths, starts, 8, height=9.0)
    weak = scored(lengths, starts, 9, height=3.5)
    curves |= {pair: curve for pair, curve in weak.items() if sum(pair) % 2}
    found = place(curves, list(lengths))
    assert found.starts.keys() == lengths.keys()
    for n, start in starts.items():
        assert found.starts[n] - found.starts[0] == pytest.approx(start, abs=1)


def test_what_chance_is_worth() -> None:
    rng = np.random.default_rng(2)
    usual = np.mean([LagScores(-300, rng.normal(size=601)).chance for _ in range(50)])
    assert usual == pytest.approx(LIKELIHOOD / 2, abs=0.3)
    noise = rng.normal(size=601)
    peak = np.where(abs(np.arange(-300, 301)) < 2, 20.0, 0.0)
    assert LagScores(-300, noise + peak).chance == pytest.approx(LagScores(-300, noise).chance, abs=0.2)
    assert LagScores(0, np.zeros(30)).chance == 0.0
    one = LagScores(-300, noise)
    assert one.chance == one.reversed().chance


def test_a_pair_counts_only_where_it_overlaps_and_by_what_it_is_above_chance() -> None:
    wide, narrow = (LagScores(-n, np.random.default_rng(n).normal(size=2 * n + 1)) for n in (100, 20))
    both = added([(0, wide), (0, narrow)], 60)
    assert both.at(60) - both.at(-70) == pytest.approx(wide.at(60) - wide.at(-70))
    alike = (wide.at(5) + narrow.at(5) - narrow.chance) / np.sqrt(2)
    assert both.at(5) - both.at(60) == pytest.approx(alike - wide.at(60))
    seen, alone = both.support(), wide.support()
    assert (seen.level == alone.level).all()  # of the only one that says anything there
    gap = added([(0, narrow), (-200, narrow)])
    assert gap.at(100) == gap.scores.min()
    assert gap.best() in [*narrow.lags, *(narrow.lags + 200)]


def test_the_answer_does_not_depend_on_the_order_of_many_files() -> None:
    rng = np.random.default_rng(4)
    lengths = {n: int(rng.integers(90, 400)) for n in range(10)}
    starts = {n: int(rng.integers(0, 500)) for n in range(10)}
    curves = scored(lengths, starts, 4, height=6.5)
    known = place(curves, list(lengths))
    assert len(known.starts) > 6
    for seed in range(2):
        order = np.random.default_rng(seed).permutation(10).tolist()  # file n is called order[n] now
        renamed = {}
        for (i, j), curve in curves.items():
            a, b = order[i], order[j]
            renamed[min(a, b), max(a, b)] = curve if a < b else curve.reversed()
        found = place(renamed, range(10))
        assert found.starts.keys() == {order[n] for n in known.starts}
        base = min(known.starts)
        for n, start in known.starts.items():
            apart = found.starts[order[n]] - found.starts[order[base]]
            assert apart == pytest.approx(start - known.starts[base], abs=1e-6)


def test_the_work_grows_little_faster_than_the_number_of_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Curves that are added up, of a group of files twice as large, half of which share nothing with any other."""
    counts = []
    field, summed = solve._field, solve.added
    for files in (6, 12):
        moved = [0]

        def counted(
            joined: Iterable[tuple[int, solve.Tie]], *, usual: bool = False, tally: list[int] = moved
        ) -> LagScores:
            ties = list(joined)
            tally[0] += len(ties)
            return field(ties, usual=usual)

        def tallied(curves: list[tuple[int, LagScores]], lag: int | None = None, tally: list[int] = moved) -> LagScores:
            tally[0] += len(curves)
            return summed(curves, lag)

        monkeypatch.setattr(solve, "_field", counted)
        monkeypatch.setattr(solve, "added", tallied)
        starts = {n: 7 * n for n in range(files)}
        curves = scored(dict.fromkeys(starts, 150), starts, 1)
        rng = np.random.default_rng(0)
        for i, j in curves:
            if (i + j) % 2 or i % 2:
                curves[i, j] = LagScores(curves[i, j].first, rng.normal(size=len(curves[i, j].scores)))
        assert len(place(curves, list(starts)).starts) == files // 2
        counts.append(moved[0])
    assert counts[1] / counts[0] < 2**3


# which pairs are compared


def compared(files: int, event: Mapping[int, int], fooled: float = 0.5) -> tuple[list[frozenset[int]], int]:
    """Groups that comparisons tie which are always right, and pairs compared: a cheap score is often not."""
    rng = np.random.default_rng(0)
    pairs = list(combinations(range(files), 2))
    score = {pair: rng.normal() + 2 * (event[pair[0]] == event[pair[1]]) * (rng.random() > fooled) for pair in pairs}
    done: list[tuple[int, int]] = []

    def whole(pair: tuple[int, int]) -> Compared:
        done.append(pair)
        lags, related = np.arange(-100, 101), event[pair[0]] == event[pair[1]]
        return Compared(LagScores(-100, np.where(lags == 7, 20.0 if related else 0.1, 0.1 * np.sin(lags))))

    found, left_out = compare_likely(pairs, whole, score.__getitem__)
    picked = picked_from(pairs)
    assert sorted(found) == sorted(done)
    assert len(done) + len(left_out) == len(pairs)
    assert not left_out & found.keys()
    assert picked == (1 if files <= FEW else files - 1)
    return sure_groups({pair: one.curve.picked(picked) for pair, one in found.items()}, range(files)), len(done)


def test_of_a_few_files_all_pairs_are_compared() -> None:
    groups, pairs = compared(FEW, dict.fromkeys(range(FEW), 0))
    assert pairs == math.comb(FEW, 2)
    assert groups == [set(range(FEW))]


@pytest.mark.parametrize("files", [20, 60])
def test_of_many_files_some_pairs_are_enough_to_reach_all(files: int) -> None:
    groups, pairs = compared(files, dict.fromkeys(range(files), 0))
    assert groups == [set(range(files))]
    assert pairs <= files * (PARTNERS + 1)


def test_files_that_are_not_placed_are_compared_with_more_of_those_that_are() -> None:
    event = {n: int(n >= 25) for n in range(40)}
    groups, pairs = compared(40, event, fooled=0.9)
    assert groups[0] == set(range(25))
    assert pairs < math.comb(40, 2)


# many events


def events(
    count: int, files: int, inner: float, like: Mapping[tuple[int, int], float]
) -> tuple[Curves, dict[int, int]]:
    """Curves of events that share nothing, but that two of them resemble each other, as each two of their files say."""
    total = count * files
    starts = {n: 5 * (n % files) for n in range(total)}
    curves = scored(dict.fromkeys(starts, 150), starts, 1, height=0.0)
    for (i, j), curve in curves.items():
        one, other = i // files, j // files
        height = inner if one == other else like.get((one, other), 0.0)
        place = starts[i] - starts[j] + (0 if one == other else 60)
        peak = height * np.exp(-0.5 * ((curve.lags - place) / 1.2) ** 2)
        curves[i, j] = LagScores(curve.first, curve.scores + peak)
    return curves, starts


def test_events_that_resemble_each_other_somewhere_are_not_joined() -> None:
    """All pairs of their files say so, and alone or with a few files that is enough; not where it is one of many."""
    curves, starts = events(6, 4, 12.0, {(0, 1): 4.5, (2, 3): 4.5})
    rates = dict.fromkeys(starts, 30.0)
    two = {n: 30.0 for n in range(8)}
    assert len(picture_groups({pair: c for pair, c in curves.items() if max(pair) < 8}, two, 30.0)) == 1
    picked = {pair: curve.picked(len(starts) - 1) for pair, curve in curves.items()}
    groups = picture_groups(picked, rates, 30.0)
    assert sorted(sorted(group.starts) for group in groups) == [list(range(n, n + 4)) for n in range(0, 24, 4)]
    assert groups[0].doubts.keys() == starts.keys() - groups[0].starts.keys()


def test_most_files_of_one_event_are_as_sure_as_a_few() -> None:
    curves, starts = events(1, 12, 7.0, {})
    picked = {pair: curve.picked(len(starts) - 1) for pair, curve in curves.items()}
    assert picture_groups(picked, dict.fromkeys(starts, 30.0), 30.0)[0].starts.keys() == starts.keys()


def test_the_best_of_many_is_less_sure_than_one_that_was_not_picked() -> None:
    curves, _ = events(1, 2, 6.5, {})
    curve = curves[0, 1]
    sure = [probability_right(curve.picked(tries), curve.best()) for tries in (1, 10, 100, 1000)]
    assert sure[0] > 0.9
    odds = [p / (calibration_for(None).most - p) for p in sure]
    assert odds[1] / odds[2] == pytest.approx(odds[2] / odds[3], rel=0.2)
    assert sure[3] < 0.5


def test_two_sides_of_a_group_are_compared_by_several_pairs() -> None:
    """One pair that looks alike joins two events, and others, which the cheap score did not name, part them."""
    curves, starts = events(3, 4, 12.0, {})
    alike = curves[0, 4]
    curves[0, 4] = LagScores(alike.first, alike.scores + 12.0 * (alike.lags == 60))

    def likely(pair: tuple[int, int]) -> float:
        return 1.0 if pair[0] // 4 == pair[1] // 4 else 0.5 if pair == (0, 4) else 0.0

    found, _ = compare_likely(list(curves), lambda pair: Compared(curves[pair]), likely)
    assert sum((i // 4, j // 4) == (0, 1) for i, j in found) >= PARTNERS
    said = {pair: one.curve.picked(picked_from(curves)) for pair, one in found.items()}
    assert len(picture_groups(said, dict.fromkeys(starts, 30.0), 30.0)[0].starts) == 4


def test_notes_and_json_say_how_many_pairs_were_compared() -> None:
    starts = {n: 9 * n for n in range(4)}
    curves = scored(dict.fromkeys(starts, 300), starts, 3)
    left_out = {(0, 3), (1, 2)}
    paths = tuple(f"cam{n}.mp4" for n in starts)
    infos = {n: ClipInfo(path, np.arange(300) / 30, 30.0) for n, path in enumerate(paths)}
    said = {pair: Compared(curve) for pair, curve in curves.items() if pair not in left_out}
    timeline = conclude(Evidence(paths, infos, {}, 30.0, said, Search(None, None), left_out=frozenset(left_out)))
    assert timeline.complete
    told = timeline.to_json()
    assert (told["pairs_compared"], told["pairs_possible"]) == (4, 6)
    pair = timeline.offset("cam0.mp4", "cam3.mp4")
    assert pair.placed
    assert pair.seconds == pytest.approx(-0.9, abs=0.05)
    assert pair.witnesses[0].code == "not_compared"


def test_a_pair_that_fits_alone_and_not_with_the_others_is_explained() -> None:
    starts = dict.fromkeys(range(4), 0)
    curves = scored(dict.fromkeys(starts, 300), starts, 7)
    rng = np.random.default_rng(1)
    for n in (0, 1, 2):  # the last file fits each of the others somewhere else
        lags = curves[n, 3].lags
        curves[n, 3] = LagScores(int(lags[0]), rng.normal(size=len(lags)) + 9.0 * (lags == 40 * n - 40))
    paths = tuple(f"cam{n}.mp4" for n in starts)
    infos = {n: ClipInfo(path, np.arange(300) / 30, 30.0) for n, path in enumerate(paths)}
    said = {pair: Compared(curve) for pair, curve in curves.items()}
    timeline = conclude(Evidence(paths, infos, {}, 30.0, said, Search(None, None)))
    assert [file.placed for file in timeline.files] == [True, True, True, False]
    assert (timeline.files[3].reason or "").startswith("fits cam0.mp4 and cam1.mp4 and cam2.mp4, but by itself")
    pair = timeline.offset("cam0.mp4", "cam3.mp4")
    assert not pair.placed
    assert pair.code == "contradicted"
    assert "by themselves they fit 1.3" in (pair.reason or "")
