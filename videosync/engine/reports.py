"""Reports of finished work: JSON that says what was done with what, and is there only when all of it is."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from videosync.audio.read import decoder_version
from videosync.data.identity import content_hash, option_changes, what_changed
from videosync.errors import CheckpointError, ConfigError
from videosync.files import make_folder, read_object, write_json
from videosync.version import __version__

REPORT_FILE = "metrics.json"
LONGEST_NAME = 120  # of a folder of reports


def write_report(path: Path, content: Mapping[str, Any]) -> None:
    """``{..., "versions": …}`` as JSON; complete or not there."""
    write_json(path, {**content, "versions": versions()})


def read_report(path: Path, remedy: str) -> dict[str, Any]:
    """What is there, or {}. Raises CheckpointError, which ends with ``remedy``, where it is damaged."""
    try:
        return read_object(path) if path.is_file() else {}
    except ValueError as error:
        raise CheckpointError(f"{path}: damaged ({error}); {remedy}") from error


def read_finished(path: Path, made_from: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The report at ``path`` if it was made from just this, else {} and what has changed since (nothing without one).

    Raises CheckpointError: the report there is damaged.
    """
    report = read_report(path, "delete it, or leave out --continue_train to evaluate anew")
    changed = what_changed(report.get("made_from"), made_from) if report else []
    return ({}, changed) if changed else (report, [])


def report_folder(folder: Path, options: Mapping[str, Any], *, flag: str = "") -> Path:
    """Where a report made with ``options`` (by dotted key) goes without replacing one that was made with others.

    ``folder`` itself, unless such a one is there: then a folder beside it, named by the options that differ.

    Args:
        flag: with which the user chose the folder; no other one is then taken.

    Raises:
        ConfigError: the folder that the user chose holds a report made with other options.
    """
    while differing := _other_options(folder / REPORT_FILE, options):
        if flag:
            before, now = differing
            raise ConfigError(
                f"{flag} {folder}: holds a report made with other options ({'; '.join(option_changes(before, now))}); "
                "choose another folder, or delete it"
            )
        folder = named_folder(folder, differing[1])
    return folder


def named_folder(folder: Path, options: Mapping[str, Any]) -> Path:
    """``folder`` with options added to its name, as in ``clips_val_data.image_size=64``."""
    values = {key: re.sub(r"[^\w.+-]+", "-", str(value)).strip("-") for key, value in options.items()}
    words = [f"{key}={value}" for key, value in values.items()]
    name = "_".join([folder.name, *words])
    return folder.with_name(name if len(name) <= LONGEST_NAME else f"{folder.name}_{content_hash(options)}")


def _other_options(path: Path, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """(before, now) of those ``options`` that a report at ``path`` was made with otherwise; None where in nothing."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        config = {f"{group}.{key}": v for group, values in report["config"].items() for key, v in values.items()}
        made = {**config, **report.get("made_from", {}).get("options", {})}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # none, or nothing that could be kept
    keys = [key for key in options if key in made and made[key] != options[key]]
    return ({key: made[key] for key in keys}, {key: options[key] for key in keys}) if keys else None


def clear_report(folder: Path, *patterns: str) -> None:
    """Make ``folder``, or take out of it a report and files of these names, which do not belong to what comes now."""
    make_folder(folder)
    for path in [folder / REPORT_FILE, *(path for pattern in patterns for path in folder.glob(pattern))]:
        path.unlink(missing_ok=True)


def versions() -> dict[str, str]:
    """Of this package, Python, the libraries that compute, and what decodes pictures and sound."""
    here = {"videosync": __version__, "python": platform.python_version(), "decoder": decoder_version()}
    return {**here, **{package: version(package) for package in ("torch", "numpy", "scikit-learn")}}
