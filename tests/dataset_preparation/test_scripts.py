"""What every preparation script does alike, on an archive of a few files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dataset_preparation import (
    audioset_process,
    cmu_process,
    dcase_process,
    esc10_process,
    hmdb51_process,
    kinetics400_process,
    kinetics_sound_process,
    multiview_process,
    ntu_process,
    pouring_process,
    tfrecords_to_videos,
    ucf101_process,
)
from tests.dataset_preparation.replicas.actions import make_hmdb51, make_ucf101
from tests.dataset_preparation.replicas.audioset import make_audioset
from tests.dataset_preparation.replicas.cmu import Source, write_source
from tests.dataset_preparation.replicas.kinetics400 import write_clip
from tests.dataset_preparation.replicas.ntu import GOOD, make_ntu
from tests.dataset_preparation.replicas.pouring import VAL, write_records
from tests.dataset_preparation.replicas.sounds import make_dcase, make_esc10
from tests.video.numbered import numbered_frames
from videosync.video.write import write_video

DESCRIPTIONS = ("manifest.jsonl", "sources.jsonl", "report.json")
CLIPS = (".mp4", ".wav")


def make_cmu(root: Path) -> None:
    for camera in ("00", "03"):
        write_source(root / f"run/hdVideos/hd_00_{camera}.mp4", Source(150), seed=int(camera))


def make_kinetics(root: Path) -> None:
    for name in ("train/abcdefghijk", "train/bcdefghijkl", "val/cdefghijklm"):
        write_clip(root / f"{name}_000001_000011.mp4", 20)


def make_sounding(root: Path) -> None:
    for name in ("train/bowling/abcdefghijk", "train/tap dancing/bcdefghijkl", "val/bowling/cdefghijklm"):
        write_clip(root / f"{name}_000001_000011.mp4", 20)


def make_recordings(root: Path) -> None:
    for name in ("a/cam0", "a/cam1", "b/cam0", "b/cam1"):
        write_video(root / f"{name}.mp4", numbered_frames(20), 25.0)


def make_ntu_of_two(root: Path) -> None:
    make_ntu(root, good=(GOOD[0], GOOD[4]))


def make_records(root: Path) -> None:
    write_records(root / VAL, ("a_view_0", 9), ("a_view_1", 9), ("b_view_0", 9))


def make_videos(root: Path) -> None:
    make_records(root.parent / "records")
    assert tfrecords_to_videos.main([str(root.parent / "records"), str(root)]) == 0


@dataclass(frozen=True)
class Script:
    module: Any
    make: Any  # writes the archive into a folder
    usual: str = ""  # where the archive lies, inside datasets/
    options: tuple[str, ...] = ()
    descriptions: tuple[str, ...] = DESCRIPTIONS  # what it writes beside the clips

    def run(self, raw: Path, out: Path, *more: object) -> int:
        return self.module.main([str(raw), str(out), *self.options, *map(str, more)])


SIZE = ("--size", "32")
OF_FOLDS = tuple(f"fold{number}/{name}" for number in (1, 2, 3) for name in DESCRIPTIONS)
OF_SOUNDS = ("meta/sounds.csv", "report.json")
WITH_SOUND = (*SIZE, "--min_seconds", "0.5")
SCRIPTS = {
    "audioset": Script(audioset_process, make_audioset, "raw/audioset", WITH_SOUND),
    "cmu": Script(cmu_process, make_cmu, "raw/cmu_pose", (*SIZE, "--num_frames", "20", "--max_offset", "3")),
    "dcase": Script(dcase_process, make_dcase, "raw/dcase2013", (), OF_SOUNDS),
    "esc10": Script(esc10_process, make_esc10, "raw/esc10", (), OF_SOUNDS),
    "hmdb51": Script(hmdb51_process, make_hmdb51, "raw/hmdb51", SIZE, OF_FOLDS),
    "kinetics400": Script(kinetics400_process, make_kinetics, "raw/kinetics400", SIZE),
    "kinetics_sound": Script(kinetics_sound_process, make_sounding, "raw/kinetics400", WITH_SOUND),
    "multiview": Script(multiview_process, make_recordings, "", (*SIZE, "--val_share", "0.5")),
    "ntu": Script(ntu_process, make_ntu_of_two, "raw/ntu", SIZE),
    "pouring": Script(pouring_process, make_videos, "raw/pouring/videos", (*SIZE, "--max_offset", "2")),
    "tfrecords": Script(tfrecords_to_videos, make_records, "raw/pouring"),
    "ucf101": Script(ucf101_process, make_ucf101, "raw/ucf101", SIZE, OF_FOLDS),
}


@pytest.fixture(params=SCRIPTS.values(), ids=SCRIPTS, scope="module")
def script(request):
    return request.param


@pytest.fixture(scope="module")
def raw(script, tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive") / "raw"
    script.make(folder)
    return folder


def clips_of(out: Path) -> dict[str, int]:
    """Clip → when it was written."""
    return {
        path.relative_to(out).as_posix(): path.stat().st_mtime_ns for path in out.rglob("*.*") if path.suffix in CLIPS
    }


def test_the_same_bytes_whatever_the_workers_and_nothing_is_done_twice(script, raw, tmp_path):
    one, two, alone = tmp_path / "one", tmp_path / "two", ("--workers", 1)
    for out, workers in ((one, alone), (two, ("--workers", 2))):
        assert script.run(raw, out, *workers) == 0
    before = clips_of(one)
    assert len(before) >= 2
    for name in (*script.descriptions, *before):
        assert (one / name).read_bytes() == (two / name).read_bytes(), name
    assert script.run(raw, one, *alone) == 0
    assert clips_of(one) == before
    lost = min(before)
    (one / lost).unlink()
    (one / script.descriptions[0]).unlink()
    assert script.run(raw, one, *alone) == 0
    changed = {name for name, stamp in clips_of(one).items() if stamp != before[name]}
    assert lost in changed
    assert len(changed) < len(before)
    for name in (*script.descriptions, *before):
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


def test_a_dry_run_writes_nothing(script, raw, tmp_path, capsys):
    assert script.run(raw, tmp_path / "out", "--dry_run") == 0
    assert capsys.readouterr().out
    assert not (tmp_path / "out").exists()


def test_without_folders_the_usual_places_are_taken(script, raw, tmp_path, capsys, monkeypatch):
    if not script.usual:
        pytest.skip("its recordings lie anywhere")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert script.module.main(["--dry_run"]) == 2
    assert f"there is no {script.usual}" in capsys.readouterr().err
    link = Path("datasets", script.usual)
    link.parent.mkdir(parents=True)
    link.symlink_to(raw)
    assert script.module.main([*script.options, "--dry_run"]) == 0
    assert f"found {link}; the dataset goes to datasets/" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_one_sentence(script, tmp_path, capsys):
    assert script.run(tmp_path / "nowhere", tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert str(tmp_path / "nowhere") in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()
