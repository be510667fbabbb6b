"""NTU RGB+D for pretraining: every raw video by itself, without a label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dataset_preparation.clips.dataset import Dropped, dropped_of
from dataset_preparation.ntu.archive import Files
from dataset_preparation.ntu.names import Name
from videosync.data.samples import Sample, View
from videosync.jobs.job import Outcome

SPLIT = "train"


@dataclass(frozen=True)
class VideoJob:
    """One raw video that becomes a clip from its first frame to its last."""

    name: str  # S001C001P001R001A001
    sources: tuple[str]
    clip: str  # relative to the output folder
    event: str  # the performance, which up to three videos show

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.clip,)


def test_events(annotations: Mapping[str, Files]) -> set[str]:
    """The performances of NTU-SYN's test split."""
    return {name.event for name in annotations["val"].paths}


def plan_videos(videos: Files, *, left_out: set[str], limit: int = 0) -> tuple[list[VideoJob], list[Dropped]]:
    """A job for each video, sorted by event and camera, except those of the events ``left_out``.

    Args:
        limit: only the first this many events; 0: all.
    """
    jobs, dropped = [], []
    kept: dict[str, list[Name]] = {}
    for name in sorted(videos.paths, key=lambda name: (name.event, name.camera)):
        if name.event in left_out:
            why = "is in NTU-SYN's test split, which the encoder must not have seen; --keep_test keeps it"
            dropped.append(Dropped(name.event, name.text, "test event", why))
        elif not limit or name.event in kept or len(kept) < limit:
            kept.setdefault(name.event, []).append(name)
    for event, names in kept.items():
        for name in names:
            # a folder of its own: the clips of pairs have the same names, but not the same frames
            jobs.append(VideoJob(name.text, (videos.paths[name],), f"whole/{name.clip}", event))
    return jobs, dropped


def video_samples(
    jobs: list[VideoJob], outcomes: Mapping[str, Outcome], *, min_frames: int
) -> tuple[list[Sample], list[Dropped]]:
    """One sample for each video that was read; its timeline begins with its first frame."""
    samples, dropped = [], []
    for job in jobs:
        dropped += dropped_of(outcomes[job.name], job.event, job.name)
        for clip in outcomes[job.name].clips:
            if clip.num_frames < min_frames:
                why = f"has {clip.num_frames} frames, fewer than --min_frames {min_frames}"
                dropped.append(Dropped(job.event, job.name, "too short", why))
                continue
            samples.append(Sample(job.event, SPLIT, (View(clip.clip, 0, clip.num_frames, clip.fps),)))
    return samples, dropped
