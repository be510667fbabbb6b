"""Which stretch of each view becomes a clip: pairs with a drawn offset, of a length that does not give it away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dataset_preparation.clips.dataset import Dropped
from videosync.data.pairs import generator
from videosync.data.samples import Manifest, Sample, View
from videosync.errors import ManifestError


@dataclass(frozen=True)
class ClipJob:
    """One video, of which one stretch becomes a clip."""

    name: str
    sources: tuple[str, ...]
    event: str
    split: str
    source: View
    clip: str  # path relative to the output folder
    first: int  # frame of the source, and the clip's start on the event's timeline
    num_frames: int

    @property
    def outputs(self) -> tuple[str, ...]:
        return (self.clip,)


def plan_clips(manifest: Manifest, *, seed: int, max_offset: int) -> tuple[list[ClipJob], list[Dropped]]:
    """A clip for each view, in the order of the manifest; what is left out, and views without a partner.

    An event's two views become two clips of ``min(frames) - max_offset`` frames, whatever their offset k is. A
    view without a partner is kept whole.

    Raises:
        ManifestError: two videos have one name.
    """
    jobs: dict[str, ClipJob] = {}
    dropped = []
    for sample in manifest.samples:
        planned, lost = _plan_event(manifest, sample, seed, max_offset)
        dropped += lost
        for job in planned:
            if job.name in jobs:
                raise ManifestError(
                    f"{manifest.root}: {job.source.video} and {jobs[job.name].source.video} have one name; give the "
                    "folder that tfrecords_to_videos.py wrote"
                )
            jobs[job.name] = job
    return list(jobs.values()), dropped


def draw_starts(event: str, *, seed: int, max_offset: int) -> tuple[int, int]:
    """First frames of the two clips: ``k = start0 - start1`` is uniform in ``-max_offset … max_offset``.

    Where the clips begin in what room k leaves is uniform too. Only ``seed`` and ``event`` decide.
    """
    rng = generator(seed, event)
    k = int(rng.integers(-max_offset, max_offset, endpoint=True))
    room = int(rng.integers(0, max_offset - abs(k), endpoint=True))
    return max(k, 0) + room, max(-k, 0) + room


def _plan_event(manifest: Manifest, sample: Sample, seed: int, max_offset: int) -> tuple[list[ClipJob], list[Dropped]]:
    views, event = sample.views[:2], sample.event
    dropped = [
        Dropped(event, view.name, "third view", "two views make a pair; those after them are left out")
        for view in sample.views[2:]
    ]
    if len(views) == 1:
        (view,) = views
        why = "has no second view: kept whole for training, in no pair"
        return [_job(manifest, sample, view, 0, view.num_frames)], [Dropped(event, view.name, "unpaired view", why)]
    lengths = [view.num_frames for view in views]
    length = min(lengths) - max_offset
    if length <= max_offset:
        why = (
            f"views of {lengths[0]} and {lengths[1]} frames; clips that may start {max_offset} frames apart need more "
            f"than {2 * max_offset}: lower --max_offset"
        )
        return [], [*dropped, Dropped(event, "", "too short", why)]
    if lengths[0] != lengths[1]:
        longer = views[lengths[1] > lengths[0]]
        why = f"its last {max(lengths) - min(lengths)} frames: the other view ends after {min(lengths)}"
        dropped.append(Dropped(event, longer.name, "longer view", why))
    starts = draw_starts(event, seed=seed, max_offset=max_offset)
    return [_job(manifest, sample, view, start, length) for view, start in zip(views, starts)], dropped


def _job(manifest: Manifest, sample: Sample, view: View, first: int, num_frames: int) -> ClipJob:
    clip = f"{sample.split}/{view.name}.mp4"
    path = str(manifest.path(view).absolute())
    return ClipJob(clip, (path,), sample.event, sample.split, view, clip, first, num_frames)


def assemble(jobs: Sequence[ClipJob], labelled: dict[str, str | None]) -> list[Sample]:
    """A sample for each event of the clips in ``labelled`` (clip → its file of frame labels, if it has one)."""
    events: dict[tuple[str, str], list[View]] = {}
    for job in jobs:
        if job.clip in labelled:
            view = View(job.clip, job.first, job.num_frames, job.source.fps, labelled[job.clip])
            events.setdefault((job.event, job.split), []).append(view)
    return [Sample(event, split, tuple(views)) for (event, split), views in events.items()]
