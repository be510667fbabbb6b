"""Kinetics-400: every clip frame is its source's, unreadable files are remembered, nothing vanishes silently."""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from dataset_preparation.kinetics400 import archive as archive_module
from dataset_preparation.kinetics400.archive import read_archive, read_rows, youtube_id
from dataset_preparation.kinetics400_process import main
from dataset_preparation.whole import read, reading
from dataset_preparation.whole.read import kind_of_damage, read_whole
from dataset_preparation.whole.unreadable import BY_HAND, Entry, UnreadableList, read_unreadable
from tests.dataset_preparation.replicas.kinetics400 import copy_archive, cut_off, make_kinetics400, write_clip
from tests.dataset_preparation.reports import report_of
from tests.video.numbered import numbers_in, write_raw
from videosync.data.manifest import read_manifest, validate_manifest
from videosync.data.sources import read_sources
from videosync.errors import ManifestError, VideoError
from videosync.video.index import scan_video
from videosync.video.read import probe, read_frames


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    root = tmp_path_factory.mktemp("k400")
    return root, make_kinetics400(root)


@pytest.fixture(scope="module")
def prepared(archive, tmp_path_factory):
    out = tmp_path_factory.mktemp("prepared")
    assert prepare(archive[0], out) == 0
    return out


@pytest.fixture
def copies(archive, prepared, tmp_path):
    """The archive and what was made of it, to be changed."""
    root, out = copy_archive(archive[0], tmp_path / "raw"), tmp_path / "out"
    assert prepare(root, out) == 0
    return root, out


def prepare(root, out, *options):
    fixed = ["--size", "64", "--workers", "1"]
    return main(["--data_root", str(root), "--output_dir", str(out), *fixed, *map(str, options)])


def clip_of(out, source):
    """The path of the clip that was cut from a source file, or None."""
    found = [s.video for s in read_sources(out).values() if s.source == source]
    return out / found[0] if found else None


def clips_at(out):
    """Clip → when it was written."""
    return {clip: clip.stat().st_mtime_ns for clip in sorted(out.glob("*/??/*.mp4"))}


def lines_of(out):
    return [line for line in (out / "unreadable.txt").read_text().splitlines() if not line.startswith("#")]


def change_list(out, change):
    """Rewrite unreadable.txt with other lines."""
    (out / "unreadable.txt").write_text("".join(line + "\n" for line in change(lines_of(out))))


def test_every_frame_of_every_clip_is_the_sources(archive, prepared):
    _, truth = archive
    manifest = read_manifest(prepared)
    assert validate_manifest(manifest, deep=True) == []
    sources = read_sources(prepared)
    made = {}
    for sample in manifest.samples:
        (view,) = sample.views
        source = sources[view.video]
        made[source.source] = sample.split
        assert (source.first_frame, source.origin, view.start_frame) == (0, 0, 0)
        assert sample.event == youtube_id(Path(view.video).stem) == Path(view.video).stem[:11]
        first = 100 if source.source.startswith("replacement") else 500 if "_000200_" in view.video else 0
        frames = read_frames(manifest.path(view))
        assert frames.shape == (truth.frames[source.source], 64, 64, 3)
        np.testing.assert_array_equal(numbers_in(frames), first + np.arange(len(frames)))
        assert view.fps == pytest.approx(truth.fps[source.source], rel=1e-6)
        assert probe(manifest.path(view)).fps == pytest.approx(view.fps, rel=1e-6)
    assert made == truth.splits
    assert len([s for s in manifest.samples if s.event == "__V-Ea38-1s"]) == 2  # two clips, one event


