"""A rough look at a whole video: keyframes alone are decoded, a small part of a full decode.

Neighbouring samples are at most ``SPACING`` frames apart where keyframes allow. Where they are rarer, frames in
between are decoded too, as far as a budget goes; what was not seen counts as good, since every frame that is
written is looked at again (:mod:`dataset_preparation.cmu.cutting`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from av.video.frame import VideoFrame

from dataset_preparation.cmu.look import SIZE, STATIONARY, STILL, look_at, movement
from videosync.errors import VideoError
from videosync.jobs.job import Outcome
from videosync.video.index import VideoIndex, open_video, video_index, video_stream
from videosync.video.scaled import scaled_frames

SPACING = 90  # frames between samples, at most: 3 s
BUDGET = 0.1  # share of a video's frames that may be decoded to see frames between keyframes
JUMP = 1.5  # two frames further apart than this many frame times: something is missing between them

Stretch = tuple[int, int, str]  # first frame, frame after the last, kind


@dataclass(frozen=True)
class SketchJob:
    name: str
    sources: tuple[str, ...]  # the video
    outputs: tuple[str, ...] = ()


def sketch(job: SketchJob, folder: Path) -> Outcome:
    """Facts of a video: ``num_frames``, ``fps``, ``jumps`` (places where its time stamps skip frames), and ``bad``:
    the stretches [first, stop, kind] that are black, green or stationary, by frame.

    Raises VideoError: no video, or one that is cut off.
    """
    (path,) = job.sources
    index = video_index(path)
    if index.truncated:
        raise VideoError(
            f"{path}: the file is cut off after frame {len(index) - 1}, though its header lists more; "
            "run the download script again."
        )
    keys, between = sample_frames(index)
    samples = [(number, *look_at(frame)) for number, frame in _samples(index, keys, between)]
    steps = np.diff(index.times)
    facts: dict[str, Any] = {
        "num_frames": len(index),
        "fps": index.fps,
        "jumps": int((steps > JUMP * np.median(steps)).sum()) if len(steps) else 0,
        "bad": [list(stretch) for stretch in bad_stretches(samples, len(index))],
    }
    return Outcome(frames=len(samples), facts=facts)


def sample_frames(index: VideoIndex) -> tuple[list[int], list[int]]:
    """Which keyframes to look at, and which frames between them."""
    keys = thinned([key.frame for key in index.keys]) if index.pts is not None else []
    ends = [*keys[1:], len(index)] if keys else [len(index)]
    wide = [(end - start, start, end) for start, end in zip(keys or [0], ends) if end - start > SPACING]
    left = max(BUDGET * len(index), SPACING)
    between: list[int] = []
    for _, start, end in sorted(wide, key=lambda gap: (-gap[0], gap[1])):  # the widest first
        for number in range(start + SPACING, end, SPACING):
            if left < SPACING:
                return keys, sorted(between)
            left -= SPACING  # decoding goes on from the sample before
            between.append(number)
    return keys, sorted(between)


def thinned(frames: Sequence[int]) -> list[int]:
    """As few of the rising ``frames`` as keep neighbours within ``SPACING`` (further only where they are so)."""
    kept: list[int] = []
    for number, following in zip(frames, [*frames[1:], None]):
        if not kept or following is None or following - kept[-1] > SPACING:
            kept.append(number)
    return kept


def bad_stretches(samples: Sequence[tuple[int, np.ndarray, str]], num_frames: int) -> list[Stretch]:
    """Stretches of a video, from samples (frame number, grey picture, "black"/"green"/"") by frame number.

    An empty sample spoils what lies between it and its neighbours, as far as ``SPACING``, or up to the next sample
    if that one is empty too; two samples without movement spoil what is between them.
    """
    bad: list[Stretch] = []
    for place, (number, values, kind) in enumerate(samples):
        before = samples[place - 1] if place else None
        after = samples[place + 1] if place + 1 < len(samples) else None
        if kind:
            first = 0 if before is None else before[0] + 1
            stop = num_frames if after is None else after[0]
            if not (before and before[2]):
                first = max(first, number - SPACING)
            if not (after and after[2]):
                stop = min(stop, number + SPACING)
            bad.append((first, stop, kind))
        elif before and not before[2] and movement(before[1], values) < STILL:
            bad.append((before[0], number + 1, STATIONARY))
    return merged(bad)


def merged(stretches: Sequence[Stretch]) -> list[Stretch]:
    """Stretches of one kind that touch become one; sorted by first frame."""
    joined: list[Stretch] = []
    for first, stop, kind in sorted(stretches, key=lambda stretch: (stretch[2], stretch[0])):
        if joined and joined[-1][2] == kind and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]), kind)
        else:
            joined.append((first, stop, kind))
    return sorted(joined)


def _samples(index: VideoIndex, keys: Sequence[int], between: Sequence[int]) -> Iterator[tuple[int, VideoFrame]]:
    """Both kinds of samples, by frame number."""
    others = scaled_frames(index.path, between, (SIZE, SIZE), threads=1) if between else iter(())
    waiting = next(others, None)
    for number, frame in keyframes(index, keys):
        while waiting is not None and waiting[0] < number:
            yield waiting
            waiting = next(others, None)
        yield number, frame
    while waiting is not None:
        yield waiting
        waiting = next(others, None)


def keyframes(index: VideoIndex, wanted: Sequence[int]) -> Iterator[tuple[int, VideoFrame]]:
    """The keyframes among ``wanted`` that can be decoded; no other packet goes to the decoder."""
    chosen = set(wanted)
    times = {key.pts for key in index.keys if key.frame in chosen}
    if not times:
        return
    with open_video(index.path) as container:
        stream = video_stream(container, index.path, threads=1)
        stream.codec_context.skip_frame = "NONKEY"
        for packet in container.demux(stream):
            if packet.size == 0 or (packet.pts in times and packet.is_keyframe and not packet.is_corrupt):
                for frame in packet.decode():
                    number = index.number_of(frame.pts)
                    if number is not None:
                        yield number, frame
