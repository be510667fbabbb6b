"""Training samples: two time-augmented views, of one video or of two cameras of one event."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from videosync.data.draws import ClipDraws, Draw
from videosync.data.samples import View
from videosync.types import ClipBatch
from videosync.video.read import VideoInfo, probe, read_frames_at
from videosync.video.transforms import ClipAugment, to_model_input


@dataclass(frozen=True)
class ClipPair:
    """One training sample (see the shape legend in :mod:`videosync.types`)."""

    frames: Tensor  # float32 [2, T, 3, S, S] in 0…1, or backbone features [2, T, F]; padding is 0
    mask: Tensor  # bool [2, T]
    steps: Tensor  # int64 [2, T]
    lengths: Tensor  # int64 [2]
    name: str
    labels: Tensor | None = None  # int64 [2, T]


def collate(pairs: Sequence[ClipPair]) -> ClipBatch:
    """B samples → one batch; it has labels when all samples have."""
    labels = [pair.labels for pair in pairs if pair.labels is not None]
    return ClipBatch(
        frames=torch.stack([pair.frames for pair in pairs]),  # [B, 2, T, ...]
        mask=torch.stack([pair.mask for pair in pairs]),
        steps=torch.stack([pair.steps for pair in pairs]),
        lengths=torch.stack([pair.lengths for pair in pairs]),
        names=tuple(pair.name for pair in pairs),
        labels=torch.stack(labels) if len(labels) == len(pairs) else None,
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
        return ClipPair(
            frames=self._frames(draw),
            mask=torch.from_numpy(draw.mask),
            steps=torch.from_numpy(draw.steps),
            lengths=torch.from_numpy(draw.lengths),
            name=draw.name,
            labels=None if draw.labels is None else torch.from_numpy(draw.labels),
        )

    @abstractmethod
    def _frames(self, draw: Draw) -> Tensor:
        """Of both views, padding included: [2, T, ...]."""


class TrainingClips(DrawnClips):
    """View pairs decoded from the files: only the frames that are drawn, shrunk on the way.

    Each view of a pair gets its own draw of ``augment`` (None: frames are resized). For augmentation a frame
    is decoded at its own shape, its short side shrunk to ``image_size / sqrt(smallest crop)`` pixels at
    most: even the smallest crop has then no fewer pixels than the model sees.

    Item i depends on (seed, epoch, i) alone; see :class:`~videosync.data.draws.ClipDraws` for what is drawn.

    Args:
        draws: which frames of which views make up each item. image_size: S, pixels.

    Raises:
        VideoError: a file cannot be read.
    """

    def __init__(self, draws: ClipDraws, *, image_size: int, augment: ClipAugment | None) -> None:
        super().__init__(draws)
        self.image_size = image_size
        self.augment = augment

    def _frames(self, draw: Draw) -> Tensor:
        real = [numbers[mask] for numbers, mask in zip(draw.numbers, draw.mask)]  # padding is not read
        view0, view1 = draw.views
        if view0 == view1:  # one pass over the file
            clips = np.split(self._decode(view0, np.concatenate(real)), [len(real[0])])
        else:
            clips = [self._decode(view, numbers) for view, numbers in zip(draw.views, real)]
        size = self.image_size
        frames = torch.zeros(2, draw.mask.shape[1], 3, size, size)
        for target, clip, seed in zip(frames, clips, draw.seeds):
            target[: len(clip)] = prepare_frames(clip, size, self.augment, seed)
        return frames

    def _decode(self, view: View, numbers: np.ndarray) -> np.ndarray:
        path = self.draws.manifest.path(view)
        return read_frames_at(path, numbers, size=decode_size(probe(path), self.image_size, self.augment))


def decode_size(info: VideoInfo, image_size: int, augment: ClipAugment | None) -> tuple[int, int]:
    """(height, width) to decode at: no more pixels than augmentation can make use of."""
    if augment is None:
        return image_size, image_size
    useful = math.ceil(image_size / math.sqrt(augment.crop_scale))
    shrink = min(1.0, useful / min(info.height, info.width))
    return round(info.height * shrink), round(info.width * shrink)


def prepare_frames(clip: np.ndarray, image_size: int, augment: ClipAugment | None, seed: int) -> Tensor:
    """uint8 [T, H, W, 3] → float32 [T, 3, S, S] in 0…1, augmented (one draw for all frames) or resized."""
    frames = torch.from_numpy(clip).permute(0, 3, 1, 2)  # [T, 3, H, W]
    if augment is None:
        return to_model_input(frames, image_size)
    return augment(frames, torch.Generator().manual_seed(seed))
