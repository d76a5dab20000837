"""The fitted attributes, from a plan and the trained network."""

from typing import Any

import numpy as np

from skmlp._training.plan import Plan, Trained


def fitted_attributes(plan: Plan, trained: Trained) -> dict[str, Any]:
    """Return the fitted attributes that training determines.

    Raises
    ------
    ValueError
        If a weight is not finite.
    """
    if not trained.parameters.are_finite():
        raise ValueError(
            "Solver produced non-finite parameter weights. The input data may contain large "
            "values and need to be preprocessed."
        )
    architecture = plan.architecture
    return {
        "n_layers_": len(architecture.layer_units),
        "n_outputs_": architecture.layer_units[-1],
        "out_activation_": architecture.out_activation,
        "coefs_": trained.parameters.coefs,
        "intercepts_": trained.parameters.intercepts,
        "n_iter_": trained.n_iter,
        "t_": trained.samples_seen,
        "loss_": trained.loss,
        "loss_curve_": (plan.before.get("loss_curve_") or []) + trained.history.loss_curve,
        "best_loss_": _best_loss(plan, trained),
        **_validation_attributes(plan, trained),
        "_optimizer": trained.optimizer,
        "_no_improvement_count": int(trained.stopping.no_improvement_count),
    }


def _best_loss(plan: Plan, trained: Trained) -> float | None:
    if plan.settings.solver == "lbfgs":
        return min([*trained.history.loss_curve, trained.loss])
    stops_early = plan.settings.stops_early and not plan.is_incremental
    return None if stops_early else float(trained.stopping.best_loss)


def _validation_attributes(plan: Plan, trained: Trained) -> dict[str, Any]:
    """Return the curves of the validation set; partial_fit leaves earlier curves as they are."""
    history, before = trained.history, plan.before
    names = ("validation_scores_", "validation_loss_curve_", "best_validation_score_")
    if not plan.has_validation:
        return {name: before.get(name) if plan.is_incremental else None for name in names}
    best = float(trained.stopping.best_score)
    if plan.settings.solver == "lbfgs":
        best = float(np.nanmax([-np.inf, *history.validation_scores]))
    scores = (before.get("validation_scores_") or []) + history.validation_scores
    losses = (before.get("validation_loss_curve_") or []) + history.validation_loss_curve
    n_epochs = len(before.get("loss_curve_") or []) + history.n_epochs
    epochs = range(n_epochs - history.n_epochs + 1, n_epochs + 1)
    kept = before.get("_validation_epochs", []) if before.get("validation_scores_") else []
    return {
        **dict(zip(names, (scores, losses, best), strict=True)),
        "_validation_epochs": [*kept, *epochs],  # an epoch of partial_fit is not validated
    }
