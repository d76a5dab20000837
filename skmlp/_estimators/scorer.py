"""Scores the validation set by a scorer of scikit-learn or of the user."""

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
    """Scores an estimator with given weights and biases on the validation set.

    Parameters
    ----------
    estimator : BaseTFMLP
        The estimator that is being fitted.
    architecture : Architecture
        The network of the estimator.
    X, y : ndarray or csr_array, ndarray
        The validation samples and their labels or target values.
    sample_weight : ndarray or None
        Weights of the validation samples, passed to a scorer that takes weights.
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
        # scikit-learn would warn that the validation arrays, checked before, have no names.
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
            If the scorer does not return a number, or if a scorer of scikit-learn can't score the
            predictions. An error of a user's callable is passed on.
        """
        self._estimator.coefs_ = parameters.coefs
        self._estimator.intercepts_ = parameters.intercepts
        arguments = self._estimator, *self._samples
        return call_scorer(
            self._scorer, self._scoring, "the validation set", *arguments, **self._weight
        )


def call_scorer(
    scorer: Callable[..., Any], scoring: Any, scored: str, *arguments: Any, **weight: Any
) -> float:
    """Call a scorer, and return its score as a float.

    Parameters
    ----------
    scorer : callable
        The scorer.
    scoring : object
        The parameter `scoring` of the estimator, for the error.
    scored : str
        A name of the scored samples, for the error.
    *arguments, **weight
        The arguments of the scorer.
    """
    try:
        score = scorer(*arguments, **weight)
    except (AttributeError, TypeError, ValueError) as error:
        if not isinstance(scoring, str):
            raise
        raise ValueError(f"scoring={scoring!r} can't score {scored}: {error}") from error
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
