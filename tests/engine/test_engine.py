"""Compiled programs: when another one is compiled, and that only speed depends on it."""

import re
import threading
from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_array

from skmlp import TFMLPClassifier, TFMLPRegressor
from skmlp._engine import capacity as _capacity
from skmlp._engine import compiling
from skmlp._engine import feed as _feed
from skmlp._engine import program_cache as _programs
from skmlp._engine import session as _engine
from skmlp._engine.blocks import take_rows
from skmlp._engine.feed import is_on_disk
from skmlp._engine.memory import aligned_zeros
from skmlp._engine.program_cache import ProgramCache, _round_up, round_up_batch
from skmlp._model.network import Architecture
from skmlp._program.spec import ProgramSpec
from tests.helpers import (
    assert_same_training,
    fit_quietly,
    load,
    paired_cases,
    run_python,
    sampled_cases,
)

pytestmark = pytest.mark.uncompiled  # but for one test of a kind

COUNT = """
import warnings
warnings.simplefilter("ignore")
from sklearn.datasets import load_digits, load_iris
from skmlp import TFMLPClassifier
X, y = load_digits(return_X_y=True)
X_iris, y_iris = load_iris(return_X_y=True)

def fit(n_samples=1500, X=X, y=y, X_val=None, y_val=None, **params):
    params = {"max_iter": 3, "random_state": 0, "hidden_layer_sizes": 10} | params
    before = compiled()
    clf = TFMLPClassifier(**params).fit(X[:n_samples], y[:n_samples], X_val=X_val, y_val=y_val)
    return clf, compiled() - before

assert fit()[1] == 1, "the first fit of a shape compiles"
for params in (
    {}, {"learning_rate_init": 0.01}, {"alpha": 0.0}, {"alpha": 1.0}, {"beta_1": 0.5},
    {"beta_2": 0.9}, {"epsilon": 0.1}, {"tol": 0.5}, {"n_iter_no_change": 1},
    {"random_state": 1}, {"max_iter": 1}, {"max_iter": 20}, {"shuffle": False},
    {"verbose": 1}, {"verbose": 2}, {"init": "truncated_normal"},
    {"n_samples": 1499}, {"n_samples": 1501}, {"n_samples": 1797}, {"n_samples": 201},
):
    assert fit(**params)[1] == 0, params
validated = fit(early_stopping=True)[1]
assert validated == 1, "validation is a part of the program, so another one, but only one"
for params in (
    {"early_stopping": True, "random_state": 1}, {"early_stopping": True, "n_samples": 1480},
    {"validation_fraction": 0.1}, {"validation_fraction": 151},
    {"early_stopping": True, "max_iter": 60, "n_iter_no_change": 2},
):
    assert fit(**params)[1] == 0, params
assert fit(X_val=X[1600:1750], y_val=y[1600:1750])[1] == 0
assert fit(early_stopping=True, max_iter=80)[0].n_iter_ > 10
# Full batches, whose rows are those of the samples.
assert fit(X=X_iris, y=y_iris, n_samples=150)[1] == 1
for n_samples in (149, 145, 140, 135):
    assert fit(X=X_iris, y=y_iris, n_samples=n_samples)[1] == 0, n_samples
# And what is static.
for params in (
    {"hidden_layer_sizes": 11}, {"activation": "tanh"}, {"batch_size": 50},
    {"class_weight": {0: 2.0}},
):
    assert fit(**params)[1] == 1, params
for params in ({"class_weight": {0: 3.0}}, {"class_weight": "balanced"}):
    assert fit(**params)[1] == 0, params
"""
"""Fits of which some make another program, by a function `compiled` that counts programs."""


def test_what_makes_another_program(monkeypatch):
    """Check the number of programs in the cache."""
    programs = ProgramCache(20)
    monkeypatch.setattr(_engine, "PROGRAMS", programs)
    exec(COUNT, {"compiled": lambda: len(programs)})
    assert len(programs) == 7


XLA_COUNTS = """
import os
from skmlp._tensorflow import loading
loading.load()  # compiles a module itself

def compiled():
    modules = {name.split(".")[0] for name in os.listdir(DUMP)}
    return len({name for name in modules if name.startswith("module_")})
"""


@pytest.mark.tensorflow_internals
def test_what_compiles_another_program(tmp_path):
    """Check XLA's own dump of what it compiles: one module a compilation."""
    code = XLA_COUNTS.replace("DUMP", repr(str(tmp_path))) + COUNT + "print('counted', compiled())"
    dump = f"--xla_dump_to={tmp_path} --xla_dump_hlo_as_text"
    done = run_python(code, XLA_FLAGS=dump, SKMLP_CACHE_DIR="")
    assert done.returncode == 0, done.stderr
    assert int(re.search(r"counted (\d+)", done.stdout)[1]) == 1 + 7


