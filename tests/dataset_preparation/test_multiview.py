"""Preparing multi-view recordings: frame-exact cuts, whole events per split, runs that can be resumed."""

import re
from dataclasses import replace
from fractions import Fraction
from itertools import islice, takewhile
from pathlib import Path

import numpy as np
import pytest

from dataset_preparation.clips.cut import keyframe_numbers
from dataset_preparation.multiview_process import main
from tests.dataset_preparation.reports import report_of
from tests.video.numbered import numbered_frames, numbers_in, write_raw
from videosync.cli import check
from videosync.data.manifest import Manifest, Sample, View, read_manifest, validate_manifest, write_manifest
from videosync.data.pairs import sync_pairs
from videosync.data.samples import view_names
from videosync.data.sources import read_sources
from videosync.video.read import probe, read_frames
from videosync.video.write import write_video

SHARED = Path(__file__).resolve().parents[3] / "shared"


def numbers(path):
    return numbers_in(read_frames(path))


def write_event(root, event, starts=(0, 0), frames=40, fps=25.0):
    for i, start in enumerate(starts):
        write_video(root / event / f"cam{i}.mp4", numbered_frames(frames, start), fps, gop=30)


def prepare(root, out, *options):
    fixed = ["--size", "32", "--workers", "1"]
    return main(["--data_root", str(root), "--output_dir", str(out), *fixed, *map(str, options)])


def test_folders_of_events_become_clips_with_every_frame(tmp_path):
    for name in ("a", "b", "c"):
        write_event(tmp_path / "raw", name)
    write_event(tmp_path / "raw", "alone", starts=(0,))
    (tmp_path / "raw" / "empty").mkdir()
    out = tmp_path / "out"
    assert prepare(tmp_path / "raw", out, "--val_events", "b") == 0
    manifest = read_manifest(out)
    assert {s.event: s.split for s in manifest.samples} == {"a": "train", "b": "val", "c": "train"}
    assert validate_manifest(manifest, deep=True) == []
    for sample in manifest.samples:
        for view in sample.views:
            info = probe(manifest.path(view))
            assert (info.width, info.height, info.fps, view.fps) == (32, 32, 25.0, 25.0)
            np.testing.assert_array_equal(numbers(manifest.path(view)), np.arange(40))
    assert sorted(d["event"] for d in report_of(out)["dropped"]) == ["alone", "empty"]
    report = report_of(out)
    assert report["dropped_kinds"] == {"too few views": 2}
    assert report["splits"]["train"] == {
        "events": 2,
        "event_names": ["a", "c"],
        "samples": 2,
        "clips": 4,
        "frames": 160,
        "hours": 0.0018,
    }
    sources = read_sources(out)
    assert set(sources) == {view.video for sample in manifest.samples for view in sample.views}
    assert (sources["a/cam0.mp4"].source, sources["a/cam0.mp4"].first_frame) == ("a/cam0.mp4", 0)


UNIT = 0.005  # seconds: the moment that a frame carries


def timed(fps, seconds):
    """Frames [T, 96, 96, 3] that carry the moment of each, in units of 5 ms, as sixteen black or white bars."""
    moments = np.rint(np.arange(round(seconds * fps)) / fps / UNIT).astype(np.int64)
    for moment in moments:
        bars = np.repeat(255 * (moment >> np.arange(16) & 1), 6).astype(np.uint8)  # [96]
        yield np.broadcast_to(bars[None, :, None], (96, 96, 3))


def moments_of(path, start=0, stop=None):
    """Seconds float [T] that the frames of a clip carry."""
    bits = read_frames(path, start, stop).mean((1, 3)).reshape(-1, 16, 2).mean(2) > 128  # [T, 16]
    return (bits * (1 << np.arange(16))).sum(1) * UNIT


def check_moments(pair):
    """Frame i of window 0 shows the moment of frame i + k of window 1, within half a frame."""
    shown = [moments_of(w.video, w.start, w.start + w.num_frames) for w in (pair.window0, pair.window1)]
    frames = np.arange(max(0, -pair.offset), len(shown[0]) - max(0, pair.offset))
    apart = shown[0][frames] - shown[1][frames + pair.offset]
    assert np.abs(apart).max() <= 0.5 / 29.9 + UNIT


