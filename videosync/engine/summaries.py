"""Records of a run as text: one line a step, one a validation."""

from __future__ import annotations

from collections.abc import Mapping

Record = Mapping[str, float | int]


def step_summary(record: Record, *, eta: bool = True) -> str:
    """``loss 2.3451  lr 1.0e-04  84 frames/s  data wait 1%  ETA 0:12:30``."""
    parts = [
        f"loss {record['loss']:.4f}",
        f"lr {record['lr']:.1e}",
        f"{record['frames_per_second']:.0f} frames/s",
        f"data wait {record['data_wait_share']:.0%}",
    ]
    if eta:
        parts.append(f"ETA {duration(record['eta_seconds'])}")
    return "  ".join(parts)


def validation_summary(record: Record) -> str:
    """``val/loss 2.1  val/diagonal_mae 3.4``."""
    names = (name for name in record if name not in ("step", "epoch"))
    return "  ".join(f"{name} {record[name]:.4g}" for name in names)


def duration(seconds: float) -> str:
    """``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
