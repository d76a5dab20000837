"""Scores of a validation set by a scorer of scikit-learn's or of the user's."""

import copy
from collections.abc import Callable
from inspect import Parameter, signature
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.metrics import check_scoring

from skmlp._model.network import Architecture, Parameters
from skmlp._sklearn import accepts_sample_weight


class ValidationScorer:
    """Scores parameters on a validation set, as an estimator that has them.

    Parameters
    ----------
    estimator : BaseTFMLP
        The estimator that is being fitted.
    architecture : Architecture
        Its network.
    X, y : ndarray or csr_array, ndarray
        The validation samples and their labels or target values.
    sample_weight : ndarray or None
        Their weights. They are passed to a scorer that takes weights.
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        architecture: Architecture,
        X: Any,
        y: np.ndarray,
        sample_weight: np.ndarray | None,
    ):
        self._estimator = copy.copy(estimator)
        # Arrays that were checked already have no names to compare.
        vars(self._estimator).pop("feature_names_in_", None)
        self._estimator.n_layers_ = len(architecture.layer_units)
        self._estimator.n_outputs_ = architecture.layer_units[-1]
        self._estimator.out_activation_ = architecture.out_activation
        self._scoring = estimator.scoring
        self._scorer = check_scoring(self._estimator, estimator.scoring)
        self._samples = X, y
        is_weighted = sample_weight is not None and takes_weight(self._scorer)
        self._weight = {"sample_weight": sample_weight} if is_weighted else {}

    def __call__(self, parameters: Parameters) -> float:
        """Return the score, which may be NaN.

        Raises
        ------
        ValueError
            If the scorer does not return a number, or if scikit-learn's of this name can't score
            the predictions. What a callable raises is passed on.
        """
        self._estimator.coefs_ = parameters.coefs
        self._estimator.intercepts_ = parameters.intercepts
        return as_number(self._score(), self._scoring)

    def _score(self) -> Any:
        try:
            return self._scorer(self._estimator, *self._samples, **self._weight)
        except (AttributeError, TypeError, ValueError) as error:
            if not isinstance(self._scoring, str):
                raise
            raise ValueError(
                f"scoring={self._scoring!r} can't score the validation set: {error}"
            ) from error


def as_number(score: Any, scoring: Any) -> float:
    """Return what a scorer has returned as a float; an error if it is no number."""
    if np.ndim(score) == 0 and hasattr(score, "item"):
        score = score.item()
    if not isinstance(score, Real):
        raise ValueError(
            f"scoring={scoring!r} must return a number, got {score!r} of type "
            f"{type(score).__name__}."
        )
    return float(score)


def takes_weight(scorer: Callable[..., Any]) -> bool:
    """Tell whether a scorer can be given sample weights."""
    if (accepts := accepts_sample_weight(scorer)) is not None:
        return accepts
    try:
        parameters = signature(scorer).parameters
    except (TypeError, ValueError):  # some callables have no signature
        return False
    return "sample_weight" in parameters or any(
        parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters.values()
    )
