"""The names of all methods that read an offset from similarity matrices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from videosync.errors import CheckpointError, ConfigError, did_you_mean
from videosync.files import shown
from videosync.offset.cnn import CnnDetector
from videosync.offset.detector import Detector
from videosync.offset.diagonal import diagonal
from videosync.offset.dtw import dtw
from videosync.offset.equivariant import EquivariantDetector
from videosync.offset.log_reg import LogisticRegressionDetector
from videosync.offset.mean import mean
from videosync.offset.median import median
from videosync.offset.mlp import MlpDetector
from videosync.offset.predictor import Predictor
from videosync.offset.saving import FACTS_FILE, read_arrays, read_facts
from videosync.offset.svm import SvmDetector

PREDICTORS: dict[str, Predictor] = {"median": median, "mean": mean, "dtw": dtw, "diagonal": diagonal}

DETECTORS: dict[str, type[Detector]] = {
    "log_reg": LogisticRegressionDetector,
    "svm": SvmDetector,
    "mlp": MlpDetector,
    "cnn": CnnDetector,
    "equivariant": EquivariantDetector,
}


def load_detector(folder: str | Path) -> tuple[Detector, dict[str, Any]]:
    """A saved detector, ready to predict and named ``prefix/method``, and its JSON.

    Raises:
        CheckpointError: absent (names the nearest that is there), of another format, or damaged.
    """
    folder = Path(folder)
    facts = read_facts(folder)
    arrays = read_arrays(folder)
    try:
        detector = DETECTORS[facts["method"]](**facts["options"])
        known = {key: facts[key] for key in ("size", "max_offset")}
        known["shortest"] = facts.get("shortest", facts["size"])  # older detectors knew one size only
        for key, value in known.items():
            if type(value) is not int:
                raise ValueError(f"{key} is {shown(value)}, but must be a whole number")
        detector.load_arrays(arrays, **known)
    except (KeyError, TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise CheckpointError(
            f"{folder}: its arrays and {FACTS_FILE} do not fit each other ({error}); train the detector again"
        ) from error
    detector.name = f"{folder.parent.name}/{folder.name}"
    return detector, facts


def load_methods(names: Sequence[str], folder_of: Callable[[str], Path]) -> dict[str, Predictor]:
    """Methods by name: a predictor's ("diagonal"), or a trained detector's ("prefix/mlp").

    ``folder_of(prefix)`` is the folder with the detectors of a prefix.

    Raises:
        ConfigError: a name that is neither (names the nearest).
        CheckpointError: a detector that is absent or damaged.
    """
    found: dict[str, Predictor] = {}
    for name in names:
        if name.count("/") == 1:
            prefix, _, method = name.partition("/")
            found[name] = load_detector(folder_of(prefix) / method)[0]
        elif name in PREDICTORS:
            found[name] = PREDICTORS[name]
        else:
            hint = did_you_mean(name, PREDICTORS, f"Available: {', '.join(PREDICTORS)}.")
            raise ConfigError(
                f"method '{name}' is unknown.{hint} A trained detector is named 'prefix/method', as in 'ntu/mlp'"
            )
    return found
