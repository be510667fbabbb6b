"""What makes an encoder synchronise cameras? Rows that differ in one thing, trained alike, on the same windows.

    python -m benchmarks.training --real ~/datasets/mine                  # the whole table
    python -m benchmarks.training --rows crossview rgb --seeds 0 1 2      # some rows
    python -m benchmarks.training --events 40 --steps 20 --test_events 10 # a quick look

Makes synthetic train and test events (of different seeds), trains each row with the project's trainer
(configs/crossview_config.yml and the changes of benchmarks/training/rows.py, at a small scale that --steps, --events,
--frames and --size set), and asks all of them, with the plain mean along diagonals, about windows of test events and of
the footage in --real, beside floors and the cue that needs no training. A row that is trained is not trained again.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.accuracy.ask import ask
from benchmarks.accuracy.methods import ALWAYS, make_method
from benchmarks.accuracy.windows import Length, draw_trials, group_samples, read_data
from benchmarks.pipeline import Answer, asked, benchmark, keep_result, run
from benchmarks.scores import scores
from benchmarks.tables import ABLATION, markdown
from benchmarks.training.rows import ROWS, Row
from videosync.config.load import load_config
from videosync.config.schema import Config
from videosync.data.manifest import read_manifest, write_manifest
from videosync.errors import VideoSyncError, require_known

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "configs" / "crossview_config.yml"
TRAIN_SEED, TEST_SEED = 1100, 1200
BATCH = 8
UNTRAINED = {"train.max_steps": 1, "optim.lr": 1e-12, "train.holdout": 0}


def arguments() -> argparse.ArgumentParser:
    parser = benchmark(__doc__, "benchmarks.training")
    add = parser.add_argument
    add("--real", type=Path, nargs="*", default=[], metavar="FOLDER", help="with manifest.jsonl, to test on")
    add("--rows", nargs="+", default=list(ROWS), metavar="ROW", help=f"of {', '.join(ROWS)} (default: all)")
    add("--seeds", type=int, nargs="+", default=[0, 1], help="of rows run several times (default 0 1)")
    add("--steps", type=int, default=120, help="training steps of the base row (default %(default)s)")
    add("--events", type=int, default=150, help="train events of the base row (default %(default)s)")
    add("--test_events", type=int, default=40, help="synthetic test events (default %(default)s)")
    add("--frames", type=int, default=64, help="of a training view (default %(default)s)")
    add("--size", type=int, default=48, help="pixels that encoders see (default %(default)s)")
    add("--length", default="fit240", help="of real windows, as in benchmarks.accuracy (default %(default)s)")
    add("--windows", type=int, default=3, help="a pair of real views (default %(default)s)")
    add("--workers", type=int, default=1, help="processes that make events (default %(default)s)")
    return parser


def measure(args: argparse.Namespace) -> list[Answer]:
    """Train what is not there yet, and ask all. Raises VideoSyncError."""
    for name in args.rows:
        require_known("row", name, ROWS)
    runs = {
        f"{name}_{seed}": (ROWS[name], seed)
        for name in args.rows
        for seed in (args.seeds[: ROWS[name].seeds] if ROWS[name].seeds else args.seeds)
    }
    make_events(args, [row.events for row, _ in runs.values()])
    for name, (row, seed) in runs.items():
        command = [sys.executable, str(ROOT / "train.py"), "--workdir", str(args.output / "data"), "--cfg_file",
                   str(CONFIG), "--logdir", str(args.output / name), "--continue_train"]  # fmt: skip
        _call([*command, "--opts", *options_of(args, row, seed)])
    names = {f"encoder:{args.output / name}": name for name in runs} | {name: name for name in ALWAYS}
    methods = {name: make_method(source) for source, name in names.items()} | {"motion": make_method("cue:motion")}
    tests = {"synthetic": ([args.output / "data" / "test"], "120", 1)}
    if args.real:
        tests["real"] = (args.real, args.length, args.windows)
    answers = []
    for test, (folders, length, windows) in tests.items():
        trials, _ = draw_trials(
            group_samples(read_data(folders), None), [Length(length)], max_offset=30, windows=windows,
            seed=args.seed, longest=3000,
        )  # fmt: skip
        answers += [replace(answer, row=test) for answer in ask(trials, methods)]
    return answers


def make_events(args: argparse.Namespace, shares: Sequence[float]) -> None:
    """Synthetic events, and manifests of the first so many of them; events that are there are kept."""
    common = ["--size", "64", "--fps", "10", "30", "60", "120", "--distractors", "0", "1", "2", "--workers",
              str(args.workers)]  # fmt: skip
    jobs = {
        "train": (TRAIN_SEED, round(args.events * max(shares)), 0, 2 * args.frames),
        "test": (TEST_SEED, 0, args.test_events, 170),
    }
    for name, (seed, train, val, frames) in jobs.items():
        numbers = {"seed": seed, "train_events": train, "val_events": val, "frames": frames}
        options = [word for key, value in numbers.items() for word in (f"--{key}", str(value))]
        script = str(ROOT / "dataset_preparation" / "synthetic_process.py")
        _call([sys.executable, script, "--output_dir", str(args.output / "data" / name), *options, *common])
    samples = read_manifest(args.output / "data" / "train").samples
    for share in set(shares):
        chosen = [
            replace(s, views=tuple(replace(v, video=f"../train/{v.video}") for v in s.views))
            for s in samples[: round(args.events * share)]
        ]
        folder = args.output / "data" / f"train_{round(args.events * share)}"
        folder.mkdir(exist_ok=True)
        write_manifest(folder, chosen)


def options_of(args: argparse.Namespace, row: Row, seed: int) -> list[str]:
    """``key=value`` of a row."""
    events, steps = round(args.events * row.events), max(1, round(args.steps * row.effort))
    options: dict[str, Any] = {
        "data.dataset": f"train_{events}",
        "data.image_size": args.size,
        "data.num_frames": args.frames,
        "data.num_workers": 0,
        "pairs.num_frames": args.frames,
        "train.batch_size": BATCH,
        "train.epochs": math.ceil(steps / max(1, events // BATCH)),
        "train.max_steps": steps,
        "train.eval_every": 0,
        "train.save_every": 0,
        "train.seed": seed,
        **row.changes,
        **({} if row.effort else UNTRAINED),
    }
    return [f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in options.items()]


def config_of(args: argparse.Namespace, row: Row, seed: int) -> Config:
    return load_config(CONFIG, options_of(args, row, seed), training=True)


def rows_of(answers: Sequence[Answer], args: argparse.Namespace) -> list[dict[str, Any]]:
    """A line for each method (rows with their seed), with the scores of each test."""
    rows = []
    for method in dict.fromkeys(a.method for a in answers):
        row = ROWS.get(method.rsplit("_", 1)[0])
        line: dict[str, Any] = {"name": method, "about": row.about if row else ""}
        if row:
            line |= {"steps": round(args.steps * row.effort), "events": round(args.events * row.events)}
        for test in dict.fromkeys(a.row for a in answers):
            mine = [a for a in answers if (a.method, a.row) == (method, test)]
            line[test] = scores(mine, bootstrap=args.bootstrap, seed=args.seed)
        rows.append(line)
    return rows


def benchmark_training(args: argparse.Namespace) -> None:
    """Train, measure (or read), print. Raises VideoSyncError."""
    rows = rows_of(asked(args, lambda: measure(args)), args)
    print(markdown(rows, ABLATION))
    keep_result(args, rows)


def _call(command: Sequence[str]) -> None:
    done = subprocess.run(command, check=False)
    if done.returncode:
        raise VideoSyncError(f"{' '.join(command[1:3])} failed (exit code {done.returncode}); see above")


main = partial(run, benchmark_training, arguments)

if __name__ == "__main__":
    sys.exit(main())