def test_a_validated_fit_runs_many_epochs_a_call(monkeypatch):
    """Check that one call runs many epochs, with validation after each."""
    calls = []
    run = _engine.TrainingSession.run

    def counted(session, orders, *args):
        calls.append(len(orders))
        return run(session, orders, *args)

    monkeypatch.setattr(_engine.TrainingSession, "run", counted)
    monkeypatch.setattr("skmlp._engine.pace.SECONDS_A_CALL", 60.0)  # even if the machine is busy
    X, y = load("iris")
    clf = TFMLPClassifier(max_iter=100, n_iter_no_change=100, early_stopping=True)
    fit_quietly(clf, X, y)
    assert len(clf.validation_scores_) == 100
    assert len(calls) < 20
    assert max(calls) >= 20


SPEC = ProgramSpec(
    Architecture((3, 2, 1), "relu", "binary_cross_entropy"),
    dtype="float64",
    solver="adam",
    is_weighted=False,
    batch_rows=10,
    block_batches=10,
    epochs=8,
    validation_batch_rows=1024,
    validation_rows=3000,
)


@pytest.fixture
def cache(monkeypatch):
    monkeypatch.setattr(_programs, "make_program", lambda tf, spec: object())
    return ProgramCache(3)


def test_cache_shares_programs_between_similar_sizes(cache):
    """Check sizes below, at and above the capacity of a program."""
    spec, program = cache.get(None, SPEC)
    assert spec.validation_rows >= 3000
    assert spec.validation_rows % 1024 == 0
    for rows in (2999, 3000, 3001, spec.validation_rows):
        assert cache.get(None, replace(SPEC, validation_rows=rows))[1] is program
    for rows in (spec.validation_rows + 1, 1100, 30_000):
        assert cache.get(None, replace(SPEC, validation_rows=rows))[1] is not program


@pytest.mark.parametrize(
    "change",
    [
        {"dtype": "float32"},
        {"solver": "sgd"},
        {"batch_rows": 11},
        {"block_batches": 9},
        {"is_weighted": True},
        {"validation_rows": 8, "validation_batch_rows": 8},
        {"validation_rows": 0, "validation_batch_rows": 0},
    ],
)
def test_cache_tells_programs_apart(cache, change):
    """Check the properties that are compiled into a program."""
    _, program = cache.get(None, SPEC)
    assert cache.get(None, replace(SPEC, **change))[1] is not program


def test_cache_is_bounded_and_drops_the_least_recently_used(cache):
    """Check which program is dropped."""
    specs = [replace(SPEC, batch_rows=n) for n in (1, 2, 3, 4)]
    programs = [cache.get(None, spec)[1] for spec in specs[:3]]
    assert cache.get(None, specs[0])[1] is programs[0]
    cache.get(None, specs[3])
    assert len(cache) == 3
    assert cache.get(None, specs[0])[1] is programs[0]
    assert cache.get(None, specs[1])[1] is not programs[1]


