"""Has the public namespaces of TensorFlow executed when one is first used, not when it is imported.

TensorFlow imports all of them, such as ``tf.data``, ``tf.lite`` and ``tf.compat.v1``, which takes
a quarter of the time and a tenth of the memory; training needs two. It is what
`importlib.util.LazyLoader` does for one module, in which threads can meet before Python 3.12.
"""

import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, ClassVar, cast

_PACKAGE = "tensorflow._api.v2"

_AT_ONCE = {
    "distribute",  # past which TensorFlow imports from a package of the same name
    "experimental",  # which has operators registered that must come before others; training uses it
    "math",  # which training uses
}

_LOCK = threading.RLock()
"""Held while namespaces are executed."""

if hasattr(os, "register_at_fork"):  # a child must not find it held by a thread it does not have
    os.register_at_fork(
        before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release
    )


class _State:
    """What has to be known of the namespaces of a process."""

    waiting: ClassVar[dict[ModuleType, Loader]] = {}  # those that have not been executed
    one_by_one = False  # whether one is executed without the others


class _LazyNamespace(ModuleType):
    """A module that is executed when anything is looked for in it, and then is a plain module."""

    _OF_THE_IMPORT = frozenset(
        ("__class__", "__name__", "__spec__", "__loader__", "__package__", "__file__", "__cached__")
        + ("__path__", "__reduce_ex__", "__warningregistry__")
    )
    """What is looked for, in all modules, by those that do not mean to use them.

    While a thread imports a module below a namespace it must not wait for one that executes it.
    """

    def __getattribute__(self, name: str) -> Any:
        if name not in _LazyNamespace._OF_THE_IMPORT:
            _execute(self)
        return ModuleType.__getattribute__(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        binds = isinstance(value, ModuleType) and value.__name__ == f"{self.__name__}.{name}"
        if name not in _LazyNamespace._OF_THE_IMPORT and not binds:
            _execute(self)
        ModuleType.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        _execute(self)
        ModuleType.__delattr__(self, name)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:  # as cloudpickle does with modules
        return import_module, (self.__name__,)


class _LazyFinder(MetaPathFinder):
    """Finds the namespaces as others do, and has them wait."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.rpartition(".")
        if package != _PACKAGE or name in _AT_ONCE:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _LazyLoader(spec.loader)
        return spec


class _LazyLoader(Loader):
    """Makes a lazy namespace of what another loader loads."""

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__loader__ = cast(ModuleSpec, module.__spec__).loader = self._loader
        _import_package_of_its_name(module.__name__.rpartition(".")[-1])
        _State.waiting[module] = self._loader
        module.__class__ = _LazyNamespace


def _import_package_of_its_name(name: str) -> None:
    """Import ``tensorflow.lite`` for the namespace ``tf.lite``, in whose place it would come later.

    Python binds a package to its parent once, when it is imported first; these have little in them.
    """
    if PathFinder.find_spec(f"tensorflow.{name}", sys.modules["tensorflow"].__path__) is not None:
        import_module(f"tensorflow.{name}")


@contextmanager
def lazy_namespaces() -> Iterator[None]:
    """Import TensorFlow with namespaces that are executed when they are used.

    During the import one alone is, for what TensorFlow uses itself. Afterwards the first use
    executes all, as some register what others need. If TensorFlow has been imported before,
    nothing is changed.
    """
    finder = _LazyFinder()
    sys.meta_path.insert(0, finder)
    _State.one_by_one = True
    try:
        yield
    finally:
        _State.one_by_one = False
        sys.meta_path.remove(finder)


def _execute(module: ModuleType) -> None:
    """Execute a lazy namespace, unless this thread is about it or another one was first."""
    with _LOCK:
        if type(module) is not _LazyNamespace:
            return
        if _State.one_by_one:
            _execute_one(module)
            return
        _State.one_by_one = True
        try:
            _execute_one(module)
            _execute_others()
        finally:
            _State.one_by_one = False


def _execute_others() -> None:
    for module in list(_State.waiting):
        with suppress(Exception):  # which is raised when that one is used
            _execute_one(module)


def _execute_one(module: ModuleType) -> None:
    loader = _State.waiting.pop(module, None)
    if loader is None:
        return
    try:
        loader.exec_module(module)
    except BaseException:
        _State.waiting[module] = loader
        raise
    object.__setattr__(module, "__class__", ModuleType)
