"""Motion signals of a part of the picture: for clips in which the same graphic moves."""

from __future__ import annotations

import numpy as np

from videosync.cues.cue import Cue, Signals
from videosync.cues.motion import PARTS
from videosync.signals.motion import CAMERA, CELLS, FLOOR_CELL, FLOOR_ENERGY
from videosync.signals.thumbnails import HEIGHT, WIDTH

SOME_CELLS = Cue((PARTS["white-energy"], PARTS["cells"]))  # what can be compared of a part of the picture


def without_cells(clip: Signals, cells: np.ndarray) -> Signals:
    """What ``SOME_CELLS`` compares of a clip, without some places of the picture.

    Args:
        cells: bool [P] of the thumbnails; those next to them are left out as well.
    """
    from scipy.ndimage import binary_dilation

    places = np.argwhere(binary_dilation(cells.reshape(HEIGHT, WIDTH), np.ones((3, 3))))
    left_out = np.zeros((CELLS, CELLS), bool)
    for row, column in places:
        rows = slice(row * CELLS // HEIGHT, -(-(row + 1) * CELLS // HEIGHT))
        left_out[rows, slice(column * CELLS // WIDTH, -(-(column + 1) * CELLS // WIDTH))] = True
    kept = ~left_out.ravel()
    motion = clip["cells"][:, kept]
    amount = np.maximum(np.exp(motion) - FLOOR_CELL, 0).mean(axis=1, keepdims=True) if kept.any() else 0 * motion
    return {
        "energy": np.log(amount + FLOOR_ENERGY) if kept.any() else np.zeros((len(motion), 1)),
        "cells": np.where(kept, clip["cells"], 0),
        CAMERA: clip[CAMERA],
    }
