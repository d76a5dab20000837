"""Imports TensorFlow: late, quietly, and not in a forked child. No other module does."""

import importlib
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from skmlp._tensorflow import flags, forks, kept_programs, quiet, sharing, signals, switches
from skmlp._tensorflow.releases import is_on
from skmlp._tensorflow.without_collections import without_collections
from skmlp._tensorflow.without_keras import without_keras

_LOCK = threading.RLock()

_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
"""The variable with a worker's number of cores from joblib, Dask and Ray; TensorFlow's variable."""


class _Loaded:
    """TensorFlow, once it is ready to run."""

    tensorflow: Any = None


def load() -> Any:
    """Return the module ``tensorflow``, imported and ready to run.

    Raises
    ------
    RuntimeError
        If the process was forked after TensorFlow had run: the threads of TensorFlow do not exist
        in the child, and the first operation would wait for them for ever.
    """
    forks.check_not_forked()
    if _Loaded.tensorflow is None:
        with _LOCK, signals.held_back():
            if _Loaded.tensorflow is None:
                _Loaded.tensorflow = _start()
    return _Loaded.tensorflow


def load_keras() -> Any:
    """Return the module ``keras``, imported after TensorFlow; raises errors of `load`."""
    load()
    with _LOCK, signals.held_back():
        return importlib.import_module("keras")


@contextmanager
def eagerly() -> Iterator[None]:
    """Run operations at once, whatever the user has switched on; raises errors of `load`."""
    tensorflow = load()
    with _undisturbed(tensorflow):
        yield


@contextmanager
def _undisturbed(tensorflow: Any) -> Iterator[None]:
    with _eager_mode(tensorflow), switches.running(tensorflow):
        yield


def _start() -> Any:
    if forks.has_run():  # the user has run TensorFlow, so that our settings would come too late
        flags.note_too_late()
        kept_programs.note_too_late()
        tensorflow = importlib.import_module("tensorflow")
        _check_cpu(tensorflow)
    else:
        with forks.starting():
            tensorflow = _import_and_start()
    with _undisturbed(tensorflow):
        sharing.check(tensorflow)
    return tensorflow


def _check_cpu(tensorflow: Any) -> None:
    if not tensorflow.config.get_visible_devices("CPU"):
        raise RuntimeError(
            "fit and to_keras compute on the CPU, which is hidden from TensorFlow in this process. "
            "Expected a CPU among tf.config.get_visible_devices(), got "
            f"{tensorflow.config.get_visible_devices()}: leave it in tf.config.set_visible_devices."
        )


def _import_and_start() -> Any:
    """Import TensorFlow, start its devices, and make XLA read its flags."""
    with _environment(_settings()):
        with quiet.without_log_lines():
            tensorflow = _import()
            _check_cpu(tensorflow)
            with _eager_mode(tensorflow), tensorflow.device("CPU:0"):
                zero = tensorflow.constant(0)  # starts the devices
        with _undisturbed(tensorflow), quiet.without_late_lines():
            flags.apply_flags(tensorflow, zero, may_fail=kept_programs.directory() is not None)
    return tensorflow


def _import() -> Any:
    keras = without_keras() if is_on("without_keras") else nullcontext()
    collections = without_collections() if is_on("without_collections") else nullcontext()
    with keras, collections:
        return importlib.import_module("tensorflow")


def _eager_mode(tensorflow: Any) -> AbstractContextManager[None]:
    """Return a context in which operations run at once.

    The public `init_scope` is not enough: it stays in a graph of TensorFlow 1 that the user builds.
    """
    if is_on("eager_context"):
        try:
            mode: AbstractContextManager[None] = importlib.import_module(forks.CONTEXT).eager_mode()
        except (AttributeError, ImportError):
            pass  # this release has no `eager_mode`
        else:
            return mode
    scope: AbstractContextManager[None] = tensorflow.init_scope()
    return scope


def _settings() -> dict[str, str]:
    """Return environment variables for the import, with a worker's share of the cores."""
    told, own = _THREADS
    threads = os.environ.get(told, "")
    share = {own: threads} if threads.isdecimal() else {}
    return quiet.log_level() | share | _temporary() | kept_programs.prepare_directory()


def _temporary() -> dict[str, str]:
    """Return a variable for absl if there is no directory for temporary files.

    TensorFlow imports the testing part of absl, which fails without such a directory, for example
    in a read-only container. Nothing is written to the directory that the variable names.
    """
    try:
        tempfile.gettempdir()
    except OSError:
        return {"TEST_TMPDIR": "/tmp/absl_testing"}
    return {}


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables that the user has not set, and unset them afterwards."""
    added = {name: value for name, value in values.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)
