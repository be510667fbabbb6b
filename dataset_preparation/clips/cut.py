"""One decoding pass over one source → its clips.

Frames go from the decoder through the scaler to the encoder without a detour over RGB; where sound is kept, a clip has
the stretch that belongs to its frames. Keyframes are frequent,
so that random windows are cheap to read, and lie at irregular places that differ from clip to clip: on a common
grid their flicker gives the sync away.
"""

from __future__ import annotations

import random
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from av.video.frame import VideoFrame

from dataset_preparation.clips.sound import RATE, ClipSound, clip_sound
from videosync.errors import VideoError, VideoWriteError
from videosync.jobs.job import Clip, Job, Outcome, Rejected
from videosync.jobs.workers import run_jobs
from videosync.video.read import probe
from videosync.video.scaled import scaled_frames, whole_video
from videosync.video.sound_track import Sound
from videosync.video.write import CLIP_OPTIONS, VideoWriter

KEYFRAME_GAPS = (5, 15)  # frames from one keyframe to the next, drawn anew each time


@dataclass(frozen=True)
class Encoding:
    """What a clip's bytes depend on beside its frames."""

    size: int  # height and width in pixels, even
    crf: int  # quality of H.264: 0 lossless … 51
    sound: bool = False  # keep the source's sound, as the models hear it

    @property
    def settings(self) -> dict[str, int]:
        """What records and reports say of it: clips that were made without sound are made anew where it is kept."""
        return {"size": self.size, "crf": self.crf, **({"sound_rate": RATE} if self.sound else {})}


@dataclass(frozen=True)
class Cut:
    """A stretch of a source that becomes one clip; stretches may overlap."""

    clip: str  # path relative to the output folder
    first: int  # source frame
    num_frames: int


class Judge(Protocol):
    """Looks at every frame of one clip while it is cut, and may reject it."""

    def look(self, number: int, frame: VideoFrame) -> Rejected | None:
        """``frame`` (yuv420p, of the clip's size) is frame ``number`` of the clip."""


def cut_clips(
    path: str,
    cuts: Sequence[Cut],
    output_dir: Path,
    *,
    fps: float,
    encoding: Encoding,
    judge: Callable[[Cut], Judge] | None = None,
) -> Outcome:
    """Write the clips of one source; what cannot be decoded costs the clips that need it, and no others.

    Raises VideoWriteError when a clip cannot be written, and VideoError when there is no access to the source.
    """
    try:
        length = probe(path).num_frames
    except VideoError as error:
        if isinstance(error.__cause__, OSError):
            raise
        return Outcome((), tuple(Rejected(cut.clip, "unreadable", str(error)) for cut in cuts))
    beyond = f"{path}: has {length} frames, fewer than the clip needs; it may be cut off: copy it again."
    rejected = [Rejected(c.clip, "too short", beyond) for c in cuts if c.first + c.num_frames > length]
    waiting = sorted(
        (cut for cut in cuts if cut.first + cut.num_frames <= length), key=lambda cut: (cut.first, cut.clip)
    )
    made: list[Clip] = []
    decoded = 0
    while waiting:
        open_clips: list[_OpenClip] = []
        try:
            numbers = sorted({n for cut in waiting for n in range(cut.first, cut.first + cut.num_frames)})
            for number, frame in scaled_frames(path, numbers, (encoding.size, encoding.size)):
                decoded += 1
                while waiting and waiting[0].first == number:
                    cut = waiting.pop(0)
                    heard = _heard(path, cut.first, cut.num_frames, fps, encoding)
                    writer = open_writer(output_dir / cut.clip, fps, encoding, seed=cut.clip, sound=heard.sound)
                    open_clips.append(_OpenClip(cut, writer, judge(cut) if judge else None, heard))
                for clip in list(open_clips):
                    reason = clip.take(frame)
                    if reason is not None:
                        rejected.append(reason)
                    elif clip.full:
                        made.append(clip.made(path, fps))
                    if reason is not None or clip.full:
                        open_clips.remove(clip)
        except VideoWriteError:
            raise
        except VideoError as error:
            # a clip whose first frame is bad is not open yet; those that begin later may still be good
            bad = [clip.cut for clip in open_clips] or waiting[:1]
            waiting = [cut for cut in waiting if cut not in bad]
            rejected += [Rejected(cut.clip, "unreadable", str(error)) for cut in bad]
        finally:
            for clip in open_clips:
                clip.writer.discard()
    return Outcome(tuple(made), tuple(rejected), decoded)


def cut_whole(path: str, clip: str, output_dir: Path, *, encoding: Encoding, first: int = 0) -> Outcome:
    """All frames from ``first`` on as one clip, in one pass: how many there are shows on the way.

    Raises VideoError for a source that cannot be read to its end, or has no frame ``first``.
    """
    source = whole_video(path, (encoding.size, encoding.size))
    heard = _heard(path, first, None, source.fps, encoding)
    writer = open_writer(output_dir / clip, source.fps, encoding, seed=clip, sound=heard.sound)
    decoded = 0
    with writer:
        for frame in source.frames:
            decoded += 1
            if decoded > first:
                writer.write(frame)
        if decoded <= first:
            raise VideoError(f"{path}: has {decoded} frames, none from frame {first} on; cut it earlier.")
    return Outcome((Clip(clip, path, first, decoded - first, source.fps, heard.kind, heard.why),), (), decoded)


def _heard(path: str, first: int, num_frames: int | None, fps: float, encoding: Encoding) -> ClipSound:
    return clip_sound(path, first, num_frames, fps) if encoding.sound else ClipSound(None)


def open_writer(path: Path, fps: float, encoding: Encoding, *, seed: str, sound: Sound | None = None) -> VideoWriter:
    """A writer of clips; ``seed`` (the clip's name) decides where keyframes lie."""
    return VideoWriter(
        path,
        fps,
        size=(encoding.size, encoding.size),
        crf=encoding.crf,
        gop=2 * KEYFRAME_GAPS[1],
        b_frames=0,
        keyframes=keyframe_numbers(seed),
        threads=1,
        sound=sound,
        **CLIP_OPTIONS,
    )


def keyframe_numbers(seed: str) -> Iterator[int]:
    """Irregular keyframe places without end, different for every ``seed``."""
    rng = random.Random(seed)
    number = 0
    while True:
        yield number
        number += rng.randint(*KEYFRAME_GAPS)


@dataclass
class _OpenClip:
    cut: Cut
    writer: VideoWriter
    judge: Judge | None
    heard: ClipSound

    def made(self, path: str, fps: float) -> Clip:
        return Clip(self.cut.clip, path, self.cut.first, self.cut.num_frames, fps, self.heard.kind, self.heard.why)

    @property
    def full(self) -> bool:
        return self.writer.num_frames == self.cut.num_frames

    def take(self, frame: VideoFrame) -> Rejected | None:
        reason = self.judge.look(self.writer.num_frames, frame) if self.judge else None
        if reason is not None:
            self.writer.discard()
            return reason
        self.writer.write(frame)
        if self.full:
            self.writer.close()
        return None


def cut_jobs(
    work: Callable[..., Outcome], jobs: Sequence[Job], args: Namespace, *, label: str, sound: bool = False
) -> dict[str, Outcome]:
    """:func:`run_jobs` as the flags of a script say; ``work`` is given the ``encoding`` of --size and --crf."""
    encoding = Encoding(args.size, args.crf, sound)
    return run_jobs(
        partial(work, encoding=encoding),
        jobs,
        output_dir=args.output_dir,
        settings=encoding.settings,
        workers=args.workers,
        cluster=args.cluster,
        label=label,
    )
