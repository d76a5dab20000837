"""Errors about bad values: they name the value, and say what to do."""

import datetime
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.metrics import get_scorer_names
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skmlp import TabularMLPClassifier, TabularMLPRegressor, TFMLPClassifier, TFMLPRegressor
from tests.helpers import fit_quietly, load

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program

CLASSIFIERS = [TFMLPClassifier, TabularMLPClassifier]
REGRESSORS = [TFMLPRegressor, TabularMLPRegressor]
NETWORKS = [TFMLPClassifier, TFMLPRegressor]
ALL = CLASSIFIERS + REGRESSORS

X = np.random.RandomState(0).uniform(size=(40, 2))
Y = np.arange(40) % 2
DAYS = np.datetime64("2020-01-01") + np.arange(40)


def make(estimator, **params):
    return estimator(hidden_layer_sizes=2, max_iter=2, **params)


@pytest.mark.parametrize("estimator", ALL)
@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ("acc", "'accuracy'"),
        ("Accuracy", "'accuracy'"),
        ("f1-macro", "'f1_macro'"),
        ("r2_score", "'r2'"),
        ("auc", "'roc_auc'"),
        ("mse", "'neg_mean_squared_error'"),
        ("RMSE", "'neg_root_mean_squared_error'"),
        ("log_loss", "'neg_log_loss'"),
        ("precison", "'precision'"),
        ("balanced accuracy", "'balanced_accuracy'"),
        ("los", "'loss'"),
    ],
)
def test_a_scorer_that_there_is_not_has_near_names(estimator, given, nearest):
    """Check a short message with up to three similar names, nearest first."""
    with pytest.raises(ValueError, match="The 'scoring' parameter") as error:
        make(estimator, scoring=given).fit(X, Y)
    message = str(error.value)
    assert f"Got {given!r} instead. Did you mean {nearest}" in message
    suggested = message.partition("Did you mean ")[2].partition("?")[0].split(" or ")
    assert {name.strip("'") for name in suggested} <= {"loss", *get_scorer_names()}
    assert len(suggested) <= 3
    assert "get_scorer_names() lists all names" in message
    assert len(message) < 300


@pytest.mark.parametrize("given", ["xyzzy", "", "#"])
def test_a_scorer_like_no_other_has_no_near_names(given):
    """Check that the message suggests no name."""
    with pytest.raises(ValueError, match=r"Got '.*' instead\. sklearn\.metrics.get_scorer_names"):
        make(TFMLPClassifier, scoring=given).fit(X, Y)


TABLES = {
    "text": pd.DataFrame({"a": X[:, 0], "work": ["State-gov", "Private"] * 20}),
    "categories": pd.DataFrame({"a": X[:, 0], "work": pd.Categorical(["x", "y"] * 20)}),
    "polars": pl.DataFrame({"a": X[:, 0], "work": ["State-gov", "Private"] * 20}),
    "mixed objects": pd.DataFrame({"a": X[:, 0], "work": [1, "b"] * 20}),
    "numbers as text": pd.DataFrame({"a": ["1.5", "2"] * 20, "work": ["c", "b"] * 20}),
}


@pytest.mark.parametrize("estimator", NETWORKS)
@pytest.mark.parametrize("kind", TABLES)
def test_text_in_a_table_names_its_columns_and_what_to_do(kind, estimator):
    """Check fit, X_val and predict: columns, an encoder, the tabular estimator."""
    table = TABLES[kind]
    peer = estimator.__name__.replace("TF", "Tabular")
    words = rf"text or categories in 1 of the columns: 'work'\. .*OneHotEncoder.*use {peer},"
    with pytest.raises(ValueError, match="^X: could not convert string to float.*" + words):
        make(estimator).fit(table, Y)
    numbers = pd.DataFrame({"a": X[:, 0], "work": X[:, 1]})
    with pytest.raises(ValueError, match="^X_val: could not convert.*" + words):
        make(estimator).fit(numbers, Y, X_val=table, y_val=Y)
    fitted = fit_quietly(make(estimator), numbers, Y)
    with pytest.raises(ValueError, match="^X: could not convert.*" + words):
        fitted.predict(table)


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        (np.array([["a", 1.0]] * 40, dtype=object), "1 of the columns: 0"),
        (np.array([["a", "b"]] * 40), "2 of the columns: 0, 1"),
        ([[1.0, "b"]] * 40, "1 of the columns: 1"),
        (pd.DataFrame({name: ["a"] * 40 for name in "abcdefg"}), "7 .*: 'a', 'b', 'c', 'd', 'e', "),
    ],
    ids=["objects", "strings", "lists", "many"],
)
def test_text_in_other_tables_names_its_columns(table, columns):
    """Check arrays and lists, with column numbers, and many columns."""
    with pytest.raises(ValueError, match=rf"text or categories in {columns}\.?"):
        make(TFMLPClassifier).fit(table, Y)


