"""Keeps the import of TensorFlow from importing Keras too, which takes as long again.

After the main thread has ended it leaves h5py out too, which TensorFlow does without: a process
crashes at its end if h5py was imported in a function that `atexit` calls. The function that h5py
itself registers there is then never called (h5py 3.14 with Python 3.11 to 3.13).
"""

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


class _RefusedImport(Loader):
    """Lets a package be found, as TensorFlow asks where Keras is, but not imported."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        raise ImportError(f"{spec.name} is left out of the import of TensorFlow", name=spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Never called."""


class _KerasFinder(MetaPathFinder):
    """Finds Keras, for the thread that has made it, so that it is not imported."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._names = {"keras", "tf_keras"}
        if not threading.main_thread().is_alive():
            self._names.add("h5py")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self._names or threading.get_ident() != self._thread:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None:
            spec.loader = _RefusedImport()
        return spec


@contextmanager
def without_keras() -> Iterator[None]:
    """Have this thread import TensorFlow without Keras; ``tf.keras`` imports it when it is used.

    TensorFlow, which imports Keras for what it registers, goes on if it cannot be imported.
    """
    finder = _KerasFinder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
