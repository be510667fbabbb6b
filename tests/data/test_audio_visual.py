from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.cli.sound_clips import RATE, write_sound_clip, write_sound_clips
from videosync.audio.augment import SoundAugment
from videosync.audio.log_mel import log_mel
from videosync.audio.read import read_sound
from videosync.data import decoded
from videosync.data.audio_visual import AudioVisualClips, collate_pairs, nearest
from videosync.data.decoded import DecodedFiles
from videosync.data.manifest import read_manifest, write_manifest
from videosync.data.relations import draw_moments
from videosync.data.samples import Sample, View
from videosync.errors import AudioError, ManifestError, VideoError
from videosync.video.read import read_frames_at
from videosync.video.transforms import IMAGENET_MEAN, IMAGENET_STD, ClipAugment, to_model_input

FRAMES, FPS, SECONDS, SIZE = 4, 8.0, 1.0, 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write_sound_clips(folder, 3)
    return folder


def clips(folder: Path, **options: Any) -> AudioVisualClips:
    asked = {"relation": "overlapped", "num_frames": FRAMES, "fps": FPS, "audio_seconds": SECONDS, "image_size": SIZE}
    asked |= {"samples_per_video": 2, "seed": 0, "augment": None, "sound": None, **options}
    return AudioVisualClips(read_manifest(folder), "train", **asked)


def add_clip(folder: Path, name: str, view_seconds: float = 4.0, **options: Any) -> None:
    """The manifest of ``folder`` with one clip alone."""
    write_sound_clip(folder / name, 7, **options)
    write_manifest(folder, [Sample("late", "train", (View(name, 0, round(view_seconds * RATE), float(RATE)),))])


@pytest.mark.parametrize("relation", ["overlapped", "random"])
def test_pictures_and_sound_are_those_of_the_moments_drawn(folder: Path, relation: str) -> None:
    """The slow way: each clip for itself, each picture by its time."""
    data = clips(folder, relation=relation)
    item = data[3]
    assert item.name == "event1/event1"
    rng = data.draws.rng(3)
    rng.integers(1), rng.integers(2**62, size=2)
    lengths = {"video_seconds": FRAMES / FPS, "audio_seconds": SECONDS}
    moments = draw_moments(relation, 0.0, 4.0, **lengths, rng=rng)
    path = folder / "event1.mp4"
    mean, std = (torch.tensor(three).view(3, 1, 1, 1) for three in (IMAGENET_MEAN, IMAGENET_STD))
    for clip, (shown, heard) in enumerate(zip(moments.video, moments.audio)):
        times = [shown - FRAMES / FPS / 2 + (number + 0.5) / FPS for number in range(FRAMES)]
        frames = read_frames_at(path, [round(time * RATE) for time in times], size=(SIZE, SIZE))
        pictures = to_model_input(torch.from_numpy(frames), SIZE).transpose(0, 1)  # [3, T, S, S]
        torch.testing.assert_close(item.video[clip], (pictures - mean) / std)
        wave = torch.from_numpy(read_sound(path, heard - SECONDS / 2, SECONDS))
        torch.testing.assert_close(item.audio[clip, 0], log_mel(wave), atol=0.02, rtol=0.02)
    batch = collate_pairs([item, data[0]])
    assert batch.video.shape == (2, 2, 3, FRAMES, SIZE, SIZE)
    assert batch.audio.shape == (2, 2, 1, 80, 101)
    assert batch.num_frames == 2 * 2 * FRAMES
    assert set(batch.inputs()) == {"video", "audio"}
    assert batch.names == ("event1/event1", "event0/event0")


def test_items_are_a_function_of_seed_epoch_and_number(folder: Path) -> None:
    augmented = {"augment": ClipAugment(SIZE, cutout=4), "sound": SoundAugment()}
    data = clips(folder, **augmented)
    first, other = data[1], data[0]
    assert not torch.equal(first.video, other.video)  # the same video again
    assert not torch.equal(first.video[0], first.video[1])
    data.set_epoch(1)
    assert not torch.equal(data[1].audio, first.audio)
    again = clips(folder, **augmented)[1]
    assert torch.equal(again.video, first.video)
    assert torch.equal(again.audio, first.audio)
    assert len(data) == 6
    assert not torch.equal(clips(folder, seed=1, **augmented)[1].video, first.video)


def test_the_two_clips_of_one_moment_differ_in_their_changes_alone(folder: Path) -> None:
    plain = clips(folder, relation="same")[0]
    assert torch.equal(plain.video[0], plain.video[1])
    assert torch.equal(plain.audio[0], plain.audio[1])
    changed = clips(folder, relation="same", augment=ClipAugment(SIZE), sound=SoundAugment())[0]
    assert not torch.equal(changed.video[0], changed.video[1])
    assert not torch.equal(changed.audio[0], changed.audio[1])


