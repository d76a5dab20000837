"""A checkpoint is resumed with equal values of any type and layout, and with no others."""

import enum
from copy import copy
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse

from skmlp import TFMLPClassifier, TFMLPRegressor
from skmlp._data.checks import ValidationSet
from skmlp._estimators.base import Call
from skmlp._training.snapshot import fingerprint
from skmlp.callbacks import Checkpoint
from tests.helpers import Callback, fit_quietly, load

pytestmark = pytest.mark.uncompiled  # hashes are of the host


class Name(str, enum.Enum):  # noqa: UP042
    """Strings whose `str` differs from their value."""

    SGD = "sgd"


def ramp(t):
    return 1 - t


PAIRS = [
    ("hidden_layer_sizes", [(6,), [6], 6, np.array([6]), np.int64(6), (np.int32(6),)]),
    ("hidden_layer_sizes", [(6, 3), [6, 3], np.array([6, 3]), pd.Series([6, 3])]),
    ("alpha", [1, 1.0, np.float64(1), np.float32(1), np.int8(1), Fraction(1)]),
    ("alpha", [0.5, np.float32(0.5), Fraction(1, 2)]),
    ("activation", ["tanh", np.str_("tanh"), np.array(["tanh"])[0]]),
    ("solver", ["sgd", Name.SGD]),
    ("learning_rate_init", [0.25, np.float16(0.25)]),
    ("batch_size", [50, np.int64(50)]),
    ("random_state", [3, np.int64(3), np.uint8(3)]),
    ("shuffle", [True, np.True_]),
    ("n_iter_no_change", [np.inf, float("inf"), np.float32(np.inf)]),
    ("validation_fraction", [0.25, np.float32(0.25)]),
    ("dropout", [0.5, (0.5,), [0.5], np.array([0.5])]),
    ("dropout", [0, 0.0, (0,), np.zeros(1), [0.0]]),
    ("weight_decay", [0, 0.0, np.float64(0)]),
    ("label_smoothing", [1 / 4, np.float32(1 / 4)]),
    ("class_weight", [{0: 1, 1: 2, 2: 3}, {2: 3.0, np.int64(1): 2.0, 0: np.float64(1)}]),
    ("learning_rate", [ramp]),
]
"""Parameters, and equal values of each."""


class Crash(Callback):
    """Ends a fit after its first epoch."""

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch":
            raise RuntimeError("the process ends")


def make(estimator=TFMLPClassifier, **params):
    defaults = {"hidden_layer_sizes": 5, "random_state": 0, "max_iter": 3, "batch_size": 50}
    return estimator(**defaults | params)


def mark(est, X, y, sample_weight=None, **validation):
    """Return the hashes by which a checkpoint recognises a fit."""
    arrays = [validation.get(name) for name in ("X_val", "y_val", "sample_weight_val")]
    plan = copy(est)._make_plan(Call(X, y, sample_weight, ValidationSet(*arrays)), None)
    return fingerprint(replace(plan, identity=est._identity()))


def crash(est, path, X, y, **fit_params):
    with pytest.raises(RuntimeError, match="the process ends"):
        fit_quietly(est.set_callbacks(Checkpoint(path), Crash()), X, y, **fit_params)
    assert joblib.load(path).n_iter_ == 1


@pytest.mark.parametrize(("name", "values"), PAIRS, ids=[name for name, _ in PAIRS])
def test_equal_parameters_of_any_type_are_the_same_fit(name, values):
    """Check the hashes with each value against those with the first value."""
    X, y = load("iris")
    expected = mark(make(**{name: values[0]}), X, y)
    for value in values[1:]:
        assert mark(make(**{name: value}), X, y) == expected


LAYOUTS = {
    "by columns": np.asfortranarray,
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "reversed": lambda X: np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1],
    "lists": lambda X: X.tolist(),
    "objects": lambda X: X.astype(object),
    "pandas": pd.DataFrame,
    "pandas of columns": lambda X: pd.DataFrame({str(i): col for i, col in enumerate(X.T)}),
    "polars": lambda X: pl.DataFrame({str(i): col for i, col in enumerate(X.T)}),
    "read-only": lambda X: np.frombuffer(X.tobytes(), X.dtype).reshape(X.shape),
}
"""Objects that hold the same numbers."""


@pytest.mark.parametrize("layout", LAYOUTS)
def test_equal_features_in_any_layout_are_the_same_fit(layout):
    """Check X, X_val and the weights."""
    X, y = load("iris")
    weight, convert = np.linspace(1, 2, len(X)), LAYOUTS[layout]
    expected = mark(make(), X, y, weight, X_val=X[::3], y_val=y[::3])
    same = mark(
        make(), convert(X), pd.Series(y), weight.tolist(), X_val=convert(X[::3]), y_val=y[::3]
    )
    assert same == expected


@pytest.mark.parametrize("size", [2**27, 0])
def test_numbers_of_another_type_are_the_same_fit(size, monkeypatch):
    """Check integers and float32 of the same values, converted at once and part by part."""
    monkeypatch.setattr("skmlp._data.checks.MAX_CONVERTED_BYTES", size)
    monkeypatch.setattr("skmlp._training.snapshot._CELLS_A_PART", 12)
    X, y = load("iris")
    X, est = np.round(X), make(dtype="float64")
    marks = [mark(est, X.astype(dtype), y) for dtype in ("f8", "f4", "i1", "u8", ">f8")]
    assert marks == [marks[0]] * len(marks)


