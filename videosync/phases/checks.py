"""Whether videos and their labels allow a task, told before anything is embedded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from videosync.data.samples import quoted
from videosync.errors import ManifestError
from videosync.phases.embed import PhaseVideo
from videosync.phases.tasks import FITTED_TASKS, LABELLED_TASKS, Tracks, complete, labelled, phase_numbers, tracks_of


def check_videos(
    tasks: Sequence[str], train: Sequence[PhaseVideo], val: Sequence[PhaseVideo], *, dataset: str, split: str
) -> list[str]:
    """Sentences on what is left out, for the report.

    Args:
        tasks: names out of ``TASKS``.
        train: videos of the train split; used by the tasks that are fitted alone.
        split: the name of the split of ``val``.

    Raises:
        ManifestError: a task cannot be done with these videos.
    """
    seen, fitted_on = _tracks(val), _tracks(train)
    if "kendalls_tau" in tasks and len(seen) < 2:
        raise ManifestError(
            f"{dataset}: split '{split}' has {len(seen)} video{'s' * (len(seen) != 1)}; kendalls_tau compares "
            "two or more"
        )
    notes = []
    asked = [task for task in tasks if task in LABELLED_TASKS]
    used = {split: seen, **({"train": fitted_on} if set(asked) & set(FITTED_TASKS) else {})}
    for name, tracks in used.items():
        if asked and not labelled(tracks):
            rest = [task for task in tasks if task not in LABELLED_TASKS] or ["kendalls_tau"]
            raise ManifestError(
                f"{dataset}: no view of split '{name}' has frame_labels with a phase (0 or more), which "
                f"{quoted(asked)} need; {quoted(rest)} can do without (eval.tasks)"
            )
        if asked and len(labelled(tracks)) < len(tracks):
            notes.append(
                f"{len(tracks) - len(labelled(tracks))} of {len(tracks)} videos of split '{name}' have no labels: "
                f"not in {quoted(asked)}."
            )
    if "retrieval" in tasks and len(labelled(seen)) < 2:
        raise ManifestError(
            f"{dataset}: one video of split '{split}' has frame_labels; retrieval searches the others, "
            "so it needs two or more"
        )
    if "event_completion" in tasks:
        notes += _check_completion(fitted_on, seen, dataset=dataset, split=split)
    return notes


def _check_completion(train: Tracks, val: Tracks, *, dataset: str, split: str) -> list[str]:
    phases = phase_numbers(train, val)
    if len(phases) < 2:
        raise ManifestError(
            f"{dataset}: the frame labels name one phase ({phases[0]}); event_completion is about two or more"
        )
    notes = []
    for name, tracks in (("train", train), (split, val)):
        whole = complete(tracks, phases)
        if not whole:
            raise ManifestError(
                f"{dataset}: no video of split '{name}' has a frame of each of the phases "
                f"{', '.join(map(str, phases[:-1]))}, whose ends event_completion is about; leave it out of "
                "eval.tasks, or evaluate videos that show whole actions"
            )
        if len(whole) < len(labelled(tracks)):
            notes.append(
                f"{len(labelled(tracks)) - len(whole)} of {len(labelled(tracks))} videos of split '{name}' lack a "
                "phase: not in event completion."
            )
    return notes


def _tracks(videos: Sequence[PhaseVideo]) -> Tracks:
    """The videos with a frame that counts, without embeddings."""
    return tracks_of(videos, [np.empty((video.num_frames, 0)) for video in videos])
