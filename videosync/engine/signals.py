"""SIGTERM and SIGINT as a request: the loop saves and stops at the next step, not in the middle of one."""

from __future__ import annotations

import multiprocessing
import signal
import time
from multiprocessing import forkserver, resource_tracker
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGTERM, signal.SIGINT)
ECHO_SECONDS = 2.0  # launchers pass on the Ctrl-C that the terminal has already sent to every process


def shield_workers() -> None:
    """Make data-loading workers deaf to SIGTERM and Ctrl-C, which schedulers and terminals send to all processes.

    The loop needs its workers for the step in which it learns of the signal; they end with it. To be called
    before the first worker is started: workers inherit the signal mask of multiprocessing's fork server.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return
    resource_tracker.ensure_running()  # it would unblock the signals again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    forkserver.ensure_running()
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


class StopRequest:
    """In its ``with`` block the first SIGTERM or Ctrl-C is noted in ``signal``; a later Ctrl-C interrupts."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._noted = 0.0
        self._before: dict[signal.Signals, Any] = {}

    @property
    def requested(self) -> bool:
        return self.signal is not None

    def __enter__(self) -> StopRequest:
        self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.signal is None:
            self.signal, self._noted = number, now
        elif number == signal.SIGINT and now - self._noted > ECHO_SECONDS:
            raise KeyboardInterrupt
