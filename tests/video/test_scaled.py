"""Frames for clips: the right ones, upright, and of the colours that reading the source with a size gives."""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from tests.video import numbered
from tests.video.numbered import COUNT, HEIGHT, WIDTH, number_in, numbered_frames
from videosync.errors import VideoError
from videosync.video import decode, index
from videosync.video.read import iter_frames, probe, read_frames
from videosync.video.scaled import scaled_frames, whole_video
from videosync.video.write import CLIP_OPTIONS, VideoWriter, write_video

SIZE = (48, 64)
CLIP = 224


def number_of(frame: VideoFrame) -> int:
    return number_in(frame.to_ndarray(format="rgb24"))


def test_numbers_and_pictures_are_those_of_reading(coded: Path) -> None:
    whole = whole_video(coded, SIZE)
    frames = list(whole.frames)
    assert [number_of(frame) for frame in frames] == list(range(COUNT))
    assert whole.fps == pytest.approx(probe(coded).fps, rel=1e-9)
    assert whole.about == pytest.approx(COUNT, abs=5)
    assert {(f.format.name, f.height, f.width) for f in frames} == {("yuv420p", *SIZE)}
    got = np.stack([frame.to_ndarray(format="rgb24") for frame in frames])
    assert abs(got.astype(int) - read_frames(coded, size=SIZE)).mean() < 1
    asked = [0, 1, 5, 33, 34, 69]
    chosen = list(scaled_frames(coded, asked, SIZE, threads=1))
    assert [number for number, _ in chosen] == asked
    for number, frame in chosen:
        assert np.array_equal(frame.to_ndarray(), frames[number].to_ndarray())


