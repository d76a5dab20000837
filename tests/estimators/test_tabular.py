"""The tabular estimators: raw tables, honest scores, files, and refused input."""

import copy
import inspect
import io
import os
import pickle
import re
import threading

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
import skops.io
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.base import clone, is_classifier
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.exceptions import DataConversionWarning
from sklearn.impute import SimpleImputer
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skmlp import TabularMLPClassifier, TabularMLPRegressor
from skmlp._engine.members_session import MembersSession
from skmlp._tensorflow import forks
from skmlp.plotting import LossCurveDisplay
from tests.helpers import fit_quietly, run_python
from tests.promises.test_ecosystem import LABEL_KINDS
from tests.samples.test_table import tables

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program

both = pytest.mark.parametrize("estimator", [TabularMLPClassifier, TabularMLPRegressor])


def small(estimator, **params):
    return estimator(**{"hidden_layer_sizes": 8, "max_iter": 6, "random_state": 0, **params})


def clf(**params):
    return small(TabularMLPClassifier, **params)


def reg(**params):
    return small(TabularMLPRegressor, **params)


def mixed(n_rows, seed=0):
    """Return a table of all kinds of columns."""
    rng = np.random.RandomState(seed)
    age = rng.uniform(1, 90, n_rows)
    return pd.DataFrame(
        {
            "age": np.where(rng.uniform(size=n_rows) < 0.1, np.nan, age),
            "income": np.exp(3 * rng.standard_normal(n_rows)) * 1e5,
            "id": 2**60 + rng.randint(0, 1000, n_rows),
            "town": rng.choice(["Ulm", "Bonn", "Kiel", None], n_rows),
            "grade": pd.Categorical(rng.choice(list("abc"), n_rows)),
            "member": rng.uniform(size=n_rows) < 0.5,
            "constant": 1.0,
        }
    )


N_ROWS = 90
TABLE = mixed(N_ROWS)
LABELS = np.where((TABLE["grade"] == "a") ^ TABLE["member"], "yes", "no")
TARGET = np.log(TABLE["income"].to_numpy()) + 3 * TABLE["member"].to_numpy()
WEIGHT = np.random.RandomState(1).uniform(0.5, 2, N_ROWS)
X = np.random.RandomState(2).standard_normal((N_ROWS, 2))
CLASSES = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)


def target_of(estimator):
    return LABELS if estimator is TabularMLPClassifier else TARGET


def outputs_of(est, table=TABLE):
    return est.predict_proba(table) if is_classifier(est) else est.predict(table)


@pytest.fixture(scope="module")
def fitted():
    """Return fitted estimators of both kinds."""
    return {
        estimator: small(estimator).fit(TABLE, target_of(estimator))
        for estimator in (TabularMLPClassifier, TabularMLPRegressor)
    }


# The same bits


@both
def test_a_second_fit_and_a_clone_have_the_same_bits(estimator, fitted):
    """Check predictions, curves and scores, and that another seed has others."""
    est = fitted[estimator]
    for other in (clone(est), copy.deepcopy(est)):
        other.fit(TABLE, target_of(estimator))
        np.testing.assert_array_equal(outputs_of(other), outputs_of(est))
        np.testing.assert_array_equal(other.loss_curves_, est.loss_curves_)
        assert other.validation_scores_ == est.validation_scores_
        assert other.validation_score_ == est.validation_score_
    other = small(estimator, random_state=1).fit(TABLE, target_of(estimator))
    assert (outputs_of(other) != outputs_of(est)).any()


