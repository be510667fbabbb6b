"""Frame i is frame i: codecs, containers, groups of pictures, clocks, rotation, damage, and bad input."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.video.numbered import COUNT, numbered_frames, numbers_in, write_damaged, write_raw, write_without_frames
from videosync.errors import VideoError
from videosync.video import decode
from videosync.video.index import video_index
from videosync.video.read import iter_frames, probe, read_frames, read_frames_at
from videosync.video.scaled import whole_video
from videosync.video.write import write_video


def ways_of_reading(path: Path) -> list[list[int]]:
    """The numbers of all frames, as each way of reading a whole file gives them."""
    scaled = [frame.to_ndarray(format="rgb24") for frame in whole_video(path, (48, 64)).frames]
    return [numbers_in(read_frames(path)), numbers_in(iter_frames(path)), numbers_in(scaled)]


def test_every_way_of_reading_gives_the_numbered_frame(coded: Path) -> None:
    assert probe(coded).num_frames == COUNT
    whole = read_frames(coded)
    assert numbers_in(whole) == list(range(COUNT))
    rng = np.random.default_rng(0)
    asked = rng.integers(0, COUNT, 30)  # unsorted, with repeats
    assert numbers_in(read_frames_at(coded, asked)) == asked.tolist()
    for start in rng.permutation(COUNT - 4)[:12].tolist():
        assert np.array_equal(read_frames(coded, start, start + 4), whole[start : start + 4])
    single = list(iter_frames(coded, 33, 50, size=(48, 64)))  # held, and still each its own
    assert numbers_in(single) == list(range(33, 50))


def test_times_rise_by_one_frame(coded: Path) -> None:
    info = probe(coded)
    assert info.fps == pytest.approx(30000 / 1001, rel=1e-6)
    assert np.diff(info.times) == pytest.approx(1001 / 30000, abs=0.0011)  # Matroska rounds to milliseconds


@pytest.mark.parametrize(("true", "told"), [("299/10", pytest.approx(29.9, rel=1e-4)), ("30000/1001", 30000 / 1001)])
def test_a_rate_that_is_only_nearly_true_is_not_believed(tmp_path: Path, true: str, told: object) -> None:
    """The header says 30 frames/s; the times say otherwise, by a frame at the end of the file."""
    ticks = [round(1000 * number / Fraction(true)) for number in range(1020)]
    write_raw(tmp_path / "v.mkv", 1020, ticks=ticks, time_base=Fraction(1, 1000))
    assert probe(tmp_path / "v.mkv").fps == told


def test_variable_frame_rate(tmp_path: Path) -> None:
    ticks = np.cumsum(np.random.default_rng(1).integers(1, 400, 80))
    path = tmp_path / "vfr.mp4"
    write_raw(path, 80, ticks=ticks.tolist(), time_base=Fraction(1, 3000), options={"bf": "3"})
    info = probe(path)
    assert info.times - info.times[0] == pytest.approx((ticks - ticks[0]) / 3000, abs=1e-4)
    assert info.fps == whole_video(path, (48, 64)).fps == pytest.approx(79 / (info.times[-1] - info.times[0]))
    assert ways_of_reading(path) == [list(range(80))] * 3
    assert numbers_in(read_frames_at(path, [61, 5, 40])) == [61, 5, 40]


def test_edit_list_hides_the_frames_it_cuts(tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    hidden = {"avoid_negative_ts": "disabled", "use_editlist": "1"}
    write_raw(path, 60, ticks=range(-17, 43), container_options=hidden, options={"g": "12", "bf": "3"})
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 60  # what the header says
    assert probe(path).num_frames == 43
    assert not probe(path).truncated
    assert ways_of_reading(path) == [list(range(17, 60))] * 3
    assert numbers_in(read_frames_at(path, [30, 0, 12])) == [47, 17, 29]


@pytest.mark.parametrize(("turn", "clockwise"), [(90, 270), (180, 180), (270, 90), (0, 0)])
def test_rotation_metadata_turns_frames_upright(tmp_path: Path, turn: int, clockwise: int) -> None:
    path = tmp_path / "turned.mp4"
    write_raw(path, 12, rotation=turn)
    info, frames = probe(path), read_frames(path)
    assert info.rotation == clockwise
    assert frames.shape[1:3] == (info.height, info.width) == ((96, 128) if turn % 180 == 0 else (128, 96))
    stored = np.rot90(frames, clockwise // 90, axes=(1, 2))  # turn back counter-clockwise
    assert numbers_in(stored) == list(range(12))
    small = read_frames(path, 3, 5, size=(64, 48))
    assert small.shape == (2, 64, 48, 3)
    assert numbers_in(np.rot90(small, clockwise // 90, axes=(1, 2))) == [3, 4]


def test_lossless_frames_come_back_exactly_and_resized_ones_average_the_area(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 128, 160, 3), dtype=np.uint8)
    frames[1] = (np.indices((128, 160)).sum(0) % 2 * 255)[..., None]  # single pixels: grey when averaged, or aliased
    write_video(tmp_path / "x.mkv", frames, 10, codec="ffv1", pixel_format="bgr0")
    assert np.array_equal(read_frames(tmp_path / "x.mkv"), frames)
    small = read_frames(tmp_path / "x.mkv", size=(32, 40)).astype(int)
    assert small.shape == (3, 32, 40, 3)
    assert abs(small[1] - 127).max() <= 3


def test_a_window_decodes_from_its_keyframe_only(long_gop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = video_index(long_gop)
    assert len(index.keys) >= 4

    def needed(frame: int, last: int) -> int:
        return last + 1 - index.keys[index.key_before(frame)].frame

    decoded = 0
    real = decode._frames_from_key

    def counted(*args: Any) -> Any:
        nonlocal decoded
        for frame in real(*args):
            decoded += 1
            yield frame

    monkeypatch.setattr(decode, "_frames_from_key", counted)
    assert numbers_in(read_frames(long_gop, 110, 115)) == list(range(110, 115))
    assert decoded == needed(110, 114) < 50
    decoded = 0
    assert numbers_in(read_frames_at(long_gop, [152, 55, 154])) == [152, 55, 154]
    assert decoded == needed(55, 55) + needed(152, 154) < 100


def test_index_follows_a_changed_file(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    write_video(path, numbered_frames(10), 25)
    assert probe(path).num_frames == 10
    assert video_index(path) is video_index(path)
    write_video(path, numbered_frames(14), 25)
    assert probe(path).num_frames == 14


def test_truncated_file_says_where_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    write_raw(path, 120, container_options={"movflags": "faststart"})
    os.truncate(path, int(path.stat().st_size * 0.6))
    info = probe(path)
    assert info.truncated
    assert 10 < info.num_frames < 120
    last = info.num_frames - 1
    with pytest.raises(VideoError, match=rf"v\.mp4: the file is cut off after frame {last} at .* s"):
        read_frames(path)
    with pytest.raises(VideoError, match="cut off"):
        read_frames(path, 0, 120)
    assert numbers_in(read_frames(path, 5, 9)) == [5, 6, 7, 8]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts"])
def test_other_cut_files_give_true_frames_or_an_error(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"v.{suffix}"
    write_video(path, numbered_frames(80), 25, b_frames=0)
    os.truncate(path, int(path.stat().st_size * 0.6))
    if suffix == "mp4":  # its table of contents is at the end
        with pytest.raises(VideoError, match="damaged, incomplete or no video"):
            probe(path)
        return
    there = probe(path).num_frames
    assert 10 < there < 80
    assert numbers_in(read_frames(path, 0, there)) == list(range(there))


@pytest.mark.parametrize("zeros", [False, True])
def test_damage_in_the_middle_is_named_with_frame_and_time(tmp_path: Path, zeros: bool) -> None:
    path = tmp_path / "v.mp4"
    write_damaged(path, "libx264", zeros=zeros)
    assert len(read_frames(path, 0, 30)) == 30
    with pytest.raises(VideoError, match=r"v\.mp4: frame 3\d at 1\.\d+ s cannot be decoded .* damaged"):
        read_frames(path, 25, 40)
    assert len(read_frames(path, 40, 60)) == 20


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"none\.mp4: cannot be read \(No such file"):
        probe(tmp_path / "none.mp4")
    with pytest.raises(VideoError, match="cannot be opened as a video"):
        probe(tmp_path)
    (tmp_path / "text.mp4").write_text("hello " * 500)
    with pytest.raises(VideoError, match=r"text\.mp4: cannot be opened as a video"):
        read_frames(tmp_path / "text.mp4")
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(VideoError, match="it is empty"):
        probe(tmp_path / "empty.mp4")


def test_tags_may_hold_anything(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mkv", numbered_frames(20), 25)
    written = (tmp_path / "a.mkv").read_bytes()
    for duration in (b"xx:yy:zz.000000000", b"00:00:00\x00.80000000", b"\xe9\xff:00:00.800000000"[:18]):
        assert b"00:00:00.800000000" in written
        (tmp_path / "a.mkv").write_bytes(written.replace(b"00:00:00.800000000", duration))
        assert probe(tmp_path / "a.mkv").num_frames == 20


def test_a_format_that_nothing_decodes_is_named(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", numbered_frames(5), 25)
    path = tmp_path / "b.mp4"
    path.write_bytes((tmp_path / "a.mp4").read_bytes().replace(b"avc1", b"zzzz"))
    for read in (probe, read_frames):
        with pytest.raises(VideoError, match="b.mp4: its pictures are in a format that nothing here decodes"):
            read(path)


def test_audio_file_has_no_video_stream(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
    with pytest.raises(VideoError, match=r"has no video stream \(it holds audio\)"):
        probe(path)


def test_file_without_frames(tmp_path: Path) -> None:
    write_without_frames(tmp_path / "none.avi")
    with pytest.raises(VideoError, match=r"none\.avi"):
        probe(tmp_path / "none.avi")


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (195, 201), (5, 5), (9, 3), (200, None)])
def test_window_outside_the_video(long_gop: Path, start: int, stop: int | None) -> None:
    with pytest.raises(VideoError, match=r"has 200 frames, 0 to 199, and ends at 7\.960 s"):
        read_frames(long_gop, start, stop)


def test_bad_frame_numbers_and_sizes(long_gop: Path) -> None:
    with pytest.raises(VideoError, match="frame 200 is not in the video"):
        read_frames_at(long_gop, [3, 200])
    for numbers in ([], np.array([0.5])):
        with pytest.raises(ValueError, match="whole numbers"):
            read_frames_at(long_gop, numbers)
    with pytest.raises(ValueError, match="size must be"):
        read_frames(long_gop, 0, 1, size=(0, 5))
