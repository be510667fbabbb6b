"""``videosync probe FILE …``: what files are, and what about them will give trouble on a timeline."""

from __future__ import annotations

import argparse
import json
import os
from typing import TYPE_CHECKING

from videosync.arguments import BAD_INPUT
from videosync.cli.bar import FrameBar
from videosync.cli.common import CommandParser, command, printable, report_error
from videosync.cli.outputs import say
from videosync.timeline.progress import OPENING, counted

if TYPE_CHECKING:
    from videosync.timeline.probe import Frames, Probed
    from videosync.video.facts import PictureFacts, SoundFacts

NOT_READ = 3
SCHEMA = 1  # of the JSON
CODECS = {"h264": "H.264", "hevc": "HEVC", "prores": "ProRes", "vp9": "VP9", "vp8": "VP8", "av1": "AV1", "aac": "AAC",
          "libdav1d": "AV1", "mpeg4": "MPEG-4 part 2", "mjpeg": "Motion JPEG", "opus": "Opus"}  # fmt: skip
MOST_GAPS = 3  # that the block of a file lists
DESCRIPTION = """Say what files are, before they are put on a timeline: codec, size, frame rate (constant, variable or
guessed), gaps and stray time stamps, where pictures, sound and file begin, rotation, sound tracks, timecode, creation
time, interlacing, HDR, slow motion; and what is likely to give trouble, with what to do about it. Only a few
frames are decoded.

Exit code 0: all files can be read; 2: wrong input, or no file can be read; 3: some cannot be read, and the others are
answered."""


def build_parser() -> CommandParser:
    parser = CommandParser(description=DESCRIPTION)
    parser.add_argument(
        "files",
        nargs="+",
        type=os.path.expanduser,
        metavar="FILE",
        help="videos or recordings of sound; of a folder all that are in it",
    )
    parser.add_argument("--json", action="store_true", help="print JSON (docs/audit.md names its keys)")
    return parser


def _probe(args: argparse.Namespace) -> int:
    from videosync.timeline.inputs import check_files

    paths = check_files(args.files, least=1)
    with FrameBar() as bar:
        from videosync.timeline.probe import probe_file

        found = [probe_file(path) for path in counted(bar, OPENING, paths)]
    if args.json:
        print(json.dumps({"schema": SCHEMA, "files": [one.to_json() for one in found]}, indent=1))  # ASCII
    else:
        say("\n\n".join(printable("\n".join(block(one))) for one in found))
    unread = [one for one in found if one.problem is not None]
    for one in unread:
        report_error(f"{one.path}: {one.problem}.")
    return 0 if not unread else BAD_INPUT if len(unread) == len(found) else NOT_READ


def block(probed: Probed) -> list[str]:
    """The lines of one file."""
    if probed.problem is not None or probed.facts is None:
        return [probed.path, f"  {'unread':<10}{probed.problem}"]
    rows: list[tuple[str, str]] = []
    facts, own = probed.facts, probed.recorded
    if facts.pictures is not None:
        rows.append(("picture", _picture(facts.pictures)))
    if probed.frames is not None:
        rows += _frames(probed.frames)
    rows += [("sound", _sound(sound)) for sound in facts.sounds] or [("sound", "none")]
    starts = [
        ("file", own.container_start_seconds),
        ("picture", own.first_frame_seconds),
        ("sound", probed.sound_seconds),
    ]
    said = ", ".join(f"{what} at {seconds:.3f} s" for what, seconds in starts if seconds is not None)
    rows.append(("starts", said or "no clock of its own"))
    labels = [("timecode", own.timecode), ("created", own.creation_time)]
    rows += [(what, value) for what, value in labels if value]
    rows += [("trouble", f"{one.text} [{one.code}]") for one in probed.trouble] or [("trouble", "none found")]
    shown, last = [probed.path], ""
    for what, text in rows:
        shown.append(f"  {'' if what == last else what:<10}{text}")
        last = what
    return shown


def _picture(picture: PictureFacts) -> str:
    profile = f" ({picture.profile})" if picture.profile else ""
    turned = f", stored as {picture.stored_size[0]}x{picture.stored_size[1]}" * (picture.stored_size != picture.size)
    turned += f", turned by {picture.rotation}°" * bool(picture.rotation) + ", mirrored" * picture.mirrored
    colour = [f"{picture.bits} bit"] * bool(picture.bits) + [picture.transfer or ""] * bool(picture.transfer)
    colour += ["HDR"] * picture.hdr + ["interlaced"] * picture.interlaced
    return ", ".join([f"{_codec(picture.codec)}{profile} {picture.size[0]}x{picture.size[1]}{turned}", *colour])


def _frames(frames: Frames) -> list[tuple[str, str]]:
    rate = f"{frames.fps:.6g} frames/s, {frames.kind}"
    named = f"the file says {frames.nominal_fps:.6g}, " if frames.nominal_fps is not None else ""
    said = f"{frames.count} in {frames.seconds:.3f} s, {rate} ({named}median {frames.median_fps:.6g})"
    rows = [("frames", said)]
    if frames.gaps:
        listed = ", ".join(f"{length:.2f} s after {at:.2f} s" for at, length in frames.gaps[:MOST_GAPS])
        rows.append(("gaps", f"{len(frames.gaps)}: {listed}" + ", …" * (len(frames.gaps) > MOST_GAPS)))
    if frames.stray:
        rows.append(("stray", f"{frames.stray} frame{'s' * (frames.stray != 1)}, whose time stamps are not believed"))
    return rows


def _sound(sound: SoundFacts) -> str:
    tongue = f", {sound.language}" if sound.language not in (None, "und") else ""
    if not sound.rate:
        return f"{_codec(sound.codec)}, of which the header says nothing more"
    channels = f"{sound.channels} channel{'s' * (sound.channels != 1)} ({sound.layout})"
    return f"{_codec(sound.codec)} {sound.rate} Hz, {channels}{tongue}"


def _codec(name: str) -> str:
    return CODECS.get(name, name)


main = command(build_parser, _probe)
