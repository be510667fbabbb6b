"""The clock of frames: rates that stray time stamps do not change, stamps that start over, raw streams."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.video.numbered import number_in, numbered_frames, numbers_in, write_raw
from videosync.cues.named import find_cue
from videosync.timeline.clips import inspect, read_clip
from videosync.video.clock import frame_rate, parts_of
from videosync.video.read import probe, read_frames, read_frames_at
from videosync.video.scaled import whole_video
from videosync.video.write import write_video

EVEN = np.arange(100) / 25


def changed(places: list[int], seconds: float) -> np.ndarray:
    times = EVEN.copy()
    times[places] += seconds
    return np.sort(times)


@pytest.mark.parametrize(
    "times",
    [
        EVEN,
        changed([40], 37_600.0),
        changed([98, 99], 3300.0),
        changed([30, 60], 0.035),
        changed(list(range(50, 100)), 60.0),
        np.repeat(EVEN, 2),
    ],
    ids=["even", "one stray stamp", "two at the end", "two late frames", "a step of the clock", "each twice"],
)
@pytest.mark.parametrize("named", [None, Fraction(90_000)])
def test_stray_times_are_no_part_of_the_rate(times: np.ndarray, named: Fraction | None) -> None:
    assert frame_rate(times, named) == pytest.approx(25, abs=1e-6)


@pytest.mark.parametrize(
    ("stamps", "parts"),
    [
        (range(40), [0]),
        ([*range(5, 40), *range(30)], [0, 35]),
        ([*range(20), *range(20), *range(20)], [0, 20, 40]),
        ([*range(20), 9000, *range(20, 40)], [0]),
        ([*range(20), 0, *range(20, 40)], [0]),
        ([], [0]),
    ],
    ids=["one", "joined", "three", "one far ahead", "one far behind", "none"],
)
def test_only_a_run_of_stamps_starts_over(stamps: list[int], parts: list[int]) -> None:
    assert parts_of(stamps) == parts


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 and 80 numbered frames at 25 frames/s, joined with ``cat``; the join costs a frame or two."""
    root = tmp_path_factory.mktemp("joined")
    for name, count, first in (("a.ts", 60, 0), ("b.ts", 80, 60)):
        write_video(root / name, numbered_frames(count, first), 25, b_frames=2, gop=20)
    (root / "joined.ts").write_bytes((root / "a.ts").read_bytes() + (root / "b.ts").read_bytes())
    return root / "joined.ts"


def test_time_stamps_that_start_over_are_counted_on(joined: Path) -> None:
    info = probe(joined)
    shown = numbers_in(read_frames(joined))
    assert info.fps == whole_video(joined, (48, 64)).fps == 25
    assert not info.truncated
    assert 137 <= info.num_frames == len(shown) <= 140
    assert shown == sorted(set(shown))
    assert info.times - info.times[0] == pytest.approx(np.array(shown) / 25, abs=1e-3)
    assert numbers_in(read_frames_at(joined, [100, 3, 70])) == [shown[100], shown[3], shown[70]]
    assert info.clock is not None
    assert "start over at 2.4" in info.clock


def test_of_joined_files_only_the_first_part_is_compared(joined: Path) -> None:
    """How much is missing between the parts is not known."""
    info = inspect(joined)
    assert 58 <= len(info.times) <= 60
    assert info.fps == 25
    (warning,) = info.warnings
    assert warning.code == "time_stamps"
    assert "start over at 2.4" in warning.text
    assert "cut off" not in warning.text
    assert len(read_clip(info, 25, find_cue("motion").meters())) == len(info.times)


@pytest.mark.parametrize(("says", "rate"), [(1, 30), (0, 25)])
def test_a_raw_stream_has_the_rate_that_it_names(tmp_path: Path, says: int, rate: int) -> None:
    path = tmp_path / "v.hevc"
    silent = {"x265-params": f"vui-timing-info={says}:log-level=error"}
    write_video(path, numbered_frames(20), 30, codec="libx265", options=silent)
    info = probe(path)
    assert info.fps == rate
    assert (info.clock is None) is bool(says)
    said = [warning.text for warning in inspect(path).warnings]
    assert says or "25 frames/s are assumed" in said[0]


def test_frames_long_after_the_others_are_left_out_and_named(tmp_path: Path) -> None:
    path = tmp_path / "late.mp4"
    write_raw(path, 60, ticks=[*range(58), 99_000, 99_001])
    info = inspect(path)
    assert len(info.times) == 58
    assert info.fps == probe(path).fps == 30
    (warning,) = info.warnings
    assert warning.code == "time_stamps"
    assert "what comes later is left out: 2 of 60 frames" in warning.text
    assert number_in(read_frames(path, 59, 60)[0]) == 59  # who reads frames has them all


@pytest.mark.parametrize(("early", "said"), [(1, "its first frame lie"), (2, "its first 2 frames lie")])
def test_frames_long_before_the_others_are_named(tmp_path: Path, early: int, said: str) -> None:
    path = tmp_path / "early.mp4"
    write_raw(path, 60, ticks=[*range(early), *range(99_000, 99_060 - early)])
    (warning,) = inspect(path).warnings
    assert f"the time stamps of {said}" in warning.text


def test_a_file_that_is_cut_off_is_named_so(tmp_path: Path) -> None:
    path = tmp_path / "cut.mkv"
    write_video(path, numbered_frames(60), 30)
    path.write_bytes(path.read_bytes()[: int(0.6 * path.stat().st_size)])
    (warning,) = inspect(path).warnings
    assert warning.code == "cut_off"
    assert warning.text.startswith(f"{path} is cut off after")