@pytest.mark.parametrize(
    ("fps", "seconds"),
    [
        pytest.param((30.0, 29.86), 14, id="2 frames apart at the end"),
        pytest.param((30.0, 30000 / 1001), 290, id="290 s at 30 and 29.97", marks=pytest.mark.slow),
    ],
)
def test_cameras_of_unlike_rates_stay_together_to_the_end(tmp_path, capsys, fps, seconds):
    raw, whole, cut = tmp_path / "raw", tmp_path / "whole", tmp_path / "cut"
    for camera, rate in enumerate(fps):
        write_video(raw / "run" / f"cam{camera}.mkv", timed(rate, seconds), rate, gop=30)
    assert prepare(raw, whole, "--val_share", 0) == 0
    manifest = read_manifest(whole)
    (sample,) = manifest.samples
    assert [view.fps for view in sample.views] == list(fps)
    assert [view.num_frames for view in sample.views] == [round(seconds * rate) for rate in fps]
    drawn = {"num_frames": 60, "max_offset": 10, "placement": "random", "windows": 20, "seed": 0}
    pairs = sync_pairs(manifest, "train", **drawn)
    latest = max(pairs, key=lambda pair: pair.window0.start)
    assert latest.window0.start > 0.8 * seconds * fps[0]
    for pair in [pairs[0], latest]:
        check_moments(pair)

    assert prepare(raw, cut, "--val_share", 0, "--segment_frames", 60) == 0
    segments = read_manifest(cut)
    alone = {"num_frames": 50, "max_offset": 9, "placement": "start", "windows": 1, "seed": 0}
    parts = [Manifest(cut, (segments.samples[n],)) for n in (0, -1)]
    first, last = (pair for part in parts for pair in sync_pairs(part, "train", **alone))
    assert segments.samples[-1].views[0].start_frame - segments.samples[-1].views[1].start_frame >= 1
    for pair in (first, last):
        assert pair.offset == 0
        check_moments(pair)
    for folder in (whole, cut):
        assert check.main([str(folder), "--samples", "0", "--decode", "2"]) == 0, capsys.readouterr().out

    wrong = replace(sample.views[1], fps=fps[0])  # as if both had one rate
    write_manifest(whole, [Sample("run", "train", (sample.views[0], wrong))])
    assert check.main([str(whole), "--samples", "0", "--decode", "0"]) == 2
    said = capsys.readouterr().out
    off = abs(fps[0] - fps[1]) * seconds
    for sentence in (
        r"cam1.mp4: the manifest says .* its last frame is ([\d.]+) frames from where the manifest puts it",
        r"cam0 and cam1 are ([\d.]+) frames off the label at the end of the clips",
    ):
        assert float(re.search(sentence, said)[1]) == pytest.approx(off, abs=0.1)


