"""The windows of one camera pair over the rounds: drawn, cut, judged, and drawn again where one was rejected.

All of it depends on (seed, sequence, the two cameras) and on their two videos alone: other cameras, other sequences
and the number of workers change nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataset_preparation.clips.cut import Cut
from dataset_preparation.clips.dataset import Dropped
from dataset_preparation.cmu.archive import video_name
from dataset_preparation.cmu.look import STATIONARY
from dataset_preparation.cmu.sketch import SPACING
from dataset_preparation.cmu.windows import Window, allowed_places, draw_windows, good_frames
from videosync.data.pairs import generator
from videosync.data.samples import Sample, View
from videosync.jobs.job import Outcome


@dataclass(frozen=True)
class Protocol:
    """What windows are drawn by."""

    clips: int  # windows a camera pair
    num_frames: int  # frames a window
    max_offset: int  # K: offsets are uniform in -K … K
    seed: int


@dataclass(frozen=True)
class Camera:
    """What the sketch found out about one video."""

    name: str  # "03"
    path: str
    num_frames: int
    bad: tuple[tuple[int, int], ...]  # stretches [first, stop) that no window may touch


class Pair:
    """Two cameras of one sequence."""

    def __init__(self, event: str, camera_i: Camera, camera_j: Camera, protocol: Protocol) -> None:
        self.event = event
        self.cameras = (camera_i, camera_j)
        self.protocol = protocol
        self.accepted: list[Window] = []
        self.pending: list[Window] = []
        self.rejected: list[Dropped] = []
        self.rounds = 0
        self._learned: tuple[list[tuple[int, int]], list[tuple[int, int]]] = ([], [])

    @property
    def name(self) -> str:
        return "-".join(camera.name for camera in self.cameras)

    def draw(self) -> None:
        """Draw windows for those that are missing; they are pending until :meth:`settle`."""
        protocol = self.protocol
        good = [
            good_frames(camera.num_frames, [*camera.bad, *learned])
            for camera, learned in zip(self.cameras, self._learned)
        ]
        self.pending = draw_windows(
            allowed_places(*good, num_frames=protocol.num_frames, max_offset=protocol.max_offset),
            [window.start for window in self.accepted],
            protocol.clips - len(self.accepted),
            num_frames=protocol.num_frames,
            max_offset=protocol.max_offset,
            rng=generator(protocol.seed, self.event, *(camera.name for camera in self.cameras), self.rounds),
        )
        self.rounds += 1

    def cuts(self) -> list[tuple[Camera, Cut]]:
        """What the pending windows need of each camera."""
        return [
            (camera, Cut(view.video, view.start_frame, view.num_frames))
            for window in self.pending
            for camera, view in zip(self.cameras, self._views(window, fps=1.0))
        ]

    def settle(self, outcomes: Mapping[str, Outcome]) -> None:
        """Accept the windows whose two clips were made (``outcomes``: camera → its cutting); learn from the others."""
        for window in self.pending:
            views = self._views(window, fps=1.0)
            lost = [
                self._lost(side, view, outcomes[camera.name])
                for side, (camera, view) in enumerate(zip(self.cameras, views))
            ]
            if any(lost):
                self.rejected += [reason for reason in lost if reason]
            else:
                self.accepted.append(window)
        self.pending = []
        self.accepted.sort(key=lambda window: window.start)

    def samples(self, split: str, fps: float) -> list[Sample]:
        return [Sample(self.event, split, self._views(window, fps)) for window in self.accepted]

    def missing(self) -> Dropped | None:
        """Said when there are fewer windows than asked for."""
        have, asked = len(self.accepted), self.protocol.clips
        if have == asked:
            return None
        kinds = Counter(reason.kind for reason in self.rejected)
        tried = ", ".join(f"{count} × {kind}" for kind, count in sorted(kinds.items()))
        room = f"after {tried} in {self.rounds} rounds" if tried else "there is room for no more"
        for camera in self.cameras:
            frames = int(camera.num_frames - good_frames(camera.num_frames, camera.bad).sum())
            room += f"; {video_name(camera.name)}: {frames} of {camera.num_frames} frames are unusable"
        return Dropped(self.event, self.name, "missing clips", f"{have} of {asked} clips: {room}")

    def _views(self, window: Window, fps: float) -> tuple[View, View]:
        starts = (window.start + window.offset, window.start)
        # The name says what the clip shows: clips of another plan never carry the same one.
        folder = f"{self.event}/{self.name}_{starts[0]:06d}-{starts[1]:06d}"
        view_i, view_j = (
            View(f"{folder}/{video_name(camera.name)}.mp4", start, self.protocol.num_frames, fps)
            for camera, start in zip(self.cameras, starts)
        )
        return view_i, view_j

    def _lost(self, side: int, view: View, outcome: Outcome) -> Dropped | None:
        """Why a clip is not there; its place is remembered, so that later windows avoid it."""
        if any(clip.clip == view.video for clip in outcome.clips):
            return None
        place = (view.start_frame, view.end_frame)
        for rejected in outcome.rejected:
            if rejected.clip == view.video:
                first, stop = (outcome.facts or {}).get("bad", {}).get(view.video, place)
                if rejected.kind != STATIONARY:  # more of the same lies around it
                    first, stop = first - SPACING // 2, stop + SPACING // 2
                self._learned[side].append((first, stop))
                return Dropped(self.event, view.video, rejected.kind, rejected.why)
        self._learned[side].append((0, self.cameras[side].num_frames))
        return Dropped(self.event, view.video, "unreadable", outcome.problem)


def make_pairs(event: str, cameras: Sequence[Camera], protocol: Protocol) -> list[Pair]:
    """All pairs i < j."""
    return [Pair(event, a, b, protocol) for n, a in enumerate(cameras) for b in cameras[n + 1 :]]
