"""Are answers better than chance? A test that holds for few pairs, for any method, and for any mix of offsets.

An answer that knows nothing of a pair is as close to the true offset ``k`` as to the mirrored one ``-k``: which of
the two videos is called video 0 is a matter of naming. So for a pair with answer ``a``::

    error    |a - k|
    chance   (|a - k| + |a + k|) / 2        the same answer to a pair whose videos are named the other way round
    gain     chance - error

Chance is never below the error of always answering 0 (``|k|``), and equal to it for answers between -|k| and |k|.
Whether the mean gain is above 0 by more than luck is told by flipping its sign at random (a randomisation test), for
all pairs together whose offsets hang together: ``label_groups``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

EXACT_GROUPS = 14  # up to here all 2^n flips are counted
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
    n_groups: int  # of pairs whose offsets hang together

    @property
    def better(self) -> bool:
        return self.p_value <= self.level


def answer_gains(answers: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """``(|a + k| - |a - k|) / 2`` float64 ``[N]``: by how many frames each answer beats chance."""
    a, k = np.asarray(answers, dtype=np.float64), np.asarray(offsets, dtype=np.float64)
    return (np.abs(a + k) - np.abs(a - k)) / 2


def label_groups(
    events: Sequence[str], offsets: np.ndarray, clips: Sequence[Sequence[str]] | None = None
) -> np.ndarray:
    """Numbers int64 ``[N]`` of the groups of pairs that got their offsets in one throw.

    Within an event these are pairs with offsets of one size (segments of two recordings that started apart), and, if
    ``clips`` names the files of each pair, pairs that share a file (k02 follows from k01 and k12). Windows that were
    drawn at random places of their files share no throw with each other: leave ``clips`` out.
    """
    numbers: dict[tuple[str, str, str], int] = {}
    edges = []
    for n, (event, offset) in enumerate(zip(events, np.abs(offsets).tolist())):
        throws = [(event, "size", f"{offset:g}" if offset else f"0 of {n}")]  # zeros tell nothing
        throws += [(event, "clip", clip) for clip in (clips[n] if clips is not None else ())]
        edges += [(n, numbers.setdefault(throw, len(events) + len(numbers))) for throw in throws]
    size = len(events) + len(numbers)
    rows, columns = np.array(edges).T
    graph = coo_array((np.ones(len(edges)), (rows, columns)), shape=(size, size))
    labels = connected_components(graph, directed=False)[1][: len(events)]
    return np.unique(labels, return_inverse=True)[1]


def chance_test(
    gains: np.ndarray, groups: np.ndarray, *, largest: np.ndarray, level: float, seed: int = 0
) -> ChanceTest:
    """Test of gains ``[N]`` whose sign is a coin flip for each group if the answers know nothing.

    Args:
        groups: ``[N]``, numbers from ``label_groups``.
        largest: ``[N]``, the gain of each pair if the answer were right (``|k|``).
        level: p-values up to this one count as better than chance.

    ``smallest`` is what a leak must gain to be found: enough groups given away whole that luck is ruled out
    (``2^-groups <= level``), and ``level``'s quantile of the gain's own scatter.
    """
    whole = np.bincount(groups, largest)
    sums = np.bincount(groups, gains)[whole > 0]  # [G]; pairs that cannot gain tell nothing
    whole = whole[whole > 0]
    n = len(gains)
    needed = math.ceil(math.log2(1 / level))  # groups that must agree
    flipped = _flipped_sums(sums, seed)
    smallest = None
    if needed <= len(sums):
        scatter = float(np.quantile(flipped, 1 - level))
        smallest = max(needed * float(whole.mean()), scatter) / n
    total = sums.sum()
    as_large = int((flipped >= total - 1e-9 * np.abs(sums).sum()).sum())
    exact = len(sums) <= EXACT_GROUPS
    p_value = as_large / len(flipped) if exact else (as_large + 1) / (len(flipped) + 1)
    return ChanceTest(float(gains.mean()), float(p_value), smallest, level, n, len(sums))


def _flipped_sums(sums: np.ndarray, seed: int) -> np.ndarray:
    """The total of ``sums`` [G] under all 2^G choices of signs, or under ``FLIPS`` random ones."""
    if len(sums) <= EXACT_GROUPS:
        totals = np.zeros(1)
        for value in sums:
            totals = np.concatenate([totals + value, totals - value])
        return totals
    rng = np.random.default_rng(seed)
    draws = [(rng.integers(0, 2, (CHUNK, len(sums)), dtype=np.int8) * 2.0 - 1) @ sums for _ in range(FLIPS // CHUNK)]
    return np.concatenate(draws)
