"""One draw per clip, equal for all frames; values in 0…1; identity when off; blur, colour and crop do what they say."""

from __future__ import annotations

import colorsys
import dataclasses
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from tests.reference.colors import SLOW
from videosync.video.color import JITTER, LUMA, color_map
from videosync.video.transforms import IMAGENET_MEAN, ClipAugment, to_model_input

OFF: dict[str, Any] = dict(crop_scale=1.0, flip=0.0, color_prob=0.0, gray_prob=0.0, blur_prob=0.0)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def noise(frames: int = 9, height: int = 60, width: int = 80) -> torch.Tensor:
    return torch.randint(0, 256, (frames, height, width, 3), dtype=torch.uint8, generator=generator(1))


@pytest.mark.parametrize("seed", range(12))
def test_all_frames_of_a_clip_are_changed_alike(seed: int) -> None:
    clip = noise(1).expand(9, -1, -1, -1)
    out = ClipAugment(48)(clip, generator(seed))
    assert out.shape == (9, 3, 48, 48)
    assert out.dtype == torch.float32
    assert 0 <= out.min() < out.max() <= 1
    assert out.isfinite().all()
    # frames are coloured a few at a time, and the last few may be multiplied by another kernel
    torch.testing.assert_close(out, out[:1].expand_as(out), atol=1e-6, rtol=0)


def test_same_generator_same_clip_and_layouts_agree() -> None:
    clip, augment = noise(), ClipAugment(32)
    channels = clip.permute(0, 3, 1, 2)  # [T, 3, H, W]
    for seed in range(6):
        first = augment(clip, generator(seed))
        for same in (clip, channels, channels.contiguous()):
            assert torch.equal(first, augment(same, generator(seed)))
    assert not torch.equal(augment(clip, generator(0)), augment(clip, generator(1)))


def test_draw_does_not_depend_on_what_is_off() -> None:
    full, off = ClipAugment(32, crop_scale=0.5), ClipAugment(32, **{**OFF, "crop_scale": 0.5})
    for seed in range(5):
        one, two = (a.draw(60, 80, generator(seed)) for a in (full, off))
        assert (one.top, one.left, one.height, one.width) == (two.top, two.left, two.height, two.width)


def test_everything_off_is_a_plain_resize() -> None:
    clip, off = noise(), ClipAugment(32, **OFF)
    for seed in range(5):
        assert torch.equal(off(clip, generator(seed)), to_model_input(clip, 32))


def test_model_input_of_both_layouts_and_unresized() -> None:
    clip = noise(3, 40, 40)
    channels = clip.permute(0, 3, 1, 2)
    assert torch.equal(to_model_input(clip, 40), channels.float() / 255)
    assert torch.equal(to_model_input(clip, 16), to_model_input(channels, 16))
    exact = F.interpolate(channels.float(), size=(16, 16), mode="bilinear", antialias=True) / 255
    assert (to_model_input(clip, 16) - exact).abs().max() < 1.5 / 255


def test_crops_fit_and_have_the_area_and_shape_asked_for() -> None:
    augment, shares, shapes = ClipAugment(32, crop_scale=0.25), [], []
    for seed in range(300):
        draw = augment.draw(360, 640, generator(seed))
        assert 0 <= draw.top <= 360 - draw.height
        assert 0 <= draw.left <= 640 - draw.width
        shares.append(draw.height * draw.width / (360 * 640))
        shapes.append(math.log((draw.width / 640) / (draw.height / 360)))
    assert 0.24 < min(shares) < 0.3
    assert 0.95 < max(shares) <= 1
    assert max(map(abs, shapes)) < math.log(4 / 3) + 0.02
    assert max(map(abs, shapes)) > 0.25


def test_flip_mirrors_left_and_right() -> None:
    clip = noise(2, 32, 32)
    flipped = ClipAugment(32, **{**OFF, "flip": 1.0})(clip, generator())
    assert torch.equal(flipped, to_model_input(clip, 32).flip(3))


