"""Synthetic events with sound: what is heard belongs to what is seen, and the files and manifest hold both."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from dataset_preparation.synthetic.bodies import Box
from dataset_preparation.synthetic.motion import Rng
from dataset_preparation.synthetic.sound import LEAD, MATERIALS, RATE, Body, Room, draw_body, record
from dataset_preparation.synthetic.sound_event import LABELS, SoundSettings, draw_event, draw_label
from dataset_preparation.synthetic.striking import MOTIONS, Hits
from dataset_preparation.synthetic_process import main
from videosync.audio.read import probe_sound, read_sound
from videosync.data.manifest import read_manifest, validate_manifest
from videosync.video.read import read_frames

SMALL = ["--sound", "--train_events", "10", "--val_events", "2", "--frames", "16", "--size", "32"]


def rng(*key: int) -> Rng:
    return np.random.default_rng([11, *key])


def make(folder: Path, *arguments: str) -> Path:
    assert main(["--output_dir", str(folder), "--workers", "1", *SMALL, *arguments]) == 0
    return folder


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("sound") / "set")


# what strikes


@pytest.mark.parametrize("motion", MOTIONS)
def test_what_is_seen_turns_or_stops_at_each_hit_and_never_jumps(motion: str) -> None:
    fine = np.arange(0, 5, 0.001)
    around = 0.02 if motion == "shake" else 0.005  # s: it turns gently, the others in no time
    numbers, strengths = [], []
    for seed in range(12):
        action = MOTIONS[motion](rng(seed), -1.0, 5.0)
        assert (np.diff(action.hits.times) > 0).all()
        (mover,) = (part for part in action.parts(fine)[-3:] if part.paint == 0)
        path = mover.corners.mean(axis=1) if isinstance(mover, Box) else mover.end
        speed = np.diff(path, axis=0) * 1000  # [T - 1, 3] m/s
        assert np.linalg.norm(speed, axis=1).max() < 20
        for hit in action.hits.times[(action.hits.times > 0.05) & (action.hits.times < 4.95)]:
            before, after = (speed[round((hit + shift) * 1000)] for shift in (-around, around))
            assert np.linalg.norm(after - before) > 0.3
        numbers.append(((action.hits.times > 0) & (action.hits.times < 5)).sum() / 5)
        strengths += list(action.hits.strengths)
    assert 0.8 < np.mean(numbers) < 5  # a second: no motion is told by how often it is heard
    assert 0 < min(strengths) <= max(strengths) < 2


def test_parts_are_placed_turned_and_enlarged_together() -> None:
    action, times = MOTIONS["bounce"](rng(), -1.0, 2.0), np.arange(4) / 8
    here, there = (action.placed(times, scale=s, heading=h, place=np.array(p))
                   for s, h, p in ((1.0, 0.0, (0.0, 0.0)), (2.0, np.pi / 2, (0.5, -0.25))))  # fmt: skip
    ball, moved = here[-1], there[-1]
    assert not isinstance(ball, Box)
    assert not isinstance(moved, Box)
    x, y, z = ball.end.T
    assert moved.end == pytest.approx(np.stack([0.5 - 2 * y, -0.25 + 2 * x, 2 * z], axis=-1))
    assert moved.radius == pytest.approx([2 * r for r in ball.radius])


def test_every_ten_events_hold_each_label_once_in_changing_order() -> None:
    blocks = [[draw_label(0, "train", 10 * block + i) for i in range(10)] for block in range(4)]
    assert all(sorted(block) == sorted(LABELS) for block in blocks)
    assert len({tuple(block) for block in blocks}) == 4  # options taken in turn do not go along with labels
    assert [draw_label(1, "train", i) for i in range(10)] != blocks[0]


# what is heard


def test_a_hit_is_heard_from_its_own_sample_on() -> None:
    body = Body(np.array([1000.0]), np.array([0.05]), np.array([1.0]), 4000.0)
    sound = body.ring(Hits(np.array([0.25, 9.0, -3.0]), np.ones(3)), 0.0, RATE, rng())
    assert not sound[: RATE // 4].any()
    spectrum = np.abs(np.fft.rfft(sound))
    assert np.argmax(spectrum) == pytest.approx(1000, abs=5)
    early, late = (np.abs(sound[RATE // 4 + a : RATE // 4 + a + 160]).max() for a in (0, 800))
    assert late / early == pytest.approx(np.exp(-1), rel=0.02)  # 800 samples are 0.05 s


def test_metal_rings_longer_and_higher_than_wood() -> None:
    bodies = {name: [draw_body(rng(seed), name) for seed in range(40)] for name in MATERIALS}
    longest = {name: max(body.decays.max() for body in found) for name, found in bodies.items()}
    assert longest["wood"] < 0.05 < 0.1 < min(body.decays[0] for body in bodies["metal"])
    pitch = {name: [body.frequencies[0] for body in found] for name, found in bodies.items()}
    assert np.median(pitch["wood"]) < np.median(pitch["metal"])
    assert max(pitch["wood"]) > min(pitch["metal"])  # yet the lowest mode alone does not tell


def test_a_microphone_hears_its_source_after_the_way_and_noise_where_there_is_none() -> None:
    count = round(LEAD * RATE) + 8000
    click = np.zeros(count, np.float32)
    click[round(LEAD * RATE) + 1000] = 1.0
    room = Room(0.2, 50.0)
    for distance in (0.5, 17.15):  # 1.5 and 50 ms
        heard = [record([(click, distance)], room, 8000, rng(seed)) for seed in range(20)]
        peaks = [np.argmax(np.abs(wave)) for wave in heard]
        assert np.median(peaks) == pytest.approx(1000 + distance / 343 * RATE, abs=8)  # the band moves it a little
        assert all(np.abs(wave).max() <= 1 for wave in heard)
    quiet = record([(np.zeros(count, np.float32), 2.0)], room, 8000, rng())
    assert np.isfinite(quiet).all()
    assert 0 < np.abs(quiet).max() <= 1


def test_two_microphones_hear_one_event_apart_by_start_and_way() -> None:
    """Onsets of both, laid over each other by the manifest's start frames and the ways of the sound."""
    errors = []
    for number in range(12):
        _, takes = draw_event("train", number, SoundSettings(views=2))
        curves = [_onsets(take.sound) for take in takes]
        true = (takes[1].recording.start - takes[0].recording.start + takes[0].delay - takes[1].delay) * 100
        both = np.correlate(*(curve - curve.mean() for curve in curves), mode="full")
        errors.append(abs(np.argmax(both) - (len(curves[1]) - 1) - true))
        assert takes[0].recording.start_frame != takes[1].recording.start_frame
    assert np.median(errors) <= 2  # of 10 ms


