"""Checkpoints of CARL's kind: read where one of ours is, converted both ways, and started from."""

import argparse
import shutil
import sys
import types

import pytest
import torch

from videosync.carl.convert import convert_from_carl
from videosync.checkpoints.carl import find_any_checkpoint, read_carl_checkpoint
from videosync.checkpoints.carl_names import to_carl
from videosync.checkpoints.checkpoint import find_checkpoint, save_checkpoint
from videosync.cli.convert_checkpoint import main
from videosync.cli.evaluate import main as evaluate
from videosync.config.load import config_from_dict, config_to_dict, load_config
from videosync.engine.encoders import load_trained_encoder, start_from
from videosync.errors import CheckpointError
from videosync.models.encoder import build_encoder

MODEL = {
    "layer": 3, "fc_layers": 1, "fc_size": 32, "hidden_size": 16, "layers": 1, "heads": 4, "ff_size": 24,
    "embedding_size": 8, "projection_size": 12,
}  # fmt: skip


def config(**changes):
    return config_from_dict({"model": {**MODEL, "random_backbone": True, **changes}, "data": {"num_frames": 10}})


def encoder(**changes):
    torch.manual_seed(0)
    return build_encoder(config(**changes).model, num_frames=10)


@pytest.fixture(scope="module")
def state():
    return {name: tensor.clone() for name, tensor in encoder().state_dict().items()}


class EasyDict(dict):
    """Pickled under the name of the package's class; items are attributes too."""

    def __init__(self, items=()):
        for name, value in dict(items).items():
            wrapped = EasyDict(value) if isinstance(value, dict) else value
            self[name] = wrapped
            setattr(self, name, wrapped)


@pytest.fixture(scope="module")
def saved(state, tmp_path_factory):
    """A file as CARL's code leaves it."""
    module = types.ModuleType("easydict")
    module.EasyDict = EasyDict
    cfg = EasyDict({"TRAIN": {"NUM_FRAMES": 10}, "MODEL": {"EMBEDDER_MODEL": {"NUM_HEADS": 4}}})
    cfg.args = argparse.Namespace(workdir="/data")
    path = tmp_path_factory.mktemp("saved") / "checkpoint.pth"
    content = {"epoch": 299, "model_state": to_carl(state, layer=3), "optimizer_state": {"state": {}}, "cfg": cfg}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EasyDict, "__module__", "easydict")
        patch.setitem(sys.modules, "easydict", module)
        torch.save(content, path)
    return path


@pytest.fixture
def published(saved, tmp_path):
    """``logs/checkpoints/checkpoint_epoch_00299.pth``, and an older one beside it."""
    path = tmp_path / "logs" / "checkpoints" / "checkpoint_epoch_00299.pth"
    path.parent.mkdir(parents=True)
    shutil.copy(saved, path)
    torch.save({"epoch": 199, "model_state": {}}, path.with_name("checkpoint_epoch_00199.pth"))
    return path


def test_the_newest_file_of_a_folder_is_read_like_a_checkpoint_of_ours(published, state):
    logdir = published.parents[1]
    for source in (logdir, published.parent, published):
        checkpoint = find_any_checkpoint(source, "best")
        assert checkpoint.folder == published
        assert checkpoint.epoch == 300
    assert checkpoint.config["data"] == {"num_frames": 10}
    assert checkpoint.config["model"]["heads"] == 4
    weights = checkpoint.weights()
    assert list(weights) == list(state)
    assert all(torch.equal(weights[name], state[name]) for name in state)
    with pytest.raises(CheckpointError, match="train.start_from"):
        checkpoint.training_state()
    torch.save({"model_state": [1]}, published)  # exchanged since it was found
    with pytest.raises(CheckpointError, match=rf"^{published}: no CARL or VideoSync checkpoint"):
        checkpoint.weights()


