"""Files of unlike rates and odd time stamps: none of them changes what is said of two others."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import videosync
from dataset_preparation.synthetic.event import Settings, make_event
from tests.timeline.test_placement import curve
from tests.video.numbered import write_raw
from videosync.cues.evidence import scores_with_evidence
from videosync.cues.named import find_cue
from videosync.lags.scores import LagScores
from videosync.signals.measure import UNSEEN
from videosync.timeline import damage
from videosync.timeline.clips import ClipInfo, inspect, read_clip, read_clips
from videosync.timeline.joint import picture_groups
from videosync.timeline.rates import grid_rates
from videosync.timeline.result import Timeline
from videosync.video.read import read_frames
from videosync.video.write import write_video

Event = tuple[list[Path], list[int]]
STEADY = list(range(180))
AWAY = 37_600 * 30  # ticks of 1/30 s

ODD: dict[str, tuple[slice, Sequence[int], Fraction]] = {  # which frames, their ticks, how long a tick is
    "1 frame/s": (slice(None, None, 6), range(0, 900, 30), Fraction(1, 30)),
    "0.5 frames/s": (slice(None, None, 9), range(0, 1200, 60), Fraction(1, 30)),
    "two frames": (slice(2), (0, 1), Fraction(1, 30)),
    "a stray stamp": (slice(None), [*STEADY[:-1], AWAY], Fraction(1, 30)),
    "an early stamp": (slice(None), [0, *range(AWAY, AWAY + 179)], Fraction(1, 30)),
    "a step of the clock": (slice(None), [t + 1800 * (t >= 90) for t in STEADY], Fraction(1, 30)),
    "a step of years": (slice(None), [t + 1_000_000_000 * (t >= 90) for t in STEADY], Fraction(1, 30)),
    "a gap": (slice(120), [t + 60 * (t >= 50) for t in STEADY[:120]], Fraction(1, 30)),
    "frames lost": (slice(160), [t for t in STEADY if t % 9 != 4][:160], Fraction(1, 30)),
    "a held last frame": (slice(None), [*STEADY[:-1], 3180], Fraction(1, 30)),
    "250 frames/s": (slice(None), STEADY, Fraction(1, 250)),
    "12 frames/s": (slice(None), STEADY, Fraction(1, 12)),
}
QUICK = ("1 frame/s", "two frames", "a stray stamp", "a gap")  # those of the quick tests


@pytest.fixture(scope="module")
def good(event: Event) -> Timeline:
    return videosync.sync(event[0][:2])


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """A camera of another event: uint8 [180,64,64,3]."""
    root = tmp_path_factory.mktemp("stranger")
    settings = Settings(views=2, frames=180, size=64, offset_range=1, distractors=0, static_share=0.0, seed=12)
    return read_frames(root / make_event(root, "train", 0, settings)["views"][0]["video"])


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=[pytest.mark.slow] * (kind not in QUICK)) for kind in ODD])
def test_an_odd_file_changes_nothing_for_others(
    kind: str, event: Event, good: Timeline, stranger: np.ndarray, tmp_path: Path
) -> None:
    frames, ticks, time_base = ODD[kind]
    write_raw(tmp_path / "odd.mkv", list(stranger[frames]), ticks=list(ticks), time_base=time_base)
    paths = event[0][:2]
    found = videosync.sync([tmp_path / "odd.mkv", *paths])
    before, after = good.pairs[0], found.offset(str(paths[0]), str(paths[1]))
    assert before.placed
    assert after.placed
    assert after.seconds == pytest.approx(before.seconds, abs=1e-9)
    assert after.interval_seconds == pytest.approx(before.interval_seconds, abs=1e-9)
    assert after.confidence == pytest.approx(before.confidence, abs=1e-9)
    assert not found.files[0].placed


def test_the_reason_of_a_slow_file_is_its_rate(event: Event, tmp_path: Path) -> None:
    frames = read_frames(event[0][2])
    write_raw(tmp_path / "slow.mp4", list(frames[::15]), ticks=range(0, 180, 15))
    write_raw(tmp_path / "slower.mp4", list(frames[::6]), ticks=range(0, 1800, 60))
    found = videosync.sync([*event[0][:2], tmp_path / "slow.mp4", tmp_path / "slower.mp4"])
    slow, slower = found.files[2:]
    assert slow.reason == "too short: 6.00 s at 2 frames/s, and at least 10.00 s are needed"
    assert slower.code == "low_rate"
    assert slower.reason is not None
    assert slower.reason.startswith(
        "its rate of 0.5 frames/s is too low to compare it with videos of 30: of the 6 s that they share at most it "
        "has 3 frames; a copy with more frames/s would help"
    )
    pair = found.offset(str(event[0][0]), str(tmp_path / "slower.mp4"))
    assert pair.code == "low_rate"
    assert (pair.reason or "").startswith("slower.mp4: its rate of 0.5 frames/s")
    (fast, _) = videosync.sync([event[0][0], tmp_path / "slower.mp4"]).files
    assert fast.reason is not None
    assert fast.reason.startswith("no other video has enough frames/s to compare it with: 0.5 at most, and it has 30")


def test_slow_files_are_tied_to_fast_ones(event: Event, good: Timeline, tmp_path: Path) -> None:
    """Three cameras at 30 frames/s, and one of them at 10, brought onto one timeline."""
    paths, starts = event
    write_raw(tmp_path / "slow.mp4", list(read_frames(paths[2])[::3]), ticks=range(0, 180, 3))
    found = videosync.sync([tmp_path / "slow.mp4", *paths[:2]])
    after = found.offset(str(paths[0]), str(paths[1]))
    assert (after.seconds, after.confidence) == pytest.approx((good.pairs[0].seconds, good.pairs[0].confidence))
    assert found.files[0].placed
    away = found.offset(str(tmp_path / "slow.mp4"), str(paths[0]))
    assert away.seconds == pytest.approx((starts[2] - starts[0]) / 30, abs=0.05)
    assert away.interval_seconds is not None
    assert np.ptp(away.interval_seconds) > 2 * np.ptp(after.interval_seconds or (0, 0))


def test_what_several_rates_need_is_measured_in_one_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "clip.mp4"
    rng = np.random.default_rng(0)
    write_video(path, rng.integers(0, 255, (90, 48, 64, 3), dtype=np.uint8), 30.0, gop=20)
    meters, info = find_cue("motion").meters(), inspect(path)
    alone = {rate: read_clip(info, rate, meters) for rate in (30.0, 24.0, 10.0)}
    passes = itertools.count()
    decode = damage.iter_frames
    monkeypatch.setattr(damage, "iter_frames", lambda *args, **kwargs: (next(passes), decode(*args, **kwargs))[1])
    together = read_clips(info, alone, meters)
    assert next(passes) == 1
    for rate, clip in alone.items():
        assert clip.rate == together[rate].rate == rate
        for name, signal in clip.signals.items():
            np.testing.assert_array_equal(together[rate].signals[name], signal)


def test_rates_that_are_nearly_one_share_a_grid() -> None:
    rates = (30.0, 25.0, 29.97, 1.0, 24.0, 30.0)
    infos = {n: ClipInfo(str(n), np.arange(90) / fps, fps) for n, fps in enumerate(rates)}
    assert grid_rates(infos) == dict(enumerate((29.97, 25.0, 29.97, 1.0, 24.0, 29.97)))


# gaps


def test_a_gap_is_a_straight_line_and_no_evidence(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (60, 48, 64, 3), dtype=np.uint8)
    frames[30:] //= 4  # what is shown after the gap differs much from what was before
    write_raw(tmp_path / "gap.mkv", list(frames), ticks=[t + 90 * (t >= 30) for t in range(60)])
    clip = read_clip(inspect(tmp_path / "gap.mkv"), 30.0, find_cue("motion").meters())
    assert len(clip) == 150
    unseen = clip.signals[UNSEEN][:, 0]
    assert (np.flatnonzero(unseen)[[0, -1]] == (30, 119 + 1)).all() or unseen.sum() in (90, 91)
    for name in ("energy1248", "cells"):
        inside = clip.signals[name][32:118]
        np.testing.assert_allclose(np.diff(inside, 2, axis=0), 0, atol=1e-4)


def clip_with_gap(seed: int, gap: slice) -> dict[str, np.ndarray]:
    """Signals of the cue "motion" [300, …] that are noise, but for a straight line in the gap."""
    rng = np.random.default_rng(seed)
    found = {}
    channels = {"energy1248": 4, "energy": 1, "area": 1, "posneg": 2, "sgrid": 6, "cells": 64, "lines": 288}
    for name, columns in channels.items():
        signal = rng.normal(size=(300, columns)).cumsum(axis=0) * 0.3 + rng.normal(size=(300, columns))
        length = gap.stop - gap.start
        signal[gap] = np.linspace(signal[gap.start - 1], signal[gap.stop], length)
        found[name] = signal.astype(np.float32)
    found["camera"] = np.zeros((300, 1), np.float32)
    found[UNSEEN] = np.zeros((300, 1), np.float32)
    found[UNSEEN][gap] = 1
    return found


def test_gaps_at_one_place_of_two_files_do_not_draw_the_answer_there() -> None:
    found: dict[str, tuple[list[float], list[float]]] = {"motion": ([], []), "cells": ([], [])}
    for seed in range(12):
        pair = [clip_with_gap(2 * seed + n, slice(100, 190)) for n in range(2)]
        bare = [{name: signal for name, signal in clip.items() if name != UNSEEN} for clip in pair]
        for name, (at_gap, unmarked) in found.items():
            for clips, scores in ((pair, at_gap), (bare, unmarked)):
                scores.append(scores_with_evidence(find_cue(name), *clips, range(-150, 151)).at(0))
    for at_gap, _ in found.values():
        assert abs(np.mean(at_gap)) < 1.2
    at_gap, unmarked = found["cells"]
    assert np.mean(unmarked) > np.mean(at_gap) + 1


@pytest.mark.parametrize("jump", [60, 240])  # ticks of 1/30 s
@pytest.mark.parametrize("at", [60, 95])
def test_where_a_clock_is_set_no_time_passes(jump: int, at: int, event: Event, good: Timeline, tmp_path: Path) -> None:
    paths, _ = event
    write_raw(tmp_path / "set.mkv", list(read_frames(paths[0])), ticks=[t + jump * (t >= at) for t in STEADY])
    found = videosync.sync([tmp_path / "set.mkv", paths[1]])
    assert found.complete
    assert found.pairs[0].seconds == pytest.approx(good.pairs[0].seconds, abs=1 / 60)
    (warning,) = [warning for file in found.files for warning in file.warnings]
    assert warning.code == "time_stamps"
    assert f"at {at / 30:.2f} s its time stamps jump by {jump / 30:.2f} s while its frames go on" in warning.text


@pytest.mark.parametrize("missing", [20, 45])
def test_frames_that_are_missing_are_no_step_of_the_clock(missing: int, event: Event, tmp_path: Path) -> None:
    kept = [t for t in STEADY if not 70 <= t < 70 + missing]
    write_raw(tmp_path / "pause.mkv", list(read_frames(event[0][0])[kept]), ticks=kept)
    clip = read_clip(inspect(tmp_path / "pause.mkv"), 30.0, find_cue("motion").meters())
    assert clip.info.duration == pytest.approx(6.0, abs=0.01)
    assert not clip.info.warnings


def test_where_nothing_moves_a_pause_is_assumed_and_said(tmp_path: Path) -> None:
    still = np.full((60, 48, 64, 3), 90, np.uint8)
    still[:, 10:20, 10:20] += np.random.default_rng(0).integers(0, 40, (60, 10, 10, 3), dtype=np.uint8)
    write_raw(tmp_path / "still.mkv", list(still), ticks=[t + 60 * (t >= 30) for t in range(60)])
    clip = read_clip(inspect(tmp_path / "still.mkv"), 30.0, find_cue("motion").meters())
    assert clip.info.duration == pytest.approx(4.0, abs=0.01)
    assert "a pause is assumed" in clip.info.warnings[0].text


def test_two_files_with_a_gap_at_the_same_time_are_placed_right(event: Event, tmp_path: Path) -> None:
    paths, starts = event
    for n in range(2):
        kept = [t for t in STEADY if not 80 <= t < 110]
        write_raw(tmp_path / f"cam{n}.mkv", list(read_frames(paths[n])[kept]), ticks=kept)
    found = videosync.sync([tmp_path / "cam0.mkv", tmp_path / "cam1.mkv"])
    assert found.complete
    assert found.pairs[0].seconds == pytest.approx((starts[0] - starts[1]) / 30, abs=1 / 30)


# the joint solve


def tied(rate: float, frames: float, height: float = 12.0) -> LagScores:
    return curve(frames, height=height, rng=np.random.default_rng(int(rate)), reach=100)


def test_groups_of_fast_files_are_held_while_slow_ones_are_tied() -> None:
    rates = {0: 30.0, 1: 30.0, 2: 10.0, 3: 10.0}
    curves = {
        (0, 1): tied(30, 45.0),
        (0, 2): tied(10, 10.0), (1, 2): tied(10, -5.0), (0, 3): tied(10, 18.0), (1, 3): tied(10, 3.0),
        (2, 3): tied(10, 8.0),
    }  # fmt: skip
    (alone,) = picture_groups({(0, 1): curves[0, 1]}, {0: 30.0, 1: 30.0}, 30.0)
    (group,) = picture_groups(curves, rates, 30.0)
    seconds = {n: (start - group.starts[0]) / 30 for n, start in group.starts.items()}
    assert seconds == pytest.approx({0: 0.0, 1: -1.5, 2: -1.0, 3: -1.8}, abs=0.04)
    assert group.starts[0] - group.starts[1] == pytest.approx(alone.starts[0] - alone.starts[1], abs=1e-9)
    assert [group.confidence[n] for n in (0, 1)] == [alone.confidence[n] for n in (0, 1)]


def test_fast_files_that_are_not_sure_are_not_surer_on_a_slow_grid() -> None:
    """A slow stranger does not place two files that were refused; a slow file that fits both does."""
    weak, flat = tied(30, 30.0, 3.4), curve(0.0, height=0.0, rng=np.random.default_rng(5), reach=100)
    rates = {0: 30.0, 1: 30.0, 2: 15.0}
    (alone,) = picture_groups({(0, 1): weak}, {0: 30.0, 1: 30.0}, 30.0)
    (with_stranger,) = picture_groups({(0, 1): weak, (0, 2): flat, (1, 2): flat}, rates, 30.0)
    assert not alone.starts
    assert not with_stranger.starts
    assert with_stranger.doubts[0] == alone.doubts[0]
    fits = {(0, 1): weak, (0, 2): tied(15, 20.0), (1, 2): tied(15, 5.0)}
    (joined,) = picture_groups(fits, rates, 30.0)
    assert {n: round(start - joined.starts[0]) for n, start in joined.starts.items()} == {0: 0, 1: -30, 2: -40}


SHARED = (
    *(f"broken/{name}" for name in (
        "gaplast.mp4", "f05long.mp4", "twice.ts", "ts_new_stream_midway.ts", "s0_145.mkv", "s0_616.mkv", "s0_710.ts",
        "mkv_dur_big.mkv", "mkv_unknown_codec.mkv", "latin1_title.avi", "flash0.mp4", "group_of_files/c000.mp4",
    )),
    *(f"cases/{name}" for name in (
        "third_file_1fps/c.mp4", "one_stray_stamp/c.mkv", "last_frame_held/b.mkv", "ts_joined/b.ts",
        "raw_h264_30/b.h264", "tagged24/b.mp4", "drift1pc/b.mp4", "lost1_syn/b.mp4", "pause_syn/b.mp4",
        "slowmo_ramp/b.mp4", "cover_picture/c.m4a",
    )),
)  # fmt: skip


@pytest.fixture(scope="module")
def alone(shared: Path) -> Timeline:
    return videosync.sync([shared / "broken" / "cam0.mp4", shared / "broken" / "cam1.mp4"])


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize("odd", SHARED)
def test_an_odd_file_of_the_development_footage_changes_nothing_for_others(
    odd: str, shared: Path, alone: Timeline
) -> None:
    pair = [str(shared / "broken" / name) for name in ("cam0.mp4", "cam1.mp4")]
    before, found = alone.pairs[0], videosync.sync([*pair, shared / odd])
    after = found.offset(*pair)
    assert before.placed
    assert after.placed
    assert after.seconds == pytest.approx(before.seconds, abs=1 / 30)
    assert after.witness("picture") == before.witness("picture")
    if not found.files[2].placed:
        assert (after.seconds, after.confidence) == pytest.approx((before.seconds, before.confidence), abs=1e-9)
        assert after.interval_seconds == pytest.approx(before.interval_seconds, abs=1e-9)
    assert all(file.placed for file in found.files[:2])
