"""What is done again and again in one process. A job calls ``done`` after a round, and says what went wrong, or ""."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from dataset_preparation import synthetic_process
from tests.engine.toy import ToyClips, toy_trainer
from tests.fuzz.jobs import CONFIG, EVENTS
from videosync.checkpoints.checkpoint import latest_checkpoint
from videosync.cli import sync, train
from videosync.engine.batches import _workers
from videosync.engine.loggers import Logger
from videosync.engine.signals import shield_workers
from videosync.engine.train import resume
from videosync.engine.trainer import Trainer
from videosync.errors import DataLoadingError

Done = Callable[[], None]
OUTPUTS = (  # what a synchronisation writes, in turn
    ("--json={}/a.json", "--report={}/a.html", "--accept=0.001"),
    ("--json={}/a.json", "--cue=motion", "--plot={}/a.png"),
    ("--trim={}/cut", "--cache={}/signals", "--accept=0.001"),
    ("--otio={}/a.otio", "--fcpxml={}/a.fcpxml", "--accept=0.001"),
    ("--json={}/a.json", "--audio=off", "--thorough"),
)
TINY = (  # so that ten thousand steps are minutes
    "data.image_size=16", "data.num_frames=8", "data.samples_per_video=200", "data.num_workers=1", "pairs.num_frames=8",
    "pairs.max_offset=2", "train.eval_batches=4",
)  # fmt: skip
STEPS = 16  # of the toy, in an epoch
WORKERS = 2


def make_events(folder: Path, *more: str) -> None:
    counts = ["--train_events", "4", "--val_events", "2"]
    assert synthetic_process.main(["--output_dir", str(folder), *counts, *EVENTS, *more]) == 0


def last_line(folder: Path) -> str:
    """Of what the job has said, in the file that ``watch.run`` puts it."""
    sys.stderr.flush()
    return (folder / "said").read_text().rstrip().rpartition("\n")[2]


def synchronise(rounds: int, seed: int, folder: Path, done: Done) -> str:
    """Two cameras of an event, or a file with sound and its copy, under names that were not there before.

    One in ten second files is cut short.
    """
    make_events(folder / "seen")
    make_events(folder / "heard", "--sound")
    events = sorted(path.parent for path in folder.glob("*/*/cam0.mp4"))
    problems = []
    for number in range(rounds):
        rng = np.random.default_rng([seed, number])
        place = folder / f"round{number}"
        shutil.copytree(events[rng.integers(len(events))], place)
        first, second = place / "cam0.mp4", place / "cam1.mp4"
        if not second.exists():
            shutil.copy(first, second)
        damaged = rng.random() < 0.1
        if damaged:
            os.truncate(second, int(rng.integers(64, second.stat().st_size)))
        words = [word.format(place) for word in OUTPUTS[number % len(OUTPUTS)]]
        code = sync.main([str(first), str(second), "--progress", "off", *words])
        if code not in (0, sync.NOT_PLACED) and not (damaged and code == 2):
            problems.append(f"exit code {code} in round {number}: {last_line(folder)}")
        shutil.rmtree(place)
        done()
    return ", ".join(problems[:3])


def train_toy(rounds: int, seed: int, folder: Path, done: Done) -> str:
    """``rounds`` steps of the training command, a worker loading its clips, validated and saved every 200."""
    make_events(folder / "synthetic")
    (folder / "tiny.yml").write_text(CONFIG)
    one_step = Trainer.train_step

    def counted(self: Trainer, *args: Any) -> tuple[float, float]:
        found = one_step(self, *args)
        done()
        return found

    opts = [*TINY, f"train.max_steps={rounds}", f"train.epochs={rounds}", f"train.seed={seed}"]
    paths = ["--workdir", str(folder), "--cfg_file", str(folder / "tiny.yml"), "--logdir", str(folder / "run")]
    with patch.object(Trainer, "train_step", counted):
        code = train.main([*paths, "--opts", *opts])
    return f"exit code {code}: {last_line(folder)}" if code else ""


class Killer(Logger):
    """Kills a worker of ``trainer`` when step ``at`` is done."""

    def __init__(self, trainer: Trainer, at: int, which: int) -> None:
        self.trainer, self.at, self.which = trainer, at, which

    def step(self, record: Mapping[str, Any]) -> None:
        if record["step"] == self.at:
            os.kill(_workers(self.trainer.source.loader._iterator)[self.which].pid or 0, signal.SIGKILL)


def kill_workers(rounds: int, seed: int, folder: Path, done: Done) -> str:
    """A worker is killed a few steps after each start."""
    shield_workers()
    toy = partial(toy_trainer, batch_size=4, epochs=2 * rounds)
    undisturbed = toy(folder / "undisturbed", clips=ToyClips(4 * STEPS))
    undisturbed.run()
    rng = np.random.default_rng(seed)
    problems, ends = [], 0
    while ends < rounds:
        trainer = toy(folder / "run", clips=ToyClips(4 * STEPS), workers=WORKERS)
        if saved := latest_checkpoint(folder / "run"):
            resume(trainer, saved)
        start = trainer.state.step
        trainer.logger = Killer(trainer, start + int(rng.integers(1, STEPS)), ends % WORKERS)
        try:
            trainer.run()
            return f"the run was over after {ends} kills"
        except DataLoadingError as error:
            if "\n" in str(error) or "a data-loading worker was ended (SIGKILL)" not in str(error):
                problems.append(str(error))
        saved = latest_checkpoint(folder / "run")
        if saved is None or saved.step != trainer.state.step:
            problems.append(f"what was trained up to step {trainer.state.step} was not saved")
        ends += 1
        for thread in set(threading.enumerate()) - {threading.main_thread()}:
            thread.join(10)  # one may wait for the worker still: torch looks every 5 s
        done()
    last = toy(folder / "run", clips=ToyClips(4 * STEPS))
    resume(last, latest_checkpoint(folder / "run"))
    last.run()
    pairs = zip(undisturbed.encoder.state_dict().values(), last.encoder.state_dict().values(), strict=True)
    if not all(torch.equal(one, other) for one, other in pairs):
        problems.append("the weights differ from those of an undisturbed run")
    return "; ".join(problems[:3])


@dataclass(frozen=True)
class Job:
    """What is done, how often, and what a table calls it."""

    title: str
    rounds: int
    work: Callable[[int, int, Path, Done], str]


JOBS = {
    "sync": Job("synchronisations of tiny clips", 500, synchronise),
    "train": Job("training steps of a toy network", 10_000, train_toy),
    "workers": Job("data-loading workers killed", 24, kill_workers),
}
