"""Labels of single frames (phases of an action, for example): a JSON file a clip, ``[0, 0, 1, …]``, one whole
number a frame. A manifest names it in a view's optional key ``frame_labels``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from videosync.data.samples import Manifest, View
from videosync.errors import ManifestError
from videosync.files import read_json, shown, write_text


def read_frame_labels(manifest: Manifest, view: View) -> np.ndarray:
    """The labels of a view's frames as int64 [T], T = ``view.num_frames``.

    Raises:
        ManifestError: the view has none, the file is missing or malformed, or has another number of entries.
    """
    if view.frame_labels is None:
        raise ManifestError(f"{manifest.root}: {view.video} has no frame_labels; they are needed here")
    path = manifest.root / view.frame_labels
    labels = load_labels(path)
    if len(labels) != view.num_frames:
        raise ManifestError(f"{path}: has {len(labels)} labels, but {view.video} has {view.num_frames} frames")
    return labels


def load_labels(path: str | Path) -> np.ndarray:
    """The labels in a file as int64 [T].

    Raises:
        ManifestError: the file is missing, or is no JSON list of whole numbers.
    """
    path = Path(path)
    try:
        labels = read_json(path)
    except OSError as error:
        raise ManifestError(f"{path}: frame labels cannot be read ({error.strerror})") from error
    except ValueError as error:  # no JSON, or not UTF-8
        raise ManifestError(f"{path}: frame labels must be a JSON list of whole numbers ({error})") from error
    if not isinstance(labels, list):
        raise ManifestError(f"{path}: frame labels must be a JSON list, not {type(labels).__name__}")
    for number, label in enumerate(labels):
        if type(label) is not int or not -(2**63) <= label < 2**63:
            raise ManifestError(f"{path}: label {number} is {shown(label)}, but must be a whole number")
    return np.array(labels, np.int64)


def save_labels(path: str | Path, labels: Iterable[int]) -> None:
    """Write labels as :func:`load_labels` reads them: complete or not at all. Missing folders are made.

    Raises:
        VideoWriteError: the place cannot be written, or is full.
    """
    write_text(path, json.dumps([int(label) for label in labels]) + "\n")
