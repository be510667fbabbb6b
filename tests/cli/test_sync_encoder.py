"""``videosync sync --encoder RUN``: any trained encoder, from wherever its weights lie."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import videosync
from dataset_preparation.synthetic.event import Settings, make_event
from videosync.checkpoints.carl import write_carl_checkpoint
from videosync.checkpoints.checkpoint import save_checkpoint
from videosync.cli.main import main
from videosync.config.load import config_to_dict, load_config
from videosync.engine.build import build_encoder
from videosync.models.card import FOLDER

RGB = ["model.backbone=small", "model.layer=0", "model.layers=0", "data.image_size=40", "loss.temperature=0.3"]
CARL = ["model.random_backbone=true", "data.image_size=32", "data.num_frames=80"]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two files of one event, at 30 frames/s."""
    root = tmp_path_factory.mktemp("event")
    settings = Settings(views=2, frames=120, size=64, offset_range=20, distractors=0, static_share=0.0, seed=5)
    return [str(root / view["video"]) for view in make_event(root, "train", 0, settings)["views"]]


def saved_run(folder: Path, overrides: list[str]) -> Path:
    """A run with untrained weights."""
    config = load_config(None, overrides)
    weights = build_encoder(config, folder).state_dict()
    save_checkpoint(
        folder, "best", weights=weights, state={}, epoch=1, step=1, metrics={}, config=config_to_dict(config)
    )
    return folder


def answer(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, object]:
    assert main(["sync", *map(str, arguments), "--json", "-"]) in (0, 3)
    return json.loads(capsys.readouterr().out)


def test_the_shipped_one_is_an_encoder_like_any_other(videos: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    named = answer(capsys, *videos)
    by_path = answer(capsys, *videos, "--encoder", FOLDER)
    assert named["encoder"] == by_path["encoder"] == "crossview"
    offsets = [found["pairs"][0]["offset_frames"] for found in (named, by_path)]  # type: ignore[index]
    assert offsets[0] == pytest.approx(offsets[1], abs=0.05)  # the fast form may compute in bf16
    assert answer(capsys, *videos, "--cue", "motion")["encoder"] is None


def test_a_run_is_used_at_its_size_and_temperature(
    videos: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = saved_run(tmp_path / "my_run", RGB)
    assert answer(capsys, *videos, "--encoder", run)["encoder"] == "my_run"
    encoder = videosync.load_encoder(run)
    assert (encoder.size, encoder.temperature, encoder.sees_differences) == (40, 0.3, False)
    pictures = np.random.default_rng(0).integers(0, 256, (6, 40, 40, 3), dtype=np.uint8)
    embeddings = encoder.embed(encoder.features(pictures, 0))
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, rtol=1e-4)
    assert videosync.sync(videos, cue="learned", encoder=encoder).encoder == "my_run"


@pytest.mark.slow  # a ResNet-50
def test_a_checkpoint_of_carl(videos: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from videosync.checkpoints.checkpoint import find_checkpoint

    path = tmp_path / "checkpoint_epoch_00010.pth"
    write_carl_checkpoint(find_checkpoint(saved_run(tmp_path / "run", CARL), "best"), path)
    assert answer(capsys, *videos, "--encoder", path)["encoder"] == "checkpoint_epoch_00010"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--encoder", "no_such_run"), "no_such_run"),
        (("--encoder", FOLDER, "--cue", "motion"), "the cue 'motion' uses none"),
        (("--detector", "diagonal"), "diagonal: needs no training"),
        (("--detector", "no_such_folder"), "no_such_folder: there is no such folder"),
        (("--detector", "nothing/equivariant"), "detector nothing/equivariant: neither a folder nor in"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(
    arguments: tuple[object, ...], sentence: str, videos: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sync", *videos, *map(str, arguments)]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
