"""Losses and scores of outputs on the host, for the log and for L-BFGS."""

import numpy as np
from sklearn.metrics import r2_score

from skmlp._model.losses import LOSSES
from skmlp._model.network import Architecture


def mean_loss(
    targets: np.ndarray,
    outputs: np.ndarray,
    sample_weight: np.ndarray,
    architecture: Architecture,
) -> float:
    """Return the weighted mean loss, without the penalty.

    Parameters
    ----------
    targets : ndarray of shape (n_samples, n_outputs)
        One-hot rows for softmax and indicators for logistic outputs, both bool; otherwise numbers.
    outputs : ndarray of shape (n_samples, n_outputs)
        The outputs of the network, from `forward`.
    sample_weight : ndarray of shape (n_samples,)
        Weights, not all of them zero.
    architecture : Architecture
        The network that the outputs come from.
    """
    losses = LOSSES[architecture.loss].evaluate(targets, outputs)
    return float(np.average(losses, weights=sample_weight))


def score(
    targets: np.ndarray,
    outputs: np.ndarray,
    sample_weight: np.ndarray,
    architecture: Architecture,
) -> float:
    """Return the weighted accuracy or R2; the parameters are those of `mean_loss`.

    With several labels, a sample is right if all its labels are right. R2 of a single sample, or of
    predictions that are not finite, is NaN.
    """
    if not architecture.is_classification:
        if len(outputs) < 2 or not np.isfinite(outputs).all():
            return float("nan")
        return float(r2_score(targets, outputs, sample_weight=sample_weight))
    if architecture.is_multiclass:
        correct = targets.argmax(axis=1) == outputs.argmax(axis=1)
    else:
        correct = (targets == (outputs > architecture.threshold)).all(axis=1)
    return float(np.average(correct, weights=sample_weight))
