"""One file → its clip, or why it cannot be one. Reading a file whole and cutting it are the same pass."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from dataset_preparation.clips.cut import Encoding, cut_whole
from dataset_preparation.clips.job import Outcome
from dataset_preparation.whole.unreadable import NO_ACCESS, changed_at
from videosync.audio.read import probe_sound
from videosync.errors import AudioError, VideoError, VideoWriteError
from videosync.video.index import open_video, scan_video, video_stream
from videosync.video.read import probe

NO_SOUND, SHORT_SOUND, SHORT_PICTURES = UNFIT = ("no sound", "short sound", "short pictures")  # kinds
RATES = (0.5, 1000.0)  # frames/s that can be meant


@dataclass(frozen=True)
class Needs:
    """What a file must have to become a clip."""

    frames: int = 16  # half a second: two views of less show no motion to learn from
    sound: bool = False
    seconds: float = 0.0  # of pictures, and of sound beside them where sound is needed


@dataclass(frozen=True, slots=True)
class ReadJob:
    """One decoding pass over one file."""

    clip: str  # path relative to the output folder
    path: str  # absolute

    @property
    def name(self) -> str:
        return self.clip

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.path,)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.clip,)


def read_whole(job: ReadJob, folder: Path, *, encoding: Encoding, needs: Needs) -> Outcome:
    """Decode all frames and write them as a clip, or say what is wrong (``problem``, and ``facts`` for the list).

    The facts of a clip say how many seconds of ``sound`` there are beside its pictures.

    Raises VideoWriteError when the clip cannot be written.
    """
    try:
        status = os.stat(job.path)  # before the pass: a file that changes meanwhile is read again next time
    except OSError as error:
        return _problem(NO_ACCESS, f"cannot be read ({error.strerror})", 0, "")
    stamp = (status.st_size, changed_at(status.st_mtime))
    try:
        fps = scan_video(job.path).fps
        if not RATES[0] <= fps <= RATES[1]:  # seen where one frame's time is wrong by hours
            return _problem("frame rate", f"its frames' times make {fps:.3g} frames/s", *stamp)
        sound = probe_sound(job.path) if has_sound(job.path) else None
        if sound is None and needs.sound:
            return _problem(NO_SOUND, "has no sound track", *stamp)
        outcome = cut_whole(job.path, job.clip, folder, encoding=encoding)
    except VideoWriteError:
        raise
    except AudioError as error:
        return _problem("damaged sound", str(error).removeprefix(f"{job.path}: "), *stamp)
    except VideoError as error:
        return _problem(kind_of_damage(job.path), str(error).removeprefix(f"{job.path}: "), *stamp)
    (clip,) = outcome.clips
    pictures = clip.num_frames / clip.fps
    if clip.num_frames < needs.frames:
        return _problem("too short", f"has {clip.num_frames} frames, fewer than {needs.frames}", *stamp)
    if pictures < needs.seconds:
        return _problem(SHORT_PICTURES, f"has {pictures:.2f} s of pictures, less than {needs.seconds:g} s", *stamp)
    heard = 0.0 if sound is None else min(sound.start + sound.seconds, pictures) - max(sound.start, 0.0)
    if needs.sound and heard < needs.seconds:
        why = f"has {max(heard, 0.0):.2f} s of sound beside {pictures:.2f} s of pictures, less than {needs.seconds:g} s"
        return _problem(SHORT_SOUND, why, *stamp)
    return replace(outcome, facts={"sound": round(max(heard, 0.0), 3)})


def has_sound(path: str) -> bool:
    with open_video(path) as container:
        return bool(container.streams.audio)


def kind_of_damage(path: str) -> str:
    """One or two words for a file that cannot be decoded, by which such files are counted."""
    try:
        with open(path, "rb") as file:
            head = file.read(512)
    except OSError:  # no permission, a bad disk, gone in the meantime
        return NO_ACCESS
    if not head:
        return "empty"
    if head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return "web page"
    try:
        with open_video(path) as container:
            try:
                video_stream(container, path)
            except VideoError:
                return "no video stream"
        return "truncated" if probe(path).truncated else "damaged"
    except VideoError:
        return "truncated" if head[4:8] == b"ftyp" else "not a video"  # an MP4 file has its index at its end


def _problem(kind: str, why: str, size: int, changed: str) -> Outcome:
    return Outcome(problem=why, facts={"kind": kind, "size": size, "changed": changed})
