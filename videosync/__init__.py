"""VideoSync: put videos of one event on one timeline, from the pixels alone.

import videosync

timeline = videosync.sync(["cam1.mp4", "cam2.mp4"])
print(timeline.offset("cam2.mp4", "cam1.mp4").seconds)  # positive: cam2 started later
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from videosync.version import __version__

if TYPE_CHECKING:
    from videosync.engine.encoders import load_encoder
    from videosync.timeline.sync import sync
    from videosync.types import OffsetEstimate

__all__ = ["OffsetEstimate", "__version__", "load_encoder", "sync"]


def __getattr__(name: str) -> Any:
    """Names that need more than Python itself are imported when they are first asked for."""
    if name == "OffsetEstimate":
        from videosync.types import OffsetEstimate

        return OffsetEstimate
    if name == "load_encoder":
        from videosync.engine.encoders import load_encoder

        return load_encoder
    if name == "sync":
        from videosync.timeline.sync import sync

        return sync
    raise AttributeError(f"module 'videosync' has no attribute {name!r}")
