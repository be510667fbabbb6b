"""One recording → its clips, in one decoding pass."""

from __future__ import annotations

import hashlib
import json
import os
import random
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from dataset_preparation.multiview.plan import ViewJob
from videosync.errors import VideoError
from videosync.video.read import iter_frames
from videosync.video.write import write_video

KEYFRAME_GAPS = (5, 15)  # frames from one keyframe to the next, drawn anew each time


def transcode(job: ViewJob, output_dir: Path, size: int, crf: int, threads: int) -> str:
    """Write all clips of one source file in one decoding pass; returns what went wrong, or ""."""
    record = (
        output_dir
        / ".done"
        / (hashlib.sha256(f"{job.event}/{job.part}/{job.name}".encode()).hexdigest()[:24])
    )
    stat = os.stat(job.path)
    done = json.dumps(
        {"job": asdict(job), "size": size, "crf": crf, "source": [stat.st_size, stat.st_mtime_ns]}
    )
    clips = [output_dir / cut.clip for cut in job.cuts]
    if record.is_file() and record.read_text() == done and all(clip.is_file() for clip in clips):
        return ""
    try:
        start, stop = job.cuts[0].first, job.cuts[-1].first + job.cuts[-1].num_frames
        frames = iter_frames(job.path, start, stop, size=(size, size))
        for cut, clip in zip(job.cuts, clips):
            write_video(
                clip,
                islice(frames, cut.num_frames),
                job.fps,
                crf=crf,
                gop=2 * KEYFRAME_GAPS[1],
                b_frames=0,
                keyframes=keyframe_numbers(cut.num_frames, seed=cut.clip),
                threads=threads,
            )
    except VideoError as error:
        return str(error)
    record.parent.mkdir(exist_ok=True)
    temporary = record.with_suffix(f".{os.getpid()}")
    temporary.write_text(done)
    os.replace(temporary, record)
    return ""


def keyframe_numbers(num_frames: int, *, seed: str) -> list[int]:
    """Irregular keyframe places, different for every ``seed``."""
    rng = random.Random(seed)
    numbers, number = [], 0
    while number < num_frames:
        numbers.append(number)
        number += rng.randint(*KEYFRAME_GAPS)
    return numbers
