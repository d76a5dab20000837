"""Training by epochs: every batch an update, the stopping rule after every epoch."""

from functools import partial
from typing import Any

import numpy as np

from skmlp._program.batches import numbers_at, take_batch, take_validation_batch
from skmlp._program.layers import backward, forward
from skmlp._program.losses import losses, score, tally
from skmlp._program.penalty import add_squares
from skmlp._program.solvers import SOLVERS, round_product
from skmlp._program.spec import (
    CURVES,
    Batch,
    BatchNumbers,
    Control,
    Data,
    EpochNumbers,
    ProgramSpec,
    Running,
    Scalars,
    State,
    Tensor,
)
from skmlp._program.stopping import judge


def run_epochs(
    tf: Any, spec: ProgramSpec, data: Data, control: Control, state: State
) -> tuple[Tensor, Tensor, State]:
    """Run some epochs, or a part of one.

    Returns
    -------
    done : int32 scalar
        How many were run, before the stopping rule ended it or there were no more.
    curves : float64 of shape (epochs, len(CURVES))
        Their values.
    state : State
        What they have changed.
    """

    def epoch(number: Tensor, position: Tensor, state: State, curves: Tensor) -> tuple[Any, ...]:
        numbers = EpochNumbers(*numbers_at(tf, control.epochs, number))
        position, state = _run_batches(tf, spec, data, control, numbers, number, position, state)
        state, values = _end_epoch(tf, spec, data, control.n_validation, numbers, state)
        is_row = (tf.range(spec.epochs) == number)[:, tf.newaxis]
        return number + 1, position, state, tf.where(is_row, tf.stack(values), curves)

    zero, curves = tf.constant(0), tf.zeros([spec.epochs, len(CURVES)], tf.float64)
    done, _, state, curves = tf.while_loop(
        lambda number, _, state, __: (number < control.n_epochs) & (state.scalars[-1] == 0),
        epoch,
        (zero, zero, state, curves),
    )
    return done, curves, state


def _run_batches(
    tf: Any,
    spec: ProgramSpec,
    data: Data,
    control: Control,
    numbers: EpochNumbers,
    number: Tensor,
    position: Tensor,
    state: State,
) -> tuple[Tensor, State]:
    """Run the batches of an epoch; return where in the block the next one's are, and the state."""
    rate = Scalars(*tf.unstack(state.scalars)).learning_rate
    end = (number + 1) * control.n_batches

    def update(position: Tensor, running: Running) -> tuple[Tensor, Running]:
        numbers = BatchNumbers(*numbers_at(tf, control.batches, position))
        batch = take_batch(tf, spec, data.train, numbers.n_rows, position)
        return position + 1, _update(tf, spec, batch, numbers, rate, running)

    goes_on = numbers.begins == 0
    sums = [_keep(tf, goes_on, sums) for sums in state.penalty_sums]
    sums = add_squares(tf, spec.layout, sums, state.params, numbers.first_scale)
    position, running = tf.while_loop(
        lambda position, _: position < end,
        update,
        (position, Running(state.params, state.slots, sums, _keep(tf, goes_on, state.losses))),
    )
    return position, state._replace(**running._asdict())


def _update(
    tf: Any, spec: ProgramSpec, batch: Batch, numbers: BatchNumbers, rate: Tensor, running: Running
) -> Running:
    """Update the parameters by one batch. A batch whose weights are all zero changes nothing.

    An inactive batch keeps every number by its coefficients, which costs nothing, where a
    conditional would copy the state.
    """
    arrays = spec.layout.split(running.params, tf.reshape)
    values = forward(tf, spec, batch.X, arrays)
    solver = SOLVERS[spec.solver]
    params, slots = solver.update(
        tf,
        numbers,
        numbers.rate if solver.corrects_rate else rate,
        numbers.is_active > 0 if spec.is_weighted else None,
        running.params,
        running.slots,
        _gradients(tf, spec, batch, numbers, running.params, arrays, values),
    )
    batch_losses = losses(tf, spec.architecture, batch, values[-1])
    if spec.is_weighted:
        scaled = tf.where(numbers.scale > 0, numbers.scale * batch_losses, np.float64(0))
    else:
        scaled = batch_losses
    return Running(
        params,
        slots,
        add_squares(tf, spec.layout, running.penalty_sums, params, numbers.next_scale),
        running.losses + scaled,
    )