def test_switches_happen_as_often_as_asked() -> None:
    augment = ClipAugment(32, flip=0.3, gray_prob=0.2, blur_prob=0.6, color_prob=0.5)
    draws = [augment.draw(60, 80, generator(s)) for s in range(1000)]
    shares = np.mean([(d.flip, d.gray, d.sigma > 0, d.brightness != 1) for d in draws], axis=0)
    assert shares == pytest.approx([0.3, 0.2, 0.6, 0.5], abs=0.06)


def test_cutout_is_one_square_of_the_mean_colour_in_all_frames() -> None:
    """Its middle may lie anywhere; what else happens to a clip is as without it."""
    clip, plain = noise(3, 40, 40), ClipAugment(32)
    augment = ClipAugment(32, cutout=9)
    whole = 0
    for seed in range(30):
        out, expected = augment(clip, generator(seed)), plain(clip, generator(seed))
        hole = (out - torch.tensor(IMAGENET_MEAN).view(3, 1, 1)).abs().amax((0, 1)) < 1e-6  # [S, S]
        rows, columns = hole.any(1).nonzero().flatten(), hole.any(0).nonzero().flatten()
        assert hole.sum() == len(rows) * len(columns)
        assert 4 <= min(len(rows), len(columns)) <= max(len(rows), len(columns)) <= 9
        assert torch.equal(out[..., ~hole], expected[..., ~hole])
        whole += hole.sum().item() == 81
    assert 10 <= whole <= 30


def test_gray_is_luma_in_all_channels() -> None:
    clip = noise(3, 32, 32)
    out = ClipAugment(32, **{**OFF, "gray_prob": 1.0})(clip, generator())
    luma = (to_model_input(clip, 32) * torch.tensor(LUMA).view(1, 3, 1, 1)).sum(1)
    assert (out - luma[:, None]).abs().max() < 1e-5


def test_blur_equals_a_gaussian_convolution() -> None:
    clip = noise(3, 64, 64)
    augment = ClipAugment(64, **{**OFF, "blur_prob": 1.0})
    draw = augment.draw(64, 64, generator(4))
    radius = max(1, math.ceil(3 * draw.sigma))
    line = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / draw.sigma) ** 2)
    line /= line.sum()
    kernel = (line[:, None] * line).expand(3, 1, -1, -1)
    padded = F.pad(to_model_input(clip, 64), (radius,) * 4, mode="reflect")
    assert (augment.apply(clip, draw) - F.conv2d(padded, kernel, groups=3)).abs().max() < 1e-5


RGB, MEAN = torch.tensor([0.8, 0.1, 0.4]), torch.tensor([0.3, 0.5, 0.2])
GREY, MEAN_GREY = (float(colour @ torch.tensor(LUMA)) for colour in (RGB, MEAN))


def one_map(**changes: Any) -> tuple[torch.Tensor, torch.Tensor]:
    plain = dict(brightness=1.0, contrast=1.0, saturation=1.0, hue=0.0, gray=False)
    return color_map(MEAN, **{**plain, **changes})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, RGB),
        ({"brightness": 1.3}, 1.3 * RGB),
        ({"contrast": 0.5}, 0.5 * RGB + 0.5 * MEAN_GREY),
        ({"saturation": 0.25}, 0.25 * RGB + 0.75 * GREY),
        ({"gray": True}, torch.full((3,), GREY)),
        ({"brightness": 0.5, "contrast": 2.0}, 2.0 * 0.5 * RGB - 0.5 * MEAN_GREY),
    ],
    ids=str,
)
def test_color_maps_in_closed_form(changes: dict[str, Any], expected: torch.Tensor) -> None:
    matrix, offset = one_map(**changes)
    assert matrix @ RGB + offset == pytest.approx(expected, abs=1e-5)


