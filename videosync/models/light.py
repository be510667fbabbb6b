"""The small encoder of motion in NumPy: what ``models.clip_encoder`` computes, to rounding, without torch.

The encoder that comes with the package is so small that importing torch takes longer than all else. Both read the
same file of weights. Convolutions are products of matrices; BatchNorm is folded into the weights before it; and since
pictures are grey numbers of 8 bits, the logarithm of a difference is looked up in a table.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import count, takewhile
from pathlib import Path

import cv2
import numpy as np
from numpy.lib.stride_tricks import as_strided
from safetensors.numpy import load_file

from videosync.errors import CheckpointError
from videosync.foreign import read_safetensors
from videosync.models.card import CARD_JSON, FOLDER, card_rates, exported_weights, read_card, trained_with
from videosync.models.constants import (
    MOTION_LAGS,
    MOTION_MEAN,
    MOTION_STD,
    MOTION_THRESHOLD,
    MOTION_UNIT,
    SMALLEST_SPREAD,
    STILL,
    STRIDES,
)  # fmt: skip
from videosync.threads import one_thread

NORM_EPSILON = 1e-5  # of BatchNorm and LayerNorm
UNIT_EPSILON = 1e-12  # shortest vector that gets unit length
PICTURES = 8  # that go through the convolutions at once: their maps stay in the processor's cache
BLUR = np.array([1, 2, 1], np.float32)
LEVELS = 16  # of a blurred picture in one of the picture itself
MODEL = {"name": "encoder", "backbone": "small", "input": "motion", "positions": "none", "layers": 0, "clip_norm": True}

Weights = Mapping[str, np.ndarray]
Affine = tuple[np.ndarray, np.ndarray]  # weights [I, O], bias [O]


class LightEncoder:
    """A trained ``SmallConvNet`` on motion with temporal layers, as ``ClipEncoder`` would be of it.

    Args:
        weights: as an export holds them, float32.
        size: S, pixels of the square pictures that it takes.
        temperature, matrix_temperature, name, weights_hash, rates: as of ``ClipEncoder``.

    Raises:
        KeyError, ValueError: weights of another architecture.
    """

    context, sees_differences = max(MOTION_LAGS), True

    def __init__(
        self,
        weights: Weights,
        *,
        size: int,
        temperature: float,
        matrix_temperature: float,
        name: str = "",
        weights_hash: str = "",
        rates: Sequence[float] = (),
    ) -> None:
        self.size, self.temperature, self.matrix_temperature = size, temperature, matrix_temperature
        self.name, self.weights_hash, self.rates = name, weights_hash, tuple(rates)
        self._tables = _tables()
        self._stages = [_convolution(weights, f"backbone.stage{stage}") for stage in range(len(STRIDES))]
        self._filter = np.ascontiguousarray(weights["embedder.temporal.filter.weight"][:, 0].T)  # [K, F]
        self._filter_bias = weights["embedder.temporal.filter.bias"]
        dense = takewhile(lambda n: f"embedder.fc_layers.{n}.weight" in weights, count(1, 4))  # dropout is 0, ReLU 3
        self._dense = [_dense(weights, f"embedder.fc_layers.{n}", f"embedder.fc_layers.{n + 1}") for n in dense]
        self._to_hidden = _dense(weights, "embedder.to_hidden")
        names = (f"embedder.temporal_layers.{n}" for n in count())
        blocks = takewhile(lambda name: f"{name}.norm.weight" in weights, names)
        self._blocks = [_Block(weights, name, 2**n) for n, name in enumerate(blocks)]
        self._to_embedding = _dense(weights, "embedder.to_embedding")
        self.columns = len(self._filter_bias)

    @one_thread()
    def features(self, pictures: np.ndarray, context: int) -> np.ndarray:
        """Pictures uint8 [N,S,S] grey, the first ``context`` only looked back at → float32 [N-context,F]."""
        channels = self._channels(pictures, context)  # [N - context, S, S, 3]
        features = np.empty((len(channels), self.columns), np.float32)
        for start in range(0, len(channels), PICTURES):
            maps = channels[start : start + PICTURES]
            for stage, stride in zip(self._stages, STRIDES):
                maps = _convolved(maps, stage, stride)
            rows = slice(start, start + len(maps))
            features[rows] = np.concatenate([maps.mean((1, 2)), maps.max((1, 2))], axis=1)
        return features

    @one_thread()
    def embed(self, features: np.ndarray) -> np.ndarray:
        """Features [T,F] of a whole clip → unit vectors float32 [T,D]. Zero vectors where nothing changes in it."""
        size = len(self._to_embedding[1])
        if len(features) < 2 or np.ptp(features, axis=0).max() < STILL:
            return np.zeros((len(features), size), np.float32)
        x = over_clip(self._filtered(np.ascontiguousarray(features, np.float32)))
        for dense in self._dense:
            x = np.maximum(_affine(x, dense), 0)
        x = _affine(x, self._to_hidden)
        for block in self._blocks:
            x += block(x)
        x = _affine(x, self._to_embedding)
        return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), UNIT_EPSILON)

    def _channels(self, pictures: np.ndarray, context: int) -> np.ndarray:
        """Normalised log differences, float32 [N-context, S, S, 3]; see ``models.inputs.MotionInput``."""
        blurred = [cv2.sepFilter2D(p, cv2.CV_16S, BLUR, BLUR, borderType=cv2.BORDER_REPLICATE) for p in pictures]
        levels = np.stack(blurred)  # int16 [N, S, S], exact, in 1/16 of a level
        channels = np.empty((len(pictures) - context, *pictures.shape[1:], len(MOTION_LAGS)), np.float32)
        for channel, (lag, table) in enumerate(zip(MOTION_LAGS, self._tables)):
            lag = min(lag, len(pictures) - 1)
            missing = max(0, lag - context)  # frames that take the first difference there is
            changes = np.abs(levels[max(lag, context) :] - levels[max(0, context - lag) : len(levels) - lag])
            channels[missing:, ..., channel] = table[changes]
            channels[:missing, ..., channel] = channels[missing : missing + 1, ..., channel]
        return channels

    def _filtered(self, x: np.ndarray) -> np.ndarray:
        """Each feature filtered over time, the clip continued by its ends: [T, F] → [T, F]."""
        reach = len(self._filter) // 2
        padded = np.pad(x, ((reach, reach), (0, 0)), mode="edge")
        found = np.broadcast_to(self._filter_bias, x.shape).copy()
        for place, tap in enumerate(self._filter):
            found += padded[place : place + len(x)] * tap
        return found


class _Block:
    """``models.temporal.TemporalBlock``, without the input that is added to it: [T, C] → [T, C]."""

    def __init__(self, weights: Weights, name: str, dilation: int) -> None:
        self.dilation = dilation
        self.scale, self.shift = weights[f"{name}.norm.weight"], weights[f"{name}.norm.bias"]
        self.taps = np.ascontiguousarray(weights[f"{name}.conv.weight"].transpose(2, 1, 0))  # [K, C, C]
        self.bias = weights[f"{name}.conv.bias"]
        self.out = _dense(weights, f"{name}.out")

    def __call__(self, x: np.ndarray) -> np.ndarray:
        centred = x - x.mean(axis=1, keepdims=True)
        variance = np.square(centred).mean(axis=1, keepdims=True)
        normed = centred / np.sqrt(variance + NORM_EPSILON) * self.scale + self.shift
        reach = self.dilation * (len(self.taps) // 2)
        padded = np.pad(normed, ((reach, reach), (0, 0)), mode="edge")
        around = np.broadcast_to(self.bias, x.shape).copy()
        for place, tap in enumerate(self.taps):
            first = place * self.dilation
            around += padded[first : first + len(x)] @ tap
        return _affine(np.maximum(around, 0, out=around), self.out)


def over_clip(x: np.ndarray) -> np.ndarray:
    """Each column of [T, F] with mean 0 and deviation 1; see ``models.temporal.over_clip``."""
    centred = x - x.mean(axis=0, dtype=np.float64)
    spread = np.sqrt(np.square(centred).mean(axis=0) + SMALLEST_SPREAD**2)
    return np.asarray(centred / spread, np.float32)


def _tables() -> list[np.ndarray]:
    """For each lag: the normalised logarithm of a change of 0 … 255 grey levels, in 1/16 of a level: float32 [4081]."""
    change = np.arange(255 * LEVELS + 1) / (255 * LEVELS)
    logs = np.log1p(np.maximum(change - MOTION_THRESHOLD, 0) / MOTION_UNIT)
    return [((logs - mean) / std).astype(np.float32) for mean, std in zip(MOTION_MEAN, MOTION_STD)]


def _folded(weights: Weights, name: str) -> Affine:
    """What a BatchNorm in evaluation mode multiplies each channel by, and adds to it: [C], [C]."""
    gain = weights[f"{name}.weight"] / np.sqrt(weights[f"{name}.running_var"] + NORM_EPSILON)
    return gain, weights[f"{name}.bias"] - weights[f"{name}.running_mean"] * gain


def _dense(weights: Weights, name: str, norm: str = "") -> Affine:
    """A linear layer, and the BatchNorm behind it."""
    matrix, bias = weights[f"{name}.weight"].T, weights[f"{name}.bias"]
    if norm:
        gain, shift = _folded(weights, norm)
        matrix, bias = matrix * gain, bias * gain + shift
    return np.ascontiguousarray(matrix), bias


def _convolution(weights: Weights, name: str) -> Affine:
    """A 3 × 3 convolution without bias, and the BatchNorm behind it: [9 I, O] (row, column, channel), [O]."""
    gain, shift = _folded(weights, f"{name}.1")
    kernel = weights[f"{name}.0.weight"] * gain[:, None, None, None]  # [O, I, 3, 3]
    return np.ascontiguousarray(kernel.transpose(2, 3, 1, 0).reshape(-1, len(gain))), shift


def _affine(x: np.ndarray, layer: Affine) -> np.ndarray:
    matrix, bias = layer
    return np.asarray(x @ matrix + bias)


def _convolved(maps: np.ndarray, layer: Affine, stride: int) -> np.ndarray:
    """A 3 × 3 convolution with a border of zeros, then ReLU: float32 [N, H, W, I] → [N, H', W', O]."""
    matrix, bias = layer
    number, height, width, channels = maps.shape
    padded = np.zeros((number, height + 2, width + 2, channels), np.float32)
    padded[:, 1:-1, 1:-1] = maps
    shape = number, (height - 1) // stride + 1, (width - 1) // stride + 1
    picture, row, pixel, one = padded.strides
    # three neighbours of a row lie together in memory
    around = as_strided(padded, (*shape, 3, 3 * channels), (picture, row * stride, pixel * stride, row, one))
    found = around.reshape(-1, 9 * channels) @ matrix  # [N H' W', O]
    found += bias
    return np.maximum(found, 0, out=found).reshape(*shape, -1)


@cache
def light_shipped_encoder(folder: Path = FOLDER) -> LightEncoder:
    """The encoder in ``folder``. Raises CheckpointError: it is not there, damaged, exchanged, or of another kind."""
    facts = read_card(folder, kind="encoder")
    path = exported_weights(folder, facts)
    model = facts["config"].get("model")
    if not isinstance(model, dict):
        raise CheckpointError(f"{folder / CARD_JSON}: it describes no model")
    if unlike := [f"{key} {model.get(key)!r}" for key, value in MODEL.items() if model.get(key) != value]:
        raise CheckpointError(f"{folder / CARD_JSON}: NumPy runs no encoder with {', '.join(unlike)}; it takes torch")
    try:
        return LightEncoder(
            read_safetensors(path, load_file), **trained_with(facts["config"]), name=folder.name,
            weights_hash=facts["checkpoint"]["weights_hash"], rates=card_rates(facts),
        )  # fmt: skip
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise CheckpointError(f"{path} does not fit the model that {CARD_JSON} describes ({error})") from error
