"""The benchmark of audits: what is planted is late by as much, and is counted."""

from __future__ import annotations

import argparse

import numpy as np
import pytest

from benchmarks.sync.audit import counted, main, planted, rig_turn, row, turn
from tests.timeline.audited import asked
from videosync.timeline.audit import judge_event


def test_a_planted_camera_is_late_by_as_much() -> None:
    found = judge_event(planted(asked([0.0, 0.1, 0.0, 0.1]), 1, 7 / 30))
    assert found[1].off_by_frames == pytest.approx(7.1)
    assert found[1].measured_seconds == pytest.approx(0.5 + 0.1 / 30)
    assert counted(found[1], 7) == {"planted": 1, "found": 1, "missed": 0}
    assert counted(found[1], 12)["found"] == 0
    assert counted(found[0], None) == {"others": 1, "in sync": 1}


def test_turns_count_every_camera_once() -> None:
    events = [asked([0.0, 0.1, 0.0, 0.1], seed=1000 * n) for n in range(8)]
    args = argparse.Namespace(shifts=3, most=15, tolerance=1.0)
    counts = turn(events, args, np.random.default_rng(0))
    assert (counts["planted"], counts["found"], counts["others"]) == (3, 3, 29)
    assert row("x", events, counts, 1)["false_alarms"] == 0
    rig = rig_turn(events, args, np.random.default_rng(0))
    assert (rig["planted"], rig["found"], rig["others"], rig["alone planted"]) == (1, 1, 3, 8)


def test_no_data_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert capsys.readouterr().err.startswith("error: --data: no dataset")
