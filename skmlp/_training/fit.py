"""Trains the network of a plan, by the epochs of a stochastic solver or by L-BFGS."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skmlp._engine.capacity import can_hold_validation
from skmlp._engine.objective import Objective
from skmlp._engine.pace import Pace
from skmlp._engine.session import TrainingSession
from skmlp._model.network import Parameters
from skmlp._model.records import History, Snapshot, TrainingState
from skmlp._program.stopping import StoppingRule
from skmlp._training.attributes import fitted_attributes
from skmlp._training.evaluation import Evaluation
from skmlp._training.lbfgs import LBFGS
from skmlp._training.log import TrainingLog
from skmlp._training.loop import Loop, TaskListener
from skmlp._training.orders import EpochOrders
from skmlp._training.plan import Plan, Trained
from skmlp._training.snapshot import fingerprint
from skmlp._training.warm_start import starting_state
from skmlp._warn import warn_user

_ROWS_EVALUATED = 2048
"""Samples for which L-BFGS evaluates loss and gradient at a time, to bound the memory.

On Zen 5, 20 iterations on 20,000 rows of 64 features took 305, 272 and 320 ms with 512, 2048 and
8192, and 17, 17 and 20 MB (``python -m benchmarks.sweeps``).
"""


class FitListener(Protocol):
    """An object that is told of a fit, such as `skmlp._estimators.fit_callbacks.FitCallbacks`."""

    @property
    def snapshot(self) -> Snapshot | None: ...

    @property
    def keeps_state(self) -> bool: ...

    def tasks(
        self,
        name: str,
        describe: Callable[..., dict[str, Any]],
        set_learning_rate: Callable[[float], None] | None = None,
    ) -> TaskListener: ...


def train(plan: Plan, listener: FitListener | None = None) -> Trained:
    """Train a network.

    Parameters
    ----------
    plan : Plan
        The network, the samples, and how to train.
    listener : FitListener, default=None
        Object that is told of every epoch or iteration.
    """
    run = _minimise if plan.settings.solver == "lbfgs" else _train_by_epochs
    return run(plan, listener)


def _train_by_epochs(plan: Plan, listener: FitListener | None) -> Trained:
    """Run the epochs of a stochastic solver."""
    settings, batch_size = plan.settings, plan.batch_size
    warn_of_clipping(plan)
    start = starting_state(plan, None if listener is None else listener.snapshot)
    rule = stopping_rule(plan)
    evaluation = _evaluation(plan)
    session = TrainingSession(
        plan.architecture,
        batch_size,
        plan.samples,
        settings.alpha,
        rule,
        "host" if evaluation is not None else "loss" if settings.scoring == "loss" else "metric",
        start,
        plan.max_epochs,
        settings.regularisation,
    )
    flops = 6.0 * batch_size * plan.architecture.n_parameters
    task_listener = _epoch_listener(plan, listener, session, start)
    with session:
        trained = run_epochs(plan, session, start, rule, Pace(flops), evaluation, task_listener)
    if listener is None:  # which may ask the session later
        session.close()
    return trained


def run_epochs(
    plan: Plan,
    session: TrainingSession,
    start: TrainingState,
    rule: StoppingRule,
    pace: Pace,
    evaluation: Callable[[Parameters], tuple[float, float]] | None,
    listener: TaskListener | None,
) -> Trained:
    """Run the epochs of a fit in a session.

    Parameters
    ----------
    plan : Plan
        The network, the samples, and how to train.
    session : TrainingSession
        Runs the batches.
    start : TrainingState
        The state from which the session has started.
    rule : StoppingRule
        When training stops.
    pace : Pace
        The length of a call.
    evaluation : callable or None
        Returns loss and score of parameters on the validation set, if the session does not.
    listener : TaskListener or None
        Object that is told of every epoch.
    """
    settings = plan.settings
    log = TrainingLog(plan, rule, start.optimizer.schedule)
    orders = EpochOrders(plan.samples.train_rows, settings.shuffle, plan.random_state)
    orders.skip(start.history.n_epochs)
    loop = Loop(
        session,
        orders,
        pace,
        n_batches=-(-len(plan.samples.train_rows) // plan.batch_size),
        max_epochs=plan.max_epochs,
        log=log,
        evaluate=evaluation,
        history=start.history.copy(),
        stopped=bool(start.standing.stopped),
        listener=listener,
    )
    outcome = loop.run()
    log.stop(outcome.stopped, outcome.halted)
    state = state_of(session, start, outcome.history)
    ended = outcome.stopped or outcome.halted or outcome.interrupted or plan.is_incremental
    return trained_from(
        state,
        state.best_parameters if settings.stops_early else state.parameters,
        warn=None if ended else partial(_warn_of_max_iter, settings.max_iter),
    )


def _minimise(plan: Plan, listener: FitListener | None) -> Trained:
    """Run L-BFGS, in float64 as scikit-learn does, whatever the type of the samples."""
    settings = plan.settings
    plan = replace(plan, samples=plan.samples.astype(np.dtype(np.float64)))
    batch_size = min(len(plan.samples.train_rows), _ROWS_EVALUATED)
    objective = Objective(
        plan.architecture, batch_size, plan.samples, settings.alpha, settings.regularisation
    )
    dtype = plan.start.coefs[0].dtype
    solver = LBFGS(
        objective,
        plan.architecture,
        TrainingLog(plan, stopping_rule(plan), settings.schedule),
        Evaluation(plan) if plan.has_validation else None,
        _iteration_listener(plan, listener, dtype),
    )
    with objective:
        trained = solver.run(
            plan.start, max_iter=settings.max_iter, max_fun=settings.max_fun, tol=settings.tol
        )
    return _with_dtype(plan, trained, dtype)


def _evaluation(plan: Plan) -> Evaluation | None:
    """Return an evaluation of the validation set on the host, if the program can't evaluate it."""
    if not plan.has_validation:
        return None
    fits = plan.settings.scoring != "scorer" and can_hold_validation(
        plan.architecture, plan.samples
    )
    return None if fits else Evaluation(plan)


