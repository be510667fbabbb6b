"""What sync reads of a file's sound: what can be decoded, where it belongs, and what is wrong with it in a sentence."""

from __future__ import annotations

import os
import re
import tracemalloc
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.audio.sounded import click, clicks, damage_sound, delayed, write_flashes, write_sound
from tests.audio.test_read import VP9, tone
from tests.video.numbered import numbered_frames
from videosync.audio import decode
from videosync.audio.listen import SoundOfFile, sync_sound
from videosync.audio.mix import Tally, channel_weights, mixed
from videosync.audio.read import read_sound
from videosync.audio.resample import resampled
from videosync.errors import AudioError, NoSoundError
from videosync.video.sound_track import Sound
from videosync.video.write import write_video

SECONDS = 4.0


def stereo(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.stack([left, right], axis=1)


def hum(rate: int) -> np.ndarray:
    return (0.9 * np.sign(np.sin(2 * np.pi * 50 * np.arange(round(SECONDS * rate)) / rate))).astype(np.float32)


def likeness(heard: SoundOfFile) -> float:
    """Correlation with the tone, where the tone is."""
    expected = tone(SECONDS, 16_000)
    samples = heard.samples[round(-heard.start * 16_000) :][: len(expected)]
    return float(np.corrcoef(samples, expected[: len(samples)])[0, 1])


def tones(rate: int, *gains: float) -> np.ndarray:
    return tone(SECONDS, rate)[:, None] * np.array(gains, np.float32)


@pytest.mark.parametrize(
    ("samples", "rate", "note"),
    [
        (tones(8000, 1), 8000, None),
        (tones(96_000, 1, 1), 96_000, None),
        (tones(48_000, 0.5, 0.5, 1, 0, 0, 0), 48_000, None),
        (tones(16_000, 0.001), 16_000, None),
        (tones(44_100, 0, 1), 44_100, "nothing is to be heard in its left channel, and the other is used alone"),
        (tones(44_100, 1, 0.001), 44_100, "nothing is to be heard in its right channel"),
        (tones(44_100, 1, -1), 44_100, "its channels are opposite in phase, and one is turned over"),
        (np.clip(tones(48_000, 50, 50), -1, 1), 48_000, r"its sound is clipped: 9\d\.\d % of it lies at full scale"),
        (tones(16_000, 1) + np.float32(0.4), 16_000, r"its sound is shifted by a constant 40\.0 % of full scale"),
        (tones(16_000, 1, 1) * 0, 16_000, "its sound is silent"),
    ],
    ids=["8 kHz", "96 kHz", "5.1", "quiet", "dead left", "dead right", "opposite", "clipped", "DC", "silence"],
)  # fmt: skip
def test_every_kind_of_sound_is_heard_and_what_is_wrong_is_said(
    samples: np.ndarray, rate: int, note: str | None, tmp_path: Path
) -> None:
    write_sound(tmp_path / "a.mka", Sound(samples, rate, "flac"))
    heard = sync_sound(tmp_path / "a.mka")
    assert (heard.path, heard.start, heard.has_picture) == (str(tmp_path / "a.mka"), 0.0, False)
    assert (len(heard.samples), heard.samples.dtype) == (SECONDS * 16_000, np.float32)
    assert abs(float(heard.samples.mean())) < 0.001
    if samples.any():
        assert likeness(heard) > (0.9 if note and "clipped" in note else 0.99)
    else:
        assert not heard.samples.any()
    assert len(heard.notes) == (note is not None)
    assert not note or re.match(note, heard.notes[0])


@pytest.mark.parametrize("louder", ["hum", "noise"])
def test_no_channel_drowns_another(louder: str, tmp_path: Path) -> None:
    other = {"hum": hum(16_000), "noise": np.random.default_rng(0).uniform(-1, 1, round(SECONDS * 16_000))}[louder]
    write_sound(tmp_path / "a.wav", Sound(stereo(tone(SECONDS, 16_000) / 4, other), 16_000, "pcm_s16le"))
    assert likeness(sync_sound(tmp_path / "a.wav")) > 0.6


def test_a_channel_that_dies_half_way_is_made_up_for(tmp_path: Path) -> None:
    sound = tone(40, 16_000)
    halves = stereo(np.where(np.arange(len(sound)) < len(sound) / 2, sound, 0), -sound)
    write_sound(tmp_path / "a.wav", Sound(halves, 16_000, "pcm_s16le"))
    heard = sync_sound(tmp_path / "a.wav").samples
    for part in np.split(heard, 8):
        assert part.std() == pytest.approx(sound.std(), rel=0.1)


def test_weights_of_channels() -> None:
    signal, other = np.random.default_rng(1).standard_normal((2, 1000))

    def weights(*channels: np.ndarray) -> list[float]:
        return channel_weights(np.atleast_2d(np.cov(np.stack(channels), bias=True))).round(3).tolist()

    assert weights(signal) == [1.0]
    assert weights(signal, signal / 4) == [0.5, 2.0]
    assert weights(signal, -signal) == [0.5, -0.5]
    assert weights(signal, signal / 1000) == [1.0, 0.0]
    assert weights(0 * signal, 0 * signal) == [0.5, 0.5]
    loud, quiet = weights(signal, other / 10)
    assert loud == 0.5
    assert quiet == pytest.approx(5, rel=0.1)


@pytest.mark.parametrize(
    ("name", "seconds", "note"),
    [("a.mp4", 1.0, r"its sound lasts 1\.0\d s, its pictures 4\.00 s"),
     ("a.mkv", 9.0, r"its sound lasts 9\.\d\d s, its pictures 4\.00 s"),
     ("a.mp4", 4.0, None)],
)  # fmt: skip
def test_sound_that_does_not_last_as_long_as_the_pictures(
    name: str, seconds: float, note: str | None, tmp_path: Path
) -> None:
    write_video(tmp_path / name, numbered_frames(100), 25, sound=Sound(tone(seconds, 16_000), 16_000))
    heard = sync_sound(tmp_path / name)
    assert heard.has_picture
    assert likeness(heard) > 0.98
    assert heard.seconds == pytest.approx(seconds, abs=0.1)
    assert len(heard.notes) == (note is not None)
    assert not note or re.match(note, heard.notes[0])


@pytest.mark.parametrize(
    ("name", "options", "within"),
    [("a.mp4", {}, 0.001), ("a.mov", {}, 0.001), ("a.mkv", {}, 0.001), ("a.ts", {}, 0.001), ("a.webm", VP9, 0.001),
     ("a.avi", {}, 0.001), ("a.avi", {"sound": "libmp3lame"}, 0.02)],
)  # fmt: skip
def test_clicks_are_where_the_flashes_are(name: str, options: dict[str, Any], within: float, tmp_path: Path) -> None:
    write_flashes(tmp_path / name, 25, 48_000, **options)
    heard = sync_sound(tmp_path / name)
    for moment in (9 / 25, 61 / 25, 113 / 25):
        first = round((moment - 0.1 - heard.start) * 16_000)
        found = np.correlate(heard.samples[first : first + 4000], click(16_000), "valid").argmax()
        assert (first + found) / 16_000 + heard.start == pytest.approx(moment, abs=within + 0.5 / 16_000)


@pytest.mark.parametrize(
    ("name", "codec", "cover"),
    [("a.wav", "pcm_s16le", False), ("a.mp3", "libmp3lame", False), ("a.mp3", "libmp3lame", True),
     ("a.m4a", "aac", False), ("a.m4a", "aac", True), ("a.flac", "flac", True), ("a.opus", "libopus", False),
     ("a.ogg", "libopus", False)],
)  # fmt: skip
def test_a_sound_file_has_no_pictures_and_begins_with_its_first_sample(
    name: str, codec: str, cover: bool, tmp_path: Path
) -> None:
    moments = [0.25, 1.5]
    write_sound(tmp_path / name, Sound(clicks(moments, 2, 48_000), 48_000, codec), cover=cover)
    heard = sync_sound(tmp_path / name)
    assert (heard.has_picture, heard.notes, heard.start) == (False, (), 0.0)
    for moment in moments:
        first = round((moment - 0.1) * 16_000)
        found = np.correlate(heard.samples[first : first + 4000], click(16_000), "valid").argmax()
        assert (first + found) / 16_000 == pytest.approx(moment, abs=0.001)


def test_sound_that_starts_late_starts_late(tmp_path: Path) -> None:
    write_flashes(tmp_path / "in.mkv", 25, 48_000, b_frames=0)
    delayed(tmp_path / "in.mkv", tmp_path / "a.mkv", 0.45)
    on_time, late = sync_sound(tmp_path / "in.mkv"), sync_sound(tmp_path / "a.mkv")
    assert late.start - on_time.start == pytest.approx(0.45, abs=0.001)
    assert late.notes == ()


def test_memory_is_that_of_the_result() -> None:
    """No second copy is ever made."""

    def resampled_seconds(count: int) -> np.ndarray:
        frames = ((second * 16_000, np.ones((1, 16_000), np.float32)) for second in range(count))
        return resampled(mixed(frames, 16_000, Tally()), 16_000, 16_000, 0, None)

    resampled_seconds(1)  # imports what it needs
    tracemalloc.start()
    try:
        samples = resampled_seconds(400)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.3 * samples.nbytes


def test_damage_is_passed_over_and_named(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, numbered_frames(250), 25, sound=Sound(tone(10, 16_000), 16_000))
    damage_sound(path, 4.0, 5.0)
    damage_sound(path, 7.0, 7.5)
    heard = sync_sound(path)
    (note,) = heard.notes
    assert re.fullmatch(r"1\.\d\d s of its sound are damaged and left out, from [34]\.\d\d s on \(2 places\)", note)
    samples = heard.samples[round(-heard.start * 16_000) :]
    for begin, end in ((0.1, 3.8), (5.3, 6.8), (7.8, 9.8)):
        stretch = slice(round(begin * 16_000), round(end * 16_000))
        np.testing.assert_allclose(samples[stretch], tone(10, 16_000)[stretch], atol=0.1)
    assert np.abs(samples[round(4.2 * 16_000) : round(4.8 * 16_000)]).max() < 0.01
    with pytest.raises(AudioError, match=r"near 4\.\d+ s cannot be decoded"):
        read_sound(path)


def cut(path: Path, share: float) -> None:
    os.truncate(path, round(path.stat().st_size * share))


def lose(path: Path) -> None:
    """Bytes near the end, and with them about a second."""
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * 0.7)] + whole[int(len(whole) * 0.9) :])


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[32_000:32_800] = np.full(200, np.nan, np.float32).tobytes()
    path.write_bytes(content)


