"""How many threads the products of matrices take."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from threadpoolctl import ThreadpoolController


@contextmanager
def one_thread() -> Iterator[None]:
    """BLAS on one thread; also a decorator.

    Products here are small. Where other programs are at work, the threads of one wait for each other far longer than
    it takes: comparing two clips of 10 s took 20 times as long on two threads of a busy machine with two cores.
    """
    with _libraries(len(sys.modules)).limit(limits=1, user_api="blas"):
        yield


@lru_cache(maxsize=1)
def _libraries(modules: int) -> ThreadpoolController:
    """Those that are loaded, looked for anew when more modules are: SciPy and torch have some of their own."""
    return ThreadpoolController()
