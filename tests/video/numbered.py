"""Videos whose frames carry their own number, as ten black or white blocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from videosync.video.write import write_video

BITS = 10
HEIGHT, WIDTH = 96, 128
COUNT = 70  # frames of the coded files


def numbered_frame(number: int) -> np.ndarray:
    """uint8 [96,128,3] that shows ``number`` (0 … 1023) in two rows of five blocks; the right edge stays grey."""
    frame = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    for bit in range(BITS):
        row, column = divmod(bit, 5)
        frame[row * 48 : row * 48 + 48, column * 24 : column * 24 + 24] = 255 * (number >> bit & 1)
    return frame


def numbered_frames(count: int, first: int = 0) -> list[np.ndarray]:
    return [numbered_frame(number) for number in range(first, first + count)]


def number_in(frame: np.ndarray) -> int:
    """Read the number back from an upright frame of any size."""
    height, width = frame.shape[:2]
    gray = frame.astype(float).mean(-1)
    number = 0
    for bit in range(BITS):
        row, column = divmod(bit, 5)
        y, x = (row + 0.5) * 48 / HEIGHT * height, (column + 0.5) * 24 / WIDTH * width
        block = gray[int(y - 1) : int(y + 2), int(x - 1) : int(x + 2)]
        number |= int(block.mean() > 128) << bit
    return number


def numbers_in(frames: Iterable[np.ndarray]) -> list[int]:
    return [number_in(frame) for frame in frames]


def write_raw(
    path: Path,
    pictures: int | Sequence[np.ndarray],
    *,
    ticks: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 30),
    rotation: int | None = None,
    container_options: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
) -> None:
    """Encode so many numbered frames, or ``pictures`` uint8 [H,W,3], as H.264 with one's own timestamps and options."""
    frames = numbered_frames(pictures) if isinstance(pictures, int) else pictures
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream("libx264", rate=30, options=options or {})
        (stream.height, stream.width), stream.pix_fmt = frames[0].shape[:2], "yuv420p"
        stream.codec_context.time_base = time_base
        if rotation is not None:
            stream.set_display_rotation(rotation)
        for number, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = number if ticks is None else ticks[number]
            frame.time_base = time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_damaged(path: Path, codec: str, *, zeros: bool = False) -> None:
    """60 numbered frames under noise at 25 frames/s, a keyframe every 20; frame 30 is overwritten, a part or all."""
    rng = np.random.default_rng(0)
    noisy = [frame // 2 + rng.integers(0, 60, frame.shape, dtype=np.uint8) for frame in numbered_frames(60)]
    write_video(path, noisy, 25, codec=codec, gop=20, b_frames=0)
    with av.open(str(path)) as container:
        packets = [(packet.pos, packet.size) for packet in container.demux(video=0) if packet.size]
    position, size = packets[30]
    with open(path, "r+b") as file:
        file.seek(position + (4 if zeros else 8 + size // 3))
        file.write(bytes(size - 4) if zeros else rng.bytes(size // 2))


def write_without_frames(path: Path) -> None:
    """A container whose video stream holds nothing."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
