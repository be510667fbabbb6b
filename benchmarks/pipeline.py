"""What all benchmarks share: cases are asked once, answers lie in a file, and the rest is computed from these.

A benchmark asks its methods about its cases and writes one :class:`Answer` a line (``answers.jsonl``, whose first line
says how). Scores (``scores.py``) and tables (``tables.py``) come from that file, with ``--answers FILE`` as often as
one likes, without asking anew. ``--result`` keeps the rows of the table in ``benchmarks/results``, where
``python -m benchmarks.docs`` takes them from.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from videosync.checkpoints.checkpoint import git_commit
from videosync.errors import ConfigError, VideoSyncError
from videosync.files import read_json, read_text, rounded, write_text
from videosync.version import __version__

RESULTS = Path(__file__).parent / "results"
DIGITS = 5  # of fractions in them
Item = TypeVar("Item")


@dataclass(frozen=True)
class Answer:
    """What one method said about one case, and the truth; offsets in frames of ``fps``."""

    row: str  # what a table has one line or block for: a length, a condition, a kind of windows
    group: str  # the set of footage; sets weigh the same
    unit: str  # cases of one unit (an event, a pair of views) depend on each other
    case: str
    method: str
    fps: float
    true: float | None  # None: nothing to be found; the answer ought to be refused
    said: float | None  # None: no answer at all
    confidence: float | None = None  # larger is surer; None: the method cannot tell
    placed: bool | None = None  # whether the answer is given, or refused; None: the method never refuses
    half_width: float | None = None  # frames to either side of the answer that hold the truth, nominally in 95 %
    slack: float = 0.0  # 0.5 where the truth is a whole number, to which answers count as rounded
    seconds: float = 0.0  # of processor time
    more: dict[str, Any] = field(default_factory=dict)  # what only one benchmark asks for

    @property
    def error(self) -> float:
        """Signed, in frames; infinite without an answer or without a truth."""
        return float("inf") if self.said is None or self.true is None else self.said - self.true

    def within(self, frames: float) -> bool:
        return abs(self.error) <= frames + self.slack


def benchmark(doc: str | None, module: str) -> argparse.ArgumentParser:
    """A parser with the options that every benchmark has. ``module``: of the package, as ``python -m`` starts it."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {module}", description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    folder = Path("runs") / module.replace(".", "/")
    add("--output", type=Path, default=folder, metavar="FOLDER", help="(default %(default)s)")
    add("--seed", type=int, default=0, help="of what is drawn (default %(default)s)")
    add("--bootstrap", type=int, default=2000, help="resamples of intervals; 0: none (default %(default)s)")
    add("--answers", type=Path, metavar="FILE", help="an answers.jsonl: ask nothing, compute anew from it")
    add("--result", metavar="NAME", help="keep the rows as benchmarks/results/NAME.json, for the documents")
    return parser


def run(
    main: Callable[[argparse.Namespace], object],
    arguments: Callable[[], argparse.ArgumentParser],
    argv: Sequence[str] | None = None,
) -> int:
    """Exit code 0, or 2 after one sentence. ``args.command``: what was typed."""
    parser = arguments()
    args = parser.parse_args(argv)
    args.command = shlex.join([*parser.prog.split(), *(sys.argv[1:] if argv is None else argv)])
    try:
        main(args)
    except VideoSyncError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def bar(items: Iterable[Item], title: str, total: int | None = None) -> Iterator[Item]:
    """Progress on stderr, where a person looks on."""
    return iter(tqdm(items, title, total, disable=not sys.stderr.isatty(), dynamic_ncols=True))


def provenance(args: argparse.Namespace) -> dict[str, Any]:
    """How numbers were made, for JSON."""
    return {
        "command": args.command,
        "date": date.today().isoformat(),
        "commit": git_commit(),
        "version": __version__,
        "machine": f"{processor_name()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "load": round(os.getloadavg()[0], 1),
    }


def processor_name() -> str:
    """What the processor calls itself, where the system tells."""
    listing = Path("/proc/cpuinfo")
    for line in listing.read_text().splitlines() if listing.is_file() else ():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def write_answers(args: argparse.Namespace, answers: Sequence[Answer]) -> Path:
    """``answers.jsonl`` in ``args.output``. Raises VideoWriteError."""
    path = Path(args.output) / "answers.jsonl"
    lines = [provenance(args), *(asdict(answer) for answer in answers)]
    write_text(path, "".join(json.dumps(line) + "\n" for line in lines))
    print(f"answers: {path}", file=sys.stderr)
    return path


def read_answers(path: Path) -> list[Answer]:
    """Raises ConfigError: not a file that a benchmark wrote."""
    try:
        return [Answer(**json.loads(line)) for line in read_text(path).splitlines()[1:]]
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{path}: not answers.jsonl of a benchmark ({error})") from error


def asked(args: argparse.Namespace, ask: Callable[[], list[Answer]]) -> list[Answer]:
    """The answers of ``--answers``, or what ``ask()`` finds, written. Raises ConfigError: there is none."""
    if args.answers is None and not (getattr(args, "data", True) or getattr(args, "synthetic", None)):
        raise ConfigError("--data: no dataset was given; name folders with manifest.jsonl, or --answers FILE")
    answers = read_answers(args.answers) if args.answers is not None else ask()
    if not answers:
        raise ConfigError("there is nothing to answer; give more data")
    if args.answers is None:
        write_answers(args, answers)
    return answers


def keep_result(args: argparse.Namespace, rows: Iterable[Mapping[str, Any]], **more: Any) -> None:
    """With ``--result NAME``: the rows as benchmarks/results/NAME.json."""
    if args.result:
        path = RESULTS / f"{args.result}.json"
        write_text(path, result_text({**provenance(args), **more, "rows": list(rows)}))
        print(f"written: {path}; 'python -m benchmarks.docs' puts it into the pages", file=sys.stderr)


def result_text(content: Mapping[str, Any]) -> str:
    """JSON with a line for each row."""
    lines = []
    for key, value in rounded(content, DIGITS).items():
        many = isinstance(value, list) and len(value) > 0 and isinstance(value[0], dict)
        texts = [json.dumps(one, ensure_ascii=False) for one in (value if many else [value])]
        lines.append(f' "{key}": ' + ("[\n  " + ",\n  ".join(texts) + "\n ]" if many else texts[0]))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def load_result(name: str) -> dict[str, Any]:
    """A file of benchmarks/results. Raises ConfigError: there is none."""
    try:
        return dict(read_json(RESULTS / f"{name}.json"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"benchmarks/results/{name}.json: {error}") from error