@both
def test_fits_at_the_same_time_have_the_same_bits(estimator, fitted):
    """Check four threads, which fit and predict more rows than one thread computes."""
    many = pd.concat([TABLE] * 10, ignore_index=True)
    expected, found = outputs_of(fitted[estimator], many), []

    def fit():
        est = small(estimator).fit(TABLE, target_of(estimator))
        found.append(outputs_of(est, many))

    threads = [threading.Thread(target=fit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for outputs in found:
        np.testing.assert_array_equal(outputs, expected)


def dump_joblib(estimator):
    stream = io.BytesIO()
    joblib.dump(estimator, stream)
    return stream.getvalue()


FORMATS = {
    "pickle": (pickle.dumps, "pickle.load(open(path, 'rb'))"),
    "joblib": (dump_joblib, "joblib.load(path)"),
    "skops": (skops.io.dumps, "skops.io.load(path, trusted=skops.io.get_untrusted_types("
              "file=path))"),
}  # fmt: skip


def test_files_predict_the_same_bits_without_tensorflow(fitted, tmp_path):
    """Check all formats in a separate process, and the names in the files."""
    TABLE.to_pickle(tmp_path / "table")
    for estimator, est in fitted.items():
        np.save(tmp_path / f"{estimator.__name__}.npy", outputs_of(est))
        for kind, (dumps, _) in FORMATS.items():
            data = dumps(est)
            (tmp_path / f"{estimator.__name__}.{kind}").write_bytes(data)
            assert b"skmlp._" not in data
    code = (
        "import pickle, joblib, os, skops.io, sys, numpy as np, pandas as pd\n"
        f"os.chdir({str(tmp_path)!r}); table = pd.read_pickle('table')\n"
        "for name in ('TabularMLPClassifier', 'TabularMLPRegressor'):\n"
    )
    for kind, (_, loads) in FORMATS.items():
        code += (
            f"    path = name + '.{kind}'; est = {loads}\n"
            "    predict = est.predict_proba if hasattr(est, 'classes_') else est.predict\n"
            "    assert predict(table).tobytes() == np.load(name + '.npy').tobytes(), path\n"
        )
    code += "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    done = run_python(code)
    assert (done.returncode, done.stderr) == (0, "")


@both
def test_skops_has_to_trust_nothing_of_others(estimator, fitted):
    """Check the types that a reader of the file has to trust."""
    types = skops.io.get_untrusted_types(data=skops.io.dumps(fitted[estimator]))
    assert all(each.startswith("skmlp.") for each in types), types


# Tables as they come


@both
def test_predictions_of_few_rows_are_those_of_many(estimator, fitted):
    """Check single rows, and all rows repeated many times."""
    est = fitted[estimator]
    outputs = outputs_of(est)
    one_by_one = [outputs_of(est, TABLE[row : row + 1])[0] for row in range(5)]
    np.testing.assert_allclose(one_by_one, outputs[:5], rtol=1e-12)
    many = outputs_of(est, pd.concat([TABLE] * 5, ignore_index=True))
    np.testing.assert_allclose(many, np.concatenate([outputs] * 5), rtol=1e-5, atol=1e-5)


@both
def test_polars_is_as_pandas(estimator, fitted):
    """Check the bits of predictions after fits to both."""
    columns = TABLE.astype(object).where(TABLE.notna(), None)
    table = pl.DataFrame({name: columns[name].tolist() for name in columns})
    est = small(estimator).fit(table, pl.Series(target_of(estimator).tolist()))
    assert list(est.feature_names_in_) == list(TABLE.columns)
    np.testing.assert_array_equal(outputs_of(est, table), outputs_of(fitted[estimator]))
    np.testing.assert_array_equal(outputs_of(est, TABLE), outputs_of(fitted[estimator]))


@both
def test_lists_are_as_arrays(estimator):
    """Check X, y and weights as lists, and that they are left as they are."""
    y = CLASSES if estimator is TabularMLPClassifier else X[:, 0]
    expected = outputs_of(small(estimator).fit(X, y, WEIGHT), X)
    lists = X.tolist(), y.tolist(), WEIGHT.tolist()
    before = copy.deepcopy(lists)
    np.testing.assert_array_equal(outputs_of(small(estimator).fit(*lists), X.tolist()), expected)
    assert lists == before


@both
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_the_output_of_transformers_does_not_matter(estimator, library, fitted):
    """Check a configuration in which scikit-learn's transformers return DataFrames."""
    with sklearn.config_context(transform_output=library):
        est = small(estimator).fit(TABLE, target_of(estimator))
        np.testing.assert_array_equal(outputs_of(est), outputs_of(fitted[estimator]))


@both
def test_what_fit_has_not_seen_is_predicted(estimator, fitted):
    """Check unseen categories, other types, and rows of only missing values."""
    unseen = TABLE.assign(
        town="Rom", grade="z", member=None, age=None, income=np.nan, id=-(2**62), constant=7
    )
    outputs = outputs_of(fitted[estimator], unseen)
    assert np.isfinite(outputs).all()
    # Not the last bit, which may depend on where a row stands in a product of matrices.
    np.testing.assert_allclose(outputs, np.broadcast_to(outputs[:1], outputs.shape), rtol=1e-6)


@both
def test_columns_are_told_by_their_names(estimator, fitted):
    """Check reordered columns, other columns, an array; errors name the estimator."""
    est, name = fitted[estimator], estimator.__name__
    with pytest.raises(ValueError, match="same order"):
        est.predict(TABLE[TABLE.columns[::-1]])
    with pytest.raises(ValueError, match="unseen at fit time"):
        est.predict(TABLE.rename(columns={"age": "old"}))
    y = target_of(estimator)
    with pytest.raises(ValueError, match=r"X_val: The feature(?s:.*)same order"):
        clone(est).fit(TABLE, y, X_val=TABLE[TABLE.columns[::-1]], y_val=y)
    with pytest.warns(UserWarning, match=f"{name} was fitted with feature names"):
        est.predict(TABLE.to_numpy())
    with pytest.raises(ValueError, match=f"X has 1 features, but {name} is expecting 2"):
        small(estimator).fit(X, CLASSES).predict(X[:, :1])


def test_fitted_attributes_tell_of_the_columns(fitted):
    """Check names, kinds and categories."""
    est = fitted[TabularMLPClassifier]
    assert est.n_features_in_ == 7
    assert est.feature_names_in_.tolist() == TABLE.columns.tolist()
    assert est.is_categorical_.tolist() == [False, False, False, True, True, True, False]
    expected = [["Bonn", "Kiel", "Ulm"], ["a", "b", "c"], [False, True]]
    assert [each.tolist() for each in est.categories_] == expected
    assert not hasattr(clone(est).fit(X, CLASSES), "feature_names_in_")


@both
def test_fitted_attributes_tell_of_training(estimator):
    """Check the curves, the best epochs, and the shapes of the networks that are kept."""
    est = small(estimator, n_networks=3, n_best_epochs=2).fit(TABLE, target_of(estimator))
    assert est.n_iter_ == 6
    assert est.loss_curves_.shape == (6, 3)
    np.testing.assert_allclose(est.loss_curve_, est.loss_curves_.mean(axis=1))
    assert est.loss_ == est.loss_curve_[-1]
    assert len(est.validation_scores_) == len(est.validation_loss_curve_) == 6
    ranked = sorted(range(6), key=lambda epoch: (est.validation_scores_[epoch], epoch))
    assert est.best_epochs_ == sorted(epoch + 1 for epoch in ranked[-2:])
    n_outputs = 2 if estimator is TabularMLPClassifier else 1
    assert [coef.shape[::2] for coef in est.coefs_] == [(6, 8), (6, n_outputs)]
    assert [bias.shape for bias in est.intercepts_] == [(6, 8), (6, n_outputs)]


@pytest.mark.parametrize("kind", LABEL_KINDS)
def test_labels_of_every_kind_come_back(kind):
    """Check the classes, and that predictions are labels of y."""
    y = LABEL_KINDS[kind]
    data = sklearn.datasets.load_iris().data
    est = clf(max_iter=20, hidden_layer_sizes=16).fit(data, y)
    expected = np.asarray(pd.Series(y))
    assert est.classes_.tolist() == np.unique(expected).tolist()
    y_pred = est.predict(data)
    assert (y_pred == expected).mean() > 0.9
    assert est.score(data, expected.tolist()) == (y_pred == expected).mean()


@pytest.mark.parametrize(
    "y",
    [pd.DataFrame({"y": TARGET}), TARGET[:, np.newaxis], pd.DataFrame({"y": CLASSES})],
)
def test_a_column_of_targets_warns(y):
    """Check scikit-learn's warning, and that predictions have one dimension."""
    est = reg() if np.asarray(y).dtype == float else clf()
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        est.fit(TABLE, y)
    assert est.predict(TABLE).shape == (N_ROWS,)


# Inside scikit-learn


@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_a_search_and_a_cross_validation_in_two_jobs(backend):
    """Check that threads and processes find the scores of one fit after another."""
    expected = cross_val_score(clf(), TABLE, LABELS, cv=3)
    with joblib.parallel_config(backend, n_jobs=2):
        scores = cross_val_score(clf(), TABLE, LABELS, cv=3)
        np.testing.assert_array_equal(scores, expected)
        search = GridSearchCV(clf(), {"weight_decay": [0.0, 0.3]}, cv=3).fit(TABLE, LABELS)
    assert search.best_score_ == search.cv_results_["mean_test_score"].max()
    assert search.predict(TABLE).shape == (N_ROWS,)


@both
def test_pipelines_of_data_frames(estimator):
    """Check a ColumnTransformer before it, of which DataFrames come out."""
    impute = ColumnTransformer(
        [("impute", SimpleImputer(), make_column_selector(dtype_include=float))],
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    pipeline = make_pipeline(impute, small(estimator)).fit(TABLE, target_of(estimator))
    assert set(pipeline[-1].feature_names_in_) == set(TABLE.columns)
    assert pipeline[-1].is_categorical_.sum() == 3
    assert pipeline.predict(TABLE).shape == (N_ROWS,)


@both
def test_metadata_is_routed(estimator):
    """Check weights and a validation set through a pipeline, against a fit without one."""
    y = CLASSES if estimator is TabularMLPClassifier else X[:, 0]
    given = {"sample_weight": WEIGHT, "X_val": X[:20], "y_val": y[:20]}
    given["sample_weight_val"] = WEIGHT[:20]
    with sklearn.config_context(enable_metadata_routing=True):
        est = small(estimator).set_fit_request(**dict.fromkeys(given, True))
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = Pipeline([("scale", scaler), ("net", est)], transform_input=["X_val"])
        pipeline.fit(X, y, **given)
    scale = StandardScaler().fit(X)
    alone = small(estimator)
    alone.fit(scale.transform(X), y, **given | {"X_val": scale.transform(X[:20])})
    np.testing.assert_array_equal(pipeline.predict(X), alone.predict(scale.transform(X)))
    assert pipeline[-1].validation_scores_ == alone.validation_scores_


@both
def test_curves_are_drawn(estimator, fitted):
    """Check LossCurveDisplay."""
    est = fitted[estimator]
    display = LossCurveDisplay.from_estimator(est)
    np.testing.assert_array_equal(display.train_line_.get_ydata(), est.loss_curve_)
    np.testing.assert_array_equal(display.validation_line_.get_ydata(), est.validation_loss_curve_)
    np.testing.assert_array_equal(display.score_line_.get_ydata(), est.validation_scores_)
    assert display.ax_.get_xlabel() == "epoch"


@both
def test_parameters_are_few_and_by_name(estimator):
    """Check that all are constrained, and that all but the first two must be named."""
    names = set(estimator().get_params())
    assert set(estimator._parameter_constraints) == names
    kinds = [each.kind for each in inspect.signature(estimator).parameters.values()]
    assert kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD) == 2


# Weights, scores and validation sets


@both
def test_rows_of_no_weight_are_neither_trained_on_nor_held_out(estimator):
    """Check that their targets do not matter, however large."""
    weight = np.ones(N_ROWS)
    weight[:9] = 0
    y = CLASSES if estimator is TabularMLPClassifier else X[:, 0].copy()
    est = small(estimator).fit(X, y, weight)
    changed = y.copy()
    changed[:9] = changed[9:18] if estimator is TabularMLPClassifier else 1e30
    other = small(estimator).fit(X, changed, weight)
    np.testing.assert_array_equal(outputs_of(other, X), outputs_of(est, X))
    assert other.validation_scores_ == est.validation_scores_


@both
@pytest.mark.parametrize("factor", [1e-300, 0.125, 1e300])
def test_only_ratios_of_weights_matter(estimator, factor):
    """Check factors too large for float32; equal weights count as no weights."""
    y = CLASSES if estimator is TabularMLPClassifier else X[:, 0]
    alike = outputs_of(small(estimator).fit(X, y, np.full(N_ROWS, factor)), X)
    np.testing.assert_array_equal(alike, outputs_of(small(estimator).fit(X, y), X))
    weight = np.where(X[:, 0] > 0, 0.25, 1)
    expected = outputs_of(small(estimator).fit(X, y, weight), X)
    np.testing.assert_array_equal(
        outputs_of(small(estimator).fit(X, y, weight * factor), X), expected
    )


def test_class_weight_is_a_factor_of_the_weights():
    """Check a dict, "balanced", and factors too large for float32."""
    y = (X[:, 0] > 1).astype(int)
    count = np.bincount(y)
    balanced = (N_ROWS / (2 * count))[y]
    for class_weight, weight in (
        ({0: 1, 1: 4}, np.where(y, 4.0, 1)),
        ({0: 1e300, 1: 4e300}, np.where(y, 4.0, 1)),
        ("balanced", balanced),
    ):
        est = clf(class_weight=class_weight).fit(X, y)
        expected = clf().fit(X, y, weight)
        np.testing.assert_allclose(est.predict_proba(X), expected.predict_proba(X), atol=1e-4)
    only = clf(class_weight={0: 0, 1: 1}).fit(X, y)
    np.testing.assert_array_equal(only.predict_proba(X), clf().fit(X, y, y).predict_proba(X))
    with pytest.raises(ValueError, match="leaves no sample with a weight"):
        clf(class_weight={0: 0, 1: 0}).fit(X, y)


@both
def test_a_validation_set_of_the_users(estimator):
    """Check that the score is that of the predictions for it, by accuracy and R2."""
    y = CLASSES if estimator is TabularMLPClassifier else 1e3 * X[:, 0]
    new = np.random.RandomState(3).standard_normal((31, 2))
    y_new = (new[:, 0] > 0).astype(int) if estimator is TabularMLPClassifier else 5e3 * new[:, 0]
    weight = np.random.RandomState(4).uniform(0, 1, 31)
    est = small(estimator).fit(X, y, X_val=new, y_val=y_new, sample_weight_val=weight)
    expected = est.score(new, y_new, weight)
    np.testing.assert_allclose(est.validation_score_, expected, rtol=1e-5)
    est = small(estimator).fit(X, y, X_val=new[:1], y_val=y_new[:1])
    assert np.isnan(est.validation_score_) == (estimator is TabularMLPRegressor)


def test_the_temperature_makes_the_loss_least():
    """Check a user's validation set: other temperatures have a larger loss."""
    new = np.random.RandomState(3).standard_normal((200, 2))
    y_new = (new[:, 0] > 0).astype(int) + (new[:, 1] > 0.5)
    est = clf().fit(X, CLASSES, X_val=new, y_val=y_new)

    def loss(temperature):
        other = copy.copy(est)
        other.temperature_ = temperature
        proba = other.predict_proba(new)
        return -np.log(proba[np.arange(200), y_new]).mean()

    least = loss(est.temperature_)
    assert least < min(loss(est.temperature_ * 1.1), loss(est.temperature_ / 1.1))
    plain = clf(calibrate=False).fit(X, CLASSES, X_val=new, y_val=y_new)
    assert plain.temperature_ == 1.0
    assert loss(1.0) > least


def test_scores_by_name_and_by_a_function():
    """Check the scores that choose epochs against metrics of the predictions for X_val."""
    y = (X[:, 0] + X[:, 1] > 0).astype(int)
    new = np.random.RandomState(3).standard_normal((60, 2))
    given = {"X_val": new, "y_val": (new[:, 0] > 0).astype(int)}

    def with_weight(est, features, y_true, sample_weight):
        assert sample_weight.shape == y_true.shape
        return np.array(est.score(features, y_true))

    for scoring, metric in (
        (None, lambda est: est.score(new, given["y_val"])),
        ("roc_auc", lambda est: roc_auc_score(given["y_val"], est.predict_proba(new)[:, 1])),
        ("neg_mean_absolute_error", lambda est: est.score(new, given["y_val"]) - 1),
        (with_weight, lambda est: est.score(new, given["y_val"])),
        (lambda est, features, y_true: est.predict(features).mean(),
         lambda est: est.predict(new).mean()),
    ):  # fmt: skip
        est = clf(scoring=scoring).fit(X, y, **given)
        np.testing.assert_allclose(est.validation_score_, metric(est), rtol=1e-6)
    for scoring in ("loss", "neg_log_loss"):
        est = clf(scoring=scoring).fit(X, y, **given)
        assert est.validation_scores_ == [-loss for loss in est.validation_loss_curve_]
    est = reg(scoring="neg_mean_absolute_error").fit(X, y, **given)
    error = abs(est.predict(new) - given["y_val"]).mean()
    np.testing.assert_allclose(est.validation_score_, -error, rtol=1e-5)
    est = reg(scoring="loss").fit(X, y, **given)
    assert est.validation_scores_ == [-loss for loss in est.validation_loss_curve_]


def test_scores_that_ask_for_all_classes():
    """Check log-loss if a class has a single row, which is never held out."""
    y = np.append(CLASSES[:-1], 7)
    assert np.isfinite(clf(scoring="neg_log_loss").fit(X, y).validation_score_)


def test_scores_of_counts_are_not_of_numbers_below_zero():
    """Check a score that refuses negatives: rounding makes none."""
    y = np.round(np.exp(X[:, 0]))
    est = reg(scoring="neg_mean_squared_log_error").fit(X, y, X_val=X, y_val=y)
    assert np.isfinite(est.validation_scores_).all()


NOISE = 0.15


def noisy(n_rows, seed):
    rng = np.random.RandomState(seed)
    features = rng.standard_normal((n_rows, 3))
    signal = features[:, 0] + np.sin(2 * features[:, 1])
    return features, signal, rng


@both
def test_the_validation_score_is_honest(estimator):
    """Check, over some fits, that it is near the score on many new rows."""
    differences = []
    for seed in range(8):
        features, signal, rng = noisy(300, seed)
        new, new_signal, new_rng = noisy(20_000, 100 + seed)
        if estimator is TabularMLPClassifier:
            y = (signal > 0) ^ (rng.uniform(size=300) < NOISE)
            y_new = (new_signal > 0) ^ (new_rng.uniform(size=20_000) < NOISE)
        else:
            y = signal + rng.standard_normal(300)
            y_new = new_signal + new_rng.standard_normal(20_000)
        est = small(estimator, hidden_layer_sizes=32, max_iter=20, random_state=seed)
        est.fit(features, y)
        score = est.score(new, y_new)
        assert score < (1 - NOISE + 0.01 if estimator is TabularMLPClassifier else 0.62)
        differences.append(est.validation_score_ - score)
    error = np.std(differences) / np.sqrt(len(differences))
    assert abs(np.mean(differences)) < 0.01 + 2 * error
    assert error < 0.03


# Small and strange data


@pytest.mark.parametrize(
    ("y", "has_score"),
    [
        (["a"] * 7, True),  # one class
        (["a", "b"], False),
        (["a", "a"], True),
        (list("abcde"), False),
        (list("aabbc"), True),
        ([1, 2, 2, 2, 2, 2, 2], True),
        ([0, 1] * 4, True),
        ([-5, 10**9, 10**9, -5, 7, 7, 7, 7, 7], True),
    ],
)
def test_few_rows_of_classes(y, has_score):
    """Check probabilities, labels, and that a score is NaN only if no row can be held out."""
    n_rows = len(y)
    est = clf().fit(X[:n_rows], y)
    proba = est.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    assert set(est.predict(X).tolist()) <= set(y)
    assert np.isfinite(est.validation_score_) == has_score
    assert np.isfinite(est.validation_scores_).all() == has_score
    np.testing.assert_allclose(np.exp(est.predict_log_proba(X)), proba)


@pytest.mark.parametrize(
    "n_rows", [2, 3, *(pytest.param(n, marks=pytest.mark.slow) for n in (5, 9)), 17]
)
def test_few_rows_of_numbers(n_rows):
    """Check that predictions are within the range of y, and that a single row has no R2."""
    est = reg().fit(X[:n_rows], X[:n_rows, 0])
    y_pred = est.predict(X)
    assert (y_pred >= X[:n_rows, 0].min()).all()
    assert (y_pred <= X[:n_rows, 0].max()).all()
    assert np.isfinite(est.validation_score_)
    single = reg(n_networks=1).fit(X[:n_rows], X[:n_rows, 0])
    assert np.isnan(single.validation_score_) == (n_rows < 16)


@pytest.fixture(scope="module")
def plain():
    """Return a regressor that was fitted to small numbers."""
    return reg(max_iter=20).fit(X, X[:, 0])


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30, 1e150])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_the_scale_of_targets_does_not_matter(scale, offset, plain):
    """Check R2 after scaling y, with an offset much larger than its deviation."""
    y = (X[:, 0] + offset) * scale
    est = reg(max_iter=20).fit(X, y)
    np.testing.assert_allclose(est.predict(X) / scale - offset, plain.predict(X), atol=1e-2)
    assert r2_score(X[:, 0], est.predict(X) / scale - offset) > 0.8


