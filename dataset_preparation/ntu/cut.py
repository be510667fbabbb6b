"""The work of one job: two views of one performance, or one whole video."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from av.video.frame import VideoFrame

from dataset_preparation.clips.cut import Encoding, cut_whole, open_writer
from dataset_preparation.ntu.pairs import PairJob
from dataset_preparation.ntu.singles import VideoJob
from videosync.data.clock import MOST_DRIFT, drift
from videosync.errors import VideoError
from videosync.jobs.job import Clip, Outcome, Rejected
from videosync.video.scaled import whole_video

MAX_FRAMES = 3000  # of a raw video; NTU's last a few seconds, and one view's frames are held in memory


def cut_pair(job: PairJob, folder: Path, *, encoding: Encoding) -> Outcome:
    """Both clips of a pair, of equal length, from one decoding pass over each video.

    The frames of view 0 are held (scaled: 75 KB each at 224 px) while view 1 is decoded, since only the last
    frame of both says how long the clips may be. ``facts["decoded"]``: frames of either video.

    Raises VideoError: a video cannot be read to its end, or is absurdly long. VideoWriteError: no place.
    """
    size = (encoding.size, encoding.size)
    sources = [whole_video(path, size) for path in job.sources]
    rates = [source.fps for source in sources]
    if drift(rates[0], rates[1], max(source.about for source in sources)) > MOST_DRIFT:
        why = f"{job.sources[0]} has {rates[0]:.6g} frames/s, {job.sources[1]} {rates[1]:.6g}"
        return Outcome(rejected=(Rejected("", "frame rates differ", why),))
    fps = rates[0]
    frames0, frames1 = (_limited(path, source.frames) for path, source in zip(job.sources, sources))
    before0 = sum(1 for _ in islice(frames0, job.starts[0]))
    held = list(frames0)
    with open_writer(folder / job.clips[1], fps, encoding, seed=job.clips[1]) as writer:
        before1 = sum(1 for _ in islice(frames1, job.starts[1]))
        for frame in islice(frames1, len(held)):
            writer.write(frame)
        length = writer.num_frames
        after1 = sum(1 for _ in frames1)
    decoded = (before0 + len(held), before1 + length + after1)
    facts = {"decoded": list(decoded)}
    late = [
        f"category_id says that the view begins at frame {start} of {path}, which has {count} frames"
        for start, path, count in zip(job.starts, job.sources, decoded)
        if start >= count
    ]
    if late:
        return Outcome(rejected=(Rejected("", "begins after the end", late[0]),), frames=sum(decoded), facts=facts)
    with open_writer(folder / job.clips[0], fps, encoding, seed=job.clips[0]) as writer:
        for frame in held[:length]:
            writer.write(frame)
    clips = tuple(Clip(clip, path, start, length, fps) for clip, path, start in zip(job.clips, job.sources, job.starts))
    return Outcome(clips, (), sum(decoded), facts=facts)


def cut_video(job: VideoJob, folder: Path, *, encoding: Encoding) -> Outcome:
    """One whole video as a clip."""
    return cut_whole(job.sources[0], job.clip, folder, encoding=encoding)


def _limited(path: str, frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    for number, frame in enumerate(frames):
        if number == MAX_FRAMES:
            raise VideoError(
                f"{path}: has more than {MAX_FRAMES} frames, but NTU's videos last a few seconds; it is not one of them"
            )
        yield frame
