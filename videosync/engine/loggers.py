"""Where a run's numbers go: a progress bar or log lines, ``metrics.jsonl``, TensorBoard, Weights & Biases.

Every logger has the same four methods; one that is switched off is the base class, which does nothing.
"""

from __future__ import annotations

import importlib
import json
import logging
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from tqdm import tqdm

from videosync.engine.distributed import Distributed
from videosync.errors import ConfigError, TrainingError
from videosync.files import write_text

log = logging.getLogger("videosync")

METRICS_FILE = "metrics.jsonl"
Record = Mapping[str, float | int]


class Logger:
    """Base and null object. Records hold plain numbers and always ``step`` and ``epoch``."""

    def step(self, record: Record) -> None:
        """After an optimizer step: loss, lr, grad_norm, frames_per_second, data_wait_share, eta_seconds."""

    def validation(self, record: Record) -> None:
        """After a validation: its metrics, named ``val/…``."""

    def message(self, text: str) -> None:
        """A sentence about the run."""

    def close(self) -> None:
        """Write out what is still in memory."""


class Loggers(Logger):
    """Several loggers as one."""

    def __init__(self, loggers: Sequence[Logger]) -> None:
        self.loggers = list(loggers)

    def step(self, record: Record) -> None:
        for logger in self.loggers:
            logger.step(record)

    def validation(self, record: Record) -> None:
        for logger in self.loggers:
            logger.validation(record)

    def message(self, text: str) -> None:
        for logger in self.loggers:
            logger.message(text)

    def close(self) -> None:
        for logger in self.loggers:
            logger.close()


class MetricsFile(Logger):
    """One JSON object a line, every step and validation; written out every ``every`` steps.

    Records of steps after ``first_step`` are dropped when the file is opened: a run that died after its last
    checkpoint does those steps again.
    """

    def __init__(self, path: Path, *, first_step: int, every: int) -> None:
        self.every = every
        kept = []
        if path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines()
            kept = [line for line in lines if _step_of(line, path) <= first_step]
        write_text(path, "".join(f"{line}\n" for line in kept))
        self.file: IO[str] = path.open("a", encoding="utf-8")

    def step(self, record: Record) -> None:
        self.file.write(json.dumps(record) + "\n")
        if record["step"] % self.every == 0:
            self.file.flush()

    def validation(self, record: Record) -> None:
        self.file.write(json.dumps(record) + "\n")
        self.file.flush()

    def close(self) -> None:
        self.file.close()


def _step_of(line: str, path: Path) -> int:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        if line.endswith("}"):
            raise TrainingError(f"{path}: {line[:60]!r} is not a record of a run; move the file away") from None
        return sys.maxsize  # the last line of a process that was killed while writing


class LogLines(Logger):
    """A line every ``every`` steps, for output that is not a terminal."""

    def __init__(self, *, every: int, total_steps: int) -> None:
        self.every = every
        self.total_steps = total_steps

    def step(self, record: Record) -> None:
        if record["step"] % self.every == 0 or record["step"] == self.total_steps:
            log.info("step %d/%d  %s", record["step"], self.total_steps, step_summary(record))

    def validation(self, record: Record) -> None:
        log.info("epoch %d  %s", record["epoch"], validation_summary(record))

    def message(self, text: str) -> None:
        log.info("%s", text)


class ProgressBar(Logger):
    """A bar on a terminal."""

    def __init__(self, *, first_step: int, total_steps: int) -> None:
        self.bar = tqdm(initial=first_step, total=total_steps, unit="step", dynamic_ncols=True)

    def step(self, record: Record) -> None:
        self.bar.set_postfix_str(step_summary(record, eta=False), refresh=False)
        self.bar.update()

    def validation(self, record: Record) -> None:
        self.bar.write(f"epoch {record['epoch']}  {validation_summary(record)}", file=sys.stderr)

    def message(self, text: str) -> None:
        self.bar.write(text, file=sys.stderr)

    def close(self) -> None:
        self.bar.close()


class TensorBoard(Logger):
    """Event files in the run's folder, every ``every`` steps."""

    def __init__(self, folder: Path, *, first_step: int, every: int) -> None:
        _require("tensorboard")
        from torch.utils.tensorboard import SummaryWriter

        self.every = every
        self.writer: Any = SummaryWriter(str(folder), purge_step=first_step + 1)

    def step(self, record: Record) -> None:
        if record["step"] % self.every == 0:
            self._write(record, "train/")

    def validation(self, record: Record) -> None:
        self._write(record, "")

    def _write(self, record: Record, prefix: str) -> None:
        for name, value in record.items():
            if name != "step":
                self.writer.add_scalar(f"{prefix}{name}", value, record["step"])

    def close(self) -> None:
        self.writer.close()


