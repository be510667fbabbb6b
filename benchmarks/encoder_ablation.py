"""What makes an encoder synchronise cameras? Rows that differ in one thing, trained alike, on the same windows.

    python -m benchmarks.encoder_ablation --real ~/datasets/mine                  # the whole table
    python -m benchmarks.encoder_ablation --rows crossview rgb --seeds 0 1 2      # some rows
    python -m benchmarks.encoder_ablation --events 40 --steps 20 --test_events 10 # a quick look

Makes synthetic train and test events (of different seeds), trains each row with the project's trainer
(configs/crossview_config.yml and the changes of benchmarks/ablation_rows.py, at a small scale that --steps, --events,
--frames and --size set), and asks all of them, with the plain mean along diagonals, about windows of test events and of
the footage in --real, beside floors and the cue that needs no training. A row that is done is not done again.
Prints the table; writes ablation.json, and each row's folder, into --output.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.ablation_rows import ROWS, Row
from benchmarks.ablation_scores import FLOORS, answer_both, answer_rows, as_text, embed, scores
from benchmarks.accuracy_methods import Method, make_method
from benchmarks.accuracy_signals import Signals, ask, measure_windows, windows_of
from benchmarks.accuracy_windows import Length, Trial, draw_trials, group_samples, read_data
from videosync.config.load import config_to_dict, load_config
from videosync.config.schema import Config
from videosync.data.manifest import read_manifest, write_manifest
from videosync.errors import ConfigError, VideoSyncError

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / "configs" / "crossview_config.yml"
TRAIN_SEED, TEST_SEED = 1100, 1200
BATCH = 8


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--real",
        type=Path,
        nargs="*",
        default=[],
        metavar="FOLDER",
        help="folders with manifest.jsonl, to test on",
    )
    add("--rows", nargs="+", default=list(ROWS), metavar="ROW", help=f"of {', '.join(ROWS)} (default: all)")
    add(
        "--seeds",
        type=int,
        nargs="+",
        default=[0, 1],
        help="of the rows that are run several times (default 0 1)",
    )
    add("--steps", type=int, default=120, help="training steps of the base row (default %(default)s)")
    add("--events", type=int, default=150, help="train events of the base row (default %(default)s)")
    add("--test_events", type=int, default=40, help="synthetic test events (default %(default)s)")
    add("--frames", type=int, default=64, help="of a training view (default %(default)s)")
    add("--size", type=int, default=48, help="pixels that encoders see (default %(default)s)")
    add("--length", default="fit240", help="of real windows, as in benchmarks.accuracy (default %(default)s)")
    add("--windows", type=int, default=3, help="a pair of real views (default %(default)s)")
    add("--workers", type=int, default=1, help="processes that make events (default %(default)s)")
    add("--output", type=Path, default=Path("runs/benchmarks/ablation"), help="folder (default %(default)s)")
    return parser


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Train and measure what is not there yet. Returns what ablation.json holds. Raises VideoSyncError."""
    if unknown := [name for name in args.rows if name not in ROWS]:
        raise ConfigError(f"--rows {unknown[0]}: there is no such row; available: {', '.join(ROWS)}")
    rows = {name: ROWS[name] for name in args.rows}
    make_events(args, max(row.events for row in rows.values()))
    wanted = [
        (name, row, seed)
        for name, row in rows.items()
        for seed in (args.seeds[: row.seeds] if row.seeds else args.seeds)
    ]
    missing = []
    for name, row, seed in wanted:
        if not _done(args, name, row, seed):
            if row.trained:
                train(args, name, row, seed)
            missing.append((name, row, seed))
    measure(args, missing)
    report = {
        "arguments": {key: _plain(value) for key, value in vars(args).items()},
        "rows": [json.loads(_result(args, name, seed).read_text()) for name, _, seed in wanted],
        "floors": json.loads((args.output / "floors.json").read_text()),
    }
    (args.output / "ablation.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return report


def make_events(args: argparse.Namespace, largest: float) -> None:
    """Synthetic events, and manifests of the first so many of them; events that are there are kept."""
    most = round(args.events * largest)
    common = ["--size", "64", "--fps", "10", "30", "60", "120", "--distractors", "0", "1", "2"]
    common += ["--workers", str(args.workers)]
    jobs = {
        "train": ["--train_events", str(most), "--val_events", "0", "--frames", str(2 * args.frames)],
        "test": ["--train_events", "0", "--val_events", str(args.test_events), "--frames", "170"],
    }
    for (name, options), seed in zip(jobs.items(), (TRAIN_SEED, TEST_SEED)):
        script = [sys.executable, str(ROOT / "dataset_preparation" / "synthetic_process.py")]
        _call(
            [
                *script,
                "--output_dir",
                str(args.output / "data" / name),
                "--seed",
                str(seed),
                *options,
                *common,
            ]
        )
    samples = read_manifest(args.output / "data" / "train").samples
    for share in {row.events for row in ROWS.values()}:
        chosen = [
            replace(s, views=tuple(replace(v, video=f"../train/{v.video}") for v in s.views))
            for s in samples[: round(args.events * share)]
        ]
        folder = args.output / "data" / f"train_{round(args.events * share)}"
        folder.mkdir(exist_ok=True)
        write_manifest(folder, chosen)


def options_of(args: argparse.Namespace, row: Row, seed: int) -> dict[str, Any]:
    """The options of a row, by key."""
    events = round(args.events * row.events)
    steps = max(1, round(args.steps * row.effort))
    return {
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
    }


def config_of(args: argparse.Namespace, row: Row, seed: int) -> Config:
    return load_config(CONFIG, _typed(options_of(args, row, seed)), training=True)


def train(args: argparse.Namespace, name: str, row: Row, seed: int) -> None:
    """One run of train.py; one that was cut off goes on."""
    command = [sys.executable, str(ROOT / "train.py"), "--workdir", str(args.output / "data")]
    command += ["--cfg_file", str(CONFIG), "--logdir", str(_folder(args, name, seed)), "--continue_train"]
    _call([*command, "--opts", *_typed(options_of(args, row, seed))])


def measure(args: argparse.Namespace, missing: Sequence[tuple[str, Row, int]]) -> None:
    """Ask rows, all at once, and once the floors: each window is decoded a single time."""
    floors = args.output / "floors.json"
    tests = {"synthetic": _trials([args.output / "data" / "test"], "120", 1)}
    if args.real:
        tests["real"] = _trials(args.real, args.length, args.windows)
    known = json.loads(floors.read_text()) if floors.is_file() else {}
    fixed = {} if set(known) >= set(tests) else {name: make_method(name) for name in FLOORS}
    methods = fixed | {f"{name} {seed}": encoder_method(args, name, row, seed) for name, row, seed in missing}
    if not methods:
        return
    found: dict[str, dict[str, Any]] = {name: {} for name in methods}
    for test, trials in tests.items():
        signals = Signals()
        measure_windows(windows_of(trials), methods, signals)
        for name, method in methods.items():
            found[name][test] = scores(ask(name, method, trials, signals))
    if fixed:
        floors.write_text(json.dumps({test: {n: found[n][test] for n in FLOORS} for test in tests}, indent=1))
    for name, row, seed in missing:
        record = {
            "row": name,
            "seed": seed,
            "about": row.about,
            "fingerprint": _fingerprint(args, row, seed),
            "steps": options_of(args, row, seed)["train.max_steps"] if row.trained else 0,
            "events": round(args.events * row.events) if row.trained else 0,
            "tests": found[f"{name} {seed}"],
        }
        _result(args, name, seed).parent.mkdir(parents=True, exist_ok=True)
        _result(args, name, seed).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def encoder_method(args: argparse.Namespace, name: str, row: Row, seed: int) -> Method:
    """A row's encoder, read with the mean along diagonals. Raises CheckpointError."""
    import torch

    from videosync.checkpoints.carl import find_any_checkpoint
    from videosync.engine.build import build_encoder
    from videosync.engine.encoders import checkpoint_encoder
    from videosync.engine.losses import settle_heads
    from videosync.engine.seeding import seed_everything

    config = config_of(args, row, seed)
    if row.trained:
        encoder = checkpoint_encoder(config, find_any_checkpoint(_folder(args, name, seed), "last"))
    else:
        seed_everything(seed)
        built = build_encoder(settle_heads(config, args.output / "data"), args.output / "data")
        assert isinstance(built, torch.nn.Module)
        encoder = built.eval()  # type: ignore[assignment]
    answer = partial(answer_rows if row.rows_only else answer_both, temperature=row.temperature)
    return Method(partial(embed, encoder=encoder, size=args.size), answer, (), shared=None)


def _trials(folders: Sequence[Path], length: str, windows: int) -> list[Trial]:
    groups = group_samples(read_data(folders), None)
    return draw_trials(
        groups, [Length(length)], max_offset=30, windows=windows, seed=0, longest=3000, pairs_per_set=0
    )[0]  # fmt: skip


def _done(args: argparse.Namespace, name: str, row: Row, seed: int) -> bool:
    path = _result(args, name, seed)
    if not path.is_file():
        return False
    record = json.loads(path.read_text())
    if record["fingerprint"] != _fingerprint(args, row, seed):
        raise ConfigError(
            f"{path.parent}: holds a row of other options; give another --output, or delete the folder"
        )
    return not args.real or "real" in record["tests"]


def _fingerprint(args: argparse.Namespace, row: Row, seed: int) -> str:
    settings = config_to_dict(config_of(args, row, seed))
    text = json.dumps([settings, row.temperature, row.rows_only, row.trained], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _folder(args: argparse.Namespace, name: str, seed: int) -> Path:
    return Path(args.output) / f"{name}_{seed}"


def _result(args: argparse.Namespace, name: str, seed: int) -> Path:
    return _folder(args, name, seed) / "result.json"


def _typed(options: dict[str, Any]) -> list[str]:
    return [
        f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in options.items()
    ]


def _call(command: Sequence[str]) -> None:
    done = subprocess.run(command, check=False)
    if done.returncode:
        raise VideoSyncError(f"{' '.join(command[1:3])} failed (exit code {done.returncode}); see above")


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def main(argv: Sequence[str] | None = None) -> int:
    args = arguments().parse_args(argv)
    try:
        print(as_text(run(args)))
    except VideoSyncError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