@pytest.mark.slow
def test_evaluation_embeds_with_it_as_with_the_same_weights_of_ours(published, state, tmp_path):
    settings = {"metrics": {}, "state": {}, "epoch": 300, "step": 0, "config": config_to_dict(config())}
    save_checkpoint(tmp_path / "ours", "best", weights=state, **settings)
    frames = torch.rand(1, 10, 3, 32, 32)
    embeddings = []
    for logdir in (published.parents[1], tmp_path / "ours"):
        chosen = load_config(None, ["eval.precision=float32", "data.num_frames=10", *_opts(projection_size=99)])
        model, identity = load_trained_encoder(chosen, workdir=tmp_path, logdir=logdir, device="cpu")
        with torch.no_grad():
            embeddings.append(model(frames))
        assert "epoch 300" in identity["name"]
    assert (embeddings[0] - embeddings[1]).abs().max() < 1e-6
    torch.manual_seed(0)
    plain = encoder().eval()
    plain.load_state_dict(state)
    with torch.no_grad():
        assert (embeddings[0] - plain(frames)).abs().max() < 1e-4


def _opts(**changes):
    return [f"model.{key}={value}" for key, value in {**MODEL, **changes}.items()]


def test_an_evaluation_of_a_file_goes_into_a_folder_beside_it(published, tmp_path, capsys):
    options = ["--workdir", str(tmp_path), "--logdir", str(published), "--opts", "data.dataset=ntu"]
    assert evaluate(options) == 2
    assert f"{tmp_path / 'ntu'}" in capsys.readouterr().err  # past the folder for results: there is no dataset


def test_another_model_is_refused_by_option(published, tmp_path):
    chosen = load_config(None, [*_opts(), "data.num_frames=10", "model.heads=2"])
    with pytest.raises(CheckpointError, match="model.heads is 2 but was 4"):
        load_trained_encoder(chosen, workdir=tmp_path, logdir=published, device="cpu")


def test_positions_are_those_of_the_length_that_the_evaluation_gives(published, state, tmp_path):
    """Trained at 10, evaluated with data.num_frames=20: positions run over 0 … 19, as in the reference code."""
    chosen = load_config(None, [*_opts(), "data.num_frames=20", "eval.precision=float32"])
    model, _ = load_trained_encoder(chosen, workdir=tmp_path, logdir=published, device="cpu")
    bare = encoder(positions="none").eval()
    bare.load_state_dict(state)
    even = torch.arange(0, 16, 2)
    for frames in (10, 13, 24):
        features = torch.rand(1, frames, model.feature_size)
        places = torch.linspace(0, 19, frames)[:, None]
        code = torch.stack(
            [(places * 10000.0 ** (-even / 16)).sin(), (places * 10000.0 ** (-(even + 1) / 16)).cos()], dim=-1
        ).flatten(1)  # [T, hidden]
        hidden = bare.embedder.to_hidden(bare.embedder.fc_layers(features[0])) + code
        for layer in bare.embedder.layers:
            hidden = layer(hidden[None] if hidden.dim() == 2 else hidden, None, None)
        expected = torch.nn.functional.normalize(bare.embedder.to_embedding(hidden), dim=-1)
        with torch.no_grad():
            torch.testing.assert_close(model.embed(features), expected, atol=1e-4, rtol=0)


def test_there_and_back_by_command(published, state, tmp_path, capsys):
    assert main([str(published), str(tmp_path / "run")]) == 0
    out = capsys.readouterr().out
    assert "data.num_frames=10" in out
    assert "model.fc_size=32" in out
    checkpoint = find_checkpoint(tmp_path / "run", "best")
    assert checkpoint.epoch == 300
    assert all(torch.equal(tensor, state[name]) for name, tensor in checkpoint.weights().items())
    assert load_config(tmp_path / "run" / "config.yaml").model.hidden_size == 16
    assert main([str(tmp_path / "run"), str(tmp_path / "back.pth")]) == 0
    back = torch.load(tmp_path / "back.pth", weights_only=True)
    original = read_carl_checkpoint(published).weights()
    assert back["epoch"] == 299
    assert sorted(back["model_state"]) == sorted(to_carl(original, layer=3))
    assert all(torch.equal(back["model_state"][n], t) for n, t in to_carl(original, layer=3).items())
    capsys.readouterr()
    assert main([str(published), str(tmp_path / "run")]) == 2
    assert "holds checkpoints already" in capsys.readouterr().err
    assert main([str(tmp_path / "run"), str(tmp_path / "back.pth")]) == 2
    assert "there already" in capsys.readouterr().err