def test_constant_targets_are_predicted():
    """Check constants that floats can't represent exactly."""
    for value in (0.1, 0.0, 1e30):
        assert set(reg().fit(X, np.full(N_ROWS, value)).predict(X).tolist()) == {value}


def test_several_targets():
    """Check shapes, a constant target, and that the training loss is a mean over the targets."""
    y = np.column_stack([X[:, 0], 1e6 * X[:, 1], np.full(N_ROWS, 3.0)])
    est = reg(max_iter=20, hidden_layer_sizes=16, dropout=0.0).fit(X, y)
    assert est.n_outputs_ == 3
    assert est.predict(X).shape == y.shape
    assert est.score(X[:, :2], y) > 0.8
    assert set(est.predict(X)[:, 2].tolist()) == {3.0}
    twice = reg(max_iter=20, hidden_layer_sizes=16, dropout=0.0).fit(X, X[:, [0, 0]])
    assert 0.3 < twice.loss_ / twice.validation_loss_curve_[-1] < 2


ENDS = [
    {"hidden_layer_sizes": ()},
    {"hidden_layer_sizes": (3, 1, 4)},
    {"n_networks": 1},
    {"n_networks": 16},
    {"max_iter": 1},
    {"n_best_epochs": 100},
    {"n_best_epochs": 1},
    {"dropout": 0.0},
    {"dropout": 0.99},
    {"weight_decay": 0.0},
    {"batch_size": 1},
    {"batch_size": 7},
    {"learning_rate_init": 1e-30},
    {"activation": "identity"},
    {"categorical_features": [0]},
]
OF_PROGRAMS = {"hidden_layer_sizes", "n_networks", "dropout", "batch_size", "activation"}
"""Parameters that make another program: each value is slow with one of the estimators."""


