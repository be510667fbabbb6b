"""Every YAML file in configs/ loads, keeps the rules, says how to run it, and builds its encoder."""

from __future__ import annotations

import dataclasses
import re
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
SETTINGS = re.findall(r"^\| (\w+) \| (\w+) \| (\w+foldN\w*) \| `(.*?)` \| (.*) \|$",
                      (ROOT / "docs" / "crisscross.md").read_text(encoding="utf-8"), re.MULTILINE)  # fmt: skip
each_config = pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)


def test_published_configs_are_here() -> None:
    scl = ("ntu_pretrain", "k400_pretrain", "ntu", "cmu", "cmu_multi_human", "pouring")
    others = ("tcc_transformer", "tcn_transformer", "classification_transformer", "demo", "multiview", "crossview")
    two_streams = ("kinetics_sound_pretrain", "kinetics400_pretrain", "audioset_pretrain", "demo")
    two_streams += ("ucf101", "hmdb51", "esc50", "dcase")
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


def test_every_published_setting_of_crisscross_is_listed() -> None:
    names = [f"full_ft_{frames}f_foldN" for frames in (8, 32)]
    pretrained = ("kinetics400", "kinetics_sound", "audioset")
    expected = {(data, weights, name) for data in ("ucf101", "hmdb51") for weights in pretrained for name in names}
    expected |= {("esc50", "any", f"config_foldN_{seconds}s") for seconds in (2, 5)}
    assert {row[:3] for row in SETTINGS} == expected
    assert len(SETTINGS) == len(expected)


@pytest.mark.parametrize("row", SETTINGS, ids=lambda row: "-".join(row[:3]))
def test_a_published_setting_of_crisscross_is_reached_by_its_overrides(row: tuple[str, ...]) -> None:
    data, _, name, overrides, numbers = row
    for fold in range(1, 6 if data == "esc50" else 4):
        config = load_config(
            ROOT / "configs" / f"crisscross_{data}_config.yml", overrides.replace("[N]", f"[{fold}]").split()
        )
        assert (config.data.dataset, config.eval.folds) == (data, [fold])
        if data == "esc50":
            assert config.eval.tasks == ["sound_svm"]
            assert (f"{config.svm.seconds:g}s", config.svm.test_clips) in [("2s", 10), ("5s", 1)]
            assert name.endswith(f"_{config.svm.seconds:g}s")
            assert config.svm.costs == [10.0**power for power in range(-5, 1)]
            assert config.svm.train_clips == 100
            continue
        lr, gamma, milestones, batch, dropout = map(str.strip, numbers.split("|"))
        found = config.finetune
        assert config.eval.tasks == ["finetune"]
        assert f"_{config.data.num_frames}f_" in name
        assert (config.data.fps, config.data.image_size, found.epochs, found.test_clips) == (16, 224, 20, 10)
        assert (found.lr, found.gamma, found.dropout) == (float(lr), float(gamma), float(dropout))
        assert (found.milestones, found.batch_size) == ([int(m) for m in milestones.split("/")], int(batch))
