"""Values of old keys: what YAML made of them, or text behind ``--opts``, where lists are written ``[a b]``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import yaml

_SCALARS: dict[str, tuple[str, tuple[type, ...], Callable[[str], Any]]] = {  # kind → in words, types, from text
    "bool": ("true or false", (bool,), lambda text: {"true": True, "false": False}[text.strip().lower()]),
    "int": ("a whole number", (int,), int),
    "float": ("a number", (int, float), float),
    "text": ("text", (str, int, float), str),
}


class BadValue(ValueError):
    """A value of another kind than its key has; the message says which was expected."""


def read_value(kind: str, value: Any) -> Any:
    """``value``, from YAML or as text, as a key of this kind has it. Raises BadValue."""
    if kind == "any":
        return value
    if kind == "layers":
        return _layers(value)
    if kind in _SCALARS:
        return _scalar(kind, value)
    if isinstance(value, str):
        value = value.strip().removeprefix("[").removesuffix("]").replace(",", " ").split()
        value = [item.strip("'\"") for item in value]
    if not isinstance(value, list | tuple):
        raise _bad("a list such as [a b]", value)
    return [_scalar(kind.removesuffix("s"), item) for item in value]


def _scalar(kind: str, value: Any) -> Any:
    expected, types, from_text = _SCALARS[kind]
    if isinstance(value, types) and isinstance(value, bool) == (kind == "bool"):
        return str(value) if kind == "text" else value
    if isinstance(value, str):
        with suppress(ValueError, KeyError):
            return from_text(value)
    raise _bad(expected, value)


def _layers(value: Any) -> list[list[Any]]:
    """Pairs of a width and whether an activation follows."""
    found = value
    if isinstance(value, str):
        with suppress(yaml.YAMLError):
            found = yaml.safe_load(value)
    pairs = isinstance(found, list | tuple) and all(
        isinstance(layer, list | tuple) and len(layer) == 2 for layer in found
    )
    if not pairs:
        raise _bad("layers as [width, true], such as [[256, true], [256, true]]", value)
    return [[_scalar("int", width), _scalar("bool", activate)] for width, activate in found]


def _bad(expected: str, value: Any) -> BadValue:
    return BadValue(f"expected {expected}, got {'nothing' if value is None else repr(value)}.")
