"""``videosync sync`` as a user types it: what is printed, the JSON, exit codes, and what it says about bad input."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import subprocess
import sys
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import videosync
from dataset_preparation.synthetic.event import Settings, make_event
from videosync.cli.main import main
from videosync.cli.sync import build_parser
from videosync.cli.sync_report import describe
from videosync.cues import DEFAULT_CUE
from videosync.errors import VideoError
from videosync.timeline.clips import FileWarning
from videosync.timeline.result import PlacedFile, Timeline
from videosync.version import __version__
from videosync.video.read import read_frames
from videosync.video.write import write_video

Event = tuple[list[Path], list[int]]


@pytest.fixture(scope="module")
def event(tmp_path_factory: pytest.TempPathFactory) -> Event:
    """Two files at 30 frames/s and their start frames."""
    settings = Settings(views=2, frames=150, size=64, offset_range=30, distractors=0, static_share=0.0, seed=12)
    root = tmp_path_factory.mktemp("event")
    record = make_event(root, "train", 0, settings)
    return [root / v["video"] for v in record["views"]], [v["start_frame"] for v in record["views"]]


def run(*arguments: object) -> int:
    try:
        return main(["sync", *map(str, arguments)])
    except SystemExit as stop:
        return int(stop.code or 0)


def test_a_table_and_a_sentence(event: Event, capsys: pytest.CaptureFixture[str]) -> None:
    paths, starts = event
    assert run(*paths) == 0
    shown = capsys.readouterr().out
    late, early = (0, 1) if starts[0] > starts[1] else (1, 0)
    assert f"cam{late}.mp4 started 0." in shown
    assert f"after cam{early}.mp4." in shown
    assert "start frame" in shown


def test_json_alone_on_standard_output(event: Event, capsys: pytest.CaptureFixture[str]) -> None:
    paths, starts = event
    assert run(*paths, "--json", "-", "--reference", paths[1]) == 0
    answer = json.loads(capsys.readouterr().out)
    told = ["reference", "cue", "encoder", "detector", "notes", "audio", "calibration", "common_seconds"]
    counted = ["pairs_compared", "pairs_possible"]
    assert list(answer) == ["schema", "version", *told[:-2], *counted, *told[-2:], "telling_seconds", "files", "pairs"]
    assert answer["schema"] == 2
    assert answer["version"] == __version__
    assert answer["reference"] == str(paths[1])
    first, second = answer["files"]
    assert first["path"] == str(paths[0])
    assert second["start_seconds"] == 0
    assert first["placed"] is second["placed"] is True
    assert first["start_frame"] == pytest.approx(starts[0] - starts[1], abs=0.5)
    assert first["start_seconds"] == pytest.approx(first["start_frame"] / 30, abs=1e-3)
    low, high = first["interval_seconds"]
    assert low < first["start_seconds"] < high
    assert 0.8 <= first["confidence"] <= 1
    assert first["reason"] is None
    (pair,) = answer["pairs"]
    assert pair["files"] == [str(path) for path in paths]
    assert pair["offset_seconds"] == pytest.approx(first["start_seconds"])
    assert pair["offset_frames"] == pytest.approx(starts[0] - starts[1], abs=0.5)


def test_what_cannot_be_placed_ends_with_3(event: Event, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    still = tmp_path / "still.mp4"
    write_video(still, np.repeat(read_frames(event[0][0], 0, 1), 60, axis=0), 30.0)
    assert run(*event[0], still) == 3
    shown = capsys.readouterr().out
    assert "still.mp4: not placed: nothing moves in it" in shown
    assert "cam0.mp4 started" in shown or "cam1.mp4 started" in shown
    assert run(event[0][0], still, "--json", "-") == 3
    answer = json.loads(capsys.readouterr().out)
    assert answer["reference"] is None
    assert [f["placed"] for f in answer["files"]] == [False, False]


def test_an_offset_outside_the_range_is_not_guessed(event: Event, capsys: pytest.CaptureFixture[str]) -> None:
    paths, starts = event
    apart = abs(starts[0] - starts[1]) / 30
    assert run(*paths, "--max_offset", apart + 0.4, "--json", "-") == 0
    capsys.readouterr()
    assert run(*paths, "--max_offset", apart / 3, "--json", "-") == 3
    assert all(f["reason"] for f in json.loads(capsys.readouterr().out)["files"])


def test_a_damaged_file_is_named_and_the_others_go_on(
    event: Event, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = event[0][0].read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty.mp4").touch()
    bad = [tmp_path / f"{name}.mp4" for name in ("half", "text", "empty")]
    assert run(*event[0], *bad, "--json", "-") == 3
    files = json.loads(capsys.readouterr().out)["files"]
    assert [f["placed"] for f in files] == [True, True, False, False, False]
    assert all(str(path) in f["reason"] for path, f in zip(bad, files[2:]))
    assert run(event[0][0], bad[1]) == 2
    assert "text.mp4: cannot be opened as a video" in capsys.readouterr().err


def test_bad_input_is_one_sentence_and_2(event: Event, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = event[0]
    (tmp_path / "empty").mkdir()
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(8000))
    for arguments, sentence in [
        ((one,), "two or more videos"),
        ((one, one), "was given twice"),
        ((one, tmp_path / "gone.mp4"), "gone.mp4: cannot be read"),
        ((one, two, tmp_path / "sound.wav", "--audio", "off"), "sound.wav: has no video stream"),
        ((one, two, "--audio", "loud"), "invalid choice: 'loud'"),
        ((one, two, "--audio", "only", "--cue", "motion"), "no pictures are looked at"),
        ((one, two, "--microphone-distance", "near"), "'near' must be a number of metres, 0 or more"),
        ((one, tmp_path / "sound.wav", "--detector", "gone"), "gone"),
        ((one, two, "--reference", tmp_path / "x.mp4"), "must be one of the videos"),
        ((one, two, "--max_offset", "-3"), "'-3' must be a positive number of seconds"),
        ((one, two, "--min_overlap", "soon"), "'soon' must be a positive number of seconds"),
        ((one, two, "--max-offset", "-3"), "'-3' must be a positive number of seconds"),
        ((one, two, "--accept", "1.5"), "'1.5' must be a probability above 0 and at most 1"),
        ((one, two, "--accept", "0"), "'0' must be a probability above 0 and at most 1"),
        ((one, two, "--at", "cam0.mp4"), "'cam0.mp4' must be the name of a file and seconds"),
        ((one, two, "--at", "x.mp4=1"), "must be one of the videos"),
        ((one, two, "--at", "cam0.mp4=1", "--at", "cam0.mp4=2"), "cannot start at 2 s and at 1 s"),
        ((tmp_path / "empty",), "is a folder without videos"),
        ((one, two, "--jsn", "-"), "Did you mean '--json'?"),
        ((one, two, "--cue", "motion-learnt"), "Did you mean 'motion-learned'?"),
        ((one, two, "--plot", tmp_path / "a.xyz"), "ends in .png, .jpg, .pdf or .svg"),
        ((one, two, "--json", one / "a.json"), "is a file; give a folder"),
    ]:
        assert run(*arguments) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.startswith("error: ")
        assert shown.err.count("\n") == 1
        assert sentence in shown.err


@pytest.mark.parametrize("arguments", [(), ("--cue", "motion"), ("--audio", "only")], ids=" ".join)
def test_what_a_plain_question_does_not_need_is_not_imported(event: Event, arguments: tuple[str, ...]) -> None:
    """Nor, of files without sound and with nothing to write, what compares sound and writes projects."""
    unneeded = {"torch", "sklearn", "matplotlib", "videosync.config", "videosync.sound.match", "videosync.edit.writers"}
    code = (
        "import sys\nfrom videosync.cli.main import main\nmain(sys.argv[1:])\n"
        f"sys.exit(', '.join({unneeded} & {{*sys.modules}}) or 0)"
    )
    command = [sys.executable, "-c", code, "sync", *arguments]
    subprocess.run([*command, *map(str, event[0])], check=True, timeout=60)


def test_the_default_cue_is_one_everywhere(event: Event, capsys: pytest.CaptureFixture[str]) -> None:
    assert build_parser().parse_args(["a", "b"]).cue == DEFAULT_CUE
    assert videosync.sync(event[0]).cue == DEFAULT_CUE
    assert run(*event[0]) == 0
    assert "Found with" not in capsys.readouterr().out
    assert run(*event[0], "--cue", "energy") in (0, 3)
    assert "Found with the cue energy." in capsys.readouterr().out


@pytest.mark.parametrize("flag", ["--json", "--plot"])
def test_no_video_is_overwritten(flag: str, event: Event, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = event[0]
    other, link = tmp_path / "third.mp4", tmp_path / "link.json"
    other.write_bytes(b"a video left out by a slip of the keyboard")
    link.symlink_to(two)
    before = one.read_bytes(), two.read_bytes(), other.read_bytes()
    for path in (one, other, link, tmp_path):
        assert run(one, two, flag, path) == 2
        said = capsys.readouterr()
        assert said.err.startswith(f"error: {flag} {path}: ")
        assert said.err.count("\n") == 1
        assert not said.out
    assert before == (one.read_bytes(), two.read_bytes(), other.read_bytes())


def test_files_of_answers_and_pictures(event: Event, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer, picture = tmp_path / "a" / "b.json", tmp_path / "c" / "d.png"
    assert run(*event[0], "--cue", "motion", "--json", answer, "--plot", picture) == 0
    assert "started" in capsys.readouterr().out
    assert json.loads(answer.read_text())["cue"] == "motion"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in picture.parent.iterdir()] == ["d.png"]
    assert [path.name for path in answer.parent.iterdir()] == ["b.json"]


def test_an_answer_that_cannot_be_written_is_one_sentence(
    event: Event, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOENT, "No such file or directory")

    monkeypatch.setattr(os, "replace", full)
    assert run(*event[0], "--cue", "motion", "--json", tmp_path / "a.json") == 2
    assert "a.json: cannot be written (No such file or directory)" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_device_stays_a_device(event: Event, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert run(*event[0], "--cue", "motion", "--json", pipe) == 0
    assert json.loads(os.read(reader, 1 << 20))["cue"] == "motion"
    os.close(reader)
    assert pipe.is_fifo()


def test_a_reference_that_is_not_placed_is_said(
    event: Event, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    still, text = tmp_path / "still.mp4", tmp_path / "text.mp4"
    write_video(still, np.zeros((60, 64, 64, 3), np.uint8), 30.0)
    text.write_text("no video")
    assert run(*event[0], still, text, "--cue", "motion", "--reference", still) == 3
    said = capsys.readouterr()
    assert "still.mp4 could not be placed; starts are relative to " in said.err
    assert "text.mp4: not placed: cannot be opened as a video" in said.out
    assert ".." not in said.out
    picture = tmp_path / "a.png"
    assert run(event[0][0], still, "--cue", "motion", "--plot", picture) == 3
    shown = capsys.readouterr()
    assert f"{event[0][0].name}: not placed: no other video is left to compare it with." in shown.out
    assert "nothing to plot in" in shown.err
    assert not picture.exists()


def test_files_of_one_reason_share_a_sentence(event: Event, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*event[0], "--min_overlap", "60", "--cue", "motion") == 3
    assert "cam0.mp4, cam1.mp4: not placed: too short: 5.00 s" in capsys.readouterr().out


def test_frames_are_counted_at_the_rate_of_the_files(
    event: Event, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (one, two), starts = event
    slow = tmp_path / "slow.mp4"
    write_video(slow, read_frames(two)[::2], 15.0)
    assert run(one, two, slow, "--cue", "motion", "--json", tmp_path / "a.json") in (0, 3)
    pairs = json.loads((tmp_path / "a.json").read_text())["pairs"]
    assert [pair["fps"] for pair in pairs] == pytest.approx([30, 15, 15])
    capsys.readouterr()
    assert run(one, slow, "--cue", "motion") == 0
    (frames,) = re.findall(r"\(([\d.]+) frames at 15 fps\)", capsys.readouterr().out)
    assert float(frames) == pytest.approx(abs(starts[0] - starts[1]) / 2, abs=0.5)


def test_a_name_with_a_leading_dash(
    event: Event, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-cam.mp4").write_bytes(event[0][1].read_bytes())
    assert run(event[0][0], "-cam.mp4") == 2
    assert "given as './-cam.mp4'" in capsys.readouterr().err
    assert run(event[0][0], "./-cam.mp4", "--cue", "motion", "--json", "-") == 0
    assert json.loads(capsys.readouterr().out)["files"][1]["path"] == "./-cam.mp4"


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_names_that_are_no_text_and_terminals_without_letters(
    event: Event, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    odd = tmp_path / os.fsdecode(b"cam \xff.mp4")
    try:
        odd.write_bytes(event[0][1].read_bytes())
    except OSError:
        pytest.skip("this disk takes only names that are text")
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict"))
    assert run(event[0][0], odd, "--cue", "motion", "--json", tmp_path / "a.json") == 0
    sys.stdout.seek(0)
    assert "started 0." in sys.stdout.read()
    found = json.loads((tmp_path / "a.json").read_text())["files"][1]["path"]
    assert os.fsencode(found) == os.fsencode(odd)


def test_one_name_is_not_taken_for_a_list_of_letters(event: Event) -> None:
    with pytest.raises(VideoError, match="only .*mp4 was given"):
        videosync.sync(str(event[0][0]))


def test_a_folder_stands_for_the_videos_in_it(event: Event, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, path in zip(("b.MP4", "a.mp4"), event[0]):
        (tmp_path / name).write_bytes(path.read_bytes())
    for other in ("notes.txt", ".hidden.mp4"):
        (tmp_path / other).write_text("no video")
    assert run(tmp_path, "--cue", "motion", "--json", "-") == 0
    answer = json.loads(capsys.readouterr().out)
    assert [file["path"] for file in answer["files"]] == [str(tmp_path / "a.mp4"), str(tmp_path / "b.MP4")]
    before = (tmp_path / "a.mp4").read_bytes()
    assert run(tmp_path, "--json", tmp_path / "a.mp4") == 2
    assert (tmp_path / "a.mp4").read_bytes() == before


def test_a_guess_is_marked_and_what_is_set_by_hand_too(
    event: Event, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    still = tmp_path / "other.mp4"
    write_video(still, np.random.default_rng(0).integers(0, 255, (75, 48, 64, 3), np.uint8), 30.0)
    assert run(*event[0], still, "--cue", "motion", "--json", tmp_path / "a.json") == 3
    shown = capsys.readouterr().out
    (row,) = [line for line in shown.splitlines() if line.startswith("other.mp4 ")]
    guess = json.loads((tmp_path / "a.json").read_text())["files"][2]
    assert f"({guess['best_guess_seconds']:.2f} s)" in row
    assert f"guess, {int(100 * guess['best_guess_confidence'])} %" in row
    assert "\x1b" not in shown
    assert "begins last and loses nothing" in shown
    assert run(*event[0], still, "--cue", "motion", "--at", "other.mp4=-2.5") == 0
    shown = capsys.readouterr().out
    (row,) = [line for line in shown.splitlines() if line.startswith("other.mp4 ")]
    assert row.split()[1:6] == ["-2.500", "s", "-75.0", "100", "%,"]
    assert "other.mp4: its start was set by hand." in shown


def test_what_is_the_reason_is_said_once_and_ends_once() -> None:
    text = "they fit best if a.mp4 plays at 80 % of its real speed: was it filmed at another frame rate?"
    refused = PlacedFile("a.mp4", False, 30.0, reason=text, code="speed", warnings=(FileWarning("speed", text),))
    shown = "\n".join(describe(Timeline(None, (refused, replace(refused, path="b.mp4")), (), "motion")))
    assert shown.count(text) == 1
    assert f"a.mp4, b.mp4: not placed: {text}\n" in f"{shown}\n"


def test_names_that_a_terminal_would_obey_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    name = "a\x1b[31m\nb.mp4"
    still = PlacedFile(name, False, 30.0, reason=f"nothing in {name} moves", code="still")
    guessed = replace(still, path="c\r.mp4", best_guess_seconds=1.0, best_guess_confidence=0.6, rivals_seconds=())
    shown = "\n".join(describe(Timeline(None, (still, guessed), (), "motion")))
    assert not any(character in shown for character in "\x1b\r")
    assert "a\\x1b[31m\\nb.mp4" in shown
    assert all(line.startswith(("video", "a\\x1b", "c\\r", "", "Starts")) for line in shown.splitlines())


def test_files_that_begin_together_need_no_cut(
    event: Event, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "same.mp4").write_bytes(event[0][0].read_bytes())
    assert run(event[0][0], tmp_path / "same.mp4", "--cue", "motion") == 0
    shown = capsys.readouterr().out
    assert "nothing has to be cut" in shown
    assert "loses nothing" not in shown


def test_the_answer_is_written_although_nobody_reads_the_table(event: Event, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "videosync", "sync", *map(str, event[0]), "--cue", "energy", "--json", "a.json"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    reads, writes = os.pipe()
    os.close(reads)
    subprocess.run(command, cwd=tmp_path, env=environment, stdout=writes, stderr=subprocess.PIPE, check=False)
    os.close(writes)
    assert len(json.loads((tmp_path / "a.json").read_text())["files"]) == 2


def test_names_that_mean_something_elsewhere_and_a_closed_output_do_no_harm(event: Event, tmp_path: Path) -> None:
    names = ["a $x_1$ & 100%.mp4", os.fsdecode(b"b\xff'.mp4")]
    for path, name in zip(event[0], names):
        os.symlink(path, tmp_path / name)
    command = [sys.executable, "-m", "videosync", "sync", *names, "--cue", "motion", "--plot", "p.png", "--json",
               "a.json", "--premiere", "p.xml", "--frames-csv", "f.csv", "--edl", "edl", "--report", "r.html",
               "--manifest", "set"]  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command], cwd=tmp_path, env=environment, capture_output=True, check=False
    )
    assert b"Traceback" not in done.stderr
    assert done.returncode == 2  # a manifest cannot hold such a name: one sentence
    assert done.stderr.count(b"error: ") == 1
    assert b"--manifest: " in done.stderr
    for written in ("p.png", "a.json", "r.html", "p.xml", "f.csv", "f_wide.csv", "edl"):
        assert (tmp_path / written).exists(), done.stderr.decode()
