"""The same numbers as MLPClassifier in float64, and close ones in float32."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits, make_multilabel_classification
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from skmlp import TFMLPClassifier, TFMLPRegressor
from tests.helpers import (
    assert_same_fit,
    assert_same_training,
    covering_cases,
    fit_both,
    fit_quietly,
    load,
    sampled_cases,
)

FACTORS = {
    "problem": ("digits", "iris", "breast_cancer", "two_samples", "one_feature"),
    "hidden_layer_sizes": ((30,), (20, 10), (15, 10, 5)),
    "activation": ("identity", "logistic", "tanh", "relu"),
    "batch": ("divides", "leaves a rest", "exceeds", "one"),
    "shuffle": (True, False),
    "early_stopping": (False, True),
    "weight": ("none", "real", "integer with zeros"),
}
"""The grid. Training never stops before its 51st epoch, see `check`."""

STATIC = ("problem", "hidden_layer_sizes", "activation", "batch", "early_stopping")
"""Factors that make another compiled program; the others share one."""

GRID = list(product(*FACTORS.values()))


def is_possible(case):
    """Tell whether scikit-learn can fit the case."""
    case = dict(zip(FACTORS, case, strict=True))
    if case["problem"] == "two_samples":
        # Nothing can be held out; batches of 2 leave no rest; a zero weight leaves no sample.
        return (
            not case["early_stopping"]
            and case["batch"] != "leaves a rest"
            and case["weight"] != "integer with zeros"
        )
    # A batch whose weights are all zero divides by zero in scikit-learn.
    return not (case["batch"] == "one" and case["weight"] == "integer with zeros")


def samples(problem, batch):
    X, y = load(problem)
    n_samples = {"one": 60, "exceeds": 250}.get(batch, 400)
    if n_samples >= len(X):
        return X, y
    # Not the first rows, because iris is sorted by class.
    rows = np.random.RandomState(0).permutation(len(X))[:n_samples]
    return X[rows], y[rows]


def batch_size(batch, n_train):
    if batch == "divides":
        return max(d for d in range(1, max(3, n_train // 4)) if n_train % d == 0)
    if batch == "leaves a rest":
        return next(d for d in range(n_train // 6, n_train) if n_train % d > d // 2)
    return n_train + 7 if batch == "exceeds" else 1


def sample_weight(weight, n_samples):
    rng = np.random.RandomState(1)
    if weight == "none":
        return None
    if weight == "real":
        return rng.uniform(0.1, 2.0, size=n_samples)
    weights = rng.randint(1, 4, size=n_samples).astype(float)
    weights[:: max(7, n_samples // 10)] = 0
    return weights


def check(case):
    case = dict(zip(FACTORS, case, strict=True))
    X, y = samples(case["problem"], case["batch"])
    n_train = len(X) - int(np.ceil(0.1 * len(X))) if case["early_stopping"] else len(X)
    ours = assert_same_training(
        X,
        y,
        sample_weight(case["weight"], len(X)),
        hidden_layer_sizes=case["hidden_layer_sizes"],
        activation=case["activation"],
        batch_size=batch_size(case["batch"], n_train),
        shuffle=case["shuffle"],
        early_stopping=case["early_stopping"],
        n_iter_no_change=50,
        max_iter=55,
        random_state=3,
    )
    assert ours.n_iter_ > 50


POSSIBLE = [case for case in GRID if is_possible(case)]
FAST = covering_cases(covering_cases(POSSIBLE), alone=(0, 1))


@pytest.mark.parametrize("case", FAST, ids=str)
def test_equals_scikit_learn(case):
    """Check cases that hold each problem and network, and each pair of all other values."""
    check(case)


PROGRAMS = list(product(*(FACTORS[name] for name in STATIC)))
IN_CI = set(covering_cases(PROGRAMS, n_factors=3))
"""Programs that cover each triple of values; the others are tested before a release."""


@pytest.mark.parametrize(
    "static",
    [
        pytest.param(case, marks=pytest.mark.slow if case in IN_CI else pytest.mark.exhaustive)
        for case in PROGRAMS
    ],
    ids=str,
)
def test_equals_scikit_learn_on_the_whole_grid(static):
    """Check every case of the grid; the cases of a program run together."""
    positions = [list(FACTORS).index(name) for name in STATIC]
    cases = [case for case in POSSIBLE if tuple(case[i] for i in positions) == static]
    for case in cases:
        check(case)
    assert cases or static[0] == "two_samples"


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("problem", ["digits", "iris", "breast_cancer"])
def test_defaults_equal_scikit_learn_on_all_samples(problem, early_stopping):
    """Check that a change of the import changes no number, stopping included."""
    X, y = load(problem)
    ours = assert_same_training(X, y, random_state=0, early_stopping=early_stopping)
    if early_stopping:
        assert ours.n_iter_ < ours.max_iter


def test_unscaled_digits_equal_scikit_learn():
    """Check pixels as load_digits gives them, until training stops by itself."""
    X, y = load_digits(return_X_y=True)
    ours = assert_same_training(X, y, random_state=0, hidden_layer_sizes=(50, 20))
    assert ours.n_iter_ < ours.max_iter


@pytest.mark.parametrize(
    "params",
    [
        {"learning_rate_init": 0.02, "tol": 0.01, "n_iter_no_change": 2},
        {"tol": 0.0, "n_iter_no_change": 1},
        {"early_stopping": True, "tol": 0.0, "n_iter_no_change": 3, "learning_rate_init": 0.01},
        {"early_stopping": True, "tol": 0.05, "n_iter_no_change": 1},
        {"n_iter_no_change": np.inf, "tol": 1e9, "max_iter": 60},
        {"beta_1": 0.0, "beta_2": 0.0, "epsilon": 0.1, "alpha": 10.0},
        {"alpha": 0.0},
        {"hidden_layer_sizes": ()},
        {"hidden_layer_sizes": 7, "batch_size": 150},
        {"max_iter": 1},
    ],
    ids=str,
)
def test_hyper_parameters_equal_scikit_learn(params):
    """Check parameters that the grid leaves at their defaults."""
    X, y = load("iris")
    assert_same_training(X, y, random_state=5, **params)


def test_the_penalty_of_any_number_of_units_equals_scikit_learn():
    """Check a large matrix of a prime number of units, whose squares are folded with a rest."""
    X, y = load("digits")
    params = {"hidden_layer_sizes": 67, "alpha": 1.0, "random_state": 0, "max_iter": 5}
    assert_same_training(X[:200], y[:200], **params)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_multilabel_equals_scikit_learn(early_stopping):
    """Check indicator targets: sigmoid outputs, a hold-out that is not stratified."""
    X, y = make_multilabel_classification(n_samples=90, random_state=0)
    assert_same_training(X, y, random_state=0, early_stopping=early_stopping, max_iter=60)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_one_class_equals_scikit_learn(early_stopping):
    """Check labels that are all the same."""
    X, _ = load("iris")
    params = {"random_state": 0, "max_iter": 20, "early_stopping": early_stopping}
    assert_same_training(X, np.full(len(X), "only"), **params)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_warm_start_equals_scikit_learn(early_stopping):
    """Check a sequence of warm fits, with other data and another learning rate."""
    X, y = load("breast_cancer")
    params = {"warm_start": True, "max_iter": 7, "random_state": 0}
    theirs, ours = fit_both(X, y, early_stopping=early_stopping, **params)
    for rate, rows in ((0.01, slice(0, 300)), (0.002, slice(100, None))):
        for estimator in (theirs, ours):
            estimator.set_params(learning_rate_init=rate)
            with pytest.warns(match="Maximum iterations"):
                estimator.fit(X[rows], y[rows])
        assert_same_fit(theirs, ours, X)
    assert len(ours.loss_curve_) == 21


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("kind", ["instance", "global"])
def test_random_state_is_left_as_scikit_learn_leaves_it(kind, early_stopping):
    """Check that epoch orders drawn ahead but unused are given back."""
    X, y = load("iris")
    params = {"tol": 0.05, "n_iter_no_change": 2, "early_stopping": early_stopping}
    drawn = []
    for index in (0, 1):
        random_state = np.random.RandomState(7)
        if kind == "global":
            np.random.seed(7)
            random_state = None
        estimator = (MLPClassifier, TFMLPClassifier)[index](random_state=random_state, **params)
        fit_quietly(estimator, X, y)
        assert estimator.n_iter_ < 100
        drawn.append(np.random.uniform() if kind == "global" else random_state.uniform())
    assert drawn[0] == drawn[1]


SGD_FACTORS = {
    "problem": ("digits", "iris", "diabetes", "two_targets", "counts"),
    "learning_rate": ("constant", "invscaling", "adaptive"),
    "momentum": (0.0, 0.9),
    "nesterovs_momentum": (True, False),
    "activation": ("identity", "logistic", "tanh", "relu"),
    "early_stopping": (False, True),
    "batch_size": (32, 57, "auto"),
    "shuffle": (True, False),
    "weighted": (False, True),
}


def estimator_for(problem):
    """Return the estimator of a problem, and the loss if it is not the default."""
    if problem in ("digits", "iris", "breast_cancer"):
        return {"estimator": TFMLPClassifier}
    return {
        "estimator": TFMLPRegressor,
        "loss": "poisson" if problem == "counts" else "squared_error",
    }


SGD_CASES = covering_cases(list(product(*SGD_FACTORS.values())))
FAST_SGD_CASES = covering_cases(SGD_CASES, alone=(0,))
"""Cases that hold each pair of values, but for some pairs with a problem."""


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=[] if case in FAST_SGD_CASES else pytest.mark.slow)
        for case in SGD_CASES
    ],
    ids=str,
)
def test_sgd_equals_scikit_learn(case):
    """Check SGD over at least 50 epochs, on cases that hold each pair of values."""
    params = dict(zip(SGD_FACTORS, case, strict=True))
    problem, weighted = params.pop("problem"), params.pop("weighted")
    X, y = load(problem)
    weight = np.random.RandomState(1).uniform(0.1, 2, size=len(X)) if weighted else None
    params |= {"solver": "sgd", "learning_rate_init": 0.01, "random_state": 3}
    params |= {"max_iter": 55, "n_iter_no_change": 50, "hidden_layer_sizes": (20, 10)}
    ours = assert_same_training(X, y, weight, **estimator_for(problem), **params)
    assert ours.n_iter_ > 50


@pytest.mark.parametrize(
    ("problem", "early_stopping"),
    sampled_cases(["digits", "iris", "diabetes", "counts"], [False, True]),
)
def test_adaptive_rates_equal_scikit_learn_to_the_end(problem, early_stopping):
    """Check a rate that is divided until training stops, to its last bit."""
    X, y = load(problem)
    params = {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.05}
    params |= {"early_stopping": early_stopping, "random_state": 0, "tol": 0.01}
    params |= {"n_iter_no_change": 2, "max_iter": 400}
    theirs, ours = fit_both(X, y, **estimator_for(problem), **params)
    assert_same_fit(theirs, ours, X)
    assert ours.n_iter_ < 400
    assert ours._optimizer.learning_rate == theirs._optimizer.learning_rate <= 1e-6


@pytest.mark.parametrize(
    ("problem", "early_stopping", "activation"),
    sampled_cases(["diabetes", "two_targets", "counts"], [False, True], ["relu", "tanh"]),
)
def test_regressor_equals_scikit_learn(problem, early_stopping, activation):
    """Check Adam on one target, on two, and on counts with the Poisson loss."""
    X, y = load(problem)
    params = {"early_stopping": early_stopping, "activation": activation, "random_state": 0}
    params |= {"learning_rate_init": 0.005, "max_iter": 120}
    assert_same_training(X, y, **estimator_for(problem), **params)


# L-BFGS amplifies rounding: after some 60 iterations scikit-learn itself, on samples in another
# order, has other weights in the sixth digit.
@pytest.mark.parametrize(
    ("problem", "activation", "weighted"),
    sampled_cases(
        ["digits", "iris", "breast_cancer", "diabetes", "two_targets", "counts"],
        ["identity", "logistic", "tanh", "relu"],
        [False, True],
    ),
)
def test_lbfgs_equals_scikit_learn(problem, activation, weighted):
    """Check 25 iterations, before rounding is amplified."""
    X, y = load(problem)
    X = X - X.mean(axis=0) if problem == "iris" else X
    weight = np.random.RandomState(1).uniform(0.1, 2, size=len(X)) if weighted else None
    params = {"solver": "lbfgs", "activation": activation, "random_state": 0, "max_iter": 25}
    params |= {"hidden_layer_sizes": 20}
    ours = assert_same_training(X, y, weight, atol=1e-6, **estimator_for(problem), **params)
    assert 10 <= ours.n_iter_ <= 25


def test_lbfgs_stops_where_scikit_learn_does():
    """Check tol, max_fun and a warm start."""
    X, y = load("iris")
    params = {"solver": "lbfgs", "random_state": 0, "hidden_layer_sizes": 5}
    for limits in ({"tol": 0.02}, {"max_fun": 12}, {"tol": 10.0}):
        assert_same_training(X - X.mean(axis=0), y, atol=1e-6, **params, **limits)
    theirs, ours = fit_both(X, y, warm_start=True, max_iter=4, **params)
    for estimator in (theirs, ours):
        with pytest.warns(match="lbfgs failed to converge"):
            estimator.fit(X[::2], y[::2])
    assert_same_fit(theirs, ours, X, atol=1e-6)


def test_a_batch_of_zero_weights_changes_nothing():
    """Check batches of zero weight against scikit-learn without these samples.

    With these samples scikit-learn divides by zero.
    """
    X, y = load("iris")
    X, y = X[::3], y[::3]
    weight = np.tile([1.0, 2.0, 0.0], len(X))[: len(X)]
    params = {"batch_size": 1, "shuffle": False, "max_iter": 55, "random_state": 0}
    params |= {"n_iter_no_change": 55, "hidden_layer_sizes": (8,)}
    kept = weight > 0
    theirs, _ = fit_both(X[kept], y[kept], weight[kept], **params)
    with pytest.warns(match="Maximum iterations"):
        ours = TFMLPClassifier(**params).fit(X, y, weight)
    assert ours.t_ == 55 * len(X)  # samples of any weight
    theirs.t_ = ours.t_
    assert_same_fit(theirs, ours, X)


# In float32 a number has 24 bits, so that each step rounds to about 6e-8 of its values. Adam
# divides gradients by their own size, so that where they vanish a rounding error moves a weight
# by up to the learning rate: weights of unused pixels differ by 1e-2 at the end, and so are not
# compared. Losses and probabilities do not depend on them; the largest differences seen over ten
# seeds were 5e-5 and 4e-3 on digits, 1e-6 and 2e-5 on the others. The bounds leave a factor of 10.
@pytest.mark.parametrize(
    ("problem", "loss_atol", "proba_atol"),
    [("digits", 5e-4, 4e-2), ("iris", 1e-5, 2e-4), ("breast_cancer", 1e-5, 2e-4)],
)
def test_float32_is_close_to_float64(problem, loss_atol, proba_atol):
    """Check losses and probabilities in float32 against scikit-learn in float64."""
    X, y = load(problem)
    params = {"random_state": 0, "max_iter": 60, "n_iter_no_change": 60}
    with threadpool_limits(1, "blas"):
        theirs = fit_quietly(MLPClassifier(**params), X, y)
    ours = fit_quietly(TFMLPClassifier(**params), X.astype(np.float32), y)
    assert ours.coefs_[0].dtype == np.float32
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=0, atol=loss_atol)
    proba = ours.predict_proba(X.astype(np.float32))
    assert proba.dtype == np.float32
    np.testing.assert_allclose(proba, theirs.predict_proba(X), rtol=0, atol=proba_atol)


SHAPES = st.fixed_dictionaries(
    {
        "hidden_layer_sizes": st.lists(st.integers(1, 12), max_size=3),
        "activation": st.sampled_from(["identity", "logistic", "tanh", "relu"]),
        "batch_size": st.one_of(st.just("auto"), st.integers(2, 100)),
        "n_classes": st.integers(2, 5),
        "n_features": st.integers(1, 6),
        "n_samples": st.integers(30, 90),
        "early_stopping": st.booleans(),
    }
)
"""The parameters for which a program is compiled."""

FEW_SHAPES = st.sampled_from(
    [
        (
            dict(zip(("hidden_layer_sizes", "activation", "batch_size"), static, strict=True))
            | dict(zip(("n_classes", "n_features", "n_samples"), data, strict=True))
            | {"early_stopping": stop},
            weighted,
        )
        for static, data, stop, weighted in (
            (([], "relu", "auto"), (2, 6, 60), False, True),
            (([12], "logistic", 7), (3, 1, 90), True, False),
            (([1, 9], "tanh", 100), (5, 4, 75), False, False),
            (([5, 3, 11], "relu", 32), (4, 2, 50), True, True),
            (([7, 7], "identity", 2), (2, 3, 30), False, True),
            (([4], "relu", "auto"), (3, 5, 81), True, False),
        )
    ]
)
"""A few of them, and whether samples have weights."""

CONFIGURATIONS = st.fixed_dictionaries(
    {
        "alpha": st.sampled_from([0.0, 1e-4, 0.1, 3.0]),
        "learning_rate_init": st.sampled_from([1e-4, 1e-3, 0.01, 0.03]),
        "beta_1": st.sampled_from([0.0, 0.5, 0.9, 0.99]),
        "beta_2": st.sampled_from([0.5, 0.99, 0.999]),
        "epsilon": st.sampled_from([1e-8, 1e-4, 0.1]),
        "tol": st.sampled_from([0.0, 1e-4, 0.01]),
        "n_iter_no_change": st.one_of(st.just(np.inf), st.integers(1, 12)),
        "max_iter": st.integers(1, 40),
        "shuffle": st.booleans(),
        "random_state": st.integers(0, 2**32 - 1),
    }
)


def check_drawn(shape, weighted, seed, configuration):
    """Check samples and weights that are drawn by a seed, with every class a few times."""
    shape = dict(shape)
    n_samples, n_features, n_classes = (
        shape.pop(name) for name in ("n_samples", "n_features", "n_classes")
    )
    rng = np.random.RandomState(seed)
    y = np.arange(n_samples) % n_classes
    X = rng.normal(size=(n_samples, n_features)) + y[:, np.newaxis] / 2
    weight = rng.uniform(0.2, 3.0, size=n_samples) if weighted else None
    assert_same_training(X, y, weight, atol=1e-9, **shape, **configuration)


SEEDS = st.integers(0, 10**6)


@settings(max_examples=25)
@given(program=FEW_SHAPES, seed=SEEDS, configuration=CONFIGURATIONS)
def test_drawn_configurations_equal_scikit_learn(program, seed, configuration):
    """Check configurations beyond the grid, in few shapes, so that few programs are compiled."""
    check_drawn(*program, seed, configuration)


@pytest.mark.slow
@settings(max_examples=100)
@given(shape=SHAPES, seed=SEEDS, weighted=st.booleans(), configuration=CONFIGURATIONS)
def test_many_drawn_configurations_equal_scikit_learn(shape, seed, weighted, configuration):
    """Check more of them, in any shape."""
    check_drawn(shape, weighted, seed, configuration)
