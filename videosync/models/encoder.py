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
from videosync.models.options import ModelOptions
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
            raise ConfigError(f"chunk_size is {chunk_size}: expected at least 1 frame")
        self.input = input
        self.backbone = backbone
        self.embedder = embedder
        self.projection = projection
        self.classifier = classifier
        self.chunk_size = chunk_size
        self.feature_size = backbone.feature_size
        self.context = input.context

    def backbone_features(self, frames: Tensor, context: int = 0) -> Tensor:
        """Frames ``[B, T, 3, H, W]`` (float in 0 … 1, or uint8) → pooled features float32 ``[B, T - context, F]``.

        The first ``context`` frames are only looked back at. Runs in chunks of ``chunk_size`` frames.
        """
        return self._features(frames, None, context)

    def embed(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """Features ``[B, T, F]`` of whole clips → unit embeddings float32 ``[B, T, D]``; zeros where masked."""
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
                f"stages 1 … {self.backbone.layer} of the backbone are frozen: cached features leave it out, so all "
                "of it must be frozen"
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


def require_frame_encoder(name: str, source: object) -> None:
    """Raises ConfigError where ``model.name``, as ``source`` has it, is a network that sees no single frames."""
    if name == "crisscross":
        raise ConfigError(
            f"{source}: model.name is 'crisscross', whose two streams see whole clips with sound, but this job needs "
            "an encoder of frames; give a run of one (train.py with model.name=encoder). What the two streams have "
            "learned is measured by evaluate.py with the tasks in docs/crisscross.md, and videosync sync --cue "
            "sound-learned compares by the stream of the sound"
        )


def build_encoder(options: ModelOptions, *, num_frames: int, workdir: str | Path = "") -> Encoder | NoiseEncoder:
    """The encoder that ``options`` describe; ``num_frames`` is the length of a training clip.

    ``options.weights`` names backbone weights (:func:`videosync.models.pretrained.find_weights`). Frozen stages without
    weights raise CheckpointError unless ``random_backbone`` says that this is wanted (or that a checkpoint will fill
    them). Raises ConfigError for options that are unknown or do not fit each other.
    """
    if options.name == "noise":
        return NoiseEncoder(embedding_size=options.embedding_size)
    require_frame_encoder(options.name, "the configuration")
    require_known("name", options.name, ("encoder", "noise"))
    require_known("input", options.input, INPUTS)
    backbone = build_backbone(options.backbone)
    if options.weights:
        load_backbone_weights(backbone, find_weights(options.weights, Path(workdir).expanduser()))
    elif options.layer > 0 and not options.random_backbone:
        raise CheckpointError(
            f"layer {options.layer} freezes stages 1 … {options.layer} of {options.backbone}, but no pretrained "
            "weights are named: they would stay random; give weights, or layer 0, or allow a random_backbone"
        )
    backbone.freeze(options.layer)
    embedder = TransformerEmbedder(options, feature_size=backbone.feature_size, train_frames=num_frames)
    size = options.embedding_size
    return Encoder(
        input=INPUTS[options.input](),
        backbone=backbone,
        embedder=embedder,
        projection=ProjectionHead(size=size, hidden_size=options.projection_size),
        classifier=FrameClassifier(size=size, num_classes=options.num_classes, dropout=options.dropout),
        chunk_size=options.chunk_size,
    )
