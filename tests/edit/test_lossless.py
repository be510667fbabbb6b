"""Streams that are copied show exactly the frames that are kept, bit by bit, in step with their sound."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.edit.test_trim import SIZE, answer, even, film, shown
from videosync.audio.read import read_sound
from videosync.edit import lossless
from videosync.edit.trim import trim
from videosync.errors import ConfigError, VideoWriteError
from videosync.video.index import video_index
from videosync.video.read import read_frames
from videosync.video.recorded import recorded
from videosync.video.write import write_video


@pytest.mark.parametrize(
    ("codec", "pixels", "ending"),
    [
        ("libx264", "yuv420p", ".mp4"),
        ("libx264", "yuv420p", ".mkv"),
        ("libx265", "yuv420p10le", ".mov"),
        ("mpeg4", "yuv420p", ".mp4"),
    ],
)
@pytest.mark.parametrize("first", [15, 37])
def test_any_frame_can_be_the_first_and_the_last(
    tmp_path: Path, codec: str, pixels: str, ending: str, first: int
) -> None:
    long = film(
        tmp_path / f"long{ending}", times=even(120), codec=codec, pixels=pixels, tracks=2, timecode="01:00:00:00"
    )
    short = film(tmp_path / "short.mp4", times=even(60))
    given = answer((long, 0.0, 4.0, 30.0), (short, first / 30, 2.0, 30.0))
    path, other = trim(given, tmp_path / "cut", fast=True)
    assert shown(path) == list(range(first, first + 60))
    assert shown(other) == list(range(60))
    assert np.array_equal(np.stack(list(read_frames(path))), np.stack(list(read_frames(long)))[first : first + 60])
    kept, whole = read_sound(path), read_sound(long)
    late = 16 if ending == ".mkv" else 1  # whose time stamps are whole milliseconds
    assert abs(_lag(kept, whole[round(first / 30 * 16000) :])) <= late
    with av.open(str(path)) as container:
        assert len(container.streams.audio) == 2
        for stream in (*container.streams.video, *container.streams.audio):
            assert stream.duration is not None
            assert stream.time_base is not None
            assert float(stream.duration * stream.time_base) == pytest.approx(2, abs=1e-3)
    assert recorded(path).timecode == f"01:00:{first // 30:02}:{first % 30:02}"


def test_times_of_a_varying_rate_and_a_late_keyframe_stay(tmp_path: Path) -> None:
    times = [Fraction(n, 30) + Fraction(n % 3, 200) for n in range(400)]  # more than one group of pictures
    long = film(tmp_path / "long.mp4", times=times, tracks=0)
    short = film(tmp_path / "short.mp4", times=even(30), tracks=0)
    assert len(video_index(long).keys) > 1
    path, _ = trim(answer((long, 0.0, 13.3, 30.0), (short, float(times[300]), 1.0, 30.0)), tmp_path / "cut", fast=True)
    numbers = shown(path)
    assert numbers[0] == 300
    assert numbers == list(range(300, 300 + len(numbers)))
    wanted = np.array([float(times[number] - times[300]) for number in numbers])
    assert video_index(path).times == pytest.approx(wanted, abs=1e-4)


def test_what_cannot_be_copied_is_told_so(tmp_path: Path) -> None:
    raw = tmp_path / "raw.h264"
    write_video(tmp_path / "a.mp4", [np.full((*SIZE, 3), n, np.uint8) for n in range(30)], 30)
    with av.open(str(tmp_path / "a.mp4")) as source, av.open(str(raw), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    with pytest.raises(VideoWriteError, match="without encoding it: its time stamps .* leave out --fast"):
        trim(answer((raw, 0.0, 1.0, 25.0), (tmp_path / "a.mp4", 0.1, 1.0, 30.0)), tmp_path / "cut", fast=True)
    assert not list((tmp_path / "cut").glob("*raw*"))


@pytest.mark.parametrize(
    ("codec", "ending", "sound"),
    [("mpeg4", ".avi", "libmp3lame"), ("mpeg4", ".avi", "pcm_s16le"), ("mpeg2video", ".ts", "mp2")],
)
def test_coarse_time_stamps_of_sound_and_late_ones_of_pictures(
    tmp_path: Path, codec: str, ending: str, sound: str
) -> None:
    long = film(tmp_path / f"long{ending}", times=even(120), codec=codec, sound=sound)
    short = film(tmp_path / "short.mp4", times=even(60), tracks=0)
    path, _ = trim(answer((long, 0.0, 4.0, 30.0), (short, 5 / 30, 2.0, 30.0)), tmp_path / "cut", fast=True)
    assert shown(path) == list(range(5, 65))
    assert abs(_lag(read_sound(path), read_sound(long)[round(5 / 30 * 16000) :])) <= 1


def test_streams_that_mp4_does_not_take_are_no_trouble_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lossless, "UNNAMED", {})  # as of more channels than two
    codec = {"codec": "mjpeg", "pixels": "yuvj420p", "sound": "pcm_f32le"}
    long = film(tmp_path / "long.avi", times=even(30), **codec)  # type: ignore[arg-type]
    short = film(tmp_path / "short.mp4", times=even(15), tracks=0)
    with pytest.raises(VideoWriteError, match=r"long.avi: .* \.mp4 cannot hold its streams .* leave out --fast"):
        trim(answer((long, 0.0, 1.0, 30.0), (short, 0.1, 0.5, 30.0)), tmp_path / "cut", fast=True)
    assert not list((tmp_path / "cut").iterdir())


def test_what_is_copied_keeps_its_own_clock(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--fast"):
        trim(answer(), tmp_path / "cut", fast=True, correct_drift=True)


def _lag(part: np.ndarray, whole: np.ndarray) -> int:
    """Samples of 16 kHz that ``part`` comes late by; the sound before it may ring on into its first ones."""
    part, whole = part[2000:12000], whole[:14000]
    return int(np.correlate(whole, part, "valid").argmax()) - 2000
