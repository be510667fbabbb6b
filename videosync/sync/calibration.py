"""Numbers that ``python -m benchmarks.sync_confidence --write`` measured; it writes this file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Calibration:
    """Of the answers of one cue."""

    sharpness: float  # by which scores become log odds of offsets
    bias: float
    weights: tuple[float, ...]  # of the features in ``confidence.FEATURES``
    most: float  # no answer is surer than this
    accepted: float  # an answer less sure than this is not given
    confidences: tuple[float, ...]  # at which half_widths is given, rising
    half_widths: tuple[float, ...]  # frames
    made_from: str


CALIBRATIONS: dict[str, Calibration] = {
    "motion": Calibration(
        sharpness=3.0,
        bias=-3.4,
        weights=(0.57, 0.24, 1.05),
        most=0.992,
        accepted=0.87,
        confidences=(0.5, 0.8, 0.9, 0.95, 0.98, 0.99),
        half_widths=(1.17, 1.17, 0.97, 0.89, 0.85, 0.85),
        made_from="",
    ),
}
