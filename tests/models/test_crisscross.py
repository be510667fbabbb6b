"""The two backbones and the heads of CrissCross: published names and shapes, sizes, what each part sees."""

import hashlib
import json

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from videosync.losses.crisscross import CrissCross
from videosync.models.audio_resnet import AudioBackbone
from videosync.models.crisscross import CrissCrossModel
from videosync.models.options import CrissCrossOptions
from videosync.models.r2plus1d import VideoBackbone

SMALL = CrissCrossOptions(width=4, projection_size=16, prediction_size=8)
LAYOUTS = {  # sha256 of the published names and shapes, in their order
    "video": "2656e2f83410019bb4532fd90f2e4036ceddada91d9ab1e52b9be92d5fca73ff",
    "audio": "d72a5683b1799ee13649c268fe691ea5b86a6741bc1b1ed2f09add4cfe988c47",
}


def layout(backbone):
    return {name: list(tensor.shape) for name, tensor in backbone.state_dict().items()}


@pytest.mark.parametrize(("kind", "backbone"), [("video", VideoBackbone), ("audio", AudioBackbone)])
def test_names_and_shapes_are_the_published_ones(kind, backbone):
    with torch.device("meta"):
        found = layout(backbone())
    assert hashlib.sha256(json.dumps(found).encode()).hexdigest() == LAYOUTS[kind], found


@pytest.mark.shared
def test_the_published_layouts_name_by_name(shared):
    published = json.loads((shared / "golden" / "crisscross_backbone_layout.json").read_text())
    with torch.device("meta"):
        assert layout(VideoBackbone()) == published["video_backbone"]
        assert layout(AudioBackbone()) == published["audio_backbone"]


def gradient(convolution, x, weights):
    """Of its weights, after memory that may be taken was filled with NaN."""
    for size in (2**10, 2**12, 2**14, 2**16):
        torch.full((size,), torch.nan)
    convolution.weight.grad = None
    (convolution(x) * weights).sum().backward()
    return convolution.weight.grad


@pytest.mark.parametrize("channels_last", [True, False])
@pytest.mark.parametrize("frames", [2, 3, 8])  # each is 2 in some stage, which is less than the kernels over time
def test_gradients_in_bfloat16_are_those_of_float32(frames, channels_last):
    torch.manual_seed(0)
    video = VideoBackbone(width=8)
    if channels_last:
        video.to(memory_format=torch.channels_last_3d)
    seen = {}
    for name, module in video.named_modules():
        if isinstance(module, nn.Conv3d):
            module.register_forward_hook(lambda module, x, y, name=name: seen.update({name: (module, x[0], y)}))
    video(torch.randn(2, 3, frames, 32, 32))
    for name, (module, x, y) in seen.items():
        module._forward_hooks.clear()
        x, weights = x.detach(), torch.randn_like(y)
        expected = gradient(module, x, weights)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found = gradient(module, x, weights)
        assert (found - expected).abs().max() < 0.1 * expected.std(), name  # of 8 bits, sums of up to 16384 products


def test_sizes_of_the_last_maps():
    video, audio = VideoBackbone(width=2).eval(), AudioBackbone(width=2).eval()
    with torch.no_grad():
        assert video.feature_map(torch.randn(1, 3, 8, 112, 112)).shape == (1, 16, 1, 7, 7)
        assert video.feature_map(torch.randn(1, 3, 32, 64, 64)).shape == (1, 16, 4, 4, 4)
        for frames, published in ((201, 4608), (501, 10752)):  # 2 s and 5 s
            maps = F.max_pool2d(audio.feature_map(torch.randn(1, 1, 80, frames)), (1, 3), (1, 2))
            assert maps.numel() * 512 // audio.features == published


def test_pooling():
    video, clips = VideoBackbone(width=2).eval(), torch.randn(2, 3, 8, 32, 32)
    with torch.no_grad():
        maps = video.feature_map(clips).flatten(2)
        torch.testing.assert_close(video(clips), maps.mean(-1))
        torch.testing.assert_close(video(clips, pool="max"), maps.amax(-1))
        mel = torch.randn(2, 1, 80, 101)
        audio = AudioBackbone(width=2).eval()
        torch.testing.assert_close(audio(mel), audio.feature_map(mel).flatten(2).mean(-1))


def test_a_clip_without_its_mean_is_the_same_before_any_still_background():
    clip, background = torch.randn(1, 3, 8, 32, 32), torch.randn(1, 3, 1, 32, 32)
    for subtract, same in ((True, True), (False, False)):
        torch.manual_seed(0)
        backbone = VideoBackbone(width=2, normalise_clip=subtract).eval()
        with torch.no_grad():
            found = torch.allclose(backbone(clip), backbone(clip + background), rtol=1e-3, atol=1e-4)
        assert found is same


def test_heads_are_those_of_simsiam():
    model = CrissCrossModel(CrissCrossOptions(width=1))
    project, predict = model.project_video, model.predict_audio
    widths = [(m.in_features, m.out_features) for head in (project, predict) for m in head if isinstance(m, nn.Linear)]
    assert widths == [(8, 2048), (2048, 2048), (2048, 2048), (2048, 512), (512, 2048)]
    assert [type(m).__name__ for m in project] == [*["Linear", "BatchNorm1d", "ReLU"] * 2, "Linear", "BatchNorm1d"]
    assert not project[-1].affine
    assert sum(p.numel() for p in model.predictors()) == 2 * sum(p.numel() for p in predict.parameters())


def test_two_clips_a_video_stay_in_their_places():
    torch.manual_seed(0)
    model = CrissCrossModel(SMALL).eval()
    video, audio = torch.randn(3, 2, 3, 8, 16, 16), torch.randn(3, 2, 1, 80, 51)
    with torch.no_grad():
        output = model(video, audio)
        assert {tensor.shape for tensor in vars(output).values()} == {(3, 2, 16)}
        z = model.project_video(model.video(video[1, 1][None]))
        torch.testing.assert_close(output.z_video[1, 1], z[0])
        torch.testing.assert_close(output.p_video[1, 1], model.predict_video(z)[0])
        torch.testing.assert_close(output.z_audio[2, 0], model.project_audio(model.audio(audio[2, 0][None]))[0])


def test_every_parameter_learns_from_either_kind_of_pair():
    model = CrissCrossModel(SMALL)
    output = model(torch.randn(4, 2, 3, 8, 16, 16), torch.randn(4, 2, 1, 80, 51))
    CrissCross(v1v2=0, a1a2=0)(output).backward()
    assert not [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().max() > 0]


@pytest.mark.slow
def test_a_step_at_full_size():
    model = CrissCrossModel(CrissCrossOptions())
    assert 49e6 < sum(p.numel() for p in model.parameters()) < 60e6
    output = model(torch.randn(2, 2, 3, 8, 112, 112), torch.randn(2, 2, 1, 80, 201))
    CrissCross()(output).backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())
