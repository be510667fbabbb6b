"""VideoSync: put videos of one event on one timeline, from pixels and sound.

import videosync

timeline = videosync.sync(["cam1.mp4", "cam2.mp4"])
print(timeline.offset("cam2.mp4", "cam1.mp4").seconds)  # positive: cam2 started later

encoder = videosync.load_encoder("crossview")  # or the folder of a training run
one, other = encoder.embed_video("cam1.mp4"), encoder.embed_video("cam2.mp4")  # .vectors [T, D], .times [T] s
matrix = videosync.similarity_matrix(one, other)  # [T0, T1]; row i: which frames of cam2 resemble frame i of cam1
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from videosync.version import __version__

if TYPE_CHECKING:
    from videosync.engine.encoders import load_encoder
    from videosync.similarity.matrix import similarity_matrix
    from videosync.timeline.sync import sync
    from videosync.types import OffsetEstimate

__all__ = ["OffsetEstimate", "__version__", "load_encoder", "similarity_matrix", "sync"]

PLACES = {
    "OffsetEstimate": "videosync.types",
    "load_encoder": "videosync.engine.encoders",
    "similarity_matrix": "videosync.similarity.matrix",
    "sync": "videosync.timeline.sync",
}


def __getattr__(name: str) -> Any:
    """Names that need more than Python itself are imported when they are first asked for."""
    if name not in PLACES:
        raise AttributeError(f"module 'videosync' has no attribute {name!r}")
    return getattr(import_module(PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
