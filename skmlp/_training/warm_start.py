"""The state that training starts from: a new one, an earlier fit's, or a checkpoint's."""

from dataclasses import replace

import numpy as np

from skmlp._model.records import History, Optimizer, Snapshot, StoppingState, TrainingState
from skmlp._program.schedules import class_of
from skmlp._program.solvers import SOLVERS
from skmlp._program.stopping import START
from skmlp._training.plan import Plan
from skmlp._training.snapshot import check_same_fit


def starting_state(plan: Plan, snapshot: Snapshot | None) -> TrainingState:
    """Return the state that training by epochs starts from.

    Parameters
    ----------
    plan : Plan
        The network, the samples, and how to train.
    snapshot : Snapshot or None
        The state in a checkpoint to go on from, if there is one.

    Raises
    ------
    ValueError
        If the snapshot belongs to another fit.
    """
    if snapshot is not None:
        check_same_fit(snapshot, plan)
        return replace(snapshot.state, history=snapshot.state.history.copy())
    return TrainingState(
        plan.start,
        plan.start,
        History(),
        _last_stopping(plan) if plan.is_warm else START,
        _optimizer(plan),
        plan.before.get("t_", 0),
    )


def _optimizer(plan: Plan) -> Optimizer:
    """Return a new optimizer, or in partial_fit the optimizer of the previous call.

    A schedule over a whole fit has ended with the fit, and the schedule of the settings replaces
    it.
    """
    settings, kept = plan.settings, plan.before.get("_optimizer")
    if plan.is_incremental and kept is not None and kept.solver == settings.solver:
        has_ended = class_of(kept.schedule).spans_fit
        schedule = settings.schedule if has_ended else kept.schedule
        seed = plan.seed if kept.seed is None else kept.seed
        return replace(kept, schedule=schedule, seed=seed)
    params = plan.start.coefs + plan.start.intercepts
    n_slots = SOLVERS[settings.solver].n_slots
    return Optimizer(
        settings.solver,
        settings.hyper,
        settings.schedule,
        learning_rate=settings.hyper["learning_rate_init"],
        step=0,
        slots=[[np.zeros_like(param) for param in params] for _ in range(n_slots)],
        seed=plan.seed,
    )


def _last_stopping(plan: Plan) -> StoppingState:
    """Return the state of the stopping rule at the end of the last fit, for a warm start."""
    before, stops_early = plan.before, plan.settings.stops_early
    # best_loss_ is None after early stopping, and only then do coefs_ have the best score.
    loss, score = before.get("best_loss_"), before.get("best_validation_score_")
    restored = loss is None
    return START._replace(
        best_loss=np.inf if loss is None else loss,
        best_score=-np.inf if score is None or restored != stops_early else score,
        no_improvement_count=before.get("_no_improvement_count", 0),
    )
