"""Files as people bring them, as rows of the fit of confidence."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from pathlib import Path

from benchmarks.brought.ask import seen, true_seconds
from benchmarks.brought.draw import CLOCKS, Question
from benchmarks.confidence.fit import Row


def brought_rows(questions: Iterable[Question], files: Path, cache: Path, cue: str) -> list[Row]:
    """What is found in each two files of a question. Where a clock is off there is no one offset: these are left out.

    Raises VideoError.
    """
    rows = []
    for question in questions:
        if any(take.fault.kind in CLOCKS for take in question.takes):
            continue
        found = seen(question, files, cache, cue)
        for i, j in combinations(range(len(question.takes)), 2):
            if (i, j) in found.curves:
                seconds = true_seconds(question, i, j)
                true = None if seconds is None else seconds * found.grid((i, j))
                name = f"{question.takes[0].source.event}: {question.kind}"
                rows.append(Row(question.group, name, question.made, "brought", true, found.curves[i, j]))
    return rows
