"""The parts that only GPUs run, beside one process on the CPU: ``python -m tests.gpus`` (``make gpu-check``).

NCCL over all GPUs of this machine (eight at most), gradients, half precision, resuming, SyncBatchNorm, memory formats,
and the tests marked ``gpu``; and how fast copies and a step of ResNet-50 are, for docs/scale.md. Takes ten minutes at
most.

Exit code 0: everything is as on the CPU; 1: something is not; 3: there is no GPU, nothing was checked.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.pipeline import keep_result
from benchmarks.tables import GPU, markdown

NO_GPU = 3
SECONDS = 480  # of ten minutes, for the checks under torchrun
ROOT = Path(__file__).resolve().parents[2]


def judged(lines: Sequence[tuple[str, float, float | None]]) -> list[dict[str, Any]]:
    """Rows of the table. What is not a number is a mismatch."""
    return [
        {
            "name": name, "found": found, "allowed": allowed,
            "verdict": "measured" if allowed is None else "as on the CPU" if found <= allowed else "MISMATCH",
        }
        for name, found, allowed in lines
    ]  # fmt: skip


def checked(device: str, processes: int, seconds: float = SECONDS) -> list[dict[str, Any]]:
    """Rows of the checks, and one for a run that did not come to its end."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "lines.json"
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"]
        hidden = {"CUDA_VISIBLE_DEVICES": ""} if device == "cpu" else {}
        try:
            done = subprocess.run(
                [*command, "-m", "tests.gpus.checks", str(out), device],
                cwd=ROOT, env={**os.environ, **hidden}, capture_output=True, text=True, timeout=seconds, check=False,
            )  # fmt: skip
            problem = f"exit code {done.returncode}" if done.returncode else ""
            print(done.stderr if problem else "", file=sys.stderr, end="")
        except subprocess.TimeoutExpired:
            problem = f"not done in {seconds} s"
        rows = judged(json.loads(out.read_text()) if out.exists() else [])
    return [*rows, {"name": f"the check after these: {problem}", "verdict": "MISMATCH"}] if problem else rows


def marked_tests() -> dict[str, Any]:
    command = [sys.executable, "-m", "pytest", "-q", "-m", "gpu", "-n", "0", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    print(done.stdout if done.returncode else "", file=sys.stderr, end="")
    return {"name": "tests marked gpu", "verdict": "MISMATCH" if done.returncode else "as on the CPU"}


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: a rehearsal with two processes and gloo")
    add("--result", metavar="NAME", help="keep the numbers as benchmarks/results/NAME.json")
    args = parser.parse_args(argv)
    args.command = " ".join(["python -m tests.gpus", *(sys.argv[1:] if argv is None else argv)])
    count = torch.cuda.device_count() if args.device == "cuda" else 2
    if not count:
        print(
            "no GPU here that torch can use: nothing was checked (exit code 3); run this where there is one, or "
            "rehearse it with --device cpu",
            file=sys.stderr,
        )
        return NO_GPU
    rows = checked(args.device, min(count, 8))
    if args.device == "cuda":
        rows.append(marked_tests())
    print(markdown(rows, GPU))
    name = torch.cuda.get_device_name() if args.device == "cuda" else "CPU, a rehearsal"
    keep_result(args, rows, device=name, processes=min(count, 8))
    return int(any(row["verdict"] == "MISMATCH" for row in rows))


if __name__ == "__main__":
    sys.exit(main())
