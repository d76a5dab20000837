"""The one place that imports TensorFlow: late, quietly, and not in a forked child."""

import importlib
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from skmlp._tensorflow import cache_directory as _cache_directory
from skmlp._tensorflow.lazy_namespaces import lazy_namespaces
from skmlp._tensorflow.without_collections import without_collections
from skmlp._tensorflow.without_keras import without_keras

_IMPORT_LOCK = threading.RLock()
_STDERR_LOCK = threading.RLock()

_CONTEXT = "tensorflow.python.eager.context"

_LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"

_IMPORT_ENVIRONMENT = {
    # Nothing below "fatal"; read once, when TensorFlow's library is loaded.
    _LOG_LEVEL: "3",
}

_SMALL_PRODUCTS = "xla_cpu_multi_thread_eigen"

_XLA_FLAGS = {
    # Operations one after the other, as handing a small one to another thread takes longer than
    # to run it.
    "xla_cpu_enable_concurrency_optimized_scheduler": "false",
    # Small matrix products by code of XLA's own. In these releases Eigen, which multiplies larger
    # ones, keeps its threads all the same.
    _SMALL_PRODUCTS: "false",
}
"""How XLA compiles. The flags of a user come first."""

_WIDE_VECTORS = {"xla_cpu_prefer_vector_width": "512"}
"""For a processor that keeps its speed when it computes with vectors of 512 bits."""

_KNOWS_XLA_FLAGS = ("2.20.", "2.21.")
"""Releases of TensorFlow that have these flags; XLA ends a process for a flag it does not know.

What else is not public in TensorFlow was tried with them, too.
"""

_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
"""How many cores a process may use, as joblib, Dask and Ray tell workers, and TensorFlow's name."""

_CHANGES_CODE = re.compile(rf"{_THREADS[0]}$|TF_(?!CPP_)")
"""Environment variables for which XLA may compile other code: TensorFlow's, but not its log's."""

_LOG_LINE = re.compile(
    r"[IWEF]\d{4} "
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWEF] "
    r"|WARNING: All log messages before absl"
    r"|To enable the following instructions:"
)


class _Compiler:
    """What XLA has been told in this process."""

    multiplies_small = False
    directory: Path | None = None  # where what it has compiled is kept
    logs_errors = False  # by a log level that is not ours, or in a release that does not heed it


class _Fork:
    """Whether this process was forked from one in which TensorFlow had run, or was starting to."""

    happened_after_tensorflow = False
    would_tear_import = False  # TensorFlow is being imported, perhaps by another thread


def _note_fork() -> None:
    if _Fork.would_tear_import or _has_run():
        _Fork.happened_after_tensorflow = True


def _has_run() -> bool:
    """Tell whether TensorFlow has started its threads in this process (or in its parent)."""
    context_module = sys.modules.get(_CONTEXT)
    if context_module is None:
        return False
    context = context_module.context_safe()
    return context is not None and getattr(context, "_context_handle", True) is not None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def load() -> Any:
    """Return the module ``tensorflow``, imported and ready to run.

    Raises
    ------
    RuntimeError
        In a process that was forked after TensorFlow had run: its threads do not exist there,
        and the first operation would wait for them for ever.
    """
    check_not_forked()
    with _IMPORT_LOCK:
        if "tensorflow" in sys.modules and _has_run():
            return sys.modules["tensorflow"]
        _Fork.would_tear_import = True
        try:
            _Compiler.directory = _prepare_directory()
            environment = _import_environment(_Compiler.directory)
            is_told = _LOG_LEVEL in os.environ
            with _environment(environment), without_log_lines():
                with lazy_namespaces(), without_keras(), without_collections():
                    tensorflow = importlib.import_module("tensorflow")
                with _context().eager_mode(), tensorflow.device("CPU:0"):
                    zero = tensorflow.constant(0)  # starts the devices, which log too
                    _Compiler.logs_errors = is_told or tensorflow.__version__.startswith("2.20.")
                    _set_xla_flags(tensorflow, zero)
        finally:
            _Fork.would_tear_import = False
        return tensorflow


def _context() -> Any:
    """Return a module that is not public: `init_scope` does not leave a graph of version 1."""
    return importlib.import_module(_CONTEXT)


@contextmanager
def eagerly() -> Iterator[None]:
    """Run operations at once, also where the user is building a graph; raise what `load` raises."""
    load()
    with _context().eager_mode():
        yield


def load_keras() -> Any:
    """Return the module ``keras``, imported after TensorFlow; raise what `load` raises."""
    load()
    with _IMPORT_LOCK, without_log_lines():  # it uses parts of TensorFlow that log
        return importlib.import_module("keras")


