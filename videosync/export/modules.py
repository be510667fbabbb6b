"""What is exported: networks whose numbers of clips, frames and matrices stay open, without configuration or chunks."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from videosync.lags.similarity import TINY
from videosync.models.encoder import Encoder
from videosync.models.inference import fuse_batch_norms
from videosync.models.programs import Case, Network, largest_difference
from videosync.models.staged import STAGES
from videosync.offset.cnn import CnnDetector, matrix_network
from videosync.similarity.matrix import similarity_matrix

EMBEDDING_TOLERANCE = 1e-4  # largest difference of a number of a unit embedding
PROBABILITY_TOLERANCE = 1e-5
CHECK_PIXELS = 4_000_000  # of a clip that an encoder is checked on: 80 frames of 224 x 224


class FrameEmbedder(nn.Module):
    """Frames ``[B, T, 3, S, S]`` (uint8, or float in 0 … 1) → unit embeddings float32 ``[B, T, D]``.

    The encoder in one piece: normalisation inside, batch norms fused, all frames at once.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = copy.deepcopy(encoder).float().eval().requires_grad_(False)
        fuse_batch_norms(self.encoder.backbone)

    def forward(self, frames: Tensor) -> Tensor:
        channels = self.encoder.input.whole_clip_channels(frames)
        x = self.encoder.input.normalise(channels.flatten(0, 1))  # [B*T, 3, S, S]
        for stage in range(STAGES + 1):
            x = self.encoder.backbone.run_stage(stage, x)
        features = self.encoder.backbone.pool(x).unflatten(0, frames.shape[:2])  # [B, T, F]
        return self.encoder.embed(features)


