"""Whether the files of a similarity set say what they said when they were written."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from videosync.types import MatrixPairs


def misfit(pairs: MatrixPairs, header: Mapping[str, Any]) -> str:
    """What a header says that cannot be, or ""."""
    count = len(pairs)
    for key in ("events", "pair_ids", "fps", "lengths", "rows_crc32"):
        if key in header and not (isinstance(header[key], list) and len(header[key]) == count):
            return f"{key} is no list of {count}"
    if not (np.isfinite(pairs.fps) & (pairs.fps > 0)).all():
        return "a frame rate that is no number above 0"
    if not ((pairs.lengths >= 1) & (pairs.lengths <= header["size"])).all():
        return f"a length outside of 1 to {header['size']}"
    if (np.abs(pairs.offsets) > pairs.max_offset).any():
        return f"an offset beyond max_offset={pairs.max_offset}"
    return ""


def changed_rows(matrices: np.ndarray, header: Mapping[str, Any]) -> list[int]:
    """Which of ``matrices`` ``[N, 2, T, T]`` have not the checksum in the header, where it has any."""
    sums = header.get("rows_crc32", ())
    return [row for row, written in enumerate(sums) if zlib.crc32(np.ascontiguousarray(matrices[row]).data) != written]
