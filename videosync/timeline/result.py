"""What ``sync`` answers: each file's place on the common timeline, and the offset of each pair."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from videosync.edit.sequence import unique_names
from videosync.timeline.calibration import SOUND, Calibration, calibration_for
from videosync.timeline.chapters import ChapterOf
from videosync.timeline.clips import FileWarning
from videosync.timeline.own_clocks import OwnClock
from videosync.timeline.own_times import common_seconds, contradictions
from videosync.timeline.remarks import remarks
from videosync.types import OffsetEstimate, Witness
from videosync.version import __version__
from videosync.video.recorded import UNKNOWN, Recorded

SCHEMA = 2  # of the JSON; a program that reads it need not know more than this number
DIGITS = 6  # of seconds and probabilities in JSON


@dataclass(frozen=True)
class PlacedFile:
    """One file on the common timeline, or why it is not on it (the numbers are None then)."""

    path: str  # as it was given
    placed: bool
    fps: float | None = None  # frames/s; None if it has no pictures, or they cannot be read
    start_seconds: float | None = None  # when its first frame is shown (without pictures, its first sample is heard);
    # later files have larger numbers
    interval_seconds: tuple[float, float] | None = None  # 95 % of right answers lie in it
    confidence: float = 0.0
    reason: str | None = None
    note: str | None = None  # what to know of a file that was used all the same
    camera: str | None = None  # "fixed", or "moving": its own motion was taken out; None if it was not looked at
    duration_seconds: float | None = None  # of what was compared, from its first frame on
    recorded: Recorded = UNKNOWN  # what it says of its own time, which decides nothing
    code: str | None = None  # ``reason`` in one word
    best_guess_seconds: float | None = None  # not placed: where it would most likely start
    best_guess_confidence: float | None = None  # how likely that is
    rivals_seconds: tuple[float, ...] = ()  # other starts that fit about as well
    accepted: bool = False  # placed only because the user accepts so little confidence
    by_hand: bool = False  # the user gave its start
    cut_seconds: float | None = None  # to drop from its head, so that all placed files begin together
    warnings: tuple[FileWarning, ...] = ()
    chapter: ChapterOf | None = None  # None: it is a recording by itself
    clock: OwnClock | None = None  # against the reference's; None: nothing is known of it, or it is too short to tell
    times: np.ndarray | None = field(default=None, repr=False, compare=False)  # [T] s, of its frames from the first on

    @property
    def pace(self) -> float:
        """Seconds of the reference's clock in one of its own."""
        drift = None if self.clock is None else self.clock.drift_ppm
        return 1 + 1e-6 * (drift or 0.0)

    @property
    def cut_frames(self) -> int | None:
        """Its own frames to drop from its head, by their times; None without pictures."""
        cut, times = self.cut_seconds, self.times
        if cut is None or self.fps is None:
            return None
        if times is None or cut > times[-1]:
            return round(cut * self.fps)
        return int(np.abs(times - cut).argmin())

    @property
    def start_frame(self) -> float | None:
        """The start, counted in the file's own frames."""
        return None if self.start_seconds is None or self.fps is None else self.start_seconds * self.fps

    def to_json(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "placed": self.placed,
            "start_seconds": _rounded(self.start_seconds),
            "interval_seconds": _interval(self.interval_seconds),
            "start_frame": _rounded(self.start_frame, 3),
            "fps": _rounded(self.fps),
            "confidence": _rounded(self.confidence),
            "reason": self.reason,
            "note": self.note,
            "camera": self.camera,
            "duration_seconds": _rounded(self.duration_seconds),
            "container_start_seconds": _rounded(self.recorded.container_start_seconds),
            "first_frame_seconds": _rounded(self.recorded.first_frame_seconds),
            "timecode": self.recorded.timecode,
            "creation_time": self.recorded.creation_time,
            "code": self.code,
            "best_guess_seconds": _rounded(self.best_guess_seconds),
            "best_guess_confidence": _rounded(self.best_guess_confidence),
            "rivals_seconds": [_rounded(rival) for rival in self.rivals_seconds],
            "accepted": self.accepted,
            "by_hand": self.by_hand,
            "cut_seconds": _rounded(self.cut_seconds),
            "cut_frames": self.cut_frames,
            **_clock_json(self.clock),
            "chapter": None if self.chapter is None else self.chapter.to_json(),
            "warnings": [{"code": warning.code, "text": warning.text} for warning in self.warnings],
        }