class OffsetReader(nn.Module):
    """Matrices of both directions, float32 ``[N, L, L]`` → probabilities ``[N, 2K + 1]`` and offsets ``[N]``, float32.

    Everything ``Detector.probabilities`` and ``predict`` do, in the same order of operations, so that swapped videos
    give exactly reversed probabilities and the negative offset.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, detector: CnnDetector) -> None:
        super().__init__()
        arrays = {name: torch.from_numpy(np.array(value)) for name, value in detector.arrays().items()}
        self.size, self.max_offset = detector.size, detector.max_offset
        self.beta = float(arrays["beta"])
        self.network = matrix_network(self.size, detector.options.channels, 0.0, 2 * self.max_offset + 1)
        own = {name.removeprefix("model."): value for name, value in arrays.items() if name.startswith("model.")}
        self.network.load_state_dict(own)
        self.register_buffer("mean", arrays["input.mean"])
        self.register_buffer("scale", arrays["input.scale"])
        self.eval().requires_grad_(False)

    def forward(self, forward: Tensor, backward: Tensor) -> tuple[Tensor, Tensor]:
        logits = (self._logits(forward) + self._logits(backward).flip(1)) / 2
        grown = self.beta * logits
        grown = (grown - grown.amax(1, keepdim=True)).exp()
        # a sum depends on its order: the mean of both orders does not
        total = (grown.sum(1, keepdim=True) + grown.flip(1).sum(1, keepdim=True)) / 2
        probabilities = grown / total
        offsets = (self._median_place(probabilities) - self._median_place(probabilities.flip(1))) / 2
        return probabilities.float(), offsets

    def _logits(self, matrices: Tensor) -> Tensor:
        """``[N, L, L]`` → float64 ``[N, 2K + 1]``; around shorter matrices lies the mean of their own cells."""
        cells = matrices.clamp(min=TINY).log()
        room = self.size - matrices.shape[-1]
        inside = F.pad(torch.ones_like(cells), (0, room, 0, room))
        cells = torch.where(inside > 0, F.pad(cells, (0, room, 0, room)), cells.mean((1, 2), keepdim=True))
        return self.network(((cells - self.mean) / self.scale)[:, None]).double()  # [N, 1, T, T]

    @staticmethod
    def _median_place(probabilities: Tensor) -> Tensor:
        """Number of the entry at which the sum from below reaches one half: float32 ``[N]``."""
        total = probabilities.cumsum(1)
        return (total < 0.5 * total[:, -1:]).sum(1).float()


def encoder_network(encoder: Encoder, *, image_size: int, num_frames: int, dtype: torch.dtype) -> Network:
    """The network of a trained encoder that takes frames of ``dtype`` (uint8, or float32 in 0 … 1).

    Checked against ``encoder`` itself on clips of the fewest frames it takes up to half as long again as a training
    clip (``num_frames``), as far as ``CHECK_PIXELS`` allow.
    """
    encoder = encoder.eval()
    shortest = encoder.context + 2 if encoder.context else 1
    longest = max(shortest, CHECK_PIXELS // image_size**2)
    wanted = (shortest, shortest + 11, num_frames, num_frames + num_frames // 2)
    lengths = sorted({max(shortest, min(frames, longest)) for frames in wanted})
    clips = [(2 if frames < 16 else 1, frames) for frames in lengths]
    known: dict[tuple[int, ...], np.ndarray] = {}  # what PyTorch says, for all programs of one encoder

    def cases() -> Iterator[Case]:
        for seed, (batch, frames) in enumerate(clips):
            yield f"{batch} x {frames} frames", (moving_squares(batch, frames, image_size, dtype, seed),)

    @torch.no_grad()
    def compare(inputs: tuple[Tensor, ...], outputs: tuple[np.ndarray, ...]) -> float:
        frames = inputs[0]
        if frames.shape[:2] not in known:
            known[frames.shape[:2]] = encoder(frames).numpy()
        return largest_difference(outputs[0], known[frames.shape[:2]])

    values = "uint8, 0 … 255" if dtype == torch.uint8 else "float32, 0 … 1"
    return Network(
        name="encoder" if dtype == torch.uint8 else "encoder_float",
        module=FrameEmbedder(encoder),
        example=(moving_squares(2, shortest + 1, image_size, dtype, 0),),
        inputs={"frames": f"[B, T, 3, {image_size}, {image_size}] RGB, {values}; T at least {shortest}"},
        outputs={"embeddings": f"[B, T, {encoder.embedder.to_embedding.out_features}] float32, of length 1"},
        open_dims={0: ("B", 1, None), 1: ("T", shortest, None)},
        cases=cases,
        checked_on=f"clips of {listed(frames for _, frames in clips)} frames",
        compare=compare,
        tolerance=EMBEDDING_TOLERANCE,
    )


def detector_network(detector: CnnDetector, *, temperature: float) -> Network:
    """The network of a trained detector, checked against ``detector`` itself, with swapped and identical videos."""
    size, fixed = detector.size, detector.shortest == detector.size
    lengths = [size] if fixed else sorted({2, max(2, detector.shortest), (detector.shortest + size) // 2, size})
    probabilities = 2 * detector.max_offset + 1

    def cases() -> Iterator[Case]:
        for seed, length in enumerate(lengths):
            ahead, back = related_matrices(6, length, detector.max_offset, temperature, seed)
            yield f"6 x {length} frames", (ahead, back)
            yield f"6 x {length} frames, swapped", (back, ahead)
            yield f"6 x {length} frames, identical", (ahead, ahead)

    def compare(inputs: tuple[Tensor, ...], outputs: tuple[np.ndarray, ...]) -> float:
        ahead, back = (matrices.numpy() for matrices in inputs)
        expected = detector.probabilities(ahead, back)
        difference = largest_difference(outputs[0], expected)
        # a median may tip over by rounding alone where the sum is one half
        sums = np.concatenate([expected.cumsum(1), expected[:, ::-1].cumsum(1)], axis=1)
        decided = np.abs(sums - 0.5).min(1) > PROBABILITY_TOLERANCE
        return max(difference, largest_difference(outputs[1][decided], detector.predict(ahead, back)[decided]))

    side = f"{size}" if fixed else "T"
    shape = f"[N, {side}, {side}] float32" + ("" if fixed else f", T up to {size}")
    return Network(
        name="detector",
        module=OffsetReader(detector),
        example=related_matrices(3, lengths[-1], detector.max_offset, temperature, 0),
        inputs={
            "forward": f"{shape}: similarity of video 0 (rows) to video 1, rows sum to 1",
            "backward": f"{shape}: similarity of video 1 (rows) to video 0, rows sum to 1",
        },
        outputs={
            "probabilities": f"[N, {probabilities}] float32, of the offsets {-detector.max_offset} … "
            f"{detector.max_offset}",
            "offset": "[N] float32 frames, the median of the probabilities; half frames occur",
        },
        open_dims={0: ("N", 1, None), **({} if fixed else {1: ("T", 2, size), 2: ("T", 2, size)})},
        cases=cases,
        checked_on=f"pairs of {listed(lengths)} frames, also swapped, and identical videos",
        compare=compare,
        tolerance=PROBABILITY_TOLERANCE,
    )


def moving_squares(batch: int, frames: int, size: int, dtype: torch.dtype, seed: int) -> Tensor:
    """Clips ``[B, T, 3, S, S]`` of a bright square that wanders over a still random picture, with some noise."""
    generator = torch.Generator().manual_seed(seed)
    still = torch.randint(40, 200, (batch, 1, 3, size, size), generator=generator, dtype=torch.uint8)
    clips = still.repeat(1, frames, 1, 1, 1)
    clips += torch.randint(0, 7, clips.shape, generator=generator, dtype=torch.uint8)
    side = max(2, size // 4)
    starts = torch.randint(0, size, (batch, 2), generator=generator).tolist()
    for clip, (top, left) in zip(clips, starts):
        for t in range(frames):
            rows = [(top + 2 * t + y) % size for y in range(side)]
            columns = [(left + 3 * t + x) % size for x in range(side)]
            clip[t][:, torch.tensor(rows)[:, None], torch.tensor(columns)] = 250
    return clips if dtype == torch.uint8 else clips.to(dtype) / 255


def related_matrices(count: int, length: int, max_offset: int, temperature: float, seed: int) -> tuple[Tensor, Tensor]:
    """Similarity matrices ``[N, L, L]`` of both directions, of random walks that are up to K frames apart."""
    generator = torch.Generator().manual_seed(seed)
    walk = torch.randn(count, length + max_offset, 16, generator=generator).cumsum(1)
    first = torch.randint(0, max_offset + 1, (2, count), generator=generator).tolist()
    views = [torch.stack([w[s : s + length] for w, s in zip(walk, starts)]) for starts in first]  # [N, L, 16] each
    noisy = [F.normalize(v + 0.5 * torch.randn(v.shape, generator=generator), dim=-1) for v in views]
    ahead = similarity_matrix(noisy[0], noisy[1], temperature=temperature)
    return ahead, similarity_matrix(noisy[1], noisy[0], temperature=temperature)


def listed(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in numbers)
