"""What every evaluation writes about its pairs: metrics of each method with the floor, and a line for each pair."""

from __future__ import annotations

import csv
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from videosync.evaluation.metrics import SyncMetrics, floor_metrics, sync_metrics


@dataclass(frozen=True)
class MethodResults:
    """What several methods said about the same N pairs."""

    folder: Path  # of the report
    pair_ids: Sequence[str]  # [N]
    metrics: Mapping[str, SyncMetrics]  # by name of the method
    floor: SyncMetrics  # of always answering 0
    predicted: Mapping[str, np.ndarray]  # offsets [N], frames
    notes: tuple[str, ...]  # what makes the numbers say less


def measure_methods(
    predicted: Mapping[str, np.ndarray], true: np.ndarray, **options: Any
) -> tuple[dict[str, SyncMetrics], SyncMetrics]:
    """Metrics of each method's offsets ``[N]`` (frames), and of the floor; ``options`` as in ``sync_metrics``."""
    metrics = {name: sync_metrics(values, true, **options) for name, values in predicted.items()}
    return metrics, floor_metrics(true, **options)


def set_notes(
    true: np.ndarray, events: Sequence[str], max_offset: int, *, shown: Sequence[Hashable] | None = None
) -> list[str]:
    """What makes numbers on these N pairs say less than they seem to: sentences, none for a usual set.

    ``shown``: what each pair shows; pairs with the same are the same pair again (named when half of them are).
    """
    notes, sizes = [], np.unique(np.abs(true))
    if max_offset == 0:
        notes.append("pairs.max_offset is 0: every true offset is 0, so there is nothing to find")
    elif len(np.unique(true)) == 1 < len(true):
        notes.append(f"all true offsets are {true[0]:g} frames: always answering that is right, whatever is seen")
    elif len(sizes) == 1 < len(true):
        notes.append(f"all true offsets are {-sizes[0]:g} or {sizes[0]:g} frames: only their sign is to be found")
    if len(set(events)) == 1 < len(true):
        notes.append("all pairs are of one event: ± is how they differ, and says nothing about other events")
    if shown is not None and 2 * len(set(shown)) <= len(shown) > 1:
        notes.append(
            f"{len(shown)} pairs hold {len(set(shown))} different ones: files without room for other windows give the "
            "same again. Fewer windows (pairs.windows_val) or shorter ones (pairs.num_frames) do not repeat"
        )
    return notes


def write_pairs(
    path: Path,
    predicted: Mapping[str, np.ndarray],
    *,
    pair_ids: Sequence[str],
    events: Sequence[str],
    fps: np.ndarray,
    true: np.ndarray,
) -> None:
    """A CSV line for each of N pairs: the true offset, what each method said (frames), and its error in ms."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        errors = [f"{name}_error_ms" for name in predicted]
        writer.writerow(["pair_id", "event", "fps", "true_offset_frames", *predicted, *errors])
        for n, pair_id in enumerate(pair_ids):
            said = [float(values[n]) for values in predicted.values()]
            ms = [abs(offset - true[n]) / fps[n] * 1000 for offset in said]
            facts = [pair_id, events[n], f"{fps[n]:g}", int(true[n])]
            writer.writerow([*facts, *(f"{offset:g}" for offset in said), *(f"{error:.1f}" for error in ms)])
