"""The combinations of parameters that can't be trained, refused before any work starts."""

from numbers import Real
from typing import Any

import numpy as np

_BY_STEPS_ONLY = ("dropout", "weight_decay")
"""Parameters of what happens at the steps of a stochastic solver, which are off at 0."""


def check_combinations(estimator: Any, n_hidden: int, is_incremental: bool) -> None:
    """Raise ValueError if a solver, or partial_fit, can't do what the parameters ask for."""
    dropout_by_layer(estimator.dropout, n_hidden)
    if estimator.solver == "lbfgs":
        _check_lbfgs(estimator)
    elif is_incremental:
        _check_partial_fit(estimator)


def _check_lbfgs(estimator: Any) -> None:
    from skmlp._program.schedules import class_of

    asked = [name for name in _BY_STEPS_ONLY if np.any(getattr(estimator, name))]
    if class_of(estimator.learning_rate).spans_fit:
        asked.append("learning_rate")
    if asked:
        raise ValueError(
            f"{asked[0]}={getattr(estimator, asked[0])!r} needs solver='adam' or 'sgd', got "
            "solver='lbfgs', which chooses its steps itself and needs the same loss in all."
        )


def _check_partial_fit(estimator: Any) -> None:
    from skmlp._program.schedules import SCHEDULES, class_of

    schedule = estimator.learning_rate
    if class_of(schedule).spans_fit:
        others = [name for name, each in SCHEDULES.items() if not each.spans_fit]
        raise ValueError(
            f"partial_fit does not support learning_rate={schedule!r}, a schedule over a whole "
            f"fit: the length of the training is not known. Expected one of {others}."
        )


def dropout_by_layer(dropout: Any, n_hidden: int) -> tuple[float, ...]:
    """Return the dropout of each hidden layer, from one number or one for each.

    Raises
    ------
    ValueError
        If there are more or fewer than hidden layers, or one is not in [0, 1).
    """
    if isinstance(dropout, Real):
        return (float(dropout),) * n_hidden
    try:
        rates = np.asarray(dropout, np.float64)
    except (TypeError, ValueError):
        rates = np.empty(0)
        n_hidden = -1  # no length will do
    if rates.shape != (n_hidden,):
        expected = "" if n_hidden < 0 else f", of which there are {n_hidden}"
        raise ValueError(
            "dropout must be a number in [0, 1) or a sequence of one for each hidden layer"
            f"{expected}; got {dropout!r}."
        )
    if not ((rates >= 0) & (rates < 1)).all():
        raise ValueError(f"dropout must be in [0, 1) for each hidden layer, got {dropout!r}.")
    return tuple(rates.tolist())
