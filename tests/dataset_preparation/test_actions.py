"""UCF101 and HMDB51: official splits as they are, clips that three folds share, events that no split divides."""

import shutil

import pytest

from dataset_preparation import hmdb51_process, ucf101_process
from tests.dataset_preparation.replicas.actions import HMDB_CLASSES, HMDB_VIDEOS, make_hmdb51, make_ucf101
from tests.dataset_preparation.reports import report_of
from videosync.audio.read import probe_sound
from videosync.data.manifest import read_manifest, validate_manifest
from videosync.data.sources import read_sources
from videosync.errors import NoSoundError

OPTIONS = ("--size", "32", "--workers", "1")
PARTS = {"1": "train", "2": "test"}


@pytest.fixture(scope="module")
def ucf101(tmp_path_factory):
    raw, out = tmp_path_factory.mktemp("ucf"), tmp_path_factory.mktemp("ucf_out")
    make_ucf101(raw)
    (raw / "UCF-101/Archery/v_Archery_g01_c01.avi").write_bytes(b"RIFF....")
    (raw / "UCF-101/Archery/v_Archery_g02_c02.avi").unlink()
    assert ucf101_process.main([str(raw), str(out), *OPTIONS]) == 0
    return raw, out


def interrupted(*args, **options):
    raise KeyboardInterrupt


def folds(out):
    return [read_manifest(out / f"fold{number}") for number in (1, 2, 3)]


def test_ucf101_has_the_splits_of_its_lists_with_groups_as_events(ucf101):
    _, out = ucf101
    for number, manifest in enumerate(folds(out), start=1):
        assert validate_manifest(manifest, deep=True) == []
        for sample in manifest.samples:
            label, group = sample.event.rsplit("_g", 1)
            assert (sample.split == "test") == (int(group) == number)
            assert sample.label.lower() == label.lower()
            assert sample.views[0].video.startswith(f"../clips/{sample.label}/")
        assert len(manifest.samples) == 10
    assert len(list((out / "clips").rglob("*.mp4"))) == 10
    assert set(read_sources(out / "fold1")) == {sample.views[0].video for sample in folds(out)[0].samples}


def test_clips_of_actions_keep_their_sound_and_do_without(ucf101):
    _, out = ucf101
    manifest = folds(out)[0]
    for sample in manifest.samples:
        path = manifest.path(sample.views[0])
        if sample.label == "Archery":
            assert probe_sound(path).seconds == pytest.approx(0.8, abs=0.1)
        else:
            with pytest.raises(NoSoundError):
                probe_sound(path)
    assert report_of(out / "fold1")["sound_kinds"] == {"no sound": 6}


def test_damaged_and_missing_videos_of_ucf101_are_named(ucf101):
    _, out = ucf101
    for number in (1, 2, 3):
        dropped = {entry["what"]: entry["kind"] for entry in report_of(out / f"fold{number}")["dropped"]}
        assert dropped == {
            "UCF-101/Archery/v_Archery_g01_c01.avi": "not a video",
            "Archery/v_Archery_g02_c02.avi": "no file",
        }
    assert "v_Archery_g01_c01.avi\tnot a video: " in (out / "unreadable.txt").read_text()


def test_manifests_of_all_folds_are_away_while_clips_are_made_anew(ucf101, tmp_path, monkeypatch, in_process):
    raw, out = ucf101
    shutil.copytree(out, tmp_path / "out")
    monkeypatch.setattr(
        "dataset_preparation.whole.read.cut_whole", lambda *a, **k: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    assert ucf101_process.main([str(raw), str(tmp_path / "out"), *OPTIONS, "--size", "16"]) == 130
    assert not list((tmp_path / "out").glob("fold*/manifest.jsonl"))


def test_hmdb51_keeps_official_splits_where_they_divide_a_film(tmp_path):
    make_hmdb51(tmp_path / "raw")
    assert hmdb51_process.main([str(tmp_path / "raw"), str(tmp_path / "out"), *OPTIONS]) == 0
    divided = {1: 1, 2: 0, 3: 1}
    for number, manifest in enumerate(folds(tmp_path / "out"), start=1):
        assert validate_manifest(manifest, deep=True) == []
        splits = {sample.views[0].name: sample.split for sample in manifest.samples}
        assert splits == {
            name.format(label): PARTS[parts[number - 1]]
            for label in HMDB_CLASSES
            for name, parts in HMDB_VIDEOS.items()
            if parts != "000"
        }
        report = report_of(tmp_path / "out" / f"fold{number}")
        assert report["found"]["films in train and test"] == len(HMDB_CLASSES) * divided[number]
        assert report["found"]["files in no split"] == len(HMDB_CLASSES)
        events = {sample.views[0].name: sample.event for sample in manifest.samples}
        assert events["Eragon_draw_sword_u_nm_np1_fr_bad_0"] == "draw_sword/Eragon"
        film = "The_Film_#2_draw_sword_h_cm_np2_le_goo_0"
        assert events[film] == ("draw_sword/" + film if divided[number] else "draw_sword/The_Film_#2")


def test_a_limit_takes_videos_of_both_parts_of_each_fold(ucf101, tmp_path):
    raw, _ = ucf101
    assert ucf101_process.main([str(raw), str(tmp_path), *OPTIONS, "--limit", "1"]) == 0
    for manifest in folds(tmp_path):
        assert {(s.split, s.label) for s in manifest.samples} >= {("train", "Archery"), ("test", "HandstandPushups")}


@pytest.mark.parametrize(
    ("module", "make", "change", "said"),
    [
        (ucf101_process, make_ucf101, lambda raw: shutil.rmtree(raw / "UCF-101"), "has no class folders with videos"),
        (hmdb51_process, make_hmdb51, lambda raw: (shutil.rmtree(raw / "brush_hair"), shutil.rmtree(raw / "draw_sword"),
         (raw / "hmdb51_org.rar").touch()), "hmdb51_org.rar is still packed: unpack it"),
        (ucf101_process, make_ucf101, lambda raw: (raw / "ucfTrainTestlist/testlist02.txt").unlink(),
         "testlist02.txt: cannot be read"),
        (ucf101_process, make_ucf101, lambda raw: (raw / "ucfTrainTestlist/testlist02.txt").write_text("<html>"),
         "testlist02.txt:1: expected <class>/<file>, not '<html>'"),
        (ucf101_process, make_ucf101, lambda raw: shutil.copy(
            raw / "ucfTrainTestlist/trainlist01.txt", raw / "ucfTrainTestlist/testlist01.txt"),
         "is in the list for training, too"),
        (hmdb51_process, make_hmdb51, lambda raw: shutil.rmtree(raw / "testTrainMulti_7030_splits"),
         "holds no <class>_test_split1.txt"),
        (hmdb51_process, make_hmdb51, lambda raw: (
            raw / "testTrainMulti_7030_splits/draw_sword_test_split3.txt").write_text("a.avi 3\n"),
         "draw_sword_test_split3.txt:1: expected a file name and 0, 1 or 2, not 'a.avi 3'"),
    ],
)  # fmt: skip
def test_wrong_trees_are_one_sentence(tmp_path, capsys, module, make, change, said):
    make(tmp_path / "raw")
    change(tmp_path / "raw")
    assert module.main([str(tmp_path / "raw"), str(tmp_path / "out"), *OPTIONS]) == 2
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
    assert not (tmp_path / "out").exists()
