"""Sets back switches of TensorFlow with which a fit would fail or be wrong.

During a fit each switch has its default value; afterwards it has the user's value again.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from skmlp._tensorflow.forks import CONTEXT

_TRACING = threading.RLock()
"""Held while a program is traced, as the switches of tracing hold for all threads."""


@contextmanager
def running(tensorflow: Any) -> Iterator[None]:
    """Run operations one after the other, and call no functions after each operation.

    In asynchronous execution, an operation may begin after its memory has got other values.
    `tf.debugging.enable_check_numerics` refuses the infinity and the NaN that programs begin with.
    It also changes compiled programs, as `tf.debugging.experimental.enable_dump_debug_info` does.
    All three switches belong to a thread.
    """
    config, callbacks = tensorflow.config.experimental, _op_callbacks()
    is_synchronous, taken = config.get_synchronous_execution(), callbacks[:]
    if not is_synchronous:
        config.set_synchronous_execution(True)
    callbacks.clear()
    try:
        yield
    finally:
        callbacks[:0] = taken
        if not is_synchronous:
            config.set_synchronous_execution(False)


@contextmanager
def tracing(tensorflow: Any) -> Iterator[None]:
    """Make tensors behave as in TensorFlow 2, also after `tf.compat.v1.disable_v2_behavior`.

    After that call, tensors are compared as Python objects, and a wrong program would be traced.
    """
    v1 = tensorflow.compat.v1
    with _TRACING, ExitStack() as afterwards:
        if not getattr(tensorflow.Tensor, "_USE_EQUALITY", True):
            v1.enable_tensor_equality()
            afterwards.callback(v1.disable_tensor_equality)
        if not isinstance(tensorflow.TensorShape([1])[0], int):
            v1.enable_v2_tensorshape()
            afterwards.callback(v1.disable_v2_tensorshape)
        yield


def _op_callbacks() -> list[Any]:
    """Return the functions that TensorFlow calls after each operation of this thread."""
    try:
        callbacks: list[Any] = sys.modules[CONTEXT].context().op_callbacks
    except (AttributeError, KeyError):  # this release has no `op_callbacks`
        return []
    return callbacks
