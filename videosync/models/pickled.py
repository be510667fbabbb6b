"""Read other projects' .pth, .pt, .tar and .ckpt files without running what is in them.

Only tensors and plain containers are built (``weights_only``). A few classes that published checkpoints carry beside
their weights become plain dicts or empty shells; any other object is refused by name.
"""

from __future__ import annotations

import pickle
import re
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import torch
from safetensors import SafetensorError

from videosync.errors import CheckpointError
from videosync.foreign import require_countable, require_honest, require_no_buffers, require_room


class Namespace:
    """An ``argparse.Namespace`` that was pickled: its attributes are all there is."""


# class as pickled → what is built in its place. An OrderedDict takes the items of any dict, and attributes as well.
STAND_INS: tuple[tuple[type, str], ...] = (
    (OrderedDict, "easydict.EasyDict"),
    (OrderedDict, "pytorch_lightning.utilities.parsing.AttributeDict"),
    (OrderedDict, "lightning.pytorch.utilities.parsing.AttributeDict"),
    (OrderedDict, "lightning_fabric.utilities.data.AttributeDict"),
    (OrderedDict, "lightning.fabric.utilities.data.AttributeDict"),
    (Namespace, "argparse.Namespace"),
)

# what torch's unpickler meets in bytes that are no pickle, or only a part of one
DAMAGE = (
    RuntimeError, EOFError, ValueError, LookupError, AttributeError, TypeError, OSError, struct.error, OverflowError,
    MemoryError, AssertionError, SafetensorError, RecursionError, zipfile.BadZipFile,
)  # fmt: skip


def read_pickled(path: str | Path, file: IO[bytes] | None = None) -> Any:
    """The content of a file that ``torch.save`` wrote, on the CPU; of ``file``, if it is given, which ``path`` names.

    Raises:
        CheckpointError: no such file, not such a file, or it holds objects of other classes (the class is named).
    """
    path = Path(path)
    if file is None and not path.is_file():
        raise CheckpointError(f"{path}: there is no such file")
    try:
        with torch.serialization.safe_globals(list(STAND_INS)):
            source = file or path
            require_honest(source)
            require_no_buffers(source)
            content = torch.load(source, map_location="cpu", weights_only=True)
        require_countable(content)
        require_room(sum(_sizes(content)), source)
        return content
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL (\S+) (?:was not an allowed global|whose module)", str(error))
        if found:
            raise CheckpointError(
                f"{path}: holds an object of class {found[1]}, which is not loaded, as that could run code. Where you "
                f"trust the file, save its weights alone: torch.save(torch.load('{path.name}', "
                "weights_only=False)['state_dict'], 'weights.pth')"
            ) from error
        raise CheckpointError(f"{path}: {_unreadable(error)}") from error
    except DAMAGE as error:
        raise CheckpointError(f"{path}: {_unreadable(error)}") from error


def _sizes(content: Any) -> Iterator[int]:
    """Bytes of each tensor, had it all its numbers. Raises ValueError: one that is not dense, and on the CPU."""
    if isinstance(content, Mapping | list | tuple):
        for value in content.values() if isinstance(content, Mapping) else content:
            yield from _sizes(value)
    elif isinstance(content, torch.Tensor):
        if content.layout != torch.strided or content.device.type != "cpu":
            raise ValueError(f"a tensor {list(content.shape)} that is not dense")
        yield content.numel() * content.element_size()


def _unreadable(error: Exception) -> str:
    # torch says last what it met, and first how to read the file with the code in it
    met = re.search(r"WeightsUnpickler error:\s*(\S.*)", str(error))
    reason = met[1] if met else (str(error) or type(error).__name__).splitlines()[0][:200]
    return f"cannot be read as a file of tensors ({reason}); it is damaged, incomplete or no checkpoint"
