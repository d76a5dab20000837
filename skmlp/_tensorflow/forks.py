"""Tells whether a fork has made TensorFlow unusable in this process.

If a process forks after TensorFlow has run, the child lacks the threads of TensorFlow, and its
first operation waits for them for ever: https://github.com/tensorflow/tensorflow/issues/8220. The
child can't find out later, so a note is taken at each fork.

Prediction imports only this module of the folder; the module does not import TensorFlow.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

CONTEXT = "tensorflow.python.eager.context"
"""The private module of TensorFlow that knows whether TensorFlow has started its threads."""


class _Notes:
    """Notes of the forks of this process and of its parents."""

    was_forked_too_late = False
    is_starting = False  # TensorFlow is being imported, perhaps by another thread


def check_not_forked() -> None:
    """Raise RuntimeError in a process that was forked after TensorFlow had run."""
    if _Notes.was_forked_too_late:
        raise RuntimeError(
            "fit and to_keras need TensorFlow, and would hang, as this process was forked after "
            "TensorFlow had run in its parent. Start the workers with the 'spawn' or 'forkserver' "
            "method, or use joblib's 'loky' or 'threading' backend. (predict works here.)"
        )


@contextmanager
def starting() -> Iterator[None]:
    """Note that TensorFlow is starting, as a child that is forked meanwhile can't use it."""
    _Notes.is_starting = True
    try:
        yield
    finally:
        _Notes.is_starting = False


def has_run() -> bool:
    """Tell whether TensorFlow has started its threads in this process or in a parent.

    If the private module is missing, an imported TensorFlow counts as one that has run: a process
    that would work may be refused, but none hangs.
    """
    if sys.modules.get("tensorflow") is None:
        return False
    try:
        context = sys.modules[CONTEXT].context_safe()
        return context is not None and context._context_handle is not None
    except (AttributeError, KeyError):
        return True


def _take_note() -> None:
    if _Notes.is_starting or has_run():
        _Notes.was_forked_too_late = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_take_note)
