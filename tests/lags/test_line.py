"""A robust line through offsets along time."""

from __future__ import annotations

import pytest
from scipy.special import stdtrit

from videosync.lags.line import student_half_width


@pytest.mark.parametrize("freedom", [1, 1.3, 2, 3.7, 10, 500])
@pytest.mark.parametrize("probability", [0.5, 0.95, 0.99])
def test_half_widths_are_those_of_students_distribution(probability: float, freedom: float) -> None:
    assert student_half_width(probability, freedom) == pytest.approx(stdtrit(freedom, (1 + probability) / 2), rel=1e-4)
