"""Memory that NumPy and TensorFlow share.

A tensor of `tf.experimental.dlpack.from_dlpack` sees later changes of the array. This is not
documented, and the function is experimental, so that the first fit checks it once. If the check
fails, tensors are copies, and are made again after each change; see `skmlp._engine.memory`.
"""

import math
from typing import Any

import numpy as np

from skmlp._tensorflow.releases import why_off

_ALIGNMENT = 64
"""Bytes. TensorFlow copies memory of NumPy whose address is not a multiple of this number."""


class _State:
    """The result of the check in this process."""

    works = False
    why_not: str | None = None


def works() -> bool:
    """Tell whether tensors see changes of their arrays; False before the check."""
    return _State.works


def why_not() -> str | None:
    """Return why memory is not shared, or None if it is, or the first fit will try to share it."""
    return why_off("shared_memory") or _State.why_not


def check(tensorflow: Any) -> None:
    """Check whether TensorFlow shares memory."""
    _State.why_not = why_off("shared_memory")
    if _State.why_not is None and not _sees_changes(tensorflow):
        _State.why_not = "a tensor did not see a change of its array"
    _State.works = _State.why_not is None


def allocate(make: Any, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return an aligned array; ``make`` is `np.zeros` or `np.empty`."""
    memory = make(math.prod(shape) * dtype.itemsize + _ALIGNMENT, np.uint8)
    address, _ = memory.__array_interface__["data"]
    return np.ndarray(shape, dtype, memory, -address % _ALIGNMENT)


def share(tensorflow: Any, array: np.ndarray) -> Any:
    """Return a tensor on the memory of an aligned array."""
    return tensorflow.experimental.dlpack.from_dlpack(array.__dlpack__())


def copy(tensorflow: Any, array: np.ndarray) -> Any:
    """Return a tensor that does not see later changes of the array.

    `tf.constant` alone may share the memory of an aligned array.
    """
    with tensorflow.device("CPU:0"):
        return tensorflow.constant(np.array(array))


def _sees_changes(tensorflow: Any) -> bool:
    array = allocate(np.zeros, (8,), np.dtype(np.float64))
    try:
        tensor = share(tensorflow, array)
        array[...] = np.arange(8)
        return bool(np.array_equal(tensor.numpy(), np.arange(8)))
    except Exception:  # of a later TensorFlow, or of another package of this name
        return False