def stopping_rule(plan: Plan) -> StoppingRule:
    """Return the rule that stops training."""
    settings = plan.settings
    return StoppingRule(settings.tol, settings.n_iter_no_change, float(settings.stops_early))


def state_of(session: TrainingSession, start: TrainingState, history: History) -> TrainingState:
    """Return the state of training after the epochs that a session has run."""
    stopping = session.stopping
    # A session starts with the best score so far, but does not have the parameters of that score.
    is_better = stopping.best_score > start.standing.best_score
    return TrainingState(
        session.parameters(),
        session.best_parameters() if is_better else start.best_parameters,
        history,
        stopping,
        session.optimizer,
        session.samples_seen,
    )


def trained_from(
    state: TrainingState, parameters: Parameters, warn: Callable[[], Any] | None = None
) -> Trained:
    """Return the result of training at a state, with the parameters of the model."""
    return Trained(
        parameters,
        state.history,
        loss=state.history.loss_curve[-1],
        n_iter=state.history.n_epochs,
        warn=warn,
        stopping=state.standing,
        optimizer=state.optimizer,
        samples_seen=state.samples_seen,
    )


def _epoch_listener(
    plan: Plan, listener: FitListener | None, session: TrainingSession, start: TrainingState
) -> TaskListener | None:
    """Return the object that is told of epochs, or None without a listener."""
    if listener is None:
        return None
    keeps_state = listener.keeps_state
    mark = fingerprint(plan) if keeps_state else {}

    def describe(history: History) -> dict[str, Any]:
        state = state_of(session, start, history.copy())
        attributes = fitted_attributes(plan, trained_from(state, state.parameters))
        if keeps_state:
            attributes["_training_state"] = Snapshot(state, plan.drawn_from, mark)
        return attributes

    return listener.tasks("epoch", describe, session.set_learning_rate)


def _iteration_listener(
    plan: Plan, listener: FitListener | None, dtype: np.dtype
) -> TaskListener | None:
    """Return the object that is told of iterations of L-BFGS, or None without a listener."""
    if listener is None:
        return None

    def describe(history: History, parameters: Parameters) -> dict[str, Any]:
        losses = history.loss_curve
        trained = Trained(parameters, history.copy(), losses[-1], len(losses), warn=None)
        return fitted_attributes(plan, _with_dtype(plan, trained, dtype))

    return listener.tasks("iteration", describe)


def _with_dtype(plan: Plan, trained: Trained, dtype: np.dtype) -> Trained:
    """Return the result of L-BFGS in another type, with the old count of samples seen.

    As in scikit-learn, L-BFGS counts no samples.
    """
    parameters = trained.parameters.astype(dtype)
    return replace(trained, parameters=parameters, samples_seen=plan.before.get("t_", 0))


def warn_of_clipping(plan: Plan) -> None:
    """Warn if the batch size is larger than the training set."""
    size, n_train = plan.settings.batch_size, len(plan.samples.train_rows)
    if size != "auto" and size > n_train:
        warn_user(
            f"Got batch_size={size}, larger than the {n_train} training samples. "
            "It is going to be clipped."
        )


def _warn_of_max_iter(max_iter: int) -> None:
    warn_user(
        f"Stochastic Optimizer: Maximum iterations ({max_iter}) reached and the "
        "optimization hasn't converged yet.",
        ConvergenceWarning,
    )
