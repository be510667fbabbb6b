"""Similarity matrices of the VideoSync research code → similarity sets.

There a split is two files: ``{prefix}_{split}_softmaxed_sim_12.npy``, the row softmax of negative squared distances
(temperature 1) of each pair, and ``…_labels.npy``, the offsets. Only one direction is there; the other is made
from its columns, scaled to sum to 1. That is exact when all rows had one normaliser, and close to it otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from videosync.carl.foreign_pickle import read_object_array
from videosync.errors import ManifestError
from videosync.files import file_hash
from videosync.similarity.store import SimilaritySetWriter

SUFFIX = "_softmaxed_sim_12"
SPLITS = ("train", "val")
ROW_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class OldSplit:
    """One split as it was saved."""

    path: Path
    matrices: list[np.ndarray]  # float32 [T, T], cut to their shorter side
    offsets: list[int]
    cut: int  # matrices that were not square


def find_splits(folder: Path, prefix: str) -> list[str]:
    """The splits of ``prefix`` in ``folder``.

    Raises:
        ManifestError: there are none (the message names the prefixes there are).
    """
    found = [split for split in SPLITS if (folder / f"{prefix}_{split}{SUFFIX}.npy").is_file()]
    if not found:
        endings = [f"_{split}{SUFFIX}.npy" for split in SPLITS]
        names = sorted({p.name.removesuffix(e) for e in endings for p in folder.glob(f"*{e}")})
        there = f"there are {', '.join(names)}" if names else f"it holds no file that ends in {endings[1]}"
        raise ManifestError(f"{folder}: no similarity matrices with prefix '{prefix}'; {there}")
    return found


def read_split(folder: Path, prefix: str, split: str) -> OldSplit:
    """The matrices and offsets of one split, checked.

    Raises:
        ManifestError: files that are damaged, could run code, or do not fit each other; rows that do not sum to 1.
    """
    path = folder / f"{prefix}_{split}{SUFFIX}.npy"
    labels_path = folder / f"{prefix}_{split}{SUFFIX}_labels.npy"
    matrices, labels = read_object_array(path), read_object_array(labels_path)
    offsets = np.array([np.asarray(label).reshape(-1)[0] for label in labels], dtype=np.float64)
    if len(offsets) != len(matrices) or not len(matrices):
        raise ManifestError(f"{labels_path}: {len(offsets)} labels for {len(matrices)} matrices; one each is expected")
    if not np.array_equal(offsets, np.round(offsets)):
        raise ManifestError(f"{labels_path}: offsets must be whole numbers of frames")
    checked = [_checked(matrix, f"{path}: matrix {number}") for number, matrix in enumerate(matrices)]
    sides = [min(matrix.shape) for matrix in checked]
    squares = [matrix[:side, :side] for matrix, side in zip(checked, sides)]
    cut = sum(matrix.shape[0] != matrix.shape[1] for matrix in checked)
    return OldSplit(path, squares, [int(k) for k in offsets], cut)


def write_split(
    old: OldSplit, folder: Path, prefix: str, split: str, *, max_offset: int, fps: float, size: int
) -> None:
    """Write one split as a similarity set; every pair counts as an event of its own, since the files name none.

    Raises:
        CheckpointError: offsets beyond ``max_offset``, or the folder cannot be written.
    """
    count = len(old.matrices)
    names = [f"{split}/{number:06d}" for number in range(count)]
    encoder = {"encoder": f"imported from {old.path.name}", "encoder_hash": file_hash(old.path), "config": {}}
    writer = SimilaritySetWriter(
        folder,
        prefix,
        split,
        size=size,
        lengths=[len(matrix) for matrix in old.matrices],
        pair_ids=names,
        events=names,
        offsets=old.offsets,
        fps=[fps] * count,
        max_offset=max_offset,
        header={"metric": "sqeuclidean", "temperature": 1.0, **encoder},
    )
    for number, matrix in enumerate(old.matrices):
        forward = matrix / matrix.sum(1, keepdims=True)
        writer.write(number, forward, other_direction(matrix))
    writer.finish()


def other_direction(matrix: np.ndarray) -> np.ndarray:
    """Similarity of (video 1, video 0) float32 [T, T] from that of (video 0, video 1): its columns, summing to 1."""
    sums = matrix.sum(0)
    columns = np.where(sums > 0, matrix / np.where(sums > 0, sums, 1), 1 / len(matrix))
    return np.ascontiguousarray(columns.T.astype(np.float32))


def largest(splits: Sequence[OldSplit]) -> tuple[int, int]:
    """(longest matrix side, largest absolute offset) over all splits."""
    sides = max(len(matrix) for old in splits for matrix in old.matrices)
    return sides, max(abs(k) for old in splits for k in old.offsets)


def _checked(matrix: object, where: str) -> np.ndarray:
    try:
        values = np.asarray(matrix, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise ManifestError(f"{where} is no array of numbers ({error})") from error
    if values.ndim != 2 or 0 in values.shape or not np.isfinite(values).all() or values.min() < 0:
        raise ManifestError(f"{where} is {values.shape}; expected finite similarities [T0, T1], 0 or more")
    if abs(values.sum(1) - 1).max() > ROW_SUM_TOLERANCE:
        raise ManifestError(f"{where}: its rows do not sum to 1; expected the row softmax of similarities")
    return values
