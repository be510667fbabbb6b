"""Files as people bring them: what they hold, what is drawn, what is counted, and the command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.brought.__main__ import main
from benchmarks.brought.draw import HARD, LITTLE, LONGER, SHARED, draw, files_of, never_meet, sources_of
from benchmarks.brought.score import at_precision, earned, rows_of
from benchmarks.brought.takes import FAULTS, Fault, Source, Take
from benchmarks.pipeline import Answer, read_answers
from videosync.timeline.calibration import FEATURES
from videosync.video.read import probe, read_frames


def take(folder: Path, fault: Fault) -> Take:
    source = Source("s", "e", folder / "walk_1/cam0.mp4", 2.0, 25.0, 110)
    return Take(source, 0.4, 60, 25.0, 64, crf=23, gop=20, fault=fault)


@pytest.mark.parametrize(
    ("fault", "frames", "where"),  # where: frame of the file → frame of the clip; None: not of the clip
    [
        (Fault(), 60, {0: 10, 59: 69}),
        (Fault("black start", 4), 60, {3: None, 4: 14}),
        (Fault("black tail", 4), 60, {55: 65, 56: None}),
        (Fault("title", 12, 7), 72, {0: None, 11: None, 12: 10, 71: 69}),
        (Fault("flash", 0.5), 60, {29: 39, 30: None, 31: 41}),
        (Fault("drift", 0.25), 60, {0: 10, 50: 50}),
        (Fault("pause", 0.4), 50, {29: 39, 30: 50}),
        (Fault("lost", 0.1, 1), 54, {0: 10, 53: 69}),
    ],
)
def test_a_file_holds_what_its_fault_leaves(
    two_cameras: Path, tmp_path: Path, fault: Fault, frames: int, where: dict[int, int | None]
) -> None:
    one = take(two_cameras, fault)
    path = one.write(tmp_path)
    count = probe(path).num_frames
    assert abs(count - frames) <= (4 if fault.kind == "lost" else 0)
    for number, place in where.items():
        number = count - 1 if fault.kind == "lost" and number else number
        picture = read_frames(path, number, number + 1)[0].astype(float)
        close = min(
            np.abs(picture - read_frames(one.source.path, n, n + 1)[0]).mean()
            for n in ([place] if place is not None else range(8, 72, 8))
        )
        assert (close < 12) == (place is not None)
    before = fault.amount / 25 if fault.kind == "title" else 0
    assert one.start == pytest.approx(2.4 - before)


def test_every_fault_makes_another_file_and_the_same_one_twice(two_cameras: Path) -> None:
    names = [take(two_cameras, Fault(kind, 0.3, 5)).name for kind in FAULTS]
    assert len(set(names)) == len(FAULTS)
    assert names == [take(two_cameras, Fault(kind, 0.3, 5)).name for kind in FAULTS]


def long_set(folder: Path, events: int = 3) -> dict[str, list[list[Source]]]:
    """Clips that are said to be long: nothing is read while questions are drawn."""
    paths = [folder / f"{event}/cam{n}.mp4" for event in ("walk_1", "jump", "kick") for n in (0, 1)]
    return {
        f"set{n}": [
            [Source(f"set{n}", f"{n}/{e}", paths[(e + v) % 6], 0.5 * v, 30.0, 2400, n == 1) for v in range(6)]
            for e in range(events)
        ]
        for n in (0, 1)
    }


def test_files_share_what_the_question_says(two_cameras: Path) -> None:
    questions = draw(long_set(two_cameras), (), 56, 42, seed=3)
    assert questions == draw(long_set(two_cameras), (), 56, 42, seed=3) != draw(long_set(two_cameras), (), 56, 42, 4)
    kinds = {question.kind for question in questions}
    assert {"plain", "little overlap", "hard change", "clock", "group", "other event", "other time"} <= kinds
    assert {"same graphics", "same keyframes", "long and short", "long and other"} <= kinds
    assert {take.fault.kind for q in questions for take in q.takes if q.kind == "hard change"} <= set(HARD)
    for question in questions:
        one, other = question.takes[:2]
        both = min(one.stop, other.stop) - max(one.start, other.start)
        if question.starts[1] is None:
            assert one.source.event != other.source.event or both < 0
        elif question.kind in ("plain", "little overlap"):
            low, high = LITTLE if question.kind == "little overlap" else SHARED
            assert low - 0.1 <= both / min(one.seconds, other.seconds) <= high + 0.1
        elif question.kind == "long and short":
            long, *shorts = question.takes
            assert all(LONGER * take.seconds <= long.seconds + 1 for take in shorts)
            assert all(long.start <= take.start and take.stop <= long.stop for take in shorts)
            assert never_meet(*shorts)
        assert 2 <= len(question.takes) <= 8
    assert len({take.name for take in files_of(questions)}) == len(list(files_of(questions)))


def answer(
    number: int, confidence: float, error: float | None, placed: bool = True, warnings: tuple[str, ...] = ()
) -> Answer:
    true = None if error is None else 10.0
    more = {"warnings": list(warnings)}
    return Answer("real, plain", f"set{number % 2}", "u", str(number), "motion", 30.0, true,
                  10.0 + (error or 0), confidence, placed, 1.0, more=more)  # fmt: skip


def test_the_limit_is_the_lowest_that_is_precise_and_takes_no_strangers() -> None:
    some = [answer(n, 0.5 + n / 400, 0.0) for n in range(200)]
    some += [answer(n, 0.6, 9.0) for n in range(200, 220)]  # wrong ones
    strange = [answer(n, n / 1000, None, placed=False) for n in range(220, 620)]
    row, steady = at_precision("now", some + strange)
    assert steady["pairs"] == row["pairs"]
    assert row["limit"] > 0.6
    assert (row["right"], row["strange"]) == pytest.approx((1.0, 2 / 400))
    told = [answer(n, 0.6, 9.0, warnings=("drift",)) for n in range(200, 220)]
    assert at_precision("now", some[:200] + told)[0]["given"] == pytest.approx(1.0)
    off = replace(answer(0, 0.9, 9.0), row="real, clock")
    row, steady = at_precision("now", [off, answer(1, 0.8, 0.0)])
    assert (row["limit"], row["given"]) == (None, 0.0)
    assert (steady["limit"], steady["given"]) == (0.8, 1.0)


def test_what_is_wrong_is_counted() -> None:
    some = [answer(0, 0.999, 0.5), answer(1, 0.99, 4.0), answer(2, 0.9, 4.0, warnings=("break",))]
    some += [answer(3, 0.99, None), answer(4, 0.7, None, placed=False), answer(5, 0.2, 4.0, placed=False)]
    row = rows_of(some)[0]
    assert (row["pairs"], row["given"], row["wrong"], row["warned"]) == (4, 3, 1, 1)
    assert (row["unrelated"], row["strange"]) == (2, 1)
    by = {row["from"]: (row["n"], row["wrong"]) for row in earned(some)}
    assert (by[0.8], by[0.95], by[0.999]) == ((4, 2), (3, 2), (1, 0))


@pytest.mark.slow
def test_one_command_from_clips_to_the_table(
    two_cameras: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(next(iter(sources_of([two_cameras], made=False).values()))) >= 1
    typed = ["--data", str(two_cameras), "--cue", "motion", "--related", "4", "0", "--bootstrap", "0"]
    typed += ["--files", str(tmp_path / "files"), "--cache", str(tmp_path / "cache"), "--output"]
    assert main([*typed, str(tmp_path / "one")]) == 0
    assert "| real, plain " in capsys.readouterr().out
    answers = read_answers(tmp_path / "one" / "answers.jsonl")
    assert {a.true is None for a in answers} == {True, False}
    kept = {path: path.stat().st_mtime_ns for name in ("files", "cache") for path in (tmp_path / name).iterdir()}
    table = {"sharpness": 1.0, "bias": 9.0, "weights": dict.fromkeys(FEATURES, 0), "most": 0.9}
    table |= {"accepted": 0.95, "confidences": [0.5], "half_widths": [1.0], "measured": {"encoder": None}}
    tables = tmp_path / "held_out.json"
    tables.write_text(json.dumps({a.group: table for a in answers}))
    before = ["--before", str(tmp_path / "one" / "answers.jsonl")]
    assert main([*typed, str(tmp_path / "two"), "--held-out", str(tables), *before]) == 0
    assert "| before: real, all " in capsys.readouterr().out
    judged = read_answers(tmp_path / "two" / "answers.jsonl")
    assert not any(a.placed for a in judged)  # no answer is as sure as this table asks for
    assert [a.true for a in judged] == [a.true for a in answers]
    assert {
        path: path.stat().st_mtime_ns for name in ("files", "cache") for path in (tmp_path / name).iterdir()
    } == kept
    assert main(["--data", "/nowhere", "--output", str(tmp_path / "three")]) == 2
