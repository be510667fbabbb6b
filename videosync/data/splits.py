"""Splits take whole events, and do not depend on the order in which a folder lists them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable


def split_by_hash(events: Iterable[str], *, val_share: float, seed: int) -> dict[str, str]:
    """Event → "val" for a seeded share of the events, at least one (and not all) of two or more; else "train"."""
    names = sorted(set(events))
    count = round(val_share * len(names))
    if len(names) > 1:
        count = min(max(count, 1), len(names) - 1)
    order = sorted(names, key=lambda event: hashlib.sha256(f"{seed}/{event}".encode()).digest())
    chosen = set(order[:count])
    return {event: "val" if event in chosen else "train" for event in names}
