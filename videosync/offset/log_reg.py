"""Multinomial logistic regression over all cells of a similarity matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from videosync.offset.detector import DetectorOptions
from videosync.offset.linear import LinearDetector
from videosync.option import option


@dataclass(frozen=True)
class LogisticRegressionOptions(DetectorOptions):
    c: float = option(1.0, "inverse regularisation of the logistic regression", "(0, inf)")


class LogisticRegressionDetector(LinearDetector):
    """See ``LinearDetector``; softmax over classes, fitted with L-BFGS."""

    method = "log_reg"
    Options = LogisticRegressionOptions

    def _classifier(self) -> Any:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=self.options.c, max_iter=1000)
