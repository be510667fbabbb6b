"""The fit of confidence in sound: calibrated on features of known worth, and written as it is read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.pipeline import Answer, write_answers
from benchmarks.sound import calibration
from benchmarks.sound.calibration import (
    MOST_WRONG,
    arguments,
    feature_rows,
    fit,
    half_widths,
    held_out,
    placed_at,
    reliability,
    right,
    sharpness_limit,
    threshold,
)
from videosync.sound.calibration import FEATURES, PATH, read_calibration


def matches(count: int, seed: int = 0) -> list[Answer]:
    """Of all features the larger the surer; sharp ones are right to 2 ms, others to 30; a third is unrelated."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        related = number % 3 > 0
        worth = rng.normal(1.5 if related else -2, 1.5)
        features = {name: worth + rng.normal(0, 0.5) for name in FEATURES}
        sharp = rng.uniform(1, 2)
        hit = related and rng.random() < 1 / (1 + np.exp(-3 * worth))
        error = rng.normal(0, 1 if sharp > 1.4 else 15) if hit else 3000.0
        more = {"features": {**features, "sharpness": sharp}, "reason": None, "minutes": 0.5, "inside": True}
        found.append(
            Answer(
                "2-60 s" if related else "same class", "speech", f"file{number}", str(number), "videosync", 1000.0,
                0.0 if related else None, error, 0.5, False, more=more,
            )
        )  # fmt: skip
    return found


def test_what_is_said_is_what_comes_true_and_few_are_wrong() -> None:
    some = matches(3000)
    said = held_out(some)
    limit = threshold(some, said)
    judged = placed_at(some, said, limit)
    for one in reliability(judged):
        if one["pairs"] > 100:
            assert one["said"] == pytest.approx(one["right"], abs=0.1)
    placed = [a for a in judged if a.placed]
    related = [a for a in placed if a.true is not None]
    assert len(related) > 500
    assert np.mean(~right(placed)) <= MOST_WRONG
    sharp = sharpness_limit(related)
    assert sharp == pytest.approx(1.4, abs=0.06)
    precise, rough = half_widths(related, sharp)
    assert 0.001 < precise < 0.004 < 0.02 < rough < 0.05


def test_weights_are_not_negative_and_a_part_is_judged_by_the_others() -> None:
    some = matches(600)
    model = fit(some)
    assert min(model.weights) >= 0
    assert max(model(feature_rows(some))) <= model.most < 1
    there = np.array([calibration.crc32(a.unit.encode()) % calibration.PARTS == 2 for a in some])
    lying = [replace(a, said=5000.0) if own else a for a, own in zip(some, there)]
    assert held_out(lying)[there] == pytest.approx(held_out(some)[there])


def test_what_is_refused_for_a_reason_of_its_own_is_not_placed() -> None:
    some = matches(300)
    loops = [replace(a, more={**a.more, "reason": "repeats"}) for a in some]
    assert not any(a.placed for a in placed_at(loops, np.ones(300), 0.5))
    assert all(a.placed for a in placed_at(some, np.ones(300), 0.5))


def test_what_is_named_as_a_copy_does_not_raise_the_limit() -> None:
    some = matches(900)
    said = np.where(right(some), 0.97, 0.3)
    said[np.flatnonzero(~right(some))[:20]] = 0.99
    copies = [replace(a, more={**a.more, "same_recording": bool(sure == 0.99)}) for a, sure in zip(some, said)]
    assert threshold(some, said) == 1.0
    assert threshold(copies, said) == 0.9


def test_what_is_written_is_what_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(calibration, "PATH", tmp_path / PATH.name)
    args = arguments().parse_args(["--output", str(tmp_path)])
    args.command = "typed"
    answers = write_answers(args, matches(400))
    typed = ["--answers", str(answers), "--output", str(tmp_path), "--bootstrap", "20"]
    assert calibration.main(typed) == 0
    assert not (tmp_path / PATH.name).exists()
    assert calibration.main([*typed, "--write"]) == 0
    assert "| confidence " in capsys.readouterr().out
    content = json.loads((tmp_path / PATH.name).read_text())
    assert content["measured"]["unrelated"] == 134
    found = read_calibration(content)
    assert found.weights == fit(matches(400)).weights
    assert found.precise == content["precise"]