@pytest.mark.parametrize(
    ("estimator", "params"),
    [
        pytest.param(
            estimator,
            params,
            id=f"{estimator.__name__}-{params}",
            marks=[pytest.mark.slow] * (bool(OF_PROGRAMS & params.keys()) and number % 2 != half),
        )
        for number, params in enumerate(ENDS)
        for half, estimator in enumerate([TabularMLPClassifier, TabularMLPRegressor])
    ],
)
def test_parameters_at_their_ends(estimator, params):
    """Check that predictions are finite, and the number of networks that are kept."""
    y = CLASSES if estimator is TabularMLPClassifier else X[:, 0]
    est = small(estimator, **params).fit(X, y)
    assert np.isfinite(outputs_of(est, X)).all()
    n_kept = min(est.n_best_epochs, est.max_iter) * est.n_networks
    assert all(len(coef) == n_kept for coef in est.coefs_)
    assert np.isfinite(est.validation_score_)


def test_label_smoothing_at_its_ends():
    """Check no smoothing, and nearly complete smoothing."""
    for smoothing in (0.0, 0.99):
        assert np.isfinite(clf(label_smoothing=smoothing).fit(X, CLASSES).predict_proba(X)).all()


def test_a_batch_larger_than_the_data_warns():
    """Check that it takes no more memory than the data."""
    with pytest.warns(UserWarning, match=r"batch_size=1000000000, larger than the 79 training"):
        est = clf(batch_size=10**9).fit(X, CLASSES)
    with pytest.warns(UserWarning, match="It is going to be clipped"):
        other = clf(batch_size=80).fit(X, CLASSES)
    np.testing.assert_array_equal(est.predict_proba(X), other.predict_proba(X))


