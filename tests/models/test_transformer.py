"""The transformer on frames: the published numbers, what each position code knows, and masks."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.reference.transformer import slow_attention, slow_positions
from videosync.checkpoints.carl_names import our_name
from videosync.errors import ConfigError
from videosync.models.options import ModelOptions
from videosync.models.positions import POSITIONS, rotary_angles, rotate, sinusoidal_positions, stretched_positions
from videosync.models.transformer import SelfAttention, TransformerEmbedder

SIZES = dict(fc_size=24, hidden_size=16, layers=2, heads=4, ff_size=32, embedding_size=8)


def embedder(positions="stretched", train_frames=12, feature_size=10, **changes):
    torch.manual_seed(0)
    options = ModelOptions(**{**SIZES, "positions": positions, **changes})
    return TransformerEmbedder(options, feature_size=feature_size, train_frames=train_frames)


def test_reproduces_the_reference():
    """Numbers of the published implementation (feature maps already max-pooled, which is exact)."""
    golden = np.load(Path(__file__).parents[1] / "data" / "transformer_embedder.npz")
    theirs = {"feature_size": "out_channel", "ff_size": "d_ff", "layers": "num_layers", "heads": "num_heads"}
    theirs |= {"train_frames": "train_num_frames", **{n: n for n in ("hidden_size", "embedding_size")}}
    options = {name: int(golden[f"cfg_{theirs[name]}"]) for name in theirs}
    model = embedder(**options, fc_size=len(golden["state/fc_layers.1.bias"])).eval()
    names = [name for name in golden.files if name.startswith("state/")]
    ours = {name: our_name("embed." + name.removeprefix("state/"), 3) for name in names}
    state = {ours[name].removeprefix("embedder."): torch.from_numpy(golden[name]) for name in names}
    model.load_state_dict(state)
    for case in range(3):
        features = torch.from_numpy(golden[f"case{case}_features"])
        mask = torch.from_numpy(golden[f"case{case}_mask"])
        with torch.no_grad():
            got = model(features, mask)
        want = torch.from_numpy(golden[f"case{case}_embeddings"])
        assert (got - want)[mask].abs().max() < 1e-5


def test_attention_equals_the_slow_reference():
    torch.manual_seed(0)
    attention = SelfAttention(size=6, heads=2, dropout=0.0)
    x = torch.randn(1, 7, 6)
    real = np.array([True] * 5 + [False] * 2)
    with torch.no_grad():
        got = attention(x, torch.from_numpy(real)[None, None, None], None)
        linears = (attention.query, attention.key, attention.value)
        q, k, v = (linear(x)[0].double().numpy() for linear in linears)
        heads = [slow_attention(q[:, h], k[:, h], v[:, h], real) for h in (slice(0, 3), slice(3, 6))]
        want = attention.out(torch.from_numpy(np.concatenate(heads, axis=1)).float())
    torch.testing.assert_close(got[0], want)


@pytest.mark.parametrize("num_frames", [20, 13, 31, 1])
def test_stretched_positions_equal_the_columns_written_out(num_frames):
    got = stretched_positions(num_frames, 20, 16, "cpu")
    np.testing.assert_allclose(got, slow_positions(num_frames, 20, 16), atol=1e-5)


def test_plain_positions_are_those_of_the_paper():
    code = sinusoidal_positions(torch.arange(9), 8)
    for frame, column in ((5, 0), (7, 4)):
        angle = frame / 10000 ** (column / 8)
        assert code[frame, column].item() == pytest.approx(np.sin(angle), rel=1e-4)
        assert code[frame, column + 1].item() == pytest.approx(np.cos(angle), rel=1e-4)


def test_rotary_products_depend_on_the_distance_alone():
    q, k = torch.randn(8), torch.randn(8)
    angles = rotary_angles(30, 8, "cpu")
    queries, keys = rotate(q.expand(30, 8), angles), rotate(k.expand(30, 8), angles)
    products = queries @ keys.T
    for distance in (0, 3, 11):
        diagonal = products.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), atol=1e-4, rtol=1e-4)
    assert products.diagonal(3)[0] != products.diagonal(-3)[0]
    assert (products[0, 0] - q @ k).abs() < 1e-5


@pytest.mark.parametrize("positions", POSITIONS)
def test_what_each_choice_knows_of_place(positions):
    """Frames all alike: only absolute codes differ. Frames swapped: only ``none`` does not notice."""
    model = embedder(positions).eval()
    with torch.no_grad():
        alike = model(torch.ones(1, 9, 10))[0]
        features = torch.randn(1, 9, 10)
        order = torch.randperm(9)
        out, shuffled = model(features)[0], model(features[:, order])[0]
    spread = (alike - alike.mean(0)).abs().max()
    assert (spread > 1e-3) == (positions in ("stretched", "plain"))
    assert torch.allclose(out[order], shuffled, atol=1e-5) == (positions == "none")


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("training", [False, True])
def test_masked_frames_change_nothing(positions, training):
    mask = torch.ones(3, 12, dtype=torch.bool)
    mask[0, 7:] = False
    mask[2, 4] = False
    features = torch.randn(3, 12, 10)
    outputs, states, gradients = [], [], []
    for padding in (0.0, 50.0):
        model = embedder(positions, dropout=0.0).train(training)
        padded = features.masked_fill(~mask[..., None], padding)
        out = model(padded, mask)
        out[mask].square().sum().backward()
        outputs.append(out[mask].detach())
        states.append(torch.cat([b.flatten().float() for b in model.buffers()]))
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    for pair in (outputs, states, gradients):
        torch.testing.assert_close(*pair)


def test_padding_at_the_end_equals_a_shorter_clip():
    features = torch.randn(1, 9, 10)
    padded = torch.cat([features, torch.randn(1, 4, 10)], dim=1)
    mask = torch.arange(13)[None] < 9
    for positions in ("plain", "rotary", "none"):  # stretched codes depend on the padded length, as in the paper
        model = embedder(positions).eval()
        with torch.no_grad():
            torch.testing.assert_close(model(padded, mask)[:, :9], model(features), atol=1e-5, rtol=1e-5)


def test_a_clip_without_real_frames_is_no_disaster():
    model = embedder().train()
    mask = torch.ones(2, 12, dtype=torch.bool)
    mask[1] = False
    features = torch.randn(2, 12, 10, requires_grad=True)
    out = model(features, mask)
    out.sum().backward()
    assert torch.isfinite(out).all()
    assert torch.isfinite(features.grad).all()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"heads": 5}, r"hidden_size \(16\).*heads \(5\)"),
        ({"positions": "rotary", "hidden_size": 12, "heads": 4}, "rotary"),
        ({"positions": "learned"}, "stretched, plain, rotary, none"),
    ],
)
def test_sizes_that_do_not_fit_are_named(wrong, said):
    with pytest.raises(ConfigError, match=said):
        embedder(**wrong)
