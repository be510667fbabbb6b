"""The run's hold on its output folder: one run at a time, and nothing half-written stays.

``.lock`` is locked by the run and names it. Workers look at it now and then: once it names another run, or none,
they stop, wherever they are. ``.running/<key>`` marks a job that was begun and has not ended yet; it carries the
run and the finished share.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import socket
import sys
import uuid
from pathlib import Path
from types import TracebackType

from dataset_preparation.clips.interrupts import held
from dataset_preparation.clips.records import DONE
from videosync.errors import ManifestError, VideoWriteError

LOCK = ".lock"
RUNNING = ".running"
TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}(\.\w+)?")  # as VideoWriter and write_text name theirs
NO_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)  # network folders that are mounted without locks


class RunFolder:
    """Context manager; refuses (ManifestError) while another run works on the same folder."""

    def __init__(self, output_dir: Path) -> None:
        self.output_dir = output_dir
        self.run_id = uuid.uuid4().hex
        self.unclean = False  # a process ended in the middle of a job

    def __enter__(self) -> RunFolder:
        try:
            for folder in (self.output_dir, self.output_dir / DONE, self.output_dir / RUNNING):
                folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.output_dir / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise VideoWriteError(
                f"{self.output_dir}: cannot be written ({error.strerror}); choose another --output_dir"
            ) from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(self._lock, 200, 0).decode().partition(" ")[2].strip()
            os.close(self._lock)
            raise ManifestError(
                f"{self.output_dir}: another run is writing to it ({owner or 'just started'}); wait for its end, "
                "stop it, or choose another --output_dir"
            ) from None
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            print(
                f"note: {self.output_dir} cannot be locked; do not start a second run on it", file=sys.stderr
            )
        try:
            if any((self.output_dir / RUNNING).iterdir()):  # the run before this one was killed
                self._sweep()
            self._name_run(f"{self.run_id} process {os.getpid()} on {socket.gethostname()}\n")
        except OSError as error:
            os.close(self._lock)
            raise VideoWriteError(
                f"{self.output_dir}: cannot be written ({error.strerror}); make room or choose another --output_dir"
            ) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with held():
            try:
                self._name_run("")
                if kind is not None or self.unclean or any((self.output_dir / RUNNING).iterdir()):
                    self._sweep()
                    for marker in (self.output_dir / RUNNING).iterdir():
                        if read_marker(marker)[0] == self.run_id:
                            marker.unlink(missing_ok=True)
            finally:
                os.close(self._lock)

    def shares(self) -> dict[str, float]:
        """Job key → finished share of the jobs that this run is at."""
        markers = {marker.name: read_marker(marker) for marker in (self.output_dir / RUNNING).iterdir()}
        return {key: share for key, (run_id, share) in markers.items() if run_id == self.run_id}

    def _name_run(self, text: str) -> None:
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, text.encode(), 0)

    def _sweep(self) -> None:
        """Delete what killed processes left half-written."""
        for folder, _, names in os.walk(self.output_dir):
            for name in names:
                if TEMPORARY.fullmatch(name):
                    Path(folder, name).unlink(missing_ok=True)


def current_run(output_dir: Path) -> str:
    """The id of the run that works on the folder; "" if none does, or this machine cannot see the folder."""
    try:
        return (output_dir / LOCK).read_text().partition(" ")[0]
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise VideoWriteError(f"{output_dir}: cannot be reached any more ({error.strerror})") from error


def read_marker(path: Path) -> tuple[str, float]:
    """(run id, share) of a marker; ("", 0) if it is gone, or just being written."""
    try:
        run_id, share = path.read_text().split()
    except (FileNotFoundError, ValueError):
        return "", 0.0
    return run_id, float(share)
