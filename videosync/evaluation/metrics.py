"""How good offsets are: errors in frames and ms, with margins, intervals over events and the trivial floor.

Pure NumPy and SciPy. Pairs of one event are not independent, so the bootstrap draws whole events.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

from videosync.evaluation.intervals import FEWEST_EVENTS, Interval, event_interval, interval_text

WITHIN_FRAMES = (1, 3, 5, 10)
FLOOR_NAME = "always 0"


@dataclass(frozen=True)
class SyncMetrics:
    """Errors ``|predicted - true|`` of N pairs. None where too few pairs or events allow no statement."""

    mae_frames: float  # mean absolute error
    moe_frames: float | None  # its 95 % margin of error: Student's t over pairs; None for one pair
    median_frames: float  # median absolute error
    bias_frames: float  # mean signed error, predicted - true
    within_1: float  # share of pairs (0…1) with an error of at most 1 frame
    within_3: float
    within_5: float
    within_10: float
    mae_ms: float  # mean absolute error in milliseconds, each pair at its own frame rate
    moe_ms: float | None
    median_ms: float
    mae_interval: Interval | None  # 95 % bootstrap interval over events, frames; None for too few of them
    # exact binomial bounds over events where all pairs, or none, are within
    within_1_interval: Interval | None
    n: int  # pairs
    n_events: int

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON-ready values: intervals as lists, None as null."""
        values = asdict(self)
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}


def sync_metrics(
    predicted: np.ndarray,
    true: np.ndarray,
    *,
    fps: np.ndarray | float,
    events: Sequence[str],
    max_offset: int | None = None,
    bootstrap: int = 2000,
    seed: int = 0,
) -> SyncMetrics:
    """Metrics of predicted offsets.

    Args:
        predicted: float ``[N]`` frames. true: ``[N]`` frames.
        fps: ``[N]`` frames/s, or one rate for all.
        events: N event names; the bootstrap draws whole events.
        max_offset: K; when given, true offsets beyond ±K are refused.
        bootstrap: resamples over events; 0: no intervals.
        seed: of the bootstrap.

    Raises:
        ValueError: no pairs, lengths that differ, values not finite, frame rates not above 0.
    """
    predicted, true = np.asarray(predicted, dtype=np.float64), np.asarray(true, dtype=np.float64)
    rates = np.broadcast_to(np.asarray(fps, dtype=np.float64), true.shape)
    if true.ndim != 1 or true.size == 0 or predicted.shape != true.shape or len(events) != len(true):
        raise ValueError(
            f"metrics need one prediction, label and event per pair, and at least one pair; got predictions "
            f"{predicted.shape}, labels {true.shape}, {len(events)} events"
        )
    if not (np.isfinite(predicted).all() and np.isfinite(true).all() and (rates > 0).all()):
        raise ValueError("predictions, labels and frame rates must be finite, and frame rates above 0")
    if max_offset is not None and np.abs(true).max() > max_offset:
        raise ValueError(f"a true offset of {np.abs(true).max():g} frames lies beyond max_offset={max_offset}")
    signed = predicted - true
    frames = np.abs(signed)
    ms = frames / rates * 1000
    groups = np.asarray(events, dtype=str)
    hits = {limit: (frames <= limit).astype(np.float64) for limit in WITHIN_FRAMES}
    return SyncMetrics(
        mae_frames=float(frames.mean()),
        moe_frames=_margin_of_error(frames),
        median_frames=float(np.median(frames)),
        bias_frames=float(signed.mean()),
        within_1=float(hits[1].mean()),
        within_3=float(hits[3].mean()),
        within_5=float(hits[5].mean()),
        within_10=float(hits[10].mean()),
        mae_ms=float(ms.mean()),
        moe_ms=_margin_of_error(ms),
        median_ms=float(np.median(ms)),
        mae_interval=event_interval(frames, groups, bootstrap=bootstrap, seed=seed),
        within_1_interval=event_interval(hits[1], groups, bootstrap=bootstrap, seed=seed, share=True),
        n=len(true),
        n_events=len(np.unique(groups)),
    )


def floor_metrics(true: np.ndarray, **options: Any) -> SyncMetrics:
    """The trivial floor: the metrics of always answering 0. ``options`` as in ``sync_metrics``."""
    return sync_metrics(np.zeros(len(true)), true, **options)


def metrics_table(methods: Mapping[str, SyncMetrics], floor: SyncMetrics, notes: Sequence[str] = ()) -> str:
    """A text table of several methods, the floor first.

    Columns: mean absolute error ± margin with its interval over events, in frames and ms; median; shares
    within 1, 3, 5 and 10 frames. "–" where too few pairs or events allow no number. ``notes`` go below it.
    """
    head = ["method", "error frames", "95 % (events)", "error ms", "median", "≤1", "≤3", "≤5", "≤10", "≤1 95 %"]
    rows = [head] + [_table_row(name, m) for name, m in ((FLOOR_NAME, floor), *methods.items())]
    lines = columns(rows)
    lines.insert(1, "─" * len(lines[0]))
    exact = any(m.within_1 in (0, 1) and m.within_1_interval for m in (floor, *methods.values()))
    lines.append(
        f"{floor.n} pair{'s' * (floor.n != 1)} of {floor.n_events} event{'s' * (floor.n_events != 1)}"
        + exact * "; all or none within 1 frame: exact binomial bounds over events"
    )
    if floor.n_events < FEWEST_EVENTS:
        lines.append(f"No intervals over events: they need {FEWEST_EVENTS} events or more, here are {floor.n_events}.")
    return "\n".join([*lines, *(f"Note: {note}" for note in notes)])


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a table: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]


def _table_row(name: str, m: SyncMetrics) -> list[str]:
    margin = "–" if m.moe_frames is None else f"{m.moe_frames:.2f}"
    margin_ms = "–" if m.moe_ms is None else f"{m.moe_ms:.0f}"
    return [
        name,
        f"{m.mae_frames:.2f} ± {margin}",
        interval_text(m.mae_interval),
        f"{m.mae_ms:.0f} ± {margin_ms}",
        f"{m.median_frames:.1f}",
        *(f"{share * 100:.0f} %" for share in (m.within_1, m.within_3, m.within_5, m.within_10)),
        interval_text(m.within_1_interval, ".0f", 100) + (" %" if m.within_1_interval else ""),
    ]


def _margin_of_error(values: np.ndarray) -> float | None:
    """Half the 95 % confidence interval of the mean: ``t(0.975, n - 1) · s / √n``."""
    n = len(values)
    if n < 2:
        return None
    return float(stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / math.sqrt(n))
