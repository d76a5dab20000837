"""When a test runs, and on which worker of pytest-xdist. A plugin, which `conftest.py` names.

The tests of a file stay together: they share fitted models and compiled programs, which two workers
would make twice.
"""

import re

import pytest

SWEEPS = ("test_estimator_checks", "test_parity", "test_properties", "test_tabular_checks")
"""Files that compile most, run last, and by parts, so that no worker waits for another."""

_SWEEP = re.compile(rf"/({'|'.join(SWEEPS)})\.py::")


def scope_of(nodeid):
    """Return the name of what is run by one worker."""
    if not _SWEEP.search(nodeid):
        return nodeid.partition("::")[0]
    return nodeid.partition("-check_")[0]  # the checks of one estimator share programs


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their markers
def pytest_collection_modifyitems(items):
    """Put the sweeps last: they compile most programs, and a process has room for so many only."""
    items.sort(key=lambda item: item.path.stem in SWEEPS)
    for item in items:
        if item.get_closest_marker("tensorflow_internals"):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Take the place of xdist's default, which deals tests out one by one."""
    if config.option.dist != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return scope_of(nodeid)

    config.option.loadscopereorder = False  # the order is random, but for the sweeps
    return ByFile(config, log)
