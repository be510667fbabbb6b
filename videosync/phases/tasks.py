"""The tasks about phases of an action, their scores, and what knows nothing or only the time scores in each.

Scores beside which an encoder's are to be read:

- *position only*: what a frame's place in its video says, without a look at it (:func:`position_code`). Actions of one
  kind go through their phases in one order, so this is the competitor to beat. Its Kendall's tau is 1 but for ties,
  whatever the videos show: tau asks for order, and a clock has order. Tau alone says little about what an encoder sees.
- *chance*: Kendall's tau with the frames of each video shuffled; retrieval that always names the commonest phase; and
  for what is fitted, a fit on nothing (the mean, the commonest phase of the train videos).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from videosync.phases.embed import PhaseVideo
from videosync.phases.metrics import classified_frames, completion_predictions, kendalls_tau, retrieval_precision
from videosync.phases.scores import EventDraws, Score, mean_score, pair_score, r_squared_score

POSITION_WAVES = 8  # cosines in the code of a frame's place


@dataclass(frozen=True)
class Track:
    """The frames of one video that count: those with a label of 0 or more, or all where it has no labels."""

    event: str
    embeddings: np.ndarray  # float [T, D]
    labels: np.ndarray | None  # int64 [T]


@dataclass(frozen=True)
class PhaseOptions:
    """What the tasks read; see the options ``eval.*``."""

    stride: int
    distance: str
    ks: Sequence[int]
    fractions: Sequence[float]
    standardize: bool
    bootstrap: int
    seed: int = 0


Tracks = Sequence[Track]
Task = Callable[[Tracks, Tracks, PhaseOptions], dict[str, Score]]  # train, evaluated → scores by name


def track_of(event: str, embeddings: np.ndarray, labels: np.ndarray | None) -> Track:
    """The track of a video with embeddings ``[T, D]`` and labels ``[T]``."""
    if labels is None:
        return Track(event, embeddings, None)
    return Track(event, embeddings[labels >= 0], labels[labels >= 0])


def tracks_of(videos: Sequence[PhaseVideo], embeddings: Sequence[np.ndarray]) -> list[Track]:
    """Of the videos with a frame that counts."""
    tracks = [track_of(v.event, e, v.labels) for v, e in zip(videos, embeddings, strict=True)]
    return [track for track in tracks if len(track.embeddings)]


def position_code(num_frames: int) -> np.ndarray:
    """What each frame's place in its video says: float64 ``[num_frames, 1 + POSITION_WAVES]``.

    The time ``t`` in 0…1 and ``cos(π k t)``: enough for a linear fit to draw any rough curve over time.
    """
    t = np.linspace(0, 1, num_frames)[:, None]
    return np.concatenate([t, np.cos(np.pi * t * np.arange(1, POSITION_WAVES + 1))], axis=1)


def score_tau(train: Tracks, val: Tracks, options: PhaseOptions) -> dict[str, Score]:
    return {"kendalls_tau": pair_score(tau_of_videos(_embeddings(val), options), _draws(val, options))}


def tau_of_videos(embeddings: Sequence[np.ndarray], options: PhaseOptions) -> np.ndarray:
    """Kendall's tau of each ordered pair: float64 ``[N, N]``, NaN where it is not defined."""
    return kendalls_tau(embeddings, stride=options.stride, distance=options.distance)


def score_retrieval(train: Tracks, val: Tracks, options: PhaseOptions) -> dict[str, Score]:
    val = labelled(val)
    found = retrieval_precision(
        _embeddings(val), _labels(val), ks=options.ks, stride=options.stride, distance=options.distance
    )  # [N, K]
    draws = _draws(val, options)
    return {f"retrieval_ap_{k}": mean_score(values, draws) for k, values in zip(options.ks, found.T)}


