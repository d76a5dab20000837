"""Large data: on disk, of another type, or with a large validation set."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier

from skmlp import TFMLPClassifier, TFMLPRegressor
from skmlp._data import checks as _checks
from skmlp._engine import capacity as _capacity
from skmlp._training import evaluation as _evaluation
from tests.helpers import fit_quietly, load, paired_cases, run_python, sampled_cases

pytestmark = pytest.mark.uncompiled  # but for one test of a kind: what is large is on the host

PARAMS = {"random_state": 0, "max_iter": 4, "hidden_layer_sizes": 7}


@pytest.mark.parametrize(
    ("solver", "stored_as", "dtype"),
    paired_cases(
        ["adam", "sgd", "lbfgs"],
        [np.float32, np.float64, np.uint8],
        ["float32", "float64"],
        n_compiled=2,
    ),
)
def test_an_array_on_disk_trains_as_one_in_memory(monkeypatch, tmp_path, solver, stored_as, dtype):
    """Check the bits for stored types with and without conversion."""
    X, y = load_digits(return_X_y=True)
    monkeypatch.setattr(_capacity, "_BLOCK_BYTES", 2**15)
    expected = TFMLPClassifier(solver=solver, dtype=dtype, **PARAMS, validation_fraction=0.1)
    fit_quietly(expected, X.astype(dtype), y)
    np.save(tmp_path / "X.npy", X.astype(stored_as))
    monkeypatch.setattr(_checks, "MAX_CONVERTED_BYTES", 0)
    clf = TFMLPClassifier(solver=solver, dtype=dtype, **PARAMS, validation_fraction=0.1)
    fit_quietly(clf, np.load(tmp_path / "X.npy", mmap_mode="r"), y)
    np.testing.assert_array_equal(clf.coefs_[0], expected.coefs_[0])
    assert clf.coefs_[0].dtype == dtype
    assert clf.loss_curve_ == expected.loss_curve_
    assert clf.n_features_in_ == X.shape[1]


@pytest.mark.parametrize("value", [1e39, np.inf, np.nan])
def test_a_value_that_does_not_fit_is_an_error_without_a_copy(monkeypatch, value):
    """Check the message if X is converted only block by block."""
    X, y = load("iris")
    X = X.copy()
    X[77, 2] = value
    monkeypatch.setattr(_checks, "MAX_CONVERTED_BYTES", 0)
    with pytest.raises(ValueError, match=r"X contains (infinity|NaN)"):
        TFMLPClassifier(dtype="float32").fit(X, y)


@pytest.mark.parametrize(
    ("scoring", "weighted"),
    sampled_cases([None, "loss", "neg_log_loss"], [False, True], n_compiled=1),
)
def test_large_validation_sets_are_scored_alike(monkeypatch, scoring, weighted):
    """Check curves and weights against a validation set that the program scores."""
    X, y = load("digits")
    weight = np.random.RandomState(0).uniform(size=len(X)) if weighted else None
    params = {**PARAMS, "early_stopping": True, "scoring": scoring, "max_iter": 12}
    expected = fit_quietly(TFMLPClassifier(**params), X, y, sample_weight=weight)
    monkeypatch.setattr(_capacity, "_MAX_VALIDATION_BYTES", 0)
    clf = fit_quietly(TFMLPClassifier(**params), X, y, sample_weight=weight)
    for name in ("validation_loss_curve_", "validation_scores_"):
        np.testing.assert_allclose(getattr(clf, name), getattr(expected, name), rtol=1e-12)
    np.testing.assert_array_equal(clf.coefs_[0], expected.coefs_[0])
    assert clf.best_validation_score_ == pytest.approx(expected.best_validation_score_, rel=1e-12)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_large_validation_sets_of_numbers_are_scored_alike(monkeypatch, n_outputs):
    """Check R2, also of a constant target, and stopping by R2."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(300, 4))
    y = X @ rng.normal(size=(4, n_outputs))
    y = np.column_stack([np.ones(300), y[:, 1:]]) if n_outputs > 1 else y.ravel()
    params = {**PARAMS, "early_stopping": True, "max_iter": 30, "n_iter_no_change": 2}
    expected = fit_quietly(TFMLPRegressor(**params), X, y)
    monkeypatch.setattr(_capacity, "_MAX_VALIDATION_BYTES", 0)
    reg = fit_quietly(TFMLPRegressor(**params), X, y)
    np.testing.assert_allclose(reg.validation_scores_, expected.validation_scores_, rtol=1e-9)
    np.testing.assert_array_equal(reg.coefs_[0], expected.coefs_[0])
    assert reg.n_iter_ == expected.n_iter_


