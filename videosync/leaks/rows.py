"""A verdict on answers that ought to know nothing: at chance, a leak, or too few offsets to tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from videosync.evaluation.intervals import Interval
from videosync.evaluation.metrics import floor_metrics, sync_metrics
from videosync.leaks.chance import ChanceTest, answer_gains, chance_test

TOO_COARSE = 0.5  # share of the floor: where not even such a leak would show, nothing can be told


@dataclass(frozen=True)
class LeakRow:
    """One way to guess offsets, and how it did; errors in frames."""

    name: str
    verdict: str
    leak: bool = False
    told: bool = True  # False: there are too few offsets for any verdict
    error: float | None = None  # mean absolute error
    interval: Interval | None = None  # of it, 95 % over events
    chance: float | None = None  # the error if the answers knew nothing
    floor: float | None = None  # the error of always answering 0, on the same pairs
    test: ChanceTest | None = None


@dataclass(frozen=True)
class Judge:
    """From answers to a row; p-values up to ``level`` are a leak."""

    level: float
    bootstrap: int
    seed: int

    def answers(
        self,
        name: str,
        answers: np.ndarray,
        offsets: np.ndarray,
        events: Sequence[str],
        fps: np.ndarray,
        groups: np.ndarray,
        gains: np.ndarray | None = None,
        largest: np.ndarray | None = None,
        say: Callable[[ChanceTest], str] = lambda test: f"better than chance by {test.gain:.1f} frames",
    ) -> LeakRow:
        """Judged by ``gains`` (default: the answers' own, in frames), which are at most ``largest``.

        ``groups``: of pairs whose offsets hang together (``label_groups``).
        """
        options: dict[str, Any] = {"fps": fps, "events": events, "bootstrap": self.bootstrap, "seed": self.seed}
        metrics, floor = sync_metrics(answers, offsets, **options), floor_metrics(offsets, **options)
        own = answer_gains(answers, offsets)
        if gains is None or largest is None:
            gains, largest = own, np.abs(offsets).astype(np.float64)
        test = chance_test(gains, groups, largest=largest, level=self.level, seed=self.seed)
        told = True
        if test.better:
            verdict = f"LEAK: {say(test)}"
        elif test.smallest is None or test.smallest > TOO_COARSE * float(largest.mean()):
            verdict, told = _too_few(test, float(largest.mean()), floor.mae_frames), False
        else:
            share = test.smallest / float(largest.mean())
            verdict = f"at chance (a leak of {share * floor.mae_frames:.1f} frames would show)"
        return LeakRow(
            name,
            verdict,
            leak=test.better,
            told=told,
            error=metrics.mae_frames,
            interval=metrics.mae_interval,
            chance=metrics.mae_frames + float(own.mean()),
            floor=floor.mae_frames,
            test=test,
        )


def _too_few(test: ChanceTest, largest: float, floor: float) -> str:
    if largest == 0:
        return "cannot be told: all offsets are 0"
    count = f"{test.n_groups} independent offset{'s' * (test.n_groups != 1)}"
    if test.smallest is None:
        return f"cannot be told: {count}, too few for any leak to stand out from luck"
    least = test.smallest / largest * floor
    return f"cannot be told: with {count} only a leak of {least:.1f} of {floor:.1f} frames would show"
