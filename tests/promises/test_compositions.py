"""scikit-learn's meta-estimators and inspection, with our networks and with its own."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import issparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.frozen import FrozenEstimator
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import (
    TunedThresholdClassifierCV,
    cross_val_predict,
    learning_curve,
    validation_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import (
    ClassifierChain,
    MultiOutputClassifier,
    MultiOutputRegressor,
    RegressorChain,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler, scale
from sklearn.semi_supervised import SelfTrainingClassifier

from skmlp import TFMLPClassifier, TFMLPRegressor
from tests.helpers import PEERS, fit_quietly

pytestmark = pytest.mark.uncompiled  # up to rounding

# 150 samples with 4 features for every test, so that they share compiled programs.
X, Y = load_iris(return_X_y=True)
X = scale(X)
TUMOUR_X, TUMOUR = load_breast_cancer(return_X_y=True)
TUMOUR_X, TUMOUR = scale(TUMOUR_X)[:150, :4], TUMOUR[:150]
TWO_LABELS = np.column_stack([Y == 1, X[:, 0] > 0]).astype(int)
TARGET = np.sin(X[:, 0]) + X[:, 1] ** 2
TARGETS = np.column_stack([TARGET, X[:, 2] * X[:, 3]])
WEIGHT = np.random.RandomState(0).uniform(0.5, 2, size=150)


def net(estimator):
    return estimator(
        hidden_layer_sizes=6, max_iter=15, batch_size=32, learning_rate_init=0.02, random_state=0
    )


def proba(model, X=X, y=Y, **fit_params):
    return fit_quietly(model, X, y, **fit_params).predict_proba(X)


def predicted(model, y=TARGET, **fit_params):
    return fit_quietly(model, X, y, **fit_params).predict(X)


def calibrate_a_frozen_one(net):
    return proba(CalibratedClassifierCV(FrozenEstimator(fit_quietly(net, X, Y))))


def label_with_few_labels(net):
    known = np.where(np.random.RandomState(0).uniform(size=150) < 0.3, Y, -1)
    model = SelfTrainingClassifier(net, threshold=0.6, max_iter=3)
    return np.column_stack([proba(model, y=known), model.transduction_, model.labeled_iter_])


def tune_a_threshold(net):
    model = TunedThresholdClassifierCV(net, scoring="f1", cv=3, store_cv_results=True)
    fit_quietly(model, TUMOUR_X, TUMOUR)
    return [model.best_score_, model.best_threshold_, *model.cv_results_["scores"]]


def importances(net, y):
    model = fit_quietly(net, X, y)
    return permutation_importance(model, X, y, n_repeats=3, random_state=0).importances


def dependence(net, y, **params):
    return partial_dependence(fit_quietly(net, X, y), X, [2, 3], grid_resolution=5, **params)


def curve_of_sizes(net, **params):
    sizes = {"train_sizes": [0.6, 1.0], "cv": 3, "shuffle": True, "random_state": 0}
    return np.stack(learning_curve(net, X, Y, scoring="neg_log_loss", **sizes, **params)[1:3])


def curve_of_alpha(net):
    options = {"param_name": "alpha", "param_range": [1e-4, 1.0], "scoring": "neg_log_loss"}
    return np.stack(validation_curve(net, X, Y, cv=3, **options))


OF_CLASSIFIERS = {
    "cross_val_predict": lambda net: cross_val_predict(net, X, Y, cv=3, method="predict_proba"),
    "calibrated": lambda net: proba(CalibratedClassifierCV(net, cv=3)),
    "calibrated, weighted": lambda net: proba(
        CalibratedClassifierCV(net, method="isotonic", cv=3, ensemble=False), sample_weight=WEIGHT
    ),
    "calibrated, frozen": calibrate_a_frozen_one,
    "voting": lambda net: proba(
        VotingClassifier([("net", net), ("linear", LogisticRegression())], voting="soft"),
        sample_weight=WEIGHT,
    ),
    "stacking": lambda net: proba(
        StackingClassifier([("net", net), ("linear", LogisticRegression())], cv=3)
    ),
    "final of stacking": lambda net: proba(
        StackingClassifier([("linear", LogisticRegression())], net, cv=3, passthrough=True)
    ),
    "bagging": lambda net: proba(
        BaggingClassifier(net, n_estimators=3, max_samples=0.7, random_state=0),
        sample_weight=WEIGHT,
    ),
    "bagging of features": lambda net: proba(
        BaggingClassifier(net, n_estimators=3, max_features=2, random_state=0)
    ),
    "boosting": lambda net: proba(AdaBoostClassifier(net, n_estimators=3, random_state=0)),
    "one against the rest": lambda net: proba(OneVsRestClassifier(net)),
    "one against the rest, multilabel": lambda net: proba(OneVsRestClassifier(net), y=TWO_LABELS),
    "one against one": lambda net: fit_quietly(OneVsOneClassifier(net), X, Y).decision_function(X),
    "output codes": lambda net: predicted(OutputCodeClassifier(net, random_state=0), y=Y),
    "several outputs": lambda net: proba(MultiOutputClassifier(net), y=TWO_LABELS),
    "chain": lambda net: proba(ClassifierChain(net, cv=3), y=TWO_LABELS),
    "self-training": label_with_few_labels,
    "threshold": tune_a_threshold,
    "permutation importance": lambda net: importances(net, Y),
    "partial dependence": lambda net: dependence(net, Y)["average"],
    "learning curve": curve_of_sizes,
    "learning curve by partial_fit": lambda net: curve_of_sizes(
        net, exploit_incremental_learning=True
    ),
    "validation curve": curve_of_alpha,
}

OF_REGRESSORS = {
    "cross_val_predict": lambda net: cross_val_predict(net, X, TARGETS, cv=3),
    "voting": lambda net: predicted(
        VotingRegressor([("net", net), ("linear", Ridge())]), sample_weight=WEIGHT
    ),
    "stacking": lambda net: predicted(
        StackingRegressor([("net", net), ("linear", Ridge())], cv=3), sample_weight=WEIGHT
    ),
    "final of stacking": lambda net: predicted(
        StackingRegressor([("linear", Ridge())], net, cv=3, passthrough=True)
    ),
    "bagging": lambda net: predicted(
        BaggingRegressor(net, n_estimators=3, max_samples=0.7, random_state=0)
    ),
    "boosting": lambda net: predicted(AdaBoostRegressor(net, n_estimators=3, random_state=0)),
    "transformed target": lambda net: predicted(
        TransformedTargetRegressor(net, transformer=StandardScaler()), y=1000 + 50 * TARGETS
    ),
    "several outputs": lambda net: predicted(
        MultiOutputRegressor(net), y=TARGETS, sample_weight=WEIGHT
    ),
    "chain": lambda net: predicted(RegressorChain(net, cv=3), y=TARGETS),
    "permutation importance": lambda net: importances(net, TARGET),
    "individual dependence": lambda net: dependence(net, TARGET, kind="individual")["individual"],
}


def assert_same_numbers(composition, estimator):
    """Check a composition with our estimator against one with scikit-learn's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        expected = composition(net(PEERS[estimator]))
        actual = composition(net(estimator))
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", OF_CLASSIFIERS)
def test_classifiers_compose_as_scikit_learns_own(name):
    """Check that the composition gives the same numbers as with MLPClassifier."""
    assert_same_numbers(OF_CLASSIFIERS[name], TFMLPClassifier)


