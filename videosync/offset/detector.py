"""What trained detectors share: data from both directions, held-out events, calibration, a symmetric answer.

A detector is a classifier over the offsets -K ... K. Its logits of both directions are averaged,
``(f(forward)[k] + f(backward)[-k]) / 2``, and turned into probabilities with one temperature, fitted on train events
that were held out (temperature scaling, Guo et al. 2017, arXiv:1706.04599). The answer is the median of these
probabilities: it has the smallest expected absolute error, and where the matrices say nothing it is 0, the trivial
floor, and not a random offset.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.model_selection import GroupShuffleSplit

from videosync.errors import CheckpointError, TrainingError
from videosync.offset.lengths import by_length
from videosync.offset.predictor import check_directions
from videosync.types import MatrixPairs

Report = Mapping[str, float]  # of one epoch: epoch, train_loss, holdout_loss
LOG_BETA = (-12.0, 12.0)  # range searched for the logarithm of the inverse temperature


def _silent(report: Report) -> None:
    del report


class Detector(ABC):
    """A classifier of offsets. Subclasses fit and score; size and K come from the train set.

    Args:
        holdout: share of train events kept for early stopping and calibration.
        seed: of the choice of held-out events and of the training.
    """

    method: ClassVar[str]
    any_size: ClassVar[bool] = (
        False  # True: also matrices larger than the train set's, and other ranges of offsets
    )

    def __init__(self, *, holdout: float = 0.15, seed: int = 0) -> None:
        if not 0 < holdout < 1:
            raise ValueError(f"holdout must lie between 0 and 1, got {holdout}")
        self.holdout, self.seed = holdout, seed
        self.name = self.method  # how messages call it
        self.size = 0  # T, once fitted
        self.shortest = 0  # frames of the shortest train pair
        self.max_offset = 0  # K
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
        if len(train) > 1 and all_alike(train.forward):
            raise TrainingError(
                f"{self.method}: all {len(train)} train matrices are the same, so there is nothing to learn; look at "
                "the videos, and at the encoder that the set was made with"
            )
        facts = self._learn(train, fitted, held, on_epoch)
        # in the one order in which they are saved: products of arrays in another order are rounded differently
        self._load_model({name: np.array(value, order="C") for name, value in self._model_arrays().items()})
        self._beta = fit_beta(self._logits_of(train, held), train.offsets[held] + self.max_offset)
        return {
            "train_pairs": len(fitted),
            "holdout_pairs": len(held),
            "holdout_events": sorted({train.events[n] for n in held}),
            "offsets_seen": np.union1d(train.offsets[fitted], -train.offsets[fitted]).tolist(),
            "inverse_temperature": self._beta,
            **facts,
        }

    def predict(self, forward: np.ndarray, backward: np.ndarray, max_offset: int | None = None) -> np.ndarray:
        """Offsets float64 ``[N]`` in frames, from matrices ``[N, L, L]``, or ``any_size`` any; half frames occur.

        Swapped videos give exactly the negative answer, identical videos exactly 0.

        Args:
            max_offset: largest offset to consider; None: that of the train set.

        Raises:
            CheckpointError: matrices of a size, or a largest offset, that the detector was not trained on.
        """
        return posterior_median(self.probabilities(forward, backward, max_offset))

    def probabilities(
        self, forward: np.ndarray, backward: np.ndarray, max_offset: int | None = None
    ) -> np.ndarray:
        """Calibrated probability of each offset: float64 ``[N, 2K + 1]``, entry ``K + k`` for offset k."""
        check_directions(forward, backward)
        reach = self.max_offset if max_offset is None else max_offset
        self._check(forward.shape[1:], reach)
        return symmetric_softmax(self._beta * self._both_directions(forward, backward, reach))

    def __call__(self, forward: np.ndarray, backward: np.ndarray, max_offset: int) -> np.ndarray:
        """``predict``, as a ``Predictor``."""
        return self.predict(forward, backward, max_offset)

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """The constructor's keywords, ready for JSON."""

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything learned, by name."""
        return {
            "beta": np.array([self._beta]),
            **{f"model.{name}": value for name, value in self._model_arrays().items()},
        }

    def load_arrays(
        self, arrays: Mapping[str, np.ndarray], *, size: int, shortest: int, max_offset: int
    ) -> None:
        """Take what ``arrays`` gave; ``shortest`` and ``size``: frames of the shortest and longest train pair."""
        self.size, self.shortest, self.max_offset = size, shortest, max_offset
        self._beta = float(arrays["beta"][0])
        prefix = "model."
        self._load_model({k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)})

    @abstractmethod
    def _learn(
        self, train: MatrixPairs, rows: np.ndarray, held: np.ndarray, on_epoch: Callable[[Report], None]
    ) -> dict[str, Any]:
        """Fit on ``rows`` of the train set, and stop by the rows ``held``; returns facts."""

    @abstractmethod
    def _both_directions(self, forward: np.ndarray, backward: np.ndarray, max_offset: int) -> np.ndarray:
        """Mean logits of both directions, float64 ``[N, 2K + 1]``; exactly reversed for swapped videos."""

    @abstractmethod
    def _model_arrays(self) -> dict[str, np.ndarray]: ...

    @abstractmethod
    def _load_model(self, arrays: Mapping[str, np.ndarray]) -> None: ...

    def _check(self, shape: tuple[int, ...], max_offset: int) -> None:
        """Raise CheckpointError if matrices of this shape, or offsets in this range, cannot be read."""
        if shape[0] != shape[1] and not self.any_size:
            raise CheckpointError(
                f"detector {self.name} reads square matrices, but the data holds {shape[0]} x {shape[1]} ones; cut "
                "both videos of a pair to one length"
            )

    def _logits_of(self, pairs: MatrixPairs, rows: np.ndarray) -> np.ndarray:
        """``_both_directions`` of ``rows`` of a set, each pair at its own length: float64 ``[n, 2K + 1]``."""
        logits = np.empty((len(rows), 2 * pairs.max_offset + 1), dtype=np.float64)
        for length, some in by_length(pairs.lengths[rows]):
            ahead, back = (m[rows[some], :length, :length] for m in (pairs.forward, pairs.backward))
            logits[some] = self._both_directions(ahead, back, pairs.max_offset)
        return logits


def split_events(events: tuple[str, ...], holdout: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers to fit on and to hold out; no event is in both.

    Raises:
        TrainingError: fewer than two events, or a share that leaves none to fit on.
    """
    count = len(set(events))
    if count < 2:
        raise TrainingError(
            f"a detector needs at least 2 train events, one of them held out for early stopping and "
            f"calibration; the train set has {count}"
        )
    if math.ceil(holdout * count) >= count:
        raise TrainingError(
            f"detector.holdout is {holdout:g}: of {count} train events that leaves none to fit on; choose a smaller "
            f"share, at most {(count - 1) / count:.3g}"
        )
    splitter = GroupShuffleSplit(n_splits=1, test_size=holdout, random_state=seed)
    fitted, held = next(splitter.split(np.zeros(len(events)), groups=np.asarray(events, dtype=str)))
    return fitted, held


def all_alike(matrices: np.ndarray) -> bool:
    """Whether ``[N, T, T]`` are N times the same; reads as far as the first that differs."""
    return all(np.array_equal(matrices[0], other) for other in matrices[1:])


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean negative log-likelihood of classes ``labels`` [n] under ``logits`` [n, classes]."""
    return float(-log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean())


def fit_beta(logits: np.ndarray, labels: np.ndarray) -> float:
    """The factor on ``logits`` that makes ``labels`` likeliest (temperature scaling); ``-inf`` is impossible."""
    possible = np.where(np.isfinite(logits), logits, np.nan)
    # search around unit spread, whatever the classifier's scale
    spread = float(np.nanstd(possible, axis=1).mean()) or 1.0
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
