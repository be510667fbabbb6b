"""What a file says of its own time: where its clock begins, its timecode, and when it was made."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from videosync.video.index import open_video
from videosync.video.start import first_shown

DAY = 24 * 3600.0
EPOCHS = (1904, 1970)  # years of clocks that were never set
TIMECODE = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.,])(\d{2,3})", re.ASCII)


@dataclass(frozen=True)
class Recorded:
    """Times of a file as it has them; None: it has none."""

    container_start_seconds: float | None = None  # the first of its streams, on its own clock
    first_frame_seconds: float | None = None  # its first picture, on the same clock
    timecode: str | None = None  # of its first picture, HH:MM:SS:FF (";FF": drop frame)
    creation_time: str | None = None

    @property
    def late(self) -> float:
        """Seconds from the beginning of the file to its first picture."""
        if self.container_start_seconds is None or self.first_frame_seconds is None:
            return 0.0
        return self.first_frame_seconds - self.container_start_seconds

    def created(self) -> float | None:
        """The creation time in seconds; None: there is none, or nobody set the clock."""
        try:
            made = datetime.fromisoformat(self.creation_time or "")
        except ValueError:
            return None
        known = made if made.tzinfo else made.replace(tzinfo=UTC)
        return None if known.year in EPOCHS else known.timestamp()

    def timecode_seconds(self, fps: float | None) -> float | None:
        """The timecode in seconds since midnight, at ``fps`` frames/s (SMPTE ST 12-1); None: there is none."""
        read = TIMECODE.fullmatch(self.timecode or "")
        if read is None or fps is None or not fps >= 1:
            return None
        hours, minutes, seconds, number = (int(read[group]) for group in (1, 2, 3, 5))
        whole = round(fps)  # labels a second
        frames = whole * (3600 * hours + 60 * minutes + seconds) + number
        if read[4] != ":" and not math.isclose(whole, fps, rel_tol=1e-4):  # two labels of 30 are left out each minute,
            passed = 60 * hours + minutes  # but each tenth
            frames -= 2 * (whole // 30) * (passed - passed // 10)
        return frames / fps


UNKNOWN = Recorded()


def recorded(path: str | os.PathLike[str], *, pictures: bool = True) -> Recorded:
    """Read the times of a file; at most one frame is decoded. Raises VideoError: as ``first_shown``, ``open_video``.

    ``pictures``: whether it has pictures that can be read.
    """
    name = os.path.abspath(os.fspath(path))
    with open_video(name) as container:
        start = None if container.start_time is None else container.start_time / 1e6
        found: dict[str, str] = {}
        for tags in (container.metadata, *(stream.metadata for stream in container.streams)):
            for key, value in tags.items():
                found.setdefault(key.lower(), value.strip())
    return Recorded(
        start,
        first_shown(name) if pictures and start is not None else 0.0 if pictures else None,
        found.get("timecode") or None,
        found.get("creation_time") or None,
    )