def test_wide_and_narrow_tables():
    """Check 2,000 columns of 100 rows, and one column of two values."""
    wide = np.random.RandomState(0).standard_normal((100, 2000))
    est = clf(max_iter=2).fit(wide, wide[:, 0] > 0)
    assert np.isfinite(est.predict_proba(wide)).all()
    flag = np.arange(60)[:, np.newaxis] % 2 == 0
    est = clf(max_iter=20).fit(flag, flag.ravel())
    np.testing.assert_array_equal(est.predict(flag), flag.ravel())
    nothing = clf().fit(np.zeros((20, 3)), [0] * 15 + [1] * 5)
    assert nothing.predict(np.ones((2, 3))).tolist() == [0, 0]


@pytest.mark.slow  # most tables have a shape of their own, to be compiled
@settings(max_examples=40)
@given(table=tables().filter(lambda table: len(table) > 1), data=st.data())
def test_any_table_and_any_targets(table, data):
    """Check that any table that the encoder takes is trained on, with finite predictions."""
    n_rows = len(table)
    labels = data.draw(st.lists(st.integers(0, 3), min_size=n_rows, max_size=n_rows))
    weight = data.draw(st.lists(st.floats(0, 1e6), min_size=n_rows, max_size=n_rows))
    weight = np.array(weight) + (not any(weight))
    for est in (clf(max_iter=2, n_networks=2), reg(max_iter=2, n_networks=2)):
        est.fit(table, labels, weight)
        outputs = outputs_of(est, table)
        assert np.isfinite(outputs).all()
        assert len(outputs) == n_rows
        assert set(est.predict(table).tolist()) <= set(labels) or not is_classifier(est)