def _gradients(
    tf: Any,
    spec: ProgramSpec,
    batch: Batch,
    numbers: BatchNumbers,
    params: list[Tensor],
    arrays: list[Tensor],
    values: list[Tensor],
) -> list[Tensor]:
    """Return the gradients of the mean loss of a batch and the penalty, joined by `Layout`."""
    coefs = arrays[: len(spec.coef_shapes)]
    coef_grads, intercept_grads = backward(tf, spec, batch, numbers, coefs, values)
    ravel, concatenate = partial(tf.reshape, shape=[-1]), partial(tf.concat, axis=0)
    *large, small = spec.layout.join(coef_grads + intercept_grads, ravel, concatenate)
    dtype = small.dtype
    divisor = tf.cast(numbers.weight_sum, dtype)
    if spec.is_weighted:
        divisor = tf.where(numbers.is_active > 0, divisor, tf.ones([], dtype))

    def mean(grad: Tensor, penalised: Tensor) -> Tensor:
        shrinkage = round_product(tf, numbers, tf.cast(numbers.alpha, dtype) * penalised)
        if dtype == tf.float32:  # not compared bit by bit, and a product costs less
            return (grad + shrinkage) * (1 / divisor)
        return (grad + shrinkage) / divisor

    is_coef = tf.range(small.shape[0]) < spec.layout.n_small_coefs
    penalised = tf.where(is_coef, params[-1], tf.zeros_like(small))
    return [mean(g, p) for g, p in zip([*large, small], [*params[:-1], penalised], strict=True)]


def _end_epoch(
    tf: Any,
    spec: ProgramSpec,
    data: Data,
    n_validation: Tensor,
    numbers: EpochNumbers,
    state: State,
) -> tuple[State, list[Tensor]]:
    """Close an epoch if it is complete: score it, judge it; return the state and its values.

    What is not to change is selected, not skipped by a conditional, which would copy the state.
    """
    is_complete = numbers.is_complete > 0
    judges = is_complete & (numbers.judges > 0)
    scalars = Scalars(*tf.unstack(state.scalars))
    loss = _sum_loss(tf, numbers, state) / numbers.active_rows
    validation_loss = epoch_score = tf.constant(np.float64(np.nan))
    standing = scalars.standing()
    if spec.validation_rows:
        n_validation = tf.where(is_complete, n_validation, 0)
        validation_loss, epoch_score = _score_validation(tf, spec, data, n_validation, state.params)
        epoch_score = tf.where(numbers.scores_loss > 0, -validation_loss, epoch_score)
        is_best = judges & (epoch_score > standing.best_score)
        state = state._replace(best_params=_choose(tf, is_best, state.params, state.best_params))
    judged = judge(tf.where, numbers.rule(), standing, loss, epoch_score)
    standing = type(standing)(*_choose(tf, judges, judged, standing))
    seen = scalars.samples_seen + tf.where(is_complete, numbers.n_samples, np.float64(0))
    if not SOLVERS[spec.solver].corrects_rate:
        inverse = numbers.learning_rate / (seen + np.float64(1)) ** numbers.power_t
        scales = is_complete & (numbers.scales_inversely > 0)
        rate = tf.where(scales, inverse, standing.learning_rate)
        standing = standing._replace(learning_rate=rate)
    state = state._replace(scalars=tf.stack(Scalars(seen, *standing)))
    return state, [loss, validation_loss, epoch_score, standing.learning_rate]


def _sum_loss(tf: Any, numbers: EpochNumbers, state: State) -> Tensor:
    """Return the losses of an epoch and its penalties, times batch rows, in one sum."""
    half_alpha = 0.5 * numbers.alpha
    penalties = [
        half_alpha * tf.cast(tf.reshape(sums, [-1]), tf.float64) for sums in state.penalty_sums
    ]
    return tf.reduce_sum(tf.concat([state.losses, *penalties], axis=0))


def _choose(tf: Any, condition: Tensor, new: Any, old: Any) -> list[Tensor]:
    return [tf.where(condition, a, b) for a, b in zip(new, old, strict=True)]


def _keep(tf: Any, condition: Tensor, values: Tensor) -> Tensor:
    return tf.where(condition, values, tf.zeros_like(values))


def _score_validation(
    tf: Any, spec: ProgramSpec, data: Data, n_validation: Tensor, params: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """Return the mean loss and the score on the validation set, block by block."""
    architecture, size = spec.architecture, spec.validation_batch_rows
    n_batches = (n_validation + size - 1) // size
    arrays = spec.layout.split(params, tf.reshape)

    def add(number: Tensor, loss: Tensor, counted: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
        n_rows = tf.minimum(n_validation - number * size, size)
        batch = take_validation_batch(tf, spec, data.validation, n_rows, number)
        outputs = forward(tf, spec, batch.X, arrays)[-1]
        return (
            number + 1,
            loss + losses(tf, architecture, batch, outputs),
            counted + tally(tf, architecture, batch, outputs),
            weight + tf.cast(batch.sample_weight[:, 0], tf.float64),
        )

    zeros = tf.zeros([size], tf.float64)
    n_tallies = 1 if architecture.is_classification else architecture.layer_units[-1]
    _, loss, counted, weight = tf.while_loop(
        lambda number, *_: number < n_batches,
        add,
        (tf.constant(0), zeros, tf.zeros([n_tallies], tf.float64), zeros),
    )
    total = tf.reduce_sum(weight)
    return tf.reduce_sum(loss) / total, score(tf, architecture, counted, data.spread, total)
