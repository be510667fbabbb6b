"""NTU RGB+D and NTU-SYN: every frame and label against the truth of a replica, with all that can be wrong in it."""

import json
import os
import shutil
from collections import Counter

import numpy as np
import pytest

from dataset_preparation.ntu import cut
from dataset_preparation.ntu.annotations import Annotation, read_annotation
from dataset_preparation.ntu.archive import find_videos
from dataset_preparation.ntu.names import Name, parse_name
from dataset_preparation.ntu_process import main
from tests.dataset_preparation.replicas.ntu import (
    ALONE,
    BOTH,
    GOOD,
    Performance,
    add_trouble,
    make_ntu,
    name_of,
    video_path,
    write_annotation_of,
    write_avi,
    write_both,
    write_video_of,
)
from tests.dataset_preparation.reports import report_of
from tests.video.numbered import numbered_frames, numbers_in
from videosync.cli import construct, eval_detector, evaluate, train, train_detector
from videosync.data.manifest import read_manifest, validate_manifest
from videosync.data.sources import read_sources
from videosync.errors import ManifestError
from videosync.similarity.store import load_similarity_set
from videosync.video.read import probe, read_frames

SPLITS = {"train": "train", "test": "val"}


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """An archive with everything that may be wrong in it."""
    folder = tmp_path_factory.mktemp("raw")
    make_ntu(folder)
    (folder / "trouble.json").write_text(json.dumps(add_trouble(folder)))
    return folder


@pytest.fixture(scope="module")
def pairs(raw, tmp_path_factory):
    out = tmp_path_factory.mktemp("pairs")
    assert prepare(raw, out) == 0
    return out


def prepare(raw, out, *options):
    fixed = ["--size", "64", "--workers", "1"]
    return main(["--data_root", str(raw), "--output_dir", str(out), *fixed, *map(str, options)])


# Pairs


def test_every_frame_of_every_clip_is_the_one_that_its_label_says(pairs, raw):
    manifest = read_manifest(pairs)
    assert validate_manifest(manifest, deep=True, max_offset=30) == []
    samples = {sample.event: sample for sample in manifest.samples}
    assert samples.keys() == {performance.event for performance in (*GOOD, BOTH)}
    sources = read_sources(pairs)
    for truth in (*GOOD, BOTH):
        sample = samples[truth.event]
        view0, view1 = sample.views
        assert sample.split == SPLITS[truth.split]
        assert (view0.name, view1.name) == ("C001", "C002")
        assert view0.start_frame - view1.start_frame == truth.offset
        shown = []
        for camera, view in enumerate(sample.views):
            assert (view.num_frames, view.fps) == (truth.length, 30.0)
            info = probe(manifest.path(view))
            assert (info.num_frames, info.fps, info.width, info.height) == (truth.length, 30.0, 64, 64)
            shown.append(numbers_in(read_frames(manifest.path(view))))
            assert shown[camera] == truth.numbers(camera)
            source = sources[view.video]
            assert raw / source.source == video_path(raw, truth, camera)
            assert (source.first_frame, source.origin) == (truth.starts[camera], 0)
        same_moment = {(i, i + truth.offset) for i in range(truth.length)}
        seen = {(i, j) for i, a in enumerate(shown[0]) for j, b in enumerate(shown[1]) if a == b}
        assert seen == {(i, j) for i, j in same_moment if 0 <= j < truth.length}