def test_class_labels_are_kept_beside_the_manifest(archive, prepared):
    _, truth = archive
    with (prepared / "labels.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["clip", "label"]
    assert rows == sorted(rows)
    sources = read_sources(prepared)
    expected = {source: label for source, label in truth.labels.items() if label}
    assert {sources[clip].source: label for clip, label in rows} == expected
    assert "massaging person's head" in expected.values()


def test_what_cannot_be_read_is_listed_and_counted_by_kind(archive, prepared):
    _, truth = archive
    listed = read_unreadable(prepared / "unreadable.txt").entries
    assert {path: entry.kind for path, entry in listed.items()} == truth.unreadable
    assert [line.split("\t")[0] for line in lines_of(prepared)] == sorted(truth.unreadable)
    report = report_of(prepared)
    lost = {path: kind for path, kind in truth.unreadable.items() if path not in truth.replaced}
    lost.update(dict.fromkeys(truth.in_both, "in val too"))
    assert {entry["what"]: entry["kind"] for entry in report["dropped"]} == lost
    assert report["dropped_kinds"]["truncated"] == 1
    found = report["found"]
    assert found["clips from replacements"] == len(truth.replaced)
    assert found["files without a row in train"] == found["clips without a class"] == truth.files_without_row
    rows = found["rows without a file in train"] + found["rows without a file in val"]
    assert rows == truth.rows_without_file
    assert found["train ids in val too"] == len(truth.in_both)


def test_no_event_is_in_both_splits_even_if_only_a_row_says_so(copies):
    root, _ = copies
    videos = read_archive(root).videos
    ids = {split: {v.youtube_id for v in videos if v.split == split} for split in ("train", "val")}
    assert not ids["train"] & ids["val"]
    with (root / "annotations/val.csv").open("a") as file:
        file.write("abseiling,phoneUprigh,900,910,val\n")
    again = read_archive(root)
    assert "phoneUprigh" not in {video.youtube_id for video in again.videos}
    assert again.counts["train ids in val too"] == 2


def test_a_listed_file_is_not_opened_again(copies, monkeypatch, in_process):
    root, out = copies
    opened = []

    def spy(job, folder, **options):
        opened.append(Path(job.path).relative_to(root).as_posix())
        return read_whole(job, folder, **options)

    monkeypatch.setattr(reading, "read_whole", spy)
    for record in (out / ".done").iterdir():  # only the text file remembers
        record.unlink()
    assert prepare(root, out) == 0
    listed = read_unreadable(out / "unreadable.txt").entries
    assert len(listed) == 8
    assert not set(listed) & set(opened)
    assert len(opened) == 12  # every good one, and each once
    assert len(set(opened)) == 12


def test_a_file_that_has_changed_is_read_again(copies):
    root, out = copies
    path = "train/emptyFile00_000001_000011.mp4"
    write_clip(root / path, 30)
    before = clips_at(out)
    assert prepare(root, out) == 0
    assert path not in read_unreadable(out / "unreadable.txt").entries
    np.testing.assert_array_equal(numbers_in(read_frames(clip_of(out, path))), np.arange(30))
    assert before.items() < clips_at(out).items()  # the others are as they were
    cut_off(root / path, 0.5)  # and the other way round: a good file goes bad
    assert prepare(root, out) == 0
    assert read_unreadable(out / "unreadable.txt").entries[path].kind == "truncated"
    assert clip_of(out, path) is None


def test_a_deleted_line_has_its_file_read_again(copies):
    root, out = copies
    path = "train/randomBytes_000001_000011.mp4"
    status = (root / path).stat()
    whole = lines_of(out)
    write_clip(root / "other.mp4", 30)
    data = (root / "other.mp4").read_bytes()[: status.st_size]  # same size and time: nothing shows the change
    (root / path).write_bytes(data + bytes(status.st_size - len(data)))
    os.utime(root / path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert prepare(root, out) == 0
    assert clip_of(out, path) is None
    assert lines_of(out) == whole
    change_list(out, lambda lines: [line for line in lines if path not in line])
    assert prepare(root, out) == 0
    assert clip_of(out, path) is not None
    assert lines_of(out) == [line for line in whole if path not in line]


def test_lines_added_by_hand_leave_files_out_for_good(copies):
    root, out = copies
    by_path, by_name = "train/mpegFourPar_000010_000020.mp4", "valClipNo_2_000000_000010.mp4"
    replaced = "train/noMoovAtom0_000005_000015.mp4"
    note = "# asked for by the uploader"
    before = lines_of(out)
    change_list(
        out,
        lambda lines: (
            [note, f"{by_path}\ta reason of mine", by_name, "train/not_there.mp4"]
            + [line if replaced not in line else replaced for line in lines]
        ),
    )
    for _ in range(2):
        assert prepare(root, out) == 0
        assert clip_of(out, by_path) is clip_of(out, f"val/{by_name}") is None
        assert replaced not in {source.source for source in read_sources(out).values()}
        assert not any("noMoovAtom0" in clip for clip in read_sources(out))  # nor its replacement
        dropped = {e["what"]: (e["kind"], e["why"]) for e in report_of(out)["dropped"]}
        assert dropped[by_path] == (BY_HAND, "a reason of mine")
        assert dropped[f"val/{by_name}"][0] == dropped[replaced][0] == BY_HAND
        assert note in (out / "unreadable.txt").read_text()
        assert len(lines_of(out)) == len(before) + 3
    change_list(out, lambda lines: before)
    assert prepare(root, out) == 0
    assert clip_of(out, by_path) is not None


def test_a_list_of_somebody_else_can_be_given(copies, tmp_path, capsys):
    root, out = copies
    shared = tmp_path / "list.txt"
    shared.write_text(
        "train/phoneUprigh_000003_000013.mp4\ttruncated: says so elsewhere\t12\t2020-01-01T00:00:00Z\n"
        "train/-3B32lodo2M_000059_000069.mp4\n"
        "train/missspelt_000000_000010.mp4\n"
    )
    assert prepare(root, out, "--exclude", shared) == 0
    kinds = {entry["what"]: entry["kind"] for entry in report_of(out)["dropped"]}
    assert kinds["train/phoneUprigh_000003_000013.mp4"] == "truncated"
    assert kinds["train/-3B32lodo2M_000059_000069.mp4"] == BY_HAND
    assert "missspelt" not in (out / "unreadable.txt").read_text()
    assert "1 lines that leave a file out name none" in capsys.readouterr().out
    assert prepare(root, out, "--exclude", tmp_path / "none.txt") == 2
    assert "none.txt: is not a file" in capsys.readouterr().err


def test_class_folders_and_annotations_beside_the_splits(tmp_path):
    truth = make_kinetics400(tmp_path, class_folders=True, csv_folder=".")
    (tmp_path / "train/archery/deeper").mkdir()
    found = read_archive(tmp_path)
    assert {v.path: v.label for v in found.videos if v.path in truth.labels} == {
        path: label for path, label in truth.labels.items() if path not in truth.replaced.values()
    } | {p: "abseiling" for p in truth.replaced.values() if "onlyReplace" in p}
    assert [entry.kind for entry in found.dropped] == ["folder too deep", "in val too"]
    for name in ("train.csv", "val.csv"):
        (tmp_path / name).unlink()
    without = read_archive(tmp_path)  # class folders alone
    labels = {v.path: v.label for v in without.videos}
    assert labels["train/massaging person's head/fastSixtyFp_000000_000010.mp4"] == "massaging person's head"
    assert without.counts["rows without a file in train"] == 0


def test_replacements_that_were_copied_into_train_are_no_class(tmp_path):
    make_kinetics400(tmp_path)
    (tmp_path / "replacement/replacement_for_corrupted_k400").rename(tmp_path / "train/replacement_for_corrupted_k400")
    found = read_archive(tmp_path)
    assert set(found.replacements) >= {"noMoovAtom0_000005_000015", "notNeeded00_000000_000010"}
    assert not any("notNeeded" in video.path for video in found.videos)


def test_a_name_that_two_folders_have_is_used_once(tmp_path):
    for folder in ("a", "b"):
        write_clip(tmp_path / "train" / folder / "twiceThere__000000_000010.mp4", 20)
    found = read_archive(tmp_path)
    assert [video.path for video in found.videos] == ["train/a/twiceThere__000000_000010.mp4"]
    assert [entry.kind for entry in found.dropped] == ["double name"]


def test_limit_takes_some_of_each_split_and_dry_run_counts_them(archive, tmp_path, capsys):
    assert prepare(archive[0], tmp_path / "out", "--dry_run") == 0
    said = capsys.readouterr().out
    assert "train: 16 files of 15 YouTube videos" in said
    assert "1 × in val too" in said
    assert prepare(archive[0], tmp_path / "out", "--limit", 2) == 0
    splits = [sample.split for sample in read_manifest(tmp_path / "out").samples]
    assert splits == ["train", "train", "val"]  # the first of val is cut off
    assert prepare(archive[0], tmp_path / "out") == 0
    assert len(read_manifest(tmp_path / "out").samples) == 12


def test_an_id_may_hold_dashes_and_underscores():
    assert youtube_id("__V-Ea38-1s_000131_000141") == "__V-Ea38-1s"
    assert youtube_id("a_000001_0__000131_000141") == "a_000001_0_"
    assert youtube_id("__V-Ea38-1s") == "__V-Ea38-1s"  # copies that were renamed to the id alone


def test_a_list_reads_back_as_it_was_written(tmp_path):
    entries = {
        "val/b.mp4": Entry("too short", "has 3 frames: fewer than 16", 12, "2020-01-01T00:00:00Z"),
        "train/a.mp4": Entry(BY_HAND, "no: thanks"),
        "train/c.mp4": Entry(BY_HAND, ""),
    }
    UnreadableList(entries, ["# mine"]).write(tmp_path / "list.txt")
    back = read_unreadable(tmp_path / "list.txt")
    assert (back.entries, back.comments) == (entries, ("# mine",))
    text = (tmp_path / "list.txt").read_bytes()
    back.write(tmp_path / "list.txt")
    assert (tmp_path / "list.txt").read_bytes() == text
    assert back.find("train/c.mp4") == entries["train/c.mp4"]
    assert back.find("train/d.mp4") is None
    (tmp_path / "list.txt").write_text("a.mp4\treason\tbig\n")
    with pytest.raises(ManifestError, match=r"list.txt:1: 'big' is no size in bytes"):
        read_unreadable(tmp_path / "list.txt")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda root: root.mkdir(), "holds neither train/ nor val/ (it holds nothing)"),
        (lambda root: (root / "test").mkdir(parents=True), "holds neither train/ nor val/ (it holds test)"),
        (lambda root: (root / "k400/train").mkdir(parents=True), "but k400/ does; give"),
        (lambda root: (root / "train").mkdir(parents=True), "train/ and val/ hold no videos; expected files"),
    ],
)
def test_a_wrong_folder_is_one_sentence(tmp_path, capsys, make, said):
    make(tmp_path / "raw")
    assert prepare(tmp_path / "raw", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_what_was_prepared_is_not_taken_for_the_archive(prepared, tmp_path, capsys):
    assert prepare(prepared, tmp_path / "out") == 2
    assert "is a prepared dataset, not the archive" in capsys.readouterr().err


def test_packed_and_wholly_unreadable_archives_are_said(tmp_path, capsys):
    (tmp_path / "raw/train").mkdir(parents=True)
    (tmp_path / "raw/train/part_0.tar.gz").touch()
    assert prepare(tmp_path / "raw", tmp_path / "out") == 2
    assert "1 .tar.gz files there are still packed" in capsys.readouterr().err
    (tmp_path / "raw/train/emptyFile00_000001_000011.mp4").touch()
    assert prepare(tmp_path / "raw", tmp_path / "out") == 2
    assert "could be used" in capsys.readouterr().err
    assert report_of(tmp_path / "out")["dropped_kinds"] == {"empty": 1}
    assert len(lines_of(tmp_path / "out")) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,start\na,1\n", "has no column 'label'"),
        ("label,youtube_id,time_start,time_end,split\narchery,abc,ten,20,train\n", "train.csv:2: expected label"),
        ("label,youtube_id,time_start,time_end,split\narchery,abc\n", "train.csv:2: expected label"),
        ("label,youtube_id,time_start,time_end,split\narchery,abc,inf,9,train\n", "train.csv:2: expected label"),
        ("label,youtube_id,time_start,time_end,split\n\x1b[2J,abc,1,11,train\n", "train.csv:2: expected label"),
        ("label,youtube_id,time_start,time_end,split\n\udcff,abc,1,11,train\n", "train.csv: is no CSV file"),
        (f"label,youtube_id,time_start,time_end,split\n{'x' * 200_000},abc,1,11,train\n", "train.csv: is no CSV file"),
    ],
)
def test_a_broken_annotation_file_is_one_sentence(tmp_path, text, said):
    (tmp_path / "train.csv").write_bytes(os.fsencode(text))
    with pytest.raises(ManifestError, match=said):
        read_rows(tmp_path, "train")