def test_cache_traces_once_for_many_threads(monkeypatch):
    """Check that threads that want the same program wait for one."""
    traced = []
    monkeypatch.setattr(_programs, "make_program", lambda tf, spec: traced.append(spec) or object())
    cache = ProgramCache(3)
    threads = [threading.Thread(target=cache.get, args=(None, SPEC)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(traced) == 1


@pytest.mark.compiled
def test_fits_in_threads_give_the_same_bits():
    """Check four fits at once against the same one alone."""
    X, y = load("digits")
    params = {"hidden_layer_sizes": (13,), "max_iter": 4, "random_state": 0}
    fits = [TFMLPClassifier(**params, tol=0.0) for _ in range(4)]
    import warnings

    with warnings.catch_warnings():  # filters hold for the whole process
        warnings.simplefilter("ignore")
        threads = [threading.Thread(target=clf.fit, args=(X, y)) for clf in fits]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    alone = fit_quietly(TFMLPClassifier(**params, tol=0.0), X, y)
    for clf in fits:
        np.testing.assert_array_equal(clf.coefs_[0], alone.coefs_[0])


@pytest.mark.parametrize(
    ("block_bytes", "solver"),
    sampled_cases([1, 2**15, 2**17], ["adam", "lbfgs"], n_compiled=1),
)
def test_bits_do_not_depend_on_the_size_of_blocks(monkeypatch, solver, block_bytes):
    """Check blocks of one batch, of some, and of many epochs, also for validation."""
    X, y = load("digits")
    params = {"random_state": 0, "max_iter": 5, "validation_fraction": 0.1, "solver": solver}
    expected = fit_quietly(TFMLPClassifier(**params), X, y)
    monkeypatch.setattr(_capacity, "_BLOCK_BYTES", block_bytes)
    clf = fit_quietly(TFMLPClassifier(**params), X, y)
    np.testing.assert_array_equal(clf.coefs_[0], expected.coefs_[0])
    assert clf.loss_curve_ == expected.loss_curve_
    assert clf.validation_loss_curve_ == expected.validation_loss_curve_


@pytest.mark.compiled
def test_bits_do_not_depend_on_the_capacity_of_the_program(monkeypatch):
    """Check a fit by a program with little and with much room for the validation set."""
    X, y = load("digits")
    params = {"random_state": 0, "max_iter": 3, "validation_fraction": 1100}
    params["hidden_layer_sizes"] = 13
    fits = []
    for rows in (1100, 2200):
        monkeypatch.setattr(_engine, "PROGRAMS", ProgramCache(4))
        monkeypatch.setattr(_programs, "_round_up", lambda n, rows=rows: rows)
        fits.append(fit_quietly(TFMLPClassifier(**params), X, y))
    np.testing.assert_array_equal(fits[0].coefs_[0], fits[1].coefs_[0])
    assert fits[0].validation_loss_curve_ == fits[1].validation_loss_curve_


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("estimator", "changed"),
    [
        (TFMLPClassifier, {"early_stopping": True}),
        (TFMLPClassifier, {"solver": "sgd", "dtype": "float32", "dropout": 0.2}),
        (TFMLPRegressor, {"weight_decay": 0.1, "learning_rate": "cosine"}),
    ],
)
def test_bits_do_not_depend_on_how_many_epochs_a_program_can_run(estimator, changed, monkeypatch):
    """Check an epoch by a program for one, and by a program that an earlier fit had for three."""
    X, y = load("digits")
    params = {"random_state": 0, "hidden_layer_sizes": 13} | changed
    fits = []
    for epochs in ([1], [3, 1]):
        programs = ProgramCache(4)
        monkeypatch.setattr(_engine, "PROGRAMS", programs)
        fits.append([fit_quietly(estimator(**params, max_iter=n), X, y) for n in epochs][-1])
        assert [spec.epochs > 1 for spec in programs._programs] == [len(epochs) > 1]
    np.testing.assert_array_equal(fits[0].coefs_[0], fits[1].coefs_[0])
    assert fits[0].loss_curve_ == fits[1].loss_curve_
    assert fits[0].validation_scores_ == fits[1].validation_scores_


@pytest.mark.parametrize(
    ("solver", "is_sparse", "early_stopping", "n_samples"),
    paired_cases(["adam", "sgd", "lbfgs"], [False, True], [False, True], [171, 569]),
)
def test_without_mappings_for_a_program_training_is_the_same(
    monkeypatch, solver, is_sparse, early_stopping, n_samples
):
    """Check a process that may compile no more, against scikit-learn."""
    monkeypatch.setattr(_engine, "PROGRAMS", ProgramCache(4))
    monkeypatch.setattr(compiling, "MAPPINGS_LEFT", 10**12)
    assert not compiling._can_compile()
    X, y = load("breast_cancer")
    X, y = X[:n_samples], y[:n_samples]
    X = csr_array(np.where(X > 0, X, 0)) if is_sparse else X
    params = {"random_state": 0, "early_stopping": early_stopping, "max_iter": 15}
    assert_same_training(X, y, solver=solver, atol=1e-9, **params)


@pytest.mark.parametrize("dtype", ["float32", pytest.param("float64", marks=pytest.mark.compiled)])
def test_bits_do_not_depend_on_the_length_of_calls(monkeypatch, dtype):
    """Check calls of one epoch, of many epochs, and of parts of an epoch."""
    X, y = load("digits")
    params = {"random_state": 0, "max_iter": 6, "batch_size": 30, "validation_fraction": 0.1}
    params |= {"dtype": dtype, "hidden_layer_sizes": (9, 7)}
    fits = []
    for seconds in (1e-9, 0.01, 10.0):
        monkeypatch.setattr("skmlp._engine.pace.SECONDS_A_CALL", seconds)
        fits.append(fit_quietly(TFMLPClassifier(**params), X, y))
    for fit in fits[1:]:
        np.testing.assert_array_equal(fit.coefs_[0], fits[0].coefs_[0])
        assert fit.loss_curve_ == fits[0].loss_curve_
        assert fit.validation_scores_ == fits[0].validation_scores_


def test_many_validation_samples_are_scored_in_blocks():
    """Check a validation set larger than a block against the fitted model itself."""
    from sklearn.metrics import log_loss

    X, y = load("digits")
    X_val, y_val = np.vstack([X, X])[:2500], np.hstack([y, y])[:2500]
    weight = np.random.RandomState(0).uniform(size=2500)
    clf = TFMLPClassifier(max_iter=2, random_state=0, hidden_layer_sizes=6)
    fit_quietly(clf, X[:500], y[:500], X_val=X_val, y_val=y_val, sample_weight_val=weight)
    proba = clf.predict_proba(X_val)
    expected = log_loss(y_val, proba, sample_weight=weight)
    assert clf.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-12)
    accuracy = clf.score(X_val, y_val, sample_weight=weight)
    assert clf.validation_scores_[-1] == pytest.approx(accuracy, rel=1e-12)


