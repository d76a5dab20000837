"""Keeps the import of TensorFlow from importing JAX too, which takes half a second.

TensorFlow Lite imports ``jax.jit`` where JAX is installed, for its converter of functions of JAX
alone. Here the converter gets it when it is first used.
"""

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.util import find_spec
from types import ModuleType
from typing import Any

_USERS = ("tensorflow.lite.python.util", "tensorflow.lite.python.lite")


class _Refusal(MetaPathFinder):
    """Finds no JAX for the thread that has made it; other threads can import it meanwhile."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        if fullname == "jax" and threading.get_ident() == self._thread:
            raise ModuleNotFoundError("JAX is not imported with TensorFlow.", name=fullname)


@contextmanager
def without_jax() -> Iterator[None]:
    """Do not import JAX in this thread, and let TensorFlow Lite import it later."""
    if "jax" in sys.modules or find_spec("jax") is None:
        yield
        return
    refusal = _Refusal()
    sys.meta_path.insert(0, refusal)
    try:
        yield
    finally:
        sys.meta_path.remove(refusal)
        for name in _USERS:
            if getattr(sys.modules.get(name), "_jit", True) is None:
                sys.modules[name]._jit = _jit  # type: ignore[attr-defined]


def _jit(*args: Any, **kwargs: Any) -> Any:
    return import_module("jax").jit(*args, **kwargs)
