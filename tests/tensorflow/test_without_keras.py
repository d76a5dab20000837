"""An import without Keras: for whom Keras is hidden, and that TensorFlow still finds it."""

import sys
import threading
from importlib import import_module
from importlib.util import find_spec
from types import SimpleNamespace

import pytest

from skmlp._tensorflow.without_keras import without_keras

PACKAGES = ["keras", "tf_keras"]


@pytest.fixture(params=PACKAGES)
def package(request, tmp_path, monkeypatch):
    """Return the name of a package in place of Keras; the package is not imported."""
    (tmp_path / request.param).mkdir()
    (tmp_path / request.param / "__init__.py").write_text("here = True")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == request.param]:
        monkeypatch.delitem(sys.modules, name)
    yield request.param
    sys.modules.pop(request.param, None)


def test_it_is_found_but_not_imported(package):
    with without_keras():
        assert find_spec(package).origin == find_spec(package).submodule_search_locations[0] + (
            "/__init__.py"
        )
        with pytest.raises(ImportError, match=f"{package} is left out"):
            import_module(f"{package}.layers")
        assert package not in sys.modules
    assert import_module(package).here


def test_it_stays_if_it_has_been_imported(package):
    module = import_module(package)
    with without_keras():
        assert import_module(package) is module


def test_other_threads_can_import_it(package):
    found = []
    with without_keras():
        thread = threading.Thread(target=lambda: found.append(import_module(package)))
        thread.start()
        thread.join()
    assert found[0].here


def test_it_can_be_missing(monkeypatch):
    """Check that the error is the same if Keras is not installed."""
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "tf_keras", raising=False)
    with without_keras():
        assert find_spec("tf_keras") is None


@pytest.mark.parametrize("is_alive", [True, False])
def test_h5py_is_left_out_when_the_main_thread_has_ended(is_alive, monkeypatch):
    """Check a first import of h5py, which could crash the process's end."""
    found = find_spec("h5py")
    monkeypatch.delitem(sys.modules, "h5py", raising=False)
    thread = SimpleNamespace(is_alive=lambda: is_alive)
    monkeypatch.setattr(threading, "main_thread", lambda: thread)
    with without_keras():
        spec = find_spec("h5py")
        assert spec.origin == found.origin
        assert (type(spec.loader) is type(found.loader)) == is_alive
    assert type(find_spec("h5py").loader) is type(found.loader)
