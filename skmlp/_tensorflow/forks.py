"""Forks: whether TensorFlow can still be used in this process.

The threads of TensorFlow do not exist in a child that was forked after TensorFlow had run, and its
first operation there waits for them for ever:
https://github.com/tensorflow/tensorflow/issues/8220. A note is taken at each fork, as the child
itself can't tell.

Predicting imports this module, and nothing else of this folder; nothing here imports TensorFlow.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

CONTEXT = "tensorflow.python.eager.context"
"""A private module of TensorFlow, which knows whether TensorFlow has started its threads."""


class _Notes:
    """Notes of the forks of this process and of its parents."""

    was_forked_too_late = False
    is_starting = False  # TensorFlow is being imported, perhaps by another thread


def check_not_forked() -> None:
    """Raise RuntimeError in a process that was forked after TensorFlow had run."""
    if _Notes.was_forked_too_late:
        raise RuntimeError(
            "fit and to_keras need TensorFlow, and this process was forked after TensorFlow had "
            "run in its parent, where they would hang. Start the workers with the 'spawn' or "
            "'forkserver' method, or use joblib's 'loky' or 'threading' backend. (predict works "
            "here.)"
        )


@contextmanager
def starting() -> Iterator[None]:
    """Note that TensorFlow is being started: a child that is forked meanwhile can't use it."""
    _Notes.is_starting = True
    try:
        yield
    finally:
        _Notes.is_starting = False


def has_run() -> bool:
    """Tell whether TensorFlow has started its threads in this process or in a parent of it.

    Where the private module is missing, a TensorFlow that is imported counts as one that has run.
    That may refuse a fork that would work, but never lets a process hang.
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
