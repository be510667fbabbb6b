"""What trained detectors share: data from both directions, held-out events, calibration, a symmetric answer.

A detector is a classifier over the offsets -K ... K that looks at ``log S`` of a whole matrix. Its logits of
both directions are averaged, ``(f(forward)[k] + f(backward)[-k]) / 2``, and turned into probabilities with
one temperature, fitted on train events that were held out (temperature scaling, Guo et al. 2017,
arXiv:1706.04599). The answer is the median of these probabilities: it has the smallest expected absolute
error, and where the matrices say nothing it is 0, the trivial floor, and not a random offset.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.model_selection import GroupShuffleSplit

from videosync.errors import CheckpointError, TrainingError
from videosync.offset.lengths import by_length, log_cells
from videosync.offset.predictor import CHUNK, check_directions
from videosync.types import MatrixPairs

Report = Mapping[str, float]  # of one epoch: epoch, train_loss, holdout_loss
LOG_BETA = (-12.0, 12.0)  # range searched for the logarithm of the inverse temperature


def _silent(report: Report) -> None:
    del report


class Detector(ABC):
    """A classifier of offsets. Subclasses fit and score; size and K come from the train set.

    It reads matrices of one size. Shorter ones, around which it sees their own mean, are accepted only if the train
    set had such, too.

    Args:
        holdout: share of train events kept for early stopping and calibration.
        seed: of the choice of held-out events and of the training.
    """

    method: ClassVar[str]
    per_cell: ClassVar[bool] = True  # inputs standardised cell by cell; False: by one mean and deviation

    def __init__(self, *, holdout: float = 0.15, seed: int = 0) -> None:
        if not 0 < holdout < 1:
            raise ValueError(f"holdout must lie between 0 and 1, got {holdout}")
        self.holdout, self.seed = holdout, seed
        self.name = self.method  # how messages call it
        self.size = 0  # T, once fitted
        self.shortest = 0  # frames of the shortest train pair
        self.max_offset = 0  # K
        self._mean = self._scale = np.ones(1, dtype=np.float32)  # [T * T] or [1]
        self._beta = 1.0  # inverse temperature

    def fit(self, train: MatrixPairs, *, on_epoch: Callable[[Report], None] = _silent) -> dict[str, Any]:
        """Train on ``train``: each pair forward with label k and backward with label -k.

        Returns:
            Facts of the training, ready for JSON: pairs, events, held-out ones and their losses.

        Raises:
            TrainingError: fewer than two events, a single label, too little memory, or a loss not finite.
        """
        self.size, self.max_offset = train.forward.shape[1], train.max_offset
        self.shortest = int(train.lengths.min())
        fitted, held = split_events(train.events, self.holdout, self.seed)
        if len(np.unique(np.abs(train.offsets[fitted]))) == 1 and train.offsets[fitted][0] == 0:
            raise TrainingError(
                f"{self.method}: all train offsets are 0, so there is nothing to learn; make the set with "
                "pairs.max_offset above 0"
            )
        self._check_memory(2 * len(train))
        inputs, labels = self._examples(train, fitted)
        axis = 0 if self.per_cell else None
        self._mean = np.atleast_1d(inputs.mean(axis=axis, dtype=np.float64)).astype(np.float32)
        deviation = np.atleast_1d(inputs.std(axis=axis, dtype=np.float64))
        self._scale = np.where(deviation > 1e-6, deviation, 1).astype(np.float32)
        held_inputs, held_labels = self._examples(train, held)
        self._standardise(held_inputs)
        facts = self._fit(self._standardise(inputs), labels, held_inputs, held_labels, on_epoch)
        ahead, back = np.split(self._logits(held_inputs).astype(np.float64), 2)
        self._beta = fit_beta((ahead + back[:, ::-1]) / 2, train.offsets[held] + self.max_offset)
        return {
            "train_pairs": len(fitted),
            "holdout_pairs": len(held),
            "holdout_events": sorted({train.events[n] for n in held}),
            "inverse_temperature": self._beta,
            **facts,
        }

    def predict(self, forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
        """Offsets float64 ``[N]`` in frames, from matrices ``[N, L, L]``; half frames occur.

        Swapped videos give exactly the negative answer, identical videos exactly 0.

        Raises:
            CheckpointError: matrices of a size that the detector was not trained on.
        """
        return posterior_median(self.probabilities(forward, backward))

    def probabilities(self, forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
        """Calibrated probability of each offset: float64 ``[N, 2K + 1]``, entry ``K + k`` for offset k."""
        check_directions(forward, backward)
        self._check_size(forward.shape[1:])
        return symmetric_softmax(self._beta * self._both_directions(forward, backward))

    def __call__(self, forward: np.ndarray, backward: np.ndarray, max_offset: int) -> np.ndarray:
        """``predict``, as a ``Predictor``; CheckpointError if the data's maximum offset is another one."""
        if max_offset != self.max_offset:
            raise CheckpointError(
                f"detector {self.name} answers offsets up to ±{self.max_offset} frames, but the data holds "
                f"offsets up to ±{max_offset}; train a detector on a set with pairs.max_offset={max_offset}"
            )
        return self.predict(forward, backward)

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """The constructor's keywords, ready for JSON."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything learned, by name."""
        return {
            "input.mean": self._mean,
            "input.scale": self._scale,
            "beta": np.array([self._beta]),
            **{f"model.{name}": value for name, value in self._model_arrays().items()},
        }

    def load_arrays(
        self, arrays: Mapping[str, np.ndarray], *, size: int, shortest: int, max_offset: int
    ) -> None:
        """Take what ``arrays`` gave; ``shortest`` and ``size``: frames of the shortest and longest train pair."""
        self.size, self.shortest, self.max_offset = size, shortest, max_offset
        self._mean, self._scale = arrays["input.mean"], arrays["input.scale"]
        self._beta = float(arrays["beta"][0])
        prefix = "model."
        self._load_model({k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)})

    @abstractmethod
    def _fit(
        self,
        inputs: np.ndarray,
        labels: np.ndarray,
        held_inputs: np.ndarray,
        held_labels: np.ndarray,
        on_epoch: Callable[[Report], None],
    ) -> dict[str, Any]:
        """Fit on standardised inputs float32 ``[n, T * T]`` and classes ``[n]`` (0 ... 2K); returns facts."""

    @abstractmethod
    def _logits(self, inputs: np.ndarray) -> np.ndarray:
        """Scores ``[n, 2K + 1]`` of standardised inputs ``[n, T * T]``."""

    @abstractmethod
    def _model_arrays(self) -> dict[str, np.ndarray]: ...

    @abstractmethod
    def _load_model(self, arrays: Mapping[str, np.ndarray]) -> None: ...

    def _examples(self, pairs: MatrixPairs, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """``log S`` ``[2n, T * T]`` and classes ``[2n]`` of ``rows``: forward ones, then backward ones."""
        inputs = np.empty((2 * len(rows), self.size**2), dtype=np.float32)
        for length, some in by_length(pairs.lengths[rows]):
            for first, matrices in ((0, pairs.forward), (len(rows), pairs.backward)):
                inputs[first + some] = log_cells(matrices[rows[some], :length, :length], self.size)
        offsets = pairs.offsets[rows]
        return inputs, np.concatenate([offsets, -offsets]) + self.max_offset

    def _standardise(self, inputs: np.ndarray) -> np.ndarray:
        inputs -= self._mean
        inputs /= self._scale
        return inputs

    def _both_directions(self, forward: np.ndarray, backward: np.ndarray) -> np.ndarray:
        """Mean logits of both directions, float64 ``[N, 2K + 1]``; exactly reversed for swapped videos."""
        logits = np.empty((len(forward), 2 * self.max_offset + 1), dtype=np.float64)
        for start in range(0, len(forward), CHUNK):
            rows = slice(start, start + CHUNK)
            ahead, back = (
                self._logits(self._standardise(log_cells(m[rows], self.size))).astype(np.float64)
                for m in (forward, backward)
            )
            logits[rows] = (ahead + back[:, ::-1]) / 2
        return logits

    def _check_size(self, shape: tuple[int, ...]) -> None:
        accepted = range(1 if self.shortest < self.size else self.size, self.size + 1)
        if shape[0] != shape[1] or shape[0] not in accepted:
            largest = "matrices" if len(accepted) == 1 else "matrices or smaller ones"
            raise CheckpointError(
                f"detector {self.name} reads {self.size} x {self.size} {largest}, but the data holds "
                f"{shape[0]} x {shape[1]} ones; train a detector on that data, or build the data with "
                f"pairs.num_frames={self.size}"
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
                "(pairs.windows_train) or shorter windows (pairs.num_frames)"
            )


def split_events(events: tuple[str, ...], holdout: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers to fit on and to hold out; no event is in both.

    Raises:
        TrainingError: fewer than two events.
    """
    count = len(set(events))
    if count < 2:
        raise TrainingError(
            f"a detector needs at least 2 train events, one of them held out for early stopping and "
            f"calibration; the train set has {count}"
        )
    splitter = GroupShuffleSplit(n_splits=1, test_size=holdout, random_state=seed)
    fitted, held = next(splitter.split(np.zeros(len(events)), groups=np.asarray(events, dtype=str)))
    return fitted, held


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean negative log-likelihood of classes ``labels`` [n] under ``logits`` [n, classes]."""
    return float(-log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean())


def fit_beta(logits: np.ndarray, labels: np.ndarray) -> float:
    """The factor on ``logits`` that makes ``labels`` likeliest (temperature scaling)."""
    spread = (
        float(logits.std(axis=1).mean()) or 1.0
    )  # search around unit spread, whatever the classifier's scale
    found = minimize_scalar(
        lambda log_beta: cross_entropy(np.exp(log_beta) / spread * logits, labels),
        bounds=LOG_BETA,
        method="bounded",
    )
    return float(np.exp(found.x) / spread)


def symmetric_softmax(logits: np.ndarray) -> np.ndarray:
    """Softmax of rows ``[N, classes]`` that is exactly reversed for reversed rows (sums depend on their order)."""
    grown = np.exp(logits - logits.max(axis=1, keepdims=True))
    backward = np.ascontiguousarray(grown[:, ::-1])
    return grown / ((grown.sum(axis=1) + backward.sum(axis=1)) / 2)[:, None]


def posterior_median(probabilities: np.ndarray) -> np.ndarray:
    """Median offset of each row ``[N, 2K + 1]``: float64 ``[N]``.

    The mean of the median counted from below and from above, so that reversed rows give exactly the negative.
    """
    middle = probabilities.shape[1] // 2

    def from_below(p: np.ndarray) -> np.ndarray:
        total = np.cumsum(p, axis=1)
        return (total >= 0.5 * total[:, -1:]).argmax(axis=1) - middle

    return (from_below(probabilities) - from_below(probabilities[:, ::-1])) / 2 + 0.0
