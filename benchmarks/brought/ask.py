"""What ``videosync.sync`` finds in the files of a question, and what is concluded from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

from benchmarks.brought.draw import Question
from benchmarks.pipeline import Answer
from videosync.timeline import calibration
from videosync.timeline.conclude import conclude
from videosync.timeline.evidence import Evidence, gather

TOLD = ("drift", "break", "speed")  # codes of warnings that say why a start may be off


def seen(question: Question, files: Path, cache: Path, cue: str) -> Evidence:
    """Evidence on the question's files, written where they are not there yet. Raises VideoError."""
    return gather([take.write(files) for take in question.takes], cue=cue, audio="off", cache=cache)


@contextmanager
def judged_by(cue: str, table: calibration.Calibration | None) -> Iterator[None]:
    """Within it answers of a cue are as sure as ``table`` says; None: as the shipped one does."""
    shipped = dict(calibration.CALIBRATIONS)
    if table is not None:
        calibration.CALIBRATIONS[cue] = table
    try:
        yield
    finally:
        calibration.CALIBRATIONS.clear()
        calibration.CALIBRATIONS.update(shipped)


def true_seconds(question: Question, i: int, j: int) -> float | None:
    """By how much file i starts after file j; None: they share nothing."""
    first, second = question.starts[i], question.starts[j]
    return None if first is None or second is None else first - second


def said(question: Question, number: int, found: Evidence) -> list[Answer]:
    """What is concluded of each two files of a question; ``Answer.row``: real or synthetic, and its kind."""
    timeline = conclude(found)
    answers = []
    for i, j in combinations(range(len(question.takes)), 2):
        paths = found.paths[i], found.paths[j]
        pair, files = timeline.offset(*paths), [timeline.files[n] for n in (i, j)]
        fps = min(question.takes[n].fps for n in (i, j))
        true, interval = true_seconds(question, i, j), pair.interval_seconds
        seconds = pair.seconds if pair.placed else pair.best_guess_seconds
        confidence = pair.confidence if pair.placed else pair.best_guess_confidence
        faults = [question.takes[n].fault.kind for n in (i, j)]
        more: dict[str, Any] = {
            "fault": faults[0] or faults[1],
            "code": pair.code,
            "warnings": sorted({warning.code for file in files for warning in file.warnings}),
            "frames": [question.takes[n].frames for n in (i, j)],
            "shared": _shared(question, i, j),
        }
        answers.append(
            Answer(
                f"{'synthetic' if question.made else 'real'}, {question.kind}", question.group,
                f"{question.group} {number}", f"{number} {i} {j}", found.cue, fps,
                None if true is None else true * fps, None if seconds is None else seconds * fps,
                confidence or 0.0, pair.placed, None if interval is None else (interval[1] - interval[0]) / 2 * fps,
                more=more,
            )
        )  # fmt: skip
    return answers


def _shared(question: Question, i: int, j: int) -> float | None:
    """The share of the shorter file that both show."""
    if true_seconds(question, i, j) is None:
        return None
    one, other = question.takes[i], question.takes[j]
    both = min(one.stop, other.stop) - max(one.start, other.start)
    return round(max(0.0, both) / min(one.seconds, other.seconds), 3)


def told(answer: Answer) -> bool:
    """Whether a warning says why the start may be off."""
    return bool(set(answer.more["warnings"]) & set(TOLD))


def read_tables(content: Mapping[str, Any]) -> dict[str, calibration.Calibration]:
    """Set → the calibration that was fitted without it, of what ``benchmarks.confidence`` wrote."""
    return calibration.read_calibrations({"cues": content})