def test_nothing_that_is_missing_or_wrong_goes_unsaid(pairs, raw):
    report = report_of(pairs)
    trouble = json.loads((raw / "trouble.json").read_text())
    assert {entry["event"]: entry["kind"] for entry in report["dropped"]} == trouble
    assert report["dropped_kinds"] == Counter(trouble.values())
    why = {entry["event"]: entry["why"] for entry in report["dropped"]}
    for event, said in (
        (BOTH.event, "in train and in val; kept in val"),
        ("S004P001R001A001", "S004C002P001R001A001_rgb.avi: the file is cut off"),
        ("S004P001R001A002", "S004C001P001R001A002_rgb.avi: cannot be opened as a video"),
        ("S004P001R001A003", "there is no S004C002P001R001A003_rgb.avi (train)"),
        ("S004P001R001A004", "there is no S004C001P001R001A004_rgb.avi.json (train)"),
        ("S004P001R001A005", "S004C001P001R001A005_rgb.avi.json: is not JSON"),
        ("S004P001R001A006", "frame 60 of"),
        ("S004P001R001A007", "frame 61 of"),
        ("S004P001R001A008", "35 frames apart, more than --max_offset 30"),
        ("S004P001R001A009", "25 frames, fewer than --min_frames 31"),
        ("S004P001R001A010", "has 30 frames/s"),
        ("S004P002R001A000", "category_id is -3, but must be a whole frame number"),
    ):
        assert said in why[event], event
    found = report["found"]
    assert found["videos"] == {"nturgb+d_rgb": 2, "raw_videos": 44, "raw_videos/part_2": 2}
    assert found["annotations of other cameras"] == 1
    wrong = {(e["event"], e["num_frame"], e["decoded"]) for e in found["frame counts that disagree"]}
    assert wrong == {("S002P003R002A010", 1200, 70), ("S003P004R001A020", 84, 85), ("S003P004R001A020", 86, 85)}
    assert found["pairs with each offset"] == {
        str(k): n for k, n in sorted(Counter(p.offset for p in (*GOOD, BOTH)).items())
    }
    assert {path.relative_to(pairs).as_posix() for path in pairs.rglob("*.mp4")} == {
        f"{event[:4]}/{event}/{camera}.mp4"
        for event in (*(performance.event for performance in (*GOOD, BOTH)), "S004P001R001A009")
        for camera in ("C001", "C002")
    }


def test_what_is_kept_is_chosen_anew_without_cutting(raw, tmp_path):
    assert prepare(raw, tmp_path) == 0
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.mp4")}
    assert prepare(raw, tmp_path, "--min_frames", 65) == 0
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    kept = read_manifest(tmp_path).samples
    assert min(sample.views[0].num_frames for sample in kept) >= 65
    assert "S001P001R001A007" not in {sample.event for sample in kept}


def test_a_limit_takes_events_of_both_splits(raw, tmp_path, capsys):
    assert prepare(raw, tmp_path / "few", "--limit", 3) == 0
    manifest = read_manifest(tmp_path / "few")
    assert [(s.split, s.event) for s in manifest.samples] == [
        ("train", "S001P001R001A007"),
        ("train", "S001P002R001A001"),
        ("val", "S001P001R002A007"),
    ]