@pytest.mark.parametrize("suffix", ["avi", "mp4"])
def test_a_whole_file_is_decoded_once(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"v.{suffix}"
    write_video(path, numbered_frames(50), 25, codec="mpeg4", bit_rate=2_000_000, b_frames=2)
    monkeypatch.setattr(index, "_decoded_timestamps", None)  # what would count the frames by decoding them
    opened = 0
    real = decode.open_video

    def counted(name: str) -> Any:
        nonlocal opened
        opened += 1
        return real(name)

    monkeypatch.setattr(decode, "open_video", counted)
    assert [number_of(frame) for frame in whole_video(path, SIZE).frames] == list(range(50))
    assert opened == 1


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])  # with an index, and in one pass
def test_turned_and_mirrored_pictures_come_upright(tmp_path: Path, turn: int, mirrored: bool, codec: str) -> None:
    path, size = tmp_path / "v.mp4", (64, 80)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30, options={"b": "2000000"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        if turn or mirrored:
            stream.set_display_rotation(turn, hflip=mirrored)
        for picture in numbered_frames(8):
            container.mux(stream.encode(VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    expected = read_frames(path, size=size).astype(int)
    frames = [frame.to_ndarray(format="rgb24") for frame in whole_video(path, size).frames]
    assert abs(np.stack(frames) - expected).mean() < 2
    if turn == 90 and not mirrored:
        assert [number_in(np.rot90(frame, 3)) for frame in frames] == list(range(8))


def smooth_scene(count: int, height: int = 180, width: int = 320) -> list[np.ndarray]:
    """Colours of all kinds that change slowly over the picture and move."""
    y, x = np.mgrid[0:height, 0:width]
    frames = []
    for t in range(count):
        waves = [np.sin(x / (40 + 9 * c) + y / (31 + 7 * c) + 0.2 * t * (c + 1) + c) for c in range(3)]
        frames.append((127.5 + 115 * np.stack(waves, -1)).astype(np.uint8))
    return frames


def encode_scene(path: Path, codec: str, pixel_format: str, matrix: int, full: int, **options: str) -> None:
    """A file whose numbers mean what its tags say: codes of ITU-T H.273, as in AVColorSpace and AVColorRange."""
    scaler = VideoReformatter()
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 320, 180, pixel_format
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, full
        for number, picture in enumerate(smooth_scene(5)):
            frame = scaler.reformat(
                VideoFrame.from_ndarray(picture, format="rgb24"),
                format=pixel_format,
                dst_colorspace=matrix if matrix in (1, 7, 9) else None,
                dst_color_range=full or None,
            )
            frame.colorspace, frame.color_range = matrix, full
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


QUIET = {"x265-params": "log-level=error"}
# name → (suffix, codec, pixel format, matrix and range of the source, of the clip, options)
COLOURS: dict[str, tuple[str, str, str, tuple[int, int], tuple[int, int], dict[str, str]]] = {
    "nothing said": ("mp4", "libx264", "yuv420p", (2, 0), (2, 0), {}),
    "bt601": ("mp4", "libx264", "yuv420p", (6, 1), (6, 1), {}),
    "bt470bg": ("mp4", "libx264", "yuv420p", (5, 1), (5, 1), {}),
    "bt709": ("mp4", "libx264", "yuv420p", (1, 1), (1, 1), {}),
    "bt709, full range": ("mp4", "libx264", "yuv420p", (1, 2), (1, 2), {}),
    "bt601, full range": ("mp4", "libx264", "yuv420p", (6, 2), (6, 2), {}),
    "bt2020": ("mp4", "libx264", "yuv420p", (9, 1), (9, 1), {}),
    "a reserved matrix": ("mp4", "libx264", "yuv420p", (3, 0), (2, 1), {}),
    "4:2:2": ("mp4", "libx264", "yuv422p", (1, 1), (1, 1), {}),
    "4:4:4": ("mp4", "libx264", "yuv444p", (1, 1), (1, 1), {}),
    "10 bits": ("mp4", "libx264", "yuv420p10le", (1, 1), (1, 1), {}),
    "10 bits, bt2020": ("mkv", "libx265", "yuv420p10le", (9, 1), (9, 1), QUIET),
    "motion jpeg": ("avi", "mjpeg", "yuvj420p", (5, 2), (5, 2), {"q": "2"}),
    "mpeg4": ("avi", "mpeg4", "yuv420p", (2, 0), (2, 0), {"b": "8000000"}),
    "rgb": ("mkv", "ffv1", "bgr0", (2, 0), (2, 0), {}),
    "rgb planes": ("mkv", "libx264rgb", "rgb24", (2, 0), (2, 0), {"crf": "5"}),
    "grey": ("mkv", "ffv1", "gray", (2, 0), (2, 0), {}),
    "16 bits of grey": ("mkv", "ffv1", "gray16le", (2, 0), (2, 0), {}),
    "with alpha": ("mkv", "ffv1", "yuva420p", (2, 0), (2, 0), {}),
    "4:1:1": ("mkv", "ffv1", "yuv411p", (2, 0), (2, 0), {}),
}


def write_clip(path: Path, frames: Iterable[VideoFrame], crf: int) -> None:
    options = {"size": (CLIP, CLIP), "crf": crf, "b_frames": 0, "threads": 1}
    with VideoWriter(path, 25, **options, **CLIP_OPTIONS) as writer:
        for frame in frames:
            writer.write(frame)


@pytest.mark.parametrize("name", COLOURS)
def test_a_clip_reads_like_its_source(tmp_path: Path, name: str) -> None:
    suffix, codec, pixel_format, tagged, tags, options = COLOURS[name]
    source, clip = tmp_path / f"s.{suffix}", tmp_path / "clip.mp4"
    encode_scene(source, codec, pixel_format, *tagged, **options)
    frames = list(whole_video(source, (CLIP, CLIP)).frames)
    assert {(frame.colorspace, frame.color_range) for frame in frames} == {tags}
    write_clip(clip, frames, crf=1)
    with av.open(str(clip)) as container:
        stored = next(container.decode(video=0))
    assert stored.colorspace == tags[0]
    assert (stored.color_range or 1) == (tags[1] or 1)  # limited range needs no saying
    difference = read_frames(clip).astype(int) - read_frames(source, size=(CLIP, CLIP))
    shift = difference.mean((0, 1, 2))  # reading rounds in another way when it resizes: up to 3 grey levels
    assert abs(shift).max() < 3
    assert abs(difference - shift).mean() < 1.6  # a wrong matrix costs 2.8 and more, a wrong range 9


def test_colours_that_change_within_a_file(tmp_path: Path) -> None:
    """All frames of a clip mean the same by their numbers: what is tagged otherwise is converted."""
    path = tmp_path / "v.264"
    parts = []
    for matrix, full in ((1, 1), (6, 2), (2, 0)):
        encode_scene(path, "libx264", "yuv420p", matrix, full)
        parts.append(path.read_bytes())
    path.write_bytes(b"".join(parts))
    expected = read_frames(path, size=(CLIP, CLIP)).astype(int)
    frames = list(whole_video(path, (CLIP, CLIP)).frames)
    assert len(frames) == len(expected) == 15
    assert {(frame.colorspace, frame.color_range) for frame in frames} == {(1, 1)}
    got = np.stack([frame.to_ndarray(format="rgb24") for frame in frames])
    assert abs(got - expected).mean((1, 2, 3)).max() < 2.5  # a wrong matrix costs 3 and more, a wrong range 9


def test_small_pictures_are_enlarged(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", numbered_frames(3), 25)
    frames = [f.to_ndarray(format="rgb24") for f in whole_video(tmp_path / "v.mp4", (192, 256)).frames]
    assert abs(np.stack(frames).astype(int) - read_frames(tmp_path / "v.mp4", size=(192, 256))).mean() < 1.5


def test_whole_cut_off_files_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "v.mp4", tmp_path / "v.mkv", tmp_path / "v.avi", tmp_path / "m.avi"):
        if path.suffix == ".mp4":
            numbered.write_raw(path, 120, container_options={"movflags": "faststart"})
        else:
            write_video(path, numbered_frames(120), 25, codec="mpeg4" if path.stem == "m" else "libx264")
        assert not probe(path).truncated
        os.truncate(path, int(path.stat().st_size * 0.6))
        with pytest.raises(VideoError, match=rf"{path.name}: the file is cut off"):
            whole_video(path, SIZE)
        there = range(5, probe(path).num_frames)
        assert [n for n, _ in scaled_frames(path, there, SIZE)] == list(there)


@pytest.mark.parametrize(("suffix", "codec"), [("mp4", "libx264"), ("avi", "mpeg4")])
def test_damage_is_named_and_nothing_after_it_is_given(tmp_path: Path, suffix: str, codec: str) -> None:
    path = tmp_path / f"v.{suffix}"
    numbered.write_damaged(path, codec)
    given: list[VideoFrame] = []
    with pytest.raises(VideoError, match=rf"v\.{suffix}: frame 3\d (at|near) 1\.\d+ s cannot be decoded"):
        given.extend(whole_video(path, SIZE).frames)
    assert len(given) in (30, 31)
    with pytest.raises(VideoError, match="cannot be decoded"):
        list(scaled_frames(path, range(25, 40), SIZE))
    if suffix == "mp4":  # with an index, frames from the next keyframe on are good
        assert len(list(scaled_frames(path, range(40, 60), SIZE))) == 20


def test_files_without_video_are_named(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("hello " * 500)
    numbered.write_without_frames(tmp_path / "none.avi")
    for name in ("missing.mp4", "text.mp4", "none.avi"):
        with pytest.raises(VideoError, match=name):
            list(whole_video(tmp_path / name, SIZE).frames)
        with pytest.raises(VideoError, match=name):
            list(scaled_frames(tmp_path / name, [0], SIZE))


def test_bad_numbers_and_sizes_are_refused_at_the_call(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    write_video(path, numbered_frames(10), 25)
    for numbers in ([3, 10], [-1, 2]):
        with pytest.raises(VideoError, match="is not in the video, which has 10 frames"):
            scaled_frames(path, numbers, SIZE)
    for numbers in ([2, 2], [3, 1]):
        with pytest.raises(ValueError, match="must rise"):
            scaled_frames(path, numbers, SIZE)
    for size in ((0, 4), (5, 4), (4,)):
        with pytest.raises(ValueError, match="both even"):
            whole_video(path, size)  # type: ignore[arg-type]
    assert list(scaled_frames(path, [], SIZE)) == []


def test_packed_b_frames(tmp_path: Path) -> None:
    """DivX in AVI: two pictures in one packet, then an empty one; only decoding tells the frames."""
    plain, packed = tmp_path / "plain.avi", tmp_path / "packed.avi"
    options = {"bit_rate": 2_000_000, "b_frames": 1, "options": {"b_strategy": "0"}}
    write_video(plain, numbered_frames(40), 30, codec="mpeg4", **options)
    with av.open(str(plain)) as container:
        coded = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    picture, marker = b"\0\0\1\xb6", b"\0\0\1\xb2DivX503b1393p"
    assert coded[2].startswith(picture)
    start = coded[0].index(picture)
    queue = [coded[0][:start] + marker + coded[0][start:], *coded[1:]]
    with av.open(str(packed), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        container.start_encoding()
        chunks = []
        while queue:
            chunk = queue.pop(0)
            if queue and queue[0].startswith(picture) and queue[0][4] >> 6 == 2:  # a B-picture follows
                chunks += [chunk + queue.pop(0), picture + b"\x50\x00\x7f"]
            else:
                chunks.append(chunk)
        for number, chunk in enumerate(chunks):
            packet = av.Packet(chunk)
            packet.stream, packet.time_base, packet.is_keyframe = stream, Fraction(1, 30), number == 0
            packet.pts = packet.dts = number
            container.mux(packet)
    assert [number_in(frame) for frame in iter_frames(packed)] == list(range(40))
    assert [number_of(frame) for frame in whole_video(packed, SIZE).frames] == list(range(40))


@pytest.mark.shared
@pytest.mark.parametrize("name", ["pose2sim_single4/cam02.mp4", "dannce_mouse5/CameraR.mp4"])
def test_real_clips_read_like_their_sources(tmp_path: Path, shared: Path, name: str) -> None:
    source, clip = shared / "realsync" / name, tmp_path / "clip.mp4"
    write_clip(clip, (frame for _, frame in scaled_frames(source, range(7, 40), (CLIP, CLIP))), crf=12)
    expected, found = read_frames(source, 7, 40, size=(CLIP, CLIP)).astype(int), read_frames(clip)
    assert abs(found - expected).mean() < 3
    for shift in (-2, 2):  # the true frame fits best
        other = np.roll(expected, shift, 0)[2:-2]
        assert abs(found[2:-2] - expected[2:-2]).mean() < abs(found[2:-2] - other).mean()
