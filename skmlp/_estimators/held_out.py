"""Scores known predictions by a scorer of scikit-learn or of the user."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import check_scoring

from skmlp._estimators.scorer import call_scorer, takes_weight


class _HeldOutRegressor(RegressorMixin, BaseEstimator):
    """A fitted regressor whose predictions are known."""

    def __init__(self, y_pred: np.ndarray):
        self.y_pred = y_pred

    def fit(self, X: Any, y: Any) -> Any:
        """Do nothing: a scorer asks for an estimator that has the method."""
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the predictions."""
        return self.y_pred


class _HeldOutClassifier(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose probabilities are known."""

    def __init__(self, y_proba: np.ndarray, classes: np.ndarray):
        self.y_proba = y_proba
        self.classes_ = classes

    def fit(self, X: Any, y: Any) -> Any:
        """Do nothing: a scorer asks for an estimator that has the method."""
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable classes."""
        return self.classes_[self.y_proba.argmax(axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities."""
        return self.y_proba


def score_regression(
    scoring: Any, y: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray
) -> float:
    """Return the score of predicted numbers."""
    return _score(scoring, _HeldOutRegressor(y_pred), y, sample_weight)


def score_classification(
    scoring: Any,
    y: np.ndarray,
    y_proba: np.ndarray,
    classes: np.ndarray,
    sample_weight: np.ndarray,
) -> float:
    """Return the score of predicted probabilities."""
    return _score(scoring, _HeldOutClassifier(y_proba, classes), y, sample_weight)


def _score(scoring: Any, model: Any, y: np.ndarray, sample_weight: np.ndarray) -> float:
    scorer = check_scoring(model, scoring)
    weight = {"sample_weight": sample_weight} if takes_weight(scorer) else {}
    row_numbers = np.arange(len(y))[:, np.newaxis]
    return call_scorer(scorer, scoring, "the rows held out", model, row_numbers, y, **weight)
