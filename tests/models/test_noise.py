"""The encoder of random embeddings: the control that everything downstream must score at chance on."""

import torch

from videosync.models.noise import NoiseEncoder


def test_interface_of_an_encoder(make_encoder):
    noise = make_encoder(name="noise", embedding_size=24)
    assert isinstance(noise, NoiseEncoder)
    assert list(noise.parameters()) == []
    clips = torch.rand(2, 10, 3, 8, 8)
    features = noise.backbone_features(clips, context=3)
    assert features.shape == (2, 7, noise.feature_size)
    mask = torch.arange(7) < torch.tensor([[7], [4]])
    embeddings = noise.embed(features, mask)
    assert embeddings.shape == (2, 7, 24)
    torch.testing.assert_close(embeddings.norm(dim=-1), mask.float())
    assert noise(clips.unflatten(0, (1, 2))).shape == (1, 2, 10, 24)
    assert noise(features).shape == (2, 7, 24)


def test_new_noise_at_each_call_and_the_same_in_each_run():
    features = torch.rand(1, 10, 1)
    first, again = NoiseEncoder(embedding_size=8), NoiseEncoder(embedding_size=8)
    a, b = first.embed(features), first.embed(features)
    assert not torch.allclose(a, b)
    assert torch.equal(a, again.embed(features))
    assert torch.equal(b, again.embed(features))
    assert not torch.equal(a, NoiseEncoder(embedding_size=8, seed=1).embed(features))


def test_clips_differ_and_the_order_of_their_frames_does_not_get_through():
    def noise(features):
        return NoiseEncoder(embedding_size=8).embed(features)

    assert not torch.allclose(noise(torch.zeros(1, 10, 1)), noise(torch.ones(1, 10, 1)))  # also in two processes
    features = torch.rand(1, 10, 1)
    assert torch.equal(noise(features), noise(features.roll(3, dims=1)))


def test_frames_are_uncorrelated():
    e = NoiseEncoder(embedding_size=64).embed(torch.rand(1, 400, 1))[0]
    products = e @ e.T - torch.eye(400)
    assert products.abs().max() < 0.75
    assert products.mean().abs() < 0.005
