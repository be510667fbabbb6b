"""Linear support vector machine, one class against the rest; its margins are calibrated to probabilities."""

from __future__ import annotations

from typing import Any

from sklearn.svm import LinearSVC

from videosync.offset.linear import LinearDetector


class SvmDetector(LinearDetector):
    """See ``LinearDetector``; squared hinge loss, fitted with liblinear."""

    method = "svm"

    def _classifier(self) -> Any:
        return LinearSVC(C=self.c, max_iter=10_000, random_state=self.seed)
