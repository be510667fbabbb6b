"""Detectors that look at all cells of a matrix at once, as so many numbers in a row: one size, one range."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from videosync.errors import CheckpointError, TrainingError
from videosync.lags.posterior import cross_entropy
from videosync.lags.similarity import CHUNK
from videosync.offset.detector import Detector, Report
from videosync.offset.lengths import by_length, log_cells
from videosync.types import MatrixPairs


class Examples(NamedTuple):
    """Matrices as numbers in a row, and what is to be told of them."""

    inputs: np.ndarray  # float32 [n, T * T]
    labels: np.ndarray  # int64 [n], classes 0 ... 2K


class CellDetector(Detector):
    """A classifier of standardised ``log S``, trained on each pair forward with label k and backward with label -k.

    It reads matrices of one size. Shorter ones, around which it sees their own mean, are accepted only if the train
    set had such, too.
    """

    per_cell: ClassVar[bool] = True  # inputs standardised cell by cell; False: by one mean and deviation

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._mean = self._scale = np.ones(1, dtype=np.float32)  # [T * T] or [1]

    def arrays(self) -> dict[str, np.ndarray]:
        return {"input.mean": self._mean, "input.scale": self._scale, **super().arrays()}

    def load_arrays(self, arrays: Mapping[str, np.ndarray], *, size: int, shortest: int, max_offset: int) -> None:
        self._mean, self._scale = arrays["input.mean"], arrays["input.scale"]
        super().load_arrays(arrays, size=size, shortest=shortest, max_offset=max_offset)

    @abstractmethod
    def _fit(self, train: Examples, held: Examples, on_epoch: Callable[[Report], None]) -> dict[str, Any]:
        """Fit on standardised ``train``; returns facts."""

    @abstractmethod
    def _logits(self, inputs: np.ndarray) -> np.ndarray:
        """Scores ``[n, 2K + 1]`` of standardised inputs ``[n, T * T]``."""

    def _learn(
        self, train: MatrixPairs, rows: np.ndarray, held: np.ndarray, on_epoch: Callable[[Report], None]
    ) -> dict[str, Any]:
        self._check_memory(2 * len(train))
        examples, held_out = self._examples(train, rows), self._examples(train, held)
        inputs = examples.inputs
        axis = 0 if self.per_cell else None
        self._mean = np.atleast_1d(inputs.mean(axis=axis, dtype=np.float64)).astype(np.float32)
        deviation = np.atleast_1d(inputs.std(axis=axis, dtype=np.float64))
        self._scale = np.where(deviation > 1e-6, deviation, 1).astype(np.float32)
        for each in (examples, held_out):
            self._standardise(each.inputs)
        return self._fit(examples, held_out, on_epoch)

    def _both_directions(self, forward: np.ndarray, backward: np.ndarray, max_offset: int) -> np.ndarray:
        logits = np.empty((len(forward), 2 * max_offset + 1), dtype=np.float64)
        for start in range(0, len(forward), CHUNK):
            rows = slice(start, start + CHUNK)
            ahead, back = (
                self._logits(self._standardise(log_cells(m[rows], self.size))).astype(np.float64)
                for m in (forward, backward)
            )
            logits[rows] = (ahead + back[:, ::-1]) / 2
        return logits

    def _loss(self, examples: Examples) -> float:
        return cross_entropy(self._logits(examples.inputs), examples.labels)

    def _examples(self, pairs: MatrixPairs, rows: np.ndarray) -> Examples:
        """``log S`` and classes of ``rows``: forward ones, then backward ones."""
        inputs = np.empty((2 * len(rows), self.size**2), dtype=np.float32)
        for length, some in by_length(pairs.lengths[rows]):
            for first, matrices in ((0, pairs.forward), (len(rows), pairs.backward)):
                inputs[first + some] = log_cells(matrices[rows[some], :length, :length], self.size)
        offsets = pairs.offsets[rows]
        return Examples(inputs, np.concatenate([offsets, -offsets]) + self.max_offset)

    def _standardise(self, inputs: np.ndarray) -> np.ndarray:
        inputs -= self._mean
        inputs /= self._scale
        return inputs

    def _check(self, shape: tuple[int, ...], max_offset: int) -> None:
        if max_offset != self.max_offset:
            raise CheckpointError(
                f"detector {self.name} answers offsets up to ±{self.max_offset} frames, but the data holds "
                f"offsets up to ±{max_offset}; train a detector on a set with max_offset {max_offset}, or the "
                "detector equivariant, which reads any range"
            )
        accepted = range(1 if self.shortest < self.size else self.size, self.size + 1)
        if shape[0] != shape[1] or shape[0] not in accepted:
            largest = "matrices" if len(accepted) == 1 else "matrices or smaller ones"
            raise CheckpointError(
                f"detector {self.name} reads {self.size} x {self.size} {largest}, but the data holds "
                f"{shape[0]} x {shape[1]} ones; train a detector on that data, build the data with "
                f"windows of {self.size} frames, or train the detector equivariant, which reads any size"
            )

    def _memory_of_model(self) -> int:
        """Bytes that training needs beyond its inputs."""
        return 0

    def _check_memory(self, examples: int) -> None:
        needed = examples * self.size**2 * 4 + self._memory_of_model()
        present = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        if needed > present:
            raise TrainingError(
                f"{self.method}: {examples} matrices of {self.size} x {self.size} need {needed / 2**30:.0f} "
                f"GiB, this machine has {present / 2**30:.0f}; build a smaller train set "
                "or shorter windows"
            )
