"""Training by epochs: every batch an update, the stopping rule after every epoch."""

from typing import Any

import numpy as np

from skmlp._graph.batches import take_batch, take_validation_batch
from skmlp._graph.layers import backward, forward
from skmlp._graph.losses import loss_sum, score, tally
from skmlp._graph.types import (
    Batch,
    Counts,
    Curves,
    Data,
    Hyper,
    ProgramSpec,
    State,
    Tensor,
)
from skmlp._solvers import SOLVERS, round_product
from skmlp._stopping import Rule, judge


def run_epochs(
    tf: Any,
    spec: ProgramSpec,
    data: Data,
    orders: Tensor,
    hyper: Hyper,
    counts: Counts,
    rule: Rule,
    state: State,
) -> tuple[Tensor, State, Curves]:
    """Run up to ``counts.n_epochs`` epochs, or a part of one; return how many were completed."""
    n_batches = (counts.n_samples + counts.batch_size - 1) // counts.batch_size
    end = tf.minimum(counts.last_batch, n_batches)
    is_complete = end == n_batches

    def epoch(number: Tensor, done: Tensor, state: State, curves: Curves) -> tuple[Any, ...]:
        def update(batch_number: Tensor, state: State) -> tuple[Tensor, State]:
            batch = take_batch(tf, spec, data, orders, counts, number, batch_number)
            return batch_number + 1, _update(tf, spec, hyper, batch, state)

        first = tf.where(number == 0, counts.first_batch, 0)
        _, state = tf.while_loop(lambda i, _: i < end, update, (first, state))
        state, values = _end_epoch(tf, spec, data, hyper, counts, rule, is_complete, state)
        curves = Curves(
            *(_put(tf, c, number, value) for c, value in zip(curves, values, strict=True))
        )
        return number + 1, done + tf.cast(is_complete, tf.int32), state, curves

    empty = tf.zeros([spec.epochs], tf.float64)
    _, done, state, curves = tf.while_loop(
        lambda number, done, state, curves: (
            (number < counts.n_epochs) & (state.standing.stopped == 0)
        ),
        epoch,
        (tf.constant(0), tf.constant(0), state, Curves(empty, empty, empty, empty)),
    )
    return done, state, curves


def _update(tf: Any, spec: ProgramSpec, hyper: Hyper, batch: Batch, state: State) -> State:
    """Update the parameters by one batch. A batch whose weights are all zero changes nothing.

    An inactive batch keeps every number by its coefficients, which costs nothing, where a
    conditional would copy the state.
    """
    architecture = spec.architecture
    coefs = state.params[: len(architecture.coef_shapes)]
    values = forward(tf, architecture, batch.X, state.params)
    is_active = batch.weight_sum > 0
    n_rows = tf.where(is_active, batch.n_rows, tf.zeros_like(batch.n_rows))
    scale = tf.where(is_active, n_rows / tf.cast(batch.weight_sum, tf.float64), 0.0)
    step = state.step + tf.cast(is_active, tf.int64)
    params, slots = SOLVERS[spec.solver].update(
        tf,
        hyper,
        state.standing.learning_rate,
        step,
        is_active,
        state.params,
        state.slots,
        _gradients(tf, spec, hyper, batch, coefs, values),
    )
    return state._replace(
        params=params,
        slots=slots,
        step=step,
        loss_sum=state.loss_sum + scale * loss_sum(tf, architecture, batch, values[-1]),
        penalty_sums=_add_squares(tf, scale, coefs, state.penalty_sums),
        row_sum=state.row_sum + n_rows,
    )


def _gradients(
    tf: Any,
    spec: ProgramSpec,
    hyper: Hyper,
    batch: Batch,
    coefs: list[Tensor],
    values: list[Tensor],
) -> list[Tensor]:
    """Return the gradients of the mean loss of a batch and the penalty."""
    alpha = tf.cast(hyper.alpha, coefs[0].dtype)
    divisor = tf.where(batch.weight_sum > 0, batch.weight_sum, tf.ones_like(batch.weight_sum))
    coef_grads, intercept_grads = backward(tf, spec.architecture, batch, hyper, coefs, values)
    penalised = [
        (grad + round_product(tf, hyper, alpha * coef)) / divisor
        for grad, coef in zip(coef_grads, coefs, strict=True)
    ]
    return penalised + [grad / divisor for grad in intercept_grads]


