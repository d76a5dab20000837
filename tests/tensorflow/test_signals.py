"""Signals: Ctrl-C waits for the import of TensorFlow, and every handler stays as it was."""

import signal
import subprocess
import sys
import threading

import pytest

from skmlp._tensorflow.signals import held_back


@pytest.fixture(autouse=True)
def _ctrl_c_raises():
    """Let Ctrl-C raise, even if a shell started the tests in the background."""
    set_handler = signal.signal  # a test replaces this handler
    found = set_handler(signal.SIGINT, signal.default_int_handler)
    yield
    set_handler(signal.SIGINT, found)


@pytest.fixture
def handlers(monkeypatch):
    """Return handlers of some signals, by number; they record their calls."""
    calls = []

    def handle_first(number, frame):
        calls.append((number, frame.f_code.co_name))
        raise TimeoutError("too long")

    def handle_second(number, frame):
        calls.append((number, frame.f_code.co_name))

    found = {number: signal.getsignal(number) for number in (signal.SIGUSR1, signal.SIGUSR2)}
    signal.signal(signal.SIGUSR1, handle_first)
    signal.signal(signal.SIGUSR2, handle_second)
    yield calls, handle_first, handle_second
    for number, handler in found.items():
        signal.signal(number, handler)


def current():
    return {number: signal.getsignal(number) for number in signal.valid_signals()}


def send(*numbers, error=None):
    """Send signals within a block that has to complete."""
    done = []
    try:
        with held_back():
            for number in numbers:
                signal.raise_signal(number)
                done.append(number)
            if error is not None:
                raise error
    finally:
        assert done == list(numbers)


def test_ctrl_c_is_raised_after_the_block():
    """Check that the whole block runs, and that the handler is restored."""
    before = current()
    with pytest.raises(KeyboardInterrupt):
        send(*[signal.SIGINT] * 3)
    assert current() == before


def test_handlers_of_the_user_are_called_late(handlers):
    """Check one call each, with the frame of the signal, though the first raises."""
    calls, *_ = handlers
    before = current()
    with pytest.raises(TimeoutError, match="too long"):
        send(*[signal.SIGUSR1, signal.SIGUSR2] * 2)
    assert calls == [(signal.SIGUSR1, "send"), (signal.SIGUSR2, "send")]
    assert current() == before


def test_blocks_may_be_nested(handlers):
    calls, *_ = handlers
    with held_back():
        with held_back():
            signal.raise_signal(signal.SIGUSR2)
        assert calls == []
    assert len(calls) == 1


def test_an_error_of_the_block_is_raised():
    """Check an error alone, and an error together with Ctrl-C."""
    with pytest.raises(ImportError, match="of TensorFlow"):
        send(error=ImportError("of TensorFlow"))
    with pytest.raises(KeyboardInterrupt) as caught:
        send(signal.SIGINT, error=ImportError("of TensorFlow"))
    assert isinstance(caught.value.__context__, ImportError)


def test_a_handler_that_is_set_meanwhile_stays(handlers):
    _, first, second = handlers
    with held_back():
        signal.signal(signal.SIGUSR1, second)
    assert signal.getsignal(signal.SIGUSR1) is second
    assert first is not second


def test_signals_without_a_handler_in_python_are_left_alone():
    """Check signals that end the process, and ignored signals."""
    before = {number: found for number, found in current().items() if not callable(found)}
    assert signal.SIG_DFL in before.values()
    with held_back():
        assert {number: current()[number] for number in before} == before


def test_other_threads_change_nothing():
    """Check a block in another thread, where Python never calls handlers."""
    before, within = current(), []

    def block():
        with held_back():
            within.append(current())

    thread = threading.Thread(target=block)
    thread.start()
    thread.join()
    assert within == [before]


def test_an_interpreter_that_is_not_the_main_one_goes_without(monkeypatch):
    """Check Python's error when it can't set a handler."""

    def fail(*args):
        raise ValueError("signal only works in main thread of the main interpreter")

    monkeypatch.setattr(signal, "signal", fail)
    with held_back():
        has_run = True
    assert has_run


INTERRUPTED = """
import os, signal, sys, warnings
from importlib.abc import MetaPathFinder
import numpy as np
from skmlp import TFMLPClassifier

HANDLER

class Finder(MetaPathFinder):
    seen = 0

    def find_spec(self, name, path, target=None):
        if name.startswith("tensorflow"):
            Finder.seen += 1
            if Finder.seen in (1, 50, 200, 500, 800):
                print("now", flush=True)
                sys.stdin.readline()  # the signal was sent

warnings.simplefilter("ignore")
sys.meta_path.insert(0, Finder())
before = signal.getsignal(signal.SIGINT)
X, y = np.random.RandomState(0).normal(size=(50, 3)), np.arange(50) % 3
clf = TFMLPClassifier(hidden_layer_sizes=5, max_iter=3, random_state=0)
try:
    clf.fit(X, y)
except KeyboardInterrupt:
    print("interrupted", hasattr(clf, "coefs_"))
assert signal.getsignal(signal.SIGINT) is before
clf.fit(X, y)
print("done", clf.n_iter_, Finder.seen > 800)
"""


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        ("", "interrupted False"),
        pytest.param(
            "signal.signal(signal.SIGINT, lambda *args: print('handled'))",
            "handled",
            marks=pytest.mark.tensorflow_internals,
        ),
    ],
)
def test_a_fit_works_after_ctrl_c_during_the_import(handler, expected):
    """Check a signal at several moments of a process's first fit."""
    code = INTERRUPTED.replace("HANDLER", handler)
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if lines[-1] == "now":
                process.send_signal(signal.SIGINT)
                process.stdin.write("sent\n")
                process.stdin.flush()
        assert process.stderr.read() == ""
    assert process.returncode == 0
    assert lines == [*["now"] * 5, expected, "done 3 True"]
