"""Warning filters that were written for scikit-learn's networks also work for ours."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.neural_network import MLPClassifier

from skmlp import TabularMLPClassifier, TabularMLPRegressor, TFMLPClassifier, TFMLPRegressor
from skmlp._warn import warn_user
from tests.helpers import load

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program

PARAMS = {"hidden_layer_sizes": 4, "max_iter": 2, "random_state": 0}


def fit_and_record(estimator, *filters, default="always"):
    """Return the warnings of a fit that pass some filters; the last filter takes precedence."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter(default)
        for action, module in filters:
            warnings.filterwarnings(action, category=ConvergenceWarning, module=module)
        estimator.fit(*load("iris"))
    return caught


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(
    "module",
    [
        "",
        "sklearn",
        "^sklearn",
        r"sklearn\.neural_network",
        r"sklearn\..*",
        r"sklearn\.neural_network\._multilayer_perceptron\Z",
        r"sklearn\.linear_model",
        r"sklearn\Z",
        "numpy",
        "learn",
    ],
)
def test_a_filter_of_scikit_learn_s_module_does_to_ours_what_it_does_to_theirs(module, solver):
    """Check filters of the gallery and others."""
    theirs = fit_and_record(MLPClassifier(**PARAMS, solver=solver), ("ignore", module))
    ours = fit_and_record(TFMLPClassifier(**PARAMS, solver=solver), ("ignore", module))
    assert len(ours) == len(theirs)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("module", ["skmlp", r"skmlp\Z", __name__.replace(".", r"\.")])
def test_a_filter_of_this_package_or_of_the_user_s_module_hides_warnings(module, solver):
    """Check both names of a module."""
    assert fit_and_record(TFMLPClassifier(**PARAMS, solver=solver), ("ignore", module)) == []


def test_of_several_filters_the_first_counts():
    """Check two filters, for the two modules of a warning, in both orders."""
    ignore, show = ("ignore", "sklearn"), ("always", "skmlp")
    assert len(fit_and_record(TFMLPClassifier(**PARAMS), ignore, show)) == 1
    assert fit_and_record(TFMLPClassifier(**PARAMS), show, ignore) == []


def test_a_filter_makes_an_error_of_a_warning():
    """Check the action that raises."""
    with pytest.raises(ConvergenceWarning, match="Maximum iterations"):
        fit_and_record(TFMLPClassifier(**PARAMS), ("error", "sklearn"))


def test_filters_of_texts_categories_and_lines_count_too():
    """Check that filters with another text, category or line are skipped."""
    others = [
        {"message": "another text"},
        {"category": RuntimeWarning},
        {"lineno": 1},
    ]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for other in others:
            warnings.filterwarnings("ignore", module="skmlp", **other)
        warn_user("careful")
    assert [str(warning.message) for warning in caught] == ["careful"]


def test_a_filter_of_the_interpreter_is_compared_as_a_whole():
    """Check a module given as text, as in Python's initial filters."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warnings.filters.insert(0, ("ignore", None, UserWarning, "skm", 0))
        warn_user("careful")
        warnings.filters.insert(0, ("ignore", None, UserWarning, "skmlp", 0))
        warn_user("hidden")
    assert [str(warning.message) for warning in caught] == ["careful"]


def test_a_line_warns_once_by_default():
    """Check the action "default", which Python applies to most warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(2):
            warn_user("careful")
        warn_user("careful")
    lines = [warning.lineno for warning in caught]
    assert len(set(lines)) == len(lines) == 2
    assert {warning.filename for warning in caught} == {__file__}


@pytest.mark.parametrize(
    "estimator", [TFMLPClassifier, TFMLPRegressor, TabularMLPClassifier, TabularMLPRegressor]
)
def test_a_column_of_targets_warns_at_the_line_of_the_user_s(estimator):
    """Check the line, a filter by module, and the name y_val."""
    X, y = load("iris")
    column = y[:, np.newaxis]
    est = estimator(hidden_layer_sizes=2, max_iter=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", DataConversionWarning)
        est.fit(X, column)
        est.fit(X, y, X_val=X, y_val=column)
        warnings.filterwarnings("ignore", category=DataConversionWarning, module="sklearn")
        est.fit(X, column)
    assert [warning.filename for warning in caught] == [__file__] * 2
    names = [str(warning.message).split()[2] for warning in caught]
    assert names == ["y", "y_val"]
