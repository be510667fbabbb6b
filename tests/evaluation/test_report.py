"""What is said about sets of pairs whose numbers say less than they seem to."""

from __future__ import annotations

import numpy as np
import pytest

from videosync.evaluation.report import set_notes

MIXED, EVENTS = [3, -2, 0, 5], ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("true", "events", "max_offset", "said"),
    [
        ([0, 0, 0, 0], EVENTS, 0, "pairs.max_offset is 0"),
        ([0, 0, 0, 0], EVENTS, 8, "all true offsets are 0 frames: always answering that is right"),
        ([-3, -3, -3, -3], EVENTS, 8, "all true offsets are -3 frames"),
        ([8, -8, 8, 8], EVENTS, 8, "all true offsets are -8 or 8 frames: only their sign"),
        (MIXED, ["a"] * 4, 8, "all pairs are of one event"),
    ],
)
def test_degenerate_sets_are_named(true: list[int], events: list[str], max_offset: int, said: str) -> None:
    (note,) = set_notes(np.array(true), events, max_offset, shown=list(range(4)))
    assert said in note


def test_windows_that_repeat_are_counted() -> None:
    (note,) = set_notes(np.array(MIXED), EVENTS, 8, shown=["x", "x", "x", "y"])
    assert "4 pairs hold 2 different ones" in note


def test_of_a_usual_set_nothing_is_said() -> None:
    assert set_notes(np.array(MIXED), EVENTS, 8, shown=list(range(4))) == []
