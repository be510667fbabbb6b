"""The shipped encoder without torch: the numbers that torch gives."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from dataset_preparation.synthetic.event import Settings, make_event
from videosync.errors import CheckpointError
from videosync.files import file_hash
from videosync.models.card import FOLDER, WEIGHTS
from videosync.models.clip_encoder import ClipEncoder, clip_encoder, shipped_encoder
from videosync.models.encoder import Encoder, build_encoder
from videosync.models.light import LightEncoder, light_shipped_encoder
from videosync.models.options import ModelOptions
from videosync.signals.encoder import LEARNED, EncoderMeter
from videosync.signals.measure import measure
from videosync.video.read import read_frames

CLOSE = 1e-4  # sums in another order; features are up to 16


def agree(light: LightEncoder, network: ClipEncoder, pictures: np.ndarray, context: int = 0) -> np.ndarray:
    features = light.features(pictures, context)
    np.testing.assert_allclose(features, network.features(pictures, context), atol=CLOSE, rtol=CLOSE)
    np.testing.assert_allclose(light.embed(features), network.embed(features), atol=CLOSE)
    return features


def test_all_that_is_known_of_it_is_the_same() -> None:
    light, network = light_shipped_encoder(), shipped_encoder()
    for name in (*vars(light).keys() & vars(network).keys(), "context", "sees_differences"):
        assert getattr(light, name) == getattr(network, name), name


@pytest.mark.parametrize("contrast", [4, 40, 256])
@pytest.mark.parametrize(("frames", "context"), [(1, 0), (2, 0), (3, 0), (3, 2), (5, 4), (12, 1), (40, 0), (40, 4)])
def test_random_pictures(frames: int, context: int, contrast: int) -> None:
    rng = np.random.default_rng(frames + contrast)
    pictures = rng.integers(0, contrast, (frames, 64, 64), dtype=np.uint8)
    features = agree(light_shipped_encoder(), shipped_encoder(), pictures, context)
    assert features.shape == (frames - context, light_shipped_encoder().columns)


@pytest.mark.parametrize("size", [48, 64, 200])  # pictures are enlarged, or made smaller
def test_frames_of_an_event(size: int, tmp_path: Path) -> None:
    event = make_event(tmp_path, "train", 0, Settings(frames=80, size=size, seed=3))
    light, network = light_shipped_encoder(), shipped_encoder()
    for view in event["views"]:
        frames = read_frames(tmp_path / view["video"])[:, : size * 3 // 4]
        found, wanted = (measure(frames, [EncoderMeter(one)])[LEARNED] for one in (light, network))
        np.testing.assert_allclose(found, wanted, atol=CLOSE, rtol=CLOSE)
        vectors = light.embed(found)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(vectors, network.embed(wanted), atol=CLOSE)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)


def test_any_size_of_picture_and_any_depth_of_the_embedder(tmp_path: Path) -> None:
    torch.manual_seed(0)
    sizes = dict(fc_layers=2, fc_size=24, hidden_size=16, temporal_layers=2, embedding_size=8, temporal_kernel=5)
    options = ModelOptions(backbone="small", input="motion", layer=0, clip_norm=True, positions="none", layers=0,
                           projection_size=0, **sizes)  # fmt: skip
    encoder = build_encoder(options, num_frames=16)
    assert isinstance(encoder, Encoder)
    with torch.no_grad():  # of BatchNorm as well
        for name, tensor in encoder.state_dict().items():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand_like(tensor) + 0.5 if "running_var" in name else torch.randn_like(tensor) / 4)
    weights = {name: tensor.numpy() for name, tensor in encoder.state_dict().items()}
    light = LightEncoder(weights, size=33, temperature=0.1, matrix_temperature=0.1)
    pictures = np.random.default_rng(0).integers(0, 256, (20, 33, 33), dtype=np.uint8)
    agree(light, clip_encoder(encoder, {"data": {"image_size": 33}}, name=""), pictures)


def test_nothing_that_changes_has_no_vectors() -> None:
    light = light_shipped_encoder()
    features = np.random.default_rng(1).normal(size=(30, light.columns)).astype(np.float32)
    assert light.embed(features).any()
    assert not light.embed(np.repeat(features[:1], 30, axis=0)).any()
    assert not light.embed(features[:1]).any()


def test_weights_that_are_missing_exchanged_or_of_another_model_are_refused(tmp_path: Path) -> None:
    for name in ("gone", "exchanged", "rgb", "fewer", "undescribed"):
        shutil.copytree(FOLDER, tmp_path / name)
    (tmp_path / "gone" / WEIGHTS).unlink()
    (tmp_path / "exchanged" / WEIGHTS).write_bytes(b"x")
    change_card(tmp_path / "rgb", input="rgb")
    card = tmp_path / "undescribed" / "model_card.json"
    card.write_text(card.read_text().replace('"model": {', '"odel": {'))
    weights = load_file(tmp_path / "fewer" / WEIGHTS)
    del weights["embedder.to_hidden.weight"]
    save_file(weights, tmp_path / "fewer" / WEIGHTS)
    change_card(tmp_path / "fewer")
    for name, said in [
        ("none", "holds no model_card.json"),
        ("gone", "missing"),
        ("exchanged", "does not match the hash"),
        ("rgb", "input 'rgb'"),
        ("fewer", "does not fit the model"),
        ("undescribed", "it describes no model"),
    ]:
        with pytest.raises(CheckpointError, match=said):
            light_shipped_encoder(tmp_path / name)


def change_card(folder: Path, **model: str) -> None:
    path = folder / "model_card.json"
    card = json.loads(path.read_text(encoding="utf-8"))
    card["config"]["model"].update(model)
    card["checkpoint"]["weights_hash"] = file_hash(folder / WEIGHTS)
    path.write_text(json.dumps(card), encoding="utf-8")