def test_files_that_cannot_be_opened_at_all_do_not_stop_the_run(tmp_path):
    link = tmp_path / "train/linkToGone0_000000_000010.mp4"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "gone.mp4")
    write_clip(tmp_path / "train/goodOneHere_000000_000010.mp4", 20)
    for _ in range(2):
        assert prepare(tmp_path, tmp_path / "out") == 0
        assert report_of(tmp_path / "out")["dropped_kinds"] == {"no access": 1}
    write_clip(tmp_path / "gone.mp4", 20)
    assert prepare(tmp_path, tmp_path / "out") == 0
    assert report_of(tmp_path / "out")["dropped_kinds"] == {}
    assert lines_of(tmp_path / "out") == []
    assert kind_of_damage(str(tmp_path)) == "no access"  # opening a folder is an error of the system, too


def test_a_file_that_comes_within_reach_is_read_though_nothing_in_it_has_changed(tmp_path, monkeypatch, in_process):
    """As when its permissions are put right: size and time stay."""
    for name in ("goodOneHere", "deniedFirst"):
        write_clip(tmp_path / f"train/{name}_000000_000010.mp4", 20)

    def denied(path):
        if "denied" in path:
            raise VideoError(f"{path}: cannot be opened as a video (Permission denied)") from PermissionError()
        return scan_video(path)

    with monkeypatch.context() as patch:
        patch.setattr(read, "scan_video", denied)
        patch.setattr(read, "kind_of_damage", lambda path: "no access")
        assert prepare(tmp_path, tmp_path / "out") == 0
        assert report_of(tmp_path / "out")["dropped_kinds"] == {"no access": 1}
    assert prepare(tmp_path, tmp_path / "out") == 0
    assert (report_of(tmp_path / "out")["dropped_kinds"], lines_of(tmp_path / "out")) == ({}, [])