@pytest.mark.parametrize("estimator", NETWORKS)
def test_dates_in_a_table_name_their_column_and_what_to_do(estimator):
    """Check a column of dates, by type and in objects."""
    for table in (
        pd.DataFrame({"a": X[:, 0], "day": DAYS}),
        pd.DataFrame({"day": [datetime.date(2020, 1, 1)] * 40}),
    ):
        with pytest.raises(TypeError, match=r"^X: .*Column 'day' holds dates.*\.dt\.year"):
            make(estimator).fit(table, Y)


def test_other_errors_about_a_table_of_text_say_nothing_of_it():
    """Check wrong numbers of rows and of columns."""
    table = TABLES["text"]
    fitted = fit_quietly(make(TFMLPClassifier), table[["a"]], Y)
    with pytest.raises(ValueError, match="feature names should match") as error:
        fitted.predict(table)
    assert "OneHotEncoder" not in str(error.value)


TARGETS = {
    "dates": DAYS,
    "two columns of dates": np.column_stack([DAYS, DAYS]),
    "dates of pandas": pd.Series(DAYS),
    "dates of polars": pl.Series(DAYS),
    "dates in objects": pd.Series(DAYS).astype(object),
    "durations": DAYS - DAYS[0],
    "text": np.array(["a", "b"] * 20),
    "numbers as text": Y.astype(str),
    "bytes": Y.astype("S"),
    "records": np.zeros(40, dtype=[("a", float)]),
    "categories": pd.Series(["a", "b"] * 20, dtype="category"),
}


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("estimator", REGRESSORS)
def test_targets_that_are_no_numbers_are_refused(kind, estimator):
    """Check y and y_val; MLPRegressor raises errors too."""
    y = TARGETS[kind]
    with pytest.raises((TypeError, ValueError)):
        make(MLPRegressor).fit(X, y)
    pattern = r"\b{}(:| has the type).*(expected|expects) numbers"
    with pytest.raises((TypeError, ValueError), match=pattern.format("y")):
        make(estimator).fit(X, y)
    with pytest.raises((TypeError, ValueError), match=pattern.format("y_val")):
        make(estimator).fit(X, Y, X_val=X, y_val=y)


@pytest.mark.parametrize("estimator", REGRESSORS)
def test_targets_that_scikit_learn_makes_numbers_of_are_numbers(estimator):
    """Check objects, extension types of pandas, booleans and categories of numbers."""
    numbers = [Y.astype(object), Y.astype(str).astype(object), pd.Series(Y).astype("Int64")]
    numbers += [Y.astype(bool), pd.Series(Y, dtype="category"), Y.tolist()]
    expected = make(estimator, random_state=0)
    fit_quietly(expected, X, Y)
    for y in numbers:
        fit_quietly(make(MLPRegressor), X, y)
        reg = fit_quietly(make(estimator, random_state=0), X, y)
        np.testing.assert_array_equal(reg.predict(X), expected.predict(X))


