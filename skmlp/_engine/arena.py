"""The memory of a small fit, kept for the next fit by the same program.

Without it, a `partial_fit` of a few rows makes twenty shared arrays, and writes to memory that the
system has to provide first.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from skmlp._engine.memory import SharedArray, aligned_empty
from skmlp._program.spec import ProgramSpec

MAX_KEPT = 8
"""Number of arenas that are kept. The least recently used arena is dropped first.

With `MAX_BYTES`, it bounds what is written of the kept memory to 8 MB.
"""

MAX_BYTES = 2**20
"""A fit that writes more than this to its arena does not keep the arena.

On Zen 5, `partial_fit` took 748 us for 150 rows of 64 features without an arena, and 651 with it.
For 1,000 rows, which write 0.7 MB, it took 1045 and 931 us: a larger fit saves a smaller share
(``python -m benchmarks.sweeps``).
"""

Make = Callable[[tuple[int, ...], np.dtype], np.ndarray]


class Arena:
    """Shared arrays that the fits of a program take in the same order, one fit at a time.

    An array still has the values that the previous fit has written.
    """

    def __init__(self, tf: Any):
        self._tf = tf
        self._arrays: list[SharedArray] = []
        self._n_taken = 0

    def take(self, make: Make, shape: tuple[int, ...], dtype: np.dtype) -> SharedArray:
        """Return the next array. For the first fit, ``make`` allocates the array."""
        number = self._n_taken
        self._n_taken += 1
        if number == len(self._arrays):
            self._arrays.append(SharedArray(self._tf, make(shape, dtype)))
        shared = self._arrays[number]
        assert (shared.array.shape, shared.array.dtype) == (shape, dtype)
        return shared

    def tensor(self, array: np.ndarray) -> Any:
        """Copy an array to the next array of the arena, and return its tensor."""
        shared = self.take(aligned_empty, array.shape, array.dtype)
        shared.array[...] = array
        return shared.tensor()

    def restart(self) -> None:
        """Begin with the first array again."""
        self._n_taken = 0


_KEPT: OrderedDict[ProgramSpec, Arena] = OrderedDict()
_LOCK = threading.Lock()


def borrow(tf: Any, spec: ProgramSpec) -> Arena:
    """Return the kept arena of a program, or a new arena. No other fit uses it meanwhile."""
    with _LOCK:
        arena = _KEPT.pop(spec, None)
    if arena is None:
        return Arena(tf)
    arena.restart()
    return arena


def keep(spec: ProgramSpec, arena: Arena) -> None:
    """Keep an arena for the next fit. Its arrays and tensors must not be used any more."""
    with _LOCK:
        _KEPT[spec] = arena
        if len(_KEPT) > MAX_KEPT:
            _KEPT.popitem(last=False)