def test_missing_surplus_and_misshapen_weights_are_named_and_nothing_is_written(published, tmp_path, capsys):
    content = {"epoch": 1, "model_state": dict(to_carl(read_carl_checkpoint(published).weights(), layer=3))}
    name = "embed.video_encoder.enc_layers.0.self_att.linear_Q2d.bias"
    for change, said in (
        ({name: None}, "missing: embedder.layers.0.attention.query.bias"),
        ({"embed.more.weight": torch.zeros(1)}, "not those of a CARL model: embed.more.weight"),
        ({name: torch.zeros(3)}, r"query.bias [3] instead of [16]"),
    ):
        state = {k: v for k, v in {**content["model_state"], **change}.items() if v is not None}
        torch.save({**content, "model_state": state}, tmp_path / "bad.pth")
        assert main([str(tmp_path / "bad.pth"), str(tmp_path / "run"), "--num_frames", "10", "--heads", "4"]) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
        assert not (tmp_path / "run").exists()


def test_files_that_do_not_tell_enough_or_are_something_else(published, state, tmp_path, capsys):
    torch.save({"epoch": 9, "model_state": to_carl(state, layer=3)}, tmp_path / "bare.pth")
    assert main([str(tmp_path / "bare.pth"), str(tmp_path / "run")]) == 2
    assert "give --num-frames (CARL trains on 80 frames of Kinetics and PennAction, on 240 of" in (
        capsys.readouterr().err
    )
    assert main([str(tmp_path / "bare.pth"), str(tmp_path / "run"), "--num_frames", "10"]) == 0
    assert "assumed: model.heads=8" in capsys.readouterr().out
    with pytest.raises(CheckpointError, match="train first"):
        find_any_checkpoint(tmp_path / "nowhere", "best")


def test_a_model_with_the_convolutional_embedder_is_refused_where_checkpoints_are_found(state, tmp_path):
    theirs = {n: t for n, t in to_carl(state, layer=3).items() if not n.startswith("embed.video_e")}
    theirs["embed.conv_layers.0.weight"] = torch.zeros(4, 4, 3, 3, 3)
    file = tmp_path / "checkpoint_epoch_00299.pth"
    torch.save({"epoch": 299, "model_state": theirs, "optimizer_state": {}}, file)
    for source in (file, tmp_path):
        with pytest.raises(CheckpointError, match=r"checkpoint_epoch_00299.pth: holds .*EMBEDDER_TYPE: conv"):
            find_any_checkpoint(source, "best")
    with pytest.raises(CheckpointError, match="EMBEDDER_TYPE: conv"):
        convert_from_carl(file, tmp_path / "run", num_frames=None, heads=None)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    "content",
    [
        {"state_dict": {"backbone.0.weight": torch.zeros(1)}, "pytorch-lightning_version": "1.0"},
        {"backbone.0.weight": torch.zeros(1), "embed.video_emb.weight": torch.zeros(2, 2)},
        {"model_state": [1, 2]},
        [torch.zeros(1)],
        torch.zeros(3),
    ],
)
def test_files_of_another_codebase_are_refused_in_a_sentence(content, tmp_path):
    torch.save(content, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match=r"other.pth: no CARL or VideoSync checkpoint \(it holds "):
        read_carl_checkpoint(tmp_path / "other.pth")


def test_training_starts_from_its_weights_with_a_fresh_head_where_none_fits(published, state):
    model = encoder(projection_size=20)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    (said,) = start_from(model, published)
    assert "(checkpoint_epoch_00299.pth: epoch 300); fresh, as it has none that fits: projection" in said
    for name, tensor in model.state_dict().items():
        if not name.startswith("projection."):
            assert torch.equal(tensor, state[name]), name
    same = encoder()
    assert start_from(same, published)[0].endswith("(checkpoint_epoch_00299.pth: epoch 300)")
    with pytest.raises(CheckpointError, match=r"train.start_from .* does not fit the model \(shape: embedder"):
        start_from(encoder(hidden_size=8), published)
