"""Sparse input: scikit-learn's numbers, and memory that grows with the stored entries."""

import numpy as np
import pytest
import scipy.sparse as sp

from skmlp import TFMLPClassifier, TFMLPRegressor
from tests.helpers import (
    PEERS,
    assert_same_fit,
    assert_same_training,
    fit_quietly,
    run_python,
    sampled_cases,
)

pytestmark = pytest.mark.uncompiled  # but for one test of a kind: formats are of the host

X = sp.csr_array(sp.random(300, 40, density=0.15, format="csr", random_state=0))
CLASSES = np.arange(300) % 3
NUMBERS = np.asarray(X.sum(axis=1)).ravel() - X[:, [0]].toarray().ravel() * 3

FORMATS = {
    "csr_array": sp.csr_array,
    "csc_array": sp.csc_array,
    "csr_matrix": sp.csr_matrix,
    "csc_matrix": sp.csc_matrix,
}

both = pytest.mark.parametrize(
    ("estimator", "y"),
    [
        pytest.param(TFMLPClassifier, CLASSES, id="classifier"),
        pytest.param(TFMLPRegressor, NUMBERS, id="regressor"),
    ],
)


@both
@pytest.mark.parametrize(
    "form",
    [pytest.param(form, marks=[pytest.mark.compiled] * (form == "csr_array")) for form in FORMATS],
)
def test_formats_equal_scikit_learn(estimator, y, form):
    """Check arrays and matrices, by rows and by columns."""
    params = {"random_state": 0, "max_iter": 25, "hidden_layer_sizes": 20}
    assert_same_training(FORMATS[form](X), y, atol=1e-9, estimator=estimator, **params)


CONFIGURATIONS = {
    "early stopping": {"early_stopping": True},
    "L-BFGS": {"solver": "lbfgs"},
    "SGD": {"solver": "sgd", "batch_size": 17},
    "a rest": {"shuffle": False, "batch_size": 33},
    "single samples": {"batch_size": 1, "max_iter": 3},
    "no hidden layer": {"hidden_layer_sizes": (), "alpha": 0.1},
    "two hidden layers": {"hidden_layer_sizes": (9, 4), "activation": "tanh"},
}


@pytest.mark.parametrize(
    ("name", "estimator"),
    sampled_cases(CONFIGURATIONS, [TFMLPClassifier, TFMLPRegressor], n_compiled=3),
)
def test_training_equals_scikit_learn(name, estimator):
    """Check batches with a rest, batches of one sample, other solvers and networks."""
    y = CLASSES if estimator is TFMLPClassifier else NUMBERS
    params = {"random_state": 0, "max_iter": 12, "hidden_layer_sizes": 20} | CONFIGURATIONS[name]
    weight = np.random.RandomState(0).uniform(0.5, 2, size=len(y))
    atol = 1e-9 if params.get("solver") == "lbfgs" else 1e-10
    assert_same_training(X, y, weight, atol=atol, estimator=estimator, **params)


@both
def test_partial_fit_equals_scikit_learn(estimator, y):
    """Check chunks; the first chunk has rows without entries."""
    first = sp.vstack([sp.csr_array((20, 40)), X[20:100]]).tocsr()
    theirs, ours = PEERS[estimator](random_state=0), estimator(random_state=0)
    classes = {"classes": [0, 1, 2]} if estimator is TFMLPClassifier else {}
    for est in (theirs, ours):
        est.partial_fit(first, y[:100], **classes)
        est.partial_fit(X[100:].tocsc(), y[100:])
    assert_same_fit(theirs, ours, X)


@pytest.mark.compiled
def test_batches_of_very_different_size_equal_scikit_learn():
    """Check a few rows with hundreds of entries among many with a few."""
    full = sp.random(6, 900, density=0.6, random_state=0)
    rest = sp.random(300, 900, density=0.004, random_state=1)
    long = sp.csr_array(sp.vstack([full, rest]))
    y = np.arange(306) % 2
    assert_same_training(long, y, random_state=0, max_iter=6, batch_size=4, hidden_layer_sizes=7)


@pytest.mark.parametrize(
    "dtype", [pytest.param(np.float32, marks=pytest.mark.compiled), np.float64]
)
def test_sparse_and_dense_agree(dtype):
    """Check that the format of X changes nothing but rounding, predictions included."""
    params = {"random_state": 0, "max_iter": 15, "hidden_layer_sizes": 20}
    S = X.astype(dtype)
    dense = fit_quietly(TFMLPClassifier(**params), S.toarray(), CLASSES)
    sparse = fit_quietly(TFMLPClassifier(**params), S, CLASSES)
    assert sparse.coefs_[0].dtype == dtype
    atol = 1e-12 if dtype == np.float64 else 1e-3
    for given in (S, S.tocsc(), sp.csr_matrix(S), S.toarray()):
        expected = dense.predict_proba(S.toarray())
        np.testing.assert_allclose(sparse.predict_proba(given), expected, rtol=0, atol=atol)
        assert sparse.predict(given).shape == (300,)
    np.testing.assert_allclose(sparse.loss_curve_, dense.loss_curve_, rtol=0, atol=atol)


@pytest.mark.parametrize("train_is_sparse", [True, False])
@pytest.mark.parametrize("scoring", [None, "accuracy"])
def test_validation_sets_may_have_another_format(train_is_sparse, scoring):
    """Check a dense X_val with a sparse X, and the other way round."""
    train, validation = (X[:200], X[200:].toarray())
    if not train_is_sparse:
        train, validation = X[:200].toarray(), X[200:].tocsc()
    clf = TFMLPClassifier(random_state=0, max_iter=8, scoring=scoring)
    fit_quietly(clf, train, CLASSES[:200], X_val=validation, y_val=CLASSES[200:])
    assert clf.validation_scores_[-1] == clf.score(validation, CLASSES[200:])


def test_bad_sparse_data_is_named():
    """Check NaN; formats without rows are accepted as in scikit-learn."""
    bad = X.copy()
    bad.data[0] = np.nan
    with pytest.raises(ValueError, match="X contains NaN"):
        TFMLPClassifier().fit(bad, CLASSES)
    clf = fit_quietly(TFMLPClassifier(max_iter=2), X.tocoo(), CLASSES)
    assert clf.predict(X.tolil()).shape == (300,)


MEMORY = """
import resource, sys, warnings
import numpy as np, scipy.sparse as sp
from skmlp import TFMLPClassifier
warnings.simplefilter("ignore")

def make(n_rows):
    rng = np.random.default_rng(0)
    columns = np.sort(rng.integers(0, 100_000, size=(n_rows, 20)), axis=1)
    starts = np.arange(0, 20 * n_rows + 1, 20)
    X = sp.csr_array((rng.random(20 * n_rows), columns.ravel(), starts), (n_rows, 100_000))
    X.sum_duplicates()
    return X, np.arange(n_rows) % 2

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

params = dict(hidden_layer_sizes=2, max_iter=1, random_state=0, solver=sys.argv_solver)
TFMLPClassifier(**params).fit(*make(500))
before = peak()
X, y = make(20_000)
clf = TFMLPClassifier(**params).fit(X, y)
if hasattr(clf, "partial_fit"):
    clf.partial_fit(X, y)
clf.predict(X)
print(peak() - before)
"""


@pytest.mark.parametrize("solver", ["adam", pytest.param("lbfgs", marks=pytest.mark.slow)])
def test_memory_grows_with_the_entries(solver):
    """Check 20,000 rows of 100,000 features, which would be 16 GB: their entries are 5 MB."""
    done = run_python(MEMORY.replace("sys.argv_solver", repr(solver)))
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 300
