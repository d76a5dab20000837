"""Losses and scores of outputs on the host, for the log and for L-BFGS."""

import numpy as np
from scipy.special import xlogy
from sklearn.metrics import r2_score

from skmlp._model.network import Architecture


def mean_loss(
    targets: np.ndarray,
    outputs: np.ndarray,
    sample_weight: np.ndarray,
    architecture: Architecture,
) -> float:
    """Return the weighted mean loss, the penalty left out.

    Parameters
    ----------
    targets : ndarray of shape (n_samples, n_outputs)
        One-hot rows for softmax, indicators for logistic outputs, both bool; else numbers.
    outputs : ndarray of shape (n_samples, n_outputs)
        What `forward` returns.
    sample_weight : ndarray of shape (n_samples,)
        Weights, not all of them zero.
    architecture : Architecture
        The network that the outputs come from.
    """
    losses = _LOSSES[architecture.out_activation](targets, outputs)
    return float(np.average(losses, weights=sample_weight))


def score(
    targets: np.ndarray,
    outputs: np.ndarray,
    sample_weight: np.ndarray,
    architecture: Architecture,
) -> float:
    """Return the weighted accuracy, every label of a sample being right, or R2; as `mean_loss`.

    R2 of a single sample, and of predictions that are not finite, is NaN.
    """
    if not architecture.is_classification:
        if len(outputs) < 2 or not np.isfinite(outputs).all():
            return float("nan")
        return float(r2_score(targets, outputs, sample_weight=sample_weight))
    if architecture.out_activation == "softmax":
        correct = targets.argmax(axis=1) == outputs.argmax(axis=1)
    else:
        correct = (targets == (outputs > architecture.threshold)).all(axis=1)
    return float(np.average(correct, weights=sample_weight))


def _cross_entropy(targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    return -xlogy(targets, _clip(outputs)).sum(axis=1)


def _binary_cross_entropy(targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    outputs = _clip(outputs)
    return -(xlogy(targets, outputs) + xlogy(~targets, 1 - outputs)).sum(axis=1)


def _half_squared_error(targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    return 0.5 * ((targets - outputs) ** 2).mean(axis=1)


def _half_poisson_deviance(targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    return (xlogy(targets, targets / outputs) - targets + outputs).sum(axis=1)


def _clip(outputs: np.ndarray) -> np.ndarray:
    eps = np.finfo(outputs.dtype).eps
    return np.clip(outputs, eps, 1 - eps)


_LOSSES = {
    "softmax": _cross_entropy,
    "logistic": _binary_cross_entropy,
    "identity": _half_squared_error,
    "exp": _half_poisson_deviance,
}
"""By the output activation, whose canonical loss it is."""
