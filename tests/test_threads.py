"""Helper threads: processes that can't start one, their errors, and that none is left."""

import threading
import weakref

import numpy as np
import pytest

from skmlp import TabularMLPClassifier, TFMLPClassifier
from skmlp._engine import capacity, compiling, feed
from skmlp._threads import Helper, share_work, start_helper
from skmlp._training import fit
from tests.helpers import fit_quietly, load, run_python


def helpers():
    return [thread for thread in threading.enumerate() if isinstance(thread, Helper)]


def fail_to_start(self):
    raise RuntimeError("can't create new thread at interpreter shutdown")


def fit_in_blocks(monkeypatch, **params):
    """Fit in small blocks; the next block is gathered while the program trains on one."""
    monkeypatch.setattr(capacity, "_BLOCK_BYTES", 2**15)
    monkeypatch.setattr(fit, "_ROWS_EVALUATED", 50)
    X, y = load("digits")
    params = {"hidden_layer_sizes": 7, "max_iter": 3, "random_state": 0} | params
    return fit_quietly(TFMLPClassifier(**params), X, y)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_fit_without_other_threads_has_the_same_bits(monkeypatch, solver):
    """Check a process without threads, as in `atexit` since Python 3.12."""
    called = []
    call = Helper.call
    monkeypatch.setattr(Helper, "call", lambda self, *args: called.append(1) or call(self, *args))
    expected = fit_in_blocks(monkeypatch, solver=solver)
    assert len(called) > 3
    monkeypatch.setattr(Helper, "start", fail_to_start)
    clf = fit_in_blocks(monkeypatch, solver=solver)
    np.testing.assert_array_equal(clf.coefs_[0], expected.coefs_[0])
    assert clf.loss_curve_ == expected.loss_curve_


def test_predictions_without_other_threads_are_the_same(monkeypatch):
    """Check networks for tables, which predict rows in several threads."""
    X, y = load("digits")
    clf = TabularMLPClassifier(hidden_layer_sizes=5, n_networks=2, max_iter=1).fit(X, y)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    expected = clf.predict_proba(X)
    monkeypatch.setattr(Helper, "start", fail_to_start)
    np.testing.assert_array_equal(clf.predict_proba(X), expected)


class GatherError(Exception):
    """A disk's error, raised in another thread."""


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("error", [GatherError, KeyboardInterrupt])
def test_an_error_of_another_thread_is_raised(monkeypatch, solver, error):
    """Check that the user gets the same error, and that the thread has ended."""

    def gather(*args):
        if isinstance(threading.current_thread(), Helper):
            raise error("from the disk")
        return real(*args)

    real = feed.gather
    monkeypatch.setattr(feed, "gather", gather)
    with pytest.raises(error, match="from the disk"):
        fit_in_blocks(monkeypatch, solver=solver)
    assert not helpers()


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("error", [GatherError, KeyboardInterrupt])
def test_no_thread_outlives_a_fit_that_fails(monkeypatch, solver, error):
    """Check an error of the program while another thread gathers."""
    may_end = threading.Event()

    def gather(*args):
        if isinstance(threading.current_thread(), Helper):
            assert may_end.wait(30)
        return real(*args)

    def fail(*args):
        assert helpers()
        threading.Timer(0.05, may_end.set).start()
        raise error("from the program")

    fit_in_blocks(monkeypatch, solver=solver)  # compiles
    real = feed.gather
    monkeypatch.setattr(feed, "gather", gather)
    monkeypatch.setattr(compiling.Program, "__call__", fail)
    with pytest.raises(error, match="from the program"):
        fit_in_blocks(monkeypatch, solver=solver)
    assert not helpers()


WHEN_ALL_IS_OVER = """
import warnings; warnings.simplefilter("ignore")
import threading
import numpy as np
from sklearn.datasets import load_digits
from skmlp import TabularMLPClassifier, TFMLPClassifier
from skmlp._engine import capacity
from skmlp._training import fit as training
X, y = load_digits(return_X_y=True)
capacity._BLOCK_BYTES, training._ROWS_EVALUATED = 2**15, 50  # so that threads gather

def fit():
    for solver in ("adam", "sgd", "lbfgs"):
        clf = TFMLPClassifier(5, solver=solver, max_iter=2, random_state=0).fit(X, y)
        print(solver, clf.loss_)
    clf = TFMLPClassifier(5, random_state=0)
    print("partial_fit", clf.partial_fit(X, y, classes=range(10)).partial_fit(X, y).loss_)
    clf = TabularMLPClassifier(5, n_networks=2, max_iter=1, random_state=0).fit(X, y)
    print("tables", clf.predict_proba(X).sum(axis=0))
"""


@pytest.mark.slow  # three processes, each with seven programs
def test_fits_when_the_main_thread_has_ended_are_as_before():
    """Check fits in a thread that goes on, and in `atexit`."""
    expected = run_python(WHEN_ALL_IS_OVER + "fit()")
    assert (expected.returncode, expected.stderr) == (0, "")
    assert expected.stdout.count("\n") >= 5
    in_thread = "\ndef late():\n    threading.main_thread().join()\n    fit()\n"
    in_thread += "threading.Thread(target=late).start()"
    for late in (in_thread, "\nimport atexit; atexit.register(fit)"):
        done = run_python(WHEN_ALL_IS_OVER + late)
        assert (done.returncode, done.stderr, done.stdout) == (0, "", expected.stdout)


@pytest.mark.parametrize("n_threads", [1, 2, 4])
@pytest.mark.parametrize("can_start", [True, False])
def test_shared_work_is_complete_and_in_order(monkeypatch, n_threads, can_start):
    if not can_start:
        monkeypatch.setattr(Helper, "start", fail_to_start)
    assert share_work(lambda n: n * n, range(100), n_threads) == [n * n for n in range(100)]
    assert share_work(abs, [], n_threads) == []


def test_all_threads_work_at_once():
    """Check items that wait for each other."""
    barrier = threading.Barrier(3)
    assert share_work(lambda n: barrier.wait(30) * 0 + n, range(3), 3) == [0, 1, 2]
    assert not helpers()


@pytest.mark.parametrize("fails_here", [True, False])
def test_an_error_ends_shared_work(fails_here):
    """Check errors of both threads; no further item is begun."""
    begun, both = [], threading.Barrier(2)

    def compute(n):
        begun.append(n)
        both.wait(30)
        if fails_here != isinstance(threading.current_thread(), Helper):
            raise GatherError(n)

    with pytest.raises(GatherError):
        share_work(compute, [0, 1], 2)
    assert sorted(begun) == [0, 1]
    assert not helpers()


def test_a_helper_has_the_settings_of_its_caller():
    """Check NumPy's setting for overflows, and that the error reaches the caller."""
    with np.errstate(over="raise"):
        helper = start_helper()
        helper.call(lambda: np.float32(1e38) * np.float32(10))
    with pytest.raises(FloatingPointError, match="overflow"):
        helper.finish()
    helper.finish()
    helper.end()


def test_a_helper_makes_several_calls():
    """Check calls after an error, and that the memory of a call is free before the next call."""
    helper, values = start_helper(), []
    for n in range(3):
        helper.call(values.append, n)
        helper.wait()
    helper.call(int, "no number")
    with pytest.raises(ValueError, match="no number"):
        helper.finish()
    array = np.zeros(3)
    freed = weakref.ref(array)
    helper.call(values.append, 3)
    helper.finish()
    helper.call(np.sum, array)
    helper.finish()
    del array
    assert freed() is None
    helper.end()
    assert values == [0, 1, 2, 3]
    assert not helper.is_alive()
