"""The frame rate at which each two files are compared: that of the slower one, so that no file decides for others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from videosync.timeline.clips import ClipInfo, frames_at
from videosync.timeline.search import lag_range

ALIKE = 1.002  # rates that differ by no more than this factor, as 29.97 and 30, are one
LOW = 10.0  # frames/s below which …
MUCH_SLOWER = 2.5  # … and so many times slower than another file, the rate is the likely reason that …
FEW = 150  # … no more frames than these leave an answer unsure


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


def too_slow(info: ClipInfo, others: Sequence[ClipInfo]) -> str | None:
    """A clause on the rate of a file, or of all ``others``, that leaves too few frames to compare; None: none does."""
    if not others:
        return None
    fastest = max(other.fps for other in others)
    seconds = min(info.duration, max(other.duration for other in others))
    if info.fps < LOW and MUCH_SLOWER * info.fps <= fastest and seconds * info.fps <= FEW:
        rate = f"{info.fps:.3g} frame{'' if info.fps == 1 else 's'}/s"
        return (
            f"its rate of {rate} is too low to compare it with videos of {fastest:.3g}: of the {seconds:.0f} s that "
            f"they share at most it has {round(seconds * info.fps)} frames; a copy with more frames/s would help, if "
            "its camera took them, or else a longer recording"
        )
    if fastest < LOW and all(
        MUCH_SLOWER * o.fps <= info.fps and o.fps * min(seconds, o.duration) <= FEW for o in others
    ):
        return (
            f"no other video has enough frames/s to compare it with: {fastest:.3g} at most, and it has {info.fps:.3g}; "
            "copies with more frames/s would help, if the cameras took them, or else longer recordings"
        )
    return None
