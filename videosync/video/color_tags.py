"""How a frame's numbers become colours (ITU-T H.273), as noted in frames and files."""

from __future__ import annotations

from dataclasses import dataclass

from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

UNSPECIFIED = 2
RGB = 0  # no matrix: the numbers are red, green and blue
# Matrices that the scaler knows: RGB, BT.709, unspecified, FCC, BT.601 (two names), SMPTE 240M, BT.2020.
KNOWN_MATRICES = frozenset([RGB, 1, UNSPECIFIED, 4, 5, 6, 7, 9])


@dataclass(frozen=True)
class ColorTags:
    """Codes of H.273; as they stand here they say nothing, and BT.601 in limited range is meant."""

    matrix: int = UNSPECIFIED
    range: int = 0  # 0 unspecified, 1 limited, 2 full
    primaries: int = UNSPECIFIED
    curve: int = UNSPECIFIED

    def note_in(self, where: VideoFrame | VideoCodecContext) -> None:
        """Tag a frame, or the file that an encoder makes."""
        where.colorspace, where.color_range = self.matrix, self.range
        where.color_primaries, where.color_trc = self.primaries, self.curve


def color_tags(frame: VideoFrame) -> ColorTags:
    return ColorTags(frame.colorspace, frame.color_range, frame.color_primaries, frame.color_trc)


def with_known_matrix(frame: VideoFrame) -> VideoFrame:
    """The frame itself; a matrix that no scaler knows (reserved codes occur in the wild) is taken off it."""
    if frame.colorspace not in KNOWN_MATRICES:
        frame.colorspace = UNSPECIFIED
    return frame
