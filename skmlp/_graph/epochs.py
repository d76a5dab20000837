"""Training by epochs: every batch an update, the stopping rule after every epoch."""

from typing import Any

import numpy as np

from skmlp._graph.batches import take_batch, take_validation_batch
from skmlp._graph.layers import backward, forward
from skmlp._graph.losses import loss_sum, score, tally
from skmlp._graph.penalty import fold_squares
from skmlp._graph.types import (
    CURVES,
    Batch,
    Counts,
    Data,
    Hyper,
    ProgramSpec,
    Running,
    Scalars,
    State,
    Tensor,
)
from skmlp._solvers import SOLVERS, round_product
from skmlp._stopping import Rule, judge


def run_epochs(
    tf: Any,
    spec: ProgramSpec,
    data: Data,
    hyper: Hyper,
    counts: Counts,
    rule: Rule,
    state: State,
) -> tuple[Tensor, Tensor, State]:
    """Run up to ``counts.n_epochs`` epochs, or a part of one.

    Returns
    -------
    done : int32 scalar
        How many were completed.
    curves : float64 of shape (epochs, len(CURVES))
        Their values.
    state : State
        What they have changed.
    """
    n_batches = (counts.n_samples + counts.batch_size - 1) // counts.batch_size
    end = tf.minimum(counts.last_batch, n_batches)
    is_complete = end == n_batches

    def epoch(
        number: Tensor, start: Tensor, done: Tensor, state: State, squares: Any, curves: Tensor
    ) -> tuple[Any, ...]:
        scalars = Scalars(*tf.unstack(state.scalars))

        def update(batch_number: Tensor, start: Tensor, running: Running) -> Any:
            position = batch_number - counts.first_batch
            batch = take_batch(tf, spec, data.train, counts, batch_number, start, position)
            running = _update(tf, spec, hyper, batch, scalars.learning_rate, running)
            return batch_number + 1, start + counts.batch_size, running

        first = tf.where(number == 0, counts.first_batch, 0)
        _, _, running = tf.while_loop(
            lambda i, *_: i < end,
            update,
            (first, start, Running(*state[:3], squares, *scalars[:3])),
        )
        squares = running.squares
        state = State(
            running.params,
            running.slots,
            running.penalty_sums,
            state.best_params,
            tf.stack([*running[4:], *scalars[3:]]),
        )
        state, values = _end_epoch(tf, spec, data, hyper, counts, rule, is_complete, state)
        curves = tf.tensor_scatter_nd_update(curves, [[number]], [tf.stack(values)])
        done += tf.cast(is_complete, tf.int32)
        return number + 1, start + counts.n_samples, done, state, squares, curves

    zero, curves = tf.constant(0), tf.zeros([spec.epochs, len(CURVES)], tf.float64)
    _, _, done, state, _, curves = tf.while_loop(
        lambda number, start, done, state, *_: (
            (number < counts.n_epochs) & (state.scalars[-1] == 0)
        ),
        epoch,
        (zero, zero, zero, state, _squares(tf, spec, hyper, state.params), curves),
    )
    return done, curves, state


def _update(
    tf: Any, spec: ProgramSpec, hyper: Hyper, batch: Batch, rate: Tensor, running: Running
) -> Running:
    """Update the parameters by one batch. A batch whose weights are all zero changes nothing.

    An inactive batch keeps every number by its coefficients, which costs nothing, where a
    conditional would copy the state. The squares are calculated from the new weights, not from
    the old, which therefore need not be kept.
    """
    coefs = running.params[: len(running.squares)]
    values = forward(tf, spec, batch.X, running.params)
    n_rows = _if_active(tf, batch, batch.n_rows, 0.0)
    scale = _if_active(tf, batch, n_rows / tf.cast(batch.weight_sum, tf.float64), 0.0)
    step = running.step + _if_active(tf, batch, tf.ones([], tf.float64), 0.0)
    params, slots = SOLVERS[spec.solver].update(
        tf,
        hyper,
        rate,
        step,
        batch.is_active,
        running.params,
        running.slots,
        _gradients(tf, spec, hyper, batch, coefs, values),
    )
    penalty_sums = [
        total + tf.cast(scale, square.dtype) * square
        for total, square in zip(running.penalty_sums, running.squares, strict=True)
    ]
    return Running(
        params,
        slots,
        penalty_sums,
        _squares(tf, spec, hyper, params),
        loss_sum=running.loss_sum + scale * loss_sum(tf, spec.architecture, batch, values[-1]),
        row_sum=running.row_sum + n_rows,
        step=step,
    )


def _if_active(tf: Any, batch: Batch, value: Tensor, otherwise: float) -> Tensor:
    if batch.is_active is None:
        return value
    return tf.where(batch.is_active, value, tf.cast(otherwise, value.dtype))


