"""Training samples of videos with sound: two clips of each, with pictures and log-mel spectrograms.

Times count from a file's first picture. Pictures are those shown nearest to the times asked for, whatever the file's
own rate is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from videosync.audio.augment import SoundAugment
from videosync.audio.log_mel import SAMPLE_RATE, log_mel
from videosync.data.both_streams import TOLERANCE, common_time
from videosync.data.datasets import decode_size, prepare_frames
from videosync.data.decoded import DecodedFiles
from videosync.data.draws import EpochDraws
from videosync.data.relations import Moments, draw_moments, seconds_needed
from videosync.data.samples import Manifest
from videosync.errors import ManifestError, VideoError
from videosync.types import AudioVisualBatch
from videosync.video.read import VideoInfo
from videosync.video.transforms import ClipAugment, normalise


@dataclass(frozen=True)
class AudioVisualPair:
    """One training sample: two clips of a video."""

    video: Tensor  # float32 [2, 3, T, S, S] with ImageNet's mean and deviation taken out
    audio: Tensor  # float32 [2, 1, 80, F] log-mel, standardised
    name: str


def collate_pairs(pairs: Sequence[AudioVisualPair]) -> AudioVisualBatch:
    """B samples → one batch."""
    return AudioVisualBatch(
        video=torch.stack([pair.video for pair in pairs]),
        audio=torch.stack([pair.audio for pair in pairs]),
        names=tuple(pair.name for pair in pairs),
    )


class AudioVisualClips(Dataset[AudioVisualPair]):
    """Two clips of each video, ``samples_per_video`` times an epoch.

    Item i depends on (seed, epoch, i) alone. Of a line with several views one is drawn.

    Args:
        relation: how the two clips lie in time (:data:`videosync.data.relations.RELATIONS`).
        num_frames: T, pictures of a clip, ``fps`` of them a second. audio_seconds: length of its sound.
        image_size: S, pixels.
        augment, sound: random changes, drawn for each clip; None: pictures are resized, sound stays as it is.
        files: reads them.

    Raises:
        ManifestError: no such split, or videos that are too short for the relation (they are counted, and one named).
        VideoError, AudioError: a file cannot be read, has no sound, or too little of either; when an item is drawn.
    """

    def __init__(
        self,
        manifest: Manifest,
        split: str,
        *,
        relation: str,
        num_frames: int,
        fps: float,
        audio_seconds: float,
        image_size: int,
        samples_per_video: int,
        seed: int,
        augment: ClipAugment | None,
        sound: SoundAugment | None,
        files: DecodedFiles | None = None,
    ) -> None:
        self.manifest = manifest
        self.draws = EpochDraws(manifest.of_split(split), samples_per_video=samples_per_video, seed=seed)
        self.relation = relation
        self.fps = fps
        self.offsets = (np.arange(num_frames) - (num_frames - 1) / 2) / fps  # [T] of the pictures from a clip's middle
        self.lengths = {"video_seconds": num_frames / fps, "audio_seconds": audio_seconds}
        self.needed = seconds_needed(relation, **self.lengths)
        self.image_size = image_size
        self.augment = augment
        self.sound = sound
        self.files = files or DecodedFiles()
        self._check_lengths(split)

    def __len__(self) -> int:
        return len(self.draws)

    def set_epoch(self, epoch: int) -> None:
        """The epoch whose samples come next; living worker processes see it too."""
        self.draws.set_epoch(epoch)

    def __getitem__(self, index: int) -> AudioVisualPair:
        sample, rng = self.draws.samples[self.draws.line(index)], self.draws.rng(index)
        view = sample.views[rng.integers(len(sample.views))]
        seeds = [int(seed) for seed in rng.integers(2**62, size=2)]
        path = self.manifest.path(view)
        try:
            info = self.files.pictures(path)
            start, end = common_time(info, self.files.sound_track(path), self.needed)
            moments = draw_moments(self.relation, start, end, **self.lengths, rng=rng)
            video, audio = self._pictures(path, info, moments, seeds), self._sound(path, moments, seeds)
        except VideoError as error:
            remedy = f"'videosync check {self.manifest.root} --all --sound {self.needed:g}' names all such files"
            raise type(error)(f"{str(error).rstrip('.')}; {remedy}") from error
        return AudioVisualPair(video, audio, f"{sample.event}/{view.name}")

    def _check_lengths(self, split: str) -> None:
        """What the manifest tells before anything is read."""
        views = {view.video: view.num_frames / view.fps for sample in self.draws.samples for view in sample.views}
        short = {video: seconds for video, seconds in views.items() if seconds < self.needed - TOLERANCE}
        if short:
            video, seconds = next(iter(short.items()))
            raise ManifestError(
                f"{self.manifest.root}: {len(short)} of {len(views)} videos of split '{split}' are too short for two "
                f"clips with relation '{self.relation}', which need {self.needed:g} s (pictures of "
                f"{self.lengths['video_seconds']:g} s, sound of {self.lengths['audio_seconds']:g} s), the first: "
                f"{video} ({seconds:.2f} s); take them out of the manifest, or ask for less with data.relation, "
                "audio.seconds, or data.num_frames and data.fps"
            )

    def _pictures(self, path: Path, info: VideoInfo, moments: Moments, seeds: Sequence[int]) -> Tensor:
        """[2, 3, T, S, S], in one pass over the file."""
        times = info.times - info.times[0]
        wanted = np.concatenate([middle + self.offsets for middle in moments.video])  # [2 T]
        size = decode_size(info, self.image_size, self.augment)
        frames = self.files.frames(path, nearest(times, wanted), size)
        clips = [
            normalise(prepare_frames(clip, self.image_size, self.augment, seed)).transpose(0, 1)  # [3, T, S, S]
            for clip, seed in zip(np.split(frames, 2), seeds)
        ]
        return torch.stack(clips)

    def _sound(self, path: Path, moments: Moments, seeds: Sequence[int]) -> Tensor:
        """[2, 1, 80, F]; what both clips hear is decoded once."""
        seconds = self.lengths["audio_seconds"]
        starts = [middle - seconds / 2 for middle in moments.audio]
        samples = round(seconds * SAMPLE_RATE)
        apart = round((starts[1] - starts[0]) * SAMPLE_RATE)
        if abs(apart) <= samples:
            stretch = torch.from_numpy(self.files.sound(path, min(starts), (samples + abs(apart)) / SAMPLE_RATE))
            waves = [stretch[max(0, -apart) :][:samples], stretch[max(0, apart) :][:samples]]
        else:
            waves = [torch.from_numpy(self.files.sound(path, start, seconds)) for start in starts]
        return torch.stack([self._spectrogram(wave, seed) for wave, seed in zip(waves, seeds)])

    def _spectrogram(self, wave: Tensor, seed: int) -> Tensor:
        """float32 [n] → [1, 80, F]."""
        if self.sound is None:
            return log_mel(wave)[None]
        generator = torch.Generator().manual_seed(seed)
        return self.sound.spectrogram(log_mel(self.sound.waveform(wave, generator)), generator)[None]


def nearest(times: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Numbers int64 [n] of the frames, shown at rising ``times`` [T], that are nearest to the times ``wanted`` [n]."""
    if len(times) == 1:
        return np.zeros(len(wanted), np.int64)
    behind = np.searchsorted(times, wanted).clip(1, len(times) - 1)
    before = behind - 1
    return np.where(wanted - times[before] <= times[behind] - wanted, before, behind)
