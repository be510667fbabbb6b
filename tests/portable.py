"""The numeric tests with the arithmetic of other processors: ``python -m tests.portable`` (``make test-portable``).

NumPy's and SciPy's OpenBLAS, PyTorch and oneDNN choose their kernels by the processor, and each kernel adds up in
another order. No test may depend on that order, nor on the number of threads. A setting is first tried in a small
process, which says what is really in use; what this processor or these libraries lack is skipped and named.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
KERNELS = ("OPENBLAS_CORETYPE", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA")

# (OpenBLAS, PyTorch, oneDNN, threads), "" for what the libraries choose themselves
SETTINGS = (
    ("Haswell", "default", "AVX2", 1),
    ("Zen", "avx2", "AVX2", 1),
    ("SkylakeX", "", "", 1),
    ("Haswell", "avx2", "AVX2", 4),
    ("SkylakeX", "", "", 4),
)

# where results come out of floating-point sums
NUMERIC = (
    *(
        f"tests/{folder}"
        for folder in ("lags", "offset", "losses", "models", "similarity", "signals", "cues", "timeline", "evaluation")
    ),
    *(f"tests/engine/test_{name}.py" for name in ("trainer", "distributed", "losses", "optim", "build")),
    *(f"tests/data/test_{name}.py" for name in ("datasets", "backbone_cache", "labelled", "loaders", "pairs")),
    "tests/export/test_export.py",
    "tests/video/test_transforms.py",
    "tests/phases",
)

# uses each library once; a processor that lacks the instructions ends it
PROBE = """
import os, numpy, scipy.linalg, threadpoolctl, torch
torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))  # as tests/conftest.py
x = numpy.random.default_rng(0).normal(size=(300, 300))
x @ x.T, x.astype("f4") @ x.T.astype("f4"), numpy.exp(x), scipy.linalg.lu(x)
torch.nn.Conv2d(16, 16, 3)(torch.rand(8, 16, 64, 64)).exp().sum().backward()
with torch.backends.mkldnn.verbose(torch.backends.mkldnn.VERBOSE_ON):
    torch.nn.Conv2d(64, 64, 3)(torch.rand(8, 64, 32, 32))
pools = [pool for pool in threadpoolctl.threadpool_info() if pool["internal_api"] == "openblas"]
print("OpenBLAS:", *sorted({pool["architecture"] for pool in pools}))
print("PyTorch:", torch.backends.cpu.get_cpu_capability())
print("threads:", *sorted({torch.get_num_threads(), *(pool["num_threads"] for pool in pools)}))
"""


def in_use(environment: dict[str, str]) -> tuple[str, ...] | None:
    """The kernels of (OpenBLAS, PyTorch, oneDNN) and the threads; None: this processor lacks the instructions."""
    done = subprocess.run([sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, check=False)
    if done.returncode < 0:  # SIGILL
        return None
    if done.returncode:
        sys.exit(done.stderr)
    names = ("OpenBLAS", "PyTorch", "cpu,isa", "threads")
    found = [re.search(f"{name}: ?(.*)", done.stdout) for name in names]
    return tuple("?" if match is None else match[1] for match in found)


def run_tests(environment: dict[str, str], jobs: int, arguments: list[str]) -> tuple[bool, str]:
    """Whether all passed, and pytest's last line; its output is shown if not."""
    options = ["-q", "-p", "no:cacheprovider", "-n", str(jobs if jobs > 1 else 0)]
    chosen = ["-m", "not slow and not gpu and not shared", *(arguments or NUMERIC)]
    command = [sys.executable, "-m", "pytest", *options, *chosen]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n", flush=True)
    return done.returncode == 0, (done.stdout.strip().splitlines() or ["no output"])[-1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=2, help="pytest processes where each has one thread")
    parser.add_argument("--only", type=int, help="one setting by its number, from 1 on")
    parser.add_argument("tests", nargs="*", help="instead of all numeric tests")
    args = parser.parse_args()
    failed = False
    seen: dict[tuple[str, ...], str] = {}
    for number, (*kernels, threads) in enumerate(SETTINGS, start=1):
        if args.only not in (None, number):
            continue
        asked = {name: value for name, value in zip(KERNELS, kernels) if value}
        name = f"{number}. {' '.join(f'{k}={v}' for k, v in asked.items())}, {threads} thread{'s' * (threads > 1)}"
        environment = {name: value for name, value in os.environ.items() if name not in KERNELS}
        environment |= asked | dict.fromkeys(THREADS, str(threads)) | {"OMP_WAIT_POLICY": "passive"}
        found = in_use(environment)
        if found is None:
            print(f"{name}: skipped, this processor lacks the instructions", flush=True)
            continue
        used = "OpenBLAS {}, PyTorch {}, oneDNN {}, threads {}".format(*found)
        if found in seen:
            print(f"{name}: skipped, the same kernels as {seen[found]} ({used})", flush=True)
            continue
        seen[found] = f"setting {number}"
        start = time.monotonic()
        passed, summary = run_tests(environment, args.jobs if threads == 1 else 1, args.tests)
        failed |= not passed
        minutes = (time.monotonic() - start) / 60
        verdict = "passed" if passed else "FAILED"
        print(f"{name}: {verdict}, {minutes:.1f} min, in use: {used}: {summary}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
