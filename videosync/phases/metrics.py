"""Metrics of frame embeddings on actions that pass through the same phases (Dwibedi et al., "Temporal
Cycle-Consistency Learning", CVPR 2019, sec. 4; Chen et al., "Frame-wise Action Representations", CVPR 2022, sec. 4.2).

Pure NumPy, SciPy and scikit-learn. A video is its embeddings ``[T, D]``, with phase labels int64 ``[T]`` where a metric
needs them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.spatial.distance import cdist
from scipy.stats import kendalltau
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

DISTANCES = 2**23  # between frames, held at once


def kendalls_tau(videos: Sequence[np.ndarray], *, stride: int = 1, distance: str = "sqeuclidean") -> np.ndarray:
    """How far the nearest neighbours of a video's frames in another video keep their order; 1: always.

    For each ordered pair of different videos, Kendall's tau between a frame's number and that of its nearest
    neighbour, every ``stride``-th frame. Needs no labels. float64 ``[N, N]`` (row: query), NaN on the diagonal and
    where tau is undefined because all neighbours are one frame.
    """
    _need_two(videos, "Kendall's tau")
    taus = np.full((len(videos), len(videos)), np.nan)
    for i, query in enumerate(videos):
        for j, candidate in enumerate(videos):
            if i != j:
                nearest = nearest_frames(query[::stride], candidate[::stride], distance)  # [Ti]
                if len(nearest) > 1:
                    taus[i, j] = kendalltau(np.arange(len(nearest)), nearest).statistic
    return taus


def retrieval_precision(
    videos: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    *,
    ks: Sequence[int] = (5, 10, 15),
    stride: int = 1,
    distance: str = "sqeuclidean",
) -> np.ndarray:
    """AP@K: of the K frames of all *other* videos nearest to a frame, the share in the same phase.

    Mean over the frames of each video (every ``stride``-th): float64 ``[N, len(ks)]``.
    """
    _need_two(videos, "retrieval")
    _match(videos, labels)
    means = np.zeros((len(videos), len(ks)))
    for i, (query, phase) in enumerate(zip(videos, labels)):
        others = [j for j in range(len(videos)) if j != i]
        pool = np.concatenate([videos[j][::stride] for j in others])
        phases = np.concatenate([labels[j][::stride] for j in others])
        most = min(max(ks), len(pool))
        nearest = np.concatenate([_nearest(part, most) for part in _distances(query[::stride], pool, distance)])
        same = phases[nearest] == phase[::stride][:, None]  # [T, max K]
        means[i] = [same[:, :k].mean() for k in ks]
    return means


def completion_predictions(
    train: Sequence[np.ndarray],
    train_labels: Sequence[np.ndarray],
    val: Sequence[np.ndarray],
    val_labels: Sequence[np.ndarray],
    *,
    num_phases: int,
) -> tuple[np.ndarray, np.ndarray]:
    """True and predicted time since each phase ended, as a share of the video, for all frames of ``val``.

    One linear regression from an embedding for each of the first ``num_phases - 1`` phases, fitted on ``train``; the
    target of frame ``t`` is ``(t - last frame of the phase) / T``. Two arrays float64 ``[F, P - 1]``, one video after
    the other. Raises ValueError for a video that lacks one of these phases.
    """
    _match(train, train_labels)
    _match(val, val_labels)
    x, y = np.concatenate(train), np.concatenate([_completion(phase, num_phases) for phase in train_labels])
    true = np.concatenate([_completion(phase, num_phases) for phase in val_labels])
    return true, LinearRegression().fit(x, y).predict(np.concatenate(val)).reshape(true.shape)


def classified_frames(
    train: Sequence[np.ndarray],
    train_labels: Sequence[np.ndarray],
    val: Sequence[np.ndarray],
    val_labels: Sequence[np.ndarray],
    *,
    fraction: float = 1.0,
    standardize: bool = False,
) -> np.ndarray:
    """Whether the phase of each frame of ``val``, one video after the other, was told right: bool ``[F]``.

    By a logistic regression from an embedding to its phase, fitted on the first ``fraction`` of the train videos, at
    least one. ``standardize`` scales embeddings to unit variance first: the fit is regularised, so its result depends
    on their scale. The reference fits embeddings as they are, and so does this by default.
    """
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction is {fraction}; expected a share of the train videos above 0, at most 1")
    _match(train, train_labels)
    _match(val, val_labels)
    used = max(1, int(fraction * len(train)))
    x, y = np.concatenate(train[:used]), np.concatenate(train_labels[:used])
    x_val, y_val = np.concatenate(val), np.concatenate(val_labels)
    if len(np.unique(y)) == 1:
        return y_val == y[0]
    model = LogisticRegression(max_iter=10_000)
    fitted = (make_pipeline(StandardScaler(), model) if standardize else model).fit(x, y)
    return np.asarray(fitted.predict(x_val) == y_val)


def nearest_frames(query: np.ndarray, key: np.ndarray, distance: str) -> np.ndarray:
    """Frame of ``key`` ``[T1, D]`` nearest to each of ``query`` ``[T0, D]``: int64 ``[T0]``."""
    return np.concatenate([part.argmin(1) for part in _distances(query, key, distance)])


def _distances(query: np.ndarray, key: np.ndarray, distance: str) -> Iterator[np.ndarray]:
    """float64 ``[n, T1]``, a few frames of ``query`` at a time."""
    rows = max(1, DISTANCES // len(key))
    return (cdist(query[start : start + rows], key, distance) for start in range(0, len(query), rows))


def _nearest(distances: np.ndarray, count: int) -> np.ndarray:
    """Columns of the ``count`` smallest values of each row, nearest first: int64 ``[T, count]``."""
    some = np.argpartition(distances, count - 1, axis=1)[:, :count]
    order = np.argsort(np.take_along_axis(distances, some, 1), axis=1)
    return np.take_along_axis(some, order, 1)


def _completion(phases: np.ndarray, num_phases: int) -> np.ndarray:
    """float64 ``[T, num_phases - 1]``."""
    columns = []
    for phase in range(num_phases - 1):
        places = np.flatnonzero(phases == phase)
        if len(places) == 0:
            raise ValueError(f"a video has no frame of phase {phase}; completion needs phases 0 … {num_phases - 2}")
        columns.append((np.arange(len(phases)) - places[-1]) / len(phases))
    return np.stack(columns, axis=1)


def _need_two(videos: Sequence[np.ndarray], what: str) -> None:
    if len(videos) < 2:
        raise ValueError(f"{what} needs 2 videos or more, got {len(videos)}")


def _match(videos: Sequence[np.ndarray], labels: Sequence[np.ndarray]) -> None:
    lengths = [(len(video), len(label)) for video, label in zip(videos, labels, strict=True)]
    for number, (frames, named) in enumerate(lengths):
        if frames != named:
            raise ValueError(f"video {number} has {frames} embeddings and {named} labels; one label a frame")
