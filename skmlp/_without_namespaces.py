"""Keeps the import of TensorFlow from importing what its public namespaces are made of.

TensorFlow imports all of them, such as ``tf.data``, ``tf.lite`` and ``tf.compat.v1``, which takes
half of the time and a third of the memory, and of which training needs one. Here they get
placeholders. When one of them is first used all are imported, so that from then on TensorFlow is as
if it had been imported whole.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_PACKAGE = "tensorflow._api.v2"

_USED = ("math",)
"""What training uses."""


class _Placeholder(ModuleType):
    """A namespace that has not been imported: to look for anything in it imports it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_import(self.__name__), name)


class _Placeholders(MetaPathFinder, Loader):
    """Finds a placeholder for each namespace, once, for the thread that has made it."""

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self.names: list[str] = []

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.rpartition(".")
        if package != _PACKAGE or name in (*_USED, *self.names) or not self._is_own_thread():
            return None
        spec = ModuleSpec(fullname, self)
        spec.submodule_search_locations = [os.path.join(entry, name) for entry in path or ()]
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        self.names.append(spec.name.rpartition(".")[-1])
        placeholder = _Placeholder(spec.name)
        placeholder.__path__ = spec.submodule_search_locations or []
        return placeholder

    def exec_module(self, module: ModuleType) -> None:
        """Leave it empty."""

    def _is_own_thread(self) -> bool:
        return threading.get_ident() == self._thread


@contextmanager
def without_namespaces(quietly: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    """Import TensorFlow without its namespaces in this thread, and let them be imported later.

    If TensorFlow has been imported before, nothing is changed.

    Parameters
    ----------
    quietly : callable
        Returns a context in which to import them later.
    """
    finder = _Placeholders()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        missing = [name for name in finder.names if _forget(name)]
        if missing and "tensorflow" in sys.modules:
            _defer(sys.modules["tensorflow"], missing, quietly)


def _forget(name: str) -> bool:
    """Remove a placeholder; tell whether there was one still, and the namespace is missing now."""
    fullname = f"{_PACKAGE}.{name}"
    if not isinstance(sys.modules.get(fullname), _Placeholder):
        return False
    del sys.modules[fullname]
    vars(sys.modules[_PACKAGE]).pop(name, None)
    return True


def _defer(
    tensorflow: ModuleType, names: list[str], quietly: Callable[[], AbstractContextManager[None]]
) -> None:
    """Have all these namespaces imported when one is first looked for."""
    whole, lock, found = type(tensorflow), threading.RLock(), dict[str, ModuleType]()

    class Deferring(whole):  # type: ignore[valid-type, misc]
        """TensorFlow, some of whose namespaces have not been imported."""

        def __getattr__(self, name: str) -> Any:
            if name not in names or _is_asked_by_tensorflow():
                raise AttributeError(f"module 'tensorflow' has no attribute {name!r}")
            with lock:
                if not found:
                    with quietly():
                        modules = {missing: _import(f"{_PACKAGE}.{missing}") for missing in names}
                    found.update(modules)
                    object.__setattr__(self, "__class__", whole)
                    self.__dict__.update(found)
            return found[name]

        def __setattr__(self, name: str, value: Any) -> None:
            # A package of the same name, such as `tensorflow.lite`, does not take its place.
            if name not in names or getattr(value, "__name__", None) != f"tensorflow.{name}":
                super().__setattr__(name, value)

        def __dir__(self) -> list[str]:
            return sorted({*super().__dir__(), *names})

        def __reduce__(self) -> tuple[Any, ...]:  # cloudpickle knows no class but ModuleType
            return import_module, (self.__name__,)

    for name in names:
        vars(tensorflow).pop(name, None)
    tensorflow.__class__ = Deferring


def _is_asked_by_tensorflow() -> bool:
    """Tell whether code of TensorFlow looks for a name: for a package of its own, in an import."""
    return sys._getframe(2).f_globals.get("__name__", "").startswith("tensorflow.")


def _import(fullname: str) -> ModuleType:
    if isinstance(sys.modules.get(fullname), _Placeholder):
        del sys.modules[fullname]
    return import_module(fullname)
