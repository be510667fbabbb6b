"""What is said about sets of pairs whose numbers say less than they seem to."""

from __future__ import annotations

import numpy as np
import pytest

from videosync.evaluation.report import set_notes

MIXED, EVENTS, ALL = [3, -2, 0, 5], "abcd", "wxyz"


@pytest.mark.parametrize(
    ("true", "events", "max_offset", "shown", "said"),
    [
        ([0, 0, 0, 0], EVENTS, 0, ALL, "pairs.max_offset is 0"),
        ([-3, -3, -3, -3], EVENTS, 8, ALL, "all true offsets are -3 frames: always answering that is right"),
        ([8, -8, 8, 8], EVENTS, 8, ALL, "all true offsets are -8 or 8 frames: only their sign"),
        (MIXED, "aaaa", 8, ALL, "all pairs are of one event"),
        (MIXED, EVENTS, 8, "xxxy", "4 pairs hold 2 different ones"),
    ],
)
def test_degenerate_sets_are_named(true: list[int], events: str, max_offset: int, shown: str, said: str) -> None:
    (note,) = set_notes(np.array(true), events, max_offset, shown=shown)
    assert said in note


def test_of_a_usual_set_nothing_is_said() -> None:
    assert set_notes(np.array(MIXED), EVENTS, 8, shown=ALL) == []
