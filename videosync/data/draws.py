"""Which two views and which of their frames make training sample number i of epoch e."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Generic, Literal, TypeVar

import numpy as np
import torch

from videosync.data.clock import common_frames, frames_at, similar_rates, span_at
from videosync.data.labelled import FrameLabels
from videosync.data.samples import Manifest, Sample, View
from videosync.errors import ManifestError
from videosync.video.sampling import SamplingBlock, sample_cross_views, sample_self_views

Source = TypeVar("Source")


@dataclass(frozen=True)
class Draw:
    """Two views, what to read of them, and when it was."""

    views: tuple[View, View]  # twice the same one for a self-view sample
    numbers: np.ndarray  # int64 [2, T] frames in each view's file
    steps: np.ndarray  # int64 [2, T] the same frames on a timeline that both views share, from 0 on
    mask: np.ndarray  # bool [2, T] False = padding
    lengths: np.ndarray  # int64 [2] frames of that timeline
    seeds: tuple[int, int]  # for what is random about each view's pictures
    name: str
    labels: np.ndarray | None = None  # int64 [2, T] of these frames; -1 = unknown, or padding


class EpochDraws(Generic[Source]):
    """What an epoch consists of: ``samples_per_video`` of each sample, number ``i`` with random numbers of its own."""

    def __init__(self, samples: Sequence[Source], *, samples_per_video: int, seed: int) -> None:
        self.samples = samples
        self.samples_per_video = samples_per_video
        self.seed = seed
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # seen by living worker processes

    def __len__(self) -> int:
        return len(self.samples) * self.samples_per_video

    @property
    def epoch(self) -> int:
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        self._epoch.fill_(epoch)

    def line(self, index: int) -> int:
        """Which of ``samples`` item ``index`` is drawn from. Raises IndexError: there is no such item."""
        if not 0 <= index < len(self):
            raise IndexError(f"sample {index} is not one of {len(self)}")
        return index // self.samples_per_video

    def rng(self, index: int) -> np.random.Generator:
        """The numbers of item ``index``: a function of (seed, epoch, index) alone."""
        return np.random.default_rng([self.seed, self.epoch, index])


class ClipDraws(EpochDraws[Sample]):
    """Samples of a split: number ``i`` of epoch ``e`` depends on (seed, e, i) alone.

    ``"self"``: one view of a manifest line (a random one of them), twice. ``"cross"``: two views of a line,
    in random order, on the event's timeline. ``"mix"``: cross with probability ``cross_share`` where the
    line has two views, else self. With ``labels`` every draw has the labels of its frames.

    Raises:
        ManifestError: no such split; views="cross" and a line without two views that share a moment and a
            rate ("mix" takes such lines as self-views, even where all are: :attr:`has_pairs` tells).
    """

    def __init__(
        self,
        manifest: Manifest,
        split: str,
        *,
        num_frames: int,
        views: Literal["self", "cross", "mix"],
        cross_share: float,
        sampling_region: float,
        consistent_offset: float,
        samples_per_video: int,
        seed: int,
        labels: FrameLabels | None = None,
        sampling_block: SamplingBlock = "view",
    ) -> None:
        super().__init__(manifest.of_split(split), samples_per_video=samples_per_video, seed=seed)
        self.manifest = manifest
        self.split = split
        self.partners = [_partners(sample) for sample in self.samples]
        alone = [sample.event for sample, pairs in zip(self.samples, self.partners) if not pairs]
        if alone and views == "cross":
            raise ManifestError(
                f"{manifest.root}: data.views is '{views}', but {len(alone)} of {len(self.samples)} samples "
                f"of split '{split}' have no two views with a moment and a frame rate in common (first: "
                f"'{alone[0]}'); use data.views 'self', or take them out of the manifest"
            )
        self.num_frames = num_frames
        self.cross_share = {"self": 0.0, "cross": 1.0, "mix": cross_share}[views]
        self.sampling_region = sampling_region
        self.sampling_block = sampling_block
        self.consistent_offset = consistent_offset
        self.labels = labels

    @property
    def has_pairs(self) -> bool:
        """Whether any line has two views that share a moment and a rate."""
        return any(self.partners)

    def warnings(self) -> list[str]:
        """A sentence about lines of which every draw is the same frames twice; [] where there are none."""
        alike = [
            all(view.num_frames <= self.num_frames for view in sample.views)
            and (self.cross_share < 1 or all(a.start_frame == b.start_frame for a, b in pairs))
            for sample, pairs in zip(self.samples, self.partners)
        ]
        if self.sampling_region > 1 or not any(alike):
            return []
        return [
            f"the two views of {sum(alike)} of {len(alike)} samples are always the same frames, which teaches that "
            f"every offset is 0: their videos have no more than data.num_frames ({self.num_frames}) frames, and "
            "data.sampling_region is 1; lower the first, or raise the second"
        ]

    def draw(self, index: int) -> Draw:
        line, rng = self.line(index), self.rng(index)
        seeds = (int(rng.integers(2**62)), int(rng.integers(2**62)))
        if self.partners[line] and rng.random() < self.cross_share:
            draw = self._draw_cross(self.samples[line], self.partners[line], seeds, rng)
        else:
            draw = self._draw_self(self.samples[line], seeds, rng)
        if self.labels is not None:
            draw = replace(draw, labels=self.labels.of(draw.views, draw.numbers, draw.mask))
        return draw

    def _draw_self(self, sample: Sample, seeds: tuple[int, int], rng: np.random.Generator) -> Draw:
        view = sample.views[rng.integers(len(sample.views))]
        drawn = sample_self_views(
            view.num_frames,
            self.num_frames,
            sampling_region=self.sampling_region,
            sampling_block=self.sampling_block,
            consistent_offset=self.consistent_offset,
            rng=rng,
        )
        name = f"{sample.event}/{view.name}"
        return Draw((view, view), drawn.frames, drawn.steps, drawn.mask, drawn.lengths, seeds, name)

    def _draw_cross(
        self, sample: Sample, partners: list[tuple[View, View]], seeds: tuple[int, int], rng: np.random.Generator
    ) -> Draw:
        view0, view1 = partners[rng.integers(len(partners))]
        if rng.random() < 0.5:
            view0, view1 = view1, view0
        fps = view0.fps  # of the timeline on which the frames are drawn
        (low0, high0), (low1, high1) = (span_at(view, fps) for view in (view0, view1))
        origin = min(low0, low1)
        drawn = sample_cross_views(
            low0 - origin,
            high0 - low0,
            low1 - origin,
            high1 - low1,
            self.num_frames,
            sampling_region=self.sampling_region,
            sampling_block=self.sampling_block,
            consistent_offset=self.consistent_offset,
            rng=rng,
        )
        name = f"{sample.event}/{view0.name}-{view1.name}"
        views = view0, view1
        # [2, T]
        numbers = np.stack([frames_at(view, steps + origin, fps) for view, steps in zip(views, drawn.steps)])
        return Draw(views, numbers, drawn.steps, drawn.mask, drawn.lengths, seeds, name)


def _partners(sample: Sample) -> list[tuple[View, View]]:
    """Pairs of views that have a moment and a frame rate in common."""
    return [
        (a, b)
        for a, b in combinations(sample.views, 2)
        if similar_rates(a, b) and min(common_frames(a, b), common_frames(b, a)) > 0
    ]
