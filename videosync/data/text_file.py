"""Text files that are complete, or as they were before."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from videosync.errors import VideoWriteError


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 with ``\\n`` line ends: complete or not at all. Missing folders are made.

    Raises:
        VideoWriteError: the place cannot be written, or is full.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(text, encoding="utf-8", newline="\n")
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise VideoWriteError(
            f"{path}: cannot be written ({error.strerror}); make room or choose another folder"
        ) from error
