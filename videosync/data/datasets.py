"""Training samples: two time-augmented views, of one video or of two cameras of one event."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate, get_worker_info

from videosync.data.decoded import DecodedFiles
from videosync.data.draws import ClipDraws, Draw
from videosync.data.samples import View
from videosync.types import ClipBatch
from videosync.video.filters import channels_last, frames_at_once
from videosync.video.read import VideoInfo
from videosync.video.transforms import AugmentDraw, ClipAugment, to_model_input

HARDLY_SMALLER = 0.9  # frames would be resized by so little that it costs more than it saves


@dataclass(frozen=True)
class ClipPair:
    """One training sample (see the shape legend in :mod:`videosync.types`)."""

    frames: Tensor  # uint8 [2, T, 3, S, S], or backbone features float32 [2, T, F]; padding is 0
    mask: Tensor  # bool [2, T]
    steps: Tensor  # int64 [2, T]
    lengths: Tensor  # int64 [2]
    name: str
    labels: Tensor | None = None  # int64 [2, T]


def collate(pairs: Sequence[ClipPair] | ClipBatch, frames: Tensor | None = None) -> ClipBatch:
    """B samples → one batch; it has labels when all samples have. In a data-loading worker it lies in shared memory.

    ``frames``: of all samples, where they lie together already. A batch, as some data sets give, stays as it is.
    """
    if isinstance(pairs, ClipBatch):
        return pairs
    labels = [pair.labels for pair in pairs if pair.labels is not None]
    return ClipBatch(
        frames=default_collate([pair.frames for pair in pairs]) if frames is None else frames,  # [B, 2, T, ...]
        mask=default_collate([pair.mask for pair in pairs]),
        steps=default_collate([pair.steps for pair in pairs]),
        lengths=default_collate([pair.lengths for pair in pairs]),
        names=tuple(pair.name for pair in pairs),
        labels=default_collate(labels) if len(labels) == len(pairs) else None,
    )


class DrawnClips(Dataset[ClipPair]):
    """Samples as ``draws`` decide; subclasses say what stands for the frames."""

    def __init__(self, draws: ClipDraws) -> None:
        self.draws = draws

    def __len__(self) -> int:
        return len(self.draws)

    def set_epoch(self, epoch: int) -> None:
        """The epoch whose samples come next; living worker processes see it too."""
        self.draws.set_epoch(epoch)

    def __getitem__(self, index: int) -> ClipPair:
        draw = self.draws.draw(index)
        return _pair(draw, self._frames(draw))

    @abstractmethod
    def _frames(self, draw: Draw) -> Tensor:
        """Of both views, padding included: [2, T, ...]."""


def _pair(draw: Draw, frames: Tensor) -> ClipPair:
    return ClipPair(
        frames=frames,
        mask=torch.from_numpy(draw.mask),
        steps=torch.from_numpy(draw.steps),
        lengths=torch.from_numpy(draw.lengths),
        name=draw.name,
        labels=None if draw.labels is None else torch.from_numpy(draw.labels),
    )


class TrainingClips(DrawnClips):
    """View pairs decoded from the files: only the frames that are drawn, shrunk on the way.

    Frames are cropped and resized a few at a time as they come out of the decoder, and recoloured in place. Each view
    of a pair gets its own draw of ``augment`` (None: frames are resized). For augmentation a frame is decoded at its
    own shape, its short side shrunk to about ``image_size / sqrt(smallest crop)`` pixels at most: even the smallest
    crop has then no fewer pixels than the model sees.

    Item i depends on (seed, epoch, i) alone; see :class:`~videosync.data.draws.ClipDraws` for what is drawn.

    Args:
        draws: which frames of which views make up each item. image_size: S, pixels.
        files: what reads the files, and may keep them decoded.

    Raises:
        VideoError: a file cannot be read.
    """

    def __init__(
        self, draws: ClipDraws, *, image_size: int, augment: ClipAugment | None, files: DecodedFiles | None = None
    ) -> None:
        super().__init__(draws)
        self.image_size = image_size
        self.augment = augment
        self.files = files or DecodedFiles()

    def __getitems__(self, indices: Sequence[int]) -> ClipBatch:
        """These items as a batch, decoded straight into it; several at a time where the loader has no workers."""
        draws = [self.draws.draw(index) for index in indices]
        frames = self._memory(draws)
        together = 1
        if get_worker_info():
            frames.share_memory_()
        else:
            together = min(len(draws), torch.get_num_threads())
        with ThreadPoolExecutor(together) as pool:
            list(pool.map(partial(self._read, alone=together == 1), draws, frames))
        pairs = [_pair(draw, sample) for draw, sample in zip(draws, frames)]
        return collate(pairs, frames)

    def _frames(self, draw: Draw) -> Tensor:
        (frames,) = self._memory([draw])
        self._read(draw, frames)
        return frames

    def _memory(self, draws: Sequence[Draw]) -> Tensor:
        """For their frames: [B, 2, T, 3, S, S]."""
        shape = (len(draws), *draws[0].mask.shape, 3, self.image_size, self.image_size)
        return torch.empty(shape, dtype=torch.uint8)

    def _read(self, draw: Draw, frames: Tensor, alone: bool = True) -> None:
        """What is drawn → ``frames`` [2, T, 3, S, S]. ``alone``: nothing else is read meanwhile in this process."""
        threads = None if alone and not get_worker_info() else 1
        clips = []
        for numbers, mask, target, seed in zip(draw.numbers, draw.mask, frames, draw.seeds):
            target[mask.sum() :].numpy().fill(0)  # padding is not read
            clips.append(_Clip(numbers[mask], target[: mask.sum()], seed))
        view0, view1 = draw.views
        for view, parts in [(view0, clips)] if view0 == view1 else zip(draw.views, ([clip] for clip in clips)):
            self._fill(view, parts, threads)

    def _fill(self, view: View, clips: Sequence[_Clip], threads: int | None) -> None:
        """All ``clips`` of a file, in one pass over it."""
        path = self.draws.manifest.path(view)
        size = decode_size(self.files.pictures(path), self.image_size, self.augment)
        changes: list[AugmentDraw | None] = [None] * len(clips)
        if self.augment:
            changes = [self.augment.draw(*size, torch.Generator().manual_seed(clip.seed)) for clip in clips]
        wanted = np.unique(np.concatenate([clip.numbers for clip in clips]))
        at_once = frames_at_once(torch.empty(1, *size, 3, dtype=torch.uint8))
        for numbers, pictures in self.files.blocks(path, wanted, size, at_once=at_once, threads=threads):
            block = torch.from_numpy(pictures)
            for clip, change in zip(clips, changes):
                rows = slice(*np.searchsorted(clip.numbers, (numbers[0], numbers[-1] + 1)))
                places = np.searchsorted(numbers, clip.numbers[rows])
                if not len(places):
                    continue
                part = block[places[0] : places[-1] + 1] if (np.diff(places) == 1).all() else block[places]
                if self.augment and change:
                    self.augment.reshape(part, change, channels_last(clip.target[rows]))
                else:
                    clip.target[rows] = part.permute(0, 3, 1, 2)
        for clip, change in zip(clips, changes):
            if self.augment and change:
                self.augment.recolor(channels_last(clip.target), change, clip.target)


@dataclass(frozen=True)
class _Clip:
    """What one view of a sample is made of, and where it goes."""

    numbers: np.ndarray  # int64 [t] frames in the file, in their order
    target: Tensor  # uint8 [t, 3, S, S]
    seed: int


def decode_size(info: VideoInfo, image_size: int, augment: ClipAugment | None) -> tuple[int, int]:
    """(height, width) to decode at: hardly more pixels than augmentation can make use of."""
    if augment is None:
        return image_size, image_size
    useful = math.ceil(image_size / math.sqrt(augment.crop_scale))
    shrink = useful / min(info.height, info.width)
    if shrink > HARDLY_SMALLER:
        return info.height, info.width
    return round(info.height * shrink), round(info.width * shrink)


def prepare_frames(clip: np.ndarray, image_size: int, augment: ClipAugment | None, seed: int) -> Tensor:
    """uint8 [T, H, W, 3] → float32 [T, 3, S, S] in 0…1, augmented (one draw for all frames) or resized."""
    frames = torch.from_numpy(clip).permute(0, 3, 1, 2)  # [T, 3, H, W]
    if augment is None:
        return to_model_input(frames, image_size)
    return augment(frames, torch.Generator().manual_seed(seed))
