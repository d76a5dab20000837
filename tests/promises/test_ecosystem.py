"""DataFrames, metadata routing and meta-estimators."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import TFMLPClassifier, TFMLPRegressor
from tests.helpers import fit_quietly, load

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program

NAMES = ["a", "b", "c", "d"]
X, Y = load("iris")
LABELS = np.array(["setosa", "versicolor", "virginica"])[Y]

FRAMES = {"pandas": (pd.DataFrame, pd.Series), "polars": (pl.DataFrame, pl.Series)}

frames = pytest.mark.parametrize("library", FRAMES)
both = pytest.mark.parametrize("estimator", [TFMLPClassifier, TFMLPRegressor])


def frame(library, data=X, names=NAMES):
    return FRAMES[library][0](dict(zip(names, np.asarray(data).T, strict=True)))


def series(library, values):
    return FRAMES[library][1](values)


def small(estimator, **params):
    return estimator(**({"max_iter": 4, "random_state": 0, "hidden_layer_sizes": 6} | params))


@frames
@both
@pytest.mark.parametrize("params", [{}, {"early_stopping": True}, {"solver": "lbfgs"}], ids=str)
def test_frames_train_as_arrays_do(library, estimator, params):
    """Check features, targets and weights, and that the names are kept."""
    target = LABELS if estimator is TFMLPClassifier else X[:, 0] * 2
    weight = np.random.RandomState(0).uniform(0.5, 2, size=len(X))
    plain = fit_quietly(small(estimator, **params), X, target, sample_weight=weight)
    est = small(estimator, **params)
    given = (frame(library), series(library, target))
    fit_quietly(est, *given, sample_weight=series(library, weight))
    assert list(est.feature_names_in_) == NAMES
    np.testing.assert_array_equal(est.coefs_[0], plain.coefs_[0])
    np.testing.assert_array_equal(est.predict(frame(library)), plain.predict(X))


@frames
@both
def test_columns_in_another_order_are_refused(library, estimator):
    """Check predictions, partial_fit, X_val, and names that are missing."""
    est = fit_quietly(small(estimator), frame(library), series(library, Y))
    swapped = frame(library)[["b", "a", "c", "d"]]
    with pytest.raises(ValueError, match="feature names should match"):
        est.predict(swapped)
    with pytest.raises(ValueError, match="feature names should match"):
        est.partial_fit(swapped, series(library, Y))
    with pytest.raises(ValueError, match=r"X_val.*feature names should match"):
        small(estimator).fit(frame(library), Y, X_val=swapped, y_val=Y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        est.predict(X)


@frames
def test_validation_sets_may_be_frames(library):
    """Check X_val, y_val and their weights."""
    clf = small(TFMLPClassifier, scoring="accuracy")
    fit_quietly(
        clf,
        frame(library),
        series(library, LABELS),
        X_val=frame(library, X[::2]),
        y_val=series(library, LABELS[::2]),
        sample_weight_val=series(library, np.ones(75)),
    )
    assert clf.validation_scores_[-1] == clf.score(frame(library, X[::2]), LABELS[::2])


LABEL_KINDS = {
    "strings": LABELS,
    "object strings": LABELS.astype(object),
    "object integers": Y.astype(object),
    "booleans": Y > 0,
    "object booleans": (Y > 0).astype(object),
    "negative": Y - 5,
    "huge": Y.astype(np.int64) * 2**60 - 2**61,
    "unsigned": Y.astype(np.uint64) + 2**63,
    "whole floats": Y.astype(float),
    "categorical": pd.Series(pd.Categorical(LABELS)),
    "categories of numbers": pd.Series(pd.Categorical(Y + 7)),
    "nullable integers": pd.Series(Y, dtype="Int64"),
    "nullable booleans": pd.Series(Y > 0, dtype="boolean"),
    "pandas strings": pd.Series(LABELS, dtype="string"),
    "list": LABELS.tolist(),
    "one class": np.full(150, "only"),
}


@pytest.mark.parametrize("kind", LABEL_KINDS)
def test_labels_of_every_kind_come_back(kind):
    """Check that predictions are labels of y, by fit and by partial_fit."""
    y = LABEL_KINDS[kind]
    clf = fit_quietly(small(TFMLPClassifier, max_iter=40, learning_rate_init=0.02), X, y)
    expected = np.asarray(pd.Series(y))
    assert set(clf.classes_.tolist()) == set(expected.tolist())
    assert (clf.predict(X) == expected).mean() > 0.6
    assert set(clf.predict(X).tolist()) <= set(expected.tolist())
    clf.partial_fit(X, y)
    once = small(TFMLPClassifier).partial_fit(X, y, classes=np.unique(expected))
    assert set(once.predict(X).tolist()) <= set(expected.tolist())


@both
def test_metadata_is_routed_through_a_pipeline_and_a_search(estimator):
    """Check the transformed X_val, and the arguments of the estimator."""
    even, odd = slice(0, None, 2), slice(1, 100, 2)
    weight = np.random.RandomState(0).uniform(0.5, 2, size=75)
    given = {"sample_weight": weight, "X_val": X[odd], "y_val": Y[odd]}
    given["sample_weight_val"] = np.ones(50)
    with sklearn.config_context(enable_metadata_routing=True):
        est = small(estimator).set_fit_request(**dict.fromkeys(given, True))
        est.set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = Pipeline([("scale", scaler), ("net", est)], transform_input=["X_val"])
        fit_quietly(pipeline, X[even], Y[even], **given)
        search = GridSearchCV(pipeline, {"net__hidden_layer_sizes": [3, 6]}, cv=3)
        fit_quietly(search, X[even], Y[even], **given)
    scale = StandardScaler().fit(X[even])
    alone = small(estimator)
    given["X_val"] = scale.transform(X[odd])
    fit_quietly(alone, scale.transform(X[even]), Y[even], **given)
    np.testing.assert_array_equal(pipeline[-1].coefs_[0], alone.coefs_[0])
    assert pipeline[-1].validation_scores_ == alone.validation_scores_
    assert len(search.best_estimator_[-1].validation_scores_) == 4


def test_metadata_that_was_not_asked_for_is_refused():
    """Check that nothing is routed or dropped silently."""
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = Pipeline([("scale", StandardScaler()), ("net", small(TFMLPClassifier))])
        with pytest.raises(UnsetMetadataPassedError):
            pipeline.fit(X, Y, X_val=X, y_val=Y)


def test_partial_fit_has_requests_of_its_own():
    """Check that classes and weights of partial_fit can be routed."""
    with sklearn.config_context(enable_metadata_routing=True):
        clf = small(TFMLPClassifier).set_partial_fit_request(classes=True, sample_weight=True)
        routing = clf.get_metadata_routing()
    assert routing.partial_fit.requests == {"classes": True, "sample_weight": True}
    fit_names = {"sample_weight", "X_val", "y_val", "sample_weight_val"}
    assert set(routing.fit.requests) == fit_names


@both
def test_cross_validation_of_a_frame(estimator):
    """Check a whole pipeline on a DataFrame."""
    pipeline = Pipeline([("scale", StandardScaler()), ("net", small(estimator, max_iter=80))])
    pipeline.set_params(net__learning_rate_init=0.02, net__tol=0.0)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        order = np.random.RandomState(0).permutation(150)
        data = frame("pandas").iloc[order]
        scores = cross_validate(pipeline, data, Y[order], cv=3)["test_score"]
    assert scores.min() > 0.7


def test_a_regressor_in_a_transformed_target():
    """Check targets that are scaled around the estimator."""
    data, y = load("diabetes")
    inner = small(TFMLPRegressor, max_iter=60, learning_rate_init=0.01)
    reg = TransformedTargetRegressor(inner, transformer=StandardScaler())
    fit_quietly(reg, data, 1000 + 50 * y)
    assert reg.score(data, 1000 + 50 * y) > 0.4
