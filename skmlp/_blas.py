"""Limits BLAS to one thread, for work that its threads make slower.

The threads of OpenBLAS spin for some milliseconds after each product that they share. Meanwhile
they take the cores from work on small arrays, and from our own threads.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


class _Shared:
    """The limit of the process, and the number of blocks that need it."""

    lock = threading.Lock()
    n_blocks = 0
    limit: Any = None


@contextmanager
def single_threaded() -> Iterator[None]:
    """Limit BLAS to one thread, in the whole process.

    If blocks in several threads overlap, the first block sets the limit, and the last block
    restores the earlier numbers of threads.
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
    """Return the controller of the BLAS libraries; finding them takes as long as a small fit."""
    return ThreadpoolController()
