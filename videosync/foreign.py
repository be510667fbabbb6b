"""Files that may come from anywhere, in formats of other libraries: one guarded reader each.

What a library makes of damaged bytes (and there is no end to it) is a ValueError in words, for the message of the
caller. Nothing is allocated by what a header says alone. Text and JSON: :mod:`videosync.files`.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from tokenize import TokenError
from typing import TypeVar

import numpy as np

from videosync.errors import CheckpointError
from videosync.files import require_plain

T = TypeVar("T")
_LONGEST = 200  # characters of a library's own words in a message
# of NumPy's headers, which are Python literals, and of what they promise
_NPY_DAMAGE = (
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    SyntaxError,
    TokenError,
    RecursionError,
    OverflowError,
    MemoryError,
)
_ZIP_DAMAGE = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, AttributeError)
_TENSOR_DAMAGE = (OSError, ValueError, TypeError, KeyError, RuntimeError, OverflowError, MemoryError)


def read_npy(path: str | Path) -> np.ndarray:
    """A .npy file of numbers, mapped from disk, not to be written to.

    Raises:
        ValueError: damaged, cut off, objects in place of numbers, or no file. OSError: it cannot be read.
    """
    require_plain(path)
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except _NPY_DAMAGE as error:
        raise ValueError(said(error)) from error


def read_npz(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name. Raises as :func:`read_npy`."""
    require_plain(path)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays}
    except (*_NPY_DAMAGE, *_ZIP_DAMAGE) as error:
        raise ValueError(said(error)) from error


def read_safetensors(path: str | Path, load: Callable[[Path], T], remedy: str = "copy it again") -> T:
    """What ``load`` (of safetensors, for one library) makes of a file.

    Raises:
        CheckpointError: there is none, or it is damaged.
    """
    from safetensors import SafetensorError

    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: there is no such file")
    try:
        return load(path)
    except (SafetensorError, *_TENSOR_DAMAGE) as error:
        raise CheckpointError(f"{path}: not a complete .safetensors file ({said(error)}); {remedy}") from error


def said(error: Exception) -> str:
    """A library's words for a message: the first line, not too much of it."""
    return ((str(error).splitlines() or [""])[0] or type(error).__name__)[:_LONGEST]
