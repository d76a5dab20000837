"""From an estimator and what it is to be trained on to what it has learnt."""

import warnings
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skmlp._engine import Objective, Session
from skmlp._history import Trained
from skmlp._lbfgs import LBFGS
from skmlp._log import TrainingLog
from skmlp._network import Architecture, Parameters
from skmlp._pace import Pace
from skmlp._samples import Samples
from skmlp._scoring import ValidationScorer
from skmlp._solvers import Optimizer, new_optimizer
from skmlp._stopping import ADAPTIVE_DIVISOR, START, Rule, Standing
from skmlp._training import EpochOrders, Loop

_ROWS_EVALUATED = 2048
"""Samples whose loss and gradient L-BFGS evaluates at a time: it bounds the memory."""


@dataclass(frozen=True)
class Task:
    """What is to be trained, checked.

    Parameters
    ----------
    architecture : Architecture
        The network.
    start : Parameters
        Where training starts.
    samples : Samples
        What is trained and validated on.
    random_state : RandomState
        Draws the shuffles.
    is_warm : bool
        Whether training goes on from an earlier fit.
    is_incremental : bool
        Whether it is one epoch of `partial_fit`.
    is_weighted : bool
        Whether the samples have weights.
    stops_early : bool
        Whether training stops by the validation score.
    """

    architecture: Architecture
    start: Parameters
    samples: Samples
    random_state: np.random.RandomState
    is_warm: bool
    is_incremental: bool
    is_weighted: bool
    stops_early: bool


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
    optimizer = _make_optimizer(estimator, task)
    rule = _rule(estimator, task, optimizer.divides_rate)
    session = Session(
        task.architecture,
        batch_size,
        task.samples,
        estimator.alpha,
        rule,
        _scoring(estimator),
        optimizer,
        task.start,
        _standing(estimator) if task.is_warm else START,
        getattr(estimator, "t_", 0) if task.is_warm else 0,
    )
    log = _log(estimator, task, batch_size, rule)
    loop = Loop(
        session,
        EpochOrders(task.samples.train_rows, estimator.shuffle, task.random_state),
        Pace(6.0 * batch_size * task.architecture.n_parameters),
        -(-n_train // batch_size),
        1 if task.is_incremental else estimator.max_iter,
        log,
        _scorer(estimator, task),
    )
    outcome = loop.run()
    log.stop(outcome.stopped)
    is_complete = outcome.stopped or outcome.interrupted or task.is_incremental
    return Trained(
        session.best_parameters() if task.stops_early else session.parameters(),
        outcome.history,
        loss=outcome.history.loss_curve[-1],
        n_iter=outcome.history.n_epochs,
        warn=None if is_complete else partial(_warn_of_max_iter, estimator.max_iter),
        standing=session.standing(),
        optimizer=session.optimizer(),
        samples_seen=session.samples_seen(),
    )


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
    )
    trained = solver.run(
        task.start, max_iter=estimator.max_iter, max_fun=estimator.max_fun, tol=estimator.tol
    )
    seen = getattr(estimator, "t_", 0) if task.is_warm else 0
    parameters = trained.parameters.astype(task.samples.dtype)
    return replace(trained, parameters=parameters, samples_seen=seen)


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
