"""Helpers that several test modules share: data, Python processes, comparisons."""

import os
import re
import subprocess
import sys
import warnings
from copy import copy
from functools import cache
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import scale
from threadpoolctl import threadpool_limits

from skmlp import TFMLPClassifier, TFMLPRegressor
from skmlp._model.network import initialise
from skmlp._training.plan import Plan, Settings
from tests.costs import count

ROOT = Path(__file__).parents[1]
"""The directory of the checkout."""

PEERS = {TFMLPClassifier: MLPClassifier, TFMLPRegressor: MLPRegressor}
"""scikit-learn's estimator for each of ours."""


LOSS_OF = {
    "softmax": "cross_entropy",
    "logistic": "binary_cross_entropy",
    "identity": "squared_error",
    "exp": "poisson",
}
"""The loss of each output activation."""


def make_plan(samples, architecture, *, start=None, **settings):
    """Return a plan of samples and a network, with the defaults of the estimators."""
    defaults = {
        "solver": "adam",
        "schedule": "constant",
        "hyper": {"learning_rate_init": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8},
        "alpha": 0.0001,
        "batch_size": "auto",
        "max_iter": 200,
        "max_fun": 15000,
        "tol": 1e-4,
        "n_iter_no_change": 10,
        "stops_early": False,
        "shuffle": True,
        "scoring": "metric",
        "verbose": 0,
    }
    random_state = np.random.RandomState(0)
    if start is None:
        start = initialise(architecture, "glorot_uniform", random_state, samples.dtype)
    return Plan(Settings(**defaults | settings), architecture, start, samples, random_state)


def run_python(code, *, timeout=120, **environment):
    """Run code in a new Python process, and return the finished process."""
    return _run(["-c", code], timeout, environment)


def run_script(path, *, timeout=120, **environment):
    """Run a file in a new Python process, and return the finished process."""
    return _run([str(path)], timeout, environment)


def _run(arguments, timeout, environment):
    # None unsets the variable, which JAX sets once a test has imported JAX.
    count("processes")
    environment = {"TF_CPP_MIN_LOG_LEVEL": None} | environment
    names = {name for name, value in environment.items() if value is None}
    env = {name: value for name, value in os.environ.items() if name not in names}
    env |= {name: value for name, value in environment.items() if value is not None}
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=env,
        check=False,
    )


def without_log(stderr):
    """Return the standard error of a process without TensorFlow's log lines."""
    log = re.compile(
        r"WARNING: All log messages before absl|To enable the|I0000 |[\d-]{10} [\d:.]{15}: I "
    )
    return "".join(line for line in stderr.splitlines(True) if not log.match(line))


def fit_quietly(estimator, X, y, **fit_params):
    """Fit without the warning that max_iter was reached."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y, **fit_params)


def with_network(estimator, activation, dtype=None):
    """Return a fitted copy with another activation and type, but the same weights."""
    est = copy(estimator).set_params(activation=activation, dtype=dtype)
    est.coefs_ = [coef.astype(dtype or coef.dtype) for coef in est.coefs_]
    est.intercepts_ = [intercept.astype(dtype or intercept.dtype) for intercept in est.intercepts_]
    return est


@cache
def load(name):
    """Return the features and the labels of a problem, in float64."""
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        return X / 16, y
    if name == "iris":
        return load_iris(return_X_y=True)
    if name == "breast_cancer":
        # Unscaled, this problem is chaotic: a change of X in its last bit changes n_iter_ of
        # scikit-learn's own classifier.
        X, y = load_breast_cancer(return_X_y=True)
        return scale(X), y
    if name in ("diabetes", "two_targets", "counts"):
        X, y = load_diabetes(return_X_y=True)
        X, y = scale(X), scale(y)
        if name == "diabetes":
            return X, y
        return X, np.column_stack([y, X[:, 0] ** 2]) if name == "two_targets" else np.round(y + 2)
    if name == "two_samples":
        return np.array([[3.0, 2.0], [1.0, 6.0]]), np.array([1, 0])
    X = np.random.RandomState(0).uniform(-3, 3, size=(80, 1))
    return X, (np.sin(2 * X[:, 0]) > 0.1).astype(int)


def fit_both(X, y, sample_weight=None, estimator=TFMLPClassifier, **params):
    """Fit scikit-learn's estimator and ours with the same parameters."""
    with warnings.catch_warnings():
        # These warnings are expected: max_iter is reached, batch_size is clipped.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", message="Got `?batch_size")
        # Its threads of BLAS wait for each other busily: with two workers of pytest on two cores,
        # the fits of test_parity.py took 92 instead of 79 processor seconds.
        with threadpool_limits(1, "blas"):
            theirs = PEERS[estimator](**params).fit(X, y, sample_weight)
        ours = estimator(**params).fit(X, y, sample_weight)
    return theirs, ours