@pytest.mark.parametrize("name", OF_REGRESSORS)
def test_regressors_compose_as_scikit_learns_own(name):
    """Check that the composition gives the same numbers as with MLPRegressor."""
    assert_same_numbers(OF_REGRESSORS[name], TFMLPRegressor)


COLOURS = ["blue", "violet", "white"]
WORDS = ["small petals", "broad petals", "long narrow leaves", "grows in sand"]


@pytest.fixture
def flowers():
    """Return a DataFrame with numbers, a category and a text, where the text may be empty."""
    random = np.random.RandomState(0)
    frame = pd.DataFrame(X[:, :2], columns=["length", "width"])
    frame["colour"] = pd.Categorical([COLOURS[random.choice([label, 0])] for label in Y])
    frame["notes"] = [
        f"{WORDS[label]} {WORDS[random.randint(4)]}" if random.uniform() < 0.8 else ""
        for label in Y
    ]
    return frame


@pytest.mark.parametrize("estimator", PEERS)
def test_numbers_categories_and_text_in_front(estimator, flowers):
    """Check sparse columns from a ColumnTransformer, and rows with values never seen."""
    columns = [
        ("numbers", StandardScaler(), ["length", "width"]),
        ("category", OneHotEncoder(handle_unknown="ignore"), ["colour"]),
        ("text", TfidfVectorizer(), "notes"),
    ]
    new = pd.DataFrame(
        {
            "length": [5.0, 0.0],
            "width": [0.0, 1.0],
            "colour": ["red", "white"],
            "notes": ["roots", ""],
        }
    )

    def composition(net):
        front = ColumnTransformer(columns, sparse_threshold=1.0)
        model = fit_quietly(make_pipeline(front, net), flowers, Y)
        assert issparse(model[0].transform(flowers))
        method = getattr(model, "predict_proba", model.predict)
        return np.concatenate([method(flowers), method(new)])

    assert_same_numbers(composition, estimator)
