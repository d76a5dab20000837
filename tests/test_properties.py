"""What holds for any data and any configuration."""

import copy
import pickle
import warnings

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from skmlp import TFMLPClassifier
from tests.helpers import fit_quietly

# Few shapes, so that few programs are compiled; what is not static is drawn freely.
SHAPES = st.fixed_dictionaries(
    {
        "hidden_layer_sizes": st.sampled_from([(), (5,), (6, 3)]),
        "activation": st.sampled_from(["identity", "logistic", "tanh", "relu"]),
        "dtype": st.sampled_from([None, "float32"]),
    }
)
REST = st.fixed_dictionaries(
    {
        "alpha": st.floats(0, 10),
        "learning_rate_init": st.floats(1e-5, 0.1),
        "beta_1": st.floats(0, 0.99),
        "beta_2": st.floats(0, 0.999),
        "tol": st.floats(0, 0.1),
        "n_iter_no_change": st.integers(1, 5),
        "max_iter": st.integers(1, 15),
        "shuffle": st.booleans(),
        "early_stopping": st.booleans(),
        "init": st.sampled_from(["glorot_uniform", "truncated_normal"]),
        "random_state": st.integers(0, 2**32 - 1),
    }
)
CONFIGURATIONS = st.builds(lambda shapes, rest: shapes | rest, SHAPES, REST)


@st.composite
def problems(draw):
    """Draw features of any scale, and labels of 2 to 4 classes."""
    rng = np.random.RandomState(draw(st.integers(0, 10**6)))
    n_samples, n_classes = draw(st.integers(36, 60)), draw(st.integers(2, 4))
    X = rng.normal(size=(n_samples, 3)) * 10.0 ** draw(st.integers(-3, 3))
    return X, np.arange(n_samples) % n_classes


@settings(max_examples=30)
@given(problem=problems(), configuration=CONFIGURATIONS)
def test_predictions_are_consistent(problem, configuration):
    """Check probabilities, their argmax, the curves, and copies of the fitted estimator."""
    X, y = problem
    clf = fit_quietly(TFMLPClassifier(**configuration), X, y)
    proba = clf.predict_proba(X)
    assert np.isfinite(proba).all()
    assert ((proba >= 0) & (proba <= 1)).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[proba.argmax(axis=1)])
    assert len(clf.loss_curve_) == clf.n_iter_ <= clf.max_iter
    assert np.isfinite(clf.loss_curve_).all()
    for other in (pickle.loads(pickle.dumps(clf)), copy.deepcopy(clf)):
        np.testing.assert_array_equal(other.predict_proba(X), proba)


@settings(max_examples=15)
@given(problem=problems(), configuration=CONFIGURATIONS)
def test_the_same_seed_gives_the_same_bits(problem, configuration):
    """Check a second fit of the object, a clone, and another object with set_params."""
    X, y = problem
    clf = fit_quietly(TFMLPClassifier(**configuration), X, y)
    coefs = [coef.copy() for coef in clf.coefs_]
    others = [clf, clone(clf), TFMLPClassifier(alpha=7.0).set_params(**configuration)]
    for other in others:
        fit_quietly(other, X, y)
        for actual, expected in zip(other.coefs_, coefs, strict=True):
            np.testing.assert_array_equal(actual, expected)


@settings(max_examples=15)
@given(
    problem=problems(),
    seed=st.integers(0, 1000),
    activation=st.sampled_from(["identity", "logistic", "tanh", "relu"]),
)
def test_integer_weights_are_repetitions(problem, seed, activation):
    """Check full-batch training, where the order of the samples does not matter."""
    X, y = problem
    X = X / np.abs(X).max()
    weight = np.random.RandomState(seed).randint(0, 4, size=len(X))
    weight[:8] += 1  # all classes have some
    params = {"hidden_layer_sizes": (5,), "activation": activation, "random_state": seed}
    params |= {"batch_size": 500, "max_iter": 10, "shuffle": False, "learning_rate_init": 0.01}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # batch_size is clipped, max_iter is reached
        weighted = TFMLPClassifier(**params).fit(X, y, sample_weight=weight)
        repeated = TFMLPClassifier(**params).fit(X.repeat(weight, axis=0), y.repeat(weight))
    np.testing.assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=0, atol=1e-9)
    np.testing.assert_allclose(
        weighted.predict_proba(X), repeated.predict_proba(X), rtol=0, atol=1e-8
    )


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


@settings(max_examples=150)
@given(X=ANYTHING, y=ANYTHING, sample_weight=ANYTHING)
def test_invalid_data_raises_an_error_of_its_kind(X, y, sample_weight):
    """Check that anything at all as data is a ValueError or a TypeError, or is fitted."""
    clf = TFMLPClassifier(hidden_layer_sizes=(), max_iter=1)
    message = error_of(clf, X, y, sample_weight=sample_weight)
    assert hasattr(clf, "coefs_") if message is None else vars(clf) == clf.get_params()


@settings(max_examples=150)
@given(X_val=ANYTHING, y_val=ANYTHING, sample_weight_val=ANYTHING)
def test_invalid_validation_sets_raise_an_error_that_names_them(X_val, y_val, sample_weight_val):
    """Check that the message says which of the arrays is wrong."""
    validation = {"X_val": X_val, "y_val": y_val, "sample_weight_val": sample_weight_val}
    assume(any(value is not None for value in validation.values()))
    X, y = np.random.RandomState(0).normal(size=(20, 3)), np.arange(20) % 2
    clf = TFMLPClassifier(hidden_layer_sizes=(), max_iter=1)
    assert "_val" in error_of(clf, X, y, **validation)


def error_of(clf, X, y, **fit_params):
    """Return the message of the ValueError or TypeError that fit raises, None if it fits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            clf.fit(X, y, **fit_params)
        except (ValueError, TypeError) as error:
            return str(error)
    return None
