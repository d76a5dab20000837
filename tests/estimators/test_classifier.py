"""The classifier as users of MLPClassifier expect it."""

import inspect
import signal

import numpy as np
import pytest
from scipy.sparse import csr_matrix, issparse
from sklearn.datasets import make_multilabel_classification
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.metrics import accuracy_score, log_loss
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import LabelBinarizer

from skmlp import TFMLPClassifier
from skmlp._data.labels import binarize
from skmlp._model.records import Optimizer
from tests.helpers import fit_quietly, load, run_python, sampled_cases

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program


def small(**params):
    return TFMLPClassifier(
        **({"hidden_layer_sizes": (8,), "max_iter": 10, "random_state": 0} | params)
    )


NEW = ["class_weight", "scoring", "init", "dtype", "weight_decay", "label_smoothing", "dropout"]


def test_parameters_are_those_of_scikit_learn():
    """Check names, defaults and order; only validation_fraction differs, some are new."""
    theirs = inspect.signature(MLPClassifier).parameters
    ours = inspect.signature(TFMLPClassifier).parameters
    assert list(ours) == [*theirs, *NEW]
    for name, parameter in theirs.items():
        assert ours[name].kind == parameter.kind
        if name != "validation_fraction":
            assert ours[name].default == parameter.default, name
    assert ours["validation_fraction"].default is None


def test_accepts_the_parameters_of_scikit_learn():
    """Check that get_params of MLPClassifier can be passed on, and trains."""
    X, y = load("iris")
    clf = TFMLPClassifier(**MLPClassifier(max_iter=3).get_params())
    fit_quietly(clf, X, y)
    assert clf.n_iter_ == 3


@pytest.mark.parametrize("params", [{}, {"early_stopping": True}], ids=str)
def test_fitted_attributes_are_those_of_scikit_learn(params):
    """Check that each public attribute exists, with its type, plus the new curve."""
    X, y = load("iris")
    theirs = fit_quietly(MLPClassifier(max_iter=5, **params), X, y)
    ours = fit_quietly(TFMLPClassifier(max_iter=5, **params), X, y)

    def fitted(estimator):
        return {n for n in vars(estimator) if n.endswith("_") and not n.startswith("_")}

    assert fitted(ours) == fitted(theirs) | {"validation_loss_curve_"}
    for name in fitted(theirs) - {"loss_", "best_loss_", "best_validation_score_"}:
        assert type(getattr(ours, name)) is type(getattr(theirs, name)), name
    for name in ("loss_", "best_loss_", "best_validation_score_"):
        assert isinstance(getattr(ours, name), float | type(None))


LABELS = {
    "strings": ["setosa", "versicolor", "virginica"],
    "objects": np.array(["a", "bb", "ccc"], dtype=object),
    "booleans": [False, True, True],
    "negative": [-5, -1, 7],
    "huge": [2**62, 2**62 + 1, -(2**62)],
    "floats": [0.0, 1.0, 2.0],
    "uint8": np.array([3, 200, 7], dtype=np.uint8),
}


@pytest.mark.parametrize(("kind", "early_stopping"), sampled_cases(LABELS, [False, True]))
def test_any_labels(kind, early_stopping):
    """Check that labels of any type come back, in the same type, with the same numbers."""
    X, y = load("iris")
    labels = np.asarray(LABELS[kind])[y]
    theirs = fit_quietly(
        MLPClassifier((8,), max_iter=10, random_state=0, early_stopping=early_stopping), X, labels
    )
    ours = fit_quietly(small(early_stopping=early_stopping), X, labels)
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    predicted = ours.predict(X)
    assert predicted.dtype == theirs.predict(X).dtype
    np.testing.assert_array_equal(predicted, theirs.predict(X))
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-12)


def test_a_column_of_labels_warns():
    """Check that y of shape (n_samples, 1) is taken as one-dimensional."""
    X, y = load("iris")
    flat = fit_quietly(small(), X, y)
    with pytest.warns(DataConversionWarning):
        column = fit_quietly(small(), X, y[:, np.newaxis])
    np.testing.assert_array_equal(column.coefs_[0], flat.coefs_[0])


