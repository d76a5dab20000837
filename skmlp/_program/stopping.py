"""The stopping rule: one function, for numbers on the host and for tensors in a program."""

from typing import Any, NamedTuple

import numpy as np

from skmlp._model.records import StoppingState


class StoppingRule(NamedTuple):
    """The parameters of the stopping rule."""

    tol: float
    n_iter_no_change: float
    watches_score: float = 0.0  # 1: an epoch improves by its validation score, 0: by its loss


START = StoppingState(np.inf, -np.inf, 0.0, 0.0)
"""The state of the rule before the first epoch."""


def judge(
    where: Any, rule: StoppingRule, state: StoppingState, loss: Any, score: Any
) -> StoppingState:
    """Return the state of the rule after an epoch.

    An epoch counts as an improvement if its loss is at most the best loss minus `tol`. If the rule
    watches the score, the score must be at least the best score plus `tol` instead. NaN is never an
    improvement. As in scikit-learn, the best loss and the best score follow every improvement, even
    one of less than `tol`.

    Parameters
    ----------
    where : callable
        ``numpy.where`` or TensorFlow's ``tf.where``.
    rule : StoppingRule
        The parameters of the rule.
    state : StoppingState
        The state before the epoch.
    loss, score : float or scalar tensor
        Training loss and validation score of the epoch.
    """
    loss_improves = loss <= state.best_loss - rule.tol
    score_improves = score >= state.best_score + rule.tol
    improves = where(rule.watches_score > 0, score_improves, loss_improves)
    zero, one = np.float64(0), np.float64(1)  # a plain 0.0 would be float32 to TensorFlow
    count = where(improves, zero, state.no_improvement_count + one)
    return StoppingState(
        best_loss=where(loss < state.best_loss, loss, state.best_loss),
        best_score=where(score > state.best_score, score, state.best_score),
        no_improvement_count=count,
        stopped=where(count > rule.n_iter_no_change, one, zero),
    )