# What is refused


@pytest.fixture
def no_training(monkeypatch):
    """Make the test fail if anything gets as far as the engine."""

    def fail(*args):
        raise AssertionError("training was started")

    monkeypatch.setattr(MembersSession, "__init__", fail)


MULTILABEL = np.column_stack([CLASSES > 0, CLASSES > 1]).astype(int)
DATES = pd.DataFrame({"when": pd.date_range("2020", periods=N_ROWS)})
MIXED_LABELS = np.array([1, "a"] * (N_ROWS // 2), dtype=object)

BAD = {
    "sparse": ({"X": csr_array(X)}, TypeError, "passed for X, but dense.*toarray"),
    "sparse X_val": ({"X_val": csr_array(X), "y_val": CLASSES}, TypeError, "X_val.*toarray"),
    "dates": ({"X": DATES}, TypeError, "'when' holds dates.*such as the year"),
    "dates in X_val": (
        {"X": DATES.assign(when=1), "X_val": DATES, "y_val": CLASSES},
        (TypeError, ValueError),
        "X_val: Column 'when'",
    ),
    "infinity": ({"X": np.where(X > 1, np.inf, X)}, ValueError, "Column 0 contains infinity"),
    "one row": ({"X": X[:1], "y": CLASSES[:1]}, ValueError, r"1 sample\(s\)"),
    "no rows": ({"X": X[:0], "y": CLASSES[:0]}, ValueError, r"0 sample\(s\)"),
    "1-D": ({"X": X[:, 0]}, ValueError, "Expected 2D array"),
    "3-D": ({"X": X[:, :, np.newaxis]}, ValueError, "dim 3"),
    "lengths": ({"y": CLASSES[:-1]}, ValueError, r"X and y: .*\[90, 89\]"),
    "scalar": ({"y": 3}, TypeError, "X and y: .*got <class 'int'>"),
    "no y": ({"y": None}, ValueError, "requires y"),
    "NaN in y": ({"y": np.where(CLASSES, np.nan, 1)}, ValueError, "y contains NaN"),
    "infinity in y": ({"y": np.where(CLASSES, np.inf, 1)}, ValueError, "y contains infinity"),
    "sparse y": ({"y": csr_array(MULTILABEL)}, TypeError, "passed for y, but dense"),
    "few weights": ({"sample_weight": WEIGHT[1:]}, ValueError, r"sample_weight.shape == \(89,\)"),
    "negative weights": ({"sample_weight": -WEIGHT}, ValueError, "Negative.*sample_weight"),
    "NaN weights": ({"sample_weight": WEIGHT * np.nan}, ValueError, "sample_weight contains NaN"),
    "zero weights": (
        {"sample_weight": WEIGHT * 0},
        ValueError,
        "sample_weight: .*at least one non-zero",
    ),
    "huge weights": (
        {"sample_weight": np.full(N_ROWS, 1e308)},
        ValueError,
        "sample_weight: .*too large",
    ),
    "X_val alone": ({"X_val": X}, ValueError, "X_val was given without y_val"),
    "y_val alone": ({"y_val": CLASSES}, ValueError, "y_val was given without X_val"),
    "weights of X_val alone": ({"sample_weight_val": WEIGHT}, ValueError, "sample_weight_val"),
    "columns of X_val": ({"X_val": X[:, :1], "y_val": CLASSES}, ValueError, "X_val has 1 feat"),
    "lengths of X_val": ({"X_val": X, "y_val": CLASSES[1:]}, ValueError, r"y_val.*\[90, 89\]"),
}
BAD_FOR_CLASSES = {
    "multilabel": ({"y": MULTILABEL}, ValueError, r"y has shape \(90, 2\).*MultiOutputClassifier"),
    "two columns": ({"y": MULTILABEL + 3}, ValueError, r"y has shape.*one label for each row"),
    "numbers": ({"y": X[:, 0]}, ValueError, "y: Unknown label type: continuous"),
    "labels of two types": ({"y": MIXED_LABELS}, TypeError, "y has labels of several types"),
    "unseen labels": ({"X_val": X, "y_val": CLASSES + 1}, ValueError, r"y_val has labels.*\[3\]"),
    "multilabel y_val": ({"X_val": X, "y_val": MULTILABEL}, ValueError, "y_val has shape"),
}
BAD_FOR_NUMBERS = {
    "strings": ({"y": ["a"] * N_ROWS}, TypeError, "y has the type <U1, expected numbers"),
    "3-D y": ({"y": np.zeros((N_ROWS, 2, 2))}, ValueError, "y: Found array with dim 3"),
    "huge y": ({"y": X[:, 0] * 1e200}, ValueError, "squares are too large"),
    "columns of y_val": ({"X_val": X, "y_val": MULTILABEL}, ValueError, "y_val has 2 columns"),
}
CASES = [
    *((estimator, case) for case in BAD.values() for estimator in (clf, reg)),
    *((clf, case) for case in BAD_FOR_CLASSES.values()),
    *((reg, case) for case in BAD_FOR_NUMBERS.values()),
]
NAMES = [*(name for name in BAD for _ in "cr"), *BAD_FOR_CLASSES, *BAD_FOR_NUMBERS]


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize(("make", "case"), CASES, ids=NAMES)
def test_bad_data_is_named(make, case):
    """Check arrays that can't be used or do not fit together, and that nothing is left behind."""
    arrays, error, words = case
    est = make()
    with pytest.raises(error, match=words):
        est.fit(**{"X": X, "y": CLASSES, **arrays})
    assert set(vars(est)) == set(est.get_params())


BAD_PARAMETERS = {
    "hidden_layer_sizes": (0, 2.5, "ten", None, (5, 0)),
    "activation": ("softmax", None),
    "n_networks": (0, 1.5),
    "max_iter": (0, None),
    "learning_rate_init": (0, -1, np.nan),
    "dropout": (1.0, -0.1, (0.1, 0.1)),
    "weight_decay": (-1, None),
    "label_smoothing": (1.0, -0.1),
    "batch_size": (0, "full", 1.5),
    "n_best_epochs": (0, None),
    "calibrate": ("yes",),
    "categorical_features": ("all", [5], [True]),
    "class_weight": ("even", [1, 2]),
    "scoring": ("accurate", 1),
    "verbose": (-1,),
    "random_state": ("seed", -1),
}


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in BAD_PARAMETERS.items() for value in values],
)
def test_bad_parameters_are_named(name, value):
    """Check wrong types and ranges of every parameter."""
    assert set(BAD_PARAMETERS) == set(TabularMLPClassifier().get_params())
    with pytest.raises((ValueError, TypeError), match=name):
        clf(**{name: value}).fit(X, CLASSES)