def assert_same_training(X, y, sample_weight=None, atol=1e-10, **params):
    """Check that both estimators end with the same numbers."""
    theirs, ours = fit_both(X, y, sample_weight, **params)
    assert_same_fit(theirs, ours, X, atol)
    return ours


def assert_same_fit(theirs, ours, X, atol=1e-10):
    """Check that two fitted estimators hold the same numbers."""
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    close = {"rtol": 0, "atol": atol}
    np.testing.assert_allclose(ours.loss_, theirs.loss_, **close)
    names = ["best_loss_", "best_validation_score_", "validation_scores_", "loss_curve_"]
    for name in names if hasattr(theirs, "loss_curve_") else []:  # not with L-BFGS
        expected = getattr(theirs, name)
        if expected is None:
            assert getattr(ours, name) is None, name
        else:
            np.testing.assert_allclose(getattr(ours, name), expected, **close, err_msg=name)
    for name in ("coefs_", "intercepts_"):
        for actual, expected in zip(getattr(ours, name), getattr(theirs, name), strict=True):
            np.testing.assert_allclose(actual, expected, **close, err_msg=name)
    if not hasattr(theirs, "classes_"):
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=0, atol=10 * atol)
        return
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), **close)


def sampled_cases(*factors, n_compiled=0):
    """Return all combinations of values, slow but for some that have each value once or more.

    The first of those have the marker `compiled`.
    """
    factors = [list(values) for values in factors]
    n_fast = max(len(values) for values in factors)
    fast = [tuple(values[i % len(values)] for values in factors) for i in range(n_fast)]
    return _marked_cases(factors, fast, n_compiled)


def paired_cases(*factors, n_compiled=0):
    """Return all combinations of values, slow but for some that have each pair of values."""
    return _marked_cases(factors, covering_cases(list(product(*factors))), n_compiled)


def _marked_cases(factors, fast, n_compiled):
    return [
        pytest.param(
            *case,
            marks=[pytest.mark.slow] * (case not in fast)
            + [pytest.mark.compiled] * (case in fast[:n_compiled]),
        )
        for case in product(*factors)
    ]


def covering_cases(cases, n_factors=2, alone=()):
    """Choose cases, greedily, until the values of any two (or more) factors met in one of them.

    Those of the factors `alone` need not meet any other, but each of them is in one of the cases.
    """

    def meetings(case):
        values = list(enumerate(case))
        others = [value for value in values if value[0] not in alone]
        return {(value,) for value in values if value[0] in alone} | {
            *combinations(others, n_factors)
        }

    meetings_in = {case: meetings(case) for case in cases}
    left = set().union(*meetings_in.values())
    chosen = []
    while left:
        best = max(cases, key=lambda case: len(meetings_in[case] & left))
        chosen.append(best)
        left -= meetings_in[best]
    return chosen


class Callback:
    """A callback that does nothing; tests derive from it."""

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        pass


class Watcher(Callback):
    """A callback that asks for every argument, and does nothing with them."""

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        pass

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        pass
