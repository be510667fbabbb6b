"""Every YAML file in configs/ loads, keeps the rules, says how to run it, and builds its encoder."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path

import pytest
import torch
import yaml

from videosync.cli.common import command_parser
from videosync.config.load import load_config
from videosync.config.options import options
from videosync.models.crisscross import CrissCrossModel
from videosync.models.encoder import Encoder, build_encoder

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = sorted((ROOT / "configs").glob("*.y*ml"))
each_config = pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)


def test_published_configs_are_here() -> None:
    scl = ("ntu_pretrain", "k400_pretrain", "ntu", "cmu", "cmu_multi_human", "pouring")
    others = ("tcc_transformer", "tcn_transformer", "classification_transformer", "demo", "multiview", "crossview")
    two_streams = ("kinetics_sound_pretrain", "kinetics400_pretrain", "audioset_pretrain", "demo")
    own = (*(f"scl_transformer_{name}" for name in scl), *(f"crisscross_{name}" for name in two_streams))
    stems = {f"{name}_config" for name in (*others, *own)}
    assert {path.stem for path in CONFIGS} >= stems


@each_config
def test_it_loads_and_can_train(path: Path) -> None:
    load_config(path, training=True)


@each_config
def test_it_holds_only_what_differs(path: Path) -> None:
    written = yaml.safe_load(path.read_text(encoding="utf-8"))
    config = load_config(path)
    same = [
        f"{section}.{name}"
        for section, group in written.items()
        for name in group
        if getattr(getattr(config, section), name) == options()[f"{section}.{name}"].default
    ]
    assert not same, f"{path.name}: {', '.join(same)} equal the defaults; delete these lines"


@each_config
def test_its_first_line_is_the_command_that_runs_it(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# ")
    words = shlex.split(first.removeprefix("# "))
    if words == ["make", "demo"]:
        assert path.name == "demo_config.yml"
        return
    assert words[0] == "python"
    script = next(word for word in words if word.endswith(".py"))
    assert (ROOT / script).is_file(), f"{script} does not exist"
    flags = words[words.index(script) + 1 :]
    if "--dataset_prefix" in flags:
        place = flags.index("--dataset_prefix")
        del flags[place : place + 2]
    args = command_parser("").parse_args(flags)
    assert (ROOT / args.cfg_file).resolve() == path


@each_config
@torch.no_grad()
def test_its_encoder_can_be_built_and_run(path: Path) -> None:
    """Built on the meta device: real shapes, no memory, no weights."""
    config = load_config(path)
    if config.model.name == "crisscross":
        with torch.device("meta"):
            size, frames = config.data.image_size, round(100 * config.audio.seconds) + 1
            video = torch.zeros(1, 2, 3, config.data.num_frames, size, size)
            output = CrissCrossModel(config.crisscross).eval()(video, torch.zeros(1, 2, 1, 80, frames))
        assert output.p_video.shape == output.z_audio.shape == (1, 2, config.crisscross.projection_size)
        return
    model = dataclasses.replace(config.model, weights="", random_backbone=True)
    with torch.device("meta"):
        encoder = build_encoder(model, num_frames=config.data.num_frames)
        frozen = [parameter for parameter in encoder.parameters() if not parameter.requires_grad]
        features = torch.zeros(1, config.pairs.num_frames, encoder.feature_size)
        embeddings = encoder.eval().embed(features)
    assert isinstance(encoder, Encoder)
    assert bool(frozen) == (config.model.layer > 0)
    assert embeddings.shape == (1, config.pairs.num_frames, config.model.embedding_size)
