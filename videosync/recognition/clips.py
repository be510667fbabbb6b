"""Clips of files that are recognised: drawn at random to train on, evenly spaced to test; decoded before their use."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from videosync.audio.augment import SoundAugment
from videosync.audio.log_mel import SAMPLE_RATE, log_mel
from videosync.data.audio_visual import nearest
from videosync.data.datasets import decode_size, prepare_frames
from videosync.data.decoded import DecodedFiles
from videosync.errors import VideoError
from videosync.recognition.items import Item
from videosync.video.read import VideoInfo
from videosync.video.transforms import ClipAugment, normalise, to_model_input

AHEAD = 4  # files that may wait decoded, for each thread that reads
RESIZED = 8 / 7  # the shorter side before the centre crop, against the crop: 256 px to 224

Result = TypeVar("Result")


@dataclass
class Damage:
    """Files that could not be read, each with the reason; and those that are shorter than a clip."""

    unread: dict[Path, str] = field(default_factory=dict)
    short: set[Path] = field(default_factory=set)


def evenly_spaced(whole: float, clip: float, count: int) -> np.ndarray:
    """Where ``count`` clips of a file start, from its first moment to its last; one alone lies in the middle."""
    last = max(whole - clip, 0.0)
    return np.linspace(0, last, count) if count > 1 else np.array([last / 2])


def seeded(seed: int, *words: str | int) -> torch.Generator:
    """A generator that depends on nothing but these."""
    return torch.Generator().manual_seed(zlib.crc32("\0".join(map(str, (seed, *words))).encode()))


@dataclass(frozen=True)
class VideoClips:
    """What a network is shown of a video: ``num_frames`` pictures, ``fps`` of them a second, ``size`` px square.

    Pictures are those shown nearest to the times. Where a video ends before its clip does, its last one stays.
    """

    num_frames: int
    fps: float
    size: int
    files: DecodedFiles = field(default_factory=DecodedFiles)

    @property
    def seconds(self) -> float:
        return self.num_frames / self.fps

    def spaced(self, item: Item, count: int, damage: Damage) -> Tensor:
        """``count`` clips, evenly spaced, centre crop: float32 ``[count, 3, T, S, S]``. Raises VideoError."""
        info = self.files.pictures(item.path)
        seconds = length(info)
        if seconds < self.seconds - 0.5 / self.fps:
            damage.short.add(item.path)
        numbers = np.stack([self._numbers(info, start) for start in evenly_spaced(seconds, self.seconds, count)])
        shorter, target = min(info.height, info.width), round(self.size * RESIZED)
        height, width = (max(target, round(side * target / shorter)) for side in (info.height, info.width))
        found, places = np.unique(numbers, return_inverse=True)
        frames = torch.from_numpy(self.files.frames(item.path, found, size=(height, width)))  # [n, H, W, 3]
        top, left = (height - self.size) // 2, (width - self.size) // 2
        crop = frames[:, top : top + self.size, left : left + self.size]
        pictures = normalise(to_model_input(crop, self.size))  # [n, 3, S, S]
        return pictures[torch.from_numpy(places.reshape(numbers.shape))].transpose(1, 2).contiguous()

    def drawn(self, item: Item, augment: ClipAugment | None, generator: torch.Generator) -> Tensor:
        """A clip that starts anywhere: float32 ``[3, T, S, S]``. Raises VideoError."""
        info = self.files.pictures(item.path)
        start = max(length(info) - self.seconds, 0.0) * float(torch.rand((), generator=generator))
        frames = self.files.frames(item.path, self._numbers(info, start), size=decode_size(info, self.size, augment))
        seed = int(torch.randint(2**62, (), generator=generator))
        return normalise(prepare_frames(frames, self.size, augment, seed)).transpose(0, 1)

    def _numbers(self, info: VideoInfo, start: float) -> np.ndarray:
        """Of the pictures of a clip that starts at ``start`` seconds: int64 ``[T]``."""
        return nearest(info.times - info.times[0], start + np.arange(self.num_frames) / self.fps)


def length(info: VideoInfo) -> float:
    """Seconds from the first picture to the end of the last."""
    return float(info.times[-1] - info.times[0] + 1 / info.fps)


@dataclass(frozen=True)
class SoundClips:
    """What a network hears of a file: log-mel of ``seconds``. A file that ends earlier goes on in silence (zeros)."""

    seconds: float
    files: DecodedFiles = field(default_factory=DecodedFiles)

    @property
    def samples(self) -> int:
        return round(self.seconds * SAMPLE_RATE)

    def spaced(self, item: Item, count: int, damage: Damage) -> Tensor:
        """``count`` clips, evenly spaced: float32 ``[count, 1, 80, F]``. Raises AudioError."""
        sound = self._whole(item, damage)
        starts = np.round(evenly_spaced(len(sound), self.samples, count)).astype(int)
        return log_mel(torch.stack([sound[start : start + self.samples] for start in starts]))[:, None]

    def drawn(
        self, item: Item, count: int, augment: SoundAugment | None, generator: torch.Generator, damage: Damage
    ) -> Tensor:
        """``count`` clips that start anywhere, each changed by ``augment``: float32 ``[count, 1, 80, F]``."""
        sound = self._whole(item, damage)
        starts = (torch.rand(count, generator=generator) * (len(sound) - self.samples + 1)).long()
        clips = [sound[start : start + self.samples] for start in starts]
        if augment is None:
            return log_mel(torch.stack(clips))[:, None]
        mel = log_mel(torch.stack([augment.waveform(clip, generator) for clip in clips]))
        return torch.stack([augment.spectrogram(one, generator) for one in mel])[:, None]

    def _whole(self, item: Item, damage: Damage) -> Tensor:
        """Of a file with pictures, as long as they are, so that clips of both streams are of the same moments."""
        if item.pictures:
            self.files.sound_track(item.path)  # a file without sound is told from one that is silent
        seconds = length(self.files.pictures(item.path)) if item.pictures else None
        found = self.files.sound(item.path, seconds=seconds)
        sound = torch.from_numpy(found)
        if len(sound) < self.samples:
            damage.short.add(item.path)
            return F.pad(sound, (0, self.samples - len(sound)))
        return sound


def read_ahead(
    items: Sequence[Item], read: Callable[[Item], Result], damage: Damage, *, threads: int
) -> Iterator[tuple[int, Result]]:
    """(place in ``items``, what ``read`` makes of it), in order; files that cannot be read are noted and left out."""
    with ThreadPoolExecutor(max(threads, 1), thread_name_prefix="decode") as pool:
        rest = iter(enumerate(items))
        submit: Callable[[tuple[int, Item]], Any] = lambda one: (one[0], one[1], pool.submit(read, one[1]))  # noqa: E731
        waiting = deque(map(submit, islice(rest, AHEAD * max(threads, 1))))
        try:
            while waiting:
                place, item, future = waiting.popleft()
                waiting.extend(map(submit, islice(rest, 1)))
                try:
                    yield place, future.result()
                except VideoError as error:
                    damage.unread[item.path] = str(error)
        finally:
            for _, _, future in waiting:
                future.cancel()
