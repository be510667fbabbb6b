import pytest
import torch

from videosync.models.encoder import build_encoder
from videosync.models.options import ModelOptions

OPTIONS = dict(
    name="encoder", backbone="small", input="rgb", weights="", random_backbone=False, layer=0, chunk_size=64,
    temporal_kernel=0, fc_layers=2, fc_size=32, dropout=0.1, hidden_size=32, positions="stretched", layers=2, heads=4,
    ff_size=48, embedding_size=16, projection_size=24,
)  # fmt: skip


@pytest.fixture
def make_encoder():
    """A small encoder with any options changed; the same weights each time."""

    def make(num_frames=12, workdir="", **changes):
        torch.manual_seed(0)
        return build_encoder(ModelOptions(**{**OPTIONS, **changes}), num_frames=num_frames, workdir=workdir)

    return make
