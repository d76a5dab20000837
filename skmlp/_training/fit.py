"""From an estimator and what it is to be trained on to what it has learnt."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skmlp._engine.objective import Objective
from skmlp._engine.pace import Pace
from skmlp._engine.session import Session
from skmlp._model.network import Parameters
from skmlp._program.solvers import Optimizer, new_optimizer
from skmlp._program.stopping import ADAPTIVE_DIVISOR, START, Rule, Standing
from skmlp._training.history import History, Trained
from skmlp._training.lbfgs import LBFGS
from skmlp._training.log import TrainingLog
from skmlp._training.loop import EpochOrders, Loop
from skmlp._training.observer import Tasks
from skmlp._training.plan import Task
from skmlp._training.scoring import ValidationScorer
from skmlp._training.snapshot import Snapshot, TrainingState, fingerprint

_ROWS_EVALUATED = 2048
"""Samples whose loss and gradient L-BFGS evaluates at a time: it bounds the memory."""


def train_by_epochs(estimator: Any, task: Task) -> Trained:
    """Run the epochs of a stochastic solver.

    Parameters
    ----------
    estimator : BaseTFMLP
        Its parameters say how; in a warm start its fitted attributes say from where.
    task : Task
        What is to be trained.
    """
    n_train = len(task.samples.train_rows)
    batch_size = _clip_batch_size(estimator, n_train)
    start = _start(estimator, task)
    rule = _rule(estimator, task, start.optimizer.divides_rate)
    session = _open_session(estimator, task, start, batch_size, rule)
    log = _log(estimator, task, batch_size, rule)
    orders = EpochOrders(task.samples.train_rows, estimator.shuffle, task.random_state)
    orders.skip(start.history.n_epochs)
    loop = Loop(
        session,
        orders,
        Pace(6.0 * batch_size * task.architecture.n_parameters),
        -(-n_train // batch_size),
        1 if task.is_incremental else estimator.max_iter,
        log,
        _scorer(estimator, task),
        start.history.copy(),
        bool(start.standing.stopped),
        _watch_epochs(estimator, task, session, start),
    )
    outcome = loop.run()
    log.stop(outcome.stopped, outcome.halted)
    state = _state(session, start, outcome.history)
    ended = outcome.stopped or outcome.halted or outcome.interrupted or task.is_incremental
    return _trained(
        state,
        state.best_parameters if task.stops_early else state.parameters,
        warn=None if ended else partial(_warn_of_max_iter, estimator.max_iter),
    )


def _start(estimator: Any, task: Task) -> TrainingState:
    """Return where training begins, or where it goes on that a checkpoint is of."""
    if task.observer is not None and task.observer.snapshot is not None:
        snapshot = task.observer.snapshot
        snapshot.check_same_fit(fingerprint(estimator, task.samples, task.start))
        return snapshot.state.as_start()
    return TrainingState(
        task.start,
        task.start,
        History(),
        _standing(estimator) if task.is_warm else START,
        _make_optimizer(estimator, task),
        getattr(estimator, "t_", 0) if task.is_warm else 0,
    )


def _open_session(
    estimator: Any, task: Task, start: TrainingState, batch_size: int, rule: Rule
) -> Session:
    return Session(
        task.architecture,
        batch_size,
        task.samples,
        estimator.alpha,
        rule,
        _scoring(estimator),
        start.optimizer,
        start.parameters,
        start.standing,
        start.samples_seen,
    )


def _state(session: Session, start: TrainingState, history: History) -> TrainingState:
    """Return where training stands after the epochs that a session has run."""
    standing = session.standing()
    # A session knows the best score from before it, but not the parameters that had it.
    is_better = standing.best_score > start.standing.best_score
    return TrainingState(
        session.parameters(),
        session.best_parameters() if is_better else start.best_parameters,
        history,
        standing,
        session.optimizer(),
        session.samples_seen(),
    )


def _trained(
    state: TrainingState, parameters: Parameters, warn: Callable[[], Any] | None = None
) -> Trained:
    return Trained(
        parameters,
        state.history,
        loss=state.history.loss_curve[-1],
        n_iter=state.history.n_epochs,
        warn=warn,
        standing=state.standing,
        optimizer=state.optimizer,
        samples_seen=state.samples_seen,
    )


def _watch_epochs(
    estimator: Any, task: Task, session: Session, start: TrainingState
) -> Tasks | None:
    """Return what tells callbacks of the epochs of a session, if there are any."""
    observer = task.observer
    if observer is None:
        return None
    mark = fingerprint(estimator, task.samples, task.start) if observer.keeps_state else {}

    def describe(history: History) -> dict[str, Any]:
        state = _state(session, start, history.copy())
        attributes = estimator._fitted_attributes(task, _trained(state, state.parameters))
        if observer.keeps_state:
            attributes["_training_state"] = Snapshot(state, task.drawn_from, mark)
        return attributes

    return observer.tasks("epoch", describe)


def minimise(estimator: Any, task: Task) -> Trained:
    """Run L-BFGS, in float64 whatever the dtype, as scikit-learn does; as `train_by_epochs`."""
    samples = task.samples.astype(np.dtype(np.float64))
    batch_size = min(len(samples.train_rows), _ROWS_EVALUATED)
    objective = Objective(task.architecture, batch_size, samples, estimator.alpha)
    rule = Rule(estimator.tol, estimator.n_iter_no_change)
    solver = LBFGS(
        objective,
        task.architecture,
        samples,
        _log(estimator, task, batch_size, rule),
        _scorer(estimator, task),
        _watch_iterations(estimator, task),
    )
    trained = solver.run(
        task.start, max_iter=estimator.max_iter, max_fun=estimator.max_fun, tol=estimator.tol
    )
    return _with_dtype(estimator, task, trained)


def _with_dtype(estimator: Any, task: Task, trained: Trained) -> Trained:
    """Return what L-BFGS has trained in the type of the samples, which it does not count."""
    seen = getattr(estimator, "t_", 0) if task.is_warm else 0
    parameters = trained.parameters.astype(task.samples.dtype)
    return replace(trained, parameters=parameters, samples_seen=seen)


def _watch_iterations(estimator: Any, task: Task) -> Tasks | None:
    """Return what tells callbacks of the iterations of L-BFGS, if there are any."""
    if task.observer is None:
        return None

    def describe(history: History, parameters: Parameters) -> dict[str, Any]:
        losses = history.loss_curve
        trained = Trained(parameters, history.copy(), losses[-1], len(losses), warn=None)
        return estimator._fitted_attributes(task, _with_dtype(estimator, task, trained))

    return task.observer.tasks("iteration", describe)


def _rule(estimator: Any, task: Task, divides_rate: bool) -> Rule:
    divisor = ADAPTIVE_DIVISOR if divides_rate else 1.0
    return Rule(estimator.tol, estimator.n_iter_no_change, float(task.stops_early), divisor)


def _scoring(estimator: Any) -> str:
    """Return what validation scores are, as the engine names it."""
    return {None: "metric", "loss": "loss"}.get(estimator.scoring, "host")


def _scorer(estimator: Any, task: Task) -> ValidationScorer | None:
    """Return what scores on the host, if the program can't."""
    if _scoring(estimator) != "host" or not len(task.samples.validation_rows):
        return None
    X, targets, weight = task.samples.validation()
    return ValidationScorer(
        estimator,
        task.architecture,
        X,
        estimator._decode_targets(targets),
        weight if task.is_weighted else None,
    )


