"""Loss and score of the validation set on the host, a part of the set at a time."""

from typing import Any

import numpy as np

from skmlp._data.samples import Samples
from skmlp._model.metrics import mean_loss, score
from skmlp._model.network import Architecture, Parameters, forward
from skmlp._training.plan import Plan

_ROWS_A_PART = 8192
"""Rows evaluated at a time, to bound the memory for the values of hidden layers.

On Zen 5, three epochs with 90,000 rows to validate took 224, 216 and 278 ms in parts of 2**9, 2**13
and 2**17 rows, and 17, 32 and 132 MB (``python -m benchmarks.sweeps``).
"""


class Evaluation:
    """The loss and the score of parameters on the validation set of a plan.

    Parameters
    ----------
    plan : Plan
        The plan, with validation samples whose weights are not all zero.
    """

    def __init__(self, plan: Plan):
        self._plan = plan

    def __call__(self, parameters: Parameters) -> tuple[float, float]:
        """Return the mean loss, without the penalty, and the score."""
        plan = self._plan
        loss, metric = evaluate(plan.samples, plan.architecture, parameters)
        if plan.settings.scoring == "loss":
            return loss, -loss
        if plan.scorer is not None:
            return loss, plan.scorer(parameters)
        return loss, metric


def evaluate(
    samples: Samples, architecture: Architecture, parameters: Parameters
) -> tuple[float, float]:
    """Return the mean loss, without the penalty, and accuracy or R2 on the validation samples."""
    tallies = add_tallies(samples, architecture, parameters)
    return conclude(tallies, architecture, samples.validation_spread())


def add_tallies(samples: Samples, architecture: Architecture, parameters: Parameters) -> np.ndarray:
    """Return sums over the validation samples, from which `conclude` computes loss and score.

    The sums are the weighted loss, the tallies of `_tally`, and the weight.
    """
    n_counted = 1 if architecture.is_classification else architecture.layer_units[-1]
    sums = np.zeros(n_counted + 2)
    functions = architecture.activation, architecture.out_activation
    for start in range(0, len(samples.validation_rows), _ROWS_A_PART):
        rows = samples.validation_rows[start : start + _ROWS_A_PART]
        X, targets, weight = samples.validation(rows)
        if not (part_weight := float(weight.sum(dtype=np.float64))):
            continue
        outputs = forward(X, parameters, *functions)
        sums[0] += mean_loss(targets, outputs, weight, architecture) * part_weight
        sums[1:-1] += _tally(targets, outputs, weight, architecture, part_weight)
        sums[-1] += part_weight
    return sums


def conclude(
    tallies: np.ndarray, architecture: Architecture, spread: np.ndarray
) -> tuple[float, float]:
    """Return the mean loss and the score; ``spread`` is `Samples.validation_spread`."""
    loss, *counted, total = tallies.tolist()
    if architecture.is_classification:
        return loss / total, counted[0] / total
    return loss / total, _r2(np.array(counted), spread)


def _tally(
    targets: np.ndarray,
    outputs: np.ndarray,
    weight: np.ndarray,
    architecture: Architecture,
    part_weight: float,
) -> Any:
    """Return the weight of the right samples, or each output's sum of weighted squared errors."""
    if architecture.is_classification:
        return score(targets, outputs, weight, architecture) * part_weight
    errors = targets.astype(np.float64) - outputs
    return (weight[:, np.newaxis] * errors**2).sum(axis=0)


def _r2(squared_errors: np.ndarray, spread: np.ndarray) -> float:
    """Return the mean of R2 over the outputs, as `sklearn.metrics.r2_score` does."""
    if not np.isfinite(squared_errors).all():
        return float("nan")
    is_constant = spread == 0
    ratio = squared_errors / np.where(is_constant, 1.0, spread)
    return float(np.where(is_constant, squared_errors == 0, 1 - ratio).mean())
