"""Conversion to ONNX: onnxruntime computes the estimators' predictions."""

import copy
import sys
from functools import cache

import numpy as np
import onnxruntime
import pytest
from skl2onnx import to_onnx
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import StackingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import TabularMLPClassifier, TabularMLPRegressor, TFMLPClassifier, TFMLPRegressor
from skmlp.onnx import register_converters
from tests.helpers import fit_quietly, load, run_python, sampled_cases, with_network

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program

X, Y = load("iris")
NAMES = np.array(["setosa", "versicolor", "virginica"])
ACTIVATIONS = ["identity", "logistic", "tanh", "relu"]
LABELS = {
    "strings": NAMES[Y],
    "objects": NAMES.astype(object)[Y],
    "integers": 10 * Y - 7,
    "huge": Y.astype(np.int64) * 2**60,
    "whole floats": Y.astype(float),
    "two integers": np.minimum(Y, 1),
    "two strings": np.where(Y > 1, "yes", "no"),
    "booleans": Y > 0,
    "one class": np.full(150, 4),
    "multilabel": np.column_stack([Y == 0, Y > 0, X[:, 0] > 5.8, X[:, 1] > 3]).astype(int),
}
VALUES = {
    "one target": ({}, X[:, 0] * 2),
    "two targets": ({}, X[:, :2]),
    "poisson": ({"loss": "poisson"}, Y),
}
TOLERANCES = {"float32": 1e-5, "float64": 1e-12}

dtypes = pytest.mark.parametrize("dtype", TOLERANCES)


@pytest.fixture(autouse=True)
def _registered():
    register_converters()


@cache
def fit(kind):
    """Return a fitted estimator, shared by tests because fitting compiles: do not change it."""
    params, y = VALUES.get(kind, ({}, LABELS.get(kind)))
    estimator = TFMLPRegressor if kind in VALUES else TFMLPClassifier
    est = estimator(hidden_layer_sizes=(7, 5), max_iter=20, random_state=0, **params)
    return fit_quietly(est, X, y)


