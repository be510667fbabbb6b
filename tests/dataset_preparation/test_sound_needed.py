"""Kinetics-Sound and AudioSet: clips keep their sound, and what has none, or too little, is named with the reason."""

import csv

import av
import numpy as np
import pytest

from dataset_preparation import audioset_process, kinetics400_process, kinetics_sound_process
from dataset_preparation.audioset.archive import read_archive, youtube_id
from dataset_preparation.kinetics400.classes import KINETICS_SOUND
from tests.dataset_preparation.replicas.audioset import VIDEOS, make_audioset
from tests.dataset_preparation.replicas.kinetics400 import write_clip
from tests.dataset_preparation.reports import report_of
from videosync.audio.read import probe_sound, read_sound
from videosync.data.manifest import read_manifest, validate_manifest
from videosync.data.sources import read_sources

OPTIONS = ("--size", "32", "--workers", "1", "--min_seconds", "0.5")


def kinetics(folder, *names, **options):
    for name in names:
        write_clip(folder / f"{name}_000001_000011.mp4", **{"count": 24, "size": (48, 64), **options})


def run(module, raw, out, *options):
    return module.main([str(raw), str(out), *OPTIONS, *map(str, options)])


def damage_sound(path):
    """Overwrite the packets of the sound, from the third on."""
    with av.open(str(path)) as container:
        places = [(p.pos, p.size) for p in container.demux(container.streams.audio[0]) if p.pos is not None and p.size]
    data = bytearray(path.read_bytes())
    noise = np.random.default_rng(0).integers(0, 256, 100_000, np.uint8).tobytes()
    for position, size in places[2:]:
        data[position : position + size] = noise[:size]
    path.write_bytes(data)


@pytest.fixture(scope="module")
def sounding(tmp_path_factory):
    """Files of three classes of Kinetics-400, and what was made of them."""
    raw = tmp_path_factory.mktemp("k400")
    kinetics(raw / "train/playing_drums", "goodFile-01", "goodFile-02")
    kinetics(raw / "train/bowling", "noSoundAtAl", sound="")
    kinetics(raw / "train/bowling", "soundTooSho", heard=0.3)
    kinetics(raw / "train/bowling", "pictTooShor", count=18, fps=50, heard=2.0)
    kinetics(raw / "train/bowling", "brokenSound")
    damage_sound(raw / "train/bowling/brokenSound_000001_000011.mp4")
    kinetics(raw / "train/archery", "otherClass0")
    kinetics(raw / "val/bowling", "goodFile-03")
    out = tmp_path_factory.mktemp("out")
    assert run(kinetics_sound_process, raw, out) == 0
    return raw, out


def test_clips_have_the_sound_of_their_sources_and_their_class(sounding):
    raw, out = sounding
    manifest = read_manifest(out)
    assert validate_manifest(manifest, deep=True) == []
    assert {sample.event: (sample.split, sample.label) for sample in manifest.samples} == {
        "goodFile-01": ("train", "playing_drums"),
        "goodFile-02": ("train", "playing_drums"),
        "goodFile-03": ("val", "bowling"),
    }
    sources = read_sources(out)
    for sample in manifest.samples:
        (view,) = sample.views
        heard = read_sound(manifest.path(view), 0.1, 0.5)
        original = read_sound(raw / sources[view.video].source, 0.1, 0.5)
        assert np.corrcoef(heard, original)[0, 1] > 0.9
        assert probe_sound(manifest.path(view)).seconds == pytest.approx(0.8, abs=0.1)


def test_what_lacks_sound_or_length_is_counted_and_named(sounding):
    _, out = sounding
    report = report_of(out)
    dropped = {entry["event"]: entry for entry in report["dropped"]}
    assert {event: entry["kind"] for event, entry in dropped.items()} == {
        "noSoundAtAl": "no sound",
        "soundTooSho": "short sound",
        "pictTooShor": "short pictures",
        "brokenSound": "sound damaged",
    }
    assert all(entry["what"].startswith("train/bowling/") and entry["why"] for entry in dropped.values())
    assert "0.36 s of pictures, less than 0.5 s" in dropped["pictTooShor"]["why"]
    assert "s of sound beside 0.80 s of pictures, less than 0.5 s" in dropped["soundTooSho"]["why"]
    assert report["found"]["files of other classes"] == 1
    assert report["found"]["classes without a file"] == len(KINETICS_SOUND) - 2
    assert report["settings"]["min_seconds"] == 0.5


def test_what_is_left_out_by_an_option_comes_back_with_another_one(sounding, tmp_path):
    raw, _ = sounding
    assert run(kinetics_sound_process, raw, tmp_path) == 0
    assert run(kinetics_sound_process, raw, tmp_path, "--min_seconds", 0.1) == 0
    assert set(report_of(tmp_path)["dropped_kinds"]) == {"no sound", "sound damaged"}
    assert (tmp_path / "unreadable.txt").read_text().count("\t") == 0


