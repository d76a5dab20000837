"""The combinations of parameters that can't be trained, refused before any work starts."""

from typing import Any

import numpy as np

_BY_STEPS_ONLY = ("weight_decay",)
"""Parameters of what happens at the steps of a stochastic solver, which are off at 0."""


def check_combinations(estimator: Any, is_incremental: bool) -> None:
    """Raise ValueError if a solver, or partial_fit, can't do what the parameters ask for."""
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
