"""CMX 3600 edit decision lists: one for each camera, since a list holds one video track."""

from __future__ import annotations

from videosync.edit.addresses import printable
from videosync.edit.premiere import label
from videosync.edit.sequence import Sequence, Source
from videosync.errors import ConfigError

FASTEST = 60  # frames/s that its timecode can count


def edl(sequence: Sequence, source: Source) -> str:
    """The list of one camera: black up to its first frame, then all of it.

    Raises ConfigError: a timeline of more than 60 frames/s.
    """
    if round(sequence.rate) > FASTEST:
        raise ConfigError(
            f"an EDL counts to {FASTEST} frames/s, and the timeline has {float(sequence.rate):g}; choose one of "
            f"{FASTEST} or fewer with --timeline-rate, or another format"
        )
    first, length, rate = sequence.first(source), sequence.length(source), sequence.rate
    begins = round(source.timecode / source.rate * rate)
    kind = "B" if source.size and source.sounds else "V" if source.size else "A"
    name = " ".join(printable(source.name).split())
    lines = [f"TITLE: {printable(sequence.name)} {name}", "FCM: NON-DROP FRAME", ""]
    events = [("BL", 0, first, 0)] if first else []
    for number, (reel, start, count, place) in enumerate([*events, ("AX", begins, length, first)], 1):
        times = " ".join(label(frames, rate) for frames in (start, start + count, place, place + count))
        lines.append(f"{number:03d}  {reel:<8} {kind:<5} C        {times}")
    name = printable(source.name).replace("\r", " ").replace("\n", " ")
    lines += [
        f"* FROM CLIP NAME: {name}",
        f"* {source.note}; {1000 * sequence.remainder(source):+.3f} ms from its frame",
    ]
    return "\n".join(lines) + "\n"
