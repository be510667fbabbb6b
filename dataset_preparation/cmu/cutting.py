"""All clips of one camera in one decoding pass; every frame that is written is looked at.

Clips of one source overlap, so what a frame shows is found once. Stationary means what it means in the sketch: no
movement between two frames 3 s apart (three eighths of a window), looked for every 1.5 s on a grid that all clips of
the source share.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame

from dataset_preparation.clips.cut import Cut, Encoding, cut_clips
from dataset_preparation.cmu.look import STATIONARY, STILL, look_at, movement
from videosync.jobs.job import Outcome, Rejected

STEP = 3 / 16  # of a window from one frame of the grid to the next: 45 frames, 1.5 s
STEPS_APART = 2  # between the two frames that are compared: 90 frames, as in the sketch


@dataclass(frozen=True)
class CutJob:
    name: str
    sources: tuple[str, ...]  # the video
    cuts: tuple[Cut, ...]  # of one length
    fps: float

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(cut.clip for cut in self.cuts)


def cut(job: CutJob, folder: Path, *, encoding: Encoding) -> Outcome:
    """The clips of one camera. Facts: ``bad``, clip → [first, stop) source frames for which it was rejected."""
    (path,) = job.sources
    source = SourceLook(step=max(1, round(STEP * job.cuts[0].num_frames)))
    judges: dict[str, WindowJudge] = {}

    def judge(cut: Cut) -> WindowJudge:
        judges[cut.clip] = WindowJudge(cut, source)
        return judges[cut.clip]

    outcome = cut_clips(path, job.cuts, folder, fps=job.fps, encoding=encoding, judge=judge)
    bad = {clip: list(judge.bad) for clip, judge in judges.items() if judge.bad}
    return replace(outcome, facts={"bad": bad})


class SourceLook:
    """What the frames of one source show, each looked at once. Frames come in rising order, repeats allowed.

    Args:
        step: frames from one place of the grid to the next.
    """

    def __init__(self, *, step: int) -> None:
        self.step = step
        self.number = -1  # the last frame, and what it shows
        self.kind = ""
        self.grid: dict[int, np.ndarray] = {}  # grid frame → grey picture; the last few
        self.still: dict[int, bool] = {}  # grid frame → no movement since the one ``span`` frames before

    @property
    def span(self) -> int:
        return STEPS_APART * self.step

    def look(self, number: int, frame: VideoFrame) -> str:
        """ "black", "green", "stationary" (up to here) or "" for source frame ``number``."""
        if number != self.number:
            self.number = number
            values, self.kind = look_at(frame)
            if number % self.step == 0:
                self.grid = {n: v for n, v in self.grid.items() if n >= number - self.span}
                self.grid[number] = values
        return self.kind

    def is_still(self, number: int) -> bool:
        """Whether nothing moved from ``span`` frames before grid frame ``number`` on, both of which were seen."""
        if number not in self.still:
            before = self.grid[number - self.span]
            self.still[number] = movement(before, self.grid[number]) < STILL
        return self.still[number]


class WindowJudge:
    """Rejects a clip at its first frame that is black or green, or at the end of a stretch without movement."""

    def __init__(self, cut: Cut, source: SourceLook) -> None:
        self.cut = cut
        self.source = source
        self.bad: tuple[int, int] | None = None  # source frames [first, stop) for which the clip was rejected

    def look(self, number: int, frame: VideoFrame) -> Rejected | None:
        place = self.cut.first + number
        kind = self.source.look(place, frame)
        if kind:
            self.bad = (place, place + 1)
            return Rejected(self.cut.clip, kind, f"source frame {place} is {kind}")
        begin = place - self.source.span
        if place % self.source.step == 0 and begin >= self.cut.first and self.source.is_still(place):
            self.bad = (begin, place + 1)
            return Rejected(self.cut.clip, STATIONARY, f"nothing moves in source frames {begin} to {place}")
        return None
