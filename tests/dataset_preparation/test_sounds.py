"""DCASE 2013 and ESC-10 become the tree that ESC-50 has: files as they were, with folds and classes."""

import shutil

import pytest

from dataset_preparation import dcase_process, esc10_process
from tests.dataset_preparation.replicas.sounds import SCENES, make_dcase, make_esc10, write_tone
from tests.dataset_preparation.reports import report_of
from videosync.data.labelled_sounds import read_labelled_sounds


def test_dcase_tests_the_private_set_first_and_tells_files_of_one_name_apart(tmp_path):
    make_dcase(tmp_path / "raw")
    raw, out = tmp_path / "raw", tmp_path / "out"
    assert dcase_process.main([str(raw), str(out), "--workers", "1"]) == 0
    sounds = read_labelled_sounds(out)
    assert len(sounds) == 12
    folders = {1: raw / "scenes_stereo_testset", 2: raw / "scenes_stereo/scenes_stereo"}
    for sound in sounds:
        assert sound.path.read_bytes() == (folders[sound.fold] / sound.path.name).read_bytes()
        assert sound.label == sound.path.stem[:-2]
    assert {sound.label for sound in sounds} == set(SCENES)


def test_esc10_has_the_folds_and_classes_of_its_names(tmp_path):
    make_esc10(tmp_path / "raw")
    assert esc10_process.main([str(tmp_path / "raw"), str(tmp_path / "out")]) == 0
    found = {sound.path.name: (sound.fold, sound.label) for sound in read_labelled_sounds(tmp_path / "out")}
    assert found["2-102-A.wav"] == (2, "Rain")
    assert len(found) == 8


def test_sounds_that_cannot_be_used_are_named_and_lose_nothing_else(tmp_path):
    make_esc10(tmp_path / "raw")
    folder = tmp_path / "raw" / "002 - Rain"
    (folder / "1-102-A.wav").write_bytes(b"")
    write_tone(folder / "rain.wav", 100)
    assert esc10_process.main([str(tmp_path / "raw"), str(tmp_path / "out")]) == 0
    report = report_of(tmp_path / "out")
    assert {entry["what"]: entry["kind"] for entry in report["dropped"]} == {
        "1-102-A.wav": "unreadable",
        "002 - Rain/rain.wav": "other file",
    }
    assert report["folds"] == {"1": {"files": 3, "classes": 2}, "2": {"files": 4, "classes": 2}}
    assert len(read_labelled_sounds(tmp_path / "out")) == 7


@pytest.mark.parametrize(
    ("module", "make", "change", "said"),
    [
        (dcase_process, make_dcase, lambda raw: shutil.rmtree(raw / "scenes_stereo_testset"),
         "has no scenes_stereo_testset/ with files like bus01.wav (it holds scenes_stereo)"),
        (esc10_process, make_esc10, lambda raw: [(p.rename(raw / p.name[6:])) for p in raw.glob("0*")],
         "holds Dog bark, README.txt, Rain; expected folders like '001 - Dog bark'"),
        (esc10_process, make_esc10, lambda raw: shutil.copy(
            raw / "001 - Dog bark/1-101-A.wav", raw / "002 - Rain/1-101-A.wav"),
         "would both become the clip audio/1-101-A.wav"),
    ],
)  # fmt: skip
def test_wrong_trees_are_one_sentence(tmp_path, capsys, module, make, change, said):
    make(tmp_path / "raw")
    change(tmp_path / "raw")
    assert module.main([str(tmp_path / "raw"), str(tmp_path / "out")]) == 2
    message = capsys.readouterr().err
    assert said in message
    assert message.count("\n") == 1
