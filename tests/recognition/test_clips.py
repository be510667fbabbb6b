"""Clips of files: where they lie, what stands in for what a short file lacks, and files that cannot be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.recognition.replicas import RATE, write_wave
from videosync.audio.augment import SoundAugment
from videosync.audio.log_mel import log_mel
from videosync.recognition.clips import Damage, SoundClips, VideoClips, evenly_spaced, read_ahead, seeded
from videosync.recognition.items import Item
from videosync.video.transforms import IMAGENET_MEAN, IMAGENET_STD
from videosync.video.write import write_video


@pytest.fixture
def sound(tmp_path: Path) -> Item:
    path = tmp_path / "ramp.wav"
    write_wave(path, np.random.default_rng(0).uniform(-0.5, 0.5, RATE))
    return Item(path, "a", "g")


@pytest.fixture
def video(tmp_path: Path) -> Item:
    """Twenty pictures at 10 a second, 48 x 32: each a grey of its own but for a white rim left and right."""
    pictures = np.full((20, 32, 48, 3), 255, np.uint8)
    pictures[:, :, 8:40] = (10 * np.arange(20))[:, None, None, None]
    path = tmp_path / "greys.mp4"
    write_video(path, pictures, 10.0, crf=1)
    return Item(path, "a", "g", pictures=True)


def greys(clip: torch.Tensor) -> torch.Tensor:
    """The number of the picture seen at each step of ``[3, T, S, S]``."""
    mean, std = (torch.tensor(three).view(3, 1, 1, 1) for three in (IMAGENET_MEAN, IMAGENET_STD))
    return (clip * std + mean).mean((0, 2, 3)) * 25.5


def test_clips_are_spaced_from_the_first_moment_to_the_last() -> None:
    assert evenly_spaced(5, 2, 4).tolist() == [0, 1, 2, 3]
    assert evenly_spaced(5, 2, 1).tolist() == [1.5]
    assert evenly_spaced(1, 2, 3).tolist() == [0, 0, 0]


def test_a_clip_of_a_video_has_the_pictures_of_its_times_cut_to_the_centre(video: Item) -> None:
    clips = VideoClips(4, 5.0, 16).spaced(video, 3, damage := Damage())  # 0.8 s at 5/s of 2 s at 10/s
    assert clips.shape == (3, 3, 4, 16, 16)
    for start, clip in zip((0, 6, 12), clips):
        torch.testing.assert_close(greys(clip), start + 2.0 * torch.arange(4), atol=0.5, rtol=0)
    assert not damage.short


def test_the_last_picture_stays_where_a_video_is_too_short(video: Item) -> None:
    clips = VideoClips(6, 2.0, 16).spaced(video, 2, damage := Damage())
    torch.testing.assert_close(greys(clips[1]), torch.tensor([0, 5, 10, 15, 19, 19.0]), atol=0.5, rtol=0)
    assert damage.short == {video.path}


def test_a_drawn_clip_depends_on_its_generator_alone(video: Item) -> None:
    clips = VideoClips(4, 10.0, 16)
    first, again, other = (clips.drawn(video, None, seeded(0, word)) for word in "aab")
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.shape == (3, 4, 16, 16)


def test_sound_that_ends_early_goes_on_in_silence(sound: Item) -> None:
    (clip,) = SoundClips(1.5).spaced(sound, 1, damage := Damage())
    silence = log_mel(torch.zeros(RATE))[:, :1]
    torch.testing.assert_close(clip[0, :, -40:], silence.expand(80, 40))
    assert (clip[0, :, :90].mean(1) > silence[:, 0] + 1).all()
    assert damage.short == {sound.path}


def test_train_clips_of_a_sound_are_drawn_and_changed(sound: Item) -> None:
    clips, augment = SoundClips(0.5), SoundAugment()
    first, again = (clips.drawn(sound, 3, augment, seeded(1, "x"), Damage()) for _ in range(2))
    plain = clips.drawn(sound, 3, None, seeded(1, "x"), Damage())
    assert first.shape == plain.shape == (3, 1, 80, 51)
    assert torch.equal(first, again)
    assert not torch.equal(first, plain)


@pytest.mark.parametrize("threads", [0, 2])
def test_files_that_cannot_be_read_are_noted_and_left_out(sound: Item, tmp_path: Path, threads: int) -> None:
    broken = Item(tmp_path / "broken.wav", "a", "g")
    broken.path.write_bytes(b"RIFF no sound at all")
    asked, damage = [sound, broken, sound], Damage()
    clips = SoundClips(0.5)
    read = list(read_ahead(asked, lambda item: clips.spaced(item, 2, damage), damage, threads=threads))
    assert [place for place, _ in read] == [0, 2]
    assert list(damage.unread) == [broken.path]
    assert "broken.wav" in damage.unread[broken.path]