def score_completion(train: Tracks, val: Tracks, options: PhaseOptions) -> dict[str, Score]:
    phases = phase_numbers(train, val)
    train, val = complete(train, phases), complete(val, phases)
    true, said = completion_predictions(
        _embeddings(train),
        [np.searchsorted(phases, labels) for labels in _labels(train)],
        _embeddings(val),
        [np.searchsorted(phases, labels) for labels in _labels(val)],
        num_phases=len(phases),
    )
    draws = _draws(val, options)
    return {"event_completion_r2": r_squared_score(true, said, draws, _video_of_frame(val))}


def score_classification(train: Tracks, val: Tracks, options: PhaseOptions) -> dict[str, Score]:
    train, val = labelled(train), labelled(val)
    draws, scores = _draws(val, options), {}
    for fraction in options.fractions:
        hits = classified_frames(
            _embeddings(train),
            _labels(train),
            _embeddings(val),
            _labels(val),
            fraction=fraction,
            standardize=options.standardize,
        )
        name = f"classification_accuracy_{100 * fraction:g}"
        scores[name] = mean_score(hits, draws, _video_of_frame(val))
    return scores


def chance_tau(train: Tracks, val: Tracks, options: PhaseOptions) -> dict[str, Score]:
    rng = np.random.default_rng(options.seed)
    shuffled = [Track(t.event, rng.permutation(t.embeddings), t.labels) for t in val]
    return score_tau(train, shuffled, options)


def chance_retrieval(train: Tracks, val: Tracks, options: PhaseOptions) -> dict[str, Score]:
    val = labelled(val)
    commonest = np.bincount(np.concatenate(_labels(val))).argmax()
    shares = np.array([(labels[:: options.stride] == commonest).mean() for labels in _labels(val)])
    return dict.fromkeys([f"retrieval_ap_{k}" for k in options.ks], mean_score(shares, _draws(val, options)))


def chance_completion(train: Tracks, val: Tracks, options: PhaseOptions) -> dict[str, Score]:
    return score_completion(_blind(train), _blind(val), options)


def chance_classification(train: Tracks, val: Tracks, options: PhaseOptions) -> dict[str, Score]:
    return score_classification(_blind(train), _blind(val), options)


TASKS: dict[str, Task] = {
    "kendalls_tau": score_tau,
    "retrieval": score_retrieval,
    "event_completion": score_completion,
    "classification": score_classification,
}
CHANCE: dict[str, Task] = {
    "kendalls_tau": chance_tau,
    "retrieval": chance_retrieval,
    "event_completion": chance_completion,
    "classification": chance_classification,
}
LABELLED_TASKS = ("retrieval", "event_completion", "classification")
FITTED_TASKS = ("event_completion", "classification")  # on the train split


def labelled(tracks: Tracks) -> list[Track]:
    """Those with labels."""
    return [track for track in tracks if track.labels is not None]


def phase_numbers(*splits: Tracks) -> np.ndarray:
    """The labels that occur, rising: int64 ``[P]``."""
    return np.unique(np.concatenate([labels for tracks in splits for labels in _labels(labelled(tracks))]))


def complete(tracks: Tracks, phases: np.ndarray) -> list[Track]:
    """The labelled tracks with a frame of every phase but the last, whose ends event completion is about."""
    return [track for track in tracks if track.labels is not None and np.isin(phases[:-1], track.labels).all()]


def _blind(tracks: Tracks) -> list[Track]:
    return [Track(track.event, np.zeros((len(track.embeddings), 1)), track.labels) for track in tracks]


def _embeddings(tracks: Tracks) -> list[np.ndarray]:
    return [track.embeddings for track in tracks]


def _labels(tracks: Tracks) -> list[np.ndarray]:
    return [track.labels for track in tracks if track.labels is not None]


def _video_of_frame(tracks: Tracks) -> np.ndarray:
    return np.repeat(np.arange(len(tracks)), [len(track.embeddings) for track in tracks])


def _draws(tracks: Tracks, options: PhaseOptions) -> EventDraws:
    return EventDraws.of([track.event for track in tracks], bootstrap=options.bootstrap, seed=options.seed)
