"""The frame rate at which each two files are compared: that of the slower one, so that no file decides for others."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

from videosync.timeline.clips import ClipInfo, frames_at
from videosync.timeline.search import lag_range

ALIKE = 1.02  # rates that differ by no more than this factor, as 29.97 and 30, are one


def grid_rates(infos: Mapping[int, ClipInfo]) -> dict[int, float]:
    """File → frames/s of the grid on which faster files are compared with it: the lowest rate like its own."""
    found: dict[int, float] = {}
    lowest = 0.0
    for number in sorted(infos, key=lambda n: infos[n].fps):
        if infos[number].fps > lowest * ALIKE:
            lowest = infos[number].fps
        found[number] = lowest
    return found


def comparable(
    infos: Mapping[int, ClipInfo], rates: Mapping[int, float], max_offset: float | None, min_overlap: float | None
) -> dict[tuple[int, int], float]:
    """Pairs that are long enough for some offset, as far as their times tell, and the frames/s of their grid.

    Args:
        rates: as of ``grid_rates``. max_offset, min_overlap: seconds, as of ``sync``.
    """
    lengths = {(n, rate): frames_at(infos[n], rate) for n in infos for rate in set(rates.values()) if rate <= rates[n]}
    grids = {(i, j): min(rates[i], rates[j]) for i, j in combinations(infos, 2)}
    return {
        (i, j): rate
        for (i, j), rate in grids.items()
        if lag_range(lengths[i, rate], lengths[j, rate], rate, max_offset=max_offset, min_overlap=min_overlap)
    }
