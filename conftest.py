"""Settings that all tests share."""

import os
import tempfile

import hypothesis
import matplotlib
import pytest

from skmlp._engine import compiling
from skmlp._tensorflow.cache_directory import ENVIRONMENT_VARIABLE

pytest_plugins = ["tests.costs"]

matplotlib.use("Agg")

hypothesis.settings.register_profile(
    "skmlp",
    deadline=None,  # the first example of a shape compiles a program
    derandomize=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("skmlp")


def pytest_configure(config):
    """Keep programs for this session only: nothing depends on an earlier one."""
    if not hasattr(config, "workerinput"):
        directory = tempfile.TemporaryDirectory(prefix="skmlp-programs-")
        os.environ[ENVIRONMENT_VARIABLE] = directory.name
        config.add_cleanup(directory.cleanup)


_SWEEPS = ("test_estimator_checks", "test_parity", "test_properties")


def pytest_collection_modifyitems(items):
    """Put the sweeps last: they compile most programs, and a process has room for so many only."""
    items.sort(key=lambda item: item.path.stem in _SWEEPS)


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
