"""The run's hold on its output folder: one run at a time, and nothing half-written stays.

``.lock`` is locked by the run and names it. Jobs write into ``.unfinished/<run>/``; what is complete moves to its
place while the lock still names their run.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from videosync.errors import ManifestError
from videosync.files import make_folder

LOCK = ".lock"
UNFINISHED = ".unfinished"
NO_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)  # network folders that are mounted without locks


@contextmanager
def run_folder(output_dir: Path) -> Iterator[str]:
    """Hold the folder; gives the run's id. ManifestError while another run works on the same folder."""
    unfinished, run_id = output_dir / UNFINISHED, uuid.uuid4().hex
    make_folder(output_dir)
    with open(output_dir / LOCK, "a+", encoding="utf-8") as lock:
        _take(lock.fileno(), output_dir)
        shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
        make_folder(unfinished / run_id)
        lock.truncate(0)
        lock.write(f"{run_id} process {os.getpid()} on {socket.gethostname()}\n")
        lock.flush()
        try:
            yield run_id
        finally:
            lock.truncate(0)
            shutil.rmtree(unfinished, ignore_errors=True)


def current_run(output_dir: Path) -> str:
    """The id of the run that works on the folder; "" if none does, or this machine cannot see the folder."""
    try:
        return (output_dir / LOCK).read_text(encoding="utf-8").partition(" ")[0]
    except FileNotFoundError:
        return ""


def _take(lock: int, output_dir: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(lock, 200, 0).decode().partition(" ")[2].strip()
        raise ManifestError(
            f"{output_dir}: another run is writing to it ({owner or 'just started'}); wait for its end, stop it, or "
            "choose another --output_dir"
        ) from None
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        tqdm.write(f"note: {output_dir} cannot be locked; do not start a second run on it", file=sys.stderr)
