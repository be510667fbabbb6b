"""A trained detector as ``videosync sync`` uses it: it reads the similarity of two clips in place of the kernel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from videosync.errors import ConfigError
from videosync.offset.detector import Detector
from videosync.offset.equivariant import EquivariantDetector
from videosync.similarity.matrix import similarity_matrix

FLAT = 1e-5  # cells that differ less than this, in units of chance, show rounding


class ClipDetector:
    """Lag scores of the embeddings of two clips, of any lengths.

    Args:
        detector: one that reads matrices of any shape.
        facts: its JSON; matrices are made with the metric and temperature of those that it was trained on.

    Raises:
        ConfigError: a detector of one size of matrices.
    """

    most_cells = 30_000_000  # frames of one clip times those of the other: two of 3 minutes at 30 frames/s, in 2 GB

    def __init__(self, detector: Detector, facts: Mapping[str, Any]) -> None:
        if not isinstance(detector, EquivariantDetector):
            raise ConfigError(
                f"detector {detector.name}: {detector.method} reads matrices of {detector.size} x {detector.size} "
                "frames only, and videos have any length; use the detector equivariant, or none: an encoder's "
                "similarity is then read by the mean along its diagonals, as diagonal does"
            )
        self.detector, self.facts, self.name = detector, facts, detector.name
        self.rates: tuple[float, ...] = tuple(facts.get("frame_rates", ()))

    def scores(self, vectors0: np.ndarray, vectors1: np.ndarray, lags: np.ndarray) -> np.ndarray:
        """What it reads in this order of the clips; the mean of both orders is its answer.

        Args:
            vectors0, vectors1: embeddings float32 ``[T0, D]`` and ``[T1, D]``. lags: L offsets, each with some overlap.

        Returns:
            float64 ``[L]``; all 0 where nothing changes.
        """
        clips = torch.from_numpy(vectors0), torch.from_numpy(vectors1)
        made = {"metric": self.facts["metric"], "temperature": self.facts["temperature"]}
        forward, backward = (similarity_matrix(one, other, **made).numpy() for one, other in (clips, clips[::-1]))
        if float(np.ptp(forward)) * len(vectors1) < FLAT:
            return np.zeros(len(lags))
        return self.detector.lag_scores(forward[None], backward[None], lags, both_ways=False)[0]