def _log(estimator: Any, task: Task, batch_size: int, rule: Rule) -> TrainingLog:
    return TrainingLog(
        int(estimator.verbose),
        task.samples,
        task.architecture,
        batch_size,
        rule,
        _scoring(estimator),
    )


def _make_optimizer(estimator: Any, task: Task) -> Optimizer:
    """Return a new optimizer, or in partial_fit that of the previous call."""
    kept = getattr(estimator, "_optimizer", None)
    if (
        task.is_incremental
        and task.is_warm
        and kept is not None
        and kept.solver == estimator.solver
    ):
        return kept
    hyper = {"learning_rate": estimator.learning_rate_init}
    if estimator.solver == "adam":
        hyper |= {
            "beta_1": estimator.beta_1,
            "beta_2": estimator.beta_2,
            "epsilon": estimator.epsilon,
        }
    else:
        scales = estimator.learning_rate == "invscaling"
        hyper |= {"momentum": estimator.momentum, "nesterov": float(estimator.nesterovs_momentum)}
        hyper |= {"power_t": estimator.power_t, "scales_inversely": float(scales)}
    divides_rate = estimator.solver == "sgd" and estimator.learning_rate == "adaptive"
    return new_optimizer(
        estimator.solver, hyper, divides_rate, task.start.coefs + task.start.intercepts
    )


def _clip_batch_size(estimator: Any, n_train: int) -> int:
    if estimator.batch_size == "auto":
        return min(200, n_train)
    if estimator.batch_size > n_train:
        warnings.warn(
            f"Got batch_size={estimator.batch_size}, larger than the {n_train} training samples. "
            "It is going to be clipped.",
            stacklevel=6,
        )
    return min(int(estimator.batch_size), n_train)


def _standing(estimator: Any) -> Standing:
    """Return where the stopping rule of the last fit stood, for a warm start."""
    # best_loss_ is None after early stopping. Only then are coefs_ those of the best score.
    loss = getattr(estimator, "best_loss_", None)
    score = getattr(estimator, "best_validation_score_", None)
    restored = loss is None
    return START._replace(
        best_loss=np.inf if loss is None else loss,
        best_score=-np.inf if score is None or restored != estimator.early_stopping else score,
        no_improvement_count=getattr(estimator, "_no_improvement_count", 0),
    )


def _warn_of_max_iter(max_iter: int) -> None:
    warnings.warn(
        f"Stochastic Optimizer: Maximum iterations ({max_iter}) reached and the "
        "optimization hasn't converged yet.",
        ConvergenceWarning,
        stacklevel=5,
    )
