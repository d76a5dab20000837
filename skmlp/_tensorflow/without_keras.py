"""Imports TensorFlow without Keras, whose import takes 0.28 s (see README.md).

After the main thread has ended, h5py is left out too; TensorFlow works without it. A process would
crash at its end if a function that `atexit` calls imported h5py, as Python then never calls the
function that h5py registers with `atexit` (h5py 3.14 with Python 3.11 to 3.13).
"""

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


class _RefusedImport(Loader):
    """Lets TensorFlow find a package, as it asks where Keras is, but not import the package."""

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        raise ImportError(f"{spec.name} is left out of the import of TensorFlow", name=spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Never called."""


class _KerasFinder(MetaPathFinder):
    """Finds Keras with a loader that refuses the import, for the thread that made the finder."""

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
    """Import TensorFlow without Keras in this thread; ``tf.keras`` imports Keras when it is used.

    TensorFlow imports Keras in a ``try``, for things that Keras registers, and goes on without it.
    """
    finder = _KerasFinder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
