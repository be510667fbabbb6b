"""Numbers of confidence, read from ``calibration.json``.

``python -m benchmarks.sound.calibration --write`` measures and writes them; the file says on what.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from videosync.files import read_object

PATH = Path(__file__).with_name("calibration.json")
FEATURES = ("lead", "wave", "envelope", "agreement", "height", "alone", "spread")  # of ``confidence.features``


@dataclass(frozen=True)
class Calibration:
    """Of the answers of the sound."""

    bias: float
    weights: tuple[float, ...]  # of ``FEATURES``, none below 0
    most: float  # no answer is surer than this
    accepted: float  # an answer less sure than this is not given
    precise: float  # ``sharpness`` from which an answer counts as placed to milliseconds
    half_widths: tuple[float, float]  # seconds, that hold 95 % of the errors: of precise answers, of others


def read_calibration(content: Mapping[str, Any]) -> Calibration:
    """The content of ``calibration.json``. Raises KeyError, TypeError: it is none."""
    return Calibration(
        content["bias"], tuple(content["weights"][name] for name in FEATURES), content["most"], content["accepted"],
        content["precise"], tuple(content["half_widths"]),
    )  # fmt: skip


CALIBRATION = read_calibration(read_object(PATH))
