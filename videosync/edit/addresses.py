"""Where a project says that its recordings are: full addresses, or relative to the project's folder."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import quote

WINDOWS = re.compile(r"[A-Za-z]:[\\/]")
UNWANTED = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML 1.0 cannot hold
KINDS = ("absolute", "relative")


def located(path: str, folder: Path, kind: str) -> str:
    """The path of a recording, full or relative to ``folder``, which holds the project."""
    if WINDOWS.match(path):
        return path.replace("\\", "/")
    full = os.path.abspath(path)
    return os.path.relpath(full, os.path.abspath(folder)) if kind == "relative" else full


def url(path: str, folder: Path, kind: str, *, host: str = "") -> str:
    """The same as an address: ``file://host/…``, or a relative reference (RFC 8089, RFC 3986).

    Names that are no valid Unicode keep their bytes.
    """
    where = located(path, folder, kind)
    escaped = quote(os.fsencode(where.replace(os.sep, "/")))
    if kind == "relative" and not WINDOWS.match(path):
        return escaped if "/" in escaped.partition(":")[0] or ":" not in escaped else f"./{escaped}"
    return f"file://{host}{'' if escaped.startswith('/') else '/'}{escaped}"


def printable(text: str) -> str:
    """Text with a replacement for what XML and UTF-8 cannot hold."""
    return UNWANTED.sub("\ufffd", text)
