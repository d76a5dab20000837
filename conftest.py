"""Settings that all tests share."""

import os
import tempfile
from importlib.util import find_spec

import hypothesis
import matplotlib
import pytest

from skmlp._engine import compiling, members_session, objective, session
from skmlp._engine.program_cache import MAX_PROGRAMS, PROGRAMS, ProgramCache
from skmlp._tensorflow.cache_directory import ENVIRONMENT_VARIABLE

pytest_plugins = ["tests.costs", "tests.scheduler"]

collect_ignore = [] if find_spec("dask") else ["skmlp/dask"]
"""Examples there need an extra that the README's test command does not install."""

matplotlib.use("Agg")

hypothesis.settings.register_profile(
    "skmlp",
    deadline=None,  # the first example of a shape compiles a program
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("skmlp")


def pytest_configure(config):
    """Keep programs in pytest's cache, for later sessions; `--cache-clear` removes them."""
    if hasattr(config, "workerinput"):
        return
    if config.pluginmanager.has_plugin("cacheprovider"):
        os.environ[ENVIRONMENT_VARIABLE] = str(config.cache.mkdir("skmlp-programs"))
    else:
        directory = tempfile.TemporaryDirectory(prefix="skmlp-programs-")
        os.environ[ENVIRONMENT_VARIABLE] = directory.name
        config.add_cleanup(directory.cleanup)


def pytest_addoption(parser):
    """Add the option with which CI runs the tests of `uncompiled` programs once more."""
    parser.addoption("--compiled", action="store_true", help="compile the programs of all tests")


_UNCOMPILED = ProgramCache(MAX_PROGRAMS)
_can_compile = compiling._can_compile


def _set_programs(patch, programs, can_compile):
    patch.setattr(compiling, "_can_compile", can_compile)
    for module in (members_session, objective, session):
        patch.setattr(module, "PROGRAMS", programs)


@pytest.fixture(autouse=True, scope="module")
def _programs(request):
    """Run the programs of a module with the marker `uncompiled` as graphs.

    They have a cache of their own, because a test that compares bits needs compiled programs.
    """
    if request.config.getoption("compiled") or not request.node.get_closest_marker("uncompiled"):
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        _set_programs(patch, _UNCOMPILED, lambda: False)
        yield


@pytest.fixture(autouse=True)
def _compile_all_programs(request, monkeypatch):
    """Let each test compile its programs, however many the tests before it have compiled.

    One that runs uncompiled has other last bits than one that a test compares it with. A test with
    the marker `compiled` compiles them, whatever its module does.
    """
    monkeypatch.setattr(compiling._Compiled, "count", 0)
    if request.node.get_closest_marker("compiled"):
        _set_programs(monkeypatch, PROGRAMS, _can_compile)


@pytest.fixture(autouse=True)
def _close_figures(monkeypatch):
    import matplotlib.pyplot as plt

    def show(*args, **kwargs):
        raise AssertionError("show was called")

    monkeypatch.setattr(plt, "show", show)
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def mnist_path():
    """Return the path of MNIST, or skip the test."""
    path = os.environ.get("SKMLP_MNIST")
    if not path:
        pytest.skip("MNIST is needed: set SKMLP_MNIST to the path of mnist.npz")
    return path
