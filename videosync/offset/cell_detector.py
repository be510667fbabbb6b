"""Detectors that look at all cells of a matrix at once, as so many numbers in a row: one size, one range."""

from __future__ import annotations

import os
import tempfile
from abc import abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np

from videosync.errors import CheckpointError, TrainingError
from videosync.lags.posterior import cross_entropy
from videosync.lags.similarity import CHUNK
from videosync.offset.detector import Detector, Report
from videosync.offset.lengths import by_length, log_cells
from videosync.types import MatrixPairs

IN_MEMORY = 0.5  # share of the memory that examples may take; more than that lies in a temporary file
CONTAINER_LIMIT = Path("/sys/fs/cgroup/memory.max")


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
    in_batches: ClassVar[bool] = False  # it learns from a few examples at a time, so that all need not fit the memory

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
        on_disk = self._too_large(2 * len(train))
        examples, held_out = (self._examples(train, some, on_disk) for some in (rows, held))
        inputs = examples.inputs
        axis = 0 if self.per_cell else None
        mean = np.atleast_1d(inputs.mean(axis=axis, dtype=np.float64))
        parts = (inputs[start : start + CHUNK] for start in range(0, len(inputs), CHUNK))
        squares = sum(np.square(part - mean).sum(axis=axis) for part in parts)
        deviation = np.atleast_1d(np.sqrt(squares * mean.size / inputs.size))
        self._mean = mean.astype(np.float32)
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

    def _examples(self, pairs: MatrixPairs, rows: np.ndarray, on_disk: bool) -> Examples:
        """``log S`` and classes of ``rows``: forward ones, then backward ones."""
        shape = (2 * len(rows), self.size**2)
        inputs = _in_file(shape) if on_disk else np.empty(shape, dtype=np.float32)
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

    def _too_large(self, examples: int) -> bool:
        """Whether so many are to lie on disk. Raises TrainingError: the memory is too small for what must be in it."""
        inputs, present = examples * self.size**2 * 4, memory_there()
        on_disk = self.in_batches and inputs > IN_MEMORY * present
        needed = self._memory_of_model() + (0 if on_disk else inputs)
        if needed > present:
            raise TrainingError(
                f"{self.method}: {examples} matrices of {self.size} x {self.size} need {needed / 2**30:.0f} "
                f"GiB, this machine has {present / 2**30:.0f}; build a smaller train set "
                "or shorter windows, or train the detector equivariant, which reads the set from the disk"
            )
        return on_disk


def memory_there() -> int:
    """Bytes of memory: of the machine, or of its container (cgroup 2)."""
    present = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = CONTAINER_LIMIT.read_text().strip() if CONTAINER_LIMIT.is_file() else ""
    return min(present, int(limit)) if limit.isdigit() else present


def _in_file(shape: tuple[int, int]) -> np.ndarray:
    """Room for float32 values in a temporary file, gone with the array. Raises TrainingError: the disk is full."""
    size = 4 * shape[0] * shape[1]
    try:
        with tempfile.TemporaryFile() as file:
            if hasattr(os, "posix_fallocate"):  # a full disk would end the process while it is written to
                os.posix_fallocate(file.fileno(), 0, size)
            return np.asarray(np.memmap(file, np.float32, "w+", shape=shape))
    except OSError as error:
        raise TrainingError(
            f"{tempfile.gettempdir()}: no room for {size / 2**30:.1f} GiB of matrices that do not fit the memory "
            f"({error.strerror}); set TMPDIR to a folder on a disk with more room, or build a smaller train set"
        ) from error
