"""The encoder that comes with the package: the weights of its card, and the same answer however it is asked."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import videosync
from dataset_preparation.synthetic.event import Settings, make_event
from videosync.errors import CheckpointError
from videosync.evaluation.embed import video_features
from videosync.models.card import FOLDER
from videosync.models.clip_encoder import ClipEncoder, shipped_encoder
from videosync.signals.encoder import LEARNED, EncoderMeter
from videosync.signals.measure import measure
from videosync.signals.motion import MotionMeter
from videosync.timeline.clips import inspect, read_clip
from videosync.video.read import read_frames
from videosync.video.write import write_video

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def network() -> ClipEncoder:
    return shipped_encoder()


def test_the_weights_are_those_of_the_card_and_small() -> None:
    card = json.loads((FOLDER / "model_card.json").read_text(encoding="utf-8"))
    weights = (FOLDER / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == card["checkpoint"]["weights_hash"]
    assert len(weights) < 4e6
    assert card["licence"] == "MIT"


def test_the_card_says_how_they_are_made_and_names_no_place_of_one_machine() -> None:
    for path in FOLDER.iterdir():
        if path.suffix in (".md", ".json", ".yaml"):
            text = path.read_text(encoding="utf-8")
            assert not [word for word in ("/tmp", "/work", "/home", "/root") if word in text], path.name
    first = (ROOT / "configs" / "crossview_config.yml").read_text(encoding="utf-8").splitlines()[0]
    command = first.removeprefix("# python ")
    assert command in (FOLDER / "README.md").read_text(encoding="utf-8")
    assert command in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_weights_that_were_exchanged_are_refused(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "copy")
    path = tmp_path / "copy" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(CheckpointError, match="does not match the hash"):
        shipped_encoder(tmp_path / "copy")


def test_features_do_not_depend_on_chunks(network: ClipEncoder) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (40, 30, 40, 3), dtype=np.uint8)
    found = [measure(frames, [EncoderMeter(network, chunk=chunk)])[LEARNED] for chunk in (5, 64)]
    assert found[0].shape == (40, network.columns)
    np.testing.assert_allclose(found[0], found[1], atol=1e-4)


def test_embeddings_have_unit_length_and_still_clips_none(network: ClipEncoder) -> None:
    features = np.random.default_rng(1).normal(size=(30, network.columns)).astype(np.float32)
    np.testing.assert_allclose(np.linalg.norm(network.embed(features), axis=1), 1, rtol=1e-4)
    np.testing.assert_allclose(network.embed(features[::-1]), network.embed(features[::-1].copy()), rtol=1e-5)
    assert not network.embed(np.repeat(features[:1], 30, axis=0)).any()
    assert not network.embed(features[:1]).any()


@pytest.mark.parametrize("size", [48, 200])  # the encoder takes 64 x 64: pictures are enlarged, or made smaller
def test_a_file_is_embedded_as_evaluation_and_sync_see_it(network: ClipEncoder, size: int, tmp_path: Path) -> None:
    """The whole picture, squeezed to a square: no corner is cut off.

    ``sync`` decodes pictures once for all meters and squeezes them in a second step: what it sees of motion differs by
    the rounding of both, and is up to 0.01 away in the cosine of single frames.
    """
    settings = Settings(frames=60, size=size, offset_range=5, distractors=0, static_share=0.0, seed=1)
    made = tmp_path / make_event(tmp_path, "train", 0, settings)["views"][0]["video"]
    path, frames = tmp_path / "wide.mp4", read_frames(made)[:, size // 8 : -(size // 8)]
    write_video(path, frames, 25.0, gop=1000)  # one keyframe: no flashes that only sync bridges
    found = network.embed_video(path)
    clip = read_clip(inspect(path), 25.0, [MotionMeter(("energy",)), EncoderMeter(network)])
    evaluated = video_features(network.encoder, path, size=network.size).numpy()
    for features, least, mean in ((evaluated, 0.997, 0.9995), (clip.signals[LEARNED], 0.98, 0.997)):
        cosines = (network.embed(features) * found.vectors).sum(axis=1)
        assert cosines.min() > least
        assert cosines.mean() > mean
    np.testing.assert_allclose(found.times, np.arange(60) / 25, atol=1e-3)
    assert (found.fps, found.path, len(found)) == (25.0, str(path), 60)
    matrix = videosync.similarity_matrix(found, found)
    assert (matrix.argmax(axis=1) == np.arange(60)).mean() > 0.9
