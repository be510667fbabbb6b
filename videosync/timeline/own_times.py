"""What files say of their own time, next to the answer: compared, and never obeyed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from videosync.video.recorded import DAY, Recorded

if TYPE_CHECKING:
    from videosync.timeline.result import PlacedFile

APART = 1.0  # seconds: creation times are whole seconds
LATE = 0.1  # seconds from the beginning of a file to its first picture, from which it is said


def said_of_start(recorded: Recorded) -> str | None:
    """A clause on a file whose pictures begin after it does."""
    if recorded.late < LATE:
        return None
    return (
        f"its first picture is shown {recorded.late:.2f} s after the file begins, with its sound: its start is that of "
        f"the picture, and the file itself starts {recorded.late:.2f} s earlier"
    )


def contradictions(file: PlacedFile, reference: PlacedFile, names: Mapping[str, str]) -> Iterator[str]:
    """Sentences, where both files have a timecode or a creation time that says something else than the answer."""
    if file.start_seconds is None or reference.start_seconds is None:
        return
    answer, both = file.start_seconds - reference.start_seconds, f"{names[file.path]} and {names[reference.path]}"
    codes = [one.recorded.timecode_seconds(one.fps) for one in (file, reference)]
    made = [one.recorded.created() for one in (file, reference)]
    for what, (own, other) in (("timecodes", codes), ("creation times", made)):
        if own is None or other is None:
            continue
        apart = own - other
        if what == "timecodes":  # midnight may lie between
            apart = (apart + DAY / 2) % DAY - DAY / 2
        if abs(apart - answer) > APART:
            yield (
                f"The {what} of {both} say {apart:+.2f} s, and what was compared says {answer:+.2f} s: "
                f"the {what} were not used"
            )


def common_seconds(files: tuple[PlacedFile, ...]) -> tuple[float, float] | None:
    """From when to when all placed files last, two of them at least, on the timeline; None: never."""
    spans: dict[str, tuple[float, float]] = {}  # of recordings: chapters follow each other
    for file in files:
        if file.start_seconds is not None and file.duration_seconds is not None:
            name = file.path if file.chapter is None else file.chapter.recording
            begin, end = file.start_seconds, file.start_seconds + file.duration_seconds * file.pace
            low, high = spans.get(name, (begin, end))
            spans[name] = min(low, begin), max(high, end)
    if len(spans) < 2:
        return None
    begin, end = max(low for low, _ in spans.values()), min(high for _, high in spans.values())
    return (begin, end) if begin < end else None
