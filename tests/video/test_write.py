"""Files are complete or absent, exactly timed, and refusals say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.video.numbered import numbered_frame, numbered_frames, numbers_in
from videosync.errors import VideoError
from videosync.video.index import video_index
from videosync.video.read import probe, read_frames
from videosync.video.write import as_rate, pad_to_even, write_video


def test_written_frames_rate_and_size(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "v.mp4"
    write_video(path, iter(numbered_frames(20)), 29.97)
    info = probe(path)
    assert (info.width, info.height, info.num_frames, info.codec) == (128, 96, 20, "h264")
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate == Fraction(30000, 1001)
    assert numbers_in(read_frames(path)) == list(range(20))


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


def test_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, numbered_frames(30), 25, threads=1)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_refusals(tmp_path: Path) -> None:
    odd = np.zeros((5, 7, 3), np.uint8)
    good = np.zeros((6, 8, 3), np.uint8)
    with pytest.raises(VideoError, match="7x5 pixels .* needs even sizes; put them through pad_to_even"):
        write_video(tmp_path / "v.mp4", [odd], 25)
    with pytest.raises(VideoError, match="no frames to write"):
        write_video(tmp_path / "v.mp4", [], 25)
    with pytest.raises(VideoError, match="frame 1 is 7x5, the first one 8x6"):
        write_video(tmp_path / "v.mp4", [good, odd], 25)
    with pytest.raises(VideoError, match=r"frame 0 is float64 \(6, 8, 3\); frames must be uint8"):
        write_video(tmp_path / "v.mp4", [good / 255], 25)
    with pytest.raises(VideoError, match=r"unknown encoder 'libx246'\. Did you mean 'libx26"):
        write_video(tmp_path / "v.mp4", [good], 25, codec="libx246")
    with pytest.raises(VideoError, match="no video encoder"):
        write_video(tmp_path / "v.mp4", [good], 25, codec="aac")
    for name in ("v.strange", "v.webm"):  # no such container; one that does not take H.264
        with pytest.raises(VideoError, match=rf"{name}: cannot be written"):
            write_video(tmp_path / name, [good], 25)
    with pytest.raises(VideoError, match="not possible"):
        write_video(tmp_path / "v.mp4", [good], 0)
    (tmp_path / "file").touch()
    with pytest.raises(VideoError, match="cannot be written"):
        write_video(tmp_path / "file" / "v.mp4", [good], 25)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


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
    [
        (29.97, "30000/1001"),
        (59.94, "60000/1001"),
        (23.976, "24000/1001"),
        (30, "30"),
        (30.0, "30"),
        (12.5, "25/2"),
    ],
)
def test_rates_are_exact(fps: float, rate: str) -> None:
    assert as_rate(fps) == Fraction(rate)


@pytest.mark.parametrize("fps", [-1, 0, float("nan"), float("inf")])
def test_impossible_rates(fps: float) -> None:
    with pytest.raises(VideoError, match="positive"):
        as_rate(fps)
