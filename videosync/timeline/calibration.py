"""Numbers of confidence: ``python -m benchmarks.sync_confidence --write`` measures them and writes this file."""

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
        sharpness=3.5,
        bias=-3.7131,
        weights=(0.6287, 0.2795, 1.2366),
        most=0.9993,
        accepted=0.8,
        confidences=(0.5, 0.8, 0.9, 0.95, 0.98, 0.99),
        half_widths=(1.21, 1.05, 1.05, 1.05, 1.05, 0.96),
        made_from=(
            "2835 pairs of windows: pose2sim_single4 (240), caliscope_A (240), caliscope_C (240), "
            "handpose3d_2 (227), dannce_mouse5 (240), mirror_mouse2 (238), syn_fast (233), syn_hard "
            "(232), syn_mid (237), syn_slow (235), syn_head (238), syn_light (235)"
        ),
    ),
    "motion-learned": Calibration(
        sharpness=3.0,
        bias=-3.847,
        weights=(0.5303, 0.3777, 1.3258),
        most=0.9993,
        accepted=0.8,
        confidences=(0.5, 0.8, 0.9, 0.95, 0.98, 0.99),
        half_widths=(1.22, 1.19, 1.11, 0.99, 0.96, 0.92),
        made_from=(
            "2835 pairs of windows: pose2sim_single4 (240), caliscope_A (240), caliscope_C (240), "
            "handpose3d_2 (227), dannce_mouse5 (240), mirror_mouse2 (238), syn_fast (233), syn_hard "
            "(232), syn_mid (237), syn_slow (235), syn_head (238), syn_light (235)"
        ),
    ),
}
