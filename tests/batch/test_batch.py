"""Many events at once: each by itself, each once, and a summary of all."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import parse

import numpy as np
import pytest

from videosync.batch import work
from videosync.batch.events import read_events
from videosync.batch.summary import EventResult, write_summary
from videosync.batch.work import EventJob
from videosync.cli.main import main
from videosync.errors import ConfigError
from videosync.jobs.job import Outcome
from videosync.jobs.records import DONE
from videosync.jobs.run_folder import UNFINISHED

RATE = 8000
NASTY = "a $x%s '\"&<b>\U0001f3a5"


def record(path: Path, seed: int, first: float, seconds: float = 4.0) -> Path:
    """The sound of an event, from ``first`` seconds on."""
    noise = np.random.default_rng(seed).normal(0, 3000, 10 * RATE)
    samples = noise[round(first * RATE) :][: round(seconds * RATE)].astype("<i2")
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return path


def events(root: Path, *names: str) -> Path:
    """Two recordings of each event, one 1.5 s later than the other."""
    for seed, name in enumerate(names):
        record(root / name / "a.wav", seed, 0.0)
        record(root / name / "card" / "b.wav", seed, 1.5)
    return root


def batch(*arguments: object) -> int:
    return main(["batch", *map(str, arguments)])


def rows(out: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((out / "summary.csv").read_text(encoding="utf-8"))))


@pytest.mark.usefixtures("in_process")
def test_one_broken_event_stops_none_and_what_is_done_is_not_done_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = events(tmp_path / "all", "one", NASTY, "defect"), tmp_path / "all_synced"
    (source / "broken").mkdir()
    for name in ("c.mp4", "d.mp4"):
        (source / "broken" / name).write_text("no video")
    done: list[str] = []

    def counted(job: EventJob, *rest: Any) -> Outcome:
        done.append(job.name)
        if job.name == "defect":
            raise ZeroDivisionError("a mistake")
        return once(job, *rest)

    once = work._sync_event
    monkeypatch.setattr(work, "_sync_event", counted)
    assert batch(source, "--premiere", "--json", "-", "--progress", "json") == 3
    shown, told = capsys.readouterr()
    result = json.loads(shown)
    assert sorted(done) == sorted(["one", NASTY, "defect", "broken"])
    assert [event["complete"] for event in result["events"]] == [name in ("one", NASTY) for name in sorted(done)]
    folders = {event["event"]: out / event["folder"] for event in result["events"]}
    for name in ("one", NASTY):
        answer = json.loads((folders[name] / "answer.json").read_text())
        assert [file["start_seconds"] for file in answer["files"]] == pytest.approx([0, 1.5], abs=0.01)
        assert (folders[name] / f"{folders[name].name}.xml").is_file()
    table = {(row["event"], Path(row["file"]).name): row for row in rows(out)}
    assert float(table["one", "b.wav"]["start"]) == pytest.approx(1.5, abs=0.01)
    assert (table["one", "b.wav"]["placed"], table["broken", "c.mp4"]["placed"]) == ("yes", "no")
    assert "cannot be opened" in table["broken", "c.mp4"]["reason"]
    assert "a defect of VideoSync (ZeroDivisionError: a mistake; " in table["defect", "a.wav"]["reason"]
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "<b>" not in page
    assert "default-src 'none'" in page
    lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    assert [line["done"] for line in lines] == [0, 1, 2, 3, 4]
    assert lines[-1]["seconds_left"] == 0

    done.clear()
    record(source / "one" / "a.wav", 0, 0.5)  # a file has changed
    assert batch(source, "--premiere") == 3
    assert done == ["one"]
    assert "2 of 4 events are complete" in capsys.readouterr().out
    assert batch(source) == 3  # the options have
    assert sorted(done[1:]) == sorted(["one", NASTY, "defect", "broken"])
    assert not list(out.rglob("*.xml"))


@pytest.mark.slow
def test_killed_it_goes_on(tmp_path: Path) -> None:
    source, out = events(tmp_path / "all", *"abcd"), tmp_path / "out"
    command = [sys.executable, "-m", "videosync", "batch", source, "--output_dir", out, "--workers", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    records = out / DONE
    end = time.monotonic() + 120
    while not any(records.glob("[!.]*")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=120)
    before = {path: path.stat().st_mtime_ns for path in out.glob("*/answer.json")}
    kept = len(list(records.glob("[!.]*")))
    assert 1 <= kept < 4
    assert all(json.loads(path.read_text())["files"] for path in before)
    again = subprocess.run([*command, "--json", "-"], capture_output=True, check=False, timeout=240)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["complete"]
    same = [path for path, changed in before.items() if path.stat().st_mtime_ns == changed]
    assert len(same) >= kept
    assert not (out / UNFINISHED).exists()


@pytest.mark.usefixtures("in_process")
def test_ctrl_c_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = events(tmp_path / "all", "one", "two"), tmp_path / "all_synced"

    def stopped(job: EventJob, *rest: Any) -> Outcome:
        if job.name == "two":
            raise KeyboardInterrupt
        return once(job, *rest)

    once = work._sync_event
    monkeypatch.setattr(work, "_sync_event", stopped)
    assert batch(source) == 130
    said = capsys.readouterr()
    assert said.err == f"stopped; what is done stays in {out}, and the same command goes on from there\n"
    assert not said.out
    assert (out / "one" / "answer.json").is_file()


@pytest.mark.usefixtures("in_process")
def test_a_table_names_events_files_and_roles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events(tmp_path / "in", "x")
    table = tmp_path / "set.csv"
    table.write_text(
        "\ufeffEvent;File;Role\nx;in/x/a.wav;recorder\nx;in/x/card/b.wav;Reference\nempty;in/nowhere.wav;\nempty;in/x/a.wav;\n",
        encoding="utf-8",
    )
    assert batch(table, "--output_dir", tmp_path / "out", "--manifest", tmp_path / "data") == 3
    assert "x: --manifest: fewer than two videos are placed" in capsys.readouterr().err
    first, second, missing, _ = rows(tmp_path / "out")
    assert (first["role"], second["role"]) == ("recorder", "Reference")
    assert (float(first["start"]), float(second["start"])) == (pytest.approx(-1.5, abs=0.01), 0)
    assert "No such file" in missing["reason"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("event,path\n", "has no column 'file'"),
        ("event,file\na,\n", "line 2: has no file"),
        ("event,file\n", "holds no events; expected a row"),
        ("event,file,role\na,1,reference\na,2,Reference\n", "event 'a' has two files with the role reference"),
        ("event\0", "not UTF-8"),
        ("event,file\na/b,1\nA:B,2\n", "the events 'a/b' and 'A:B' would both be written to the folder 'A_B'"),
        ('event,file\na,"' + "x" * 200_000, "is no table .*quotation mark that is not closed"),
    ],
)
def test_a_table_that_is_none(text: str, sentence: str, tmp_path: Path) -> None:
    table = tmp_path / "set.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=sentence):
        read_events(table, tmp_path / "out")


def test_folders_that_are_no_events(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match="holds no events; expected a folder for each event"):
        read_events(tmp_path, tmp_path / "out")
    source = events(tmp_path / "all", "one", "out/earlier", ".hidden")
    (source / "notes").mkdir()
    record(source / "loose.wav", 0, 0)
    found, notes = read_events(source, source / "out")
    assert [(event.name, [Path(path).name for path in event.paths]) for event in found] == [("one", ["a.wav", "b.wav"])]
    assert [note.partition(": ")[2] for note in notes] == [
        "lies in no event's folder, and is left out",
        "holds no videos, and is left out",
    ]
    assert batch(source, "--output_dir", source / "one") == 2
    assert "holds files of something else" in capsys.readouterr().err


@pytest.mark.usefixtures("in_process")
def test_cards_hold_files_of_one_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for card, first in (("a", 0.0), ("b", 1.5)):
        record(tmp_path / "all" / "two\ncards\x1b" / card / "1.wav", 0, first)
    assert batch(tmp_path / "all", "--trim") == 0
    written = (tmp_path / "all_synced" / "two_cards_" / "trim").iterdir()
    assert sorted(path.name for path in written) == ["a_1_synced.wav", "b_1_synced.wav"]
    assert batch(tmp_path / "all", "--trim", "--keep-names") == 3
    assert "two\\ncards\\x1b: --trim: two_cards_/trim/1.wav: " in capsys.readouterr().out


@pytest.mark.usefixtures("in_process")
def test_projects_name_files_from_where_they_are_in_the_end(tmp_path: Path) -> None:
    source, out = events(tmp_path / "all", "one"), tmp_path / "else" / "out"
    before = 0
    for kind, force in (("absolute", []), ("relative", []), ("relative", ["--force"])):
        assert batch(source, "--output-dir", out, "--mlt", "--paths", kind, *force) == 0
        root = parse(written := out / "one" / "one.mlt").getroot()
        named = [one.text or "" for one in root.findall(".//producer/property[@name='resource']")]
        places = [Path(os.path.normpath(written.parent / name)) for name in named]
        assert places == [source / "one" / "a.wav", source / "one" / "card" / "b.wav"]
        assert {Path(name).is_absolute() for name in named} == {kind == "absolute"}
        assert root.get("root") == (str(written.parent) if kind == "absolute" else None)
        if force:
            assert written.stat().st_mtime_ns > before  # though nothing has changed
        before = written.stat().st_mtime_ns


def test_names_that_are_no_unicode(tmp_path: Path) -> None:
    jobs = [
        EventJob("caf\udce9/\x07", "f1", ("/x/caf\udce9 \"'.mp4",), ("",)),
        EventJob("index.html", "f2", ("/x",), ("",)),
    ]
    told = {"placed": True, "start_seconds": 0.0, "interval_seconds": [-0.1, 0.1], "confidence": 0.99, "reason": None}
    facts = {"files": [{"path": jobs[0].sources[0], "role": "", **told}], "notes": ["one & <two>"], "problems": []}
    results = [
        EventResult(jobs[0], Outcome(files=("f1/caf\udce9.html",), facts=facts)),
        EventResult(jobs[1], Outcome(problem="bad")),
    ]
    write_summary(results, tmp_path)
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert 'href="f1/caf%E9.html"' in page
    assert "One &amp; &lt;two&gt;." in page
    assert [row["interval"] for row in rows(tmp_path)] == ["0.1", ""]
