"""The encoder ablation: every row is a configuration that can be trained, and a row is done once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks import encoder_ablation
from benchmarks.ablation_rows import BASE, ROWS
from benchmarks.ablation_scores import answer_both, answer_rows
from videosync.errors import ConfigError

TINY = [
    "--events",
    "8",
    "--steps",
    "1",
    "--test_events",
    "2",
    "--frames",
    "32",
    "--size",
    "16",
    "--seeds",
    "0",
]


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_a_configuration_that_can_be_trained(name: str, tmp_path: Path) -> None:
    args = encoder_ablation.arguments().parse_args(["--output", str(tmp_path)])
    config = encoder_ablation.config_of(args, ROWS[name], 0)
    assert config.train.max_steps == round(args.steps * ROWS[name].effort)
    base = encoder_ablation.config_of(args, ROWS[BASE], 0)
    differs = config != base or ROWS[name].temperature != ROWS[BASE].temperature
    assert differs == (name not in (BASE, "untrained"))


@pytest.mark.slow
def test_a_row_that_is_done_is_not_trained_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = [*TINY, "--rows", BASE, "untrained", "--output", str(tmp_path)]
    assert encoder_ablation.main(command) == 0
    report = json.loads((tmp_path / "ablation.json").read_text())
    assert [row["row"] for row in report["rows"]] == [BASE, "untrained"]
    shares = [row["tests"]["synthetic"]["all"]["within_1"] for row in report["rows"]]
    assert all(0 <= share <= 1 for share in shares)
    assert set(report["floors"]["synthetic"]) == {"always-0", "noise", "energy", "motion"}

    def train(*_: object) -> None:
        raise AssertionError("it was trained again")

    monkeypatch.setattr(encoder_ablation, "train", train)
    assert encoder_ablation.main(command) == 0
    assert encoder_ablation.main([*command, "--steps", "2"]) == 2  # another scale, another folder


def test_a_row_that_is_none_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert encoder_ablation.main(["--rows", "rbg"]) == 2
    assert "--rows rbg: there is no such row" in capsys.readouterr().err
    with pytest.raises(ConfigError):
        encoder_ablation.run(encoder_ablation.arguments().parse_args(["--rows", "rbg"]))


@pytest.mark.parametrize("answer", [answer_both, answer_rows])
def test_read_outs_find_a_shift(answer) -> None:
    moments = torch.nn.functional.normalize(
        torch.randn(60, 8, generator=torch.Generator().manual_seed(0)), dim=1
    )
    for shift in (-7, 0, 4):
        first, second = max(0, shift), max(0, -shift)  # frame i of clip 0 shows the moment of frame i + shift
        e0, e1 = moments[first : first + 40], moments[second : second + 40]
        assert answer(e0, e1, 10, temperature=0.2).offset == shift