def _clock_json(clock: OwnClock | None) -> dict[str, Any]:
    clock = clock or OwnClock(None, None)
    return {
        "drift_ppm": _rounded(clock.drift_ppm, 2),
        "drift_interval_ppm": _interval(clock.interval_ppm, 2),
        "speed": _rounded(clock.speed),
        "breaks": [_break_json(each.before, each.after) for each in clock.breaks],
    }


def _break_json(before: tuple[float, float], after: tuple[float, float]) -> dict[str, Any]:
    return {
        "before_seconds": _interval(before, 3),
        "after_seconds": _interval(after, 3),
        "size_seconds": _rounded((after[1] - before[1]) - (after[0] - before[0]), 3),
    }


def with_cuts(files: Sequence[PlacedFile]) -> tuple[PlacedFile, ...]:
    """The files, each with what has to be dropped from its head for all that are placed to begin with the last."""
    starts = [file.start_seconds for file in files if file.start_seconds is not None]
    if len(starts) < 2:
        return tuple(files)
    return tuple(
        file
        if file.start_seconds is None
        else replace(file, cut_seconds=(max(starts) - file.start_seconds) / file.pace)
        for file in files
    )


@dataclass(frozen=True)
class Timeline:
    """Where the files start on one timeline.

    ``reference`` is the file that starts at 0: the one asked for, else the earliest; None if none is placed. Where
    starts were given by hand and no reference, it is the first of these, and starts where it was set.
    """

    reference: str | None
    files: tuple[PlacedFile, ...]  # in the order given
    pairs: tuple[OffsetEstimate, ...]  # all pairs of files that could be read, or set by hand
    cue: str  # what was looked at, of cues.named.CUES; "sound": no pictures were
    encoder: str | None = None  # name of the encoder that the cue looked through
    detector: str | None = None  # name of the detector that read it; None: the mean along diagonals
    notes: tuple[str, ...] = ()  # what to know of encoder and detector, in sentences
    audio: str = "off"  # whether sound was asked for: "auto", "only", "off"
    pairs_compared: int = 0  # of how many pairs of files the pictures were compared …
    pairs_possible: int = 0  # … and of how many they could have been
    telling: tuple[float, ...] = ()  # seconds: moments at which most changes in several placed files at once

    @property
    def complete(self) -> bool:
        """Whether every file is placed."""
        return all(file.placed for file in self.files)

    def sentences(self) -> list[str]:
        """One for each placed file but the reference: "cam2.mp4 started 0.400 s (12.0 frames) after cam1.mp4"; those on
        timecodes and creation times that contradict the answer; on pairs of which pictures and sound say different
        things, or sound something of its own; one that names the files whose camera moves, and one where confidence was
        calibrated for another cue."""
        names = short_names([file.path for file in self.files])
        rates = {file.path: file.fps or math.nan for file in self.files}
        found, told = [], list[str]()
        for file in self.files:
            later = file.chapter is not None and file.chapter.number > 1  # goes where the first goes
            if file.placed and not later and file.path != self.reference and self.reference is not None:
                rate, other = rates[file.path], rates[self.reference]
                unlike = rate + other > 0 and not math.isclose(rate, other, rel_tol=0.01)  # nan of sound: False
                pair = self.offset(file.path, self.reference)
                found.append(pair.sentence(names[file.path], names[self.reference], say_rate=unlike))
                base = next(one for one in self.files if one.path == self.reference)
                told = [*told, *contradictions(file, base, names)]
        found += told
        for pair in self.pairs:
            found += remarks(pair, names[pair.video0], names[pair.video1])
        if moving := [names[file.path] for file in self.files if file.camera == "moving"]:
            found.append(f"The camera moves in {', '.join(moving)}; its own motion was removed before comparing")
        measured = self.calibration
        if self.cue == SOUND:
            return found
        if self.detector is not None or not measured.own(self.cue, self.encoder):
            own, used = _looked(measured.cue, measured.encoder), _looked(self.cue, self.encoder, self.detector)
            found.append(f"Confidence is an estimate: it was calibrated with {own}, and this is {used}")
        return found

    @property
    def calibration(self) -> Calibration:
        """Whose numbers turned lag scores into confidence: the cue's own, or those of another one."""
        return calibration_for(self.cue)

    def offset(self, path0: str | os.PathLike[str], path1: str | os.PathLike[str]) -> OffsetEstimate:
        """The pair's estimate, in the order asked for. Raises KeyError: no such pair."""
        path0, path1 = os.fspath(path0), os.fspath(path1)
        for pair in self.pairs:
            if (pair.video0, pair.video1) == (path0, path1):
                return pair
            if (pair.video0, pair.video1) == (path1, path0):
                return pair.reversed()
        raise KeyError((path0, path1))

    def write(self, kind: str, path: str | os.PathLike[str], **options: Any) -> list[Path]:
        """Write cut files, a project or a table: ``timeline.write("premiere", "cut.xml")``; the files written.

        ``kind`` ("trim", "premiere", "fcpxml", "otio", "mlt", "edl", "frames-csv", "manifest", "report", "preview"),
        options and errors: as of ``videosync.edit.writers.write_answer``.
        """
        from videosync.edit.writers import write_answer

        return write_answer(self.to_json(), kind, Path(path), **options)

    def to_json(self) -> dict[str, Any]:
        """What ``videosync sync --json`` writes."""
        return {
            "schema": SCHEMA,
            "version": __version__,
            "reference": self.reference,
            "cue": self.cue,
            "encoder": self.encoder,
            "detector": self.detector,
            "notes": list(self.notes),
            "audio": self.audio,
            "pairs_compared": self.pairs_compared,
            "pairs_possible": self.pairs_possible,
            "calibration": {"cue": SOUND, "encoder": None}
            if self.cue == SOUND
            else {"cue": self.calibration.cue, "encoder": self.calibration.encoder},
            "common_seconds": _interval(common_seconds(self.files)),
            "telling_seconds": [_rounded(moment, 3) for moment in self.telling],
            "files": [file.to_json() for file in self.files],
            "pairs": [_pair_json(pair) for pair in self.pairs],
        }


