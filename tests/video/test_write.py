"""Files are complete or absent, exactly timed, and refusals say what to do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from itertools import count
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame

from tests.video.numbered import numbered_frame, numbered_frames, numbers_in
from videosync.errors import VideoWriteError
from videosync.video.index import video_index
from videosync.video.read import probe, read_frames
from videosync.video.write import CLIP_OPTIONS, VideoWriter, as_rate, pad_to_even, write_video


def test_keyframes_where_asked(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    same = [numbered_frame(5)] * 60
    write_video(path, same, 25, gop=40, keyframes=(7, 23))
    assert {0, 7, 23} <= {key.frame for key in video_index(path).keys}
    write_video(path, same, 25, gop=15)
    assert [key.frame for key in video_index(path).keys] == [0, 15, 30, 45]


def test_crf_and_bit_rate_set_the_size(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (96, 128, 3), dtype=np.uint8) for _ in range(20)]
    sizes = []
    for options in ({"crf": 10}, {"crf": 40}, {"bit_rate": 100_000}):
        write_video(tmp_path / "v.mp4", frames, 25, **options)  # type: ignore[arg-type]
        sizes.append((tmp_path / "v.mp4").stat().st_size)
    assert sizes[0] > 3 * sizes[1]
    assert sizes[0] > 3 * sizes[2]


def yuv_frames(count: int) -> list[VideoFrame]:
    frames = (VideoFrame.from_ndarray(frame, format="rgb24") for frame in numbered_frames(count))
    return [frame.reformat(format="yuv420p") for frame in frames]


def test_writer_takes_rgb_and_the_files_own_pixel_format(tmp_path: Path) -> None:
    frames: list[np.ndarray | VideoFrame] = [numbered_frame(0), *yuv_frames(20)[1:]]
    path = tmp_path / "new" / "folder" / "v.mp4"
    with VideoWriter(path, 29.97, size=(96, 128)) as writer:
        for number, frame in enumerate(frames):
            assert writer.num_frames == number
            writer.write(frame)
        assert not path.exists()  # not before it is complete
    assert list(path.parent.iterdir()) == [path]
    info = probe(path)
    assert (info.width, info.height, info.num_frames, info.codec) == (128, 96, 20, "h264")
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate == Fraction(30000, 1001)
    assert numbers_in(read_frames(path)) == list(range(20))


def test_one_frame_goes_to_several_writers(tmp_path: Path) -> None:
    """Overlapping clips share decoded frames: their times and picture types must not get mixed up."""
    early = VideoWriter(tmp_path / "early.mp4", 25, size=(96, 128), gop=100, keyframes=(4,))
    late = VideoWriter(tmp_path / "late.mp4", 10, size=(96, 128), gop=100, keyframes=(9,))
    with early, late:
        for number, frame in enumerate(yuv_frames(30)):
            frame.pict_type = 1  # as the source's keyframes come out of the decoder
            early.write(frame)
            if number >= 10:
                late.write(frame)
    for name, numbers, key, fps in (("early", range(30), 4, 25), ("late", range(10, 30), 9, 10)):
        path = tmp_path / f"{name}.mp4"
        assert numbers_in(read_frames(path)) == list(numbers)
        assert [k.frame for k in video_index(path).keys] == [0, key]
        assert np.diff(probe(path).times) == pytest.approx(1 / fps, abs=1e-6)


def test_endless_keyframes_are_read_as_frames_come(tmp_path: Path) -> None:
    options = {"gop": 200, "b_frames": 0, "keyframes": count(0, 7), **CLIP_OPTIONS}
    write_video(tmp_path / "v.mp4", [numbered_frame(5)] * 30, 25, **options)
    assert [key.frame for key in video_index(tmp_path / "v.mp4").keys] == [0, 7, 14, 21, 28]
    with pytest.raises(ValueError, match="keyframes must rise, got 3 after 5"):
        write_video(tmp_path / "w.mp4", numbered_frames(10), 25, keyframes=(0, 5, 3))
    assert not (tmp_path / "w.mp4").exists()


@pytest.mark.parametrize("tags", [(1, 1), (1, 2), (6, 2), (9, 1)])
def test_colour_tags_are_noted_in_the_file(tmp_path: Path, tags: tuple[int, int]) -> None:
    with VideoWriter(tmp_path / "v.mp4", 25, size=(96, 128)) as writer:
        for frame in yuv_frames(3):
            frame.colorspace, frame.color_range = tags
            frame.color_primaries, frame.color_trc = 1, 13
            writer.write(frame)
    with av.open(str(tmp_path / "v.mp4")) as container:
        found = next(container.decode(video=0))
    assert (found.colorspace, found.color_range, found.color_primaries, found.color_trc) == (*tags, 1, 13)


def test_nothing_is_left_of_what_is_not_complete(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    with VideoWriter(path, 25, size=(96, 128)):
        pass  # no frame
    writer = VideoWriter(path, 25, size=(96, 128))
    for frame in numbered_frames(40):
        writer.write(frame)
    writer.discard()
    with pytest.raises(ValueError, match="closed"):
        writer.write(numbered_frame(0))
    writer.close()

    def interrupted() -> None:
        with VideoWriter(path, 25, size=(96, 128)) as writer:
            writer.write(numbered_frame(0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())


def test_clip_options_give_the_same_bytes_with_one_thread(tmp_path: Path) -> None:
    """Other options do not: x264's mbtree reads memory it never wrote."""
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (224, 224, 3), dtype=np.uint8) // (1 + n % 7) for n in range(40)]
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, frames, 25, b_frames=0, threads=1, **CLIP_OPTIONS)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