def test_names_that_lines_of_text_cannot_hold_are_left_out_and_said(tmp_path, capsys):
    root = os.fsencode(tmp_path / "raw")
    os.makedirs(root + b"/train")
    write_clip(tmp_path / "raw/train/good one, \N{SNOWMAN}_000000_000010.mp4", 20)
    for name in (b"new\nline", b"ta\tb", "line\u2028separator".encode(), b"latin\xe9", b"broken\nline"):
        with open(root + b"/train/" + name + b"_000000_000010.mp4", "wb") as file:
            file.write(b"no video")
    for _ in range(2):
        assert prepare(tmp_path / "raw", tmp_path / "out") == 0
        report = report_of(tmp_path / "out")
        assert (report["dropped_kinds"], report["splits"]["train"]["clips"]) == ({"odd name": 5}, 1)
    assert r"train/latin\udce9_000000_000010.mp4" in {entry["what"] for entry in report["dropped"]}


def test_which_of_two_replacements_is_used_does_not_depend_on_how_a_folder_is_listed(tmp_path, monkeypatch):
    for path in ("train/a_000000_000010.mp4", "replacement/a_000000_000010.mp4", "replacement/x/a_000000_000010.mp4"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    chosen = read_archive(tmp_path).replacements
    listed = archive_module.video_files
    monkeypatch.setattr(archive_module, "video_files", lambda *args: reversed([*listed(*args)]))
    assert read_archive(tmp_path).replacements == chosen == {"a_000000_000010": "replacement/x/a_000000_000010.mp4"}


def test_a_list_that_is_no_text_is_one_sentence(archive, tmp_path, capsys):
    video = archive[0] / "train/mpegFourPar_000010_000020.mp4"
    assert prepare(archive[0], tmp_path / "out", "--exclude", video) == 2
    assert "not UTF-8 text" in capsys.readouterr().err


def test_frame_times_that_make_no_rate_do_not_stop_the_run(archive, tmp_path):
    path = tmp_path / "train/timesWrong0_000000_000010.mp4"
    path.parent.mkdir()
    ticks = [1_000_000 * frame for frame in range(20)]
    write_raw(path, 20, ticks=ticks, container_options={"video_track_timescale": "30"})
    write_clip(tmp_path / "train/goodOneHere_000000_000010.mp4", 20)
    assert prepare(tmp_path, tmp_path / "out") == 0
    assert report_of(tmp_path / "out")["dropped_kinds"] == {"frame rate": 1}


def test_a_last_frame_with_a_stray_time_is_no_part_of_the_rate(archive, tmp_path):
    path = tmp_path / "train/timesStray0_000000_000010.mp4"
    path.parent.mkdir()
    write_raw(path, 20, ticks=[*range(19), 19_000_000], container_options={"video_track_timescale": "30"})
    assert prepare(tmp_path, tmp_path / "out") == 0
    (sample,) = read_manifest(tmp_path / "out").samples
    assert 18 <= sample.views[0].num_frames <= 20
