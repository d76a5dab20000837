"""Training by epochs: an update after every batch, the stopping rule after every epoch."""

from functools import partial
from typing import Any

import numpy as np

from skmlp._model.records import StoppingState
from skmlp._program.batches import numbers_at, take_batch, take_validation_batch
from skmlp._program.layers import backward, forward
from skmlp._program.layout import layout_of
from skmlp._program.penalty import add_squares
from skmlp._program.products import round_product
from skmlp._program.regularisers import decay_weights, smooth_targets, smoothing_of
from skmlp._program.scores import losses, score, tally
from skmlp._program.solvers import SOLVERS
from skmlp._program.spec import ProgramSpec
from skmlp._program.stopping import judge
from skmlp._program.values import (
    CURVES,
    Batch,
    BatchNumbers,
    BatchState,
    CallTables,
    Data,
    EpochNumbers,
    EpochState,
    Tensor,
)


def run_epochs(
    tf: Any, spec: ProgramSpec, data: Data, tables: CallTables, state: EpochState
) -> tuple[Tensor, Tensor, EpochState]:
    """Run some epochs, or a part of one.

    Returns
    -------
    done : int32 scalar
        Number of epochs that were run. The stopping rule may end training before all were run.
    curves : float64 of shape (epochs, len(CURVES))
        The values of each epoch.
    state : EpochState
        The state after these epochs.
    """

    def epoch(
        number: Tensor, position: Tensor, state: EpochState, curves: Tensor
    ) -> tuple[Any, ...]:
        position, state, values = _run_epoch(tf, spec, data, tables, number, position, state)
        is_row = (tf.range(spec.epochs) == number)[:, tf.newaxis]
        return number + 1, position, state, tf.where(is_row, values, curves)

    zero, curves = tf.constant(0), tf.zeros([spec.epochs, len(CURVES)], tf.float64)
    if spec.epochs == 1:  # a loop over epochs would copy the state once more
        _, state, values = _run_epoch(tf, spec, data, tables, zero, zero, state)
        return tables.n_epochs, values[tf.newaxis], state
    done, _, state, curves = tf.while_loop(
        lambda number, _, state, __: (number < tables.n_epochs) & (state.stopping[-1] == 0),
        epoch,
        (zero, zero, state, curves),
    )
    return done, curves, state


def _run_epoch(
    tf: Any,
    spec: ProgramSpec,
    data: Data,
    tables: CallTables,
    number: Tensor,
    position: Tensor,
    state: EpochState,
) -> tuple[Tensor, EpochState, Tensor]:
    """Run an epoch, or a part; return the position after it, the state, and the epoch's values."""
    numbers = EpochNumbers(*numbers_at(tf, tables.epochs, number))
    position, running = _run_batches(
        tf, spec, data, tables, numbers, number, position, state.running
    )
    state = state._replace(running=running)
    state, values = _end_epoch(tf, spec, data, tables.n_validation, numbers, state)
    return position, state, tf.stack(values)


def _run_batches(
    tf: Any,
    spec: ProgramSpec,
    data: Data,
    tables: CallTables,
    numbers: EpochNumbers,
    number: Tensor,
    position: Tensor,
    state: BatchState,
) -> tuple[Tensor, BatchState]:
    """Run the batches of an epoch; return the first position of the next epoch, and the state."""
    end = (number + 1) * tables.n_batches

    def update(position: Tensor, state: BatchState) -> tuple[Tensor, BatchState]:
        numbers = BatchNumbers.unpack(spec, numbers_at(tf, tables.batches, position))
        batch = take_batch(tf, spec, data.train, numbers.n_rows, position)
        return position + 1, _update(tf, spec, batch, numbers, state)

    return tf.while_loop(
        lambda position, _: position < end,
        update,
        (position, add_first_squares(tf, spec, numbers, state)),
    )


def add_first_squares(
    tf: Any, spec: ProgramSpec, numbers: EpochNumbers, state: BatchState
) -> BatchState:
    """Add the squares of the weights for the first batch of a call, and return the state.

    If an epoch begins, the sums of the epoch before are dropped.
    """
    goes_on = numbers.begins == 0
    sums = [_keep(tf, goes_on, sums) for sums in state.penalty_sums]
    sums = add_squares(tf, layout_of(spec), sums, state.params, numbers.first_scale)
    return state._replace(penalty_sums=sums, losses=_keep(tf, goes_on, state.losses))


def _update(
    tf: Any, spec: ProgramSpec, batch: Batch, numbers: BatchNumbers, state: BatchState
) -> BatchState:
    """Update the parameters by one batch. If all its samples have weight 0, nothing changes."""
    sums, batch_losses = sum_gradients(tf, spec, batch, numbers, state.params)
    return apply_gradients(tf, spec, numbers, state, sums, batch_losses)


