"""How fast training goes, and how much of it is waiting for data."""

from __future__ import annotations

import time
from collections import deque


class StepClock:
    """Frames per second and data-wait share over the last ``window`` steps, without validation and saving."""

    def __init__(self, window: int = 20) -> None:
        self._steps: deque[tuple[float, float, int]] = deque(maxlen=window)  # seconds, of it waiting, frames
        self._started = self._asked = time.perf_counter()
        self._waited = 0.0

    def restart(self) -> None:
        """Begin a step now (after something that is not training)."""
        self._started = time.perf_counter()
        self._waited = 0.0

    def ask(self) -> None:
        """The next batch is asked for."""
        self._asked = time.perf_counter()

    def receive(self) -> None:
        """The batch is here."""
        self._waited += time.perf_counter() - self._asked

    def finish_step(self, frames: int) -> None:
        now = time.perf_counter()
        self._steps.append((now - self._started, self._waited, frames))
        self.restart()

    def rates(self, steps_left: int) -> dict[str, float]:
        """``frames_per_second``, ``data_wait_share`` and ``eta_seconds``."""
        seconds = sum(step[0] for step in self._steps)
        return {
            "frames_per_second": sum(step[2] for step in self._steps) / seconds,
            "data_wait_share": sum(step[1] for step in self._steps) / seconds,
            "eta_seconds": steps_left * seconds / len(self._steps),
        }
