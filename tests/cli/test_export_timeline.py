"""A saved answer becomes cut files, projects and tables, and a mistake one sentence."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from videosync.cli.export_timeline import main
from videosync.video.write import write_video


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """An answer beside its files, which it names relative to itself."""
    files = []
    for name, start in (("a.mp4", 0.0), ("b.mp4", 0.4), ("100%$.mp4", None)):
        write_video(tmp_path / name, [np.zeros((16, 16, 3), np.uint8)] * 30, 30)
        files.append(
            {"path": name, "placed": start is not None, "start_seconds": start, "fps": 30.0, "duration_seconds": 1.0,
             "confidence": 0.99, "timecode": None}
        )  # fmt: skip
    (tmp_path / "answer.json").write_text(json.dumps({"schema": 2, "files": files}))
    return tmp_path / "answer.json"


def test_everything_is_written_at_once(saved: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    flags = ["--trim", "cut", "--premiere", "p.xml", "--fcpxml", "p.fcpxml", "--otio", "p.otio", "--mlt", "p.mlt",
             "--edl", "edl", "--frames-csv", "frames.csv", "--manifest", "set", "--report", "r.html",
             "--preview", "v.mp4"]  # fmt: skip
    arguments = [one if one.startswith("--") else str(out / one) for one in flags]
    assert main([str(saved), *arguments]) == 0
    found = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert found == [
        "cut/a_synced.mp4", "cut/b_synced.mp4", "edl/a.mp4.edl", "edl/b.mp4.edl", "frames.csv", "frames_wide.csv",
        "p.fcpxml", "p.mlt", "p.otio", "p.xml", "r.html", "set/manifest.jsonl", "v.mp4",
    ]  # fmt: skip


def test_what_cannot_be_written_does_not_keep_the_rest(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--edl", str(tmp_path / "edl"), "--otio", str(tmp_path / "p.otio"), "--timeline-rate", "120"]
    assert main([str(saved), *arguments]) == 2
    assert "--edl: an EDL counts to 60 frames/s" in capsys.readouterr().err
    assert (tmp_path / "p.otio").is_file()


def test_a_file_that_is_gone_is_named(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.remove(tmp_path / "b.mp4")
    assert main([str(saved), "--otio", str(tmp_path / "p.otio")]) == 0
    assert "note: b.mp4: the file is not there" in capsys.readouterr().err


def test_a_name_that_a_project_cannot_hold_is_said(
    saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.rename(tmp_path / "b.mp4", tmp_path / "\udcff.mp4")
    saved.write_text(saved.read_text().replace("b.mp4", "\\udcff.mp4"))
    assert main([str(saved), "--mlt", str(tmp_path / "p.mlt"), "--otio", str(tmp_path / "p.otio")]) == 0
    said = capsys.readouterr().err
    assert said.count("XML cannot hold this name, so players miss the file; rename it") == 1
    assert "--mlt: " in said


@pytest.mark.parametrize(
    ("content", "flags", "says"),
    [
        ("[]", ["--otio", "x.otio"], "expected an object|not an object|object"),
        ("{", ["--otio", "x.otio"], "name a file that videosync sync --json wrote"),
        ('{"schema": 2, "files": [{"placed": true}]}', ["--otio", "x.otio"], "no answer of videosync sync"),
        ('{"schema": 2, "files": []}', ["--otio", "x.otio"], "fewer than two files are placed"),
        ('{"schema": 2, "files": []}', [], "nothing to write; name one of --report"),
        (
            '{"schema": 2, "files": []}',
            ["--otio", "cut.otio", "--correct-drift"],
            "only --trim makes files whose clocks",
        ),
        (
            '{"schema": 2, "files": []}',
            ["--otio", "cut.otio", "--fast"],
            "only --trim writes videos that can be copied",
        ),
        ('{"schema": 2, "files": []}', ["--trim", "cut", "--fast", "--correct-drift"], "keeps its own clock"),
        ('{"schema": 2, "files": []}', ["--otio", "x.txt"], "expected a name that ends in .otio"),
        ('{"schema": 2, "files": []}', ["--otio", "x.otio", "--timeline-rate", "-3"], "frames per second"),
    ],
)
def test_a_mistake_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, flags: list[str], says: str
) -> None:
    (tmp_path / "answer.json").write_text(content)
    try:
        code = main([str(tmp_path / "answer.json"), *(str(tmp_path / f) if f.startswith("x.") else f for f in flags)])
    except SystemExit as stop:
        code = int(stop.code or 0)
    said = capsys.readouterr().err
    assert code == 2
    assert len(said.strip().splitlines()) == 1
    assert re.search(says, said)
