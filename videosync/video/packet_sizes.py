"""What a file's packets give away without a look at any picture: sizes in bytes, and which are keyframes."""

from __future__ import annotations

import os
from dataclasses import dataclass

import av
import numpy as np

from videosync.errors import VideoError
from videosync.video.index import open_video, video_stream


@dataclass(frozen=True, eq=False)
class PacketTable:
    """The video packets of a file in presentation order (T packets)."""

    sizes: np.ndarray  # int64 [T] bytes
    keyframes: np.ndarray  # bool [T]


def read_packets(path: str | os.PathLike[str]) -> PacketTable:
    """List the packets of a file; nothing is decoded. Raises VideoError for a file that cannot be read."""
    name = os.path.abspath(os.fspath(path))
    rows: list[tuple[int, int, bool]] = []
    with open_video(name) as container:
        stream = video_stream(container, name)
        try:
            for number, packet in enumerate(container.demux(stream)):
                if packet.size and not packet.is_discard:
                    rows.append((number if packet.pts is None else packet.pts, packet.size, packet.is_keyframe))
        except av.error.FFmpegError as error:
            raise VideoError(
                f"{name}: cannot be read after packet {len(rows)} ({error.strerror}); copy it again."
            ) from error
    if not rows:
        raise VideoError(f"{name}: holds no video packet; export the video again.")
    rows.sort()
    table = np.array(rows, dtype=np.int64)
    return PacketTable(sizes=table[:, 1], keyframes=table[:, 2].astype(bool))
