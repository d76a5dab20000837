"""Refuses combinations of parameters that can't be trained, before any work starts."""

from numbers import Real
from typing import Any

import numpy as np

_BY_STEPS_ONLY = ("dropout", "weight_decay")
"""Parameters that only act at the steps of a stochastic solver; 0 turns them off."""


def check_combinations(estimator: Any, n_hidden: int) -> None:
    """Raise ValueError if the solver can't do what the parameters ask for."""
    dropout_by_layer(estimator.dropout, n_hidden)
    if estimator.solver == "lbfgs":
        _check_lbfgs(estimator)


def _check_lbfgs(estimator: Any) -> None:
    from skmlp._program.schedules import class_of

    asked = [name for name in _BY_STEPS_ONLY if np.any(getattr(estimator, name))]
    if class_of(estimator.learning_rate).spans_fit:
        asked.append("learning_rate")
    if asked:
        raise ValueError(
            f"{asked[0]}={getattr(estimator, asked[0])!r} needs solver='adam' or 'sgd', got "
            "solver='lbfgs', which chooses its own steps and needs the same loss at each of them."
        )


def check_partial_fit(learning_rate: Any) -> None:
    """Raise AttributeError if partial_fit can't follow a schedule of the learning rate."""
    from skmlp._program.schedules import SCHEDULES

    others = [name for name, each in SCHEDULES.items() if not each.spans_fit]
    over_fit = [name for name, each in SCHEDULES.items() if each.spans_fit]
    if callable(learning_rate) or learning_rate in over_fit:
        raise AttributeError(
            f"partial_fit is not available for learning_rate={learning_rate!r}, a schedule over a "
            f"whole fit: the length of the training is not known. Expected one of {others}."
        )


def dropout_by_layer(dropout: Any, n_hidden: int) -> tuple[float, ...]:
    """Return the dropout of each hidden layer, given one number or a number for each layer.

    Raises
    ------
    ValueError
        If the numbers are more or fewer than the hidden layers, or not in [0, 1).
    """
    if isinstance(dropout, Real):
        return (float(dropout),) * n_hidden
    try:
        rates = np.asarray(dropout, np.float64)
    except (TypeError, ValueError):
        rates = np.empty(0)
        n_hidden = -1  # no length will do
    if rates.shape != (n_hidden,):
        n_layers = "" if n_hidden < 0 else f", {n_hidden} in all"
        raise ValueError(
            "dropout must be a number in [0, 1), or a sequence with a number for each hidden layer"
            f"{n_layers}; got {dropout!r}."
        )
    if not ((rates >= 0) & (rates < 1)).all():
        raise ValueError(f"dropout must be in [0, 1) for each hidden layer, got {dropout!r}.")
    return tuple(rates.tolist())
