"""What the commands share: flags, the way to the configuration, and how errors reach the user.

Nothing here imports torch, so that ``--help`` answers at once.
"""

from __future__ import annotations

import argparse
import errno
import logging
import os
import re
import shlex
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from videosync.arguments import BAD_INPUT, SentenceParser
from videosync.errors import ConfigError, VideoSyncError, printable

if TYPE_CHECKING:
    from videosync.config.schema import Config

INTERRUPTED = 130
_RANK_WAIT_SECONDS = 6.0
_REMEDIES: dict[int, str] = {  # errors of the machine, not of the code
    errno.ENOSPC: "free some space, or write to another disk",
    errno.EDQUOT: "free some space, or write to another disk",
    errno.EACCES: "check the permissions, or choose another folder",
    errno.EPERM: "check the permissions, or choose another folder",
    errno.EROFS: "choose a folder that can be written to",
    errno.ENOTDIR: "expected a folder there",
    errno.EISDIR: "expected a file there",
    errno.EMFILE: "allow more open files with 'ulimit -n'",
    errno.EIO: "check the disk",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.ELOOP: "the link leads back to itself",
}


OFFSET = (
    "An offset k means: frame i of video 0 shows the moment of frame i + k of video 1 (k > 0: video 1 started first; "
    "swapping the two videos turns k into -k)."
)


class CommandParser(SentenceParser):
    """The parser of a command. After parsing, ``command`` is what was typed, for reports."""

    default_logdir = "runs/{config}"  # {config}: name of the config; or any other flag

    def parse_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        parsed = super().parse_args(args, namespace)
        parsed.command = " ".join([sys.argv[0], *map(shlex.quote, sys.argv[1:] if args is None else args)])
        parsed.default_logdir = getattr(parsed, "logdir", "") is None
        if parsed.default_logdir:
            config = parsed.cfg_file.stem if parsed.cfg_file else "default"
            parsed.logdir = Path(self.default_logdir.format(config=config, **vars(parsed)))
        return parsed

    def error(self, message: str) -> NoReturn:
        report_error(message)
        raise SystemExit(BAD_INPUT)

    def add_opts(self, meaning: str) -> None:
        """``--opts KEY VALUE …``."""
        self.add_argument("--opts", nargs="*", action="extend", default=[], metavar="KEY VALUE", help=meaning)


def expanded_path(text: str) -> Path:
    """A path from the command line, with ``~`` expanded."""
    return Path(os.path.expanduser(text))


def check_writable(flag: str, folder: Path) -> None:
    """Asked before any work, which would be lost.

    Raises:
        ConfigError: ``folder`` is no folder, or can neither be written to nor be made.
    """
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not place.is_dir():
        raise ConfigError(f"{flag} {folder}: {place} is a file; give a folder.")
    if not os.access(place, os.W_OK | os.X_OK):
        raise ConfigError(f"{flag} {folder}: nothing may be written to {place}; choose another folder.")


def command_parser(
    description: str,
    *,
    default_logdir: str = CommandParser.default_logdir,
    continue_train: str = "go on from the last checkpoint in --logdir instead of starting anew",
) -> CommandParser:
    """The parser every command starts from, with the flags that all of them take.

    ``default_logdir`` may name flags, as in ``"runs/detectors/{prefix}"``, and ``{config}``, the config's
    name; ``continue_train`` says what that flag does here. After parsing, ``workdir``, ``cfg_file`` and
    ``logdir`` are Paths (``cfg_file`` may be None); ``default_logdir`` says that no ``--logdir`` was given.
    """
    parser = CommandParser(description=description)
    parser.default_logdir = default_logdir
    shown = re.sub(r"\{(\w+)\}", lambda flag: flag[1].upper(), default_logdir)
    add = parser.add_argument
    add(
        "--workdir",
        type=expanded_path,
        default=expanded_path(os.environ.get("VIDEOSYNC_WORKDIR", ".")),
        metavar="FOLDER",
        help="folder of the dataset folders and pretrained weights (default: $VIDEOSYNC_WORKDIR, or here)",
    )
    add(
        "--cfg_file",
        type=expanded_path,
        metavar="YAML",
        help="YAML file with the options that differ from the defaults (default: no file); 'videosync config --list' "
        "names those that come with VideoSync. A file of CARL or of VideoSync's research code, with upper-case keys, "
        "is translated",
    )
    add(
        "--logdir",
        type=expanded_path,
        default=None,
        metavar="FOLDER",
        help=f"folder for checkpoints, metrics and pictures of this run (default: {shown})",
    )
    add("--continue_train", action="store_true", help=continue_train)
    parser.add_opts("options that override the file, KEY VALUE or KEY=VALUE: --opts optim.lr 1e-3 data.views=self")
    add(
        "--local_rank",
        type=int,
        default=None,
        metavar="N",
        help="number of this process on its machine; set by launchers",
    )
    add("--print-config", action="store_true", help="print every option with the value it would have, and stop")
    return parser


