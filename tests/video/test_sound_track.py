"""Sound that is written beside pictures: whole, in step, and refused in a sentence where it cannot be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from tests.video.numbered import numbered_frames, numbers_in
from videosync.audio.read import probe_sound, read_sound
from videosync.errors import VideoWriteError
from videosync.video.read import read_frames
from videosync.video.sound_track import Sound
from videosync.video.write import VideoWriter, write_video


def wave(seconds: float, rate: int) -> np.ndarray:
    times = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * 500 * times)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "codec", "heard_as"),
    [("a.mp4", "libx264", "aac"), ("a.ts", "libx264", "aac"), ("a.mkv", "libx264", "aac"), ("a.mov", "libx264", "aac"),
     ("a.webm", "libvpx-vp9", "opus"), ("a.avi", "libx264", "pcm_s16le")],
)  # fmt: skip
@pytest.mark.parametrize("rate", [16000, 44100])
def test_every_container_takes_sound_and_keeps_its_pictures(
    name: str, codec: str, heard_as: str, rate: int, tmp_path: Path
) -> None:
    stereo = np.stack([wave(1.2, rate), np.zeros(round(1.2 * rate), np.float32)], axis=1)
    write_video(tmp_path / name, numbered_frames(25), 25, codec=codec, sound=Sound(stereo, rate))
    assert numbers_in(read_frames(tmp_path / name)) == list(range(25))
    info = probe_sound(tmp_path / name)
    assert (info.codec, info.channels) == (heard_as, 2)
    assert info.start == pytest.approx(0, abs=0.1)
    np.testing.assert_allclose(read_sound(tmp_path / name, 0.1, 1.0), wave(1.3, 16000)[1600:17600] / 2, atol=0.03)


def test_sound_is_spread_over_the_file(tmp_path: Path) -> None:
    """Whoever reads a second of pictures finds the sound of that second beside them."""
    write_video(tmp_path / "a.mp4", numbered_frames(250), 25, sound=Sound(wave(10, 16000), 16000))
    with av.open(str(tmp_path / "a.mp4")) as container:
        places = [
            (p.pos or 0, float((p.pts or 0) * (p.time_base or 0)), p.stream.type) for p in container.demux() if p.size
        ]
    for kind in ("audio", "video"):
        assert max(time for _, time, of in sorted(places)[: len(places) // 2] if of == kind) == pytest.approx(5, abs=1)


@pytest.mark.parametrize(
    ("sound", "sentence"),
    [
        (Sound(np.zeros(5, np.int16), 16000), r"the sound is int16 \(5,\); it must be float"),
        (Sound(np.zeros((2, 5, 2)), 16000), r"float64 \(2, 5, 2\)"),
        (Sound(np.zeros((5, 9)), 16000), "1 to 8 channels"),
        (Sound(np.array([0.0, np.nan]), 16000), "not finite"),
        (Sound(np.zeros(5), 0), "0 samples/s is not possible"),
        (Sound(np.zeros(5), 16000, "libopuss"), "unknown encoder 'libopuss'. Did you mean 'libopus'"),
        (Sound(np.zeros(5), 16000, "libx264"), "libx264 is no audio encoder but one for video; use aac"),
        (Sound(np.zeros(5), 16000, "libopus"), r"\.avi files take no libopus sound; use \.mkv"),
    ],
)
def test_what_cannot_be_written_is_told_and_leaves_nothing(sound: Sound, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(VideoWriteError, match=sentence):
        write_video(tmp_path / "a.avi", numbered_frames(3), 25, sound=sound)
    assert list(tmp_path.iterdir()) == []


def test_too_loud_is_clipped_and_no_samples_are_no_failure(tmp_path: Path) -> None:
    write_video(tmp_path / "a.avi", numbered_frames(25), 25, sound=Sound(np.full(16000, 7.0), 16000))
    np.testing.assert_allclose(read_sound(tmp_path / "a.avi", 0.1, 0.8), 1.0, atol=1e-3)
    write_video(tmp_path / "b.mp4", numbered_frames(5), 25, sound=Sound(np.zeros(0), 16000))
    assert len(read_frames(tmp_path / "b.mp4")) == 5


def test_the_same_sound_gives_the_same_bytes(tmp_path: Path) -> None:
    options: dict[str, Any] = dict(sound=Sound(wave(1, 16000), 16000), threads=1, options={"x264-params": "mbtree=0"})
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, numbered_frames(25), 25, **options)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_a_writer_that_is_left_leaves_no_file(tmp_path: Path) -> None:
    def leave() -> None:
        with VideoWriter(tmp_path / "a.mp4", 25, size=(96, 128), sound=Sound(wave(1, 16000), 16000)) as writer:
            writer.write(numbered_frames(1)[0])
            raise KeyError

    with pytest.raises(KeyError):
        leave()
    assert list(tmp_path.iterdir()) == []
