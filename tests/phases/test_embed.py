"""Whole videos as embeddings: the same on any number of ranks, and what is left without positions."""

import numpy as np
import pytest
import torch

from tests.phases.actions import make_actions
from videosync.data.manifest import read_manifest
from videosync.evaluation.embed import merged
from videosync.models.encoder import build_encoder
from videosync.models.noise import NoiseEncoder
from videosync.models.options import ModelOptions
from videosync.models.transformer import TransformerEmbedder
from videosync.phases.embed import (
    deal_videos,
    embed_videos,
    embed_without_positions,
    phase_videos,
    pieces,
    tells_positions,
)
from videosync.phases.metrics import kendalls_tau

MODEL = {
    "backbone": "small", "layer": 0, "fc_layers": 0, "fc_size": 32, "dropout": 0.0, "hidden_size": 32,
    "positions": "stretched", "layers": 1, "heads": 2, "ff_size": 32, "embedding_size": 32, "projection_size": 0,
}  # fmt: skip


def encoder(**options):
    torch.manual_seed(0)
    return build_encoder(ModelOptions(**{**MODEL, **options}), num_frames=40).eval()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("actions")
    make_actions(root, train=1, val=3, frames=(24, 40), size=32)
    return root


@pytest.fixture(scope="module")
def videos(dataset):
    return phase_videos(read_manifest(dataset), "val")


@pytest.mark.parametrize(
    ("num_frames", "longest", "expected"),
    [
        (7, 0, [(0, 7)]),
        (1000, 1000, [(0, 1000)]),
        (1001, 1000, [(0, 501), (501, 1001)]),
        (3001, 1000, [(0, 751), (751, 1502), (1502, 2253), (2253, 3001)]),
        (3, 1, [(0, 1), (1, 2), (2, 3)]),
    ],
)
def test_a_long_video_is_cut_into_equal_pieces(num_frames, longest, expected):
    assert pieces(num_frames, longest) == expected


def test_videos_of_a_split_with_their_labels(videos):
    assert [video.name for video in videos[:2]] == ["action_001/cam0.mp4", "action_001/cam1.mp4"]
    assert [video.event for video in videos[:2]] == ["action_001"] * 2
    assert all(len(video.labels) == video.num_frames for video in videos)


@pytest.mark.parametrize("world_size", [1, 2, 4])
def test_each_video_goes_to_one_rank(videos, world_size):
    shares = deal_videos(videos, world_size)
    assert sorted(index for share in shares for index in share) == list(range(len(videos)))
    loads = [sum(videos[index].num_frames for index in share) for share in shares]
    assert max(loads) - min(loads) <= max(video.num_frames for video in videos)


@pytest.mark.parametrize("model", [encoder(), NoiseEncoder(embedding_size=8).eval()], ids=["encoder", "noise"])
def test_embeddings_do_not_depend_on_the_number_of_ranks(videos, model):
    runs = []
    for world_size in (1, 3):
        options = {"image_size": 32, "max_frames": 15, "device": "cpu", "world_size": world_size}
        shares = [embed_videos(model, videos, rank=rank, **options) for rank in range(world_size)]
        runs.append(merged(shares, len(videos)))
    for one, other, video in zip(*runs, videos):
        assert one.embeddings.shape[0] == video.num_frames
        np.testing.assert_array_equal(one.embeddings, other.embeddings)
        if tells_positions(model):
            np.testing.assert_array_equal(one.unplaced, other.unplaced)
        else:
            assert one.unplaced is None