def test_a_dry_run_opens_no_video(raw, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("av.open", None)
    assert prepare(raw, tmp_path / "out", "--dry_run") == 0
    said = capsys.readouterr().out
    assert "found 48 videos (2 in nturgb+d_rgb, 44 in raw_videos, 2 in raw_videos/part_2)" in said
    assert "train: 10 pairs, offsets -30 … 21 frames" in said
    assert "val: 4 pairs, offsets -9 … 27 frames" in said
    assert prepare(raw, tmp_path / "out", "--dry_run", "--pretrain") == 0
    assert "train: 39 videos of" in capsys.readouterr().out


def test_an_absurdly_long_video_is_refused_and_not_held(raw, tmp_path, monkeypatch, in_process):
    monkeypatch.setattr(cut, "MAX_FRAMES", 82)
    assert prepare(raw, tmp_path) == 0
    why = {entry["event"]: entry["why"] for entry in report_of(tmp_path)["dropped"]}
    assert "has more than 82 frames" in why["S001P002R001A001"]
    assert "S001P001R001A007" not in why


def test_second_copies_and_strange_names_are_said(tmp_path):
    raw = tmp_path / "raw"
    make_ntu(raw, good=GOOD[:1] + GOOD[4:5])
    again = raw / "nturgb+d_rgb" / f"{GOOD[0].names[0]}_rgb.avi"
    write_avi(again, numbered_frames(40))
    write_avi(raw / "raw_videos" / "S1C1_rgb.avi", numbered_frames(40))
    (raw / "raw_videos" / "Thumbs.db").write_text("x")
    (raw / "linked").mkdir()
    shutil.move(str(raw / "raw_videos"), raw / "linked" / "videos")
    (raw / "raw_videos").symlink_to(raw / "linked" / "videos", target_is_directory=True)
    (raw / "linked" / "videos" / "loop").symlink_to(raw / "linked", target_is_directory=True)
    assert prepare(raw, tmp_path / "out") == 0
    report = report_of(tmp_path / "out")
    assert {(e["event"], e["kind"]) for e in report["dropped"]} == {
        ("S001P001R001A007", "second copy"),
        ("S1C1", "unknown name"),
    }
    (sample,) = (s for s in read_manifest(tmp_path / "out").samples if s.split == "train")
    first = {path.name: path for path in (again, video_path(raw, GOOD[0], 0))}
    assert len(first) == 1
    assert sample.views[0].num_frames in (35, 60)  # one of the two copies, and both clips alike
    assert sample.views[0].num_frames == sample.views[1].num_frames


# Single videos


@pytest.fixture(scope="module")
def singles(raw, tmp_path_factory):
    out = tmp_path_factory.mktemp("singles")
    assert prepare(raw, out, "--pretrain") == 0
    return out


def test_pretraining_gets_every_video_but_those_of_the_test_split(singles):
    manifest = read_manifest(singles)
    assert validate_manifest(manifest, deep=True) == []
    assert manifest.splits == ("train",)
    clips = {name_of(s.event, int(s.views[0].name[1:])): s for s in manifest.samples}
    assert len(clips) == len(manifest.samples)
    for truth in GOOD:
        for camera, name in enumerate(truth.names):
            if truth.split == "test":
                assert name not in clips
                continue
            (view,) = clips[name].views
            assert clips[name].event == truth.event
            assert (view.start_frame, view.num_frames) == (0, truth.frames[camera])
            shown = numbers_in(read_frames(manifest.path(view)))
            assert shown == list(range(truth.base, truth.base + truth.frames[camera]))
    assert name_of(ALONE, 3) in clips
    cameras = [s.views[0].name for s in manifest.samples if s.event == GOOD[0].event]
    assert cameras == ["C001", "C002", "C003"]
    report = report_of(singles)
    assert report["dropped_kinds"] == {"test event": 9, "unreadable": 2}  # 4 events, one with a third camera
    assert set(read_sources(singles)) == {sample.views[0].video for sample in manifest.samples}


def test_test_events_can_be_kept(raw, tmp_path):
    assert prepare(raw, tmp_path, "--pretrain", "--keep_test", "--min_frames", 76) == 0
    kept = {(s.event, s.views[0].name) for s in read_manifest(tmp_path).samples}
    long_enough = {(p.event, f"C00{i}") for p in GOOD for i, count in enumerate(p.frames, 1) if count >= 76}
    assert kept == long_enough
    assert "test event" not in report_of(tmp_path)["dropped_kinds"]


def test_without_annotations_it_is_said_that_nothing_is_left_out(tmp_path, capsys):
    write_video_of(tmp_path / "raw", GOOD[0], 0)
    write_video_of(tmp_path / "raw", GOOD[5], 0)
    assert prepare(tmp_path / "raw", tmp_path / "out", "--pretrain") == 0
    assert "its videos are not left out" in capsys.readouterr().out
    assert len(read_manifest(tmp_path / "out").samples) == 2


def test_pairs_and_single_videos_in_one_folder_share_no_file(raw, tmp_path):
    assert prepare(raw, tmp_path, "--limit", 2) == 0
    assert prepare(raw, tmp_path, "--pretrain", "--limit", 1) == 0
    assert prepare(raw, tmp_path, "--limit", 2) == 0
    manifest = read_manifest(tmp_path)
    assert validate_manifest(manifest, deep=True) == []
    view = manifest.samples[0].views[0]
    assert numbers_in(read_frames(manifest.path(view))) == GOOD[0].numbers(0)


# Wrong input


@pytest.mark.parametrize(
    ("build", "flags", "said"),
    [
        (lambda raw: raw.mkdir(), [], "no *_rgb.avi.json in NTU-SYN/pose/train or NTU-SYN/pose/test"),
        (lambda raw: raw.mkdir(), ["--pretrain"], "no S…C…P…R…A…_rgb.avi in raw_videos"),
        (lambda raw: write_annotation_of(raw, GOOD[0], 0), [], "for 1 annotation files; unpack the RGB videos"),
        (lambda raw: write_video_of(raw, GOOD[0], 0), [], "(1 videos were found); give the folder that holds"),
        (
            lambda raw: write_annotation_of(raw.parent, GOOD[0], 0) or (raw.parent / "NTU-SYN").rename(raw),
            [],
            "give the folder above it, which holds NTU-SYN",
        ),
        (lambda raw: write_both(raw, Performance("S001P001R001A001", "test", (30, 30), (0, 0))), [], "could be used; "),
        (lambda raw: raw.mkdir(), ["--min_frames", "30"], "--min_frames 30 must be above --max_offset 30"),
        (lambda raw: raw.mkdir(), ["--pretrain", "--max_offset", "9"], "--max_offset has no meaning with"),
        (lambda raw: raw.mkdir(), ["--keep_test"], "--keep_test has no meaning without --pretrain"),
    ],
)
def test_wrong_input_is_one_sentence_and_code_2(tmp_path, capsys, build, flags, said):
    build(tmp_path / "raw")
    assert prepare(tmp_path / "raw", tmp_path / "out", *flags) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "out" / "manifest.jsonl").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[1]", "has no category_id"),
        ("{}", "has no category_id"),
        ('{"category_id": -1}', "is -1, but must be a whole frame number from 0 on"),
        ('{"category_id": 1.5}', "is 1.5, but"),
        ('{"category_id": Infinity}', "is Infinity, but"),
        ('{"category_id": "3"}', 'is "3", but'),
        ('{"category_id": true}', "is true, but"),
        ("\x00", "is not JSON"),
    ],
)
def test_annotations_that_say_no_start_are_refused(tmp_path, content, said):
    path = tmp_path / "S001C001P001R001A001_rgb.avi.json"
    path.write_text(content)
    with pytest.raises(ManifestError) as error:
        read_annotation(str(path))
    assert said in str(error.value)
    assert str(path) in str(error.value)


