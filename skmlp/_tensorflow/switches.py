"""Switches of TensorFlow that a user may have set, and with which a fit would fail or be wrong.

Each has its default value for the time of a fit, and then the user's again.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from skmlp._tensorflow.forks import CONTEXT

_TRACING = threading.RLock()
"""Held while a program is traced: what is switched there holds for all threads."""


@contextmanager
def running(tensorflow: Any) -> Iterator[None]:
    """Run operations one after the other, and without what looks at each of them.

    In asynchronous execution an operation may begin when its memory has other values already.
    `tf.debugging.enable_check_numerics` refuses the infinity and the NaN that programs begin with,
    and like `tf.debugging.experimental.enable_dump_debug_info` it changes what is compiled. All
    three are switches of a thread.
    """
    with _synchronously(tensorflow), _without_op_callbacks():
        yield


@contextmanager
def tracing(tensorflow: Any) -> Iterator[None]:
    """Have tensors behave as in TensorFlow 2, also after `tf.compat.v1.disable_v2_behavior`.

    There a comparison of tensors is one of Python objects, which traces a program that is wrong.
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


@contextmanager
def _synchronously(tensorflow: Any) -> Iterator[None]:
    config = tensorflow.config.experimental
    if config.get_synchronous_execution():
        yield
        return
    config.set_synchronous_execution(True)
    try:
        yield
    finally:
        config.set_synchronous_execution(False)


@contextmanager
def _without_op_callbacks() -> Iterator[None]:
    """Take out the functions that TensorFlow calls after each operation of this thread."""
    try:
        callbacks = sys.modules[CONTEXT].context().op_callbacks
    except (AttributeError, KeyError):  # a release that has no such thing
        callbacks = []
    taken = callbacks[:]
    callbacks.clear()
    try:
        yield
    finally:
        callbacks[:0] = taken