def test_pieces_have_positions_of_their_own(videos):
    video = videos[:1]
    model = encoder(layers=0)  # no attention: a frame's embedding depends on itself and its place alone
    whole, cut = (
        embed_videos(model, video, image_size=32, max_frames=longest, device="cpu")[0].embeddings
        for longest in (0, video[0].num_frames // 2)
    )
    assert whole.shape == cut.shape
    np.testing.assert_allclose(cut[0], whole[0], atol=1e-5)  # both at place 0
    assert np.abs(cut[-1] - whole[-1]).max() < 1e-4  # both at the last place
    half = pieces(video[0].num_frames, video[0].num_frames // 2)[0][1]
    assert np.abs(cut[half] - whole[half]).max() > 0.01  # place 0 again, not the middle


def features_of_progress(generator, count, noise, signal):
    """A video that shows how far its action has come: 8 features, [T, 8]; the pace is uneven."""
    progress = torch.sort(torch.rand(count, generator=generator)).values
    centres = torch.linspace(0, 1, 8)
    shown = torch.exp(-((progress[:, None] - centres) ** 2) / 0.02)
    return signal * shown + noise * torch.randn(count, 8, generator=generator)


def tau_of(model, signal, without, seed=0):
    generator = torch.Generator().manual_seed(seed)
    videos = []
    for number in range(4):
        features = features_of_progress(generator, 80, 0.01, signal)[None]
        with torch.no_grad():
            embedded = embed_without_positions(model, features, seed=number) if without else model.embed(features)
        videos.append(embedded[0].numpy())
    return np.nanmean(kendalls_tau(videos))


@pytest.fixture(params=["stretched", "plain"])
def embedder(request):
    model = encoder(positions=request.param)
    torch.manual_seed(1)
    options = ModelOptions(**{**MODEL, "layers": 2, "positions": request.param})
    model.embedder = TransformerEmbedder(options, feature_size=8, train_frames=40).eval()
    return model


def test_a_pure_position_code_falls_to_chance_and_a_signal_stays(embedder):
    """Tau cannot tell a clock from an encoder that sees the action; without positions it can."""
    assert tau_of(embedder, signal=0.0, without=False) > 0.9  # blind, and still nearly perfect
    assert abs(tau_of(embedder, signal=0.0, without=True)) < 0.08
    assert tau_of(embedder, signal=10.0, without=True) > 0.9


def test_it_is_the_same_each_time_and_of_unit_length(embedder):
    features = torch.randn(2, 30, 8)
    with torch.no_grad():
        one, again, other = (embed_without_positions(embedder, features, seed=s) for s in (5, 5, 6))
    assert torch.equal(one, again)
    assert not torch.allclose(one, other)
    torch.testing.assert_close(one.norm(dim=-1), torch.ones(2, 30))


def test_without_positions_nothing_but_positions_changes():
    """An encoder that is told none gives the same embeddings, whatever places are drawn."""
    model = encoder(positions="none", fc_layers=1)
    features = torch.randn(1, 20, model.feature_size)
    with torch.no_grad():
        torch.testing.assert_close(embed_without_positions(model, features, seed=0), model.embed(features))
    assert not tells_positions(model)
    assert not tells_positions(encoder(positions="rotary"))
    assert not tells_positions(NoiseEncoder(embedding_size=4))
    assert tells_positions(encoder(positions="plain"))


def test_a_file_in_two_samples_is_one_video(dataset, tmp_path):
    lines = (dataset / "manifest.jsonl").read_text().splitlines()
    (tmp_path / "manifest.jsonl").write_text("\n".join([lines[1], lines[1]]) + "\n")
    for folder in dataset.iterdir():
        if folder.is_dir():
            (tmp_path / folder.name).symlink_to(folder)
    assert len(phase_videos(read_manifest(tmp_path), "val")) == 2


@pytest.mark.parametrize("positions", ["stretched", "plain", "rotary", "none"])
def test_frames_can_be_told_other_places(positions):
    model = encoder(positions=positions)
    features = torch.randn(1, 20, model.feature_size)
    with torch.no_grad():
        own = model.embedder(features)
        torch.testing.assert_close(model.embedder(features, None, torch.arange(20)), own)
        turned = model.embedder(features, None, torch.arange(20).flip(0))
        both = model.embedder(features.flip(1)).flip(1)  # the same frames at the same places
    torch.testing.assert_close(turned, both)
    assert torch.allclose(turned, own, atol=1e-5) == (positions == "none")
