"""What ``videosync sync`` prints: a table of the files, what each witness of a pair says, and the same in sentences."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from videosync.cli.common import columns
from videosync.cues import DEFAULT_CUE
from videosync.errors import printable
from videosync.models import SHIPPED

if TYPE_CHECKING:
    from videosync.timeline.result import Timeline

LIKELY = 50  # %: a guess that may be worth accepting
GREY, PLAIN = "\x1b[2m", "\x1b[0m"
MOST_PAIRS = 6  # of which witnesses are listed; the JSON has all


def describe(timeline: Timeline, *, grey: bool = False) -> list[str]:
    """A table of the files, one of the witnesses where there are two, and the same in sentences.

    ``grey``: guesses are greyed, for a terminal that can.
    """
    from videosync.timeline.result import short_names
    from videosync.types import decimals

    shorter = short_names([file.path for file in timeline.files])
    names = {path: printable(name) for path, name in shorter.items()}
    rows = [("video", "start", "± s", "start frame", "confidence", "cut", "cut frames")]
    for file in timeline.files:
        if file.start_seconds is None or file.interval_seconds is None:
            guess, sure = file.best_guess_seconds, file.best_guess_confidence
            if guess is None or sure is None:
                rows.append((names[file.path], "not placed", "", "", "", "", ""))
            else:
                frame = "-" if file.fps is None else f"({guess * file.fps:.1f})"
                rows.append((names[file.path], f"({guess:.2f} s)", "", frame, f"guess, {_percent(sure)}", "", ""))
            continue
        around = (file.interval_seconds[1] - file.interval_seconds[0]) / 2
        digits, mark = decimals(around), ", accepted" * file.accepted + ", by hand" * file.by_hand
        rows.append(
            (
                names[file.path],
                f"{file.start_seconds:.{digits}f} s",
                f"{around:.{digits}f}" if around else "",
                "-" if file.start_frame is None else f"{file.start_frame:.1f}",
                _percent(file.confidence) + mark,
                "" if file.cut_seconds is None else f"{file.cut_seconds:.{digits}f} s",
                "-" if file.cut_frames is None else f"{file.cut_frames}",
            )
        )
    table = columns(rows)
    if grey:
        guesses = [False, *(file.best_guess_seconds is not None for file in timeline.files)]
        table = [f"{GREY}{line}{PLAIN}" if guess else line for line, guess in zip(table, guesses)]
    refused: dict[str, list[str]] = {}  # reason → names
    for file in timeline.files:
        if file.reason is not None:
            reason = file.reason.removeprefix(f"{os.path.abspath(file.path)}: ").rstrip(".")
            refused.setdefault(reason, []).append(names[file.path])
    reasons = [_ended(f"{', '.join(files)}: not placed: {reason}") for reason, files in refused.items()]
    said = [_ended(sentence) for sentence in timeline.sentences()]
    others = [*_cuts(timeline, names), *_marked(timeline, names), *reasons, *_guessed(timeline, names)]
    return [*table, "", *_witnesses(timeline, names), *map(printable, [*said, *others, *_found_with(timeline)])]


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith("?") else f"{sentence}."


def _cuts(timeline: Timeline, names: Mapping[str, str]) -> list[str]:
    """Which file the cuts of the others lead up to."""
    whole = [file for file in timeline.files if file.chapter is None or file.chapter.number == 1]
    placed = [file for file in whole if file.cut_seconds is not None]
    if len(placed) < 2:
        return []
    if all(file.cut_frames == 0 for file in placed):
        return ["They begin within half a frame of each other: nothing has to be cut."]
    last = min(placed, key=lambda file: file.cut_seconds or 0.0)
    return [f"{names[last.path]} begins last and loses nothing; cut the others as the table says to begin with it."]


def _marked(timeline: Timeline, names: Mapping[str, str]) -> list[str]:
    """What is on the timeline because the user wants it there."""
    marked: dict[str, list[str]] = {}  # text → names
    for file in timeline.files:
        for warning in file.warnings:
            if warning.code in ("accepted", "by_hand", "contradicted", "drift", "break", "speed") and (
                warning.text != file.reason  # said already
            ):
                marked.setdefault(warning.text, []).append(names[file.path])
    return [_ended(f"{', '.join(files)}: {text}") for text, files in marked.items()]


def _guessed(timeline: Timeline, names: Mapping[str, str]) -> list[str]:
    """What to do about guesses."""
    guessed = [file for file in timeline.files if file.best_guess_confidence and 100 * file.best_guess_confidence >= 1]
    if not guessed:
        return []
    best = max(guessed, key=lambda file: (file.best_guess_confidence or 0.0, abs(file.best_guess_seconds or 0.0)))
    anchors = [f"{names[best.path]}={best.best_guess_seconds:.2f}"]
    if timeline.reference is None:
        anchors += [f"{names[file.path]}=0" for file in guessed if file.best_guess_seconds == 0 and file is not best]
    flags = " ".join(f"--at {shlex.quote(anchor)}" for anchor in anchors)
    sure = math.floor(100 * (best.best_guess_confidence or 0.0))
    accept = f", or accept what is as likely: --accept {sure / 100:g}" if sure >= LIKELY else ""
    return [
        f"Starts in parentheses are guesses, the surest {sure} % likely. Check them by a moment that both show "
        f"(a clap, a step), and set what is right by hand: {flags}{accept}."
    ]


def _witnesses(timeline: Timeline, names: Mapping[str, str]) -> list[str]:
    """What pictures and sound say by themselves, of pairs of which both do; those with the reference first."""
    pairs = [pair for pair in timeline.pairs if sum(w.seconds is not None for w in pair.witnesses) > 1]
    pairs.sort(key=lambda pair: timeline.reference not in (pair.video0, pair.video1))
    rows = [("offset of", "by", "offset", "± s", "confidence")]
    for pair in pairs[:MOST_PAIRS]:
        shown = pair.reversed() if pair.video0 == timeline.reference else pair
        for witness in shown.witnesses:
            assert witness.seconds is not None
            assert witness.interval_seconds is not None
            around = (witness.interval_seconds[1] - witness.interval_seconds[0]) / 2
            rows.append(
                (
                    f"{names[shown.video0]} - {names[shown.video1]}",
                    witness.name,
                    f"{round(witness.seconds, 3) + 0.0:+.3f} s",
                    f"{around:.3f}",
                    _percent(witness.confidence) + ("" if witness.placed else " (unsure)"),
                )
            )
    more = [f"and {len(pairs) - MOST_PAIRS} more pairs (--json has all)"] if len(pairs) > MOST_PAIRS else []
    return [*columns(rows), *more, ""] if len(rows) > 1 else []


def _found_with(timeline: Timeline) -> list[str]:
    """What was looked at, where it is not what is usual."""
    from videosync.timeline.calibration import SOUND

    if timeline.cue == SOUND:
        return ["Found by sound alone."] if timeline.reference is not None else []
    usual = {"cue": DEFAULT_CUE, "encoder": SHIPPED, "detector": None}
    chosen = [f"the {what} {name}" for what in usual if (name := getattr(timeline, what)) not in (usual[what], None)]
    return [f"Found with {' and '.join(chosen)}."] if chosen else []


def _percent(confidence: float) -> str:
    return f"{math.floor(100 * confidence)} %"
