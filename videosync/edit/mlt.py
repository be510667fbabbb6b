"""MLT XML, which ``melt`` plays and Shotcut and Kdenlive open: a track for each recording.

Meltytech, "MLT XML", https://www.mltframework.org/docs/mltxml/. It is no project of Kdenlive's own, which shows it as
one clip.
"""

from __future__ import annotations

import os
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from videosync.edit.addresses import located, printable
from videosync.edit.sequence import Sequence
from videosync.edit.xml import document


def mlt(sequence: Sequence, path: Path, paths: str) -> str:
    """The text of the project. ``paths``: of ``addresses.KINDS``, relative to the folder of ``path``."""
    width, height = sequence.size
    root = Element("mlt", title=printable(sequence.name), LC_NUMERIC="C", producer="main")
    if paths == "absolute":
        root.set("root", printable(os.path.abspath(path.parent)))
    SubElement(
        root, "profile", description=printable(sequence.name), width=str(width), height=str(height), progressive="1",
        sample_aspect_num="1", sample_aspect_den="1", display_aspect_num=str(width), display_aspect_den=str(height),
        frame_rate_num=str(sequence.rate.numerator), frame_rate_den=str(sequence.rate.denominator), colorspace="709",
    )  # fmt: skip
    for number, source in enumerate(sequence.sources, 1):
        last = sequence.length(source) - 1
        producer = SubElement(root, "producer", {"id": f"producer-{number}", "in": "0", "out": str(last)})
        _property(producer, "length", str(last + 1))
        _property(producer, "resource", located(source.path, path.parent, paths))
        _property(producer, "mlt_service", "avformat")
        _property(producer, "videosync.start_seconds", f"{source.start:.6f}")
        _property(producer, "videosync.remainder_seconds", f"{sequence.remainder(source):.6f}")
    for number, chapters in enumerate(sequence.tracks, 1):
        playlist = SubElement(root, "playlist", id=f"playlist-{number}")
        _property(playlist, "shotcut:name", chapters[0].name)
        for gap, source in sequence.gaps(chapters):
            if gap:
                SubElement(playlist, "blank", length=str(gap))
            last = sequence.length(source) - 1
            producer_id = f"producer-{sequence.number(source)}"
            SubElement(playlist, "entry", {"producer": producer_id, "in": "0", "out": str(last)})
    tractor = SubElement(root, "tractor", {"id": "main", "in": "0", "out": str(sequence.frames - 1)})
    for number, chapters in enumerate(sequence.tracks, 1):
        track = SubElement(tractor, "track", producer=f"playlist-{number}")
        if chapters[0].size is None:
            track.set("hide", "video")
    return document(root)


def _property(parent: Element, name: str, value: str) -> None:
    element = SubElement(parent, "property", name=name)
    element.text = printable(value)