def load_command_config(args: argparse.Namespace, *, training: bool = False) -> Config:
    """The checked configuration of a command; with ``--print-config`` it is printed and the program ends.

    ``training``: check also what a training run alone needs (batch size against the number of processes, …).
    What there is to say about old keys is said on stderr, by rank 0. Raises ConfigError.
    """
    from videosync.config.load import config_to_yaml, read_config  # most commands that are not about training need none

    loaded = read_config(args.cfg_file, args.opts, world_size=launched_processes(), training=training)
    if launched_rank() == 0:
        if loaded.legacy:
            report_note(f"{args.cfg_file} has the keys of other code; 'videosync convert-config' writes it with ours")
        for note in loaded.notes:
            report_note(note)
    if args.print_config:
        if launched_rank() == 0:
            print(config_to_yaml(loaded.config), end="")
        raise SystemExit(0)
    return loaded.config


def launched_rank() -> int:
    """The rank a launcher gave this process (torchrun, torch.distributed.launch or srun); 0 without one."""
    return _environment_number("RANK", "SLURM_PROCID", default=0) if launched_processes() > 1 else 0


def launched_processes() -> int:
    """How many processes the launcher started; 1 without one."""
    # SLURM_NTASKS is the whole job's; a step's own count comes first where srun gives it
    slurm = ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS") if "SLURM_PROCID" in os.environ else ()
    return _environment_number("WORLD_SIZE", *slurm, default=1)


def _environment_number(*names: str, default: int) -> int:
    for name in names:
        if os.environ.get(name, "").isdigit():
            return int(os.environ[name])
    return default


def run_command(function: Callable[[], int | None]) -> int:
    """Run a command and return its exit code.

    0, or what ``function`` returns; 2 after wrong input or a full or locked disk, said in one sentence on
    stderr; 130 after Ctrl-C. Any other exception is a defect and keeps its traceback.
    """
    try:
        return function() or 0
    except VideoSyncError as error:
        report_error(str(error))
        return BAD_INPUT
    except KeyboardInterrupt:
        if launched_rank() == 0:
            print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader left, as in "videosync config | head"
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:
        if error.errno not in _REMEDIES:
            raise
        where = f"{error.filename}: " if error.filename else ""
        report_error(f"{where}{(error.strerror or 'disk error').lower()}; {_REMEDIES[error.errno]}.")
        return BAD_INPUT


def command(
    build_parser: Callable[[], CommandParser], work: Callable[[argparse.Namespace], int | None]
) -> Callable[..., int]:
    """The ``main(argv=None) -> exit code`` of a command."""

    def main(argv: Sequence[str] | None = None) -> int:
        args = build_parser().parse_args(argv)
        return run_command(lambda: work(args))

    return main


def report_note(message: str) -> None:
    """Say ``message`` on stderr, so that what a command prints for other programs stays as it is."""
    print(f"note: {printable(message)}", file=sys.stderr, flush=True)


def report_error(message: str) -> None:
    """Say ``message`` once on stderr, however many processes meet the same error.

    Rank 0 speaks and exits, and the launcher then ends the others while they wait. A rank that is still there
    after the wait met the error alone, and says so itself.
    """
    rank, message = launched_rank(), printable(message)
    if rank == 0:
        print(f"error: {message}", file=sys.stderr, flush=True)
        return
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    time.sleep(_RANK_WAIT_SECONDS)
    print(f"error (rank {rank}): {message}", file=sys.stderr, flush=True)


def log_to_stdout() -> None:
    """What a job logs is printed, by rank 0."""
    level = logging.INFO if launched_rank() == 0 else logging.WARNING
    logging.basicConfig(level=level, format="%(message)s", handlers=[LogLines(sys.stdout)])


class LogLines(logging.StreamHandler[TextIO]):
    """Log lines on a stream. When its reader leaves, as in ``train.py … | head``, the job goes on in silence; when the
    disk is full, too, and says so once.
    """

    said = False

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if record.exc_info else printable(text)

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not isinstance(error, BrokenPipeError) and not self.said:
            self.said = True
            report_note(f"log lines cannot be written ({error.strerror}); the job goes on without them")


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]


def spread(values: Sequence[int]) -> str:
    """``"7"`` or ``"3 … 7"``."""
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low} … {high}"
