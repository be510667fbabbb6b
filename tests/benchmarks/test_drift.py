"""Recordings that are put together from events stay in step, and what is said of them is counted rightly."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.sync.drift import DRIFT, TOTALS, recording, summary, totals
from benchmarks.tables import markdown


def test_views_of_a_long_recording_are_in_step_and_of_all_events() -> None:
    rng = np.random.default_rng(0)
    place = {name: (first + np.arange(300.0))[:, None] for first, name in ((0, "a"), (1000, "b"), (2000, "c"))}
    events = {name: ({"energy": at}, {"energy": at + 0.5}) for name, at in place.items()}
    (one, other), first = recording(events, 60, 10, rng)
    assert len(one["energy"]) == 700
    np.testing.assert_array_equal(other["energy"], one["energy"] + 0.5)
    assert first in events
    assert len(set((one["energy"] // 1000).ravel())) == 3
    assert (np.abs(np.diff(one["energy"], axis=0) - 1) < 1e-9).sum() >= 700 - 4  # few seams


def test_only_placed_pairs_count() -> None:
    said = {
        "answered": True,
        "right": True,
        "drift": False,
        "break": False,
        "untold": False,
        "holds": True,
        "width": 40.0,
    }
    refused = {**said, "answered": False, "right": False}
    too_short = {**said, "holds": None, "width": None, "untold": True}
    wrong = {**said, "drift": True, "holds": False, "width": 60.0}
    row = {"kind": "clean", "seconds": 60.0, "fps": 15.0, **summary([said, refused, too_short, wrong])}
    assert (row["n"], row["placed"], row["claimed"], row["untold"], row["holds"], row["told"]) == (4, 3, 1, 1, 1, 2)
    assert row["ppm"] == pytest.approx(50)
    (total,) = totals([row])
    assert (total["holds"], total["told"], total["none"], total["of"]) == (1, 2, 2, 3)
    assert "1 of 2" in markdown([row], DRIFT)
    assert "2 of 3, 67 %" in markdown([total], TOTALS)
