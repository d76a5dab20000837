"""The combinations of parameters that can't be trained, refused before any work starts."""

from typing import Any


def check_combinations(estimator: Any, is_incremental: bool) -> None:
    """Raise ValueError if a solver, or partial_fit, can't do what the parameters ask for."""
    from skmlp._program.schedules import SCHEDULES, class_of

    schedule = estimator.learning_rate
    if not class_of(schedule).spans_fit:
        return
    if is_incremental:
        others = [name for name, each in SCHEDULES.items() if not each.spans_fit]
        raise ValueError(
            f"partial_fit does not support learning_rate={schedule!r}, a schedule over a whole "
            f"fit: the length of the training is not known. Expected one of {others}."
        )
    if estimator.solver not in class_of(schedule).solvers:
        raise ValueError(
            f"learning_rate={schedule!r} needs solver='adam' or 'sgd', got "
            f"solver={estimator.solver!r}, which chooses its steps itself."
        )