def test_a_variable_frame_rate_is_refused_with_the_remedy(tmp_path):
    raw, out = tmp_path / "raw", tmp_path / "out"
    write_event(raw, "good", starts=(0, 0))
    write_event(raw, "phone", starts=(0, 0))
    ticks = [n + n // 10 for n in range(40)]  # every tenth frame was dropped
    write_raw(raw / "phone" / "cam2.mp4", 40, ticks=ticks, time_base=Fraction(1, 25))
    write_raw(raw / "good" / "cam2.mp4", 40, time_base=Fraction(1, 25))
    assert prepare(raw, out, "--val_share", 0) == 0
    assert {s.event: len(s.views) for s in read_manifest(out).samples} == {"good": 3, "phone": 2}
    (dropped,) = report_of(out)["dropped"]
    assert (dropped["what"], dropped["kind"]) == ("cam2", "frame times")
    assert "cam2.mp4: has a variable frame rate: frame " in dropped["why"]
    assert "ffmpeg -i IN -fps_mode cfr" in dropped["why"]


def test_cameras_whose_names_differ_in_their_ending_alone_are_all_kept(tmp_path):
    raw, out = tmp_path / "raw", tmp_path / "out"
    for number, name in enumerate(("left.mp4", "left.mov", "right.mp4")):
        write_video(raw / "run" / name, numbered_frames(40, 40 * number), 25.0)
    assert prepare(raw, out, "--val_share", 0) == 0
    (sample,) = read_manifest(out).samples
    firsts = [int(numbers(out / view.video)[0]) for view in sample.views]
    assert sorted(firsts) == [0, 40, 80]
    assert len(set(view_names(sample.views))) == 3
    sources = read_sources(out)
    assert sorted(s.source for s in sources.values()) == ["run/left.mov", "run/left.mp4", "run/right.mp4"]


@pytest.mark.parametrize(
    "names", [("run/Left.mp4", "run/left.mp4"), ("run/left.mp4", "RUN/left.mp4"), ("run/é.mp4", "run/É.mp4")]
)
def test_names_that_some_disks_do_not_tell_apart_are_refused(tmp_path, capsys, names):
    raw, out = tmp_path / "raw", tmp_path / "out"
    for name in names:
        write_video(raw / name, numbered_frames(40), 25.0)
        write_video((raw / name).with_name("right.mp4"), numbered_frames(40), 25.0)
    if len(list(raw.glob("*/*"))) < 3:
        pytest.skip("this disk does not tell them apart either")
    for more in (["--dry_run"], []):
        assert prepare(raw, out, "--val_share", 0, *more) == 2
        said = capsys.readouterr().err
        assert all(str(raw / name) in said for name in names), said
        assert said.count("\n") == 1
    assert not list(out.glob("*/*.mp4"))


def test_starts_of_a_manifest_are_kept_and_long_sources_cut_on_the_timeline(tmp_path):
    raw, out = tmp_path / "raw", tmp_path / "out"
    write_event(raw, "a", starts=(0, 7), frames=50)
    views = tuple(View(f"a/cam{i}.mp4", start, 50, 25.0) for i, start in enumerate((0, 7)))
    write_manifest(raw, [Sample("a", "val", views)])
    assert prepare(raw, out, "--segment_frames", 25) == 0
    manifest = read_manifest(out)
    assert [s.split for s in manifest.samples] == ["val", "val"]
    first_frames = {clip: (s.first_frame, s.origin) for clip, s in read_sources(out).items()}
    assert first_frames["a/cam1_001.mp4"] == (21, 7)  # timeline frame 28
    spans = [[(v.start_frame, v.end_frame) for v in s.views] for s in manifest.samples]
    assert spans == [[(0, 28), (7, 28)], [(28, 50), (28, 57)]]
    for sample in manifest.samples:  # the number a frame carries is its place on the timeline
        for view in sample.views:
            expected = np.arange(view.start_frame, view.end_frame)
            np.testing.assert_array_equal(numbers(manifest.path(view)), expected)


def test_max_frames_begins_where_all_views_have_begun(tmp_path):
    raw, out = tmp_path / "raw", tmp_path / "out"
    write_event(raw, "a", starts=(0, 7))
    views = tuple(View(f"a/cam{i}.mp4", start, 40, 25.0) for i, start in enumerate((0, 7)))
    write_manifest(raw, [Sample("a", "train", views)])
    assert prepare(raw, out, "--max_frames", 10) == 0
    (sample,) = read_manifest(out).samples
    assert [(v.start_frame, v.num_frames) for v in sample.views] == [(7, 10), (7, 10)]
    np.testing.assert_array_equal(numbers(out / sample.views[0].video), np.arange(7, 17))


def test_events_whose_views_share_too_little_are_dropped(tmp_path):
    root, out = tmp_path / "raw", tmp_path / "out"
    write_event(root, "long", frames=40)
    write_event(root, "short", frames=20)
    assert prepare(root, out, "--min_frames", "30", "--val_share", "0") == 0
    assert {sample.event for sample in read_manifest(out).samples} == {"long"}
    dropped = report_of(out)["dropped"]
    assert [entry["event"] for entry in dropped] == ["short"]
    assert "20 frames" in dropped[0]["why"]
    assert "--min_frames 30" in dropped[0]["why"]


def test_unusable_files_are_reported_with_the_reason(tmp_path):
    raw, out = tmp_path / "raw", tmp_path / "out"
    write_event(raw, "good", starts=(0, 0, 0))
    (raw / "good" / "cam2.mp4").write_bytes(b"not a video")
    write_event(raw, "mixed")
    write_video(raw / "mixed" / "cam1.mp4", numbered_frames(40), 30.0)
    write_event(raw, "joined")
    write_video(raw / "part.ts", numbered_frames(40), 25.0)
    (raw / "joined" / "cam1.mp4").write_bytes(2 * (raw / "part.ts").read_bytes())
    (raw / "part.ts").unlink()
    assert prepare(raw, out, "--val_share", 0) == 0
    (sample,) = read_manifest(out).samples
    assert (sample.event, len(sample.views)) == ("good", 2)
    why = {(d["event"], d["what"]): d["why"] for d in report_of(out)["dropped"]}
    assert "cam2.mp4" in why["good", "cam2"]
    assert "frame rates differ (cam0 25, cam1 30)" in why["mixed", ""]
    assert "its time stamps start over at 1.6" in why["joined", "cam1"]


def test_dry_run_says_what_it_would_do(tmp_path, capsys):
    write_event(tmp_path / "raw", "a")
    write_event(tmp_path / "raw", "b")
    assert prepare(tmp_path / "raw", tmp_path / "out", "--val_events", "a", "--dry_run") == 0
    printed = capsys.readouterr().out
    assert "val       1        1      2      80" in printed
    assert "val: a" in printed
    assert "train: b" in printed
    assert prepare(tmp_path / "raw", tmp_path / "out", "--val_share", 0.5, "--limit", 1, "--dry_run") == 0
    assert ": b" not in capsys.readouterr().out


def test_wrong_input_is_one_sentence_and_code_2(tmp_path, capsys):
    (tmp_path / "raw").mkdir()
    assert prepare(tmp_path / "raw", tmp_path / "out") == 2
    assert "neither a manifest.jsonl nor a sub-folder" in capsys.readouterr().err
    write_event(tmp_path / "raw", "run_1")
    assert prepare(tmp_path / "raw", tmp_path / "out", "--val_events", "run_2") == 2
    assert "Did you mean 'run_1'?" in capsys.readouterr().err
    assert prepare(tmp_path / "raw", tmp_path / "out") == 2
    assert "--val_events or --val_share" in capsys.readouterr().err


def test_keyframes_lie_close_but_on_no_common_grid():
    names = ("a/cam0.mp4", "a/cam1.mp4")
    first, second = (set(takewhile(lambda n: n < 3000, keyframe_numbers(name))) for name in names)
    assert 0 in first
    assert max(np.diff(sorted(first))) <= 15
    shared = len(first & second) / len(first)
    assert shared < 0.2  # chance is one in ten: gaps are 10 frames on average
    assert list(islice(keyframe_numbers("a/cam0.mp4"), len(first))) == sorted(first)


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="no development footage beside the checkout")
def test_real_recordings_of_several_codecs_and_sizes(tmp_path):
    options = ["--size", "64", "--max_frames", "20", "--workers", "1", "--val_events", "caliscope_A", "caliscope_C"]
    assert main(["--data_root", str(SHARED / "realsync"), "--output_dir", str(tmp_path), *options]) == 0
    manifest = read_manifest(tmp_path)
    assert {len(s.views) for s in manifest.samples} == {2, 4, 5}
    assert {s.event for s in manifest.of_split("val")} == {"caliscope_A", "caliscope_C"}
    moving = 0
    for sample in manifest.samples:
        for view in sample.views:
            source = read_frames(SHARED / "realsync" / view.video, 0, 20, size=(64, 64)).mean(3)
            clip = read_frames(manifest.path(view)).mean(3)
            assert np.abs(source - clip).mean() < 3  # grey levels: the clip is the source, resized
            if np.abs(np.diff(source, axis=0)).mean() < 1:
                continue  # frames of a still scene look alike
            moving += 1
            error = np.abs(source[:, None] - clip[None]).mean((2, 3))  # [source frame, clip frame]
            assert (error.argmin(1) == np.arange(20)).mean() >= 0.8
    assert moving >= 8