def _add_squares(tf: Any, scale: Tensor, coefs: list[Tensor], sums: list[Tensor]) -> list[Tensor]:
    """Add the square of each weight to its sum.

    They are added up once an epoch: XLA vectorises a sum of arrays, but not the reduction of one.
    """
    return [
        total + tf.cast(scale, coef.dtype) * (coef * coef)
        for coef, total in zip(coefs, sums, strict=True)
    ]


def _end_epoch(
    tf: Any,
    spec: ProgramSpec,
    data: Data,
    hyper: Hyper,
    counts: Counts,
    rule: Rule,
    is_complete: Tensor,
    state: State,
) -> tuple[State, Curves]:
    """Close an epoch if it is complete: score it, judge it, clear the sums.

    What is not to change is selected, not skipped by a conditional, which would copy the state.
    """
    penalty = sum(tf.reduce_sum(tf.cast(sums, tf.float64)) for sums in state.penalty_sums)
    loss = (state.loss_sum + 0.5 * hyper.alpha * penalty) / state.row_sum
    validation_loss = epoch_score = tf.constant(np.float64(np.nan))
    standing = state.standing
    if spec.validation_rows:
        n_validation = tf.where(is_complete, counts.n_validation, 0)
        validation_loss, epoch_score = _score_validation(tf, spec, data, n_validation, state.params)
        epoch_score = tf.where(counts.scores_loss > 0, -validation_loss, epoch_score)
        is_best = is_complete & (counts.judges > 0) & (epoch_score > standing.best_score)
        state = state._replace(best_params=_choose(tf, is_best, state.params, state.best_params))
    judged = judge(tf.where, rule, standing, loss, epoch_score)
    standing = type(standing)(*_choose(tf, is_complete & (counts.judges > 0), judged, standing))
    seen = state.samples_seen + tf.cast(tf.where(is_complete, counts.n_samples, 0), tf.float64)
    inverse = hyper.learning_rate / (seen + np.float64(1)) ** hyper.power_t
    scales = is_complete & (hyper.scales_inversely > 0)
    rate = tf.where(scales, inverse, standing.learning_rate)
    state = state._replace(
        standing=standing._replace(learning_rate=rate),
        samples_seen=seen,
        loss_sum=_clear(tf, is_complete, state.loss_sum),
        penalty_sums=[_clear(tf, is_complete, sums) for sums in state.penalty_sums],
        row_sum=_clear(tf, is_complete, state.row_sum),
    )
    return state, Curves(loss, validation_loss, epoch_score, rate)


def _choose(tf: Any, condition: Tensor, new: Any, old: Any) -> list[Tensor]:
    return [tf.where(condition, a, b) for a, b in zip(new, old, strict=True)]


def _clear(tf: Any, condition: Tensor, values: Tensor) -> Tensor:
    return tf.where(condition, tf.zeros_like(values), values)


def _put(tf: Any, curve: Tensor, position: Tensor, value: Tensor) -> Tensor:
    return tf.tensor_scatter_nd_update(curve, [[position]], [value])


def _score_validation(
    tf: Any, spec: ProgramSpec, data: Data, n_validation: Tensor, params: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """Return the mean loss and the score on the validation set, block by block."""
    architecture = spec.architecture
    n_blocks = (n_validation + spec.validation_batch_rows - 1) // spec.validation_batch_rows

    def block(number: Tensor, loss: Tensor, counted: Tensor, total: Tensor) -> tuple[Tensor, ...]:
        batch = take_validation_batch(tf, spec, data, n_validation, number)
        outputs = forward(tf, architecture, batch.X, params)[-1]
        return (
            number + 1,
            loss + loss_sum(tf, architecture, batch, outputs),
            counted + tally(tf, architecture, batch, outputs),
            total + tf.reduce_sum(tf.cast(batch.sample_weight, tf.float64)),
        )

    zero = tf.zeros([], tf.float64)
    n_tallies = 1 if architecture.is_classification else architecture.layer_units[-1]
    _, loss, counted, total = tf.while_loop(
        lambda number, *_: number < n_blocks,
        block,
        (tf.constant(0), zero, tf.zeros([n_tallies], tf.float64), zero),
    )
    return loss / total, score(tf, architecture, counted, data.spread, total)
