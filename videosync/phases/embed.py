"""Whole videos as embeddings, for tasks that look at phases of an action; also without what positions tell.

A position code can make an encoder look good that sees nothing: actions of one kind go through their phases in one
order, so two videos that count their frames alike are "aligned", with a Kendall's tau of 1. Positions are therefore
also taken away: the places that the frames of a video are told are shuffled, and a frame's embedding is the mean over
``DRAWS`` such orders. What depends on the place alone is then noise; what a frame shows stays, and each draw is a set
of codes that the encoder knows from training. (Without any codes it would get inputs that it has never seen.)
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from videosync.data.frame_labels import read_frame_labels
from videosync.data.samples import Manifest
from videosync.evaluation.embed import video_features
from videosync.models.encoder import Encoder
from videosync.models.noise import NoiseEncoder
from videosync.models.positions import ABSOLUTE

DRAWS = 32  # random orders over which an embedding without positions is averaged


@dataclass(frozen=True)
class PhaseVideo:
    """One file of a split, whole."""

    name: str  # its path in the manifest
    path: Path
    event: str
    num_frames: int
    fps: float
    labels: np.ndarray | None  # int64 [T], the phase of each frame, < 0: not to be used; None: it has none


@dataclass(frozen=True)
class VideoEmbeddings:
    """Embeddings of one video, the ``index``-th of those that were asked for."""

    index: int
    embeddings: np.ndarray  # float32 [T, D]
    unplaced: np.ndarray | None  # the same without positions; None where the encoder is told none


def phase_videos(manifest: Manifest, split: str) -> list[PhaseVideo]:
    """Every file of a split once, in the order of the manifest, with its labels where it has some.

    Raises ManifestError: there is no such split, or a label file is missing or malformed.
    """
    videos: dict[str, PhaseVideo] = {}
    for sample in manifest.of_split(split):
        for view in sample.views:
            if view.video not in videos:
                labels = None if view.frame_labels is None else read_frame_labels(manifest, view)
                path = manifest.path(view)
                videos[view.video] = PhaseVideo(view.video, path, sample.event, view.num_frames, view.fps, labels)
    return list(videos.values())


def tells_positions(encoder: Encoder | NoiseEncoder) -> bool:
    """Whether the encoder tells frames how far into their clip they are."""
    return isinstance(encoder, Encoder) and encoder.embedder.positions in ABSOLUTE


def deal_videos(videos: Sequence[PhaseVideo], world_size: int) -> list[list[int]]:
    """Indices of ``videos`` for each rank: longest first, each to the rank with the fewest frames."""
    shares: list[list[int]] = [[] for _ in range(world_size)]
    frames = [0] * world_size
    for index in sorted(range(len(videos)), key=lambda i: (-videos[i].num_frames, i)):
        rank = frames.index(min(frames))
        shares[rank].append(index)
        frames[rank] += videos[index].num_frames
    return [sorted(share) for share in shares]


def embed_videos(
    encoder: Encoder | NoiseEncoder,
    videos: Sequence[PhaseVideo],
    *,
    image_size: int,
    max_frames: int,
    device: torch.device | str,
    rank: int = 0,
    world_size: int = 1,
    on_video: Callable[[int], object] = lambda count: None,
) -> list[VideoEmbeddings]:
    """This rank's share of ``videos``; the same embeddings on whatever rank.

    ``encoder`` is in evaluation mode, on ``device``. A video of more than ``max_frames`` frames (0: any number) is
    embedded in pieces (:func:`pieces`), each with positions of its own. ``on_video`` is called with 1 after each video.

    Raises VideoError: a video cannot be read.
    """
    found = []
    for index in deal_videos(videos, world_size)[rank]:
        video = videos[index]
        if isinstance(encoder, NoiseEncoder):
            encoder.calls = 0  # its noise depends on how often it was called; here on the video alone
        parts, unplaced = [], []
        for start, stop in pieces(video.num_frames, max_frames):
            # [n, F]
            features = video_features(encoder, video.path, start, stop, size=image_size, device=device)
            batch = features.to(device)[None]  # [1, n, F]
            with torch.no_grad():
                parts.append(encoder.embed(batch, None)[0].float().cpu())
                if isinstance(encoder, Encoder) and tells_positions(encoder):
                    seed = zlib.crc32(f"{video.name}\0{start}".encode())
                    unplaced.append(embed_without_positions(encoder, batch, seed=seed)[0].cpu())
        found.append(
            VideoEmbeddings(index, torch.cat(parts).numpy(), torch.cat(unplaced).numpy() if unplaced else None)
        )
        on_video(1)
    return found


def embed_without_positions(encoder: Encoder, features: Tensor, *, seed: int) -> Tensor:
    """Features ``[B, T, F]`` → unit embeddings float32 ``[B, T, D]``, each frame told random places.

    The mean over ``DRAWS`` of the unit embeddings with a random order of places, scaled to unit length again. What
    frames see of their neighbours before positions come in (motion, ``model.temporal_kernel``) stays as it is.
    """
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(1, device=features.device)
    for _ in range(DRAWS):
        places = torch.randperm(features.shape[1], generator=generator).to(features.device)
        total = total + F.normalize(encoder.embedder(features, None, places).float(), dim=-1)
    return F.normalize(total, dim=-1)


def pieces(num_frames: int, max_frames: int) -> list[tuple[int, int]]:
    """``(start, stop)`` of the fewest parts of at most ``max_frames`` frames (0: one part); all but the last are equal.

    As in CARL, where ``max_frames`` is 1000.
    """
    if max_frames < 1:
        return [(0, num_frames)]
    size = math.ceil(num_frames / math.ceil(num_frames / max_frames))
    return [(start, min(start + size, num_frames)) for start in range(0, num_frames, size)]