def test_scorers_that_do_not_fit_are_named():
    """Check scorers of another task or number of classes, and one that returns a word."""
    with pytest.raises(ValueError, match="scoring='roc_auc' can't score"):
        reg(scoring="roc_auc").fit(X, X[:, 0])
    with pytest.raises(ValueError, match="scoring='f1' can't score"):
        clf(scoring="f1").fit(X, CLASSES)
    with pytest.raises(ValueError, match="must return a number, got 'good' of type str"):
        clf(scoring=lambda *args: "good").fit(X, CLASSES)


@both
@pytest.mark.parametrize("params", [{"learning_rate_init": 1e30}, {"weight_decay": 1e30}], ids=str)
def test_training_that_diverges_is_an_error(estimator, params):
    """Check that it is an error, not a warning, and that no NaN is predicted."""
    est = small(estimator, **params)
    with pytest.raises(ValueError, match=f"Training diverged: epoch .*{next(iter(params))}=1e"):
        est.fit(X, CLASSES)
    assert set(vars(est)) == set(est.get_params())


FAILURES = {
    "parameter": lambda est, y: est.set_params(dropout=2.0).fit(X, y),
    "table": lambda est, y: est.fit(DATES, y),
    "targets": lambda est, y: est.fit(X, y[:-1]),
    "validation set": lambda est, y: est.fit(X, y, X_val=X[:, :1], y_val=y),
    "training": lambda est, y: est.set_params(weight_decay=1e30).fit(X, y),
    "score": lambda est, y: est.set_params(scoring=lambda *args: 1 / 0).fit(X, y),
}