@pytest.mark.parametrize("n_rows", [1, 7, 8, 9, 100, 128, 129, 1000, 5000, 10**5, 10**7])
def test_capacities_are_enough_and_not_far_more(n_rows):
    """Check how rows and full batches are rounded up."""
    assert n_rows <= _round_up(n_rows) <= max(1.2 * n_rows, n_rows + 16)
    bound = 2 * n_rows if n_rows <= 128 else 1.25 * n_rows
    assert n_rows <= round_up_batch(n_rows) <= max(bound, 8)


def test_memory_of_blocks_is_aligned_and_zero():
    """Check the alignment that TensorFlow needs to read it without a copy."""
    for dtype in (np.uint8, np.float32, np.float64):
        array = aligned_zeros((5, 3), np.dtype(dtype))
        assert array.ctypes.data % 64 == 0
        assert array.dtype == dtype
        np.testing.assert_array_equal(array, np.zeros((5, 3)))


def _empty_of_nan(shape, dtype):
    array = aligned_zeros(shape, dtype)
    array.reshape(-1).view(np.uint8)[...] = 0xFF
    return array


@pytest.mark.parametrize(
    "params",
    [
        {"batch_size": 64},
        pytest.param({"batch_size": 100, "early_stopping": True}, marks=pytest.mark.compiled),
        {"batch_size": 569},
        {"batch_size": 33, "class_weight": {0: 0.0, 1: 0.3}},
        {"solver": "lbfgs"},
    ],
    ids=str,
)
def test_nothing_of_what_memory_held_before_is_read(monkeypatch, params):
    """Check fits whose blocks hold NaN before they are filled."""
    X, y = load("breast_cancer")
    params = {"hidden_layer_sizes": 5, "max_iter": 4, "random_state": 0} | params
    expected = fit_quietly(TFMLPClassifier(**params), X, y)
    monkeypatch.setattr(_feed, "aligned_empty", _empty_of_nan)
    clf = fit_quietly(TFMLPClassifier(**params), X, y)
    np.testing.assert_array_equal(clf.coefs_[0], expected.coefs_[0])
    assert clf.loss_ == expected.loss_


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_rows_are_copied_and_converted(order, dtype):
    """Check rows of arrays of several types and layouts, put into float32."""
    source = np.asarray(np.arange(12).reshape(4, 3), dtype=dtype, order=order)
    out = np.full((3, 2, 3), -1, np.float32)
    take_rows(source, np.array([[2, 0], [2, 1]]), out)
    np.testing.assert_array_equal(out[..., 0], [[6, 0], [6, 3], [-1, -1]])


def test_is_on_disk_sees_through_views(tmp_path):
    """Check a mapped file, views of the file, and arrays in memory."""
    np.save(tmp_path / "X.npy", np.zeros((4, 3)))
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert is_on_disk(X)
    assert is_on_disk(np.asarray(X)[1:])
    assert not is_on_disk(np.array(X))
    assert not is_on_disk(np.zeros(3)[1:])


@pytest.mark.compiled
def test_no_more_programs_are_compiled_than_are_kept(monkeypatch):
    """Check the limit on memory: TensorFlow never unloads a compiled program."""
    assert compiling._can_compile()
    monkeypatch.setattr(compiling._Compiled, "count", compiling.MAX_COMPILED)
    assert not compiling._can_compile()