def sum_gradients(
    tf: Any, spec: ProgramSpec, batch: Batch, numbers: BatchNumbers, params: list[Tensor]
) -> tuple[list[Tensor], Tensor]:
    """Return the gradients of the losses of a batch, summed over its samples, and the losses.

    Neither includes the penalty. Both depend on the given samples alone, so that a batch can be cut
    into parts whose sums are added up.

    Returns
    -------
    sums : list of tensors
        The gradients, summed with the sample weights and joined by `Layout`.
    batch_losses : float64 of shape (batch_rows,)
        The weighted losses, times the samples of the batch and divided by the sum of their weights.
    """
    layout = layout_of(spec)
    arrays = layout.split(params, tf.reshape)
    layers = forward(tf, spec, batch.X, arrays, numbers)
    coefs = arrays[: len(layout.coef_shapes)]
    smoothed = smooth_targets(tf, spec, numbers, batch)
    coef_grads, intercept_grads = backward(tf, spec, smoothed, numbers, coefs, layers)
    ravel, concatenate = partial(tf.reshape, shape=[-1]), partial(tf.concat, axis=0)
    sums = layout.join(coef_grads + intercept_grads, ravel, concatenate)
    smoothing = smoothing_of(tf, spec, numbers)
    batch_losses = losses(tf, spec.architecture, batch, layers[-1].values, smoothing)
    if spec.is_weighted:
        batch_losses = tf.where(numbers.scale > 0, numbers.scale * batch_losses, np.float64(0))
    return sums, batch_losses


def apply_gradients(
    tf: Any,
    spec: ProgramSpec,
    numbers: BatchNumbers,
    state: BatchState,
    sums: list[Tensor],
    batch_losses: Tensor,
) -> BatchState:
    """Return the state after an update by the sums of a batch; see `sum_gradients`.

    A batch without weight changes nothing, because the coefficients of its update are 0 and 1. That
    costs nothing, whereas a conditional would copy the state.
    """
    params, slots = SOLVERS[spec.solver].update(
        tf,
        numbers,
        numbers.is_active > 0 if spec.is_weighted else None,
        decay_weights(tf, spec, numbers, state.params),
        state.slots,
        _mean_gradients(tf, spec, numbers, state.params, sums),
    )
    layout = layout_of(spec)
    return BatchState(
        params,
        slots,
        add_squares(tf, layout, state.penalty_sums, params, numbers.next_scale),
        state.losses + batch_losses,
    )


def _mean_gradients(
    tf: Any, spec: ProgramSpec, numbers: BatchNumbers, params: list[Tensor], sums: list[Tensor]
) -> list[Tensor]:
    """Return the gradients of the mean loss of a batch plus the penalty."""
    *large, small = sums
    dtype = small.dtype
    divisor = tf.cast(numbers.weight_sum, dtype)
    if spec.is_weighted:
        divisor = tf.where(numbers.is_active > 0, divisor, tf.ones([], dtype))

    def mean(grad: Tensor, penalised: Tensor) -> Tensor:
        shrinkage = round_product(tf, numbers, tf.cast(numbers.alpha, dtype) * penalised)
        if dtype == tf.float32:  # a product costs less than a quotient, and the bits may differ
            return (grad + shrinkage) * (1 / divisor)
        return (grad + shrinkage) / divisor

    is_coef = tf.range(small.shape[0]) < layout_of(spec).n_small_coefs
    penalised = tf.where(is_coef, params[-1], tf.zeros_like(small))
    return [mean(g, p) for g, p in zip([*large, small], [*params[:-1], penalised], strict=True)]


def _end_epoch(
    tf: Any,
    spec: ProgramSpec,
    data: Data,
    n_validation: Tensor,
    numbers: EpochNumbers,
    state: EpochState,
) -> tuple[EpochState, list[Tensor]]:
    """Score and judge an epoch if it is complete; return the state and the values of the epoch.

    A number that must not change is selected by ``tf.where``: a conditional would copy the state.
    """
    is_complete = numbers.is_complete > 0
    judges = is_complete & (numbers.judges > 0)
    stopping = StoppingState(*tf.unstack(state.stopping))
    loss = sum_loss(tf, numbers, state.running) / numbers.active_rows
    validation_loss = epoch_score = tf.constant(np.float64(np.nan))
    if spec.validation_rows:
        params = state.running.params
        n_validation = tf.where(is_complete, n_validation, 0)
        validation_loss, epoch_score = _score_validation(tf, spec, data, n_validation, params)
        epoch_score = tf.where(numbers.scores_loss > 0, -validation_loss, epoch_score)
        is_best = judges & (epoch_score > stopping.best_score)
        state = state._replace(best_params=_choose(tf, is_best, params, state.best_params))
    judged = judge(tf.where, numbers.rule(), stopping, loss, epoch_score)
    state = state._replace(stopping=tf.stack(_choose(tf, judges, judged, stopping)))
    return state, [loss, validation_loss, epoch_score]


def sum_loss(tf: Any, numbers: EpochNumbers, state: BatchState) -> Tensor:
    """Return the sum of the losses and penalties of all batches, each times its samples."""
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
    """Return the mean loss and the score on the validation set, computed batch by batch."""
    architecture, size = spec.architecture, spec.validation_batch_rows
    n_batches = (n_validation + size - 1) // size
    arrays = layout_of(spec).split(params, tf.reshape)

    def add(number: Tensor, loss: Tensor, counted: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
        n_rows = tf.minimum(n_validation - number * size, size)
        batch = take_validation_batch(tf, spec, data.validation, n_rows, number)
        outputs = forward(tf, spec, batch.X, arrays)[-1].values
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
