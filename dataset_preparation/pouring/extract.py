"""One record → a video file, near the archive's own quality, and the phase of each of its frames."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dataset_preparation.pouring.archive import Entry
from dataset_preparation.pouring.images import decode_jpegs
from dataset_preparation.pouring.record import pouring_record
from dataset_preparation.pouring.tfrecord import Place
from videosync.jobs.job import Clip, Outcome, Rejected
from videosync.video.write import CLIP_OPTIONS, VideoWriter


@dataclass(frozen=True)
class RecordJob:
    """One record to write as a video."""

    name: str
    sources: tuple[str, ...]
    video: str  # path relative to the output folder
    place: Place

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.video,)


def record_job(entry: Entry) -> RecordJob:
    video = f"{entry.split}/{entry.name}.mp4"
    return RecordJob(f"{entry.split}/{entry.name}", (entry.place.path,), video, entry.place)


def extract(job: RecordJob, folder: Path, *, fps: float, crf: int) -> Outcome:
    """Write the video; the outcome's facts hold the labels, if it has usable ones.

    Raises VideoError for a record that cannot be used (nothing is left of it), VideoWriteError for a full disk.
    """
    record = pouring_record(job.place)
    frames = decode_jpegs(record.frames, f"{job.place} ({record.name})")
    first = next(frames)
    with VideoWriter(
        folder / job.video,
        fps,
        size=(first.height, first.width),
        crf=crf,
        pixel_format=first.format.name,
        threads=1,
        **CLIP_OPTIONS,
    ) as writer:
        writer.write(first)
        for frame in frames:
            writer.write(frame)
    count = writer.num_frames
    clip = Clip(job.video, job.place.path, 0, count, fps)
    if record.labels_problem:
        lost = Rejected(labels_path(job.video), "no frame labels", record.labels_problem)
        return Outcome((clip,), (lost,), count)
    return Outcome((clip,), (), count, facts={"frame_labels": list(record.labels)})


def labels_path(video: str) -> str:
    """Where the labels of a video's frames go."""
    return str(PurePosixPath(video).with_suffix(".json"))