def test_what_an_annotation_says(tmp_path):
    path = tmp_path / "a.json"
    for content, found in (
        ({"category_id": 7, "info": {"num_frame": 80}}, Annotation(7, 80)),
        ({"category_id": 7.0, "info": {"num_frame": 0}}, Annotation(7, None)),
        ({"category_id": 0, "info": {}}, Annotation(0, None)),
        ({"category_id": 0, "info": [1]}, Annotation(0, None)),
        ({"category_id": 0}, Annotation(0, None)),
    ):
        path.write_text(json.dumps(content))
        assert read_annotation(str(path)) == found
    with pytest.raises(ManifestError, match="cannot be read"):
        read_annotation(str(tmp_path / "nowhere.json"))


def test_names():
    name = parse_name("S001C002P003R002A013_RGB.AVI", "_rgb.avi")
    assert name == Name("S001", "C002", "P003R002A013")
    assert (name.text, name.event) == ("S001C002P003R002A013", "S001P003R002A013")
    assert name.seen_by("C001").text == "S001C001P003R002A013"
    assert name.seen_by("C001").event == name.event
    for other in ("S001C002P003R002A013.avi", "S01C002P003R002A013_rgb.avi", "xS001C002P003R002A013_rgb.avi"):
        assert parse_name(other, "_rgb.avi") is None


# The configurations


