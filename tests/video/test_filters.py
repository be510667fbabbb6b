"""Frames that are changed in their own memory are what the slow formulas say."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.ndimage import convolve1d

from videosync.video import filters
from videosync.video.color import color_map
from videosync.video.filters import channels_last, gaussian, mean_color, resize
from videosync.video.transforms import ClipAugment

CLIP = torch.randint(0, 256, (7, 40, 50, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("size", [16, 40])
def test_resized_is_interpolated_with_the_colours_in_either_order(flip, size):
    part = CLIP[:, 3:, 2:42] if size == 16 else CLIP[:, :, 5:45]
    expected = F.interpolate(part.permute(0, 3, 1, 2), size=(size, size), mode="bilinear", antialias=True)
    expected = expected.flip(3) if flip else expected
    memory = torch.zeros_like(expected, memory_format=torch.contiguous_format)
    resize(part, size, flip=flip, out=channels_last(memory))
    assert torch.equal(memory.view(7, size, size, 3), expected.permute(0, 2, 3, 1))
    assert torch.equal(resize(part, size, flip=flip), expected)
    assert torch.equal(resize(part, size, flip=flip, out=torch.zeros_like(memory)), expected)


def slow(small, draw, size, offset_mean):
    """float64 [T,S,S,3] in 0…255, not rounded."""
    values = small.permute(0, 2, 3, 1).double().numpy()
    if draw.sigma:
        half = gaussian(draw.sigma, size)
        for axis in (1, 2):
            values = convolve1d(values, half[:0:-1] + half, axis=axis, mode="mirror")
    names = ("brightness", "contrast", "saturation", "hue", "gray", "order")
    matrix, offset = color_map(offset_mean, **{name: getattr(draw, name) for name in names})
    shifts = 255 * offset.double().numpy().reshape(-1, 1, 1, 3)
    return (values @ matrix.double().numpy().T + shifts).clip(0, 255)


@pytest.mark.parametrize("reference", [False, True])
@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_blur_and_colour_in_place_are_the_slow_formula_rounded(monkeypatch, reference, at_once):
    monkeypatch.setitem(filters.VALUES_AT_ONCE, "cpu", at_once * 3 * 24 * 24)
    augment = ClipAugment(24, reference=reference)
    for seed in range(12):
        draw = augment.draw(40, 50, torch.Generator().manual_seed(seed))
        draw = dataclasses.replace(draw, sigma=0.8 if seed % 2 else 0.0)
        small = augment.reshape(CLIP, draw)
        mean = small.double().mean((2, 3)) / 255 if reference else mean_color(small[:, :, ::4, ::4])
        expected = slow(small, draw, 24, mean)
        for last in (True, False):
            memory = torch.empty(small.shape, dtype=torch.uint8)
            start = channels_last(memory) if last else memory
            start.copy_(small)
            augment.recolor(start, draw, memory)
            assert np.abs(memory.permute(0, 2, 3, 1).numpy() - expected).max() < 0.501
        out = augment.recolor(small, draw, torch.empty(small.shape))
        assert np.abs(255 * out.permute(0, 2, 3, 1).numpy() - expected).max() < 1e-3


def test_mean_colour_is_exact_and_unchanged_frames_move_in_their_memory():
    small = CLIP[:, :, :40].permute(0, 3, 1, 2)
    assert mean_color(small).numpy() == pytest.approx(CLIP[:, :, :40].double().mean((0, 1, 2)).numpy() / 255, rel=1e-14)
    memory = torch.empty(small.shape, dtype=torch.uint8)
    channels_last(memory).copy_(small)
    filters.unchanged(channels_last(memory), memory)
    assert torch.equal(memory, small)
