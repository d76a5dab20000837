"""Properties that hold for any data and any configuration."""

import copy
import pickle
import re
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning

from skmlp import TFMLPClassifier, TFMLPRegressor
from tests.helpers import fit_quietly

pytestmark = pytest.mark.uncompiled  # but for the bits of a seed

SHAPES = st.fixed_dictionaries(
    {
        "hidden_layer_sizes": st.sampled_from([(), (5,), (6, 3)]),
        "activation": st.sampled_from(["identity", "logistic", "tanh", "relu"]),
        "dtype": st.sampled_from([None, "float32"]),
        "solver": st.sampled_from(["adam", "sgd", "lbfgs"]),
        "early_stopping": st.booleans(),
        "n_classes": st.integers(2, 4),
    }
)
"""The parameters for which a program is compiled; all others are drawn freely."""

FEW_SHAPES = st.sampled_from(
    [
        dict(zip(("hidden_layer_sizes", "activation", "dtype", "solver"), shape, strict=True))
        | {"early_stopping": stop, "n_classes": n_classes}
        for shape, stop, n_classes in (
            (((5,), "relu", None, "adam"), False, 3),
            (((6, 3), "tanh", "float32", "adam"), True, 4),
            (((), "identity", None, "sgd"), True, 2),
            (((5,), "logistic", "float32", "sgd"), False, 4),
            (((6, 3), "relu", None, "lbfgs"), False, 2),
            (((5,), "tanh", "float32", "lbfgs"), True, 3),
        )
    ]
)
"""The choices for the fast tests, so that few programs are compiled."""
REST = st.fixed_dictionaries(
    {
        "alpha": st.floats(0, 10),
        "learning_rate_init": st.floats(1e-5, 0.1),
        "learning_rate": st.sampled_from(["constant", "invscaling", "adaptive"]),
        "power_t": st.floats(0, 1),
        "momentum": st.floats(0, 0.9),
        "nesterovs_momentum": st.booleans(),
        "scoring": st.sampled_from([None, "loss"]),
        "beta_1": st.floats(0, 0.99),
        "beta_2": st.floats(0, 0.999),
        "tol": st.floats(0, 0.1),
        "n_iter_no_change": st.integers(1, 5),
        "max_iter": st.integers(1, 15),
        "shuffle": st.booleans(),
        "init": st.sampled_from(["glorot_uniform", "truncated_normal"]),
        "random_state": st.integers(0, 2**32 - 1),
    }
)
shapes = pytest.mark.parametrize(
    "shapes",
    [
        pytest.param(FEW_SHAPES, id="few shapes"),
        pytest.param(SHAPES, id="all shapes", marks=pytest.mark.slow),
    ],
)
WEIGHTS = st.sampled_from([None, "balanced", {0: 2.0, 1: 0.5}])


@st.composite
def problems(draw, n_classes=None):
    """Draw features of any scale, and labels of 2 to 4 classes."""
    rng = np.random.RandomState(draw(st.integers(0, 10**6)))
    n_samples = draw(st.integers(36, 60))
    n_classes = n_classes or draw(st.integers(2, 4))
    X = rng.normal(size=(n_samples, 3)) * 10.0 ** draw(st.integers(-3, 3))
    return X, np.arange(n_samples) % n_classes


@st.composite
def fits(draw, shapes):
    """Draw data, and a configuration."""
    shape = dict(draw(shapes))
    return draw(problems(shape.pop("n_classes"))), shape | draw(REST)


def fit_unless_it_diverges(estimator, X, y):
    """Fit; skip the example if SGD with a large rate ends in weights that are not finite."""
    try:
        return fit_quietly(estimator, X, y)
    except ValueError as error:
        assume("non-finite parameter weights" not in str(error))
        raise


@shapes
@settings(max_examples=20)
@given(data=st.data(), class_weight=WEIGHTS)
def test_predictions_are_consistent(shapes, data, class_weight):
    """Check probabilities, their argmax, the curves, and copies of the fitted estimator."""
    (X, y), configuration = data.draw(fits(shapes))
    clf = TFMLPClassifier(class_weight=class_weight, **configuration)
    clf = fit_unless_it_diverges(clf, X, y)
    proba = clf.predict_proba(X)
    assert np.isfinite(proba).all()
    assert ((proba >= 0) & (proba <= 1)).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[proba.argmax(axis=1)])
    assert len(clf.loss_curve_) == clf.n_iter_ <= clf.max_iter
    assert np.isfinite(clf.loss_curve_).all()
    for other in (pickle.loads(pickle.dumps(clf)), copy.deepcopy(clf)):
        np.testing.assert_array_equal(other.predict_proba(X), proba)


@shapes
@settings(max_examples=12)
@given(data=st.data())
def test_predicted_numbers_are_consistent(shapes, data):
    """Check shapes, the sign with the Poisson loss, the curves, and copies of the regressor."""
    (X, y), configuration = data.draw(fits(shapes))
    loss = "poisson" if configuration["early_stopping"] else "squared_error"
    X = X / np.abs(X).max()
    reg = fit_unless_it_diverges(TFMLPRegressor(loss, **configuration), X, y)
    predicted = reg.predict(X)
    assert predicted.shape == y.shape
    assert np.isfinite(predicted).all()
    assert loss != "poisson" or (predicted >= 0).all()
    assert len(reg.loss_curve_) == reg.n_iter_ <= reg.max_iter
    for other in (pickle.loads(pickle.dumps(reg)), copy.deepcopy(reg)):
        np.testing.assert_array_equal(other.predict(X), predicted)
    column = TFMLPRegressor(loss, **configuration)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        column.fit(X, y[:, np.newaxis])
    assert any(issubclass(w.category, DataConversionWarning) for w in caught)
    np.testing.assert_array_equal(column.predict(X), predicted)


