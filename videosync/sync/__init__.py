"""From files to one timeline. The package itself can be called: ``videosync.sync([...])`` is ``estimate.sync``.

A package and a function cannot both be ``videosync.sync``; whichever was imported last would win. So the package is
the function.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from videosync.sync.cues import ClipEmbedder
    from videosync.sync.result import Timeline


DEFAULT_CUE = "motion-learned"  # of sync.cues.CUES
SHIPPED = "crossview"  # the encoder that comes with the package, of models.clip_encoder
DEFAULT_NETWORK = "efficientnet-lite0"  # of models.deep.DEEP_NETWORKS


class _SyncPackage(ModuleType):
    def __call__(
        self,
        videos: Sequence[str | os.PathLike[str]],
        *,
        reference: str | os.PathLike[str] | None = None,
        max_offset: float | None = None,
        min_overlap: float | None = None,
        cue: str = DEFAULT_CUE,
        network: str = DEFAULT_NETWORK,
        weights: str | None = None,
        encoder: ClipEmbedder | None = None,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> Timeline:
        """Put videos of one event on one timeline: see ``videosync.sync.estimate.sync``."""
        from videosync.sync.estimate import sync

        return sync(
            videos,
            reference=reference,
            max_offset=max_offset,
            min_overlap=min_overlap,
            cue=cue,
            network=network,
            weights=weights,
            encoder=encoder,
            progress=progress,
        )


sys.modules[__name__].__class__ = _SyncPackage
