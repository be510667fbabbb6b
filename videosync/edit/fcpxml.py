"""Final Cut Pro X XML: a multicam clip, and beside it the same recordings stacked.

Apple, "FCPXML Reference", document type definitions 1.10 to 1.13. Times are fractions of whole frames. The multicam
clip has an angle for each recording; the stacked version has each in a lane of its own.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from videosync.edit.addresses import printable, url
from videosync.edit.sequence import Sequence, Source
from videosync.edit.xml import add, document, rational

VERSIONS = ("1.10", "1.11", "1.12", "1.13")
VERSION = VERSIONS[0]  # what Resolve reads reliably; Final Cut reads it too
GAP_START = Fraction(3600)  # where gaps begin on their own clock, as Final Cut writes them


def fcpxml(sequence: Sequence, path: Path, paths: str, version: str = VERSION) -> str:
    """The text of the project. ``paths``: of ``addresses.KINDS``, relative to the folder of ``path``."""
    root = Element("fcpxml", version=version)
    resources = SubElement(root, "resources")
    formats: dict[tuple[Fraction, tuple[int, int]], str] = {}
    main = _format(resources, formats, sequence.rate, sequence.size)
    for number, source in enumerate(sequence.sources, 1):
        shape = None if source.size is None else _format(resources, formats, source.rate, source.size)
        _asset(resources, source, number, shape, url(source.path, path.parent, paths))
    total = _frames(sequence.frames, sequence.rate)
    media = SubElement(resources, "media", id="multicam", name=printable(sequence.name))
    multicam = SubElement(media, "multicam", format=main, tcStart="0s", tcFormat="NDF")
    for number, chapters in enumerate(sequence.tracks, 1):
        angle = SubElement(multicam, "mc-angle", name=_name(chapters[0]), angleID=f"angle-{number}")
        for gap, source in sequence.gaps(chapters):
            begin, empty = (_frames(count, sequence.rate) for count in (sequence.first(source), gap))
            if empty:
                SubElement(
                    angle, "gap", name="Gap", offset=rational(begin - empty), start=rational(GAP_START),
                    duration=rational(empty),
                )  # fmt: skip
            _clip(angle, sequence, source, sequence.number(source), begin)
    event = SubElement(SubElement(root, "library"), "event", name=printable(sequence.name))
    spine = _project(event, f"{sequence.name} multicam", main, total)
    clip = SubElement(
        spine, "mc-clip", ref="multicam", name=printable(sequence.name), offset="0s", duration=rational(total)
    )
    for number in range(1, len(sequence.tracks) + 1):
        SubElement(clip, "mc-source", angleID=f"angle-{number}", srcEnable="all" if number == 1 else "none")
    spine = _project(event, f"{sequence.name} stacked", main, total)
    whole = SubElement(spine, "gap", name="Gap", offset="0s", start=rational(GAP_START), duration=rational(total))
    for lane, chapters in enumerate(sequence.tracks, 1):
        for source in chapters:
            begin = GAP_START + _frames(sequence.first(source), sequence.rate)
            own = lane if source.size is not None else -lane
            _clip(whole, sequence, source, sequence.number(source), begin, lane=own)
    return document(root, "<!DOCTYPE fcpxml>")


def _format(
    resources: Element, known: dict[tuple[Fraction, tuple[int, int]], str], rate: Fraction, size: tuple[int, int]
) -> str:
    if (rate, size) not in known:
        known[rate, size] = f"format-{len(known) + 1}"
        SubElement(
            resources, "format", id=known[rate, size], frameDuration=rational(1 / rate), width=str(size[0]),
            height=str(size[1]),
        )  # fmt: skip
    return known[rate, size]


def _asset(resources: Element, source: Source, number: int, shape: str | None, address: str) -> None:
    asset = SubElement(
        resources, "asset", id=f"asset-{number}", name=_name(source), start=rational(_begins(source)),
        duration=rational(_frames(source.frames, source.rate)),
    )  # fmt: skip
    if shape is not None:
        asset.set("hasVideo", "1")
        asset.set("format", shape)
    if source.sounds:
        asset.set("hasAudio", "1")
        asset.set("audioSources", str(len(source.sounds)))
        asset.set("audioChannels", str(source.sounds[0].channels))
        asset.set("audioRate", str(source.sounds[0].rate))
    SubElement(asset, "media-rep", kind="original-media", src=address)


def _clip(
    parent: Element, sequence: Sequence, source: Source, number: int, offset: Fraction, lane: int | None = None
) -> None:
    clip = SubElement(
        parent, "asset-clip", ref=f"asset-{number}", name=_name(source), offset=rational(offset),
        start=rational(_begins(source)), duration=rational(_frames(sequence.length(source), sequence.rate)),
        tcFormat="DF" if source.drop else "NDF",
    )  # fmt: skip
    if lane is not None:
        clip.set("lane", str(lane))
    add(clip, "note", f"{source.note}; {1000 * sequence.remainder(source):+.3f} ms from its frame")


def _project(event: Element, name: str, shape: str, total: Fraction) -> Element:
    project = SubElement(event, "project", name=printable(name))
    top = SubElement(project, "sequence", format=shape, duration=rational(total), tcStart="0s", tcFormat="NDF")
    return SubElement(top, "spine")


def _begins(source: Source) -> Fraction:
    """Seconds on the clock of the recording at which its first picture is shown: its timecode."""
    return _frames(source.timecode, source.rate)


def _frames(count: int, rate: Fraction) -> Fraction:
    return count / rate


def _name(source: Source) -> str:
    return printable(source.name)
