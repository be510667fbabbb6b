"""Files as people bring them, as rows of the fit of confidence."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmarks.brought.ask import true_seconds
from benchmarks.brought.draw import CLOCKS, Question, never_meet
from benchmarks.confidence.fit import BROUGHT, Row
from benchmarks.signals import cue_of
from videosync.timeline.cache import SignalCache
from videosync.timeline.clips import inspect
from videosync.timeline.compare import compare
from videosync.timeline.evidence import ENERGY
from videosync.timeline.rates import comparable, grid_rates


def brought_rows(questions: Iterable[Question], files: Path, cache: Path, cue: str) -> list[Row]:
    """What is found in each two files of a question. Where a clock is off there is no one offset: these are left out.

    Raises VideoError.
    """
    chosen, kept, rows = cue_of(cue), SignalCache(cache), []
    meters = chosen.meters(ENERGY)
    for question in questions:
        if any(take.fault.kind in CLOCKS for take in question.takes):
            continue
        infos = {n: inspect(take.write(files)) for n, take in enumerate(question.takes)}
        for (i, j), rate in comparable(infos, grid_rates(infos), None, None).items():
            clips = [kept.clips(infos[n], [rate], meters)[rate] for n in (i, j)]
            if (found := compare(chosen, clips[0], clips[1], name=cue)) is not None:
                seconds = true_seconds(question, i, j)
                true = None if seconds is None or never_meet(question.takes[i], question.takes[j]) else seconds * rate
                name = f"{question.takes[0].source.event}: {question.kind}"
                rows.append(Row(question.group, name, question.made, BROUGHT, true, found.curve))
    return rows
