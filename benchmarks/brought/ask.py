"""What ``videosync.sync`` finds in the files of a question, with signals of files kept from one run to the next."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.brought.draw import Question
from benchmarks.pipeline import Answer
from benchmarks.signals import MEASURING, cue_of
from videosync.cues import DEFAULT_CUE
from videosync.data.identity import code_hash
from videosync.files import new_file
from videosync.signals.measure import Meter
from videosync.timeline import calibration, evidence
from videosync.timeline.clips import Clip, ClipInfo, Progress
from videosync.timeline.conclude import conclude
from videosync.timeline.evidence import Evidence, gather

TOLD = ("drift", "break", "speed")  # codes of warnings that say why a start may be off


@contextmanager
def kept_signals(cache: Path) -> Iterator[None]:
    """Within it clips are measured once: what ``gather`` would read anew comes from ``cache``.

    All channels of the default cue are measured, so that cues that use some of them find theirs.
    """
    read, meters = evidence.read_clips, cue_of(DEFAULT_CUE).meters(evidence.ENERGY)
    known = {channel for meter in meters for channel in meter.reach}
    code = code_hash(*MEASURING)

    def kept(
        info: ClipInfo, rates: Collection[float], asked: Sequence[Meter], progress: Progress | None = None
    ) -> dict[float, Clip]:
        every = meters if known >= {channel for meter in asked for channel in meter.reach} else asked
        names = sorted(channel for meter in every for channel in meter.reach)
        key = repr([Path(info.path).name, names, code])
        files = {r: cache / f"{hashlib.sha256(f'{key}{r}'.encode()).hexdigest()[:24]}.npz" for r in rates}
        if not all(file.exists() for file in files.values()):
            for rate, clip in read(info, rates, every, progress).items():
                with new_file(files[rate]) as building, building.open("wb") as file:
                    np.savez(file, allow_pickle=False, **clip.signals)
        clips = {}
        for rate, path in files.items():
            with np.load(path) as arrays:
                clips[rate] = Clip(info, rate, {name: arrays[name] for name in arrays})
        return clips

    evidence.read_clips = kept
    try:
        yield
    finally:
        evidence.read_clips = read


def seen(question: Question, files: Path, cue: str) -> Evidence:
    """Evidence on the question's files, written where they are not there yet. Raises VideoError."""
    return gather([take.write(files) for take in question.takes], cue=cue, audio="off")


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