def test_multilabel_predictions_are_indicators():
    """Check the shapes, and that probabilities do not sum to one."""
    X, Y = make_multilabel_classification(n_samples=60, n_classes=4, random_state=0)
    clf = fit_quietly(small(max_iter=40), X, Y)
    assert clf.predict(X).shape == clf.predict_proba(X).shape == (60, 4)
    np.testing.assert_array_equal(clf.predict(X), clf.predict_proba(X) > 0.5)
    assert clf.out_activation_ == "logistic"


def test_log_proba_is_the_logarithm_without_a_warning():
    """Check probabilities that are 0."""
    X, y = load("iris")
    clf = fit_quietly(small(max_iter=50, learning_rate_init=0.1), X, y)
    log_proba = clf.predict_log_proba(1e6 * X)
    with np.errstate(divide="ignore"):
        np.testing.assert_array_equal(log_proba, np.log(clf.predict_proba(1e6 * X)))
    assert np.isneginf(log_proba).any()


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_unfitted_estimators_do_not_predict(method):
    """Check the error of scikit-learn."""
    with pytest.raises(NotFittedError):
        getattr(TFMLPClassifier(), method)([[0.0]])


@pytest.mark.parametrize(
    ("given", "dtype", "expected"),
    [
        ("float64", None, "float64"),
        ("float32", None, "float32"),
        ("float16", None, "float64"),
        ("int64", None, "float64"),
        ("float64", "float32", "float32"),
        ("float32", "float64", "float64"),
    ],
)
def test_dtype_of_training_and_prediction(given, dtype, expected):
    """Check which type the weights and the probabilities have."""
    X, y = load("iris")
    X = np.round(10 * X).astype(given)
    clf = fit_quietly(small(dtype=dtype), X, y)
    assert {a.dtype.name for a in clf.coefs_ + clf.intercepts_} == {expected}
    assert clf.predict_proba(X).dtype.name == expected


def test_validation_fraction_is_always_held_out():
    """Check that it is scored without early stopping, and that no weights are restored."""
    X, y = load("iris")
    clf = fit_quietly(small(validation_fraction=0.2), X, y)
    assert len(clf.validation_scores_) == len(clf.validation_loss_curve_) == 10
    assert clf.best_validation_score_ == max(clf.validation_scores_)
    assert clf.best_loss_ == min(clf.loss_curve_)
    assert clf.t_ == 10 * 120
    nothing = fit_quietly(small(), X, y)
    assert nothing.validation_scores_ is None
    assert nothing.validation_loss_curve_ is None
    assert nothing.best_validation_score_ is None


def test_validation_fraction_as_a_number_of_samples():
    """Check that 30 of 150 samples is the fraction 0.2."""
    X, y = load("iris")
    as_number = fit_quietly(small(validation_fraction=30), X, y)
    as_fraction = fit_quietly(small(validation_fraction=0.2), X, y)
    np.testing.assert_array_equal(as_number.coefs_[0], as_fraction.coefs_[0])
    assert as_number.validation_scores_ == as_fraction.validation_scores_


