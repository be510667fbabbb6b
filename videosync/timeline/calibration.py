"""Numbers of confidence, read from ``calibration.json``, which ``python -m benchmarks.confidence --write`` writes.

That file has an entry for each cue that was measured, with the command, the date and the windows it comes from, and
names the one whose numbers stand for all other cues (``fallback``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from videosync.files import read_object

PATH = Path(__file__).with_name("calibration.json")
FEATURES = ("height", "parts", "halves", "agree", "own", "frames")  # of ``confidence.features``
SOUND = "sound"  # in place of a cue where no pictures were looked at; sound has a calibration of its own


@dataclass(frozen=True)
class Calibration:
    """Of the answers of one cue."""

    cue: str  # that was measured
    sharpness: float  # by which scores become log odds of offsets
    bias: float
    weights: tuple[float, ...]  # of ``FEATURES``
    most: float  # no answer is surer than this
    accepted: float  # an answer less sure than this is not given
    confidences: tuple[float, ...]  # at which half_widths is given, rising
    half_widths: tuple[float, ...]  # frames
    encoder: str | None = None  # that the cue looked through

    def own(self, cue: str, encoder: str | None) -> bool:
        """Whether it was measured with this cue and this encoder."""
        return (self.cue, self.encoder) == (cue, encoder)


def read_calibrations(content: Mapping[str, Any]) -> dict[str, Calibration]:
    """The entries of ``calibration.json``, by cue. Raises KeyError, TypeError: it is none."""
    found = {}
    for cue, entry in content["cues"].items():
        found[cue] = Calibration(
            cue, entry["sharpness"], entry["bias"], tuple(entry["weights"][name] for name in FEATURES),
            entry["most"], entry["accepted"], tuple(entry["confidences"]), tuple(entry["half_widths"]),
            entry["measured"]["encoder"],
        )  # fmt: skip
    return found


_content = read_object(PATH)
CALIBRATIONS = read_calibrations(_content)
FALLBACK: str = _content["fallback"]  # a key of CALIBRATIONS
# How sure a match of sounds is, is written into lag scores (timeline.sounds) and read from them by these numbers. Any
# would do, but that as much is needed to place a file as with pictures.
OF_SOUND = replace(
    CALIBRATIONS[FALLBACK], cue=SOUND, sharpness=3.0, bias=-4.0, weights=(0.7, 0.3, 1.3, 0, 0, 0), most=1
)


def calibration_for(cue: str | None) -> Calibration:
    """That of the cue, or the fallback, which names another one in ``.cue``."""
    if cue == SOUND:
        return OF_SOUND
    return CALIBRATIONS.get(cue or "", CALIBRATIONS[FALLBACK])
