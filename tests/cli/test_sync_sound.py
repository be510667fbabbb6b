"""``videosync sync`` of files with sound, as a user types it: tables, sentences, JSON and picture."""

from __future__ import annotations

import json
import shutil
from importlib import resources
from pathlib import Path

import pytest

from dataset_preparation.synthetic.event import Settings, make_event
from tests.reference.json_schema import problems
from tests.timeline.test_sound import SONG, Event
from videosync.cli.main import main


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Event:
    settings = Settings(views=2, frames=180, size=64, offset_range=40, distractors=0, static_share=0.0, seed=11)
    root = tmp_path_factory.mktemp("event")
    views = make_event(root, "train", 0, settings)["views"]
    return Event(root, [root / view["video"] for view in views], [view["start_frame"] for view in views])


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    code = main(["sync", *map(str, arguments)])
    return code, capsys.readouterr().out


def test_two_witnesses_have_a_table_of_their_own(made: Event, capsys: pytest.CaptureFixture[str]) -> None:
    films = [made.film(name, camera) for camera, name in enumerate(("one", "two"))]
    code, shown = run(capsys, *films, "--cue", "motion")
    assert code == 0
    lines = shown.splitlines()
    assert [line.split() for line in lines if line.startswith("offset of")] == [
        ["offset", "of", "by", "offset", "±", "s", "confidence"]
    ]
    witnesses = [line.split() for line in lines if line.startswith(("one.mkv - ", "two.mkv - "))]
    assert [row[3] for row in witnesses] == ["picture", "sound"]
    late = max(made.starts) - min(made.starts)
    assert float(witnesses[1][4]) == pytest.approx(late, abs=0.003)  # against the reference, which started first
    assert "offset of" not in run(capsys, *films, "--cue", "motion", "--audio", "off")[1]


def test_copies_differ_by_nothing_without_a_sign(
    made: Event, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = made.film("one", 0)
    copy = Path(shutil.copy(film, tmp_path / "copy.mkv"))
    _, shown = run(capsys, copy, film, "--cue", "motion")
    assert "+0.000 s" in shown
    assert "-0.000" not in shown


def test_a_recording_has_no_frames(made: Event, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film, recorder = made.film("one", 0), made.record("recorder.wav", -4.0, 12.0)
    files = tmp_path / "a.json", tmp_path / "a.png"
    code, shown = run(capsys, film, recorder, "--json", files[0], "--plot", files[1], "--microphone-distance", 0)
    assert code == 0
    row = next(line for line in shown.splitlines() if line.startswith("recorder.wav"))
    assert row.split()[1:4] == ["0.000", "s", "-"]
    assert f"one.mkv started {made.starts[0] + 4:.1f}" in shown
    assert "Found by sound alone." in shown
    said = json.loads(files[0].read_text())
    assert (said["cue"], said["audio"], said["schema"]) == ("sound", "auto", 2)
    schema = json.loads((resources.files("videosync") / "timeline" / "schema.json").read_text(encoding="utf-8"))
    assert not problems(said, schema, schema)
    assert said["calibration"] == {"cue": "sound", "encoder": None}
    (pair,) = said["pairs"]
    assert pair["decided_by"] == "sound"
    assert pair["interval_seconds"] == pair["witnesses"][0]["interval_seconds"]
    assert pair["offset_frames"] == pytest.approx(30 * pair["offset_seconds"], abs=1e-3)
    assert files[1].read_bytes().startswith(b"\x89PNG")


def test_a_sound_track_put_under_is_named(made: Event, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films = made.film("here", 0, SONG), made.film("there", 1, SONG, late=1.5)
    answer = tmp_path / "a.json"
    code, shown = run(capsys, *films, "--cue", "motion", "--json", answer, "--plot", tmp_path / "a.png")
    assert code == 0
    assert (
        "s elsewhere: a sound track put under, or out of step with its pictures, or the same music at another time?"
        in shown
    )
    (pair,) = json.loads(answer.read_text())["pairs"]
    assert (pair["decided_by"], pair["agree"], pair["sound_delay_seconds"]) == ("picture", False, None)
    picture, sound = pair["witnesses"]
    assert pair["offset_seconds"] == picture["offset_seconds"]
    assert abs(sound["offset_seconds"] - picture["offset_seconds"]) == pytest.approx(1.5, abs=0.05)
    assert sound["placed"]
