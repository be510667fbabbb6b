"""Linear support vector machine, one class against the rest; its margins are calibrated to probabilities."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from videosync.offset.detector import DetectorOptions
from videosync.offset.linear import LinearDetector
from videosync.option import option


@dataclass(frozen=True)
class SvmOptions(DetectorOptions):
    c: float = option(1.0, "inverse regularisation of the support vector machine", "(0, inf)")


class SvmDetector(LinearDetector):
    """See ``LinearDetector``; squared hinge loss, fitted with liblinear."""

    method = "svm"
    Options = SvmOptions

    def _classifier(self) -> Any:
        from sklearn.svm import LinearSVC

        return LinearSVC(C=self.options.c, max_iter=10_000, random_state=self.options.seed)
