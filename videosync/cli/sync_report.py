"""What ``videosync sync`` prints: a table of the files, what each witness of a pair says, and the same in sentences."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from videosync.cli.common import columns
from videosync.cues import DEFAULT_CUE
from videosync.models import SHIPPED

if TYPE_CHECKING:
    from videosync.timeline.result import Timeline

MOST_PAIRS = 6  # of which witnesses are listed; the JSON has all


def describe(timeline: Timeline) -> list[str]:
    """A table of the files, one of the witnesses where there are two, and the same in sentences."""
    from videosync.timeline.result import short_names

    names = short_names([file.path for file in timeline.files])
    rows = [("video", "start", "± s", "start frame", "confidence")]
    for file in timeline.files:
        if file.start_seconds is None or file.interval_seconds is None:
            rows.append((names[file.path], "not placed", "", "", ""))
            continue
        around = (file.interval_seconds[1] - file.interval_seconds[0]) / 2
        rows.append(
            (
                names[file.path],
                f"{file.start_seconds:.3f} s",
                f"{around:.3f}" if around else "",
                "-" if file.start_frame is None else f"{file.start_frame:.1f}",
                _percent(file.confidence),
            )
        )
    refused: dict[str, list[str]] = {}  # reason → names
    for file in timeline.files:
        if file.reason is not None:
            reason = file.reason.removeprefix(f"{os.path.abspath(file.path)}: ").rstrip(".")
            refused.setdefault(reason, []).append(names[file.path])
    reasons = [f"{', '.join(files)}: not placed: {reason}." for reason, files in refused.items()]
    said = [sentence if sentence.endswith("?") else f"{sentence}." for sentence in timeline.sentences()]
    return [*columns(rows), "", *_witnesses(timeline, names), *said, *reasons, *_found_with(timeline)]


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
