"""glibc's allocator, told to keep its memory: CPU training frees and asks for the same blocks each step.

By default a freed block of some megabytes goes back to the kernel and its pages are zeroed again at the next
allocation, which costs more than many of the convolutions in between (``docs/results.md`` has the effect).
"""

from __future__ import annotations

import ctypes
import os
import sys

# numbers of <malloc.h>
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4

_USER_SETTINGS = (
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_MMAP_MAX_",
    "MALLOC_TRIM_THRESHOLD_",
    "GLIBC_TUNABLES",
    "LD_PRELOAD",
)


def keep_freed_memory() -> bool:
    """Serve every allocation of this process from the heap and never trim it. Returns whether it took effect.

    Left alone where the user has set one of glibc's own variables, preloads another allocator, or the C
    library has no mallopt.
    """
    if not sys.platform.startswith("linux") or any(os.environ.get(name) for name in _USER_SETTINGS):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, -1))
