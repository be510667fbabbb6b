"""Which cameras of an event are off: by what is measured of each, by majorities, and never "in sync" by guesswork."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.timeline.audited import HALF, RATE, asked
from videosync.errors import ManifestError, VideoError
from videosync.timeline.audit import CANNOT_TELL, IN_SYNC, OFF_BY, Asked, judge_event, pool
from videosync.timeline.audit_events import find_events
from videosync.timeline.calibration import calibration_for
from videosync.timeline.clips import FileWarning


@pytest.mark.parametrize(
    ("off", "verdicts"),
    [
        ([0.1, 0.0, -0.2, 0.1], "ssss"),
        ([0.0, 0.1, 6.0, 0.0], "ssos"),
        ([-9.0, 0.1, 0.0, 0.2], "osss"),
        ([0.0, 0.1, 1.2, 0.0], "ss?s"),  # a frame or two: its interval has both
        ([0.0, 0.1, None, 0.0], "ss?s"),
        ([0.0, 7.0], "oo"),  # which of the two is off?
        ([0.0, 0.1, 7.0, 7.1], "oooo"),
        ([0.0, 0.5], "??"),  # a pair alone is known to 0.9 frames
        ([None, None], "??"),
    ],
    ids=str,
)
def test_the_verdict_is_that_of_the_interval(off: list[float | None], verdicts: str) -> None:
    words = {"s": IN_SYNC, "o": OFF_BY, "?": CANNOT_TELL}
    found = judge_event(asked(off))
    assert [one.verdict for one in found] == [words[letter] for letter in verdicts]
    for one in found:
        assert one.verdict != CANNOT_TELL or one.reason
        assert ("no group is the largest" in (one.reason or "")) is (verdicts in ("oo", "oooo"))
        if one.verdict == IN_SYNC:
            assert one.interval_seconds is not None
            assert max(map(abs, one.interval_seconds)) <= 1 / RATE
    if off == [0.0, 0.1, 6.0, 0.0]:
        wrong = found[2]
        assert wrong.off_by_frames == pytest.approx(6)
        assert wrong.measured_seconds == pytest.approx(1.0 + 6 / RATE)
        assert wrong.against == ("cam0", "cam1", "cam3")


def test_tolerance_is_in_frames() -> None:
    assert [one.verdict for one in judge_event(asked([0.0, 0.5]), 1.5)] == [IN_SYNC] * 2
    assert [one.verdict for one in judge_event(asked([0.0, 0.1, 2.0, 0.0]), 3.0)] == [IN_SYNC] * 4


def test_a_claim_that_fits_nearly_as_well_is_no_alarm() -> None:
    assert judge_event(asked([0.0, 0.1, 20.0, 0.0], claim=8.0))[2].verdict == CANNOT_TELL
    assert judge_event(asked([0.0, 0.1, 20.0, 0.0]))[2].verdict == OFF_BY


def test_what_is_hardly_sure_or_not_steady_is_never_in_sync() -> None:
    unsure = judge_event(asked([0.0, 0.1, 0.0, 0.1], confidence=calibration_for("motion-learned").accepted))
    assert {one.verdict for one in unsure} == {CANNOT_TELL}
    broken = judge_event(asked([0.0, 0.1, 0.0, 0.1], warnings={1: FileWarning("break", "frames are missing")}))
    assert (broken[1].verdict, broken[1].reason) == (OFF_BY, "frames are missing")


def test_sound_alone_is_as_exact_as_its_interval() -> None:
    heard = judge_event(asked([0.0, 0.0, 0.0, 9.0], by="sound", claim=99.0))
    assert [one.verdict for one in heard] == [IN_SYNC] * 3 + [OFF_BY]
    assert heard[0].interval_seconds == pytest.approx((-HALF / RATE, HALF / RATE))


def test_many_events_tell_what_none_does() -> None:
    faint = [asked([0, 0, 0, 5], height=3.4, seed=1000 * n) for n in range(16)]
    none = [asked([None] * 4, height=0.0, seed=1000 * n) for n in range(16)]
    found = pool(faint)
    assert [one.verdict for one in found] == [IN_SYNC] * 3 + [OFF_BY]
    assert found[3].off_by_frames == pytest.approx(5, abs=0.5)
    assert {one.events for one in found} == {16}
    assert {one.verdict for one in pool(none)} == {CANNOT_TELL}
    assert pool([Asked(faint[0].event, problem="damaged")]) == []


def test_folders_and_manifests_are_events(tmp_path: Path) -> None:
    for name in ("jump/a.mp4", "jump/b.MOV", "walk/a.mp4", "walk/b.wav", "walk/notes.txt", "alone/a.mp4", ".x/a.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "stray.mp4").touch()
    events = find_events(tmp_path)
    assert [(one.name, one.cameras, one.claimed) for one in events] == [
        ("jump", ("a", "b"), (0.0, 0.0)),
        ("walk", ("a", "b"), (0.0, 0.0)),
    ]
    assert [one.name for one in find_events(tmp_path / "walk")] == ["walk"]
    assert [one.name for one in find_events(tmp_path, limit=1)] == ["jump"]
    views = [{"video": f"{n}.mp4", "start_frame": 25 * n, "num_frames": 50, "fps": 25.0} for n in range(2)]
    lines = [{"event": "run", "split": "val", "views": views}, {"event": "run", "split": "val", "views": views[:1]}]
    (tmp_path / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (one,) = find_events(tmp_path)
    assert (one.name, one.cameras, one.claimed) == ("run #1", ("0", "1"), (0.0, 1.0))
    (tmp_path / "manifest.jsonl").write_text("{}")
    with pytest.raises(ManifestError):
        find_events(tmp_path)
    for place in (tmp_path / "alone", tmp_path / "none", tmp_path / "stray.mp4"):
        with pytest.raises(VideoError, match="name "):
            find_events(place)