def test_hue_turns_colours_and_leaves_grey_and_luma() -> None:
    matrix, offset = one_map(hue=1 / 3)
    turned = matrix @ torch.tensor([0.6, 0.3, 0.3]) + offset
    hue = colorsys.rgb_to_hsv(*turned.tolist())[0]
    assert min(abs(hue - 1 / 3), abs(hue - 2 / 3)) < 0.06
    assert matrix @ torch.full((3,), 0.4) == pytest.approx(torch.full((3,), 0.4), abs=1e-4)
    assert float(turned @ torch.tensor(LUMA)) == pytest.approx(0.6 * 0.299 + 0.3 * 0.701, abs=1e-4)
    back, _ = one_map(hue=-1 / 3)
    assert back @ matrix == pytest.approx(torch.eye(3), abs=1e-4)


JITTERED = dict(brightness=0.9, contrast=1.2, saturation=0.7, hue=0.05)


@pytest.mark.parametrize(
    "order",
    [("brightness",), ("contrast",), ("saturation",), ("hue",), tuple(JITTER), tuple(reversed(JITTER))],
    ids="-".join,
)
def test_reference_jitter_is_that_of_each_frame_in_the_order_drawn(order: tuple[str, ...]) -> None:
    """Frames of different light: around the mean of all of them contrast would give something else."""
    light = torch.tensor([0.3, 0.45, 0.6]).view(3, 1, 1, 1)
    clip = ((light + 0.1 * noise(3, 32, 32) / 255) * 255).to(torch.uint8)
    augment = ClipAugment(32, **{**OFF, "reference": True})
    plain = augment.draw(32, 32, generator())
    draw = dataclasses.replace(plain, **{name: JITTERED[name] for name in order}, order=order)  # type: ignore[arg-type]
    expected = clip.numpy() / 255
    for name in order:
        expected = np.stack([SLOW[name](frame, JITTERED[name]) for frame in expected])
    found = augment.apply(clip, draw).permute(0, 2, 3, 1).numpy()
    assert np.abs(found - expected).max() < 1e-5
    if "contrast" in order:
        around_clip = ClipAugment(32, **OFF).apply(clip, draw).permute(0, 2, 3, 1).numpy()
        assert np.abs(around_clip - expected).max() > 0.02


def test_reference_draws_blur_with_jitter_alone_and_every_order() -> None:
    reference, ours = ClipAugment(32, crop_scale=0.8, reference=True), ClipAugment(32, crop_scale=0.8)
    draws = [reference.draw(60, 80, generator(s)) for s in range(2000)]
    jitter, blur = (np.array(x) for x in zip(*[(d.brightness != 1, d.sigma > 0) for d in draws]))
    assert not (blur & ~jitter).any()
    assert blur.mean() == pytest.approx(0.4, abs=5 * np.sqrt(0.4 * 0.6 / 2000))
    counts = Counter(d.order for d in draws)
    assert len(counts) == 24
    assert max(counts.values()) < 2000 / 24 + 5 * np.sqrt(2000 / 24)
    for seed, draw in enumerate(draws[:200]):  # nothing else differs
        other = ours.draw(60, 80, generator(seed))
        assert other.order == JITTER
        assert dataclasses.replace(draw, sigma=0.0, order=JITTER) == dataclasses.replace(other, sigma=0.0)


@pytest.mark.parametrize(
    "bad", [{"size": 0}, {"crop_scale": 0.0}, {"flip": 1.5}, {"blur_prob": -0.1}, {"hue": 0.7}, {"contrast": -1.0}]
)
def test_impossible_options(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(bad))):
        ClipAugment(**{"size": 32, **bad})


def test_clips_of_another_kind_are_refused() -> None:
    for clip in (noise().float(), noise()[0], noise()[..., :2], noise()[:0]):
        with pytest.raises(ValueError, match="clip must be uint8"):
            to_model_input(clip, 16)


@pytest.mark.gpu
def test_cuda_agrees_with_cpu() -> None:
    clip, augment = noise(70), ClipAugment(32)
    for seed in range(4):
        on_cpu, on_gpu = augment(clip, generator(seed)), augment(clip.cuda(), generator(seed))
        assert (on_gpu.cpu() - on_cpu).abs().max() < 3 / 255
