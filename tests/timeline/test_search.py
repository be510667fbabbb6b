"""Two files: ranges that leave enough overlap, one clock for all frame rates, and the answer from real pixels."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import videosync
from tests.video.numbered import write_raw
from videosync.cues import DEFAULT_CUE
from videosync.cues.evidence import scores_with_evidence
from videosync.cues.named import find_cue
from videosync.errors import VideoError
from videosync.models.clip_encoder import shipped_encoder
from videosync.timeline.clips import ClipInfo, inspect, on_grid, read_clip
from videosync.timeline.grid import resampled_to as averaged
from videosync.timeline.progress import COMPARING, OPENING, SOLVING, STEPS
from videosync.timeline.search import lag_range
from videosync.video.read import read_frames
from videosync.video.write import write_video

Event = tuple[list[Path], list[int]]


def seconds(event: Event, i: int, j: int) -> float:
    return (event[1][i] - event[1][j]) / 30


# ranges


def test_all_offsets_that_leave_a_quarter_of_the_shorter_clip() -> None:
    lags = lag_range(200, 300, 30.0)
    assert lags is not None
    assert (lags[0], lags[-1]) == (50 - 200, 300 - 50)


@pytest.mark.parametrize(("frames", "overlap"), [(40, 20), (60, 30), (90, 30), (3600, 300)])
def test_the_least_overlap_has_bounds(frames: int, overlap: int) -> None:
    """30 frames or half of the clip at least, 10 seconds at most."""
    lags = lag_range(frames, frames, 30.0)
    assert lags is not None
    assert lags[-1] == frames - overlap


def test_options_narrow_and_widen_the_range() -> None:
    assert lag_range(200, 200, 30.0, max_offset=1.0) == range(-30, 31)
    assert lag_range(200, 200, 30.0, min_overlap=4.0) == range(-80, 81)
    assert lag_range(15, 200, 30.0) is None
    assert lag_range(200, 200, 30.0, min_overlap=10.0) is None


def test_ranges_of_swapped_clips_are_mirrored() -> None:
    one, other = lag_range(120, 300, 30.0, max_offset=5), lag_range(300, 120, 30.0, max_offset=5)
    assert one is not None
    assert other is not None
    assert (one[0], one[-1]) == (-other[-1], -other[0])


# clocks


def test_an_even_clock_may_be_rounded_but_not_drift_or_stutter() -> None:
    even = np.arange(600) / 30
    assert on_grid(np.round(even, 3), 30.0)
    assert not on_grid(even * 1.001, 30.0)  # 29.97: 0.6 frames over 20 s
    assert not on_grid(even + 0.01 * (np.arange(600) % 7 == 3), 30.0)


def test_a_signal_keeps_its_moments_on_another_grid() -> None:
    """What 50 and 30 frames/s measure of one motion lies at the same grid times, also for differences of 8 frames."""
    grid = np.arange(100) / 30

    def measured(rate: float, reach: int) -> np.ndarray:
        times = np.arange(int(3.5 * rate)) / rate
        return np.sin(3 * (times - reach / rate / 2))[:, None]  # motion seen halfway back

    for reach in (1, 8):
        fast = averaged(grid, np.arange(175) / 50, measured(50, reach), np.array([float(reach)]))
        slow = measured(30, reach)[:100]
        assert np.abs(fast - slow)[8:-8].max() < 0.01


def test_a_constant_signal_stays_constant() -> None:
    times = np.sort(np.random.default_rng(0).uniform(0, 3, 80))
    there = averaged(np.arange(120) / 30, times, np.full((80, 2), 7.0), np.ones(2))
    assert there == pytest.approx(np.full((120, 2), 7.0))


# pixels


def test_the_offset_of_two_files_and_its_negative_when_swapped(event: Event) -> None:
    paths = event[0][:2]
    one = videosync.sync(paths)
    assert one.complete
    estimate = one.offset(str(paths[0]), str(paths[1]))
    assert estimate.seconds == pytest.approx(seconds(event, 0, 1), abs=0.5 / 30)
    assert estimate.interval_seconds is not None
    assert estimate.interval_seconds[0] < seconds(event, 0, 1) < estimate.interval_seconds[1]
    other = videosync.sync(paths[::-1])
    assert other.offset(str(paths[1]), str(paths[0])).seconds == -estimate.seconds
    assert other.pairs[0].confidence == estimate.confidence


def test_the_order_of_files_changes_nothing_but_the_order_of_answers(event: Event) -> None:
    paths = event[0]
    one, other = videosync.sync(paths), videosync.sync([paths[2], paths[0], paths[1]])
    starts = {f.path: f.start_seconds for f in one.files}
    assert one.reference == other.reference
    for file in other.files:  # three starts are solved for in the order of the files: alike but for rounding
        assert file.start_seconds == pytest.approx(starts[file.path], abs=1e-9)
    true = np.array(event[1]) / 30
    found = np.array([starts[str(path)] for path in paths])
    assert np.abs((found - found[0]) - (true - true[0])).max() < 1 / 30


def test_the_reference_starts_at_zero(event: Event) -> None:
    late = int(np.argmax(event[1]))
    timeline = videosync.sync(event[0], reference=event[0][late])
    assert timeline.reference == str(event[0][late])
    assert timeline.files[late].start_seconds == 0
    assert min(f.start_seconds or 0 for f in timeline.files) < 0


def test_another_frame_rate_and_another_length(event: Event, tmp_path: Path) -> None:
    """Every second frame of camera 0, from its tenth on, against camera 1 as it is."""
    frames = read_frames(event[0][0], 10, 170)[::2]
    write_video(tmp_path / "half.mp4", frames, 15.0)
    timeline = videosync.sync([tmp_path / "half.mp4", event[0][1]])
    assert timeline.complete
    assert timeline.pairs[0].fps == 15
    assert timeline.pairs[0].seconds == pytest.approx(seconds(event, 0, 1) + 10 / 30, abs=1 / 30)
    starts = [(f.start_seconds or 0) * fps for f, fps in zip(timeline.files, (15, 30))]
    assert [f.start_frame for f in timeline.files] == pytest.approx(starts)


def test_a_variable_frame_rate_is_read_by_presentation_times(event: Event, tmp_path: Path) -> None:
    """A phone that drops every fifth frame."""
    import av

    kept = [n for n in range(180) if n % 5 != 3]
    frames = read_frames(event[0][0])
    path = tmp_path / "phone.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for n in kept:
            picture = av.VideoFrame.from_ndarray(frames[n], format="rgb24")
            picture.pts = n
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    timeline = videosync.sync([path, event[0][1]])
    assert timeline.complete
    assert timeline.pairs[0].seconds == pytest.approx(seconds(event, 0, 1), abs=1.5 / 30)


def test_files_of_different_events_are_refused(event: Event, tmp_path: Path) -> None:
    frames = read_frames(event[0][1])
    order = np.random.default_rng(3).permutation(len(frames) // 6)  # pieces of 6 frames in another order
    write_video(tmp_path / "other.mp4", np.concatenate([frames[6 * n : 6 * n + 6] for n in order]), 30.0)
    timeline = videosync.sync([event[0][0], tmp_path / "other.mp4"])
    assert not any(f.placed for f in timeline.files)
    assert timeline.reference is None
    assert all(f.reason for f in timeline.files)


def test_a_still_and_a_short_file_are_named_and_the_others_go_on(event: Event, tmp_path: Path) -> None:
    frames = read_frames(event[0][2])
    write_video(tmp_path / "still.mp4", np.repeat(frames[:1], 90, axis=0), 30.0)
    write_video(tmp_path / "short.mp4", frames[:12], 30.0)
    timeline = videosync.sync([*event[0][:2], tmp_path / "still.mp4", tmp_path / "short.mp4"])
    assert [f.placed for f in timeline.files] == [True, True, False, False]
    assert "nothing moves" in (timeline.files[2].reason or "")
    assert "too short: 0.40 s" in (timeline.files[3].reason or "")


def test_scores_of_swapped_clips_are_reversed_to_the_last_bit(event: Event) -> None:
    cue = find_cue(DEFAULT_CUE, shipped_encoder())
    clips = [read_clip(inspect(path), 30.0, cue.meters()).signals for path in event[0][:2]]
    curve = scores_with_evidence(cue, *clips, range(-50, 41))
    back = scores_with_evidence(cue, *clips[::-1], range(-40, 51))
    assert (curve.scores == back.scores[::-1]).all()


def test_progress_counts_every_frame_of_every_file(event: Event) -> None:
    seen: dict[str, int] = {}
    videosync.sync(event[0][:2], progress=lambda path, done, total: seen.update({path: done}))
    assert {what: done for what, done in seen.items() if what not in STEPS} == {str(path): 180 for path in event[0][:2]}
    assert {what: done for what, done in seen.items() if what in STEPS} == {OPENING: 2, COMPARING: 1, SOLVING: 1}


def test_wrong_input_is_one_sentence(event: Event, tmp_path: Path) -> None:
    one, two = event[0][:2]
    os.link(one, tmp_path / "again.mp4")
    (tmp_path / "empty").mkdir()
    for videos, sentence in [
        ([], "none was given"),
        ([one], "only .*cam0.mp4 was given"),
        ([one, tmp_path / "gone.mp4"], "gone.mp4: cannot be read"),
        ([one, tmp_path / "empty"], "is a folder without videos"),
        ([one, two, one], "cam0.mp4: was given twice"),
        ([one, tmp_path / "again.mp4"], "given twice .also as"),
    ]:
        with pytest.raises(VideoError, match=sentence):
            videosync.sync(videos)
    with pytest.raises(VideoError, match="must be one of the videos"):
        videosync.sync([one, two], reference=event[0][2])
    with pytest.raises(ValueError, match="max_offset"):
        videosync.sync([one, two], max_offset=0)


def test_the_duration_holds_the_last_frame() -> None:
    assert ClipInfo("a", np.arange(30) / 30, 30.0).duration == pytest.approx(1.0)


STRAY_STAMPS = {"the last far ahead": [*range(89), 1_000_000], "two at the end": [*range(88), 99_000, 99_001]}


@pytest.mark.slow
@pytest.mark.parametrize("stamps", STRAY_STAMPS.values(), ids=list(STRAY_STAMPS))
def test_a_file_with_stray_time_stamps_changes_nothing_for_two_others(
    event: Event, tmp_path: Path, stamps: list[int]
) -> None:
    odd = tmp_path / "odd.mp4"
    write_raw(odd, 90, ticks=stamps)
    pair = videosync.sync(event[0][:2], cue="motion")
    group = videosync.sync([*event[0][:2], odd], cue="motion")
    assert pair.complete
    assert group.files[2].fps == 30
    assert [file.placed for file in group.files[:2]] == [True, True]
    assert group.pairs[0].seconds == pytest.approx(pair.pairs[0].seconds, abs=0.02)


def test_products_of_matrices_take_one_thread(event: Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads wait for each other where a machine is busy, for longer than so small products take."""

    def threads() -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    seen: list[set[int]] = []

    def noted(*arguments: object, **more: object) -> None:
        seen.append(threads())

    monkeypatch.setattr("videosync.timeline.partners.compare", noted)
    with threadpool_limits(limits=2, user_api="blas"):
        usual = threads()
        videosync.sync(event[0][:2])
        assert threads() == usual
    assert seen == [{1}]
