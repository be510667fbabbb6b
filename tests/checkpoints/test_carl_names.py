import json
from functools import cache

import pytest
import torch

from videosync.checkpoints.carl_names import from_carl, frozen_stages, model_options, to_carl
from videosync.errors import CheckpointError
from videosync.models.encoder import build_encoder
from videosync.models.options import ModelOptions


def encoder(layer, projection=128, num_frames=10, **changes):
    options = dict(
        random_backbone=True, layer=layer, fc_size=32, hidden_size=16, layers=2, heads=4, ff_size=24, embedding_size=8,
        projection_size=projection,
    )  # fmt: skip
    return build_encoder(ModelOptions(**{**options, **changes}), num_frames=num_frames)


@pytest.mark.shared
def test_the_published_layout_is_the_full_size_encoder_and_nothing_else(shared):
    layout = json.loads((shared / "golden" / "carl_checkpoint_layout.json").read_text())["model_state"]
    state = {name: torch.empty(shape) for name, shape in layout.items()}
    ours = from_carl(state)
    sizes = {"fc_size": 512, "hidden_size": 256, "layers": 3, "ff_size": 1024, "embedding_size": 128}
    model = encoder(3, heads=8, num_frames=240, **sizes)
    assert {name: tuple(t.shape) for name, t in ours.items()} == {
        name: tuple(t.shape) for name, t in model.state_dict().items()
    }
    assert {name: tuple(t.shape) for name, t in to_carl(ours, layer=3).items()} == {
        name: tuple(shape) for name, shape in layout.items()
    }
    assert model_options(state) == {"layer": 3, "fc_layers": 2, "projection_size": 128, **sizes}


@pytest.mark.parametrize("layer", [1, 2, 3, 4])
def test_there_and_back_for_any_number_of_frozen_stages(layer):
    state = encoder(layer).state_dict()
    theirs = to_carl(state, layer=layer)
    assert frozen_stages(theirs) == layer
    assert any(name.startswith("res_finetune.") for name in theirs) == (layer < 4)
    back = from_carl({f"module.{name}": tensor for name, tensor in theirs.items()})
    assert list(back) == list(state)
    assert all(back[name] is state[name] for name in state)
    assert model_options(theirs)["layer"] == layer


def test_models_without_a_projection_head():
    theirs = to_carl(encoder(3, projection=0).state_dict(), layer=3)
    assert model_options(theirs)["projection_size"] == 0
    assert not any(name.startswith("ssl_projection") for name in theirs)


@cache
def carl_state():
    return to_carl(encoder(3).state_dict(), layer=3)


def other_embedder(kind):
    """CARL's ``EmbedModel`` (conv) or ``VanillaEmbed``: no transformer, and 3-D convolutions in the first."""
    transformer = ("embed.video_emb", "embed.video_encoder")
    state = {n: t for n, t in carl_state().items() if not n.startswith(transformer)}
    return {**state, "embed.conv_layers.0.weight": torch.zeros(4, 4, 3, 3, 3)} if kind == "conv" else state


@pytest.mark.parametrize("read", [from_carl, model_options])
@pytest.mark.parametrize("kind", ["conv", "vanilla"])
def test_other_embedders_are_named(read, kind):
    for state in (other_embedder(kind), {f"module.{n}": t for n, t in other_embedder(kind).items()}):
        with pytest.raises(CheckpointError, match=f"EMBEDDER_TYPE: {kind}.*not part of this project.*transformer"):
            read(state)


@pytest.mark.parametrize("read", [from_carl, model_options])
@pytest.mark.parametrize(
    "state",
    [
        {"conv1.weight": torch.zeros(1), "fc.bias": torch.zeros(1)},
        {"backbone.0.weight": torch.zeros(2)},
        {"embed.video_emb.weight": torch.zeros(2, 2)},
        {5: 3},
        {},
        {"backbone.0.weight": 1, "embed.video_emb.weight": [2]},
    ],
)
def test_what_is_not_such_a_model_is_refused(read, state):
    with pytest.raises(CheckpointError, match=rf"no weights of a CARL .* \(it has {len(state)} names"):
        read(state)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("embed.video_emb.weight", torch.zeros(3), r"video_emb.weight has the shape \[3\]"),
        ("embed.embedding_layer.weight", None, "embed.embedding_layer.weight is missing"),
        ("embed.video_encoder.enc_layers.0.feed_forward.fc1.weight", None, "fc1.weight is missing"),
        ("ssl_projection.net.0.weight", torch.zeros(()), "net.0.weight has the shape"),
        ("backbone.9.weight", torch.zeros(1), r"its backbone has the children \[0, 1, 4, 5, 6, 9\]"),
    ],
)
def test_weights_that_tell_no_option_are_named(name, change, said):
    state = {**carl_state(), name: change}
    with pytest.raises(CheckpointError, match=said):
        model_options({n: t for n, t in state.items() if t is not None})


def test_surplus_weights_are_named_in_both_directions():
    with pytest.raises(CheckpointError, match="1 names are not those of a CARL model: embed.extra"):
        from_carl({**carl_state(), "embed.extra": torch.zeros(1)})
    with pytest.raises(CheckpointError, match="no place in a CARL model: embedder.temporal"):
        to_carl(encoder(3, temporal_kernel=5).state_dict(), layer=3)
