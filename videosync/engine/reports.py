"""Reports of finished work: JSON that says what was done with what, and is there only when all of it is."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from videosync.errors import CheckpointError
from videosync.text_file import read_object
from videosync.version import __version__


def write_report(path: Path, content: Mapping[str, Any]) -> None:
    """``{..., "versions": …}`` as JSON; complete or not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    text = json.dumps({**content, "versions": versions()}, indent=1, allow_nan=False)
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def finished_report(path: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The report at ``path`` if it was made from the same ``facts``; {} without one.

    Raises:
        CheckpointError: the report there is damaged.
    """
    try:
        report = read_object(path) if path.is_file() else {}
    except ValueError as error:
        raise CheckpointError(
            f"{path}: damaged ({error}); delete it, or leave out --continue_train to evaluate anew"
        ) from error
    return report if all(report.get(key) == value for key, value in facts.items()) else {}


def content_hash(content: Any) -> str:
    """Identity of JSON-ready content."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def versions() -> dict[str, str]:
    packages = ("torch", "numpy", "scikit-learn")
    return {
        "videosync": __version__,
        "python": platform.python_version(),
        **{p: version(p) for p in packages},
    }