@both
@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_fit_changes_nothing(estimator, failure, fitted):
    """Check every attribute, and the numbers that were drawn from a RandomState."""
    est = copy.deepcopy(fitted[estimator]).set_params(random_state=np.random.RandomState(5))
    before = copy.deepcopy(vars(est))
    with pytest.raises((ValueError, TypeError, ZeroDivisionError)):
        FAILURES[failure](est, target_of(estimator))
    assert vars(est).keys() == before.keys()
    changed = {"dropout", "weight_decay", "scoring"}
    for name in before.keys() - changed:
        assert pickle.dumps(vars(est)[name]) == pickle.dumps(before[name]), name


@both
def test_an_interrupt_keeps_what_was_trained(estimator, monkeypatch):
    """Check Ctrl-C in the third epoch, and in the first, which raises."""
    run, calls = MembersSession.run_epoch, []

    def interrupted(session, *args):
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run(session, *args)

    monkeypatch.setattr(MembersSession, "run_epoch", interrupted)
    est = small(estimator)
    with pytest.warns(UserWarning, match="Training interrupted by user") as caught:
        est.fit(TABLE, target_of(estimator))
    assert caught[0].filename == __file__
    assert est.n_iter_ == len(est.validation_scores_) == 2
    assert est.best_epochs_ == [1, 2]
    assert len(est.coefs_[0]) == 8
    assert np.isfinite(outputs_of(est)).all()
    monkeypatch.setattr(
        MembersSession, "run_epoch", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt)
    )
    est = small(estimator)
    with pytest.raises(KeyboardInterrupt):
        est.fit(TABLE, target_of(estimator))
    assert set(vars(est)) == set(est.get_params())


def test_fit_in_a_process_that_was_forked_too_late_raises(monkeypatch, fitted):
    """Check the flag that a fork leaves: fit raises, predict works."""
    monkeypatch.setattr(forks._Notes, "was_forked_too_late", True)
    with pytest.raises(RuntimeError, match="forked after TensorFlow had run"):
        clf().fit(X, CLASSES)
    assert outputs_of(fitted[TabularMLPClassifier]).shape == (N_ROWS, 2)


@pytest.mark.tensorflow_internals
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_fit_in_a_forked_process_raises_at_once():
    """Check a real fork after a fit: fit raises, predict works."""
    code = (
        "import os\nfrom tests.estimators.test_tabular import *\n"
        "est = clf().fit(X, CLASSES); many = np.concatenate([X] * 9); est.predict(many)\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    est.predict(many)\n"
        "    try:\n        est.fit(X, CLASSES)\n"
        "    except RuntimeError as error:\n        print(error, flush=True); os._exit(3)\n"
        "    os._exit(4)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3"
    )
    done = run_python(code)
    assert (done.returncode, done.stderr) == (0, "")
    assert "forked after TensorFlow had run" in done.stdout


@both
def test_verbose_prints_a_line_an_epoch(estimator, capsys):
    """Check all numbers in the lines, and that nothing is printed otherwise."""
    est = small(estimator, max_iter=2, verbose=True).fit(TABLE, target_of(estimator))
    lines = capsys.readouterr().out.splitlines()
    numbers = [[float(each) for each in re.findall(r"-?\d+\.?\d*", line)] for line in lines]
    curves = (est.loss_curve_, est.validation_loss_curve_, est.validation_scores_)
    expected = [[epoch + 1, *(curve[epoch] for curve in curves)] for epoch in range(2)]
    np.testing.assert_allclose(numbers, expected, atol=6e-5)
    small(estimator, max_iter=2).fit(TABLE, target_of(estimator))
    assert capsys.readouterr().out == ""


# Accuracy


def test_a_mixed_table_is_learnt_better_than_by_scaling():
    """Check against scikit-learn's network on scaled numbers and indicators."""
    table, new = mixed(600, seed=1), mixed(4000, seed=2)

    def labels(frame):
        log_income = np.log(frame["income"]) / 3
        return (np.sin(3 * log_income) + (frame["grade"] == "a") - frame["member"] > 0).to_numpy()

    numbers, words = ["age", "income", "id"], ["town", "grade", "member"]
    encode = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
            ("words", OneHotEncoder(handle_unknown="ignore"), words),
        ]
    )
    peer = make_pipeline(encode, MLPClassifier((32, 32), random_state=0))
    fit_quietly(peer, table, labels(table))
    est = TabularMLPClassifier((32, 32), max_iter=30, random_state=0).fit(table, labels(table))
    assert est.score(new, labels(new)) > peer.score(new, labels(new)) + 0.05
    assert est.score(new, labels(new)) > 0.85


def test_the_defaults_solve_xor():
    """Check a table in which no column tells anything alone."""
    rng = np.random.RandomState(0)
    features, new = rng.uniform(-1, 1, (400, 2)), rng.uniform(-1, 1, (2000, 2))
    y, y_new = (np.prod(each, axis=1) > 0 for each in (features, new))
    est = TabularMLPClassifier(random_state=0).fit(features, y)
    assert est.score(new, y_new) > 0.93
    words = pd.DataFrame({"a": np.where(features[:, 0] > 0, "u", "v"), "b": features[:, 1] > 0})
    assert TabularMLPClassifier((16,), random_state=0).fit(words, y).score(words, y) == 1