@pytest.mark.parametrize("y_kind", ["three classes", "two classes"])
def test_validation_curves_are_the_metrics(y_kind):
    """Check the curves of a user's validation set against sklearn.metrics."""
    X, y = load("iris")
    y = y if y_kind == "three classes" else np.array(["no", "yes"])[(y > 0).astype(int)]
    X_val, y_val, weight = X[::3], y[::3], np.arange(50) % 4.0
    clf = fit_quietly(small(max_iter=3), X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    for n_epochs in (1, 2, 3):
        same = fit_quietly(small(max_iter=n_epochs), X, y)
        loss = log_loss(y_val, same.predict_proba(X_val), sample_weight=weight)
        score = accuracy_score(y_val, same.predict(X_val), sample_weight=weight)
        assert clf.validation_loss_curve_[n_epochs - 1] == pytest.approx(loss, rel=1e-12)
        assert clf.validation_scores_[n_epochs - 1] == pytest.approx(score, rel=1e-12)


def test_a_validation_set_changes_no_number_of_training():
    """Check that scored samples are not trained on, and that nothing is held out."""
    X, y = load("iris")
    scored = fit_quietly(small(), X, y, X_val=X[:7], y_val=y[:7])
    plain = fit_quietly(small(), X, y)
    np.testing.assert_allclose(scored.coefs_[0], plain.coefs_[0], rtol=0, atol=1e-14)
    assert scored.t_ == plain.t_


def test_early_stopping_restores_the_best_weights():
    """Check that the model has its best score, on a validation set of the user's."""
    X, y = load("digits")
    X_val, y_val = X[1000:1300], y[1000:1300]
    clf = TFMLPClassifier(
        early_stopping=True, random_state=0, learning_rate_init=0.02, n_iter_no_change=5
    ).fit(X[:1000], y[:1000], X_val=X_val, y_val=y_val)
    assert clf.validation_scores_[-1] < clf.best_validation_score_
    assert clf.score(X_val, y_val) == pytest.approx(clf.best_validation_score_, rel=1e-12)
    assert clf.n_iter_ == np.argmax(clf.validation_scores_) + 1 + 6
    assert clf.best_loss_ is None


def test_y_val_may_lack_classes():
    """Check a validation set of one class only."""
    X, y = load("iris")
    clf = fit_quietly(small(), X, y, X_val=X[:20], y_val=y[:20])
    assert clf.validation_scores_[-1] == pytest.approx(clf.score(X[:20], y[:20]))


def test_warm_start_keeps_curves_and_weights():
    """Check that the second fit starts where the first ended."""
    X, y = load("iris")
    clf = small(warm_start=True, validation_fraction=0.2)
    for n_fits in (1, 2):
        fit_quietly(clf, X, y)
        assert clf.n_iter_ == 10
        for curve in (clf.loss_curve_, clf.validation_scores_, clf.validation_loss_curve_):
            assert len(curve) == 10 * n_fits
    assert clf.loss_curve_[10] < clf.loss_curve_[0]


def test_warm_start_with_early_stopping_keeps_the_best_weights():
    """Check later fits that find nothing better."""
    X, y = load("iris")
    X_val, y_val = X[::2], y[::2]
    clf = small(warm_start=True, early_stopping=True, max_iter=60, learning_rate_init=0.02)
    fit_quietly(clf, X[1::2], y[1::2], X_val=X_val, y_val=y_val)
    best = clf.best_validation_score_
    clf.set_params(learning_rate_init=1.0, max_iter=3)
    fit_quietly(clf, X[1::2], y[1::2], X_val=X_val, y_val=y_val)
    assert clf.validation_scores_[-1] < best
    assert clf.best_validation_score_ == best
    assert clf.score(X_val, y_val) == pytest.approx(best, rel=1e-12)


def test_warnings_point_at_the_caller():
    """Check the file that each warning names."""
    X, y = load("iris")
    with pytest.warns() as caught:
        small(batch_size=1000, max_iter=2).fit(X, y)
    assert len(caught) == 2
    assert {warning.filename for warning in caught} == {__file__}


def test_fitted_state_is_numpy_and_plain_python():
    """Check that no object of TensorFlow is kept; the optimizer is a dataclass of arrays."""
    X, y = load("iris")
    clf = fit_quietly(small(early_stopping=True), X, y)

    def modules(value):
        if isinstance(value, list | tuple):
            return set().union(*map(modules, value))
        if isinstance(value, dict):
            return modules(list(value.values()))
        if isinstance(value, Optimizer):
            return modules(list(vars(value).values()))
        return {type(value).__module__.split(".")[0]}

    assert set().union(*map(modules, vars(clf).values())) <= {"builtins", "numpy", "sklearn"}


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer signal")
def test_ctrl_c_keeps_the_model():
    """Check a KeyboardInterrupt in the middle of a fit that would not end by itself."""
    done = run_python("""
import signal, warnings
import numpy as np
from skmlp import TFMLPClassifier
X, y = np.random.RandomState(0).normal(size=(60, 3)), np.arange(60) % 3
warnings.simplefilter("ignore")
TFMLPClassifier(hidden_layer_sizes=8, max_iter=1).fit(X, y)  # compiled from here on
signal.signal(signal.SIGALRM, signal.default_int_handler)
signal.setitimer(signal.ITIMER_REAL, 1.0, 1.0)
clf = TFMLPClassifier(hidden_layer_sizes=8, max_iter=10**8, n_iter_no_change=np.inf)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    clf.fit(X, y)
signal.setitimer(signal.ITIMER_REAL, 0)
assert any("interrupted by user" in str(w.message) for w in caught)
assert 0 < clf.n_iter_ < 10**8 and len(clf.loss_curve_) == clf.n_iter_
assert clf.predict(X).shape == y.shape
""")
    assert (done.returncode, done.stderr) == (0, "")


def test_sparse_indicators_are_predicted_sparse():
    """Check predictions against MLPClassifier's; `score` accepts dense and sparse labels."""
    X, y = make_multilabel_classification(n_samples=60, random_state=0)
    theirs = fit_quietly(MLPClassifier(random_state=0, max_iter=10), X, csr_matrix(y))
    ours = fit_quietly(TFMLPClassifier(random_state=0, max_iter=10), X, csr_matrix(y))
    assert issparse(theirs.predict(X))
    assert issparse(ours.predict(X))
    np.testing.assert_array_equal(ours.predict(X).toarray(), theirs.predict(X).toarray())
    assert ours.score(X, csr_matrix(y)) == theirs.score(X, csr_matrix(y))


@pytest.mark.parametrize("convert", [int, bool, str], ids=["int", "bool", "str"])
def test_labels_in_objects_are_scored(convert):
    """Check score and cross-validation."""
    X, y = load("breast_cancer")
    labels = np.array([convert(label) for label in y], dtype=object)
    clf = fit_quietly(small(max_iter=40), X, labels)
    assert clf.score(X, labels) == np.mean(clf.predict(X) == labels) > 0.8


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_predict_checks_rows_that_look_ready(dtype, value):
    """Check faults in arrays that need no conversion, and sums that overflow."""
    X, y = load("iris")
    X = X.astype(dtype)
    clf = fit_quietly(TFMLPClassifier(max_iter=2, random_state=0), X, y)
    faulty = X[:3].copy()
    faulty[1, 2] = value
    with pytest.raises(ValueError, match=r"X contains (NaN|infinity)"):
        clf.predict(faulty)
    with pytest.raises(ValueError, match="expecting 4 features"):
        clf.predict(X[:, :3])
    large = np.full((2, 4), np.finfo(dtype).max)
    assert clf.set_params(activation="identity").predict(large).shape == (2,)


@pytest.mark.parametrize(
    "y",
    [
        np.array([2, 0, 1, 2]),
        np.array([-1, 1, 1, -1]),
        np.array([3, 3, 3, 3]),
        np.array([0.5, 1.5, 0.5, 1.5]).round(),
        np.array([True, False, False, True]),
        np.array(["b", "a", "ccc", "a"]),
        np.array(["b", "a", "b", "a"], dtype=object),
        np.array([[1, 0], [1, 1], [0, 0], [0, 1]]),
    ],
    ids=str,
)
def test_targets_are_those_of_label_binarizer(y):
    """Check the targets, which are found without its repeated checks, in a warm start too."""
    X = np.arange(8.0).reshape(4, 2)
    expected = LabelBinarizer().fit_transform(y)
    clf = TFMLPClassifier(max_iter=1, warm_start=True)
    for _ in range(2):
        fit_quietly(clf, X, y)
        targets = binarize(clf._label_binarizer, y)
        assert targets.dtype == bool
        np.testing.assert_array_equal(targets, expected)
    np.testing.assert_array_equal(clf._decode_targets(targets), y)