class WeightsAndBiases(Logger):
    """A W&B run, every ``every`` steps. ``WANDB_MODE=offline`` keeps it on this machine (in ``folder``)."""

    def __init__(self, folder: Path, *, every: int, config: Mapping[str, Any]) -> None:
        wandb = _require("wandb")
        self.every = every
        id_file = folder / "wandb_id.txt"  # a resumed run goes on in the same W&B run
        run_id = id_file.read_text(encoding="utf-8").strip() if id_file.is_file() else secrets.token_hex(4)
        write_text(id_file, run_id + "\n")
        self.run = wandb.init(
            project="videosync", name=folder.name, id=run_id, resume="allow", dir=str(folder), config=dict(config)
        )

    def step(self, record: Record) -> None:
        if record["step"] % self.every == 0:
            values = {f"train/{name}": value for name, value in record.items() if name != "step"}
            self.run.log(values, step=record["step"])

    def validation(self, record: Record) -> None:
        self.run.log({name: value for name, value in record.items() if name != "step"}, step=record["step"])

    def close(self) -> None:
        self.run.finish()


def build_loggers(
    logdir: Path,
    *,
    is_main: bool,
    every: int,
    tensorboard: bool,
    wandb: bool,
    first_step: int,
    total_steps: int,
    config: Mapping[str, Any],
) -> Logger:
    """What rank 0 logs to; other ranks get the null logger.

    Raises ConfigError: TensorBoard or W&B is asked for and not installed.
    """
    if not is_main:
        return Logger()
    extra: list[Logger] = []
    if tensorboard:
        extra.append(TensorBoard(logdir / "tensorboard", first_step=first_step, every=every))
    if wandb:
        extra.append(WeightsAndBiases(logdir, every=every, config=config))
    shown: Logger
    if sys.stderr.isatty():
        shown = ProgressBar(first_step=first_step, total_steps=total_steps)
    else:
        shown = LogLines(every=every, total_steps=total_steps)
    return Loggers([MetricsFile(logdir / METRICS_FILE, first_step=first_step, every=every), shown, *extra])


def check_loggers(**asked: bool) -> None:
    """Raises ConfigError when a package that is asked for is not installed, before anything is written."""
    for package in asked:
        if asked[package]:
            _require(package)


def _require(package: str) -> Any:
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise ConfigError(
            f"log.{package} is true, but {package} is not installed: pip install 'videosync[{package}]', or set "
            f"log.{package}=false"
        ) from error


@contextmanager
def pair_progress(
    title: str, total: int, distributed: Distributed, *, unit: str = "pair"
) -> Iterator[Callable[[int], object]]:
    """A bar on rank 0's terminal, nothing elsewhere; gives what is to be called with the pairs that one more step did.

    Each rank counts what it did itself; the bar assumes that the others keep pace.
    """
    hidden = not (distributed.is_main and sys.stderr.isatty())
    with tqdm(total=total, desc=title, unit=unit, dynamic_ncols=True, disable=hidden) as bar:
        yield lambda count: bar.update(min(count * distributed.world_size, total - bar.n))


_EVERY_STEP = ("step", "epoch", "loss", "lr", "grad_norm", "frames_per_second", "data_wait_share", "eta_seconds")


def step_summary(record: Record, *, eta: bool = True) -> str:
    """``loss 2.3451  lr 1.0e-04  84 frames/s  data wait 1%  ETA 0:12:30``."""
    parts = [
        f"loss {record['loss']:.4f}",
        f"lr {record['lr']:.1e}",
        f"{record['frames_per_second']:.0f} frames/s",
        f"data wait {record['data_wait_share']:.0%}",
    ]
    parts += [f"{name} {value:.2f}" for name, value in record.items() if name not in _EVERY_STEP]
    if eta:
        parts.append(f"ETA {duration(record['eta_seconds'])}")
    return "  ".join(parts)


def validation_summary(record: Record) -> str:
    """``val/loss 2.1  val/diagonal_mae 3.4``."""
    names = (name for name in record if name not in ("step", "epoch"))
    return "  ".join(f"{name} {record[name]:.4g}" for name in names)


def duration(seconds: float) -> str:
    """``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
