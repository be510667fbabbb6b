"""``videosync audit`` as a user types it: planted shifts, the table, CSV, JSON, picture, exit codes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from dataset_preparation.synthetic.event import Settings, make_event
from tests.cli.sound_clips import write_sound_clip
from videosync.cli.audit import COLUMNS, main
from videosync.data.manifest import write_manifest
from videosync.data.samples import Sample, View
from videosync.video.read import read_frames
from videosync.video.write import write_video

EVENTS, PLANTED = 3, 6  # frames, in the last camera of the second event


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of three events of three cameras, one of which is said to start too early."""
    root = tmp_path_factory.mktemp("se$t")
    settings = Settings(views=3, frames=150, size=64, offset_range=20, distractors=0, static_share=0.0, seed=5)
    samples = []
    for number in range(EVENTS):
        record = make_event(root, "train", number, settings)
        views = [View(v["video"], v["start_frame"] + 20, v["num_frames"], v["fps"]) for v in record["views"]]
        if number == 1:
            late = views[2]
            views[2] = View(late.video, late.start_frame - PLANTED, late.num_frames, late.fps)
        samples.append(Sample(record["event"], "train", tuple(views)))
    write_manifest(root, samples)
    return root


@pytest.mark.slow
def test_a_planted_shift_is_found(synthetic: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--cache", str(tmp_path / "cache"), "--pool", "always"]
    assert main([str(synthetic), *flags, "--json"]) == 4
    answer = json.loads(capsys.readouterr().out)
    assert (answer["schema"], answer["events"], answer["tolerance_frames"]) == (1, EVENTS, 1.0)
    assert answer["pooled"] == ["cam0", "cam1", "cam2"]
    wrong = [one for one in answer["cameras"] if one["verdict"] == "off by"]
    assert [(one["camera"], round(one["off_by_frames"])) for one in wrong] == [("cam2", PLANTED)]
    assert wrong[0]["measured_seconds"] - wrong[0]["claimed_seconds"] == pytest.approx(
        wrong[0]["off_by_seconds"], abs=1e-5
    )
    gone = synthetic / "gone.mp4"
    moved = Path(answer["cameras"][0]["path"]).rename(gone)
    try:
        table, picture = tmp_path / "off.csv", tmp_path / "off.png"
        assert main([str(synthetic), *flags, "--csv", str(table), "--plot", str(picture)]) == 4
    finally:
        moved.rename(answer["cameras"][0]["path"])
    shown = capsys.readouterr().out
    assert "9 cameras of 3 events: " in shown
    assert ", 1 off, " in shown
    assert "the file is missing" in shown
    assert "(pooled): the pictures of up to 3 events together" in shown
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 3 * (EVENTS + 1)
    assert (rows[0]["verdict"], rows[0]["off_by_frames"]) == ("cannot tell", "")
    assert picture.stat().st_size > 5000


def test_an_event_that_cannot_be_told_is_not_in_sync(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, seed in (("left", 1), ("ri\nght", 2)):
        write_sound_clip(tmp_path / "one" / f"{name}.mp4", seed, seconds=2.5, sound_seconds=0)
    write_sound_clip(tmp_path / "two" / "left.mp4", 3, sound_seconds=0)
    (tmp_path / "two" / "right.mp4").write_text("no video")
    assert main([str(tmp_path), "--cue", "motion"]) == 3
    shown = capsys.readouterr()
    assert "4 cameras of 2 events: 0 in sync within 1 frame, 0 off, 4 cannot be told." in shown.out
    assert "two/left, two/right: " in shown.out
    assert shown.out.count("one/ri\\nght") == 2
    assert "right.mp4: cannot be opened as a video" in shown.err


def test_chapters_are_one_camera(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = Settings(views=2, frames=120, size=64, offset_range=1, distractors=0, static_share=0.0, seed=5)
    views = make_event(tmp_path / "made", "train", 0, settings)["views"]
    latest = max(view["start_frame"] for view in views)
    frames = [read_frames(tmp_path / "made" / view["video"])[latest - view["start_frame"] :] for view in views]
    for name, cut in (("GX010034", frames[0][:70]), ("GX020034", frames[0][70:]), ("b", frames[1])):
        write_video(tmp_path / "walk" / f"{name}.MP4", cut, settings.fps)
    for flags, cameras in ([], ["GX010034", "b"]), (["--chapters", "off"], ["GX010034", "GX020034", "b"]):
        main([str(tmp_path / "walk"), "--cue", "motion", "--tolerance", "2", "--json", *flags])
        shown = capsys.readouterr()
        told = json.loads(shown.out)["cameras"]
        assert [one["camera"] for one in told] == cameras
        assert ("GX010034.MP4 and GX020034.MP4 are chapters of one recording" in shown.err) is not bool(flags)
        if not flags:
            assert [one["verdict"] for one in told] == ["in sync"] * 2


def test_bad_input_is_one_sentence_and_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_sound_clip(tmp_path / "one" / "a.mp4", 1, seconds=1.0, sound_seconds=0)
    write_sound_clip(tmp_path / "one" / "b.mp4", 1, seconds=1.0, sound_seconds=0)
    for arguments, sentence in [
        ((tmp_path / "none",), "there is no such folder"),
        ((tmp_path / "one" / "a.mp4",), "is no folder"),
        ((tmp_path, "--tolerance", "0"), "'0' must be a positive number"),
        ((tmp_path, "--plot", tmp_path / "a.xyz"), "ends in .png, .jpg, .pdf or .svg"),
        ((tmp_path, "--csv", tmp_path / "one" / "b.mp4"), "is one of the videos"),
        ((tmp_path, "--cue", "motoin"), "Did you mean 'motion'?"),
    ]:
        try:
            code = main([str(one) for one in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        shown = capsys.readouterr()
        assert (code, shown.out, shown.err.count("\n")) == (2, "", 1), sentence
        assert sentence in shown.err