SMALL = ["model.backbone=small", "model.weights=", "model.random_backbone=true", "data.image_size=32"]
SMALL += ["data.num_frames=16", "data.num_workers=0", "train.batch_size=2", "train.max_steps=2", "train.epochs=1"]
SMALL += ["train.eval_batches=1", "eval.bootstrap=50", "eval.pictures=1", "train.holdout=0.3", "log.every=1"]


@pytest.mark.slow
def test_the_pretraining_configuration_trains_on_the_prepared_folder(singles, root, tmp_path):
    (tmp_path / "ntu_pretrain").symlink_to(singles, target_is_directory=True)
    config = root / "configs" / "scl_transformer_ntu_pretrain_config.yml"
    words = ["--workdir", str(tmp_path), "--cfg_file", str(config), "--logdir", str(tmp_path / "logs")]
    assert train.main([*words, "--opts", *SMALL]) == 0
    records = [json.loads(line) for line in (tmp_path / "logs" / "metrics.jsonl").read_text().splitlines()]
    assert max(record["step"] for record in records) == 2


@pytest.mark.slow
def test_the_configuration_runs_the_whole_chain_on_clips_of_different_lengths(pairs, root, tmp_path, monkeypatch):
    """train, evaluate, similarity sets, detectors: each pair is as long as its clips."""
    (tmp_path / "ntu").symlink_to(pairs, target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    config = root / "configs" / "scl_transformer_ntu_config.yml"
    words = ["--workdir", str(tmp_path), "--cfg_file", str(config), "--logdir", str(tmp_path / "logs")]
    quick = ["detector.mlp_hidden=[8]", "detector.mlp_epochs=2", "detector.cnn_channels=[4]"]
    opts = ["--opts", *SMALL, *quick, "detector.cnn_epochs=2"]
    assert train.main([*words, *opts]) == 0
    assert construct.main([*words, "--dataset_prefix", "ntu", *opts]) == 0
    truth = {performance.event: performance for performance in (*GOOD, BOTH)}
    for split in ("train", "val"):
        found, header = load_similarity_set(tmp_path / "similarity_sets", "ntu", split)
        assert header["size"] == max(performance.length for performance in truth.values())
        assert {event: k for event, k in zip(found.events, found.offsets)} == {
            event: performance.offset for event, performance in truth.items() if SPLITS[performance.split] == split
        }
        for n, event in enumerate(found.events):
            length = truth[event].length
            assert found.lengths[n] == length
            rows = found.forward[n].sum(1)
            np.testing.assert_allclose(rows, np.arange(len(rows)) < length, atol=1e-3)
    detectors = ["--sync_methods", "log_reg", "mlp", "cnn"]
    assert train_detector.main(["--prefix", "ntu", *detectors, *opts]) == 0
    eval_words = ["--model_prefix", "ntu", "--data_prefix", "ntu"]
    assert eval_detector.main([*eval_words, "--workdir", str(tmp_path), *opts]) == 0
    assert evaluate.main([*words, *opts, "eval.detectors=[ntu/log_reg]"]) == 0
    (report,) = (tmp_path / "logs").rglob("evaluation/*/metrics.json")
    facts = json.loads(report.read_text())
    assert facts["num_frames"] == sorted({p.length for p in truth.values() if p.split == "test"})
    assert "ntu/log_reg" in facts["methods"]


def test_which_of_two_copies_is_used_does_not_depend_on_how_the_folder_is_listed(tmp_path, monkeypatch):
    names = ("S001C001P001R001A001_RGB.AVI", "S001C001P001R001A001_rgb.avi")
    for name in names:
        (tmp_path / name).touch()
    scandir = os.scandir
    for order in (sorted, lambda entries, key: sorted(entries, key=key, reverse=True)):
        listing = order(scandir(tmp_path), key=lambda entry: entry.name)
        monkeypatch.setattr("os.scandir", lambda path, listing=listing: listing)
        found = find_videos(tmp_path)
        assert list(found.paths.values()) == [str(tmp_path / names[0])]
        assert [entry.kind for entry in found.dropped] == ["second copy"]
