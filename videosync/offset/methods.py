"""The names of all methods that read an offset from similarity matrices."""

from __future__ import annotations

from videosync.offset.diagonal import diagonal
from videosync.offset.dtw import dtw
from videosync.offset.mean import mean
from videosync.offset.median import median
from videosync.offset.predictor import Predictor

PREDICTORS: dict[str, Predictor] = {
    "median": median,
    "mean": mean,
    "dtw": dtw,
    "diagonal": diagonal,
}
