"""Multinomial logistic regression over all cells of a similarity matrix."""

from __future__ import annotations

from typing import Any

from sklearn.linear_model import LogisticRegression

from videosync.offset.linear import LinearDetector


class LogisticRegressionDetector(LinearDetector):
    """See ``LinearDetector``; softmax over classes, fitted with L-BFGS."""

    method = "log_reg"

    def _classifier(self) -> Any:
        return LogisticRegression(C=self.c, max_iter=1000)
