"""Settings that all tests share."""

import os
import tempfile
from importlib.util import find_spec

import hypothesis
import matplotlib
import pytest

from skmlp._engine import compiling, members_session, objective, session
from skmlp._engine.program_cache import MAX_PROGRAMS, ProgramCache
from skmlp._tensorflow.cache_directory import ENVIRONMENT_VARIABLE

pytest_plugins = ["tests.costs", "tests.scheduler"]

collect_ignore = [] if find_spec("dask") else ["skmlp/dask"]
"""The examples there need an extra that the README's command for the tests does not install."""

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


@pytest.fixture(autouse=True, scope="module")
def _programs(request):
    """Run the programs of a module with the marker `uncompiled` as graphs.

    They are cached apart: one that a test compares bit by bit has to be compiled.
    """
    if request.config.getoption("compiled") or not request.node.get_closest_marker("uncompiled"):
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiling, "_can_compile", lambda: False)
        for module in (members_session, objective, session):
            patch.setattr(module, "PROGRAMS", _UNCOMPILED)
        yield


@pytest.fixture(autouse=True)
def _compile_all_programs(monkeypatch):
    """Let each test compile its programs, however many the tests before it have compiled.

    One that runs uncompiled has other last bits than one that a test compares it with.
    """
    monkeypatch.setattr(compiling._Compiled, "count", 0)


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
    """Return where MNIST is, or skip."""
    path = os.environ.get("SKMLP_MNIST")
    if not path:
        pytest.skip("MNIST is needed: set SKMLP_MNIST to the path of mnist.npz")
    return path
