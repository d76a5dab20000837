"""Sparse indicators of labels: predictions are sparse if scikit-learn's are."""

import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import make_multilabel_classification
from sklearn.neural_network import MLPClassifier

from skmlp import TFMLPClassifier
from tests.helpers import fit_quietly

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program

X, Y = make_multilabel_classification(n_samples=60, n_classes=4, random_state=0)
X_TEST = X[:20]
FORMATS = ["csr_matrix", "csr_array", "csc_array", "coo_array", "lil_matrix"]
PARAMS = {"hidden_layer_sizes": 3, "max_iter": 3, "random_state": 0, "learning_rate_init": 0.01}


def sparse(format_, y=Y):
    return getattr(scipy.sparse, format_)(y)


def play(estimator, calls):
    """Make calls of fit and partial_fit."""
    for method, y, kwargs in calls:
        if method == "fit":
            fit_quietly(estimator, X, y, **kwargs)
        else:
            estimator.partial_fit(X, y, **kwargs)
    return estimator


def assert_same_predictions(calls, **params):
    """Check labels, and their container, against MLPClassifier's after the same calls."""
    theirs = play(MLPClassifier(**PARAMS | params), calls).predict(X_TEST)
    ours = play(TFMLPClassifier(**PARAMS | params), calls).predict(X_TEST)
    assert scipy.sparse.issparse(ours) == scipy.sparse.issparse(theirs)
    dense = [y.toarray() if scipy.sparse.issparse(y) else y for y in (ours, theirs)]
    np.testing.assert_array_equal(*dense)
    assert ours.dtype == theirs.dtype
    return ours


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("format_", FORMATS)
def test_sparse_indicators_are_predicted_sparse(method, format_):
    """Check the first call of each method, in all formats."""
    kwargs = {"classes": range(4)} if method == "partial_fit" else {}
    ours = assert_same_predictions([(method, sparse(format_), kwargs)])
    assert scipy.sparse.issparse(ours)


@pytest.mark.parametrize("first_is_sparse", [True, False])
@pytest.mark.parametrize("methods", [("partial_fit",) * 2, ("fit", "partial_fit"), ("fit",) * 2])
def test_the_first_call_decides(first_is_sparse, methods):
    """Check calls that change between sparse and dense indicators."""
    labels = [sparse("csr_array"), Y]
    first, second = labels if first_is_sparse else labels[::-1]
    kwargs = {"classes": range(4)} if methods[0] == "partial_fit" else {}
    calls = [(methods[0], first, kwargs), (methods[1], second, {})]
    assert_same_predictions(calls, warm_start=False)
    assert_same_predictions(calls, warm_start=True)


@pytest.mark.parametrize("params", [{"early_stopping": True}, {"solver": "lbfgs"}], ids=str)
def test_other_fits_of_sparse_indicators(params):
    """Check fits with a hold-out, and L-BFGS."""
    assert_same_predictions([("fit", sparse("csr_array"), {})], **params)
