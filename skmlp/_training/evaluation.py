"""Loss and score of a validation set on the host, a part of it at a time."""

from typing import Any

import numpy as np

from skmlp._data.samples import Samples
from skmlp._model.metrics import mean_loss, score
from skmlp._model.network import Architecture, Parameters, forward

_ROWS_A_PART = 8192


def evaluate(
    samples: Samples, architecture: Architecture, parameters: Parameters
) -> tuple[float, float]:
    """Return the mean loss, without penalty, and accuracy or R2 on the validation samples.

    Parameters
    ----------
    samples : Samples
        Has the validation samples, at least one with a weight.
    architecture : Architecture
        The network.
    parameters : Parameters
        Its weights and biases.
    """
    loss, counted, total = 0.0, np.zeros(1), 0.0
    for start in range(0, len(samples.validation_rows), _ROWS_A_PART):
        rows = samples.validation_rows[start : start + _ROWS_A_PART]
        X, targets, weight = samples.validation(rows)
        if not (part_weight := float(weight.sum(dtype=np.float64))):
            continue
        outputs = forward(X, parameters, architecture)
        loss += mean_loss(targets, outputs, weight, architecture) * part_weight
        counted = counted + _tally(targets, outputs, weight, architecture, part_weight)
        total += part_weight
    if architecture.is_classification:
        return loss / total, float(counted[0] / total)
    return loss / total, _r2(counted, samples.validation_spread())


def _tally(
    targets: np.ndarray,
    outputs: np.ndarray,
    weight: np.ndarray,
    architecture: Architecture,
    part_weight: float,
) -> Any:
    """Return the weight of what is right, or the weighted squared errors of each output."""
    if architecture.is_classification:
        return score(targets, outputs, weight, architecture) * part_weight
    errors = targets.astype(np.float64) - outputs
    return (weight[:, np.newaxis] * errors**2).sum(axis=0)


def _r2(squared_errors: np.ndarray, spread: np.ndarray) -> float:
    """Return the mean over the outputs of R2, as `sklearn.metrics.r2_score` has it."""
    if not np.isfinite(squared_errors).all():
        return float("nan")
    is_constant = spread == 0
    ratio = squared_errors / np.where(is_constant, 1.0, spread)
    return float(np.where(is_constant, squared_errors == 0, 1 - ratio).mean())
