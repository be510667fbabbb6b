"""What goes into the backbone: colours as the networks want them, or differences between frames."""

import numpy as np
import pytest
import torch

from videosync.models.constants import MOTION_LAGS, MOTION_THRESHOLD, MOTION_UNIT
from videosync.models.inputs import MotionInput, RGBInput


def slow_motion(frames, lag, context=0):
    """Log differences of frames ``context`` … of one clip [T,3,H,W], in float64, the first ones copied."""
    grey = np.tensordot([0.299, 0.587, 0.114], frames, axes=(0, 1))  # [T, H, W]
    padded = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="edge")
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16
    height, width = grey.shape[1:]
    blurred = sum(kernel[y, x] * padded[:, y : y + height, x : x + width] for y in range(3) for x in range(3))
    out = []
    for t in range(context, len(frames)):
        t = max(t, lag)
        change = np.abs(blurred[t] - blurred[t - lag])
        out.append(np.log(1 + np.maximum(change - MOTION_THRESHOLD, 0) / MOTION_UNIT))
    return np.stack(out)


@pytest.mark.parametrize("context", [0, 1, 4])
def test_motion_equals_the_formula(context):
    frames = torch.rand(2, 12, 3, 8, 9)
    got = MotionInput().channels(frames, None, context)
    assert got.shape == (2, 12 - context, 3, 8, 9)
    for b in range(2):
        for channel, lag in enumerate(MOTION_LAGS):
            want = slow_motion(frames[b].double().numpy(), lag, context)
            np.testing.assert_allclose(got[b, :, channel], want, atol=1e-5)


@pytest.mark.parametrize("kind", [RGBInput, MotionInput])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_the_exported_form_equals_whole_clips(kind, dtype):
    frames = torch.randint(0, 256, (2, 9, 3, 8, 9), dtype=torch.uint8)
    if dtype == torch.float32:
        frames = frames / 255
    assert torch.equal(kind().whole_clip_channels(frames), kind().channels(frames, None, 0))


def test_a_still_or_noisy_picture_has_no_motion():
    still = torch.full((1, 6, 3, 8, 8), 0.5)
    noisy = still + (torch.rand_like(still) - 0.5) * 2 / 255
    assert MotionInput().channels(noisy, None, 0).abs().max() == 0


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_clips_shorter_than_a_lag(length):
    frames = torch.rand(1, length, 3, 8, 8)
    channels = MotionInput().channels(frames, None, 0)
    assert channels.shape == (1, length, 3, 8, 8)
    assert torch.isfinite(channels).all()
    assert bool((channels == 0).all()) == (length == 1)


def test_padding_anywhere_does_not_reach_real_frames():
    motion = MotionInput()
    frames = torch.rand(2, 14, 3, 8, 8)
    mask = torch.ones(2, 14, dtype=torch.bool)
    mask[0, 9:] = False
    mask[1, :3] = False
    other = frames.clone()
    other[~mask] = 0.9
    a, b = motion.channels(frames, mask, 0), motion.channels(other, mask, 0)
    torch.testing.assert_close(a[mask], b[mask])
    torch.testing.assert_close(a[0, :9], motion.channels(frames[:1, :9], None, 0)[0])
    torch.testing.assert_close(a[1, 3:], motion.channels(frames[1:, 3:], None, 0)[0])


def test_uint8_is_the_same_picture():
    frames = torch.randint(0, 256, (1, 6, 3, 8, 8), dtype=torch.uint8)
    for module in (RGBInput(), MotionInput()):
        a = module.normalise(module.channels(frames, None, 0)[0])
        b = module.normalise(module.channels(frames.float() / 255, None, 0)[0])
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-4)


def test_rgb_normalisation():
    colour = torch.tensor([0.485, 0.456, 0.406])
    frames = colour.view(1, 1, 3, 1, 1).expand(1, 5, 3, 4, 4)
    rgb = RGBInput()
    assert rgb.channels(frames, None, 2).shape == (1, 3, 3, 4, 4)
    assert rgb.normalise(frames[0]).abs().max() < 1e-6
    assert rgb.normalise(frames[0] + 0.229)[:, 0].mean().item() == pytest.approx(1, rel=1e-5)


def test_autocast_does_not_blunt_small_changes():
    frames = torch.rand(1, 6, 3, 8, 8) * 0.02 + 0.9
    motion = MotionInput()
    with torch.autocast("cpu", torch.bfloat16):
        cast = motion.channels(frames, None, 0)
    torch.testing.assert_close(cast, motion.channels(frames, None, 0))


@pytest.mark.shared
def test_real_footage_comes_out_at_about_unit_scale(shared):
    from videosync.video.read import read_frames

    motion = MotionInput()
    for name in ("handpose3d_2/cam0.mp4", "caliscope_A/cam1.mp4"):
        frames = read_frames(shared / "realsync" / name, 0, 50, size=(96, 96))
        clip = torch.from_numpy(frames).permute(0, 3, 1, 2)[None]
        values = motion.normalise(motion.channels(clip, None, 0)[0])
        assert (values.mean((0, 2, 3)).abs() < 0.5).all()
        assert ((values.std((0, 2, 3)) > 0.5) & (values.std((0, 2, 3)) < 2)).all()
