"""The memory of small fits, which is kept: what is in it, for whom, and for how long."""

import threading

import numpy as np
import pytest
from sklearn.neural_network import MLPRegressor

from skmlp import TFMLPClassifier, TFMLPRegressor
from skmlp._engine import arena as arenas
from skmlp._engine.form import form_of
from skmlp._engine.memory import aligned_zeros
from skmlp._model.network import Architecture
from skmlp._program.layout import layout_of, transpose_parameters
from skmlp._program.spec import ProgramSpec
from skmlp._tensorflow import loading
from tests.helpers import fit_quietly, load

F64 = np.dtype(np.float64)


def make_spec(*units):
    architecture = Architecture(units, "relu", "squared_error")
    return ProgramSpec(architecture, "float64", "adam", False, 8, 4, 1)


@pytest.fixture(autouse=True)
def _none_kept():
    arenas._KEPT.clear()


def numbers_of(estimator):
    return [*estimator.coefs_, *estimator.intercepts_, np.array(estimator.loss_curve_)]


def test_arrays_come_again_in_their_order():
    """Check that a second fit has the arrays of the first, with what was left in them."""
    tf, spec = loading.load(), make_spec(2, 3, 1)
    arena = arenas.borrow(tf, spec)
    first = [arena.take(aligned_zeros, shape, F64) for shape in ((2,), (3, 1))]
    first[1].array[...] = 7
    arenas.keep(spec, arena)
    again = arenas.borrow(tf, spec)
    assert [again.take(aligned_zeros, s, F64) for s in ((2,), (3, 1))] == first
    assert (first[1].tensor().numpy() == 7).all()


def test_an_arena_has_one_user():
    """Check that what was borrowed is not there for another one, nor for another program."""
    tf, spec = loading.load(), make_spec(2, 3, 1)
    arena = arenas.borrow(tf, spec)
    arenas.keep(spec, arena)
    assert arenas.borrow(tf, make_spec(2, 4, 1)) is not arena
    assert arenas.borrow(tf, spec) is arena
    assert arenas.borrow(tf, spec) is not arena


def test_few_arenas_are_kept():
    """Check that the last ones used stay."""
    tf = loading.load()
    specs = [make_spec(2, n, 1) for n in range(1, arenas.MAX_KEPT + 3)]
    for spec in specs:
        arenas.keep(spec, arenas.Arena(tf))
    assert list(arenas._KEPT) == specs[2:]


@pytest.mark.parametrize(
    ("params", "n_rows", "is_kept"),
    [
        ({}, 100, True),
        ({"early_stopping": True}, 100, False),
        ({"hidden_layer_sizes": 1000}, 100, False),
        ({}, 1700, False),
    ],
)
def test_only_the_memory_of_small_fits_is_kept(params, n_rows, is_kept):
    """Check fits with a validation set, with many weights, and of many rows."""
    X, y = load("digits")
    fit_quietly(TFMLPClassifier(max_iter=1, **params), X[:n_rows], y[:n_rows])
    assert bool(arenas._KEPT) == is_kept


def test_models_that_take_turns_are_what_they_are_alone():
    """Check the numbers of two models of one shape, by turns and one after the other."""
    X, y = load("digits")
    chunks = [(X[i : i + 30], y[i : i + 30].astype(float)) for i in range(0, 240, 30)]
    alone = [TFMLPRegressor(random_state=seed) for seed in (0, 1)]
    turns = [TFMLPRegressor(random_state=seed) for seed in (0, 1)]
    for model in alone:
        for chunk in chunks:
            model.partial_fit(*chunk)
    for chunk in chunks:
        for model in turns:
            model.partial_fit(*chunk)
    for ours, expected in zip(turns, alone, strict=True):
        for a, b in zip(numbers_of(ours), numbers_of(expected), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_later_fit_does_not_change_a_model():
    """Check weights, moments and the next step of a model, beside those of a copy."""
    X, y = load("digits")
    X, y = X[:60], y[:60].astype(float)
    model = TFMLPRegressor(random_state=0).partial_fit(X, y)
    before = [array.copy() for array in numbers_of(model)]
    slots = [[array.copy() for array in slot] for slot in model._optimizer.slots]
    TFMLPRegressor(random_state=1).partial_fit(-X, -y)
    for a, b in zip(numbers_of(model), before, strict=True):
        np.testing.assert_array_equal(a, b)
    for slot, kept in zip(model._optimizer.slots, slots, strict=True):
        for a, b in zip(slot, kept, strict=True):
            np.testing.assert_array_equal(a, b)


def test_weights_that_the_user_changes_are_those_that_train():
    """Check that the next step starts from them, as it does in scikit-learn."""
    X, y = load("digits")
    X, y = X[:60], y[:60].astype(float)
    both = [kind(random_state=0).partial_fit(X, y) for kind in (TFMLPRegressor, MLPRegressor)]
    for model in both:
        model.coefs_[0][...] = 0.01
        model.intercepts_[1] = np.array([3.0])
        model.partial_fit(X, y)
    for ours, theirs in zip(*map(numbers_of, both), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_fits_in_threads_have_arenas_of_their_own():
    """Check the numbers of models that train at the same time."""
    X, y = load("digits")
    X, y = X[:100], y[:100].astype(float)

    def train(model):
        for _ in range(20):
            model.partial_fit(X, y)

    models = [TFMLPRegressor(random_state=seed) for seed in range(4)]
    expected = [TFMLPRegressor(random_state=seed) for seed in range(4)]
    threads = [threading.Thread(target=train, args=(model,)) for model in models]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for model, other in zip(models, expected, strict=True):
        train(other)
        for a, b in zip(numbers_of(model), numbers_of(other), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("units", [(4, 3), (4, 100, 3), (64, 100, 10), (90, 100, 90, 2)])
def test_views_are_where_the_program_has_the_parameters(units):
    """Check them against the functions that the program itself splits by."""
    spec = make_spec(*units)
    rng = np.random.default_rng(0)
    joined = [rng.normal(size=shape) for shape in form_of(spec).shapes]
    arrays = layout_of(spec).split(joined, np.reshape)
    expected = transpose_parameters(spec, arrays, np.transpose)
    views = form_of(spec).views(joined)
    for view, array in zip(views, expected, strict=True):
        np.testing.assert_array_equal(view, array)
    views[0][...] = 0
    assert sum(int((part == 0).sum()) for part in joined) == views[0].size
