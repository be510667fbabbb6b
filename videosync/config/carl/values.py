"""Values of old keys: what YAML made of them, or text behind ``--opts``, where lists are written ``[a b]``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import yaml

from videosync.config.carl.keys import Kind


class BadValue(ValueError):
    """A value of another kind than its key has; the message says which was expected."""


def read_value(kind: Kind, value: Any) -> Any:
    """``value``, from YAML or as text, as a key of this kind has it. Raises BadValue."""
    if kind == "any":
        return value
    if kind in _ITEMS:
        return _items(kind, value)
    if kind == "layers":
        return _layers(value)
    return _READERS[kind](value)


def _bad(expected: str, value: Any) -> BadValue:
    shown = "nothing" if value is None else repr(value)
    return BadValue(f"expected {expected}, got {shown}.")


def _bool(value: Any) -> bool:
    words = {"true": True, "false": False}
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    if isinstance(value, bool):
        return value
    raise _bad("true or false", value)


def _int(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return int(value) if isinstance(value, str) else int("")
    except ValueError:
        raise _bad("a whole number", value) from None


def _float(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    try:
        return float(value) if isinstance(value, str) else float("")
    except ValueError:
        raise _bad("a number", value) from None


def _text(value: Any) -> str:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value)
    raise _bad("text", value)


_READERS: dict[str, Callable[[Any], Any]] = {"bool": _bool, "int": _int, "float": _float, "text": _text}
_ITEMS: dict[str, str] = {"ints": "int", "floats": "float", "texts": "text"}


def _items(kind: str, value: Any) -> list[Any]:
    if isinstance(value, str):
        value = value.strip().removeprefix("[").removesuffix("]").replace(",", " ").split()
        value = [item.strip("'\"") for item in value]
    if not isinstance(value, list | tuple):
        raise _bad("a list such as [a b]", value)
    return [_READERS[_ITEMS[kind]](item) for item in value]


def _layers(value: Any) -> list[list[Any]]:
    """Pairs of a width and whether an activation follows."""
    found = value
    if isinstance(value, str):
        try:
            found = yaml.safe_load(value)
        except yaml.YAMLError:
            found = None
    pairs = isinstance(found, list | tuple) and all(
        isinstance(layer, list | tuple) and len(layer) == 2 for layer in found
    )
    if not pairs:
        raise _bad("layers as [width, true], such as [[256, true], [256, true]]", value)
    return [[_int(width), _bool(activate)] for width, activate in found]
