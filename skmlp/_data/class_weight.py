"""Turns ``class_weight`` into a factor for the weight of each sample."""

from numbers import Real
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight


def class_factors(
    class_weight: Any, classes: np.ndarray, y: np.ndarray, sample_weight: np.ndarray
) -> np.ndarray:
    """Return a factor for the weight of each sample.

    Parameters
    ----------
    class_weight : dict, list of dict or "balanced"
        The parameter of the estimator.
    classes : ndarray of shape (n_classes,)
        All labels.
    y : ndarray of shape (n_samples,) or (n_samples, n_labels)
        Labels, or indicators for multilabel.
    sample_weight : ndarray of shape (n_samples,)
        Weights, with which "balanced" counts samples.

    Raises
    ------
    ValueError
        If `class_weight` is a list but labels are not multilabel, if the list has another length
        than there are labels, if it is a dict but labels are multilabel, if it has labels that `y`
        does not have, or if a weight is not a finite number of at least 0.
    """
    if y.ndim == 2:
        return _multilabel_factors(class_weight, y, sample_weight)
    if isinstance(class_weight, list):
        raise ValueError(
            "class_weight is a list, which is for multilabel targets; expected a dict, 'balanced' "
            "or None."
        )
    return _factors(class_weight, classes, y, sample_weight)


def _multilabel_factors(class_weight: Any, y: np.ndarray, sample_weight: np.ndarray) -> np.ndarray:
    n_labels = y.shape[1]
    if isinstance(class_weight, dict):
        raise ValueError(
            "class_weight is a dict; for multilabel targets expected a list of dicts, one for each "
            f"of the {n_labels} labels, 'balanced' or None."
        )
    if isinstance(class_weight, list) and len(class_weight) != n_labels:
        raise ValueError(
            f"class_weight has {len(class_weight)} entries, expected one for each of the "
            f"{n_labels} labels."
        )
    weights = class_weight if isinstance(class_weight, list) else [class_weight] * n_labels
    for weight in weights:
        is_word = isinstance(weight, str) and weight == "balanced"
        if not (weight is None or is_word or isinstance(weight, dict)):
            raise ValueError(
                f"class_weight has {weight!r}, expected dicts of 0 and 1, 'balanced' or None."
            )
    indicators = np.array([0, 1])
    factors = [
        _factors(weight, indicators, column, sample_weight)
        for weight, column in zip(weights, y.astype(int).T, strict=True)
    ]
    return np.prod(factors, axis=0)


def _factors(
    class_weight: Any, classes: np.ndarray, y: np.ndarray, sample_weight: np.ndarray
) -> np.ndarray:
    if isinstance(class_weight, dict):
        _check_numbers(class_weight)
        weights = compute_class_weight(class_weight, classes=classes, y=y)
        return weights[np.searchsorted(classes, y)]
    # A class whose samples all have weight 0 counts as absent.
    present = np.unique(y[sample_weight > 0])
    counted = np.isin(y, present)
    weights = compute_class_weight(
        class_weight, classes=present, y=y[counted], sample_weight=sample_weight[counted]
    )
    factors = np.ones(len(y))
    factors[counted] = weights[np.searchsorted(present, y[counted])]
    return factors


def _check_numbers(class_weight: dict[Any, Any]) -> None:
    for label, weight in class_weight.items():
        if not isinstance(weight, Real) or not 0 <= float(weight) < np.inf:
            raise ValueError(
                f"class_weight[{label!r}] must be a finite number of at least 0, got {weight!r}."
            )
