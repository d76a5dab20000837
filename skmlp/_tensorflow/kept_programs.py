"""Keeps programs on disk for `skmlp._engine.compiling`.

TensorFlow keeps compiled code if its flag `tf_xla_persistent_cache_directory` is set during its
import, and finds the code by the name of a function. The flag and the names are private.
`named_functions` gives names that stay, and `cache_directory` looks after the files.

The flag holds for the process, so that TensorFlow also keeps functions that the user compiles.
"""

import importlib
import os
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from skmlp._tensorflow import cache_directory, flags, named_functions, quiet
from skmlp._tensorflow.forks import CONTEXT
from skmlp._tensorflow.releases import installed_release, is_on, why_off

_VARIABLE = "TF_XLA_FLAGS"

_CHANGES_CODE = re.compile(r"OMP_NUM_THREADS$|TF_(?!CPP_)")
"""Environment variables that may change compiled code: TensorFlow's, except those of its log."""


class _State:
    """The directory in which this process keeps programs, or the reason why it keeps none."""

    is_prepared = False
    directory: Path | None = None
    why_not: str | None = None


def prepare_directory() -> dict[str, str]:
    """Prepare the directory; return environment variables for the import of TensorFlow."""
    _State.is_prepared = True
    try:
        _State.why_not = _why_nobody_may()
        settings = _settings() if _State.why_not is None else None
        _State.directory = None if settings is None else cache_directory.prepare(settings)
    except cache_directory.CannotKeepError as error:
        _State.directory, _State.why_not = None, str(error)
    if _State.directory is None:
        return {}
    device = "--tf_xla_persistent_cache_device_types=CPU"
    return {_VARIABLE: f'--tf_xla_persistent_cache_directory="{_State.directory}" {device}'}


def note_too_late() -> None:
    """Note that TensorFlow has run before the first fit, and has read its flags."""
    _State.is_prepared, _State.directory = True, None
    _State.why_not = "TensorFlow had run before the first fit"


def directory() -> Path | None:
    """Return the directory that keeps programs for later processes, or None."""
    return _State.directory


def describe() -> str:
    """Return the directory of kept programs, or why there is none; change nothing on the disk."""
    if not _State.is_prepared:
        why_not = _why_nobody_may()
        try:
            return f"off: {why_not}" if why_not else str(cache_directory.locate(_settings()))
        except cache_directory.CannotKeepError as error:
            return f"off: {error}"
    return f"off: {_State.why_not}" if _State.directory is None else str(_State.directory)


def can_be_named() -> bool:
    """Tell whether we can choose the names of functions in this release."""
    return is_on("kept_programs")


def find(name: str) -> bytes | None:
    """Return the functions of a kept program, or None."""
    return None if _State.directory is None else cache_directory.find(_State.directory, name)


def keep(name: str, functions: bytes) -> None:
    """Keep the functions of a compiled program, if programs are kept."""
    if _State.directory is not None:
        cache_directory.keep(_State.directory, name, functions)


def forget(name: str) -> None:
    """Remove the functions of an unusable program."""
    if _State.directory is not None:
        cache_directory.forget(_State.directory, name)


def rename_functions(concrete: Any, name: str) -> bytes:
    """Return a traced function, and the functions it calls, under a given name as bytes."""
    return named_functions.rename_functions(_private_modules(), concrete, name)


def define(functions: bytes, structure: Any) -> Callable[..., Any]:
    """Register functions from `rename_functions` with TensorFlow; return the first function."""
    return named_functions.define(_private_modules(), functions, structure)


def without_log_lines() -> AbstractContextManager[None]:
    """Drop log lines of compiling and reading programs, if TensorFlow's log level does not."""
    return quiet.without_late_lines()


def _private_modules() -> SimpleNamespace:
    names = {
        "context": CONTEXT,
        "nest": "tensorflow.python.util.nest",
        "function_pb2": "tensorflow.core.framework.function_pb2",
    }
    return SimpleNamespace(**{name: importlib.import_module(m) for name, m in names.items()})


def _why_nobody_may() -> str | None:
    """Return why this process may keep no programs in any directory, or None if it may."""
    if (reason := why_off("kept_programs")) is not None:
        return reason
    # Before the import, the version of a distribution such as tensorflow-cpu is unknown.
    if installed_release() is None:
        return "no distribution named tensorflow is installed"
    return f"{_VARIABLE} is set by the user" if _VARIABLE in os.environ else None


def _settings() -> list[str]:
    """Return the settings that programs depend on, beside our sources and the machine."""
    given = [f"{name}={value}" for name, value in os.environ.items() if _CHANGES_CODE.match(name)]
    return [installed_release() or "", flags.all_flags(), *sorted(given)]