@pytest.mark.compiled
@shapes
@settings(max_examples=10)
@given(data=st.data(), estimator=st.sampled_from([TFMLPClassifier, TFMLPRegressor]))
def test_the_same_seed_gives_the_same_bits(shapes, data, estimator):
    """Check a second fit of the object, a clone, and another object with set_params."""
    (X, y), configuration = data.draw(fits(shapes))
    clf = fit_unless_it_diverges(estimator(**configuration), X, y)
    coefs = [coef.copy() for coef in clf.coefs_]
    others = [clf, clone(clf), estimator(alpha=7.0).set_params(**configuration)]
    for other in others:
        fit_quietly(other, X, y)
        for actual, expected in zip(other.coefs_, coefs, strict=True):
            np.testing.assert_array_equal(actual, expected)


@shapes
@settings(max_examples=10)
@given(
    data=st.data(),
    seed=st.integers(0, 1000),
    estimator=st.sampled_from([TFMLPClassifier, TFMLPRegressor]),
)
def test_integer_weights_are_repetitions(shapes, data, seed, estimator):
    """Check full-batch training, where the order of the samples does not matter."""
    shape = data.draw(shapes)
    activation, solver = shape["activation"], shape["solver"]
    X, y = data.draw(problems(shape["n_classes"]))
    X = X / np.abs(X).max()
    weight = np.random.RandomState(seed).randint(0, 4, size=len(X))
    weight[:8] += 1  # all classes have some weight
    params = {"hidden_layer_sizes": (5,), "activation": activation, "random_state": seed}
    params |= {"batch_size": 500, "max_iter": 10, "shuffle": False, "learning_rate_init": 0.01}
    params["solver"] = solver
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ignored: batch_size is clipped, max_iter is reached
        weighted = estimator(**params).fit(X, y, sample_weight=weight)
        repeated = estimator(**params).fit(X.repeat(weight, axis=0), y.repeat(weight))
    np.testing.assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=0, atol=1e-9)
    outputs = [
        est.predict_proba(X) if hasattr(est, "classes_") else est.predict(X)
        for est in (weighted, repeated)
    ]
    np.testing.assert_allclose(*outputs, rtol=0, atol=1e-8)


@settings(max_examples=10)
@given(problem=problems(), permutation=st.permutations(range(3)))
def test_permuted_features_with_permuted_weights_change_nothing(problem, permutation):
    """Check a warm start from weights whose rows are in the order of the columns."""
    X, y = problem
    X = X / np.abs(X).max()
    params = {"hidden_layer_sizes": (5,), "random_state": 0, "max_iter": 5, "warm_start": True}
    start = fit_quietly(TFMLPClassifier(**params), X, y)
    permuted = copy.deepcopy(start)
    permuted.coefs_[0] = permuted.coefs_[0][list(permutation)]
    fit_quietly(start, X, y)
    fit_quietly(permuted, X[:, permutation], y)
    np.testing.assert_allclose(
        permuted.predict_proba(X[:, permutation]), start.predict_proba(X), rtol=0, atol=1e-9
    )


ANYTHING = st.one_of(
    st.none(),
    st.integers(-3, 3),
    st.floats(),
    st.text(max_size=3),
    st.lists(st.one_of(st.floats(), st.text(max_size=2), st.none()), max_size=4),
    st.lists(st.lists(st.one_of(st.floats(), st.text(max_size=2)), max_size=3), max_size=4),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)


EITHER = st.sampled_from([TFMLPClassifier, TFMLPRegressor])


@settings(max_examples=150)
@given(X=ANYTHING, y=ANYTHING, sample_weight=ANYTHING, estimator=EITHER)
def test_invalid_data_raises_an_error_of_its_kind(X, y, sample_weight, estimator):
    """Check that any data is fitted, or raises a ValueError or a TypeError."""
    clf = estimator(hidden_layer_sizes=(), max_iter=1)
    message = error_of(clf, X, y, sample_weight=sample_weight)
    assert_names_culprit(clf, message, "X|y|sample_weight")


@settings(max_examples=150)
@given(X=ANYTHING, y=ANYTHING, sample_weight=ANYTHING, classes=ANYTHING)
def test_invalid_chunks_raise_an_error_of_their_kind(X, y, sample_weight, classes):
    """Check partial_fit in the same way."""
    clf = TFMLPClassifier(hidden_layer_sizes=())
    message = error_of(
        clf, X, y, method="partial_fit", sample_weight=sample_weight, classes=classes
    )
    assert_names_culprit(clf, message, "X|y|sample_weight|classes")


@settings(max_examples=150)
@given(X_val=ANYTHING, y_val=ANYTHING, sample_weight_val=ANYTHING, estimator=EITHER)
def test_invalid_validation_sets_raise_an_error_that_names_them(
    X_val, y_val, sample_weight_val, estimator
):
    """Check that the message says which of the arrays is wrong."""
    validation = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
    assume(any(value is not None for value in validation.values()))
    X, y = np.random.RandomState(0).normal(size=(20, 3)), np.arange(20) % 2
    clf = estimator(hidden_layer_sizes=(), max_iter=1)
    assert "_val" in error_of(clf, X, y, **validation)


def assert_names_culprit(clf, message, names):
    """Check that an error contains one of the names, and that it changed nothing."""
    if message is None:
        assert hasattr(clf, "coefs_")
    else:
        assert re.search(rf"\b({names})\b", message), message
        assert vars(clf) == clf.get_params()


def error_of(clf, X, y, method="fit", **fit_params):
    """Return the message of the ValueError or TypeError of a fit, or None if the fit succeeds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            getattr(clf, method)(X, y, **fit_params)
        except (ValueError, TypeError) as error:
            return str(error)
    return None