def test_validation_samples_without_weight_do_not_count(monkeypatch):
    """Check scores part by part, of which the first has no weight, against scikit-learn's."""
    X, y = load("iris")
    weight = np.where(np.arange(150) < 50, 0.0, 1.0)
    monkeypatch.setattr(_capacity, "_MAX_VALIDATION_BYTES", 0)
    monkeypatch.setattr(_evaluation, "_ROWS_A_PART", 50)
    clf = TFMLPClassifier(**PARAMS)
    fit_quietly(clf, X, y, X_val=X, y_val=y, sample_weight_val=weight)
    loss = log_loss(y, clf.predict_proba(X), sample_weight=weight)
    assert clf.validation_loss_curve_[-1] == pytest.approx(loss, rel=1e-12)
    assert clf.validation_scores_[-1] == pytest.approx(clf.score(X[50:], y[50:]), rel=1e-12)


MEMORY = """
import sys, threading, time, warnings
import numpy as np
from skmlp import TFMLPClassifier
warnings.simplefilter("ignore")

def anonymous():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024

rng = np.random.RandomState(0)
small = rng.randint(0, 9, (400, 1000)).astype(np.uint8)
params = {"hidden_layer_sizes": 10, "max_iter": 1, "random_state": 0, "dtype": "float32"}
TFMLPClassifier(**params).fit(small, small[:, 0] > 4)
before = anonymous()
X = np.memmap(sys.argv[1], np.uint8, "w+", shape=(200_000, 1000))
X[::500] = small
y = X[:, 0] > 4
peak = [0.0]
def watch():
    while True:
        peak[0] = max(peak[0], anonymous())
        time.sleep(0.01)
threading.Thread(target=watch, daemon=True).start()
TFMLPClassifier(**params, batch_size=1000, validation_fraction=0.2).fit(X, y)
print("grew by", peak[0] - before)
"""


def test_a_file_is_never_copied_whole(tmp_path):
    """Check the memory of a fit to a file of 200 MB, 800 MB in the training type."""
    code = MEMORY.replace("sys.argv[1]", repr(str(tmp_path / "X.bin")))
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout.split()[-1]) < 250


@pytest.mark.slow
def test_more_elements_than_an_int32_counts(tmp_path):
    """Check the last rows of an array of over 2**31 elements, against scikit-learn's MLP."""
    n_features = 1024
    n_samples = 2**31 // n_features + 1000
    X = np.memmap(tmp_path / "X.bin", np.uint8, "w+", shape=(n_samples, n_features))
    rng = np.random.RandomState(0)
    X[-1000:] = rng.randint(0, 3, (1000, n_features))
    assert X.size > np.iinfo(np.int32).max
    y = np.zeros(n_samples, int)
    y[-500:] = 1
    last = csr_array(X[-1000:].astype(np.float64))
    indptr = np.concatenate([np.zeros(n_samples - 1000, last.indptr.dtype), last.indptr])
    same = csr_array((last.data, last.indices, indptr), shape=X.shape)
    params = {"max_iter": 1, "batch_size": 10_000, "hidden_layer_sizes": 2}
    theirs = fit_quietly(MLPClassifier(random_state=0, **params), same, y)
    ours = fit_quietly(TFMLPClassifier(random_state=0, **params), X, y)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=0, atol=1e-9)
