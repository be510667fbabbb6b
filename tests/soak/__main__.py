"""Long runs in one process, whose memory has to stay where it is: ``python -m tests.soak`` (``make soak``).

*sync*: tiny clips, each time under a new name, through ``videosync sync`` with its outputs in turn; one in ten is
damaged. *train*: the training command on a toy network, validated and saved on the way. *workers*: data-loading workers
killed one by one; the run ends in one sentence, goes on from what it saved, and in the end has the weights of a run
that nobody disturbed. Each job has a process of its own. Memory, open files and threads after a fifth of the rounds are
compared with those at the end: memory may grow by 20 MB or 5 %, whichever is more, the others by four.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shlex
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from benchmarks.pipeline import keep_result
from benchmarks.tables import SOAK, markdown
from tests.soak.jobs import JOBS
from tests.soak.watch import run
from videosync.arguments import at_least


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--only", nargs="+", choices=JOBS, default=list(JOBS), help="(default: all)")
    defaults = ", ".join(f"{job.rounds:,} for {name}" for name, job in JOBS.items())
    add("--rounds", type=at_least(1), help=f"how many of each (default: {defaults})")
    add("--seed", type=at_least(0), default=0, help="of what is drawn (default %(default)s)")
    add("--result", metavar="NAME", help="keep the numbers as benchmarks/results/NAME.json")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    args = build_parser().parse_args(argv)
    args.command = shlex.join(["python", "-m", "tests.soak", *(sys.argv[1:] if argv is None else argv)])
    clean = multiprocessing.get_context("spawn")
    rows = []
    for name in args.only:
        with ProcessPoolExecutor(1, mp_context=clean) as own:
            rows.append(own.submit(run, name, args.rounds or JOBS[name].rounds, args.seed).result())
        print(f"{name}: {rows[-1]['failed'] or 'flat'}", file=sys.stderr, flush=True)
    print(markdown(rows, SOAK))
    keep_result(args, rows, seed=args.seed)
    return int(any(row["failed"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