def test_a_split_that_lost_all_its_events_is_named(tmp_path, capsys):
    raw, out = tmp_path / "raw", tmp_path / "out"
    write_event(raw, "a")
    write_event(raw, "b")
    (raw / "b" / "cam0.mp4").write_bytes(b"junk")
    for more in (["--dry_run"], []):
        assert prepare(raw, out, "--val_events", "b", *more) == 0
        assert "split 'val' is empty, since all of its events were dropped (b)" in capsys.readouterr().out
    assert prepare(raw, out, "--val_events", "a") == 0
    assert "split 'train' is empty" in capsys.readouterr().out


def test_events_of_similar_names_keep_their_clips_apart(tmp_path):
    raw, out = tmp_path / "raw", tmp_path / "out"
    events = ("run 1", "run_1", "run/1", "..")
    for number in range(4):
        write_event(raw / "files", f"e{number}", starts=(40 * number,) * 2)
    samples = [
        Sample(event, "train", tuple(View(f"files/e{n}/cam{i}.mp4", 0, 40, 25.0) for i in (0, 1)))
        for n, event in enumerate(events)
    ]
    write_manifest(raw, samples)
    assert prepare(raw, out) == 0
    manifest = read_manifest(out)
    assert sorted(sample.event for sample in manifest.samples) == sorted(events)
    for sample in manifest.samples:
        first = 40 * events.index(sample.event)
        for view in sample.views:
            assert out in manifest.path(view).resolve().parents
            np.testing.assert_array_equal(numbers(manifest.path(view)), first + np.arange(40))
