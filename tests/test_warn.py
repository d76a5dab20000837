"""Warnings point at the user's line."""

import os
import timeit
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from joblib import parallel_config
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline

from skmlp import TFMLPClassifier
from skmlp._warn import warn_user
from tests.helpers import load

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program


def test_a_fit_warns_at_the_line_that_called_it():
    """Check that both warnings of a fit point at its call, not into the package."""
    X, y = load("iris")
    clf = TFMLPClassifier(5, max_iter=2, batch_size=200)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clf.fit(X, y)
    assert [warning.category for warning in caught] == [UserWarning, ConvergenceWarning]
    assert {warning.filename for warning in caught} == {__file__}
    assert "batch_size=200" in str(caught[0].message)


def test_lbfgs_warns_at_the_line_that_called_it_in_scikit_learn_s_words():
    """Check the text against MLPClassifier's."""
    X, y = load("iris")
    params = {"hidden_layer_sizes": 5, "solver": "lbfgs", "max_iter": 2, "random_state": 0}
    with pytest.warns(ConvergenceWarning) as theirs:
        MLPClassifier(**params).fit(X, y)
    with pytest.warns(ConvergenceWarning) as ours:
        TFMLPClassifier(**params).fit(X, y)
    assert ours[0].filename == __file__
    assert str(ours[0].message) == str(theirs[0].message)


def test_a_fit_within_scikit_learn_warns_at_the_line_of_the_user():
    """Check a pipeline, and a search that fits in the same thread."""
    X, y = load("iris")
    clf = TFMLPClassifier(5, max_iter=2)
    with pytest.warns(ConvergenceWarning) as caught:
        make_pipeline(clf).fit(X, y)
    with pytest.warns(ConvergenceWarning) as caught_in_search:
        cross_val_score(clf, X, y, cv=2)
    assert {warning.filename for warning in [*caught, *caught_in_search]} == {__file__}


def test_a_fit_in_a_worker_warns_at_the_line_of_what_fits_it():
    """Check joblib's threads, without a line of the user's on the stack."""
    X, y = load("iris")
    with pytest.warns(ConvergenceWarning) as caught, parallel_config("threading", n_jobs=2):
        cross_val_score(TFMLPClassifier(5, max_iter=2), X, y, cv=2)
    assert caught[0].filename.endswith(os.path.join("model_selection", "_validation.py"))


def test_python_s_own_frames_are_passed_over():
    """Check a call by the standard library, and a thread with no other frames."""
    with pytest.warns(UserWarning, match="careful") as caught:
        timeit.timeit(lambda: warn_user("careful"), number=1)
    assert caught[0].filename == __file__
    with pytest.warns(UserWarning, match="careful") as caught, ThreadPoolExecutor(1) as pool:
        pool.submit(warn_user, "careful").result()
    assert caught[0].filename.endswith("thread.py")


def test_without_filters_python_warns_as_by_default():
    """Check that no filter is needed to choose a module."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.resetwarnings()
        warn_user("careful")
    assert [(str(each.message), each.filename) for each in caught] == [("careful", __file__)]


def test_a_warning_from_outside_points_at_its_caller():
    """Check that no frame is skipped needlessly."""
    with pytest.warns(UserWarning, match="careful") as caught:
        warn_user("careful")
    assert caught[0].filename == __file__