def test_kinetics_400_keeps_files_without_sound_unless_asked(sounding, tmp_path):
    raw, _ = sounding
    assert run(kinetics400_process, raw, tmp_path, "--min_seconds", 0) == 0
    report = report_of(tmp_path)
    assert report["dropped"] == []
    assert report["sound_kinds"] == {"no sound": 1, "sound damaged": 1}
    labels = {sample.event: sample.label for sample in read_manifest(tmp_path).samples}
    assert labels["otherClass0"] == "archery"
    assert run(kinetics400_process, raw, tmp_path, "--need_sound") == 0
    assert report_of(tmp_path)["dropped_kinds"]["no sound"] == 1


def test_a_file_says_other_classes(sounding, tmp_path, capsys):
    raw, _ = sounding
    classes = tmp_path / "classes.txt"
    classes.write_text("# mine\nArchery\n\n")
    assert run(kinetics_sound_process, raw, tmp_path / "out", "--classes", classes) == 0
    assert [sample.label for sample in read_manifest(tmp_path / "out").samples] == ["archery"]
    for text, said in (
        ("bowlin\n", "no video is of the 1 classes asked for, 'bowlin' for example"),
        ("# none\n", "names no class"),
        (None, "is not a file; give a text file"),
    ):
        classes.unlink(missing_ok=True)
        if text:
            classes.write_text(text)
        capsys.readouterr()
        assert run(kinetics_sound_process, raw, tmp_path / "out", "--classes", classes) == 2
        message = capsys.readouterr().err
        assert said in message
        assert message.count("\n") == 1


@pytest.fixture(scope="module")
def audioset(tmp_path_factory):
    raw, out = tmp_path_factory.mktemp("audioset"), tmp_path_factory.mktemp("prepared")
    make_audioset(raw)
    kinetics(raw / "videos", "silentMovie", sound="")
    assert run(audioset_process, raw, out) == 0
    return raw, out


def test_audioset_takes_names_of_all_tools_and_the_splits_of_the_tables(audioset):
    _, out = audioset
    manifest = read_manifest(out)
    assert validate_manifest(manifest, deep=True) == []
    sources = read_sources(out)
    made = {sources[sample.views[0].video].source: (sample.event, sample.split) for sample in manifest.samples}
    assert made == VIDEOS
    assert all(probe_sound(manifest.path(sample.views[0])).seconds > 0.5 for sample in manifest.samples)
    with (out / "labels.csv").open(newline="") as file:
        labels = {sources[clip].source: label for clip, label in list(csv.reader(file))[1:]}
    assert labels == {
        "videos/part_0/-0RWZT-miFs_420.000_430.000.mp4": "Keys jangling; Car, motor",
        "videos/part_1/deep/Yes_I_am_id.webm": "Car, motor",
    }
    report = report_of(out)
    assert report["dropped_kinds"] == {"no sound": 1}
    assert report["found"]["rows without a file"] == 1


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("-0RWZT-miFs", "-0RWZT-miFs"),
        ("YabcdefghijkY", "YabcdefghijkY"),
        ("Y0RWZT-miFs_30000_40000", "Y0RWZT-miFs"),
        ("YY0RWZT-miFs_30.5", "Y0RWZT-miFs"),
        ("a_1_b_2_c_3", "a_1_b_2_c_3"),
        ("my holiday_1", "my holiday_1"),
    ],
)
def test_youtube_ids_in_names(name, identity):
    assert youtube_id(name) == identity


def test_wrong_trees_of_audioset_are_one_sentence(tmp_path, capsys):
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "notes.txt").touch()
    assert run(audioset_process, raw, tmp_path / "out") == 2
    assert "holds no videos (1 other files); expected videos with sound named" in capsys.readouterr().err
    (raw / "holiday.mp4").touch()
    (raw / "eval_segments.csv").write_text("# a comment\n-0RWZT-miFs, 30.000\n")
    assert run(audioset_process, raw, tmp_path / "out") == 2
    assert "eval_segments.csv:2: has 2 values, not 4; download" in capsys.readouterr().err


def test_without_tables_folders_say_the_splits_and_what_is_there_twice_is_named(tmp_path):
    for path in ("a/holiday.mp4", "b/holiday.mp4", "b/-0RWZT-miFs_30.mp4", "Eval/x/-0RWZT-miFs_90.mp4"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    archive = read_archive(tmp_path)
    assert [(video.path, video.split) for video in archive.videos] == [
        ("a/holiday.mp4", "train"),
        ("Eval/x/-0RWZT-miFs_90.mp4", "val"),
    ]
    assert [(entry.what, entry.kind) for entry in archive.dropped] == [
        ("b/-0RWZT-miFs_30.mp4", "in val too"),
        ("b/holiday.mp4", "double name"),
    ]
