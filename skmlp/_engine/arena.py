"""The memory of a small fit, kept for the next one by the same program.

To make twenty shared arrays takes a tenth of a millisecond, and their first pages as long again: of
`partial_fit` of a few rows, a fifth each time.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np

from skmlp._engine.memory import SharedArray, aligned_empty
from skmlp._program.spec import ProgramSpec

MAX_KEPT = 8
"""Arenas that are kept; the least recently used is dropped first."""

MAX_BYTES = 2**20
"""The most that a fit may write to an arena that is kept."""

Make = Callable[[tuple[int, ...], np.dtype], np.ndarray]


class Arena:
    """Shared arrays that the fits of a program take in the same order, one fit at a time.

    An array has the values that the last fit has left in it.
    """

    def __init__(self, tf: Any):
        self._tf = tf
        self._arrays: list[SharedArray] = []
        self._n_taken = 0

    def take(self, make: Make, shape: tuple[int, ...], dtype: np.dtype) -> SharedArray:
        """Return the next array, which `make` makes for the first fit."""
        number = self._n_taken
        self._n_taken += 1
        if number == len(self._arrays):
            self._arrays.append(SharedArray(self._tf, make(shape, dtype)))
        shared = self._arrays[number]
        assert (shared.array.shape, shared.array.dtype) == (shape, dtype)
        return shared

    def tensor(self, array: np.ndarray) -> Any:
        """Return a tensor on a copy of an array in the next one of the arena."""
        shared = self.take(aligned_empty, array.shape, array.dtype)
        shared.array[...] = array
        return shared.tensor()

    def restart(self) -> None:
        """Begin with the first array again."""
        self._n_taken = 0


_KEPT: OrderedDict[ProgramSpec, Arena] = OrderedDict()
_LOCK = threading.Lock()


def borrow(tf: Any, spec: ProgramSpec) -> Arena:
    """Return the arena that was kept for a program, which nobody else has then, or a new one."""
    with _LOCK:
        arena = _KEPT.pop(spec, None)
    if arena is None:
        return Arena(tf)
    arena.restart()
    return arena


def keep(spec: ProgramSpec, arena: Arena) -> None:
    """Keep an arena for the next fit; nobody may use its arrays or tensors any more."""
    with _LOCK:
        _KEPT[spec] = arena
        if len(_KEPT) > MAX_KEPT:
            _KEPT.popitem(last=False)
