"""SIGTERM and SIGINT as a request: the loop saves and stops at the next step, not in the middle of one."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import threading
import time
from multiprocessing import forkserver, resource_tracker
from types import FrameType
from typing import Any

from videosync.errors import VideoSyncError

log = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGINT)
ECHO_SECONDS = 2.0  # launchers pass on the Ctrl-C that the terminal has already sent to every process
PATIENCE_SECONDS = 10.0  # for what is under way when the signal comes, and
PATIENCE_TIMES = 3.0  # as many times as long as the longest piece of work so far


def shield_workers() -> None:
    """Make data-loading workers ignore SIGTERM and Ctrl-C, which schedulers and terminals send to all processes.

    The loop needs its workers for the step in which it learns of the signal; they end with it. To be called
    before the first worker is started: workers inherit the signal mask of multiprocessing's fork server.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return
    resource_tracker.ensure_running()  # it would unblock the signals again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    forkserver.ensure_running()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


class StopAsked(VideoSyncError):
    """Work was broken off for a signal; ``signal`` is its number."""

    @property
    def signal(self) -> int:
        return int(self.args[0])


class StopRequest:
    """In its ``with`` block the first SIGTERM or Ctrl-C is noted in ``signal``; a later Ctrl-C interrupts.

    The work is expected to ask :meth:`asked` between its pieces, to stop when it is answered True, and to call
    :meth:`heed` then. Work that does not, since it waits for something that never comes (another process, a disk),
    is ended by a thread after ``PATIENCE_SECONDS``, or after ``PATIENCE_TIMES`` the longest piece so far: the main
    thread sees no signal while it waits inside a library.
    """

    def __init__(self, *, warns: bool = True) -> None:
        self.warns = warns  # that it gave up: one of many processes does
        self.signal: int | None = None
        self._noted = 0.0
        self._before: dict[signal.Signals, Any] = {}
        self._heeded = threading.Event()
        self._asked = time.monotonic()
        self._longest = 0.0

    @property
    def requested(self) -> bool:
        return self.signal is not None

    @property
    def waited(self) -> float:
        """Seconds since the signal; 0 without one."""
        return time.monotonic() - self._noted if self.requested else 0.0

    def asked(self) -> bool:
        """Whether to stop, asked between two pieces of work."""
        now = time.monotonic()
        self._longest, self._asked = max(self._longest, now - self._asked), now
        return self.requested

    def begin(self) -> None:
        """A piece of work begins now: what was waited for before it does not count."""
        self._asked = time.monotonic()

    def check(self) -> None:
        """:meth:`asked`, as an exception. Raises StopAsked."""
        if self.asked():
            raise StopAsked(self.signal)

    def heed(self) -> None:
        """The work is over; what is left (saving) may take its time."""
        self._heeded.set()

    def __enter__(self) -> StopRequest:
        self._heeded.clear()
        self.begin()
        reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._wakeup_before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=self._watch, args=(reader,), daemon=True).start()
        self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *raised: object) -> None:
        self.heed()
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        self._writer.close()

    def _note(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.signal is None:
            self._noted, self.signal = now, number
        elif number == signal.SIGINT and now - self._noted > ECHO_SECONDS:
            raise KeyboardInterrupt

    def _watch(self, reader: socket.socket) -> None:
        """Read the numbers of the signals that come, until the block ends."""
        with reader:
            while numbers := reader.recv(64):
                number = next((number for number in numbers if number in SIGNALS), None)
                if number is None:
                    continue
                patience = max(PATIENCE_SECONDS, PATIENCE_TIMES * self._longest)
                if not self._heeded.wait(patience):
                    self._give_up(number, patience)

    def _give_up(self, number: int, patience: float) -> None:
        log.log(
            logging.WARNING if self.warns else logging.DEBUG,
            "%s: the work under way did not end within %.0f s (it waits for another process or a disk), so this "
            "process ends without saving; go on from the last checkpoint with --continue_train",
            signal.Signals(number).name,
            patience,
        )
        os._exit(128 + number)
