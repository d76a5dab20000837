"""When training stops: one rule, for numbers on the host and for tensors in a program."""

from typing import Any, NamedTuple

import numpy as np

ADAPTIVE_DIVISOR = 5.0
"""What an adaptive learning rate is divided by."""

SMALLEST_ADAPTIVE_RATE = 1e-6
"""An adaptive learning rate at or below it is not divided again: training stops."""


class Rule(NamedTuple):
    """The parameters of the stopping rule."""

    tol: float
    n_iter_no_change: float
    watches_score: float = 0.0  # 1: an epoch improves by its validation score, 0: by its loss
    rate_divisor: float = 1.0  # of an adaptive learning rate, instead of stopping; else 1


class Standing(NamedTuple):
    """Where the stopping rule stands, and the learning rate that it may divide."""

    best_loss: Any
    best_score: Any
    no_improvement_count: Any
    learning_rate: Any
    stopped: Any  # 1 or 0


START = Standing(np.inf, -np.inf, 0.0, np.nan, 0.0)
"""Where the rule stands before the first epoch, but for the learning rate."""


def judge(where: Any, rule: Rule, standing: Standing, loss: Any, score: Any) -> Standing:
    """Return the standing after an epoch.

    An epoch counts as an improvement if its loss is below the best by `tol`, or if its score is
    at least the best one plus `tol`; NaN never is. As in scikit-learn the best loss or score moves
    by any improvement.

    Parameters
    ----------
    where : callable
        ``numpy.where``, or that of TensorFlow.
    rule : Rule
        The parameters.
    standing : Standing
        Where the rule stood before the epoch.
    loss, score : float or scalar tensor
        Training loss and validation score of the epoch.
    """
    loss_improves = loss <= standing.best_loss - rule.tol
    score_improves = score >= standing.best_score + rule.tol
    improves = where(rule.watches_score > 0, score_improves, loss_improves)
    zero, one = np.float64(0), np.float64(1)  # a plain 0.0 would be float32 to TensorFlow
    count = where(improves, zero, standing.no_improvement_count + one)
    is_out_of_patience = count > rule.n_iter_no_change
    rate = standing.learning_rate
    divides = is_out_of_patience & (rule.rate_divisor > 1) & (rate > SMALLEST_ADAPTIVE_RATE)
    return Standing(
        best_loss=where(loss < standing.best_loss, loss, standing.best_loss),
        best_score=where(score > standing.best_score, score, standing.best_score),
        no_improvement_count=where(divides, zero, count),
        learning_rate=where(divides, rate / rule.rate_divisor, rate),
        stopped=where(is_out_of_patience & ~divides, one, zero),
    )