LABELS = {
    "numbers and text": ([1, "a"] * 20, TypeError, "has labels of several types: int, str"),
    "text and numbers": (["a", 1.5] * 20, TypeError, "has labels of several types: float, str"),
    "booleans and text": ([True, "a"] * 20, TypeError, "has labels of several types: bool, str"),
    "bytes and text": ([b"a", "a"] * 20, TypeError, "has labels of several types: bytes, str"),
    "None": (["a", None] * 20, ValueError, "contains 20 missing labels"),
    "None alone": ([None] * 40, ValueError, "contains 40 missing labels"),
    "NA": (["a", pd.NA] * 20, ValueError, "contains missing values"),
    "NaN": (["a", np.nan] * 20, ValueError, "(: Input)? contains NaN"),
}


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("estimator", CLASSIFIERS)
def test_labels_that_are_not_of_one_kind_are_named(kind, estimator):
    """Check y and y_val; MLPClassifier raises errors too."""
    labels, error, words = LABELS[kind]
    labels = np.array(labels, dtype=object)
    with pytest.raises((TypeError, ValueError)):
        make(MLPClassifier).fit(X, labels)
    with pytest.raises(error, match=f"y:? ?{words}"):
        make(estimator).fit(X, labels)
    with pytest.raises(error, match=f"y_val:? ?{words}"):
        make(estimator).fit(X, Y, X_val=X, y_val=labels)


def test_classes_that_are_not_of_one_kind_are_named():
    """Check the argument of partial_fit."""
    classes = np.array(["a", 1], dtype=object)
    with pytest.raises(TypeError, match="classes has labels of several types: int, str"):
        make(TFMLPClassifier).partial_fit(X, Y, classes=classes)


NAMED = pd.DataFrame(X, columns=["a", "b"])


@pytest.mark.parametrize("estimator", ALL)
@pytest.mark.parametrize(
    ("features", "validation", "message"),
    [
        (NAMED, X, "X_val does not have valid feature names, but X has feature names"),
        (X, NAMED, "X_val has feature names, but X has none"),
    ],
    ids=["names of X alone", "names of X_val alone"],
)
def test_warnings_about_the_names_of_x_val_say_so(estimator, features, validation, message):
    """Check that one warning is about names, and the line at which it points."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make(estimator).fit(features, Y, X_val=validation, y_val=Y)
    about_names = [warning for warning in caught if "feature names" in str(warning.message)]
    assert [str(warning.message) for warning in about_names] == [message]
    assert about_names[0].filename == __file__


@pytest.mark.parametrize("estimator", ALL)
def test_errors_about_the_columns_of_x_val_say_so(estimator):
    """Check another name, and another number of columns."""
    with pytest.raises(ValueError, match=r"^X_val: The feature names should match.*\n.*\n- c"):
        make(estimator).fit(NAMED, Y, X_val=NAMED.rename(columns={"a": "c"}), y_val=Y)
    with pytest.raises(ValueError, match=r"^X_val has 1 features, expected 2 as in X"):
        make(estimator).fit(X, Y, X_val=X[:, :1], y_val=Y)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("fraction", [0, 0.0, np.float32(0)])
def test_a_validation_fraction_of_zero_holds_out_nothing(fraction, solver):
    """Check the weights against MLPClassifier's, which uses all samples too."""
    X, y = load("iris")
    params = {"hidden_layer_sizes": 4, "max_iter": 20, "solver": solver, "random_state": 0}
    theirs = fit_quietly(MLPClassifier(**params, validation_fraction=float(fraction)), X, y)
    ours = fit_quietly(TFMLPClassifier(**params, validation_fraction=fraction), X, y)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=0, atol=1e-9)
    assert ours.validation_scores_ is None


def test_a_validation_fraction_of_zero_is_no_set_to_stop_by():
    """Check the error of early stopping, and that X_val suffices."""
    X, y = load("iris")
    params = {"hidden_layer_sizes": 4, "max_iter": 2, "early_stopping": True}
    with pytest.raises(ValueError, match="test_size"):
        MLPClassifier(**params, validation_fraction=0).fit(X, y)
    clf = TFMLPClassifier(**params, validation_fraction=0)
    with pytest.raises(ValueError, match=r"validation_fraction=0 holds out nothing\. Expected"):
        clf.fit(X, y)
    fit_quietly(clf, X, y, X_val=X[::2], y_val=y[::2])
    assert len(clf.validation_scores_) == 2
    lbfgs = clf.set_params(solver="lbfgs")  # L-BFGS never stops by a score
    assert fit_quietly(lbfgs, X, y).validation_scores_ is None
