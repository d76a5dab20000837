"""Warnings point at the line of the user's."""

import warnings

import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline

from skmlp import TFMLPClassifier
from skmlp._warn import warn_user
from tests.helpers import load


def test_a_fit_warns_at_the_line_that_called_it():
    """Check both warnings of a fit, at its own line and not at one of the package."""
    X, y = load("iris")
    clf = TFMLPClassifier(5, max_iter=2, batch_size=200)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clf.fit(X, y)
    assert [warning.category for warning in caught] == [UserWarning, ConvergenceWarning]
    assert {warning.filename for warning in caught} == {__file__}
    assert "batch_size=200" in str(caught[0].message)


def test_a_fit_within_scikit_learn_warns_at_its_line():
    """Check a pipeline: the first line outside of the package is scikit-learn's."""
    X, y = load("iris")
    with pytest.warns(ConvergenceWarning) as caught:
        make_pipeline(TFMLPClassifier(5, max_iter=2)).fit(X, y)
    assert caught[0].filename.endswith("pipeline.py")


def test_a_warning_from_outside_points_at_its_caller():
    """Check that no frame is skipped for nothing."""
    with pytest.warns(UserWarning, match="careful") as caught:
        warn_user("careful")
    assert caught[0].filename == __file__
