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
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from videosync.errors import CheckpointError, TrainingError
from videosync.lags.posterior import fit_beta, posterior_median, symmetric_softmax
from videosync.lags.similarity import check_directions
from videosync.offset.early_stopping import EarlyStopping
from videosync.offset.lengths import by_length
from videosync.option import option
from videosync.types import MatrixPairs

Report = Mapping[str, float]  # of one epoch: epoch, train_loss, holdout_loss


def _silent(report: Report) -> None:
    del report


@dataclass(frozen=True)
class DetectorOptions:
    """What every detector may be told. Each has its own beside it, ``detector.METHOD_NAME`` in a configuration."""

    holdout: float = option(0.15, "share of train events kept for early stopping", "(0, 1)")
    seed: int = option(0, "of the held-out events and of the fits", "[0, 4294967295]")  # scikit-learn's


@dataclass(frozen=True)
class EpochOptions(DetectorOptions):
    """Of detectors that learn in epochs."""

    patience: int = option(10, "epochs without progress on the held-out events before stopping", "[1, inf)")


class Detector(ABC):
    """A classifier of offsets. Subclasses fit and score; size and K come from the train set.

    The constructor takes the fields of ``Options`` as keywords.
    """

    method: ClassVar[str]
    Options: ClassVar[Any]  # its dataclass of options
    # True: also matrices larger than the train set's, and other ranges of offsets
    any_size: ClassVar[bool] = False

    def __init__(self, **options: Any) -> None:
        self.options = self.Options(**options)
        if not 0 < self.options.holdout < 1:
            raise ValueError(f"holdout must lie between 0 and 1, got {self.options.holdout}")
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
        fitted, held = split_events(train.events, self.options.holdout, self.options.seed)
        if len(np.unique(np.abs(train.offsets[fitted]))) == 1 and train.offsets[fitted][0] == 0:
            raise TrainingError(
                f"{self.method}: all train offsets are 0, so there is nothing to learn; make the set with a "
                "max_offset above 0"
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

    def probabilities(self, forward: np.ndarray, backward: np.ndarray, max_offset: int | None = None) -> np.ndarray:
        """Calibrated probability of each offset: float64 ``[N, 2K + 1]``, entry ``K + k`` for offset k."""
        check_directions(forward, backward)
        reach = self.max_offset if max_offset is None else max_offset
        self._check(forward.shape[1:], reach)
        return symmetric_softmax(self._beta * self._both_directions(forward, backward, reach))

    def __call__(self, forward: np.ndarray, backward: np.ndarray, max_offset: int) -> np.ndarray:
        """``predict``, as a ``Predictor``."""
        return self.predict(forward, backward, max_offset)

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything learned, by name."""
        return {
            "beta": np.array([self._beta]),
            **{f"model.{name}": value for name, value in self._model_arrays().items()},
        }

    def load_arrays(self, arrays: Mapping[str, np.ndarray], *, size: int, shortest: int, max_offset: int) -> None:
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

    def _train_epochs(
        self, one_epoch: Callable[[], float], held_out: Callable[[], float], on_epoch: Callable[[Report], None]
    ) -> dict[str, Any]:
        """Run ``one_epoch``, which gives its loss, until that of ``held_out`` falls no more; keeps the best epoch."""
        stopping = EarlyStopping(self.options.patience)
        for epoch in range(1, self.options.epochs + 1):
            train_loss, held_loss = one_epoch(), held_out()
            on_epoch({"epoch": epoch, "train_loss": train_loss, "holdout_loss": held_loss})
            if stopping.update(epoch, held_loss, self._model_arrays):
                break
        self._load_model(stopping.best_arrays)
        return {**stopping.facts(epoch)}

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
            f"holdout is {holdout:g}: of {count} train events that leaves none to fit on; choose a smaller "
            f"share, at most {(count - 1) / count:.3g}"
        )
    from sklearn.model_selection import GroupShuffleSplit

    splitter = GroupShuffleSplit(n_splits=1, test_size=holdout, random_state=seed)
    fitted, held = next(splitter.split(np.zeros(len(events)), groups=np.asarray(events, dtype=str)))
    return fitted, held


def all_alike(matrices: np.ndarray) -> bool:
    """Whether ``[N, T, T]`` are N times the same; reads as far as the first that differs."""
    return all(np.array_equal(matrices[0], other) for other in matrices[1:])
