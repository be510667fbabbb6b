"""Random changes of sound: within their bounds, seeded, and each can be switched off."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from videosync.audio.augment import SoundAugment

PLAIN: dict[str, Any] = dict(volume=0.0, time_masks=0, frequency_masks=0, crop=False)


def seeded(seed: int) -> Generator:
    return torch.Generator().manual_seed(seed)


def spectrogram() -> Tensor:
    """[1, 80, 201] without zeros, different everywhere."""
    return 1 + torch.arange(80 * 201, dtype=torch.float32).reshape(1, 80, 201)


def test_switched_off_nothing_changes() -> None:
    augment = SoundAugment(**PLAIN)
    torch.testing.assert_close(augment.spectrogram(spectrogram(), seeded(0)), spectrogram())
    torch.testing.assert_close(augment.waveform(torch.ones(5), seeded(0)), torch.ones(5))


def test_the_volume_stays_within_its_bounds() -> None:
    gains = torch.stack([SoundAugment().waveform(torch.ones(3), seeded(seed)) for seed in range(200)])
    assert (gains == gains[:, :1]).all()
    assert 0.8 <= gains.min() < 0.82
    assert 1.18 < gains.max() <= 1.2


@pytest.mark.parametrize(
    ("kind", "axis", "longest"), [("time_masks", -1, 40), ("frequency_masks", -2, 20)], ids=["time", "frequency"]
)
def test_masks_go_across_and_are_no_longer_than_said(kind: str, axis: int, longest: int) -> None:
    lengths = set()
    for seed in range(200):
        masked = SoundAugment(**{**PLAIN, kind: 2}).spectrogram(spectrogram(), seeded(seed))
        gone = (masked == 0).movedim(axis, 0).flatten(1)  # [frames or mels, the others]
        assert (gone.all(1) == gone.any(1)).all()
        assert (masked == spectrogram())[masked != 0].all()
        lengths.add(int(gone.all(1).sum()))
    assert longest // 2 < max(lengths) <= longest


def test_the_crop_keeps_the_shape_and_reaches_into_the_empty_canvas() -> None:
    augment = SoundAugment(**{**PLAIN, "crop": True})
    crops = [augment.spectrogram(torch.ones(2, 1, 80, 201), seeded(seed)) for seed in range(60)]
    assert all(crop.shape == (2, 1, 80, 201) for crop in crops)
    assert any((crop == 0).any() for crop in crops)
    assert any(crop.sub(1).abs().max() < 1e-4 for crop in crops)
    whole = SoundAugment(**{**PLAIN, "crop": True}, canvas=1.0, crop_scale=[1.0, 1.0])
    torch.testing.assert_close(whole.spectrogram(spectrogram(), seeded(0)), spectrogram())
    assert not torch.equal(augment.spectrogram(spectrogram(), seeded(0)), augment.spectrogram(spectrogram(), seeded(1)))


def test_the_same_seed_gives_the_same_draw() -> None:
    generators = seeded(7), seeded(7)
    drawn = [SoundAugment().spectrogram(spectrogram(), generator) for generator in generators]
    assert torch.equal(*drawn)
    # what is switched off draws all the same: the next clip is not changed by it
    SoundAugment(crop=False).spectrogram(spectrogram(), generators[0])
    SoundAugment().spectrogram(spectrogram(), generators[1])
    assert torch.equal(*(torch.rand(3, generator=generator) for generator in generators))


def test_clips_shorter_than_a_mask() -> None:
    for frames in (1, 2, 11):
        assert SoundAugment().spectrogram(torch.ones(1, 80, frames), seeded(1)).shape == (1, 80, frames)
