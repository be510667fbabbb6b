"""The encoder ablation: every row is a configuration that can be trained, and a row is trained once."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.pipeline import read_answers
from benchmarks.training import __main__ as training
from benchmarks.training.rows import BASE, ROWS

TINY = ["--events", "8", "--steps", "2", "--test_events", "2", "--frames", "32", "--size", "16", "--seeds", "0"]


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_a_configuration_that_can_be_trained(name: str, tmp_path: Path) -> None:
    args = training.arguments().parse_args(["--output", str(tmp_path)])
    config = training.config_of(args, ROWS[name], 0)
    assert config.train.max_steps == max(1, round(args.steps * ROWS[name].effort))
    assert (config != training.config_of(args, ROWS[BASE], 0)) == (name != BASE)


@pytest.mark.slow
def test_rows_are_trained_once_and_asked_about_the_same_windows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [*TINY, "--rows", BASE, "untrained", "--output", str(tmp_path)]
    assert training.main(command) == 0
    assert "| untrained_0 | the first row's first weights" in capsys.readouterr().out
    cases = {}
    for answer in read_answers(tmp_path / "answers.jsonl"):
        cases.setdefault(answer.method, []).append((answer.row, answer.case))
    assert {f"{BASE}_0", "untrained_0", "always-0", "noise", "energy", "motion"} <= set(cases)
    assert len({tuple(of) for of in cases.values()}) == 1
    weights = tmp_path / f"{BASE}_0" / "checkpoints" / "last" / "model.safetensors"
    before = weights.stat().st_mtime_ns
    assert training.main(command) == 0
    assert weights.stat().st_mtime_ns == before


def test_a_row_that_is_none_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert training.main(["--rows", "rbg"]) == 2
    assert "row 'rbg' is unknown" in capsys.readouterr().err
