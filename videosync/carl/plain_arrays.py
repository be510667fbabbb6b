"""What pickled NumPy arrays are built by here, in place of NumPy's own functions.

Those believe what a pickle says of a type: its flags, its fields, its size. Bytes that are taken for a type whose state
lies become pointers into the memory. Here a type is what its short name says (``f4``), and arrays have as many bytes as
their shape needs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

KINDS = "biufcSUO"  # of NumPy's types: truth, numbers, text, objects


class Only:
    """A function that a pickle may call, and do nothing else with."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make

    def __call__(self, *arguments: Any) -> Any:
        return self._make(*arguments)

    def __setstate__(self, state: object) -> None:
        raise ValueError("a pickle that changes a function")


class Kind:
    """A pickled type: its short name, and of its state the order of bytes alone."""

    __slots__ = ("plain",)

    def __init__(self, name: object, *_: object) -> None:
        self.plain = np.dtype(name) if isinstance(name, str) and "," not in name else np.dtype("V")
        if self.plain.kind not in KINDS:
            raise ValueError(f"an array of type {name!r}")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] in ("<", ">"):
            self.plain = self.plain.newbyteorder(state[1])


class Plain(np.ndarray):
    """An array that takes a shape, a :class:`Kind` and as many values."""

    def __setstate__(self, state: Any, *_: object) -> None:
        shape, kind, fortran, content = state[-4:]
        plain = _kind(kind)
        if plain.hasobject:
            enough = isinstance(content, list) and len(content) == math.prod(shape)
        else:
            content = content.encode("latin-1") if isinstance(content, str) else content
            enough = isinstance(content, bytes | bytearray) and len(content) == math.prod(shape) * plain.itemsize
        if not enough or not all(isinstance(size, int) and size >= 0 for size in shape):
            raise ValueError("an array whose shape does not fit its values")
        super().__setstate__((1, tuple(shape), plain, bool(fortran), content))  # type: ignore[arg-type]


def empty(*_: object) -> Plain:
    """What NumPy's ``_reconstruct`` makes, before its state comes."""
    return np.empty(0, np.uint8).view(Plain)


def scalar(kind: object, content: object = b"") -> Any:
    """One number or text. Raises ValueError: an object, or not as many bytes."""
    plain = _kind(kind)
    content = content.encode("latin-1") if isinstance(content, str) else content
    if plain.hasobject or not isinstance(content, bytes) or len(content) != plain.itemsize:
        raise ValueError("a number whose type does not fit its bytes")
    return np.frombuffer(content, plain, 1)[0] if plain.itemsize else plain.type()


def from_buffer(content: Any, kind: object, shape: Any, order: str, axes: Any = None) -> np.ndarray:
    """An array in protocol 5. Raises ValueError: objects, or not as many bytes."""
    plain = _kind(kind)
    if plain.hasobject:
        raise ValueError("objects in place of numbers")
    found = np.frombuffer(content, plain).reshape(shape, order="C" if order == "K" else order)  # type: ignore[call-overload]
    return found.transpose(axes) if axes is not None else found


def refused(*_: object) -> None:
    """Raises ValueError: ``ndarray`` is named in pickles, and called in none."""
    raise ValueError("an array that is not pickled as NumPy does")


def _kind(kind: object) -> np.dtype:
    if not isinstance(kind, Kind):
        raise ValueError("an array without a type")
    return kind.plain
