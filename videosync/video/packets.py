"""What a file's packets tell without decoding: timestamps, keyframes, and whether the file is all there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

import av
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from videosync.errors import VideoError
from videosync.video.clock import AROUND, parts_of, shifts_of

# Codecs in whose files one packet is one shown frame. In others (hidden reference frames of VP8, packed
# B-frames of MPEG-4 part 2) only decoding tells.
ONE_FRAME_PER_PACKET = frozenset(
    ["h264", "hevc", "av1", "libdav1d", "libaom-av1", "vp9", "libvpx-vp9", "mjpeg", "prores", "ffv1", "rawvideo"]
)
LOOKED_AT = 8  # packets of an AVI file
MOST_EMPTY = 8  # chunks: 2304 samples at 16 kHz, at 60 frames/s
ALL_KEYFRAMES = frozenset(["mjpeg", "prores", "ffv1", "rawvideo"])


@dataclass
class Packets:
    shown: list[int]  # timestamps of packets that are to be shown
    stamps: list[int]  # of all packets with data: when they are shown, or else decoded; counted on through all parts
    count: int  # packets with data
    keys: list[tuple[int, int | None]]  # pts and dts of keyframe packets
    tell_frames: bool  # each has its own timestamp, and the first is a keyframe without leading frames
    partial: bool  # a packet was cut off, and not where a part ends
    shifts: list[int]  # ticks to add to the stamps of each part of a file whose stamps start over; of others [0]


def list_packets(container: InputContainer, stream: VideoStream, path: str) -> Packets:
    shown: list[int] = []
    stamped: list[tuple[int, int, bool]] = []  # when packets are decoded and shown, and whether they are whole
    count = 0
    keys: list[tuple[int, int | None]] = []
    seen: set[int] = set()
    tell_frames, partial, starts_with_key = True, False, None
    try:
        for packet in container.demux(stream):
            if packet.size == 0:  # marks the end
                continue
            pts = packet.pts
            decoded, stamp = pts if packet.dts is None else packet.dts, packet.dts if pts is None else pts
            if decoded is not None and stamp is not None:
                stamped.append((decoded, stamp, not packet.is_corrupt))
            if packet.is_corrupt:
                partial |= stamp is None
                continue
            if starts_with_key is None:
                starts_with_key = packet.is_keyframe
            count += 1
            if pts is None or pts in seen:
                tell_frames = False
                continue
            seen.add(pts)
            if packet.is_keyframe:
                keys.append((pts, packet.dts))
            if not packet.is_discard:
                shown.append(pts)
    except av.error.FFmpegError as error:
        raise VideoError(
            f"{path}: cannot be read after frame {len(shown)} ({error.strerror}); the file is damaged: copy it again."
        ) from error
    except IndexError as error:  # of PyAV
        raise VideoError(
            f"{path}: a stream begins after frame {len(shown)} that its header does not list; the file is damaged, or "
            "joined of two: convert it."
        ) from error
    # Frames shown before the first keyframe need pictures from before the file's start.
    leading = bool(keys and shown) and min(shown) < keys[0][0]
    begins = parts_of([decoded for decoded, _, _ in stamped])
    parts = [stamped[begin:end] for begin, end in zip(begins, [*begins[1:], None])]
    shifts = shifts_of([[stamp for _, stamp, _ in part] for part in parts])
    stamps = [stamp + shift for part, shift in zip(parts, shifts) for _, stamp, whole in part if whole]
    # the last packet of a part is called cut off, as its successor is missing: of the frames, it alone is lost
    kept = [part[:-AROUND] for part in parts[:-1]] + parts[-1:]
    partial |= not all(whole for part in kept for _, _, whole in part)
    told = tell_frames and bool(starts_with_key) and not leading and len(parts) == 1
    return Packets(shown, stamps, count, keys, told, partial, shifts)


def promises_more(container: InputContainer, stream: VideoStream, packets: Packets, path: str, size: int) -> bool:
    """Whether the header lists frames that lie behind the end of the file."""
    if "mp4" in container.format.name:
        return any(entry.pos + entry.size > size for entry in stream.index_entries)
    if container.format.name == "avi":
        return riff_promises_more(path, size)
    written = end_by_tag(stream)
    if written is not None and packets.shown and stream.time_base:
        return written > float(max(packets.shown) * stream.time_base) + 1.0
    return False


def listed_seconds(container: InputContainer, stream: VideoStream) -> float | None:
    """How long the pictures last by the header, seconds; None: it does not say."""
    if container.format.name == "avi":  # FFmpeg's duration is a guess where its index, at the end, is missing
        return float(stream.frames / stream.average_rate) if stream.frames and stream.average_rate else None
    if stream.duration is not None and stream.time_base:
        return float(stream.duration * stream.time_base)
    if (written := end_by_tag(stream)) is not None:
        return written
    return None if container.duration is None else container.duration / av.time_base


def end_by_tag(stream: Stream) -> float | None:
    """Matroska and WebM: when a stream ends, seconds from the file's start, by a tag, in which anything may stand."""
    written = re.fullmatch(r"(\d+):(\d+):(\d+\.?\d*)", stream.metadata.get("DURATION", ""), re.ASCII)
    if written is None:
        return None
    hours, minutes, seconds = (float(part) for part in written.groups())
    return 3600 * hours + 60 * minutes + seconds


def empty_after_first(packets: Packets) -> int:
    """How many empty chunks follow the first picture of an AVI file and belong before it.

    FFmpeg writes them there where encoded sound begins before the pictures, as AAC and MP3 do, and AVI counts chunks.
    """
    gaps = [after - before for before, after in pairwise(sorted(packets.stamps[:LOOKED_AT]))]
    empty = gaps[0] - 1 if len(gaps) > 1 and all(gap == 1 for gap in gaps[1:]) else 0
    return empty if empty <= MOST_EMPTY else 0


def riff_promises_more(path: str, size: int) -> bool:
    """Whether a chunk of an AVI or WAV file (RIFF; several in AVI over 1 GB) ends behind the end of the file."""
    with open(path, "rb") as file:
        place = 0
        while place + 8 <= size:
            file.seek(place)
            kind, length = file.read(4), int.from_bytes(file.read(4), "little")
            if kind != b"RIFF" or length in (0, 2**32 - 1):  # its writer could not go back to fill it in
                return False
            place += 8 + length + length % 2
        return place > size + 1  # a last byte of padding may be missing
