"""Sound is where its time stamps say, on the clock of the pictures, however it is stored and whatever is asked for."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from av.audio.frame import AudioFrame

from tests.audio.sounded import clicks_after_flashes, damage_sound, delayed, write_flashes, write_sound
from tests.video.numbered import numbered_frames
from videosync.audio import decode
from videosync.audio.read import decoder_version, probe_sound, read_sound
from videosync.errors import AudioError, NoSoundError
from videosync.video.read import probe
from videosync.video.sound_track import Sound
from videosync.video.write import write_video

NTSC = Fraction(30000, 1001)
VP9 = {"codec": "libvpx-vp9", "options": {"cpu-used": "8", "deadline": "realtime"}}
MPEG4 = {"codec": "mpeg4", "bit_rate": 500_000}


def tone(seconds: float, rate: int) -> np.ndarray:
    """A rising tone that is nowhere like itself, float32 [n]."""
    times = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * (300 + 20 * times) * times)).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "fps", "rate", "options", "within"),
    [
        ("a.mp4", 25, 48000, {}, 0.001),
        ("a.mp4", NTSC, 44100, {}, 0.001),
        ("a.mov", NTSC, 22050, {"b_frames": 0}, 0.001),
        ("a.mkv", NTSC, 44100, {}, 0.001),
        ("a.mkv", 25, 44100, {"sound": "flac"}, 0.001),
        ("a.ts", 25, 48000, {}, 0.001),
        ("a.ts", NTSC, 44100, {"sound": "libmp3lame"}, 0.001),
        ("a.webm", 25, 48000, VP9, 0.001),
        ("a.webm", Fraction(24000, 1001), 44100, VP9, 0.001),
        ("a.avi", 25, 44100, {}, 0.001),
        ("a.avi", 25, 44100, MPEG4, 0.001),
        ("a.avi", 25, 44100, {"sound": "libmp3lame"}, 0.02),
        ("a.avi", 25, 48000, {"sound": "libmp3lame", "b_frames": 0}, 0.02),
        ("a.avi", 25, 16000, {"sound": "libmp3lame", **MPEG4}, 0.02),
        ("a.avi", 25, 48000, {"sound": "libmp3lame", **MPEG4, "b_frames": 2}, 0.02),
    ],
)
def test_a_flash_and_its_click_stay_together(
    name: str, fps: Any, rate: int, options: dict[str, Any], within: float, tmp_path: Path
) -> None:
    write_flashes(tmp_path / name, fps, rate, **options)
    found = clicks_after_flashes(tmp_path / name)
    assert len(found) == 3
    np.testing.assert_allclose(found, 0, atol=within)
    assert probe(tmp_path / name).fps == pytest.approx(float(fps))
    np.testing.assert_allclose(np.diff(probe(tmp_path / name).times), 1 / float(fps), atol=0.0011)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "a.ts"])
def test_sound_that_starts_late_comes_late(name: str, tmp_path: Path) -> None:
    write_flashes(tmp_path / f"in{name}", 25, 48000, b_frames=0)
    delayed(tmp_path / f"in{name}", tmp_path / name, 0.45)
    np.testing.assert_allclose(clicks_after_flashes(tmp_path / name, 0.45), [0.45] * 3, atol=0.001)
    assert probe_sound(tmp_path / name).start == pytest.approx(0.45, abs=0.025)  # encoded AAC begins 1024 samples early
    assert not read_sound(tmp_path / name, 0.0, 0.4).any()


WINDOWS = [
    ("a.wav", "pcm_s16le", 44100),
    ("a.flac", "flac", 44100),
    ("a.mp3", "libmp3lame", 44100),
    ("a.ogg", "libopus", 48000),
    ("a.m4a", "aac", 44100),
    ("a.aac", "aac", 48000),
    ("a.mka", "flac", 44100),
    ("a.ts", "aac", 44100),
    ("a.avi", "libmp3lame", 44100),
]


@pytest.mark.parametrize(("name", "codec", "rate"), WINDOWS)
def test_a_window_is_the_same_stretch_of_the_whole(name: str, codec: str, rate: int, tmp_path: Path) -> None:
    write_sound(tmp_path / name, Sound(tone(12, rate), rate, codec))
    whole = read_sound(tmp_path / name)
    # stamps of whole milliseconds: up to half a millisecond off, which is 8 samples, and half a sample
    shifts, within = (range(-8, 9), 0.05) if name == "a.mka" else (range(1), 1e-4)
    for start, seconds in ((0.0, 1.0), (0.3, 2.0), (4.5, 0.5), (8.123, 2.0)):
        window = read_sound(tmp_path / name, start, seconds)
        assert window.shape == (round(seconds * 16000),)
        expected = whole[round(start * 16000) :][: len(window)]
        assert min(np.abs(window - np.roll(expected, shift))[20:-20].max() for shift in shifts) < within


def test_seeking_reads_no_more_than_a_little_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sound(tmp_path / "a.m4a", Sound(tone(60, 16000), 16000))
    read_sound(tmp_path / "a.m4a", 0, 1)
    decoded: list[int] = []

    def counted(path: str, frame: AudioFrame, lost: list[decode.Lost] | None) -> np.ndarray:
        decoded.append(frame.samples)
        return channels(path, frame, lost)

    channels = decode._channels
    monkeypatch.setattr(decode, "_channels", counted)
    read_sound(tmp_path / "a.m4a", 40.0, 2.0)
    assert sum(decoded) < 4 * 16000


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 37800, 44100, 48000, 96000])
def test_every_rate_becomes_the_one_asked_for(rate: int, tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", Sound(tone(3, rate), rate, "pcm_s16le"))
    info = probe_sound(tmp_path / "a.wav")
    assert (info.rate, info.channels, info.start, info.seconds) == (rate, 1, 0.0, pytest.approx(3.0, abs=1e-4))
    heard = read_sound(tmp_path / "a.wav")
    np.testing.assert_allclose(heard[200:-200], tone(3, 16000)[200:-200], atol=2e-4)
    assert len(heard) == 48000


def test_blocks_of_long_sound_join_without_a_seam(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", Sound(tone(25, 11025), 11025, "pcm_s16le"))
    np.testing.assert_allclose(read_sound(tmp_path / "a.wav")[200:-200], tone(25, 16000)[200:-200], atol=2e-4)


def test_channels_are_averaged_and_all_kinds_of_numbers_are_read(tmp_path: Path) -> None:
    surround = np.stack([tone(1, 96000) * gain for gain in (1.0, 0.5, 0.0, 0.0, 0.0, 0.0)], axis=1)
    write_sound(tmp_path / "a.mka", Sound(surround, 96000, "flac"))
    assert probe_sound(tmp_path / "a.mka").channels == 6
    np.testing.assert_allclose(read_sound(tmp_path / "a.mka")[200:-200], tone(1, 16000)[200:-200] / 4, atol=2e-4)
    for codec in ("pcm_u8", "pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_s64le", "pcm_f32le", "pcm_f64le"):
        write_sound(tmp_path / "b.wav", Sound(tone(1, 16000), 16000, codec))
        np.testing.assert_allclose(read_sound(tmp_path / "b.wav"), tone(1, 16000), atol=0.01, err_msg=codec)


def test_what_lies_outside_is_silence(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", Sound(tone(1, 16000), 16000, "pcm_s16le"))
    heard = read_sound(tmp_path / "a.wav", -0.5, 2.0)
    assert heard.dtype == np.float32
    assert not heard[:8000].any()
    assert not heard[24000:].any()
    np.testing.assert_allclose(heard[8000:24000], tone(1, 16000), atol=1e-4)
    assert read_sound(tmp_path / "a.wav", 5.0, 0.5).tolist() == [0.0] * 8000
    assert read_sound(tmp_path / "a.wav", 5.0).shape == (0,)
    assert read_sound(tmp_path / "a.wav", 0.25, 0.0).shape == (0,)


@pytest.mark.parametrize("seconds", [0.4, 3.0])
def test_sound_may_be_shorter_or_longer_than_the_picture(seconds: float, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, numbered_frames(50), 25, sound=Sound(tone(seconds, 16000), 16000))
    assert probe_sound(path).seconds == pytest.approx(seconds, abs=0.065)
    heard = read_sound(path, 0, 4)
    sounding = round(seconds * 16000)
    np.testing.assert_allclose(heard[400 : sounding - 400], tone(4, 16000)[400 : sounding - 400], atol=0.1)
    assert not heard[sounding + 1100 :].any()


def test_silence_is_sound(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", numbered_frames(25), 25, sound=Sound(np.zeros(16000, np.float32), 16000))
    assert not read_sound(tmp_path / "a.mp4").any()


@pytest.mark.parametrize(("name", "codec"), [("a.mp3", "libmp3lame"), ("a.flac", "flac")])
def test_a_cover_picture_is_no_picture_of_a_video(name: str, codec: str, tmp_path: Path) -> None:
    write_sound(tmp_path / name, Sound(tone(2, 44100), 44100, codec), cover=True)
    assert probe_sound(tmp_path / name).start == 0.0
    np.testing.assert_allclose(read_sound(tmp_path / name, 0.5, 1.0), tone(2, 16000)[8000:24000], atol=0.05)


def test_bad_files_are_told_in_a_sentence(tmp_path: Path) -> None:
    write_video(tmp_path / "mute.mp4", numbered_frames(10), 25)
    (tmp_path / "text.wav").write_text("no sound at all\n" * 50)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "empty.mp4").touch()
    write_sound(tmp_path / "no_samples.wav", Sound(tone(0, 16000), 16000, "pcm_s16le"))
    for name, kind, sentence in (
        ("mute.mp4", NoSoundError, r"has no sound \(it holds video\); name a file with a sound track"),
        ("text.wav", AudioError, "cannot be opened"),
        ("empty.wav", AudioError, r"cannot be opened as a sound file \(it is empty\)"),
        ("empty.mp4", AudioError, r"cannot be opened as a video \(it is empty\)"),
        ("no_samples.wav", AudioError, r"its sound track \(pcm_s16le\) is empty; export it again"),
        ("gone.wav", AudioError, "No such file"),
    ):
        for reader in (probe_sound, read_sound):
            with pytest.raises(kind, match=f"{name}: .*{sentence}"):
                reader(tmp_path / name)


def test_damage_is_told_where_it_is_and_only_to_those_who_ask_for_it(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, numbered_frames(250), 25, sound=Sound(tone(10, 16000), 16000))
    damage_sound(path, 4.0, 5.0)
    for start in (3.5, 4.5):
        with pytest.raises(AudioError, match=r"a\.mp4: its sound near 4\.\d+ s cannot be decoded .* copy or export"):
            read_sound(path, start, 1.0)
    np.testing.assert_allclose(read_sound(path, 8.0, 1.0), tone(10, 16000)[128000:144000], atol=0.05)
    np.testing.assert_allclose(read_sound(path, 1.0, 1.0), tone(10, 16000)[16000:32000], atol=0.05)


def test_damage_before_a_window_is_nothing_to_it(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, numbered_frames(50), 25, sound=Sound(tone(2, 16000), 16000))
    damage_sound(path, 0.0, 0.3)
    np.testing.assert_allclose(read_sound(path, 0.8, 0.9), tone(2, 16000)[12800:27200], atol=0.1)
    with pytest.raises(AudioError, match=r"near 0\.\d+ s cannot be decoded"):
        read_sound(path, 0.0, 0.9)
    damage_sound(path, 0.0, 2.0)
    with pytest.raises(AudioError, match=r"its sound \(aac\) cannot be decoded; it is damaged"):
        read_sound(path, 0.8, 0.9)


def test_sound_that_changes_its_rate_or_its_clock_is_told(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.aac", Sound(tone(1, 16000), 16000, "aac"))
    write_sound(tmp_path / "b.aac", Sound(tone(1, 44100), 44100, "aac"))
    (tmp_path / "both.aac").write_bytes((tmp_path / "a.aac").read_bytes() + (tmp_path / "b.aac").read_bytes())
    with pytest.raises(AudioError, match=r"both\.aac: its sound changes from 16000 to 44100 samples/s at 1\."):
        read_sound(tmp_path / "both.aac")
    write_video(tmp_path / "c.mkv", numbered_frames(50), 25, b_frames=0, sound=Sound(tone(2, 16000), 16000))
    delayed(tmp_path / "c.mkv", tmp_path / "jump.mkv", 90_000.0, after=1.0)
    with pytest.raises(AudioError, match=r"the time stamps of its sound jump from 1\.\d+ s to 9\d+\.\d+ s; convert it"):
        read_sound(tmp_path / "jump.mkv")
    delayed(tmp_path / "c.mkv", tmp_path / "late.mkv", 90_000.0)  # else a day of silence is made
    with pytest.raises(AudioError, match=r"time stamps of its sound begin 90000 s after its first picture; convert it"):
        read_sound(tmp_path / "late.mkv")
    delayed(tmp_path / "c.mkv", tmp_path / "gap.mkv", 3.0, after=1.0)
    heard = read_sound(tmp_path / "gap.mkv")
    assert len(heard) == pytest.approx(5 * 16000, abs=1100)
    assert not heard[18000:63000].any()
    assert heard[65000:].any()


def test_values_that_are_not_finite_are_no_sound(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", Sound(tone(1, 16000), 16000, "pcm_f32le"))
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[-4000:-3996] = np.float32(np.nan).tobytes()
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(AudioError, match="holds values that are not finite; export it again"):
        read_sound(tmp_path / "a.wav")


def test_the_decoder_names_itself() -> None:
    assert decoder_version().startswith("PyAV ")
    assert ", FFmpeg " in decoder_version()