def _prepare_directory() -> Path | None:
    """Return where to keep what XLA compiles, or None."""
    try:
        release = version("tensorflow")
    except PackageNotFoundError:  # under another name, such as tensorflow-cpu
        return None
    if not release.startswith(_KNOWS_XLA_FLAGS) or "TF_XLA_FLAGS" in os.environ:
        return None
    given = [f"{name}={value}" for name, value in os.environ.items() if _CHANGES_CODE.match(name)]
    return _cache_directory.prepare([release, _xla_flags(), *sorted(given)])


def _xla_flags() -> str:
    """Return our flags for XLA, and those of the user."""
    given = os.environ.get("XLA_FLAGS", "")
    flags = _XLA_FLAGS | (_WIDE_VECTORS if _has_wide_vectors() else {})
    ours = [f"--{name}={value}" for name, value in flags.items() if name not in given]
    return " ".join([*ours, given])


def without_reading_errors() -> AbstractContextManager[None]:
    """Drop what TensorFlow logs while it reads code that it has compiled before.

    It tries another format first, and warns of options of the compiler that are no features of the
    processor. Our log level hides that, but not in TensorFlow 2.20, nor need one of the user's, or
    of JAX's, which sets it.
    """
    return without_log_lines() if _Compiler.logs_errors else nullcontext()


def _set_xla_flags(tensorflow: Any, tensor: Any) -> None:
    """Have XLA read our flags, which it does once, before it compiles for the first time."""
    if not is_known(tensorflow):
        return
    given = os.environ.get("XLA_FLAGS")
    _Compiler.multiplies_small = _SMALL_PRODUCTS not in (given or "")
    try:
        os.environ["XLA_FLAGS"] = _xla_flags()
        _compile_something(tensorflow, tensor)
    finally:
        os.environ.pop("XLA_FLAGS", None)
        if given is not None:
            os.environ["XLA_FLAGS"] = given


def _compile_something(tensorflow: Any, tensor: Any) -> None:
    """Compile a function; where nothing can be kept any more, it fails after the flags are read."""
    try:
        tensorflow.function(lambda x: -x, jit_compile=True, autograph=False)(tensor)
    except tensorflow.errors.OpError:
        if _Compiler.directory is None:
            raise


def _has_wide_vectors() -> bool:
    """Tell whether the processor is one of those (Ice Lake, Zen 4 and later); no if unknown."""
    try:
        return "avx512_vbmi2" in Path("/proc/cpuinfo").read_text()
    except OSError:  # not Linux
        return False


def internals() -> Any:
    """Return what kept programs use of TensorFlow that is not public."""
    names = {
        "context": _CONTEXT,
        "nest": "tensorflow.python.util.nest",
        "function_pb2": "tensorflow.core.framework.function_pb2",
    }
    return SimpleNamespace(**{name: importlib.import_module(m) for name, m in names.items()})


def is_known(tensorflow: Any) -> bool:
    """Tell whether this is a release of TensorFlow that was tried with more than its public API."""
    return bool(tensorflow.__version__.startswith(_KNOWS_XLA_FLAGS))


def kept_programs() -> Path | None:
    """Return the directory where programs are kept for later processes, or None."""
    return _Compiler.directory


def multiplies_small() -> bool:
    """Tell whether XLA multiplies small matrices by its own code: if our flags are in force."""
    return _Compiler.multiplies_small


def _import_environment(directory: Path | None = None) -> dict[str, str]:
    """Return what to set during the import; one of several workers keeps to its share of cores."""
    told, own = _THREADS
    threads = os.environ.get(told, "")
    environment = _IMPORT_ENVIRONMENT | ({own: threads} if threads.isdecimal() else {})
    if directory is not None:
        environment["TF_XLA_FLAGS"] = (
            f'--tf_xla_persistent_cache_directory="{directory}" '
            "--tf_xla_persistent_cache_device_types=CPU"
        )
    return environment


def check_not_forked() -> None:
    """Raise RuntimeError in a process that was forked after TensorFlow had run."""
    if _Fork.happened_after_tensorflow:
        raise RuntimeError(
            "fit and to_keras need TensorFlow, and this process was forked after TensorFlow had "
            "run in its parent, where they would hang. Start the workers with the 'spawn' or "
            "'forkserver' method, or use joblib's 'loky' or 'threading' backend. (predict works "
            "here.)"
        )


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


@contextmanager
def without_log_lines() -> Iterator[None]:
    """Hold back what is written to file descriptor 2, and drop TensorFlow's log lines from it.

    TensorFlow's libraries log before its log level is in force, from C++, so that neither the
    level nor `sys.stderr` can be used. All other lines are written once the block is over. One
    thread at a time does that.
    """
    with _STDERR_LOCK:
        yield from _hold_back()


def _hold_back() -> Iterator[None]:
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # no standard error: nothing to keep quiet
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            if sys.stderr is not None:
                sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            held.seek(0)
            for line in held.read().decode(errors="replace").splitlines(keepends=True):
                if not _LOG_LINE.match(line):
                    os.write(2, line.encode())
