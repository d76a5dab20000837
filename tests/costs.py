"""What a session of tests costs: processor seconds, compiled programs and processes.

A pytest plugin, which `conftest.py` names. It prints a line at the end of a session, and with
`--costs` the costs of each file.
"""

import os
from collections import defaultdict

import pytest

from skmlp._engine import compiling

COSTS = ("seconds", "programs", "processes")

_counts = dict.fromkeys(COSTS, 0)
"""The number of programs that this process has compiled, and of processes it has started."""


def count(name):
    """Count a program or a process."""
    _counts[name] += 1


def _spent():
    """Return the costs of this process so far, with those of processes that it waited for."""
    return _counts | {"seconds": sum(os.times()[:4])}


def pytest_addoption(parser):
    parser.addoption("--costs", action="store_true", help="print what each file of tests costs")


def pytest_configure(config):
    config.pluginmanager.register(_Reporter(config.getoption("costs")))
    trace_program = compiling._trace_program

    def trace_and_count(tf, spec, compiles):
        if compiles:
            count("programs")
        return trace_program(tf, spec, compiles)

    compiling._trace_program = trace_and_count


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_setup(item):
    item.stash[_BEFORE] = _spent()
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item):
    try:
        return (yield)
    finally:
        after, before = _spent(), item.stash[_BEFORE]
        # The report of the teardown carries the costs to the process that prints.
        item.user_properties += [(f"cost: {name}", after[name] - before[name]) for name in COSTS]


_BEFORE = pytest.StashKey()


class _Reporter:
    """Adds up the costs of all tests, of all workers, and prints them."""

    def __init__(self, prints_files):
        self._prints_files = prints_files
        self._files = defaultdict(lambda: dict.fromkeys(COSTS, 0))

    def pytest_runtest_logreport(self, report):
        costs = self._files[report.nodeid.partition("::")[0]]
        for name, value in report.user_properties if report.when == "teardown" else ():
            if name.startswith("cost: "):
                costs[name.removeprefix("cost: ")] += value

    def pytest_terminal_summary(self, terminalreporter):
        terminalreporter.section("costs")
        rows = sorted(self._files.items(), key=lambda item: -item[1]["seconds"])
        for file, costs in rows if self._prints_files else ():
            terminalreporter.line(_line(costs) + f": {file}")
        total = {name: sum(costs[name] for costs in self._files.values()) for name in COSTS}
        terminalreporter.line(_line(total))


def _line(costs):
    return (
        f"{costs['seconds']:7.1f} processor seconds, {costs['programs']:4} compiled programs, "
        f"{costs['processes']:3} processes"
    )
