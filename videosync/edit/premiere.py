"""Final Cut Pro 7 XML ("xmeml", version 5), which Premiere Pro, Resolve and others import: a track for each camera.

Apple, "Final Cut Pro XML Interchange Format", 2009. Pictures and sound of one recording are linked. ``start`` and
``end`` count in frames of the sequence, ``in``, ``out`` and ``duration`` in those of the recording.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from videosync.edit.addresses import url
from videosync.edit.sequence import Sequence, Source
from videosync.edit.xml import add, document


def premiere(sequence: Sequence, path: Path, paths: str) -> str:
    """The text of the project. ``paths``: of ``addresses.KINDS``, relative to the folder of ``path``."""
    root = Element("xmeml", version="5")
    top = SubElement(root, "sequence", id="sequence-1")
    add(top, "name", sequence.name)
    add(top, "duration", sequence.frames)
    _rate(top, sequence.rate)
    _timecode(top, sequence.rate, 0, drop=False)
    media = SubElement(top, "media")
    video, audio = SubElement(media, "video"), SubElement(media, "audio")
    sample = SubElement(SubElement(video, "format"), "samplecharacteristics")
    _rate(sample, sequence.rate)
    _size(sample, sequence.size)
    add(audio, "numOutputChannels", 2)
    described: set[int] = set()  # a whole description may stand once in a project: Resolve drops clips otherwise
    tracks: dict[tuple[str, int], Element] = {}
    for number, source, place, links in _linked(sequence):
        for kind, track, channel in links:
            if (kind, track) not in tracks:
                tracks[kind, track] = SubElement(video if kind == "video" else audio, "track")
            item = _clip(tracks[kind, track], sequence, source, number, channel)
            file = SubElement(item, "file", id=f"file-{number}")
            if number not in described:
                _file(file, source, url(source.path, path.parent, paths, host="localhost"))
                described.add(number)
            if kind == "audio":
                of_file = SubElement(item, "sourcetrack")
                add(of_file, "mediatype", "audio")
                add(of_file, "trackindex", channel)
            for other, index, its_channel in links:
                link = SubElement(item, "link")
                add(link, "linkclipref", _id(number, its_channel))
                add(link, "mediatype", other)
                add(link, "trackindex", index)
                add(link, "clipindex", place)
            comments = SubElement(item, "comments")
            add(comments, "mastercomment1", source.note)
            add(comments, "mastercomment2", f"{1000 * sequence.remainder(source):+.3f} ms from its frame")
    return document(root, "<!DOCTYPE xmeml>")


def _linked(sequence: Sequence) -> Iterator[tuple[int, Source, int, list[tuple[str, int, int]]]]:
    """Each recording with its number, its place among the chapters of its track, and (kind, number of the track,
    channel of the recording; 0: pictures) of its clips."""
    videos = audios = 0
    for chapters in sequence.tracks:
        filmed = chapters[0].size is not None
        for place, source in enumerate(chapters, 1):
            clips = [("video", videos + 1, 0)] * filmed
            clips += [("audio", audios + channel, channel) for channel in range(1, source.channels + 1)]
            yield sequence.number(source), source, place, clips
        videos += filmed
        audios += max(source.channels for source in chapters)


def _clip(track: Element, sequence: Sequence, source: Source, number: int, channel: int) -> Element:
    item = SubElement(track, "clipitem", id=_id(number, channel))
    add(item, "masterclipid", f"masterclip-{number}")
    add(item, "name", source.name)
    add(item, "enabled", "TRUE")
    add(item, "duration", source.frames)
    _rate(item, source.rate)
    first = sequence.first(source)
    add(item, "start", first)
    add(item, "end", first + sequence.length(source))
    add(item, "in", 0)
    add(item, "out", source.frames)
    return item


def _id(number: int, channel: int) -> str:
    return f"clipitem-{number}-{channel}"


def _file(file: Element, source: Source, address: str) -> None:
    add(file, "name", source.name)
    add(file, "pathurl", address)
    _rate(file, source.rate)
    add(file, "duration", source.frames)
    _timecode(file, source.rate, source.timecode, drop=source.drop)
    media = SubElement(file, "media")
    if source.size is not None:
        sample = SubElement(SubElement(media, "video"), "samplecharacteristics")
        _rate(sample, source.rate)
        _size(sample, source.size)
    for track in source.sounds:
        audio = SubElement(media, "audio")
        sample = SubElement(audio, "samplecharacteristics")
        add(sample, "depth", 16)
        add(sample, "samplerate", track.rate)
        add(audio, "channelcount", track.channels)


def _size(parent: Element, size: tuple[int, int]) -> None:
    add(parent, "width", size[0])
    add(parent, "height", size[1])
    add(parent, "anamorphic", "FALSE")
    add(parent, "pixelaspectratio", "square")
    add(parent, "fielddominance", "none")


def _rate(parent: Element, rate: Fraction) -> None:
    element = SubElement(parent, "rate")
    add(element, "timebase", round(rate))
    add(element, "ntsc", "TRUE" if rate.denominator == 1001 else "FALSE")


def _timecode(parent: Element, rate: Fraction, frames: int, *, drop: bool) -> None:
    element = SubElement(parent, "timecode")
    _rate(element, rate)
    add(element, "string", label(frames, rate, drop=drop))
    add(element, "frame", frames)
    add(element, "displayformat", "DF" if drop else "NDF")


def label(frames: int, rate: Fraction, *, drop: bool = False) -> str:
    """The timecode HH:MM:SS:FF of a frame (";FF": drop frame; SMPTE ST 12-1)."""
    whole = round(rate)
    if drop:
        left = 2 * (whole // 30)  # labels left out each minute, but each tenth
        tens, rest = divmod(frames, 600 * whole - 9 * left)
        frames += 9 * left * tens + left * max(0, (rest - left) // (60 * whole - left))
    seconds, number = divmod(frames, whole)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour % 24:02d}:{minute:02d}:{second:02d}{';' if drop else ':'}{number:02d}"