def _looked(cue: str, encoder: str | None, detector: str | None = None) -> str:
    return f"the cue {cue}" + f" with encoder {encoder}" * bool(encoder) + f" and detector {detector}" * bool(detector)


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """Path → the fewest last parts of it that tell it from the others."""
    return dict(zip(paths, unique_names(paths)))


def _pair_json(pair: OffsetEstimate) -> dict[str, Any]:
    return {
        "files": [pair.video0, pair.video1],
        "placed": pair.placed,
        "offset_seconds": _rounded(pair.seconds),
        "offset_frames": _rounded(pair.frames, 3),
        "fps": _rounded(pair.fps),
        "interval_seconds": _interval(pair.interval_seconds),
        "confidence": _rounded(pair.confidence),
        "reason": pair.reason,
        "rivals_seconds": [_rounded(rival) for rival in pair.rivals_seconds],
        "alone_seconds": _rounded(pair.alone_seconds),
        "decided_by": pair.decided_by,
        "agree": pair.agree,
        "sound_delay_seconds": _rounded(pair.sound_delay_seconds),
        "best_guess_seconds": _rounded(pair.best_guess_seconds),
        "best_guess_confidence": _rounded(pair.best_guess_confidence),
        "code": pair.code,
        "drift_ppm": _rounded(pair.drift_ppm, 2),
        "drift_interval_ppm": _interval(pair.drift_interval_ppm, 2),
        "breaks": [_break_json(*each) for each in pair.breaks],
        "witnesses": [_witness_json(witness) for witness in pair.witnesses],
    }


def _witness_json(witness: Witness) -> dict[str, Any]:
    told = {
        "name": witness.name,
        "placed": witness.placed,
        "offset_seconds": _rounded(witness.seconds),
        "interval_seconds": _interval(witness.interval_seconds),
        "confidence": _rounded(witness.confidence),
        "reason": witness.reason,
        "code": witness.code,
    }
    if witness.name == SOUND:
        told |= {
            "precise": witness.precise,
            "drift_ppm": _rounded(witness.drift_ppm, 2),
            "agreeing_share": _rounded(witness.agreeing_share, 3),
            "shared_seconds": _rounded(witness.shared_seconds, 3),
            "same_recording": witness.same_recording,
        }
    return told


def _rounded(value: float | None, digits: int = DIGITS) -> float | None:
    return None if value is None else round(float(value), digits) + 0.0  # no -0.0


def _interval(value: tuple[float, float] | None, digits: int = DIGITS) -> list[float | None] | None:
    return None if value is None else [_rounded(end, digits) for end in value]
