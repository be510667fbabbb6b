"""Files that may come from anywhere, in formats of other libraries: one guarded reader each.

What a library makes of damaged bytes (and there is no end to it) is a ValueError in words, for the message of the
caller. Nothing is allocated by what a header says alone, and nothing grows beyond what a file of its size can hold:
archives that unpack to more, pickles that ask for memory, containers that hold each other again and again. Text and
JSON: :mod:`videosync.files`.
"""

from __future__ import annotations

import mmap
import os
import pickletools
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any, TypeVar

import numpy as np

from videosync.errors import CheckpointError
from videosync.files import require_plain

T = TypeVar("T")
_LONGEST = 200  # characters of a library's own words in a message
_UNPACKED = 2**30  # bytes that any archive may unpack to; beyond it, …
_TIMES = 4  # … as many times what it takes itself
_MOST = 2_000_000  # values of a pickle, counted where containers hold them again
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
        words = said(error)
        unread = isinstance(error, SyntaxError | TokenError) or words.startswith("Cannot parse header")
        raise ValueError("its header is damaged" if unread else words) from error


def read_npz(path: str | Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name. Raises as :func:`read_npy`."""
    require_plain(path)
    try:
        require_honest(path)
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


def require_honest(source: str | Path | IO[bytes]) -> None:
    """Raises ValueError: an archive that unpacks to far more than it takes.

    Of other files, and of damaged archives, nothing is said: reading them says it. An open file stays where it is.
    """
    begin = 0 if isinstance(source, str | Path) else source.tell()
    try:
        with zipfile.ZipFile(source) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (*_ZIP_DAMAGE, *_NPY_DAMAGE, OSError):
        return
    finally:
        if not isinstance(source, str | Path):
            source.seek(begin)
    require_room(unpacked, source)


def require_room(needed: int, source: str | Path | IO[bytes]) -> None:
    """Raises ValueError: what a file holds would take far more memory (bytes) than the file takes on the disk."""
    size = os.path.getsize(source) if isinstance(source, str | Path) else _size(source)
    if needed > max(_UNPACKED, _TIMES * size):
        raise ValueError(f"{size / 1e6:.3g} MB that would become {needed / 1e9:.3g} GB in memory")


def require_modest(file: IO[bytes]) -> None:
    """Raises ValueError: a pickle, from where ``file`` stands on, that asks for more memory than its values need.

    ``file`` stays where it is. Of damaged pickles nothing is said: reading them says it.
    """
    begin, asked = file.tell(), 0
    try:
        for count, (code, number, _) in enumerate(pickletools.genops(file)):
            if "PUT" in code.name and isinstance(number, int) and number > count:
                asked = number
                break
    except Exception:  # pickletools raises what its authors happened on
        pass
    file.seek(begin)
    if asked:
        raise ValueError(f"a pickle that asks for room for {asked} values, and has not as many")


def require_no_buffers(source: str | Path | IO[bytes]) -> None:
    """Raises ValueError: a file for torch in which a pickle makes a ``bytearray``, of any length it likes."""
    if not isinstance(source, str | Path):
        begin = source.tell()
        held = b"bytearray" in source.read()
        source.seek(begin)
    elif os.path.getsize(source):
        with open(source, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            held = content[0] in b"P\x80" and content.find(b"bytearray") >= 0  # an archive, or a pickle
    else:
        held = False
    if held:
        raise ValueError("it makes a bytearray, which no weights are")


def require_countable(content: Any) -> None:
    """Raises ValueError: lists, dicts and the like that hold each other so often that nobody can go through them."""
    waiting, count = [content], 0
    while waiting:
        value = waiting.pop()
        count += 1
        if isinstance(value, Mapping):
            waiting += value.values()
        elif isinstance(value, list | tuple | set | frozenset) or (
            isinstance(value, np.ndarray) and value.dtype.hasobject
        ):
            waiting += value if not isinstance(value, np.ndarray) else value.ravel().tolist()
        if count + len(waiting) > _MOST:
            raise ValueError(f"more than {_MOST} values, counted where they are repeated")


def _size(file: IO[bytes]) -> int:
    begin = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(begin)
    return size


def said(error: Exception) -> str:
    """A library's words for a message: the first line, not too much of it."""
    return ((str(error).splitlines() or [""])[0] or type(error).__name__)[:_LONGEST]
