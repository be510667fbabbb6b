"""Text files: read as UTF-8 or refused in words, and written complete or not at all."""

from __future__ import annotations

import codecs
import json
import os
import uuid
from pathlib import Path
from typing import Any

from videosync.errors import VideoWriteError

_MARKS = ((codecs.BOM_UTF32_LE, "UTF-32"), (codecs.BOM_UTF32_BE, "UTF-32"), (codecs.BOM_UTF16_LE, "UTF-16"),
          (codecs.BOM_UTF16_BE, "UTF-16"))  # fmt: skip
_LONGEST = 80  # characters of a value in a message


def read_text(path: str | Path) -> str:
    """The text of a UTF-8 file, without the byte order mark that some editors put before it.

    Raises:
        ValueError: another encoding; says in words which one it seems to be, for the message of the caller.
        OSError: the file cannot be read.
    """
    data = Path(path).read_bytes()
    for mark, name in _MARKS:
        if data.startswith(mark):
            raise ValueError(f"not UTF-8, but {name}; save it as UTF-8")
    if b"\0" in data:
        raise ValueError(
            "not UTF-8 text: it holds bytes of 0, as UTF-16 without a mark does; save it as UTF-8"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"not UTF-8: the byte 0x{data[error.start]:02x} in line {line} is Latin-1 or Windows-1252, or the file no "
            "text at all; save it as UTF-8"
        ) from error


def parse_json(text: str) -> Any:
    """What ``json.loads`` says. Raises ValueError also for what is nested, or has digits, beyond all measure."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("lists or objects are nested too deeply") from None
    except json.JSONDecodeError:
        raise
    except ValueError:  # the only other one: int() of thousands of digits
        raise ValueError("a number has thousands of digits") from None


def read_json(path: str | Path) -> Any:
    """The content of a JSON file. Raises as :func:`read_text` and :func:`parse_json` do."""
    return parse_json(read_text(path))


def read_object(path: str | Path) -> dict[str, Any]:
    """As :func:`read_json`; ValueError also for another thing than an object."""
    content = read_json(path)
    if not isinstance(content, dict):
        raise ValueError(f"expected an object with keys, not {shown(content)}")
    return content


def shown(value: Any) -> str:
    """``repr``, cut where it is too long for a message."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested lists; an int of thousands of digits
        return f"{type(value).__name__} beyond all measure"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


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