FULL_DISK = """
import resource, sys
import numpy as np
from videosync.errors import VideoWriteError
from videosync.video.write import write_video
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
rng = np.random.default_rng(0)
frames = (rng.integers(0, 256, (96, 128, 3), dtype=np.uint8) for _ in range(40))
try:
    write_video(sys.argv[1], frames, 25, codec=sys.argv[3], crf=5)
except VideoWriteError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("room", "name", "codec"), [(100, "v.mp4", "libx264"), (300_000, "v.mp4", "libx264"), (50_000, "v.avi", "mpeg4")]
)
def test_no_room_left(tmp_path: Path, room: int, name: str, codec: str) -> None:
    """A limit on the size of files is what a full disk is to the process: writing fails half-way."""
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path / name), str(room), codec]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"{name}: cannot be written with {codec} at 25 frames/s (File too large)" in result.stdout
    assert not list(tmp_path.iterdir())


def test_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    write_video(path, numbered_frames(5), 25)
    before = path.read_bytes()

    def breaking() -> Iterator[np.ndarray]:
        yield from numbered_frames(30)
        raise RuntimeError("the renderer broke")

    with pytest.raises(RuntimeError, match="renderer"):
        write_video(path, breaking(), 25)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["v.mp4"]


GOOD, ODD = np.zeros((6, 8, 3), np.uint8), np.zeros((5, 7, 3), np.uint8)


@pytest.mark.parametrize(
    ("frames", "options", "said"),
    [
        ([ODD], {}, "7x5 pixels .* needs even sizes; put them through pad_to_even"),
        ([], {}, "no frames to write"),
        ([GOOD, ODD], {}, "frame 1 is 7x5, the first one 8x6"),
        ([GOOD / 255], {}, r"frame 0 is float64 \(6, 8, 3\); frames must be uint8"),
        ([GOOD], {"codec": "libx246"}, r"unknown encoder 'libx246'\. Did you mean 'libx26"),
        ([GOOD], {"codec": "aac"}, "no video encoder"),
        ([GOOD], {"fps": 0}, "not possible"),
        ([GOOD], {"path": "v.strange"}, "v.strange: cannot be written"),  # no such container
        ([GOOD], {"path": "v.webm"}, "v.webm: cannot be written"),  # one that does not take H.264
        ([GOOD], {"path": "file/v.mp4"}, "cannot be written"),
    ],
)
def test_refusals(tmp_path: Path, frames: list[np.ndarray], options: dict[str, Any], said: str) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / options.pop("path", "v.mp4")
    with pytest.raises(VideoWriteError, match=said):
        write_video(path, frames, **{"fps": 25, **options})
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_frames_that_a_writer_cannot_take(tmp_path: Path) -> None:
    first, second = yuv_frames(2)
    second.color_range = 2
    with VideoWriter(tmp_path / "v.mp4", 25, size=(96, 128)) as writer:
        writer.write(first)
        with pytest.raises(VideoWriteError, match="colours of frame 1 are coded in another way"):
            writer.write(second)
    with pytest.raises(VideoWriteError, match="frame 0 is 7x5, the writer is for 8x6"):
        VideoWriter(tmp_path / "w.mp4", 25, size=(6, 8)).write(ODD)
    with pytest.raises(VideoWriteError, match="frame 0 is rgb24, the file yuv420p"):
        VideoWriter(tmp_path / "w.mp4", 25, size=(6, 8)).write(VideoFrame.from_ndarray(GOOD))


def test_odd_sizes_padded_or_stored_in_full_colour(tmp_path: Path) -> None:
    odd = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    padded = pad_to_even(odd)
    assert padded.shape == (6, 8, 3)
    assert np.array_equal(padded[:5, :7], odd)
    assert np.array_equal(padded[5, :7], odd[4])
    assert pad_to_even(padded) is padded
    write_video(tmp_path / "v.mp4", [np.full((51, 67, 3), 90, np.uint8)] * 3, 25, pixel_format="yuv444p")
    frames = read_frames(tmp_path / "v.mp4")
    assert frames.shape == (3, 51, 67, 3)
    assert abs(frames.astype(int) - 90).max() <= 2


@pytest.mark.parametrize(
    ("fps", "rate"),
    [(29.97, "30000/1001"), (59.94, "60000/1001"), (23.976, "24000/1001"), (30000 / 1001, "30000/1001"),
     (29.975, "1199/40"), (30, "30"), (30.0, "30"), (12.5, "25/2"), (1 / 1800, "1/1800")],
)  # fmt: skip
def test_rates_are_exact(fps: float, rate: str) -> None:
    assert as_rate(fps) == Fraction(rate)


@pytest.mark.parametrize("fps", [-1, 0, float("nan"), float("inf")])
def test_impossible_rates(fps: float) -> None:
    with pytest.raises(VideoWriteError, match="positive"):
        as_rate(fps)
