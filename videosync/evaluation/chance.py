"""Are answers better than chance? A test that holds for few events, for any method, and for any mix of offsets.

An answer that knows nothing of a pair is as close to the true offset ``k`` as to the mirrored one ``-k``: which of
the two videos is called video 0 is a matter of naming. So for a pair with answer ``a``::

    error    |a - k|
    chance   (|a - k| + |a + k|) / 2        the same answer to a pair whose videos are named the other way round
    gain     chance - error

Chance is never below the error of always answering 0 (``|k|``), and equal to it for answers between -|k| and |k|.
Whether the mean gain is above 0 by more than luck is told by flipping its sign for whole events at random (a
randomisation test: pairs of one event hang together, events do not).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

EXACT_EVENTS = 14  # up to here all 2^n flips are counted
FLIPS = 50_000  # drawn beyond it
CHUNK = 1000  # drawn at once


@dataclass(frozen=True)
class ChanceTest:
    """How much better than chance N answers are, in the unit of the gains."""

    gain: float  # mean over pairs
    p_value: float  # probability of such a gain or a larger one if the answers know nothing
    smallest: float | None  # a smaller gain could not have been told from luck; None: no gain could
    level: float  # p-values up to this one count
    n: int  # pairs
    n_events: int

    @property
    def better(self) -> bool:
        return self.p_value <= self.level


def answer_gains(answers: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """``(|a + k| - |a - k|) / 2`` float64 ``[N]``: by how many frames each answer beats chance."""
    a, k = np.asarray(answers, dtype=np.float64), np.asarray(offsets, dtype=np.float64)
    return (np.abs(a + k) - np.abs(a - k)) / 2


def chance_test(
    gains: np.ndarray, events: Sequence[str], *, largest: np.ndarray, level: float, seed: int = 0
) -> ChanceTest:
    """Test of gains ``[N]`` whose sign is a coin flip for each event if the answers know nothing.

    Args:
        events: N names. largest: ``[N]``, the gain of each pair if the answer were right (``|k|``).
        level: p-values up to this one count as better than chance.

    ``smallest`` is what a leak must gain to be found: enough events given away whole that luck is ruled out
    (``2^-events <= level``), and ``level``'s quantile of the gain's own scatter.
    """
    names, groups = np.unique(np.asarray(events, dtype=str), return_inverse=True)
    sums = np.bincount(groups, gains)  # [E]
    whole = np.bincount(groups, largest)
    n = len(gains)
    needed = math.ceil(math.log2(1 / level))  # events that must agree
    flipped = _flipped_sums(sums, seed)
    smallest = None
    if needed <= len(names):
        scatter = float(np.quantile(flipped, 1 - level))
        smallest = max(needed * float(whole.mean()), scatter) / n
    total = sums.sum()
    as_large = int((flipped >= total - 1e-9 * np.abs(sums).sum()).sum())
    exact = len(names) <= EXACT_EVENTS
    p_value = as_large / len(flipped) if exact else (as_large + 1) / (len(flipped) + 1)
    return ChanceTest(float(gains.mean()), float(p_value), smallest, level, n, len(names))


def _flipped_sums(sums: np.ndarray, seed: int) -> np.ndarray:
    """The total of ``sums`` [E] under all 2^E choices of signs, or under ``FLIPS`` random ones."""
    if len(sums) <= EXACT_EVENTS:
        totals = np.zeros(1)
        for value in sums:
            totals = np.concatenate([totals + value, totals - value])
        return totals
    rng = np.random.default_rng(seed)
    draws = [
        (rng.integers(0, 2, (CHUNK, len(sums)), dtype=np.int8) * 2.0 - 1) @ sums
        for _ in range(FLIPS // CHUNK)
    ]
    return np.concatenate(draws)
