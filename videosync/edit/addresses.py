"""Where a project says that its recordings are: full addresses, or relative to the project's folder."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\[^\\/]")  # with a drive, or on a server
UNWANTED = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 cannot hold
KINDS = ("absolute", "relative")


def located(path: str, folder: Path, kind: str) -> str:
    """The path of a recording, full or relative to ``folder``, which holds the project."""
    if WINDOWS.match(path) and os.name != "nt":  # of an answer that was saved there
        return path.replace("\\", "/")
    full = os.path.abspath(path)
    if kind == "relative":
        with suppress(ValueError):  # on another drive
            return os.path.relpath(full, os.path.abspath(folder))
    return full


def url(path: str, folder: Path, kind: str, *, host: str = "") -> str:
    """The same as an address: ``file://host/…``, or a relative reference (RFC 8089, RFC 3986).

    Names that are no valid Unicode keep their bytes.
    """
    where = located(path, folder, kind).replace(os.sep, "/")
    escaped = quote(os.fsencode(where))
    if not where.startswith("/") and not WINDOWS.match(where):
        return escaped if "/" in escaped.partition(":")[0] or ":" not in escaped else f"./{escaped}"
    if where.startswith("//") and (WINDOWS.match(path) or os.name == "nt"):
        return f"file:{escaped}"
    return f"file://{host}{'' if escaped.startswith('/') else '/'}{escaped}"


def printable(text: str) -> str:
    """Text with a replacement for what XML and UTF-8 cannot hold."""
    return UNWANTED.sub("\ufffd", text)