def _squares(tf: Any, spec: ProgramSpec, hyper: Hyper, params: list[Tensor]) -> list[Tensor]:
    coefs = params[: len(spec.architecture.coef_shapes)]
    return [fold_squares(tf, coef, hyper.infinity) for coef in coefs]


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
    divisor = _if_active(tf, batch, batch.weight_sum, 1.0)
    coef_grads, intercept_grads = backward(tf, spec, batch, hyper, coefs, values)
    penalised = [
        (grad + round_product(tf, hyper, alpha * coef)) / divisor
        for grad, coef in zip(coef_grads, coefs, strict=True)
    ]
    return penalised + [grad / divisor for grad in intercept_grads]


def _end_epoch(
    tf: Any,
    spec: ProgramSpec,
    data: Data,
    hyper: Hyper,
    counts: Counts,
    rule: Rule,
    is_complete: Tensor,
    state: State,
) -> tuple[State, list[Tensor]]:
    """Close an epoch if it is complete: score it, judge it, clear the sums; return its values.

    What is not to change is selected, not skipped by a conditional, which would copy the state.
    """
    scalars = Scalars(*tf.unstack(state.scalars))
    penalty = sum(tf.reduce_sum(tf.cast(sums, tf.float64)) for sums in state.penalty_sums)
    loss = (scalars.loss_sum + 0.5 * hyper.alpha * penalty) / scalars.row_sum
    validation_loss = epoch_score = tf.constant(np.float64(np.nan))
    standing = scalars.standing()
    if spec.validation_rows:
        n_validation = tf.where(is_complete, counts.n_validation, 0)
        validation_loss, epoch_score = _score_validation(tf, spec, data, n_validation, state.params)
        epoch_score = tf.where(counts.scores_loss > 0, -validation_loss, epoch_score)
        is_best = is_complete & (counts.judges > 0) & (epoch_score > standing.best_score)
        state = state._replace(best_params=_choose(tf, is_best, state.params, state.best_params))
    judged = judge(tf.where, rule, standing, loss, epoch_score)
    standing = type(standing)(*_choose(tf, is_complete & (counts.judges > 0), judged, standing))
    seen = scalars.samples_seen + tf.cast(tf.where(is_complete, counts.n_samples, 0), tf.float64)
    inverse = hyper.learning_rate / (seen + np.float64(1)) ** hyper.power_t
    scales = is_complete & (hyper.scales_inversely > 0)
    rate = tf.where(scales, inverse, standing.learning_rate)
    scalars = scalars.with_standing(standing._replace(learning_rate=rate))._replace(
        samples_seen=seen,
        loss_sum=_clear(tf, is_complete, scalars.loss_sum),
        row_sum=_clear(tf, is_complete, scalars.row_sum),
    )
    state = state._replace(
        penalty_sums=[_clear(tf, is_complete, sums) for sums in state.penalty_sums],
        scalars=tf.stack(scalars),
    )
    return state, [loss, validation_loss, epoch_score, rate]


def _choose(tf: Any, condition: Tensor, new: Any, old: Any) -> list[Tensor]:
    return [tf.where(condition, a, b) for a, b in zip(new, old, strict=True)]


def _clear(tf: Any, condition: Tensor, values: Tensor) -> Tensor:
    return tf.where(condition, tf.zeros_like(values), values)


def _score_validation(
    tf: Any, spec: ProgramSpec, data: Data, n_validation: Tensor, params: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """Return the mean loss and the score on the validation set, block by block."""
    architecture = spec.architecture
    n_blocks = (n_validation + spec.validation_batch_rows - 1) // spec.validation_batch_rows

    def block(
        number: Tensor, start: Tensor, loss: Tensor, counted: Tensor, total: Tensor
    ) -> tuple[Tensor, ...]:
        batch = take_validation_batch(tf, spec, data.validation, n_validation, number, start)
        outputs = forward(tf, spec, batch.X, params)[-1]
        return (
            number + 1,
            start + spec.validation_batch_rows,
            loss + loss_sum(tf, architecture, batch, outputs),
            counted + tally(tf, architecture, batch, outputs),
            total + tf.cast(batch.weight_sum, tf.float64),
        )

    zero = tf.zeros([], tf.float64)
    n_tallies = 1 if architecture.is_classification else architecture.layer_units[-1]
    _, _, loss, counted, total = tf.while_loop(
        lambda number, *_: number < n_blocks,
        block,
        (tf.constant(0), tf.constant(0), zero, tf.zeros([n_tallies], tf.float64), zero),
    )
    return loss / total, score(tf, architecture, counted, data.spread, total)
