"""One thread of BLAS, for work that threads make slower.

OpenBLAS's threads spin for some milliseconds after each product that they shared. Beside work on
small arrays, or in threads of one's own, they take the cores from it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


class _Shared:
    """The limit, which is one for the process, and the number of blocks that are in it."""

    lock = threading.Lock()
    n_blocks = 0
    limit: Any = None


@contextmanager
def single_threaded() -> Iterator[None]:
    """Limit BLAS to one thread, in the whole process.

    Blocks that overlap, in several threads, share the limit: the first sets it, and the last puts
    back the numbers of threads that the first has found.
    """
    with _Shared.lock:
        if not _Shared.n_blocks:
            _Shared.limit = _libraries().limit(limits=1, user_api="blas")
        _Shared.n_blocks += 1
    try:
        yield
    finally:
        with _Shared.lock:
            _Shared.n_blocks -= 1
            if not _Shared.n_blocks:
                _Shared.limit.restore_original_limits()


@cache
def _libraries() -> ThreadpoolController:
    """Return what controls the libraries: to find them takes as long as a small fit."""
    return ThreadpoolController()
