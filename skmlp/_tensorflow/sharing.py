"""Memory that NumPy and TensorFlow share, if TensorFlow shares it.

That a tensor of `tf.experimental.dlpack.from_dlpack` sees later changes of the array is not
documented, and the function says it is experimental. The first fit checks it once; where it is not
so, tensors are copies, and must be made anew after each change: see `skmlp._engine.memory`.
"""

import math
from typing import Any

import numpy as np

from skmlp._tensorflow.releases import why_off

_ALIGNMENT = 64
"""Bytes. TensorFlow copies memory of NumPy's whose address is not a multiple of it."""


class _State:
    """The result of the check in this process."""

    works = False
    why_not: str | None = None


def works() -> bool:
    """Tell whether tensors see what is written to their arrays; no before the check."""
    return _State.works


def why_not() -> str | None:
    """Return why memory is not shared, or None if it is, or will be by the first fit."""
    return why_off("shared_memory") or _State.why_not


def check(tensorflow: Any) -> None:
    """Find out whether TensorFlow shares memory."""
    _State.why_not = why_off("shared_memory")
    if _State.why_not is None and not _sees_changes(tensorflow):
        _State.why_not = "a tensor did not see a change of its array"
    _State.works = _State.why_not is None


def allocate(make: Any, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return an aligned array on memory that `np.zeros` or `np.empty` makes."""
    memory = make(math.prod(shape) * dtype.itemsize + _ALIGNMENT, np.uint8)
    address, _ = memory.__array_interface__["data"]
    return np.ndarray(shape, dtype, memory, -address % _ALIGNMENT)


def share(tensorflow: Any, array: np.ndarray) -> Any:
    """Return a tensor on the memory of an aligned array."""
    return tensorflow.experimental.dlpack.from_dlpack(array.__dlpack__())


def copy(tensorflow: Any, array: np.ndarray) -> Any:
    """Return a tensor that no later change of the array reaches.

    `tf.constant` alone may use the memory of an aligned array as it is.
    """
    with tensorflow.device("CPU:0"):
        return tensorflow.constant(np.array(array))


def _sees_changes(tensorflow: Any) -> bool:
    array = allocate(np.zeros, (8,), np.dtype(np.float64))
    try:
        tensor = share(tensorflow, array)
        array[...] = np.arange(8)
        return bool(np.array_equal(tensor.numpy(), np.arange(8)))
    except Exception:  # whatever a later TensorFlow, or another package of its name, may raise
        return False