def _onsets(sound: np.ndarray) -> np.ndarray:
    """Rises of log energy, 100 a second."""
    energy = np.log(np.square(sound[: len(sound) // 160 * 160].reshape(-1, 160)).mean(axis=1) + 1e-7)
    return np.maximum(np.diff(energy, prepend=energy[0]), 0)


# the dataset


def test_manifest_labels_sound_and_pictures(dataset: Path) -> None:
    manifest = read_manifest(dataset)
    assert validate_manifest(manifest, deep=True) == []
    assert [sample.split for sample in manifest.samples] == ["train"] * 10 + ["val"] * 2
    assert Counter(sample.label for sample in manifest.of_split("train")) == dict.fromkeys(LABELS, 1)
    for sample in manifest.samples:
        (view,) = sample.views
        assert read_frames(manifest.path(view)).shape == (16, 32, 32, 3)
        info = probe_sound(manifest.path(view))
        assert (info.codec, info.rate, info.channels) == ("aac", RATE, 1)
        assert info.start == pytest.approx(0, abs=1e-3)
        assert info.seconds == pytest.approx(2.0, abs=0.1)  # the encoder fills its last block
    report = json.loads((dataset / "report.json").read_text())
    assert sum(report["labels"].values()) == 12
    assert "offset_frames" not in report


def test_hits_are_heard_in_the_file_when_the_record_says(dataset: Path) -> None:
    """Energy rises at the hits of event.json, on the clock of the file's pictures, and not between them."""
    profile = np.zeros(41)  # -200 … 200 ms around all hits
    for path in sorted(dataset.glob("train_*/event.json")):
        event = json.loads(path.read_text())
        onsets = _onsets(read_sound(path.parent / "cam0.mp4", 0.0, 2.0))
        start = event["views"][0]["start_frame"] / event["views"][0]["fps"]
        for time, _ in event["hits"]:
            at = int((time - start + event["sound_delays"][0]) * 100)
            if 20 <= at < len(onsets) - 20:
                profile += onsets[at - 20 : at + 21]
    assert abs(int(np.argmax(profile)) - 20) <= 1
    assert profile[19:22].max() > 3 * np.median(profile)


def test_same_files_whatever_the_workers_and_an_interrupted_run_goes_on(dataset: Path, tmp_path: Path) -> None:
    folder = make(tmp_path / "set", "--limit", "1")
    (folder / "train_0001").mkdir()  # as left by something that died
    make(folder, "--workers", "2")
    assert json.loads((folder / "report.json").read_text())["events_made_now"] == 10
    files = sorted(path.relative_to(dataset) for path in dataset.rglob("*.*") if path.name != "report.json")
    assert len(files) == 25
    for file in files:
        assert (folder / file).read_bytes() == (dataset / file).read_bytes()


def test_two_views_have_an_offset_and_options_may_be_taken_in_turn(tmp_path: Path) -> None:
    folder = make(tmp_path / "two", "--views", "2", "--fps", "8", "16", "--limit", "2")
    assert validate_manifest(read_manifest(folder), deep=True, max_offset=8) == []
    report = json.loads((folder / "report.json").read_text())
    assert report["videos"] == 8
    assert report["offset_frames"]["mean_absolute"] >= 1


@pytest.mark.parametrize(
    "option",
    [
        ("--static_share", "0.2"), ("--overlap", "0.5"), ("--contrast", "1"), ("--exposure_steps", "2"),
        ("--flicker", "0.1"), ("--rates", "25", "30"), ("--camera_motion", "handheld"),
    ],
)  # fmt: skip
def test_options_of_silent_scenes_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: tuple[str, ...]
) -> None:
    assert main(["--output_dir", str(tmp_path / "new"), *SMALL, *option]) == 2
    error = capsys.readouterr().err
    assert error == f"error: --sound makes no use of {option[0]}; leave out one or the other\n"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--views", "0"), "--views 0: must be 1 to 12"),
        (("--views", "13"), "--views 13: must be 1 to 12"),
        (("--offset_range", "16"), "--offset_range 16: must be 0 to 15, less than --frames 16"),
        (("--views", "2", "--offset_range", "0"), "--offset_range 0: must be 1 to 15, since --views 2"),
    ],
)
def test_bad_numbers_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: tuple[str, ...], said: str
) -> None:
    assert main(["--output_dir", str(tmp_path / "new"), *SMALL, *option]) == 2
    assert said in capsys.readouterr().err


def test_a_folder_of_the_other_kind_is_refused(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    same = ["--train_events", "1", "--val_events", "0", "--frames", "16", "--size", "32", "--workers", "1"]
    both = [*same, "--views", "2", "--fps", "8", "--offset_range", "8"]
    assert main(["--output_dir", str(dataset), *both]) == 2
    assert "sound True (now False)" in capsys.readouterr().err
    assert main(["--output_dir", str(tmp_path), *both]) == 0
    capsys.readouterr()
    assert main(["--output_dir", str(tmp_path), *both, "--sound"]) == 2
    assert "sound False (now True)" in capsys.readouterr().err
