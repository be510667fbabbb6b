"""The labelled part of a manifest, for supervised training, and the labels of the frames that are drawn from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from videosync.data.frame_labels import read_frame_labels
from videosync.data.samples import Manifest, View
from videosync.errors import ManifestError

UNKNOWN = -1


def labelled_views(manifest: Manifest, split: str) -> Manifest:
    """The views of ``split`` that have frame labels; samples without such a view are left out.

    Raises:
        ManifestError: no view of the split has any.
    """
    samples = []
    for sample in manifest.of_split(split):
        views = tuple(view for view in sample.views if view.frame_labels is not None)
        if views:
            samples.append(replace(sample, views=views))
    if not samples:
        raise ManifestError(
            f"{manifest.root}: no view of split '{split}' has frame_labels, which supervised training learns from; "
            "add them to the manifest (docs/datasets), or train with a loss that needs none, such as 'scl'"
        )
    return Manifest(manifest.root, tuple(samples))


def keep_share_of_events(manifest: Manifest, share: float, *, seed: int) -> Manifest:
    """The samples of a seeded ``share`` of the events, one event at least; smaller shares are parts of larger ones."""
    events = sorted({sample.event for sample in manifest.samples})
    count = max(1, round(share * len(events)))
    kept = set(np.random.default_rng(seed).permutation(events)[:count].tolist())
    return Manifest(manifest.root, tuple(sample for sample in manifest.samples if sample.event in kept))


class FrameLabels:
    """The labels of all frames of a manifest's views, read once; negative ones count as unknown.

    Attributes: ``classes``, the known labels in ascending order.

    Raises:
        ManifestError: a view has no labels, or its file is missing or malformed.
    """

    def __init__(self, manifest: Manifest) -> None:
        views = {view.video: view for sample in manifest.samples for view in sample.views}
        self._labels = {video: np.maximum(read_frame_labels(manifest, view), UNKNOWN) for video, view in views.items()}
        known = {int(label) for labels in self._labels.values() for label in np.unique(labels)} - {UNKNOWN}
        self.classes = sorted(known)

    def of(self, views: Sequence[View], numbers: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Labels int64 [V, T] of frames ``numbers`` [V, T] of ``views``; -1 where ``mask`` is False."""
        rows = [
            np.where(real, self._labels[view.video][np.where(real, frames, 0)], UNKNOWN)
            for view, frames, real in zip(views, numbers, mask)
        ]
        return np.stack(rows)