def run(model, X, **options):
    """Return the output of onnxruntime, and check it against the declared shapes."""
    converted = to_onnx(model, X[:1], options={id(model): options} if options else None)
    session = onnxruntime.InferenceSession(
        converted.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    results = session.run(None, {"X": X})
    for output, result in zip(session.get_outputs(), results, strict=True):
        if isinstance(result, np.ndarray) and output.name != "class_labels":
            assert output.shape == [None, *result.shape[1:]]
    return results


def assert_same_predictions(model, X, tolerance):
    labels, y_prob = run(model, X, zipmap=False)
    assert labels.tolist() == model.predict(X).tolist()
    np.testing.assert_allclose(y_prob, model.predict_proba(X), rtol=0, atol=tolerance)
    return labels, y_prob


@pytest.mark.parametrize(("labels", "dtype"), sampled_cases(LABELS, TOLERANCES))
def test_classifiers_predict_the_same(labels, dtype):
    """Check labels and probabilities, which have the type of the input."""
    clf = fit(labels)
    found, y_prob = assert_same_predictions(clf, X.astype(dtype), TOLERANCES[dtype])
    assert y_prob.dtype == dtype
    assert found.dtype == (object if clf.classes_.dtype.kind in "UO" else np.int64)


@pytest.mark.parametrize(
    ("labels", "activation", "dtype"),
    sampled_cases(["strings", "booleans", "multilabel"], ACTIVATIONS, TOLERANCES),
)
def test_every_activation_of_a_classifier_is_converted(labels, activation, dtype):
    """Check each with each output activation, and with a float32 network."""
    clf = with_network(fit(labels), activation)
    assert_same_predictions(clf, X.astype(dtype), TOLERANCES[dtype])
    clf = with_network(fit(labels), activation, "float32")
    assert_same_predictions(clf, X.astype(dtype), 1e-5)


@pytest.mark.parametrize(
    ("values", "activation", "dtype"), sampled_cases(VALUES, ACTIVATIONS, TOLERANCES)
)
def test_regressors_predict_the_same(values, activation, dtype):
    """Check values relative to their size, in a column for each target."""
    reg = with_network(fit(values), activation)
    (found,) = run(reg, X.astype(dtype))
    expected = reg.predict(X.astype(dtype)).reshape(len(X), -1)
    assert (found.dtype, found.shape) == (dtype, expected.shape)
    tolerance = TOLERANCES[dtype] * max(1, abs(expected).max())
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("dtype", ["int64", "bool"])
def test_input_may_be_integers_and_booleans(dtype):
    """Check that they are taken as float32."""
    data = (3 * X > 9).astype(dtype)
    clf = fit("strings")
    assert_same_predictions(clf, data, 1e-5)
    (found,) = run(fit("one target"), data)
    assert found.dtype == np.float32


@dtypes
@pytest.mark.parametrize("labels", ["strings", "integers", "multilabel"])
def test_pipelines_are_converted(labels, dtype):
    """Check a scaler and a classifier."""
    pipeline = Pipeline([("scale", StandardScaler().fit(X)), ("net", fit(labels))])
    assert_same_predictions(pipeline, X.astype(dtype), TOLERANCES[dtype])


@pytest.mark.parametrize("kind", ["search", "calibration", "stacking"])
def test_meta_estimators_are_converted(kind):
    """Check meta-estimators that hold a pipeline, or classifiers of ours."""
    clf = TFMLPClassifier(hidden_layer_sizes=5, tol=0.05, random_state=0)
    pipeline = Pipeline([("scale", StandardScaler()), ("net", clf)])
    model = {
        "search": GridSearchCV(pipeline, {"net__alpha": [0.1, 1.0]}, cv=2),
        "calibration": CalibratedClassifierCV(clf, cv=2),
        "stacking": StackingClassifier([("net", pipeline)], cv=2),
    }[kind]
    assert_same_predictions(fit_quietly(model, X, LABELS["strings"]), X.astype("float32"), 1e-5)


def test_probabilities_are_dicts_by_default():
    """Check skl2onnx's form for all classifiers, and its columns by name."""
    data = X.astype("float32")
    clf = fit("strings")
    expected = clf.predict_proba(data)
    _, dicts = run(clf, data)
    assert [list(each) for each in dicts] == [NAMES.tolist()] * 150
    found = [list(each.values()) for each in dicts]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    _, *columns = run(clf, data, zipmap="columns")
    np.testing.assert_allclose(np.column_stack(columns), expected, rtol=0, atol=1e-5)


def test_options_of_labels():
    """Check labels that are numbers of classes, and labels as an output."""
    data = X.astype("float32")
    clf = fit("strings")
    found, _ = run(clf, data, zipmap=False, nocl=True)
    assert NAMES[found].tolist() == clf.predict(data).tolist()
    *_, classes = run(clf, data, zipmap=False, output_class_labels=True)
    assert classes.tolist() == NAMES.tolist()


def test_labels_that_onnx_cannot_hold_are_refused():
    """Check integers above those of 64 bits with a sign."""
    clf = copy.copy(fit("integers"))
    clf.classes_ = np.arange(3).astype(np.uint64) + 2**63
    with pytest.raises(ValueError, match="must be strings, or numbers that fit into signed 64-bit"):
        to_onnx(clf, X[:1])


@pytest.mark.parametrize("estimator", [TabularMLPClassifier, TabularMLPRegressor])
@pytest.mark.parametrize("in_pipeline", [False, True])
def test_estimators_for_tables_are_refused_with_the_way_out(estimator, in_pipeline):
    """Check that our error replaces skl2onnx's, and names page and estimator."""
    params = {"hidden_layer_sizes": 2, "n_networks": 1, "max_iter": 1, "n_best_epochs": 1}
    model = estimator(**params).fit(X, Y)
    model = (
        Pipeline([("scale", StandardScaler()), ("net", model)]).fit(X, Y) if in_pipeline else model
    )
    name = estimator.__name__
    words = f'{name} can.t be converted.*"Persistence and export".*{name.replace("Tabular", "TF")}'
    for options in (None, {"zipmap": False}):
        if options is None or estimator is TabularMLPClassifier:
            with pytest.raises(NotImplementedError, match=words):
                to_onnx(model, X[:1], options=options)


def test_without_registration_skl2onnx_does_not_know_them():
    """Check that importing skmlp neither imports nor changes skl2onnx."""
    code = (
        "import sys, skmlp, skmlp.onnx; assert 'skl2onnx' not in sys.modules\n"
        "from skl2onnx._supported_operators import sklearn_operator_name_map as names\n"
        "assert skmlp.TFMLPClassifier not in names\n"
        "skmlp.onnx.register_converters(); skmlp.onnx.register_converters()\n"
        "assert skmlp.TFMLPClassifier in names and skmlp.TFMLPRegressor in names\n"
        "assert 'tensorflow' not in sys.modules"
    )
    done = run_python(code)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_missing_skl2onnx_is_named_with_the_command(monkeypatch):
    """Check the error where the extra is not installed."""
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r'skl2onnx.*pip install "skmlp\[onnx\]"'):
        register_converters()
