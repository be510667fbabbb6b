"""The frame encoder: backbone, transformer embedder, and the heads that training uses."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional as F

from videosync.errors import CheckpointError, ConfigError, require_known
from videosync.models.backbones import build_backbone
from videosync.models.heads import FrameClassifier, ProjectionHead
from videosync.models.inputs import INPUTS, MotionInput, RGBInput
from videosync.models.noise import NoiseEncoder
from videosync.models.pretrained import find_weights
from videosync.models.staged import StagedBackbone
from videosync.models.transformer import TransformerEmbedder
from videosync.models.weights import load_backbone_weights


class Encoder(nn.Module):
    """Frames (or cached backbone features) → embeddings of unit length.

    ``context`` is the number of frames before a window that its first frames look back at (0 for rgb).
    """

    def __init__(
        self,
        *,
        input: RGBInput | MotionInput,
        backbone: StagedBackbone,
        embedder: TransformerEmbedder,
        projection: ProjectionHead,
        classifier: FrameClassifier,
        chunk_size: int,
    ) -> None:
        super().__init__()
        if chunk_size < 1:
            raise ConfigError(f"model.chunk_size is {chunk_size}: expected at least 1 frame")
        self.input = input
        self.backbone = backbone
        self.embedder = embedder
        self.projection = projection
        self.classifier = classifier
        self.chunk_size = chunk_size
        self.feature_size = backbone.feature_size
        self.context = input.context

    def backbone_features(self, frames: Tensor, context: int = 0) -> Tensor:
        """Frames ``[B, T, 3, H, W]`` (float in 0 … 1, or uint8) → pooled features float32 ``[B, T -
        context, F]``.

        The first ``context`` frames are only looked back at. Runs in chunks of ``chunk_size`` frames.
        """
        return self._features(frames, None, context)

    def embed(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """Features ``[B, T, F]`` of whole clips → unit embeddings float32 ``[B, T, D]``; zeros where
        masked.
        """
        return self._unit(self.embedder(features, mask), mask)

    def forward(
        self,
        frames: Tensor,
        mask: Tensor | None = None,
        project: bool = False,
        *,
        classify: bool = False,
        unit: bool = True,
    ) -> Tensor:
        """Frames ``[..., T, 3, H, W]`` or features ``[..., T, F]``, with one or two leading dimensions.

        ``mask`` bool ``[..., T]``: False = padding, which changes nothing and gets a zero vector.
        Returns unit embeddings, float32 ``[..., T, D]``. For losses: ``project``, through the projection head;
        ``unit`` False, as long as they come out; ``classify``, scores of the classes ``[..., T, num_classes]``
        instead. Raises ConfigError when trainable backbone stages are to be trained on cached features.
        """
        is_features = frames.dim() <= 4
        clips = frames.flatten(0, -3 if is_features else -5)  # [B*V, T, ...]
        clip_mask = None if mask is None else mask.flatten(0, -2)  # [B*V, T]
        if not is_features:
            features = self._features(clips, clip_mask, 0)
        elif self.training and any(p.requires_grad for p in self.backbone.parameters()):
            raise ConfigError(
                f"model.layer is {self.backbone.layer}: cached features leave the backbone out, so all "
                "of it must be frozen; set model.layer=4 or data.feature_cache=0"
            )
        else:
            features = clips
        embeddings = self.embedder(features, clip_mask)  # [B*V, T, D]
        if project:
            embeddings = self.projection(embeddings, clip_mask)
        if unit:
            embeddings = self._unit(embeddings, clip_mask)
        elif clip_mask is not None:
            embeddings = embeddings * clip_mask[..., None]
        if classify:
            embeddings = self.classifier(embeddings, clip_mask)  # [B*V, T, num_classes]
        return embeddings.float().unflatten(0, frames.shape[: -2 if is_features else -4])  # [B, V, T, D]

    def _features(self, frames: Tensor, mask: Tensor | None, context: int) -> Tensor:
        """Pooled features ``[B, T - context, F]``; only real frames go through the backbone."""
        channels = self.input.channels(frames, mask, context)
        real = channels.flatten(0, 1) if mask is None else channels[mask]  # [n, 3, H, W]
        # [n, F]
        features = self.backbone(real, chunk_size=self.chunk_size, prepare=self.input.normalise).float()
        if mask is None:
            return features.unflatten(0, channels.shape[:2])
        out = features.new_zeros(*mask.shape, self.feature_size)
        return out.masked_scatter(mask[..., None], features)

    @staticmethod
    def _unit(embeddings: Tensor, mask: Tensor | None) -> Tensor:
        unit = F.normalize(embeddings.float(), dim=-1)
        return unit if mask is None else unit * mask[..., None]


def build_encoder(
    *,
    name: str,
    backbone: str,
    input: str,
    weights: str,
    random_backbone: bool,
    layer: int,
    chunk_size: int,
    temporal_kernel: int,
    clip_norm: bool = False,
    fc_layers: int,
    fc_size: int,
    dropout: float,
    hidden_size: int,
    positions: str,
    temporal_layers: int = 0,
    layers: int,
    heads: int,
    ff_size: int,
    embedding_size: int,
    projection_size: int,
    num_classes: int = 0,
    num_frames: int,
    workdir: str | Path,
) -> Encoder | NoiseEncoder:
    """The encoder that the model options describe; ``num_frames`` is the length of a training clip.

    ``weights`` names backbone weights (:func:`videosync.models.pretrained.find_weights`). Frozen stages without
    weights raise CheckpointError unless ``random_backbone`` says that this is wanted (or that a checkpoint will fill
    them). Raises ConfigError for options that are unknown or do not fit each other.
    """
    if name == "noise":
        return NoiseEncoder(embedding_size=embedding_size)
    require_known("model.name", name, ("encoder", "noise"))
    require_known("model.input", input, INPUTS)
    network = build_backbone(backbone)
    if weights:
        load_backbone_weights(network, find_weights(weights, Path(workdir).expanduser()))
    elif layer > 0 and not random_backbone:
        raise CheckpointError(
            f"model.layer={layer} freezes stages 1 … {layer} of {backbone}, but model.weights names no "
            "pretrained weights: they would stay random; set model.weights, model.layer=0, or "
            "model.random_backbone=true"
        )
    network.freeze(layer)
    embedder = TransformerEmbedder(
        feature_size=network.feature_size,
        temporal_kernel=temporal_kernel,
        clip_norm=clip_norm,
        fc_layers=fc_layers,
        fc_size=fc_size,
        dropout=dropout,
        hidden_size=hidden_size,
        positions=positions,
        temporal_layers=temporal_layers,
        layers=layers,
        heads=heads,
        ff_size=ff_size,
        embedding_size=embedding_size,
        train_frames=num_frames,
    )
    projection = ProjectionHead(size=embedding_size, hidden_size=projection_size)
    return Encoder(
        input=INPUTS[input](),
        backbone=network,
        embedder=embedder,
        projection=projection,
        classifier=FrameClassifier(size=embedding_size, num_classes=num_classes, dropout=dropout),
        chunk_size=chunk_size,
    )
