"""Sync pairs: equal length, uniform labels, nothing in the positions that gives the label's sign away."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from videosync.data.manifest import Manifest, Sample, View
from videosync.data.pairs import sync_pairs
from videosync.errors import ConfigError, ManifestError

ROOT = Path("/data/set")


def event(name, starts=(0, 0), frames=(100, 100), split="val", fps=30.0):
    views = tuple(View(f"{name}/cam{i}.mp4", s, n, fps) for i, (s, n) in enumerate(zip(starts, frames)))
    return Sample(name, split, views)


OPTIONS = {"split": "val", "num_frames": 60, "max_offset": 10, "placement": "random", "windows": 1, "seed": 0}


def pairs_of(*samples, **options):
    return sync_pairs(Manifest(ROOT, samples), **(OPTIONS | options))


def start_of(sample, window):
    return next(v.start_frame for v in sample.views if window.video == str(ROOT / v.video))


def test_label_is_what_the_windows_say_and_windows_lie_inside_their_files():
    samples = [event(f"e{i}", starts=(i % 7, (3 * i) % 11), frames=(90 + i % 5, 100)) for i in range(60)]
    pairs = pairs_of(*samples, windows=3)
    assert len(pairs) == 180
    for pair in pairs:
        source = next(s for s in samples if s.event == pair.event)
        t0 = start_of(source, pair.window0) + pair.window0.start
        t1 = start_of(source, pair.window1) + pair.window1.start
        assert pair.offset == t0 - t1
        assert abs(pair.offset) <= 10
        for window, v in zip((pair.window0, pair.window1), source.views):
            assert window.num_frames == 60
            assert 0 <= window.start <= v.num_frames - 60


@pytest.fixture(scope="module")
def many():
    """4200 pairs of clips of 80 frames that began together."""
    return pairs_of(*(event(f"e{i}", frames=(80, 80)) for i in range(300)), windows=14)


def test_labels_are_uniform_over_the_symmetric_range(many):
    counts = np.bincount([pair.offset + 10 for pair in many], minlength=21)
    assert len(counts) == 21
    expected = len(many) / 21  # 200
    chi2 = ((counts - expected) ** 2 / expected).sum()
    assert chi2 < 45.3  # the 99.9 % point of chi-squared with 20 degrees of freedom


def test_positions_say_nothing_about_the_sign_of_the_label(many):
    k = np.array([pair.offset for pair in many])
    middle = np.array([(pair.window0.start + pair.window1.start) / 2 for pair in many])
    assert abs(np.corrcoef(middle, k)[0, 1]) < 0.05  # standard error 1 / sqrt(4200) = 0.015
    given = Counter(pair.window0.start for pair in many if pair.offset == 5)  # uniform over 5 … 20
    assert set(given) == set(range(5, 21))


@pytest.mark.parametrize(
    ("starts", "frames", "max_offset", "expected"),
    [
        ((0, 0), (64, 66), 30, range(-4, 5)),  # trimmed together: 64 - 60 frames of room on the smaller side
        ((8, 0), (62, 63), 10, range(5, 11)),  # far from zero where the clips have no others
    ],
)
def test_offsets_are_those_that_short_clips_have_room_for(starts, frames, max_offset, expected):
    pairs = pairs_of(*(event(f"e{i}", starts, frames) for i in range(200)), max_offset=max_offset)
    assert {pair.offset for pair in pairs} == set(expected)


def test_swapped_views_give_the_same_windows_and_minus_k():
    samples = [event(f"e{i}", starts=(0, i), frames=(100, 97)) for i in range(20)]
    swapped = [Sample(s.event, s.split, s.views[::-1]) for s in samples]
    for pair, mirror in zip(pairs_of(*samples, windows=3), pairs_of(*swapped, windows=3)):
        assert (pair.window0, pair.window1) == (mirror.window1, mirror.window0)
        assert pair.offset == -mirror.offset


def test_a_pair_depends_on_its_own_line_alone():
    samples = [event(f"e{i}", starts=(0, 2, 4), frames=(100, 90, 95)) for i in range(5)]
    everything = {pair.pair_id: pair for pair in pairs_of(*samples, windows=3)}
    fewer = pairs_of(*reversed(samples[1:]), event("new"), windows=2)
    assert all(everything[pair.pair_id] == pair for pair in fewer if pair.event != "new")
    other_seed = pairs_of(*samples, windows=3, seed=1)
    assert [p.offset for p in other_seed] != [p.offset for p in pairs_of(*samples, windows=3)]


def test_all_view_pairs_once_with_unique_ids():
    parts = [Sample("p", "val", tuple(View(f"p/{n}/cam{i}.mp4", 0, 100, 30.0) for i in range(2))) for n in "01"]
    pairs = pairs_of(event("a", starts=(0,) * 4, frames=(99,) * 4), event("b"), *parts, windows=2)
    assert len({pair.pair_id for pair in pairs}) == len(pairs) == 2 * (6 + 1 + 2)
    assert pairs[0].pair_id == "a/cam0-cam1/0"
    assert pairs[0].window0.video == str(ROOT / "a/cam0.mp4")
    assert {pair.window0.video for pair in pairs[-4:]} == {str(ROOT / f"p/{n}/cam0.mp4") for n in "01"}


def test_start_placement():
    pairs = pairs_of(event("a", starts=(7, 0)), event("b", frames=(40, 100)), placement="start", windows=5)
    assert [pair.offset for pair in pairs] == [7, 0]
    assert [pair.window0.num_frames for pair in pairs] == [60, 40]  # common length: both clips are cut to it
    assert all(pair.window0.start == pair.window1.start == 0 for pair in pairs)
    with pytest.raises(ManifestError, match="11 frames apart"):
        pairs_of(event("a", starts=(11, 0)), placement="start")


NTSC = 30000 / 1001


@pytest.mark.parametrize(("fps", "num_frames"), [((30.0, NTSC), 240), ((NTSC, 30.0), 60), ((30.0, 29.9), 60)])
def test_windows_of_unlike_rates_go_by_time(fps, num_frames):
    """Frame i of window 0 shows the moment of frame i + k of window 1, within half a frame, also after minutes."""
    views = tuple(View(f"e/cam{i}.mp4", 7 * i, 8700, rate) for i, rate in enumerate(fps))
    options = {"num_frames": num_frames, "max_offset": 30, "windows": 300}
    pairs = pairs_of(Sample("e", "val", views), **options)
    assert max(pair.window0.start for pair in pairs) > 8000
    assert len({pair.offset for pair in pairs}) > 50
    assert max(abs(pair.offset) for pair in pairs) <= 30
    frames = np.arange(num_frames)
    for pair in pairs:
        windows = zip(views, (pair.window0, pair.window1))
        moments = [(view.start_frame + window.start + frames) / view.fps for view, window in windows]
        both = frames[(frames + pair.offset >= 0) & (frames + pair.offset < num_frames)]
        apart = moments[0][both] - moments[1][both + pair.offset]  # seconds
        assert np.abs(apart).max() <= 0.501 / 29.9
    swapped = pairs_of(Sample("e", "val", views[::-1]), **options)
    assert [p.offset for p in swapped] == [-p.offset for p in pairs]
    assert [(p.window1, p.window0) for p in swapped] == [(p.window0, p.window1) for p in pairs]


def test_clips_of_unlike_rates_that_begin_together_have_offset_0():
    """After 290 s the numbers of the same moment are 9 frames apart."""
    views = (View("l.mp4", 8700, 240, 30.0), View("r.mp4", 8691, 240, NTSC))
    (pair,) = pairs_of(Sample("e", "val", views), num_frames=240, placement="start")
    assert pair.offset == 0
    long = tuple(View(view.video, view.start_frame, 600, view.fps) for view in views)
    with pytest.raises(ManifestError, match="part by 0.6 frames within 600"):
        pairs_of(Sample("e", "val", long), num_frames=600, placement="start")


def test_too_short_clips_are_counted_and_named():
    samples = [event(f"short{i}", frames=(59, 100)) for i in range(5)]
    with pytest.raises(ManifestError) as error:
        pairs_of(event("long"), *samples)
    for part in (
        "5 of 6 pairs of split 'val'",
        "short0/cam0-cam1 (59 frames)",
        "lower pairs.num_frames (or raise pairs.max_offset)",
    ):
        assert part in str(error.value)
    assert "short4" not in str(error.value)


def test_a_single_view_is_no_pair():
    alone = event("a", starts=(0,), frames=(100,))
    with pytest.raises(ManifestError, match="two views of one event"):
        pairs_of(alone)
    assert len(pairs_of(alone, event("b"))) == 1


MIXED = Sample("m", "val", (View("l.mp4", 0, 100, 25.0), View("r.mp4", 0, 100, 30.0)))


@pytest.mark.parametrize(
    ("sample", "options", "error", "said"),
    [
        (MIXED, {}, ManifestError, "25 and 30 frames/s, which part by 10.0 frames within 60"),
        (event("a", starts=(51, 0)), {}, ManifestError, "no windows within 10 frames"),
        (event("a"), {"num_frames": 0}, ConfigError, "num_frames"),
        (event("a"), {"windows": 0}, ConfigError, "windows"),
        (event("a"), {"max_offset": 60}, ConfigError, "max_offset"),
        (event("a"), {"max_offset": -1}, ConfigError, "max_offset"),
    ],
)
def test_views_and_numbers_that_do_not_fit(sample, options, error, said):
    with pytest.raises(error, match=said):
        pairs_of(sample, **options)
