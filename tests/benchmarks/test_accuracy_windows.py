from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.accuracy.windows import Length, Trial, draw_trials, group_samples, keyframe_marks, read_data
from videosync.data.manifest import Manifest, Sample, View
from videosync.errors import ConfigError, ManifestError
from videosync.types import Window


def view(name: str, frames: int, start: int = 0, fps: float = 25.0) -> View:
    return View(f"{name}.mp4", start, frames, fps)


def drawn(root: Path, *lengths: str, windows: int = 40, seed: int = 0, max_offset: int = 10) -> list[Trial]:
    trials, _ = draw_trials(
        group_samples(read_data([root]), None), [Length(name) for name in lengths], max_offset=max_offset,
        windows=windows, seed=seed, longest=3000,
    )  # fmt: skip
    return trials


def test_windows_of_a_pair_have_equal_length_and_the_offset_their_places_say(two_cameras: Path) -> None:
    trials = drawn(two_cameras, "60", "native")
    assert {trial.length for trial in trials} == {"60", "native"}
    for trial in trials:
        pair = trial.pair
        assert pair.window0.num_frames == pair.window1.num_frames
        assert pair.offset == pair.window0.start - pair.window1.start - 4  # cam1 started 4 frames later
        assert abs(pair.offset) <= trial.search
        for window in (pair.window0, pair.window1):
            assert 0 <= window.start <= 110 - window.num_frames


def test_the_same_seed_draws_the_same_windows_whatever_else_is_asked(two_cameras: Path) -> None:
    alone = drawn(two_cameras, "60", windows=2)
    beside = [trial for trial in drawn(two_cameras, "native", "60", windows=3) if trial.length == "60"]
    assert {trial.pair.pair_id: trial.pair for trial in alone}.items() <= {
        trial.pair.pair_id: trial.pair for trial in beside
    }.items()
    assert [t.pair for t in drawn(two_cameras, "60", seed=1)] != [t.pair for t in drawn(two_cameras, "60")]


@pytest.mark.parametrize(
    ("length", "frames0", "frames1", "expected"),
    [
        ("60", 200, 200, (60, 30)),
        ("fit240", 400, 400, (240, 30)),
        ("fit240", 100, 100, (60, 30)),
        ("fit240", 57, 57, (34, 17)),
        ("native", 90, 90, (60, 30)),
        ("native", 900, 900, (500, 250)),  # cut to --longest
    ],
)
def test_how_long_windows_are(length: str, frames0: int, frames1: int, expected: tuple[int, int]) -> None:
    assert Length(length).window(view("a", frames0), view("b", frames1), 30, 500) == expected


def test_native_windows_have_room_for_their_offsets_whatever_the_starts() -> None:
    frames, search = Length("native").window(view("a", 190, 20), view("b", 190, 0), 30, 3000)
    assert frames == 2 * 170 // 3
    assert search >= frames // 2 - 1


@pytest.mark.parametrize(
    ("length", "view1", "words"),
    [
        ("240", view("b", 250), "250 frames leave no room for 240"),
        ("60", view("b", 100, 500), "no moment in common"),
        ("native", view("b", 8), "too few to choose from"),
    ],
)
def test_clips_without_room_are_left_out_with_the_reason(length: str, view1: View, words: str) -> None:
    with pytest.raises(ManifestError, match=words):
        Length(length).window(view("a", 250), view1, 30, 3000)


def test_pairs_of_other_rates_are_left_out_and_said(two_cameras: Path) -> None:
    (manifest,) = read_data([two_cameras])
    first = manifest.samples[0]
    odd = Sample("odd", "val", (first.views[0], replace(first.views[1], fps=30.0)))
    groups = group_samples([Manifest(manifest.root, (first, odd))], None)
    _, left_out = draw_trials(groups, [Length("60")], max_offset=10, windows=1, seed=0, longest=3000)
    assert [(entry.group, entry.reason) for entry in left_out] == [("odd", "25 and 30 frames/s")]


def test_nothing_that_fits_is_one_sentence(two_cameras: Path) -> None:
    with pytest.raises(ManifestError, match=r"no pair of views has windows .* lower --length"):
        drawn(two_cameras, "500")


def test_sets_are_events_that_differ_in_their_last_number_only() -> None:
    def sample(event: str) -> Sample:
        return Sample(event, "val", (view(f"{event}/a", 50), view(f"{event}/b", 50)))

    single = Sample("alone", "val", (view("alone/a", 50),))
    mixed = Manifest(Path("/x/mixed"), (*map(sample, ["run_1", "run_2", "hall_7"]), single))
    made = Manifest(Path("/x/made"), tuple(map(sample, ["train_0000", "train_0001"])))
    groups = group_samples([mixed, made], None)
    assert {name: [s.event for _, s in members] for name, members in groups.items()} == {
        "run": ["run_1", "run_2"],
        "hall_7": ["hall_7"],
        "made": ["train_0000", "train_0001"],
    }


def test_a_split_that_is_not_there_is_named_with_the_nearest(two_cameras: Path) -> None:
    with pytest.raises(ManifestError, match=r"split 'vall' \(there are 'val'\)\. Did you mean 'val'\?"):
        group_samples(read_data([two_cameras]), "vall")


@pytest.mark.parametrize("name", ["0", "-5", "nativ", "fit", "12.5"])
def test_a_length_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"--length {name}: expected"):
        Length(name)


def test_keyframes_of_a_window(two_cameras: Path) -> None:
    marks = keyframe_marks(Window(str(two_cameras / "jump/cam0.mp4"), 37, 50, 25.0))
    assert np.flatnonzero(marks).tolist() == [37]  # frame 74; the window's own first frame does not count
