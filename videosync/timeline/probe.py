"""What a file is, as far as it matters for putting it on a timeline, and what is wrong with it, before anything is
compared."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from videosync.audio.decode import opening
from videosync.errors import NoSoundError, VideoError
from videosync.files import rounded
from videosync.timeline.clips import FileWarning, inspect
from videosync.timeline.file_warnings import NO_VIDEO, clause
from videosync.timeline.grid import ODD, usual_intervals
from videosync.timeline.own_times import said_of_start
from videosync.timeline.result import DIGITS
from videosync.timeline.search import SHORTEST
from videosync.video.clock import FEW
from videosync.video.facts import FileFacts, file_facts
from videosync.video.index import VideoScan, file_version, scan_video, video_index
from videosync.video.recorded import UNKNOWN, Recorded, recorded

CONSTANT, VARIABLE, GUESSED = "constant", "variable", "guessed"
UNEVEN = 0.1  # of the usual interval, and a tick of the clock: what differs by more is no rounding
MOST_GAPS = 20  # that are listed one by one
SAME_RATE = 0.02  # relative: what is taken and what is stored are one rate
FEW_A_SECOND = 10  # frames: moments are that far apart that little can be told
REMEDIES = {  # by codes of warnings of ``sync``
    "cut_off": "copy it again, or have it repaired",
    "time_stamps": "if it was recorded evenly, give it new ones (ffmpeg -r RATE -i IN -c copy OUT.mkv)",
}


@dataclass(frozen=True, eq=False)
class Frames:
    """When the pictures of a file are shown."""

    count: int
    kind: str  # CONSTANT, VARIABLE, or GUESSED: there are no time stamps
    fps: float  # frames/s, as ``sync`` counts them
    nominal_fps: float | None  # as the file says
    median_fps: float  # of its frames, each with the next
    gaps: tuple[tuple[float, float], ...]  # seconds from the first picture, and seconds in which nothing new is shown
    stray: int  # frames whose time stamps are not believed
    seconds: float  # from the first picture to the end of the last


@dataclass(frozen=True, eq=False)
class Probed:
    """One file; what could not be read is None, and ``problem`` says why nothing could."""

    path: str  # as it was given
    facts: FileFacts | None = None
    frames: Frames | None = None
    recorded: Recorded = UNKNOWN
    sound_seconds: float | None = None  # when its first sample is heard, on its own clock
    trouble: tuple[FileWarning, ...] = ()
    problem: str | None = None

    @property
    def speed(self) -> float | None:
        """At which share of the real speed it plays, by a tag; None: at the real one, or nothing is said."""
        taken = None if self.facts is None else self.facts.capture_fps
        if taken is None or self.frames is None or abs(self.frames.fps / taken - 1) < SAME_RATE:
            return None
        return self.frames.fps / taken

    def to_json(self) -> dict[str, Any]:
        """What ``videosync probe --json`` writes of a file."""
        facts, frames = self.facts, self.frames
        pictures = None if facts is None or facts.pictures is None else facts.pictures
        told = {
            "path": self.path,
            "problem": self.problem,
            "container": None if facts is None else facts.container,
            "bytes": None if facts is None else facts.bytes,
            "duration_seconds": None if facts is None else facts.duration_seconds,
            "container_start_seconds": None if facts is None else facts.start_seconds,
            "first_frame_seconds": self.recorded.first_frame_seconds,
            "first_sound_seconds": self.sound_seconds,
            "timecode": self.recorded.timecode,
            "creation_time": self.recorded.creation_time,
            "pictures": None if pictures is None else {**asdict(pictures), "hdr": pictures.hdr},
            "frames": None if frames is None else {**asdict(frames), "gaps": frames.gaps[:MOST_GAPS],
                                                   "gaps_in_all": len(frames.gaps)},
            "sounds": [] if facts is None else [asdict(sound) for sound in facts.sounds],
            "capture_fps": None if facts is None else facts.capture_fps,
            "speed": self.speed,
            "trouble": [asdict(one) for one in self.trouble],
        }  # fmt: skip
        return dict(rounded(told, DIGITS))


def probe_file(path: str) -> Probed:
    """Look at a file; its packets are listed, and a few pictures decoded. What is wrong with it is in the answer."""
    try:
        facts = file_facts(path)
    except VideoError as error:
        return Probed(path, problem=clause(str(error), path))
    trouble: list[FileWarning] = []
    frames, own, heard = None, UNKNOWN, None
    if facts.pictures is not None:
        try:
            frames, trouble = _frames(path)
        except VideoError as error:
            trouble.append(FileWarning("unreadable", f"its pictures cannot be used: {clause(str(error), path)}"))
    try:
        heard = opening(*file_version(path), whatever=True).first
    except NoSoundError:
        if facts.pictures is None:
            said = f"{NO_VIDEO}, and no sound: name a video or a recording of sound"
            return Probed(path, facts, problem=said)
    except VideoError as error:
        trouble.append(FileWarning("sound", clause(str(error), path)))
        if facts.pictures is None:
            return Probed(path, facts, trouble=tuple(trouble), problem=clause(str(error), path))
    if frames is not None or facts.pictures is None:
        own = recorded(path, pictures=frames is not None)
    found = Probed(path, facts, frames, own, heard, tuple(trouble))
    problem = trouble[0].text if frames is None and heard is None else None
    return Probed(path, facts, frames, own, heard, (*trouble, *_more_trouble(found)), problem)


def _frames(path: str) -> tuple[Frames, list[FileWarning]]:
    """Raises VideoError: as ``inspect``."""
    info, index, scan = inspect(path), video_index(path), scan_video(path)
    times, said = info.times, list(info.warnings)
    stray = len(index) - len(times)
    moved = index.times[: len(times)] - index.times[0]
    if (
        not stray and not index.starts_over and np.abs(moved - times).max() > 1
    ):  # stamps that come far before the others
        stray = int(np.argmax(np.diff(moved))) + 1
    steps, usual = np.diff(times), usual_intervals(times)[:-1]
    gaps = tuple((float(times[n]), float(steps[n])) for n in np.flatnonzero(steps > ODD * usual))
    median = float(np.median(steps)) if len(steps) else 1 / info.fps
    even = np.abs(steps - median) <= UNEVEN * median + float(scan.time_base)
    kind = CONSTANT if even.all() or (~even).mean() <= FEW else VARIABLE
    counted = scan.rate_assumed or not _stamped(scan)
    named = None if scan.rate_assumed or scan.rate is None else float(Fraction(scan.rate))
    if counted and not scan.rate_assumed:  # what is assumed has been said
        counting = f"it holds no time stamps, so frames are counted at the {info.fps:.4g} frames/s that it names"
        text = (
            f"{counting}: if it is another rate, say so in a container (ffmpeg -framerate RATE -i IN -c copy OUT.mp4)"
        )
        said.append(FileWarning("time_stamps", text))
    frames = Frames(len(index), GUESSED if counted else kind, info.fps, named, 1 / median, gaps, stray, info.duration)
    return frames, [FileWarning(one.code, _with_remedy(one, path)) for one in said]


def _with_remedy(warning: FileWarning, path: str) -> str:
    """The sentence of a warning of ``sync`` without the file's name, and what to do about it."""
    text = clause(warning.text, path).replace(f"{os.path.abspath(path)} ", "it ")
    told = any(remedy in text for remedy in ("ffmpeg", "split it"))
    return text if told or warning.code not in REMEDIES else f"{text}; {REMEDIES[warning.code]}"


