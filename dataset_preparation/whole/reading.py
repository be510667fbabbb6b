"""Turn videos into clips, except those that are listed as unreadable, and keep that list."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from dataset_preparation.clips.cut import Encoding
from dataset_preparation.clips.dataset import Dropped
from dataset_preparation.whole.read import Needs, ReadJob, read_whole
from dataset_preparation.whole.unreadable import (
    BY_HAND,
    NO_ACCESS,
    UNREADABLE_NAME,
    Entry,
    UnreadableList,
    read_unreadable,
)
from dataset_preparation.whole.video import WholeVideo
from videosync.data.samples import MANIFEST_NAME
from videosync.jobs.job import Clip
from videosync.jobs.records import DONE, job_key
from videosync.jobs.workers import run_jobs

LAST_WRITTEN = f".{UNREADABLE_NAME}"  # as this script left it: shows which lines people deleted


@dataclass
class Reader:
    """Reads videos and remembers those that could not be read."""

    data_root: Path
    output_dir: Path
    encoding: Encoding
    workers: int
    cluster: str | None
    listed: UnreadableList  # changed, and written back
    excluded: UnreadableList  # further files to leave out, in this run only
    needs: Needs
    manifests: Sequence[str] = (MANIFEST_NAME,)  # of the output folder; taken away before clips are made anew
    left_out: dict[str, Entry] = field(default_factory=dict)  # path in the archive → why it is no clip

    def forget_outdated(self, videos: Iterable[WholeVideo]) -> None:
        """Have files decoded again whose lines a person has deleted, and those that have come within reach."""
        written = read_unreadable(self.output_dir / LAST_WRITTEN)
        for video in videos:
            entry = self.listed.entries.get(video.path)
            deleted = entry is None and video.path in written.entries
            if deleted or (entry and entry.kind == NO_ACCESS and not entry.holds(self.data_root / video.path)):
                record = self.output_dir / DONE / job_key(video.clip)
                record.unlink(missing_ok=True)

    def skip(self, video: WholeVideo) -> bool:
        """Whether a line says to leave the file out; ``left_out`` then has the reason."""
        entry = self.excluded.find(video.path) or self.listed.find(video.path)
        if entry is None or not entry.holds(self.data_root / video.path):
            return False
        self.left_out[video.path] = entry
        return True

    def unknown_lines(self, paths: Collection[str]) -> list[str]:
        """Lines written by people that name no file of these (paths in the archive): misspelt, perhaps."""
        names = {PurePosixPath(path).name for path in paths}
        lines = [*self.excluded.entries, *(p for p, e in self.listed.entries.items() if e.kind == BY_HAND)]
        return sorted(line for line in lines if line not in paths and line not in names)

    def is_broken(self, video: WholeVideo) -> bool:
        """Whether the file was left out for what it is, not because a person wanted it."""
        entry = self.left_out.get(video.path)
        return entry is not None and entry.kind != BY_HAND

    def read(self, videos: Sequence[WholeVideo], *, label: str) -> dict[str, Clip]:
        """Place of a clip → clip, of those that could be read; the others go to ``left_out``."""
        self.forget_outdated(videos)
        todo = [video for video in videos if not self.skip(video)]
        jobs = [ReadJob(v.clip, str(self.data_root / v.path)) for v in todo]
        outcomes = run_jobs(
            partial(read_whole, encoding=self.encoding, needs=self.needs),
            jobs,
            output_dir=self.output_dir,
            settings={**self.encoding.settings, "needs": asdict(self.needs)},
            manifests=self.manifests,
            workers=self.workers,
            cluster=self.cluster,
            label=label,
        )
        clips = {}
        for video, job in zip(todo, jobs):
            outcome = outcomes[job.name]
            if outcome.clips:
                clips[video.clip] = outcome.clips[0]
                self.listed.entries.pop(video.path, None)
            elif outcome.facts:
                self.left_out[video.path] = Entry(why=outcome.problem, **outcome.facts)
                if self.left_out[video.path].size is not None:
                    self.listed.entries[video.path] = self.left_out[video.path]
            else:  # nothing that the file itself is to blame for with certainty: it is not listed
                self.left_out[video.path] = Entry("crashed", outcome.problem)
        self.listed.write(self.output_dir / UNREADABLE_NAME)
        self.listed.write(self.output_dir / LAST_WRITTEN)
        return clips

    def dropped(self, videos: Sequence[WholeVideo]) -> list[Dropped]:
        """One entry for each of these videos that was left out."""
        return [
            Dropped(video.event, video.path, entry.kind, entry.why or f"left out by a line of {UNREADABLE_NAME}")
            for video in videos
            if (entry := self.left_out.get(video.path)) is not None
        ]
