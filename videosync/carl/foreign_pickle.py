"""Read other projects' annotation pickles and object arrays: plain containers, numbers, text, arrays and tensors.

Unpickling can run any code. Here a pickle may name nothing but what NumPy arrays and plain torch tensors are made of;
everything else is refused before it is built. Tensors come back as NumPy arrays.
"""

from __future__ import annotations

import io
import math
import pickle
import re
import struct
from collections import OrderedDict
from pathlib import Path
from tokenize import TokenError
from typing import Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from videosync.carl import plain_arrays
from videosync.carl.plain_arrays import Only
from videosync.errors import ManifestError
from videosync.files import require_plain
from videosync.foreign import read_npy, require_countable, require_honest, require_modest, require_no_buffers


class _RefusedError(pickle.UnpicklingError):
    """A pickle names something that is not built: its name is the message."""


def _plain_storage(data: bytes) -> np.ndarray:
    """The numbers of a pickled tensor, [n]: a ``torch.save`` file inside the pickle, read without running anything."""
    import torch  # would slow --help down

    require_honest(io.BytesIO(data))
    require_no_buffers(io.BytesIO(data))
    try:
        storage = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if found := re.search(r"GLOBAL (\S+) (?:was not an allowed global|whose module)", str(error)):
            raise _RefusedError(found[1]) from error
        raise ValueError("the storage of a tensor cannot be read") from error
    if not isinstance(storage, torch.storage.TypedStorage):
        raise ValueError(f"a {type(storage).__name__} where the storage of a tensor was expected")
    numbers = torch.empty(0, dtype=storage.dtype).set_(storage)
    return (numbers.float() if numbers.dtype == torch.bfloat16 else numbers).numpy()


def _plain_tensor(
    numbers: np.ndarray, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any
) -> np.ndarray:
    """What ``torch._utils._rebuild_tensor_v2`` builds. Raises ValueError or IndexError where the storage is smaller."""
    if math.prod(size) > numbers.size:
        raise ValueError("a tensor that is larger than its storage")
    places = np.ix_(*(np.arange(count) * step for count, step in zip(size, stride, strict=True)))
    return np.asarray(numbers[offset + sum(places)])


def _latin1(text: str, encoding: str) -> bytes:
    """How old protocols write bytes. Raises ValueError: another encoding."""
    if encoding != "latin1":
        raise ValueError(f"bytes as {encoding!r}")
    return text.encode("latin-1")


# numpy.core until NumPy 2, numpy._core since: what its own pickles name
_NUMPY = {
    ("multiarray", "_reconstruct"): Only(plain_arrays.empty),
    ("multiarray", "scalar"): Only(plain_arrays.scalar),
    ("numeric", "_frombuffer"): Only(plain_arrays.from_buffer),
}
ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): Only(plain_arrays.refused),
    ("numpy", "dtype"): Only(plain_arrays.Kind),
    ("collections", "OrderedDict"): OrderedDict,
    ("_codecs", "encode"): Only(_latin1),  # how old protocols write bytes
    ("torch.storage", "_load_from_bytes"): Only(_plain_storage),
    ("torch._utils", "_rebuild_tensor_v2"): Only(_plain_tensor),
    **{(module, "set"): set for module in ("builtins", "__builtin__")},
    **{(module, "frozenset"): frozenset for module in ("builtins", "__builtin__")},
    **{(f"numpy.{core}.{part}", name): it for core in ("core", "_core") for (part, name), it in _NUMPY.items()},
}
# what a damaged pickle makes of the interpreter that reads it
_DAMAGE = (
    EOFError, ValueError, LookupError, AttributeError, TypeError, OSError, RuntimeError, struct.error, MemoryError,
    OverflowError, SyntaxError, TokenError,
)  # fmt: skip


class PlainUnpickler(pickle.Unpickler):
    """Builds containers, numbers, text and arrays, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """Raises UnpicklingError for whatever is not in ``ALLOWED``."""
        if (module, name) not in ALLOWED:
            raise _RefusedError(f"{module}.{name}")
        return ALLOWED[module, name]


def read_plain_pickle(path: str | Path) -> Any:
    """What a pickle file holds.

    Raises:
        ManifestError: no such file, damaged, or it holds something that could run code (which is named).
    """
    with _open(path) as file:
        return _load(file, path)


def read_object_array(path: str | Path) -> np.ndarray:
    """A .npy file of numbers, or an array of objects such as matrices of different sizes.

    Raises:
        ManifestError: like :func:`read_plain_pickle`, or the file is no .npy file.
    """
    with _open(path) as file:
        try:
            version = npy.read_magic(file)
            read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, fortran, dtype = read_header(file)
        except _DAMAGE as error:
            raise ManifestError(f"{path}: not a .npy file ({error})") from error
        if not dtype.hasobject:
            try:
                return np.array(read_npy(path))
            except (OSError, ValueError) as error:
                raise ManifestError(f"{path}: damaged or cut off ({error}); copy it again") from error
        content = _load(file, path)
    if not isinstance(content, np.ndarray) or content.dtype != dtype or content.size != np.prod(shape, dtype=int):
        raise ManifestError(f"{path}: its content does not match its header; it is damaged")
    return content.reshape(shape, order="F" if fortran else "C")


def _open(path: str | Path) -> BinaryIO:
    try:
        require_plain(path)
        return Path(path).open("rb")
    except ValueError as error:
        raise ManifestError(f"{path}: {error}") from error
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read ({error.strerror})") from error


def _load(file: BinaryIO, path: str | Path) -> Any:
    try:
        require_modest(file)
        content = PlainUnpickler(file).load()
        require_countable(content)
        return content
    except _RefusedError as error:
        raise ManifestError(
            f"{path}: holds {error}, which is neither a number, text, a container, an array nor a tensor; it could "
            "run code and is not loaded"
        ) from error
    except pickle.UnpicklingError as error:
        raise ManifestError(f"{path}: damaged, or not a pickle ({error})") from error
    except _DAMAGE as error:
        raise ManifestError(f"{path}: damaged, or not a pickle ({type(error).__name__}: {error})") from error
