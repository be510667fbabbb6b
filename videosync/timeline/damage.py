"""Files that break in the middle: what can be decoded is kept, and what cannot is counted."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from videosync.errors import VideoError
from videosync.video.index import video_index
from videosync.video.read import Larger, iter_frames

MOST_BREAKS = 10  # of a file; what comes after more of them is given up


def readable_frames(
    path: str, stop: int, size: tuple[int, int], lost: set[int], larger: Larger | None = None, first: int = 0
) -> Iterator[np.ndarray]:
    """Frames ``first … stop - 1`` of a file, in order. In place of one that cannot be decoded stands a neighbour.

    After a break it goes on with the next keyframe.

    Args:
        size: (height, width) of the pictures. lost: the numbers of frames that cannot be decoded are added to it.
        larger: as of ``iter_frames``.

    Raises:
        VideoError: no frame can be decoded, or the file cannot be opened.
    """
    keys = [key.frame for key in video_index(path).keys]
    number, last, waiting, error = first, None, 0, None
    for _ in range(MOST_BREAKS + 1):
        try:
            for frame in iter_frames(path, number, stop, size=size, larger=larger):
                yield from [frame] * waiting
                waiting = 0
                yield frame
                last, number = frame, number + 1
        except VideoError as damage:
            error = damage
        if number == stop:
            return
        following = next((key for key in keys if number < key < stop), stop)
        lost.update(range(number, following))
        if last is None:
            waiting += following - number
        else:
            yield from [last] * (following - number)
        number = following
        if number == stop:
            break
    if last is None:
        assert error is not None
        raise error
    lost.update(range(number, stop))
    yield from [last] * (stop - number)


def said_of_lost(path: str, times: np.ndarray, lost: set[int]) -> str:
    """The sentence on frames that cannot be decoded; ``times``: [T] seconds of all frames."""
    first = float(times[min(lost)])
    return (
        f"{path}: {len(lost)} of {len(times)} frames cannot be decoded, from {first:.2f} s on; the others are used. "
        "The file is damaged there: copy it again"
    )
