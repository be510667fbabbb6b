"""``videosync check``: a summary, every problem on a line, a picture, and the exit code."""

import json
import random

import av
import numpy as np
import pytest

from tests.cli.sound_clips import write_sound_clip
from videosync.cli.check import choose_samples, main
from videosync.data.check.contact_sheet import aligned_moments, fitting, write_contact_sheet
from videosync.data.manifest import Sample, View, read_manifest, write_manifest
from videosync.video.read import read_frames
from videosync.video.write import write_video


@pytest.fixture
def dataset(tmp_path):
    """Two events; each frame's grey is its place on the timeline, so that aligned pictures are equal."""
    samples = []
    for event, split, starts in (("a", "train", (0, 5)), ("b", "val", (3, 0, 1))):
        views = []
        for i, start in enumerate(starts):
            grey = (4 * (start + np.arange(40))).astype(np.uint8)
            frames = np.broadcast_to(grey[:, None, None, None], (40, 32, 48, 3))
            write_video(tmp_path / event / f"cam{i}.mp4", frames, 25.0, crf=1)
            views.append(View(f"{event}/cam{i}.mp4", start, 40, 25.0))
        samples.append(Sample(event, split, tuple(views)))
    write_manifest(tmp_path, samples)
    return tmp_path


def test_a_sound_dataset(dataset, capsys):
    assert main([str(dataset)]) == 0
    out = capsys.readouterr().out
    header, train, val, *rest = out.splitlines()
    columns = "split  events  samples  views  clips  hours  frames/s   size  frames  offset k"
    assert header.split() == columns.split()
    assert train.split() == ["train", "1", "1", "2", "2", "0.001", "25", "48x32", "40", "-5", "…", "5"]
    assert val.split() == ["val", "1", "1", "3", "3", "0.001", "25", "48x32", "40", "-3", "…", "3"]
    assert "no problems found" in rest
    assert (dataset / "contact_sheet.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("seconds", "short"), [("0", 0), ("1.5", 1)])
def test_files_without_the_sound_that_is_asked_for_are_named(tmp_path, capsys, seconds, short):
    frames = [write_sound_clip(tmp_path / f"{i}.mp4", i, sound_seconds=s) for i, s in enumerate((4.0, 0.0, 1.0))]
    write_manifest(tmp_path, [Sample(f"{i}", "train", (View(f"{i}.mp4", 0, n, 12.0),)) for i, n in enumerate(frames)])
    assert main([str(tmp_path), "--samples", "0"]) == 0  # nobody asked
    capsys.readouterr()
    assert main([str(tmp_path), "--samples", "0", "--sound", seconds]) == 2
    out = capsys.readouterr().out
    assert f"sound: {2 - short} of 3 files have pictures with sound for {seconds} s or more" in out
    problems = [line for line in out.splitlines() if line.startswith("problem: ")]
    assert "1.mp4: has no sound" in problems[0]
    assert len(problems) == 1 + short
    if short:
        assert "2.mp4: has pictures with sound for 1.0" in problems[1]


def test_a_clip_whose_time_stamps_start_over_is_named(dataset, capsys):
    part = dataset / "part.ts"
    write_video(part, np.random.default_rng(0).integers(0, 255, (20, 32, 48, 3), dtype=np.uint8), 25.0, b_frames=0)
    (dataset / "a" / "cam1.mp4").write_bytes(2 * part.read_bytes())
    assert main([str(dataset), "--labels", "0", "--samples", "0"]) == 2
    problems = [line for line in capsys.readouterr().out.splitlines() if line.startswith("problem: ")]
    assert any("a/cam1.mp4: its time stamps start over at 0.8" in line for line in problems)
    assert not any("cut off" in line for line in problems)


def test_each_problem_is_a_line_and_the_code_is_2(dataset, capsys):
    manifest = read_manifest(dataset)
    first, second = manifest.samples
    wrong = View("a/cam0.mp4", 0, 41, 30.0)
    third = Sample("a", "val", (View("c/cam0.mp4", 0, 40, 25.0),))
    write_manifest(dataset, [Sample("a", "train", (wrong, first.views[1])), second, third])
    assert main([str(dataset), "--max_offset", "2", "--sheet", str(dataset / "x.png")]) == 2
    problems = [line for line in capsys.readouterr().out.splitlines() if line.startswith("problem: ")]
    expected = [
        "event 'a' is in splits 'train' and 'val'",
        "30 frames/s and cam1 25",
        "start -5 frames apart",
        "start 3 frames apart",
        "c/cam0.mp4: the file is missing",
        "says 41 frames, the file has 40",
        "says 30 frames/s, the file has 25",
    ]
    for text in expected:
        assert sum(text in problem for problem in problems) == 1, text
    assert len(problems) == len(expected)
    assert (dataset / "x.png").is_file()


def test_damage_that_only_decoding_finds(dataset, capsys):
    path = dataset / "b" / "cam1.mp4"
    data = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
    middle = packets[len(packets) // 2]
    data[middle.pos : middle.pos + middle.size] = b"\x00" * middle.size
    path.write_bytes(bytes(data))
    assert main([str(dataset), "--sheet", str(dataset / "x.png")]) == 2
    assert "cam1.mp4: frame" in capsys.readouterr().out
    assert (dataset / "x.png").is_file()  # the sheet shows what can be shown
    assert main([str(dataset), "--decode", "0", "--samples", "0"]) == 0  # packets alone look sound


def test_folders_and_sheets_that_cannot_be_used_are_one_sentence(dataset, tmp_path, capsys):
    assert main([str(tmp_path / "nowhere")]) == 2
    assert "does not exist" in capsys.readouterr().err
    assert main([str(dataset), "--sheet", str(dataset / "manifest.jsonl" / "place.png")]) == 2
    assert "place.png: cannot be written (" in capsys.readouterr().err
    assert main([str(dataset), "--sheet", str(dataset / "sheet.foo")]) == 2
    assert "ends in .png" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--decode", "--samples", "--labels", "--max-offset"])
def test_counts_below_0_are_refused(dataset, capsys, flag):
    with pytest.raises(SystemExit, match="2"):
        main([str(dataset), flag, "-1"])
    assert f"{flag}: -1: must be 0 or more" in capsys.readouterr().err


def test_pictures_above_each_other_show_the_same_moment(dataset):
    manifest = read_manifest(dataset)
    sample = manifest.of_split("val")[0]
    moments = aligned_moments(manifest, sample, 5)
    assert len(moments) == 5
    grey = [read_frames(manifest.path(view))[moments - view.start_frame].mean((1, 2, 3)) for view in sample.views]
    np.testing.assert_allclose(grey[0], 4 * moments, atol=3)  # a wrong moment would be 4 or more away
    np.testing.assert_allclose(grey[1], grey[0], atol=2)
    np.testing.assert_allclose(grey[2], grey[0], atol=2)


def test_the_sheet_takes_all_splits_and_events_before_repeats():
    def line(event, split):
        return Sample(event, split, (View(f"{event}/l.mp4", 0, 9, 25.0), View(f"{event}/r.mp4", 0, 9, 25.0)))

    samples = [line(f"t{i // 3}", "train") for i in range(30)] + [line("v", "val")]
    chosen = choose_samples(samples, 4, random.Random(0))
    assert len({sample.event for sample in chosen}) == 4
    assert {sample.split for sample in chosen} == {"train", "val"}
    assert len(choose_samples(samples, 100, random.Random(0))) == 31


def numbered(count, first, height=32):
    """Frames [count, height, 64, 3] that carry ``first + i`` as eight bars: no two of them look alike."""
    bits = (first + np.arange(count))[:, None] >> np.arange(8) & 1  # [T, 8]
    bars = np.repeat(40 + 170 * bits, 8, axis=1).astype(np.uint8)  # [T, 64]
    return np.broadcast_to(bars[:, None, :, None], (count, height, 64, 3))


@pytest.fixture
def prepared(tmp_path):
    """A dataset with its archive: two cameras whose clips begin at frames 20 and 27 of recordings of one clock."""
    views, lines = [], []
    for i, first in enumerate((20, 27)):
        write_video(tmp_path / "raw" / f"cam{i}.mkv", numbered(120, 0), 25.0)
        write_video(tmp_path / "set" / "run" / f"cam{i}.mp4", numbered(50, first), 25.0)
        views.append(View(f"run/cam{i}.mp4", first, 50, 25.0))
        lines.append({"video": f"run/cam{i}.mp4", "source": f"cam{i}.mkv", "first_frame": first, "origin": 0})
    write_manifest(tmp_path / "set", [Sample("run", "train", tuple(views))])
    say_sources(tmp_path / "set", lines)
    (tmp_path / "set" / "report.json").write_text(json.dumps({"data_root": str(tmp_path / "raw")}))
    return tmp_path / "set", lines


def say_sources(folder, lines):
    (folder / "sources.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_labels_are_compared_with_the_source_frames(prepared, capsys):
    folder, _ = prepared
    assert main([str(folder)]) == 0
    out = capsys.readouterr().out
    assert "labels: 10 frames of 2 clips, looked for in their sources, are where they belong" in out
    assert "no problems found" in out


def test_a_label_that_is_three_frames_off(prepared, capsys):
    folder, lines = prepared
    lines[1]["first_frame"] -= 3
    say_sources(folder, lines)
    assert main([str(folder)]) == 2
    problems = [line for line in capsys.readouterr().out.splitlines() if line.startswith("problem: ")]
    assert len(problems) == 2
    assert "the manifest says that cam0 and cam1 start -7 frames apart, sources.jsonl says -4" in problems[0]
    assert "cam1.mp4: frame " in problems[1]
    assert "the label is 3 frames off" in problems[1]
    assert main([str(folder), "--labels", "0"]) == 0


def test_sources_that_are_gone_are_a_note_unless_their_folder_was_named(prepared, capsys):
    folder, _ = prepared
    (folder.parent / "raw" / "cam1.mkv").rename(folder.parent / "cam1.mkv")
    assert main([str(folder), "--samples", "0"]) == 0
    assert "note: not all labels were compared: 1 of 2 source files" in capsys.readouterr().out
    (folder.parent / "cam1.mkv").rename(folder.parent / "raw" / "cam1.mkv")
    away = folder.parent / "elsewhere"
    (folder.parent / "raw").rename(away)
    assert main([str(folder)]) == 0
    out = capsys.readouterr().out
    assert "note: labels were not compared: 2 of 2 source files are not there" in out
    assert "--data-root" in out
    assert main([str(folder), "--data-root", str(away)]) == 0
    assert "labels: 10 frames of 2 clips" in capsys.readouterr().out
    assert main([str(folder), "--data-root", str(folder)]) == 2
    assert "2 of 2 source files are not there" in capsys.readouterr().out
    (folder / "sources.jsonl").unlink()
    assert main([str(folder)]) == 0
    assert "there is no sources.jsonl" in capsys.readouterr().out
    assert main([str(folder), "--data-root", str(away)]) == 2
    assert "has no sources.jsonl" in capsys.readouterr().err


def test_of_large_sets_a_sample_is_read_and_said_so(dataset, capsys, monkeypatch):
    monkeypatch.setattr("videosync.cli.check.MOST_READ", 3)
    manifest = read_manifest(dataset)
    wrong = [
        Sample(s.event, s.split, tuple(View(v.video, v.start_frame, 39, v.fps) for v in s.views))
        for s in manifest.samples
    ]
    write_manifest(dataset, wrong)
    for flags, found in (([], 3), (["--all"], 5), (["--quick"], 0)):
        assert main([str(dataset), "--decode", "0", "--samples", "0", *flags]) == (2 if found else 0)
        out = capsys.readouterr().out
        assert out.count("says 39 frames") == found
        assert ("note: read the lengths and rates of 3 of 5 clips; --all reads all" in out) == (not flags)


def test_the_sheet_shows_moments_with_motion(tmp_path):
    """Something moves in frames 50 … 53 of each stretch of 100 alone; pictures of other frames would show nothing."""
    places = np.zeros(400, int)
    for start in (50, 150, 250, 350):
        places[start : start + 4] = np.arange(1, 5)
        places[start + 4 : start + 100] = 0
    frames = np.zeros((400, 32, 48, 3), np.uint8)
    for frame, place in zip(frames, places):
        frame[8:24, 10 * place : 10 * place + 8] = 200
    views = []
    for i, start in enumerate((0, 10)):
        write_video(tmp_path / f"cam{i}.mp4", frames[start:], 25.0)
        views.append(View(f"cam{i}.mp4", start, 400 - start, 25.0))
    write_manifest(tmp_path, [Sample("e", "train", tuple(views))])
    manifest = read_manifest(tmp_path)
    moments = aligned_moments(manifest, manifest.samples[0], 4)
    assert all(50 <= moment % 100 <= 54 for moment in moments)


@pytest.mark.parametrize("views", [1, 7, 14])
def test_sheets_of_any_number_of_views(tmp_path, views):
    from matplotlib.image import imread

    shown = []
    for i in range(views):
        write_video(tmp_path / f"a_rather_long_camera_name_{i:02d}.mp4", numbered(20, i), 25.0)
        shown.append(View(f"a_rather_long_camera_name_{i:02d}.mp4", i, 20, 25.0))
    write_manifest(tmp_path, [Sample("e", "train", tuple(shown))])
    manifest = read_manifest(tmp_path)
    write_contact_sheet(manifest, manifest.samples, tmp_path / "sheet.png", columns=4)
    height, width, _ = imread(tmp_path / "sheet.png").shape
    rows = min(views, 12)
    assert rows * 72 < height < rows * 110 + 30
    assert 400 < width < 1300


def test_a_sheet_takes_as_many_samples_as_can_be_looked_at():
    def sample(count):
        return Sample("e", "train", tuple(View(f"{i}.mp4", 0, 9, 25.0) for i in range(count)))

    assert len(fitting([sample(2)] * 6)) == 6
    assert len(fitting([sample(12)] * 6)) == 2
    assert len(fitting([sample(40)])) == 1
    assert fitting([]) == []