def join(path: Path) -> None:
    other = path.with_name(f"other{path.suffix}")
    write_sound(other, Sound(tone(1, 44_100), 44_100, "aac"))
    path.write_bytes(path.read_bytes() + other.read_bytes())


def stray(path: Path) -> None:
    """One frame in the middle says another rate."""
    whole, place = bytearray(path.read_bytes()), 0
    while place < len(whole) // 2:
        place += (whole[place + 3] & 3) << 11 | whole[place + 4] << 3 | whole[place + 5] >> 5
    whole[place + 2] = whole[place + 2] & ~0x3C | 4 << 2  # 44.1 kHz
    path.write_bytes(whole)


def jump(path: Path) -> None:
    os.rename(path, old := path.with_name(f"old{path.suffix}"))
    delayed(old, path, 90_000.0, after=2.0)


@pytest.mark.parametrize(
    ("name", "codec", "harm", "seconds", "note"),
    [
        ("a.wav", "pcm_s16le", lambda path: cut(path, 0.6), 2.4, "cut off after 2.* s, though its header lists more"),
        ("a.flac", "flac", lambda path: cut(path, 0.6), 1.9, "cut off after .* lists sound up to 4.00 s"),
        ("a.mka", "flac", lambda path: cut(path, 0.6), 2.3, "cut off after .* lists sound up to 4.00 s"),
        ("a.mp3", "libmp3lame", lambda path: cut(path, 0.6), 2.4, "cut off after .* lists sound up to 4.00 s"),
        (
            "a.mp3",
            "libmp3lame",
            lose,
            3.0,
            r"^0.* s on; .* no time stamps, so that what follows may be up to [01]\.\d\d s",
        ),
        ("a.wav", "pcm_f32le", spoil, 4.0, r"0\.01 s of its sound are damaged and left out, from 0.* s on$"),
        ("a.aac", "aac", join, 4.05, r"cannot be read further than 4.* s \(.* from 16000 to 44100 samples/s"),
        ("a.aac", "aac", stray, 4.05, r"^0\.\d\d s of its sound are damaged and left out, from 2.* s on$"),
        ("a.mka", "flac", jump, 2.1, r"cannot be read further than 2.* s \(the time stamps of its sound jump from"),
    ],
)
def test_what_can_be_read_is_kept(
    name: str, codec: str, harm: Callable[[Path], None], seconds: float, note: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    write_sound(path, Sound(tone(SECONDS, 16_000), 16_000, codec))
    harm(path)
    heard = sync_sound(path)
    assert len(heard.notes) == 1
    assert re.search(note, heard.notes[0])
    assert heard.seconds == pytest.approx(seconds, abs=0.25)
    stop = round((seconds - 0.4) * 16_000)
    if codec != "aac":  # which alone has no exact beginning
        np.testing.assert_allclose(heard.samples[8_500:stop], tone(4, 16_000)[8_500:stop], atol=0.1)


def test_one_stray_time_stamp_moves_nothing(tmp_path: Path) -> None:
    write_sound(tmp_path / "a.mka", Sound(tone(SECONDS, 16_000), 16_000, "flac"))
    delayed(tmp_path / "a.mka", tmp_path / "b.mka", 100.0, after=1.95, until=2.05)
    expected = read_sound(tmp_path / "a.mka")
    np.testing.assert_array_equal(read_sound(tmp_path / "b.mka"), expected)


def test_pictures_that_cannot_be_read_leave_the_sound(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    write_video(path, numbered_frames(50), 25, sound=Sound(tone(2, 16_000), 16_000))
    path.write_bytes(path.read_bytes().replace(b"V_MPEG4/ISO/AVC", b"V_MPEG9/ISO/AVC"))
    heard = sync_sound(path)
    assert (heard.has_picture, heard.start) == (False, 0.0)
    assert heard.notes[0].startswith("its pictures cannot be read, so that time 0 is where its sound begins (its")
    with pytest.raises(AudioError, match="format that nothing here decodes"):
        read_sound(path)


@pytest.mark.parametrize("rate", [1, 2**31 - 1])
def test_rates_that_no_recording_has_are_refused(rate: int, tmp_path: Path) -> None:
    """They would fill the memory."""
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(bytes(20_000))
    with pytest.raises(AudioError, match=rf"a\.wav: its header says {rate} samples/s, expected 1000 to 1500000"):
        sync_sound(tmp_path / "a.wav")


def test_files_without_sound_are_told(tmp_path: Path) -> None:
    write_video(tmp_path / "mute.mp4", numbered_frames(10), 25)
    with pytest.raises(NoSoundError, match=r"mute\.mp4: has no sound"):
        sync_sound(tmp_path / "mute.mp4")


def test_more_channels_than_can_be_told_apart_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of damaged AAC with 49 channels, PyAV reads what lies behind them in the memory."""
    write_sound(tmp_path / "a.m4a", Sound(np.zeros(16000, np.float32), 16000, "aac"))
    monkeypatch.setattr(decode, "MOST_PLANES", 0)
    with pytest.raises(AudioError, match=r"a\.m4a: its sound \(aac\) cannot be decoded"):
        sync_sound(tmp_path / "a.m4a")
