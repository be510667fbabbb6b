"""One file → its clip, or why it cannot be one. Reading a file whole and cutting it are the same pass."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from dataset_preparation.clips.cut import Encoding, cut_whole
from dataset_preparation.whole.unreadable import NO_ACCESS, changed_at
from videosync.audio.read import probe_sound
from videosync.errors import AudioError, NoSoundError, VideoError, VideoWriteError
from videosync.files import special_kind
from videosync.jobs.job import Outcome
from videosync.video.index import open_video, scan_video, video_stream
from videosync.video.read import probe

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
    """Decode all frames and write them as a clip, or say what is wrong: ``problem``, and ``facts`` with its kind.

    Of a file that cannot be decoded the facts have size and time of change, too, for the list of such files. One that
    lacks what ``needs`` asks for may do another time.

    Raises VideoWriteError when the clip cannot be written.
    """
    try:
        status = os.stat(job.path)  # before the pass: a file that changes meanwhile is read again next time
    except OSError as error:
        return _unreadable(NO_ACCESS, f"cannot be read ({error.strerror})", 0, "")
    stamp = (status.st_size, changed_at(status.st_mtime))
    try:
        fps = scan_video(job.path).fps
        if not RATES[0] <= fps <= RATES[1]:  # seen where one frame's time is wrong by hours
            return _unreadable("frame rate", f"its frames' times make {fps:.3g} frames/s", *stamp)
        if needs.sound:
            sound = probe_sound(job.path)
        outcome = cut_whole(job.path, job.clip, folder, encoding=encoding)
    except VideoWriteError:
        raise
    except AudioError as error:
        return _unfit("no sound" if isinstance(error, NoSoundError) else "sound damaged", _of(job, error))
    except VideoError as error:
        return _unreadable(kind_of_damage(job.path), _of(job, error), *stamp)
    (clip,) = outcome.clips
    if clip.num_frames < needs.frames:
        return _unreadable("too short", f"has {clip.num_frames} frames, fewer than {needs.frames}", *stamp)
    seconds = clip.num_frames / clip.fps
    if seconds < needs.seconds:
        return _unfit("short pictures", f"has {seconds:.2f} s of pictures, less than {needs.seconds:g} s")
    if needs.sound:
        if clip.sound_kind not in ("", "silent"):
            return _unfit(clip.sound_kind, _of(job, clip.sound_why))
        heard = min(sound.start + sound.seconds, seconds) - max(sound.start, 0.0)
        if heard < needs.seconds:
            why = f"has {heard:.2f} s of sound beside {seconds:.2f} s of pictures, less than {needs.seconds:g} s"
            return _unfit("short sound", why)
    return outcome


def kind_of_damage(path: str) -> str:
    """One or two words for a file that cannot be decoded, by which such files are counted."""
    if special_kind(path):
        return "not a file"
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


def _of(job: ReadJob, said: object) -> str:
    """A sentence without the file's name in front."""
    return str(said).removeprefix(f"{job.path}: ")


def _unreadable(kind: str, why: str, size: int, changed: str) -> Outcome:
    return Outcome(problem=why, facts={"kind": kind, "size": size, "changed": changed})


def _unfit(kind: str, why: str) -> Outcome:
    return Outcome(problem=why, facts={"kind": kind})