def _stamped(scan: VideoScan) -> bool:
    """Whether its packets have time stamps of their own."""
    return len(scan.packets.stamps) > 0


def _more_trouble(probed: Probed) -> Iterator[FileWarning]:
    """What the header and the times of the frames give away, each in a sentence with what to do about it."""
    facts, frames = probed.facts, probed.frames
    if facts is None:
        return
    if (late := said_of_start(probed.recorded)) is not None:
        yield FileWarning("start", f"{late}; cut by the picture, not by the file")
    pictures = facts.pictures
    if frames is not None and pictures is not None:
        yield from _of_frames(frames)
        if (speed := probed.speed) is not None:
            way = f"{1 / speed:.3g} times as slowly" if speed < 1 else f"{speed:.3g} times as fast"
            text = (
                f"a tag says that {facts.capture_fps:g} frames/s were taken, and it shows {frames.fps:.4g}: it plays "
                f"{way} as it was; bring it to its real speed first, or let sync find the speed"
            )
            yield FileWarning("speed", text)
        if pictures.interlaced:
            text = (
                "its pictures are interlaced, two moments in each: deinterlace it, or answers are half a frame less "
                "exact (ffmpeg -i IN -vf bwdif -c:a copy OUT.mp4)"
            )
            yield FileWarning("interlaced", text)
        if pictures.hdr:
            text = (
                f"its pictures are HDR ({pictures.transfer}, {pictures.bits} bit), and look flat where a player does "
                "not know that: choose an HDR timeline in the editor, or convert them"
            )
            yield FileWarning("hdr", text)
    if facts.other_pictures:
        text = f"it holds {facts.other_pictures + 1} picture streams, and the main one is used: export the others apart"
        yield FileWarning("more_pictures", text)
    if probed.recorded.creation_time and probed.recorded.created() is None:
        text = "its creation time is that of a clock that was never set: do not sort by it"
        yield FileWarning("creation_time", text)


def _of_frames(frames: Frames) -> Iterator[FileWarning]:
    if frames.kind == VARIABLE:
        text = (
            f"its frame rate varies around {frames.fps:.4g} frames/s: sync goes by its time stamps, but editors may "
            f"count frames; convert it to a constant rate (ffmpeg -i IN -fps_mode cfr -r "
            f"{round(frames.median_fps)} OUT.mp4)"
        )
        yield FileWarning("variable_rate", text)
    elif frames.gaps:
        at, longest = max(frames.gaps, key=lambda gap: gap[1])
        places = f"{len(frames.gaps)} place{'s' * (len(frames.gaps) > 1)}"
        text = (
            f"nothing new is shown in {places}, the longest after {at:.2f} s, for {longest:.2f} s: frames were lost, "
            "or it paused; look whether pictures and sound are in step after that"
        )
        yield FileWarning("gaps", text)
    if frames.fps < FEW_A_SECOND:
        apart = 1 / frames.fps
        text = f"{frames.fps:.3g} frames/s are few, moments {apart:.2g} s apart: use another camera if there is one"
        yield FileWarning("low_rate", text)
    if frames.count - frames.stray < SHORTEST:
        text = f"it has {frames.count} frames, and at least {SHORTEST} are needed to compare it: take a longer file"
        yield FileWarning("too_short", text)