def test_equal_targets_in_any_layout_are_the_same_fit():
    """Check several targets by columns, in a DataFrame and as integers."""
    X, y = load("two_targets")
    y, est = np.round(y), make(TFMLPRegressor)  # some of the values are -0
    for same in (np.asfortranarray(y), pd.DataFrame(y), y.astype(int), y.tolist()):
        assert mark(est, X, same) == mark(est, X, y)


@pytest.mark.parametrize("kind", ["csc", "coo", "matrix", "64 bits", "disordered", "doubled"])
def test_equal_sparse_features_are_the_same_fit(kind):
    """Check other formats, wider indices, and entries out of order or in two parts."""
    X, y = load("iris")
    X = scipy.sparse.csr_array(np.where(X > 2, X, 0))
    same = X.copy()
    if kind in ("csc", "coo"):
        same = getattr(X, f"to{kind}")()
    if kind == "matrix":
        same = scipy.sparse.csr_matrix(X)
    if kind == "64 bits":
        same.indices, same.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    if kind == "disordered":
        order = np.concatenate([np.arange(*ends)[::-1] for ends in pairwise(X.indptr)])
        same = scipy.sparse.csr_array((X.data[order], X.indices[order], X.indptr), X.shape)
    if kind == "doubled":
        halves = np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), X.indptr * 2
        same = scipy.sparse.csr_array(halves, X.shape)
    assert mark(make(), same, y) == mark(make(), X, y)


def test_a_fit_goes_on_with_equal_values(tmp_path):
    """Check every bit after resuming with other types and another layout."""
    X, y = load("iris")
    path = tmp_path / "file"
    expected = fit_quietly(make(alpha=1), X, y)
    crash(make(alpha=1), path, X, y)
    est = make(alpha=np.float32(1), hidden_layer_sizes=[5], dropout=(0,), shuffle=np.True_)
    est.set_callbacks(Checkpoint(path, every=100, resume=True), counter := Counter())
    fit_quietly(est, np.asfortranarray(X), y)
    assert counter.n_epochs == 2
    np.testing.assert_array_equal(est.coefs_[0], expected.coefs_[0])
    assert est.loss_curve_ == expected.loss_curve_


class Counter(Callback):
    """Counts the epochs of a fit."""

    def __init__(self):
        self.n_epochs = 0

    def on_fit_task_end(self, estimator, context):
        self.n_epochs += context.task_name == "epoch"


DIFFERENT = [
    ({"hidden_layer_sizes": (5, 5)}, "hidden_layer_sizes, initial weights"),
    ({"alpha": np.nextafter(1e-4, 1)}, "alpha"),
    ({"alpha": np.float32(1e-4)}, "alpha"),
    ({"activation": np.str_("tanh")}, "activation"),
    ({"batch_size": 51}, "batch_size"),
    ({"dropout": 0.1}, "dropout"),
    ({"weight_decay": 1e-9}, "weight_decay"),
    ({"shuffle": np.False_}, "shuffle"),
    ({"class_weight": {0: 1, 1: 1, 2: 1}}, "class_weight"),
    ({"random_state": np.int64(1)}, "random_state"),
    ({"scoring": "accuracy"}, "scoring"),
]


@pytest.mark.parametrize(("params", "named"), DIFFERENT, ids=str)
def test_other_parameters_are_another_fit(params, named, tmp_path):
    """Check that the error names all parameters that differ, and no others."""
    X, y = load("iris")
    path = tmp_path / "file"
    crash(make(), path, X, y)
    est = make(**params).set_callbacks(Checkpoint(path, resume=True))
    with pytest.raises(ValueError, match=f"got others for: {named}\\. Pass resume=False"):
        est.fit(X, y)


def changed(array, position, value):
    array = np.array(array)
    array[position] = value
    return array


def test_other_data_are_another_fit(tmp_path):
    """Check one number, a transposed shape, the order of rows, labels, weights and their type."""
    X, y = load("iris")
    path = tmp_path / "file"
    crash(make(), path, X, y)
    cases = [
        ("X", changed(X, (3, 1), np.nextafter(X[3, 1], 9)), y, {}),
        ("X", X[::-1], y, {}),
        ("X", scipy.sparse.csr_array(X), y, {}),
        ("y", X, changed(y, 7, 2), {}),
        ("sample_weight", X, y, {"sample_weight": changed(np.ones(len(X)), 7, 2)}),
        ("X_val, sample_weight_val, y_val", X, y, {"X_val": X, "y_val": y}),
    ]
    for named, features, labels, fit_params in cases:
        est = make().set_callbacks(Checkpoint(path, resume=True))
        with pytest.raises(ValueError, match=f"got others for: {named}\\. "):
            est.fit(features, labels, **fit_params)
    est = make(dtype="float32").set_callbacks(Checkpoint(path, resume=True))
    with pytest.raises(ValueError, match="got others for: X, dtype, initial weights, sample_wei"):
        est.fit(X, y)