def test_what_is_kept_is_decoded_once_for_all(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order, made = (0, 1, 2, 0), []
    expected = [clips(folder)[index] for index in order]
    for name in ("probe", "probe_sound", "iter_frames", "read_sound"):
        reader = getattr(decoded, name)
        monkeypatch.setattr(decoded, name, lambda path, *a, r=reader, **o: (made.append(path), r(path, *a, **o))[1])
    for expected_calls in (10, 0):  # of two files four things, one twice; nothing when another process asks again
        kept = clips(folder, files=DecodedFiles(tmp_path))
        for index, one in zip(order, expected):
            torch.testing.assert_close(kept[index].video, one.video)
            torch.testing.assert_close(kept[index].audio, one.audio, atol=0.02, rtol=0.02)  # cut out of the whole
        assert len(made) == expected_calls
        made.clear()


def test_what_was_cut_off_or_is_of_another_file_is_decoded_anew(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "clip.mp4"
    file.write_bytes((folder / "event0.mp4").read_bytes())
    first = DecodedFiles(tmp_path / "kept").sound(file)
    (kept,) = (tmp_path / "kept").rglob("*_sound.npy")
    kept.write_bytes(kept.read_bytes()[:1000])
    assert np.array_equal(DecodedFiles(tmp_path / "kept").sound(file), first)
    file.write_bytes((folder / "event1.mp4").read_bytes())
    assert not np.array_equal(DecodedFiles(tmp_path / "kept").sound(file), first)


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "read anew"])
def test_frames_that_a_file_has_not_are_named(folder: Path, tmp_path: Path, kept: bool) -> None:
    files, file = DecodedFiles(tmp_path if kept else None), folder / "event0.mp4"
    beyond = np.array([0, 100_000])
    with pytest.raises(VideoError, match=r"event0\.mp4.*frame 100000"):
        files.frames(file, beyond, (16, 16))
    with pytest.raises(VideoError, match=r"event0\.mp4.*frame 100000"):
        list(files.blocks(file, beyond, (16, 16), at_once=2))


def test_nearest_pictures_in_time() -> None:
    times = np.array([0.0, 0.1, 0.25, 0.3, 1.0])  # of a file of variable rate
    wanted = np.array([-1.0, 0.04, 0.06, 0.2, 0.64, 0.66, 9.0])
    expected = [int(np.abs(times - one).argmin()) for one in wanted]
    assert nearest(times, wanted).tolist() == expected
    assert nearest(times[:1], wanted).tolist() == [0] * len(wanted)


def test_clips_too_short_by_the_manifest_are_counted_and_named(folder: Path) -> None:
    with pytest.raises(ManifestError) as error:
        clips(folder, audio_seconds=3.0)
    assert (
        "3 of 3 videos of split 'train' are too short for two clips with relation 'overlapped', which need 4.5 s "
        "(pictures of 0.5 s, sound of 3 s), the first: event0.mp4 (4.00 s)"
    ) in str(error.value)


@pytest.mark.parametrize(
    ("options", "kind", "said"),
    [
        ({"sound_seconds": 0.0}, AudioError, "has no sound"),
        ({"sound_seconds": 1.0}, VideoError, r"has .* for 1.\d\d s \(pictures 0 … 4.00 s, sound 0.00 … 1"),
        ({"late": 3.0, "sound_seconds": 4.0}, VideoError, r"for (1.0|0.9)\d s \(pictures 0 … 4.00 s, sound (3.0|2.9)"),
        ({"seconds": 1.0, "sound_seconds": 4.0}, VideoError, r"has pictures with sound for 1.00 s \(pictures 0 … 1.00"),
    ],
    ids=["silent", "short_sound", "late_sound", "short_pictures"],
)
def test_a_file_that_does_not_do_is_named_with_the_remedy(
    tmp_path: Path, options: dict[str, float], kind: type, said: str
) -> None:
    add_clip(tmp_path, "a.mp4", **options)
    remedy = f"'videosync check {tmp_path} --all --sound 1.5' names all such files$"
    with pytest.raises(kind, match=f"a.mp4: .*{said}.*{remedy}"):
        clips(tmp_path)[0]


def test_late_sound_is_waited_for_and_silence_is_finite(tmp_path: Path) -> None:
    add_clip(tmp_path, "a.mp4", late=2.0, sound_seconds=2.0)
    loud = clips(tmp_path, samples_per_video=9)
    assert all(loud[index].audio.amax((1, 2, 3)).min() > 0 for index in range(9))  # no clip lies in front of it
    quiet = clips(tmp_path, sound=SoundAugment(volume=1.0))
    assert torch.isfinite(quiet._spectrogram(torch.zeros(16_000), 0)).all()


def test_hardly_too_short_is_taken(tmp_path: Path) -> None:
    add_clip(tmp_path, "a.mp4", seconds=1.5, sound_seconds=1.47, view_seconds=1.5)
    assert torch.isfinite(clips(tmp_path)[0].audio).all()
