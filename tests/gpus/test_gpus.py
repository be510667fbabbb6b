"""``make gpu-check`` where there is no GPU: its verdicts, and a rehearsal of its checks on CPU processes."""

from __future__ import annotations

import math

import pytest
import torch

from tests.gpus import __main__ as gpu


@pytest.mark.parametrize("found", [0.2, math.nan])
def test_a_difference_beyond_what_is_allowed_ends_with_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], found: float
) -> None:
    lines = [("gradient", 0.0, 0.1), ("copies, GB/s", 20.0, None), ("statistics", found, 0.1)]
    monkeypatch.setattr(gpu, "checked", lambda *_: gpu.judged(lines))
    assert gpu.main(["--device", "cpu"]) == 1
    verdicts = [line.split("|")[-2].strip() for line in capsys.readouterr().out.splitlines()[2:]]
    assert verdicts == ["as on the CPU", "measured", "MISMATCH"]


def test_without_a_gpu_nothing_is_checked_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert gpu.main([]) == gpu.NO_GPU
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "no GPU" in said.err


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("processes", [2, 8])
def test_cpu_processes_compute_what_one_does(processes: int) -> None:
    """The gradient of 2 and of 8 is that of one."""
    rows = gpu.checked("cpu", processes, seconds=1500)
    assert {row["verdict"] for row in rows} == {"as on the CPU"}, rows
    assert any(row["name"] == f"gradient of {processes} ranks and of one" for row in rows)
