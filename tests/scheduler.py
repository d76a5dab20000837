"""The order of the tests, and the worker of pytest-xdist that runs each.

The tests of a file run on one worker: they share fitted models and compiled programs. Two workers
would make these twice. `conftest.py` names this plugin.
"""

import re

import pytest

SWEEPS = ("test_estimator_checks", "test_parity", "test_properties", "test_tabular_checks")
"""Files that compile most. They run last, in parts, so that no worker waits for another."""

_SWEEP = re.compile(rf"/({'|'.join(SWEEPS)})\.py::")


def scope_of(nodeid):
    """Return the name of the group of tests that one worker runs."""
    if not _SWEEP.search(nodeid):
        return nodeid.partition("::")[0]
    return nodeid.partition("-check_")[0]  # the checks of one estimator share programs


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their markers
def pytest_collection_modifyitems(items):
    """Put the sweeps last: they compile most programs, and a process can hold few."""
    items.sort(key=lambda item: item.path.stem in SWEEPS)
    for item in items:
        if item.get_closest_marker("tensorflow_internals"):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Replace xdist's default, which deals out single tests."""
    if config.option.dist != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return scope_of(nodeid)

    config.option.loadscopereorder = False  # keep our order: random, with the sweeps last
    return ByFile(config, log)
