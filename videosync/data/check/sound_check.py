"""Whether the files of a dataset have the sound that training on pictures and sound needs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from videosync.audio.read import probe_sound, read_sound
from videosync.data.both_streams import common_time
from videosync.data.samples import Manifest, View
from videosync.errors import VideoError
from videosync.video.read import probe


def sound_problems(
    manifest: Manifest, views: Iterable[View], seconds: float, *, on_clip: Callable[[], object] = lambda: None
) -> list[str]:
    """A sentence for each file without sound, with sound that cannot be decoded to its end, or with less than
    ``seconds`` during which it has both pictures and sound.

    Files that are missing are passed over: :func:`videosync.data.manifest.validate_manifest` names them. ``on_clip`` is
    called after each file.
    """
    paths = [path for path in dict.fromkeys(manifest.path(view) for view in views) if path.is_file()]
    problems = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(lambda path: _problem(path, seconds), paths):
            problems += found
            on_clip()
    return problems


def _problem(path: Path, seconds: float) -> list[str]:
    try:
        common_time(probe(path), probe_sound(path), seconds)
        read_sound(path)
    except VideoError as error:
        return [str(error)]
    return []
