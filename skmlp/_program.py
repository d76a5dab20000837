"""The training program: the graph of whole epochs that the engine compiles.

Nothing here imports TensorFlow: every function receives the module as ``tf``. The gradients are
written by hand, operation for operation as scikit-learn computes them, so that in float64 the
results differ by rounding only.

What may change from fit to fit without another compilation is a tensor: the learning rate and
every other hyper-parameter, the number of samples, the size of the batch, the number of epochs.
What is static, because it is the shape of something, is in `ProgramSpec`.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from skmlp._network import Architecture

Tensor = Any


@dataclass(frozen=True)
class ProgramSpec:
    """The static part of a program.

    Parameters
    ----------
    architecture : Architecture
        Sizes and activations of the network.
    dtype : {"float32", "float64"}
        Type of the data and of the parameters. Losses and scores are summed in float64.
    batch_rows : int
        Rows of a batch; a batch with fewer samples is padded with samples of no weight.
    validation_batch_rows : int
        The same for the validation set; 0 where none is scored.
    data_rows : int
        Capacity of the data: the samples of the training and the validation set, padded.
    validation_rows : int
        Capacity of the list of validation samples.
    epochs : int
        The most epochs that one call can run.
    """

    architecture: Architecture
    dtype: str
    batch_rows: int
    validation_batch_rows: int
    data_rows: int
    validation_rows: int
    epochs: int

    @property
    def order_stride(self) -> int:
        """Length of the order of one epoch: the last batch is read past the last sample."""
        return self.data_rows + self.batch_rows


class Data(NamedTuple):
    """What stays on the device during a fit."""

    X: Tensor  # (data_rows, n_features)
    targets: Tensor  # (data_rows, n_outputs), uint8
    sample_weight: Tensor  # (data_rows,)
    validation_order: Tensor  # (validation_rows,), int32


class Hyper(NamedTuple):
    """Hyper-parameters, each a float64 scalar."""

    learning_rate: Tensor
    beta_1: Tensor
    beta_2: Tensor
    epsilon: Tensor
    alpha: Tensor
    tol: Tensor
    n_iter_no_change: Tensor
    infinity: Tensor = np.inf  # as an argument, so that the compiler does not know it


class Counts(NamedTuple):
    """Sizes and bounds of one call, each an int32 scalar."""

    n_samples: Tensor
    batch_size: Tensor
    n_validation: Tensor
    n_epochs: Tensor
    first_batch: Tensor  # of the first epoch of the call
    last_batch: Tensor  # of every epoch of the call, excluded
    watch_validation: Tensor  # 1: training stops by the validation score, 0: by the loss


class State(NamedTuple):
    """What changes from batch to batch and from call to call."""

    params: list[Tensor]  # weights, then biases
    first_moments: list[Tensor]
    second_moments: list[Tensor]
    step: Tensor  # int64: updates so far
    loss_sum: Tensor  # float64: batch losses times batch rows, this epoch
    penalty_sums: list[Tensor]  # the same for the square of each weight
    row_sum: Tensor  # float64: rows of the batches that counted, this epoch
    best_params: list[Tensor]  # empty where no validation set is scored
    best_loss: Tensor  # float64
    best_score: Tensor  # float64
    no_improvement_count: Tensor  # int32
    stopped: Tensor  # bool


class Curves(NamedTuple):
    """Values of the epochs that a call completed, each float64 of shape (epochs,)."""

    loss: Tensor
    validation_loss: Tensor
    validation_score: Tensor


class Batch(NamedTuple):
    """The samples of one update; those past its end have weight 0."""

    X: Tensor
    targets: Tensor
    sample_weight: Tensor
    weight_sum: Tensor
    n_rows: Tensor


def signature(tf: Any, spec: ProgramSpec) -> tuple[Any, ...]:
    """Return the shapes and types of the arguments of the program."""
    dtype = tf.as_dtype(spec.dtype)
    architecture = spec.architecture

    def tensor(shape: tuple[int, ...], kind: Any) -> Any:
        return tf.TensorSpec(shape, kind)

    shapes = [*architecture.coef_shapes, *architecture.intercept_shapes]
    params = [tensor(shape, dtype) for shape in shapes]
    real = tensor((), tf.float64)
    data = Data(
        tensor((spec.data_rows, architecture.layer_units[0]), dtype),
        tensor((spec.data_rows, architecture.layer_units[-1]), tf.uint8),
        tensor((spec.data_rows,), dtype),
        tensor((spec.validation_rows,), tf.int32),
    )
    state = State(
        params=params,
        first_moments=params,
        second_moments=params,
        step=tensor((), tf.int64),
        loss_sum=real,
        penalty_sums=params[: len(architecture.coef_shapes)],
        row_sum=real,
        best_params=params if spec.validation_rows else [],
        best_loss=real,
        best_score=real,
        no_improvement_count=tensor((), tf.int32),
        stopped=tensor((), tf.bool),
    )
    orders = tensor((spec.epochs * spec.order_stride,), tf.int32)
    hyper = tensor((len(Hyper._fields),), tf.float64)
    counts = tensor((len(Counts._fields),), tf.int32)
    return data, orders, hyper, counts, state


def run_epochs(
    tf: Any,
    spec: ProgramSpec,
    data: Data,
    orders: Tensor,
    hyper: Hyper,
    counts: Counts,
    state: State,
) -> tuple[Tensor, State, Curves]:
    """Run up to ``counts.n_epochs`` epochs, or a part of one; return how many were completed."""
    n_batches = (counts.n_samples + counts.batch_size - 1) // counts.batch_size
    end = tf.minimum(counts.last_batch, n_batches)
    is_complete = end == n_batches

    def epoch(number: Tensor, done: Tensor, state: State, curves: Curves) -> tuple[Any, ...]:
        def update(batch_number: Tensor, state: State) -> tuple[Tensor, State]:
            batch = _take_batch(tf, spec, data, orders, counts, number, batch_number)
            return batch_number + 1, _update(tf, spec, hyper, batch, state)

        first = tf.where(number == 0, counts.first_batch, 0)
        _, state = tf.while_loop(lambda i, _: i < end, update, (first, state))
        state, losses = _end_epoch(tf, spec, data, hyper, counts, is_complete, state)
        curves = Curves(
            *(_put(tf, c, number, loss) for c, loss in zip(curves, losses, strict=True))
        )
        return number + 1, done + tf.cast(is_complete, tf.int32), state, curves

    empty = tf.zeros([spec.epochs], tf.float64)
    _, done, state, curves = tf.while_loop(
        lambda number, done, state, curves: (number < counts.n_epochs) & ~state.stopped,
        epoch,
        (tf.constant(0), tf.constant(0), state, Curves(empty, empty, empty)),
    )
    return done, state, curves


def _take_batch(
    tf: Any,
    spec: ProgramSpec,
    data: Data,
    orders: Tensor,
    counts: Counts,
    epoch: Tensor,
    batch_number: Tensor,
) -> Batch:
    """Gather the samples of a batch in the order of its epoch."""
    start = batch_number * counts.batch_size
    n_rows = tf.minimum(counts.batch_size, counts.n_samples - start)
    position = tf.range(spec.batch_rows)
    # A gather, not a slice: the bounds of a slice would be compiled in as constants.
    rows = tf.gather(orders, epoch * spec.order_stride + start + position)
    return _gather(tf, data, rows, position < n_rows, n_rows)


def _gather(tf: Any, data: Data, rows: Tensor, valid: Tensor, n_rows: Tensor) -> Batch:
    weight = tf.gather(data.sample_weight, rows)
    weight = tf.where(valid, weight, tf.zeros_like(weight))
    return Batch(
        tf.gather(data.X, rows),
        tf.cast(tf.gather(data.targets, rows), weight.dtype),
        weight[:, tf.newaxis],
        tf.reduce_sum(weight),
        tf.cast(n_rows, tf.float64),
    )


def _forward(tf: Any, architecture: Architecture, X: Tensor, params: list[Tensor]) -> list[Tensor]:
    """Return the values of all layers, the input first and the outputs last."""
    n_layers = len(architecture.coef_shapes)
    values = [X]
    for layer, (coef, intercept) in enumerate(
        zip(params[:n_layers], params[n_layers:], strict=True)
    ):
        is_last = layer == n_layers - 1
        name = architecture.out_activation if is_last else architecture.activation
        values.append(_activate(tf, name, tf.matmul(values[-1], coef) + intercept))
    return values


def _activate(tf: Any, name: str, values: Tensor) -> Tensor:
    if name == "relu":
        return tf.maximum(values, tf.zeros_like(values))
    if name == "tanh":
        return _tanh(tf, values)
    if name == "logistic":
        return 1 / (1 + tf.exp(-values))
    if name == "softmax":
        values = tf.exp(values - tf.reduce_max(values, axis=1, keepdims=True))
        return values / tf.reduce_sum(values, axis=1, keepdims=True)
    return values


def _tanh(tf: Any, values: Tensor) -> Tensor:
    """Return tanh, in float64 within 1 ulp where it saturates.

    XLA's own is off by up to 6 ulp, which its derivative 1 - tanh**2 turns into noise there.
    """
    if values.dtype == tf.float32:
        return tf.tanh(values)
    saturated = tf.sign(values) * (1 - 2 / (tf.exp(2 * tf.abs(values)) + 1))
    return tf.where(tf.abs(values) > 0.55, saturated, tf.tanh(values))


def _rounded(tf: Any, hyper: Hyper, product: Tensor) -> Tensor:
    """Return a product that is rounded to float64 before anything is added to it.

    LLVM fuses products and sums into one operation with a single rounding, where NumPy has two.
    Adam makes that last bit visible where weights shrink to nothing and where tanh saturates. A
    minimum with infinity changes no value, and is in the way of the fusion. In float32, which
    is not compared bit by bit, products stay fused.
    """
    return product if product.dtype == tf.float32 else tf.minimum(product, hyper.infinity)


def _multiply_by_derivative(
    tf: Any, hyper: Hyper, name: str, values: Tensor, delta: Tensor
) -> Tensor:
    """Multiply by the derivative of an activation, given the values that it returned."""
    if name == "relu":
        return tf.where(values == 0, tf.zeros_like(delta), delta)
    if name == "tanh":
        return delta * (1 - _rounded(tf, hyper, values * values))
    if name == "logistic":
        return delta * values * (1 - values)
    return delta


def _loss_sum(tf: Any, architecture: Architecture, batch: Batch, outputs: Tensor) -> Tensor:
    """Return the weighted sum of the cross-entropies of a batch, in its own type."""
    eps = np.finfo(outputs.dtype.as_numpy_dtype).eps
    outputs = tf.clip_by_value(outputs, eps, 1 - eps)
    if architecture.out_activation == "logistic":
        likelihood = tf.where(batch.targets > 0, outputs, 1 - outputs)
        losses = tf.math.log(likelihood)
    else:
        losses = tf.where(batch.targets > 0, tf.math.log(outputs), tf.zeros_like(outputs))
    # A sample of no weight must not count even where its loss is NaN.
    weight = batch.sample_weight
    return -tf.reduce_sum(tf.where(weight > 0, losses * weight, tf.zeros_like(losses)))


def _gradients(
    tf: Any,
    architecture: Architecture,
    batch: Batch,
    hyper: Hyper,
    coefs: list[Tensor],
    values: list[Tensor],
) -> list[Tensor]:
    """Return the gradients of the batch loss and the penalty by back-propagation."""
    alpha = tf.cast(hyper.alpha, coefs[0].dtype)
    divisor = tf.where(batch.weight_sum > 0, batch.weight_sum, tf.ones_like(batch.weight_sum))
    coef_grads: list[Tensor] = []
    intercept_grads: list[Tensor] = []
    delta = (values[-1] - batch.targets) * batch.sample_weight
    for layer in reversed(range(len(coefs))):
        grad = tf.matmul(values[layer], delta, transpose_a=True)
        penalty = _rounded(tf, hyper, alpha * coefs[layer])
        coef_grads.insert(0, (grad + penalty) / divisor)
        intercept_grads.insert(0, tf.reduce_sum(delta, axis=0) / divisor)
        if layer > 0:
            delta = tf.matmul(delta, coefs[layer], transpose_b=True)
            name = architecture.activation
            delta = _multiply_by_derivative(tf, hyper, name, values[layer], delta)
    return coef_grads + intercept_grads


def _update(tf: Any, spec: ProgramSpec, hyper: Hyper, batch: Batch, state: State) -> State:
    """Update the parameters by one batch. A batch whose weights are all zero changes nothing."""
    architecture = spec.architecture
    coefs = state.params[: len(architecture.coef_shapes)]
    values = _forward(tf, architecture, batch.X, state.params)
    is_active = batch.weight_sum > 0
    n_rows = tf.where(is_active, batch.n_rows, tf.zeros_like(batch.n_rows))
    scale = tf.where(is_active, n_rows / tf.cast(batch.weight_sum, tf.float64), 0.0)
    loss_sum = tf.cast(_loss_sum(tf, architecture, batch, values[-1]), tf.float64)
    grads = _gradients(tf, architecture, batch, hyper, coefs, values)
    state = state._replace(
        loss_sum=state.loss_sum + scale * loss_sum,
        penalty_sums=_add_squares(tf, scale, coefs, state.penalty_sums),
        row_sum=state.row_sum + n_rows,
    )
    return _adam(tf, hyper, is_active, grads, state)


def _add_squares(tf: Any, scale: Tensor, coefs: list[Tensor], sums: list[Tensor]) -> list[Tensor]:
    """Add the square of each weight to its sum.

    They are added up once an epoch: XLA vectorises a sum of arrays, but not the reduction of one.
    """
    return [
        total + tf.cast(scale, coef.dtype) * (coef * coef)
        for coef, total in zip(coefs, sums, strict=True)
    ]


def _adam(tf: Any, hyper: Hyper, is_active: Tensor, grads: list[Tensor], state: State) -> State:
    """Apply Adam (Kingma and Ba, 2014), epsilon outside the corrected root as scikit-learn has it.

    An inactive batch keeps every number by its coefficients, which costs nothing, where a
    conditional would copy the state.
    """
    dtype = grads[0].dtype
    zero, one = tf.zeros([], tf.float64), tf.ones([], tf.float64)
    step = state.step + tf.cast(is_active, tf.int64)
    t = tf.cast(step, tf.float64)
    rate = hyper.learning_rate * tf.sqrt(one - hyper.beta_2**t) / (one - hyper.beta_1**t)
    rate = tf.cast(tf.where(is_active, rate, zero), dtype)
    epsilon = tf.cast(hyper.epsilon, dtype)
    betas = (hyper.beta_1, hyper.beta_2)
    keep_1, keep_2 = (tf.cast(tf.where(is_active, beta, one), dtype) for beta in betas)
    take_1, take_2 = (tf.cast(tf.where(is_active, one - beta, zero), dtype) for beta in betas)
    rounded = partial(_rounded, tf, hyper)
    params, first, second = [], [], []
    for param, grad, m, v in zip(
        state.params, grads, state.first_moments, state.second_moments, strict=True
    ):
        first.append(rounded(keep_1 * m) + rounded(take_1 * grad))
        second.append(rounded(keep_2 * v) + rounded(take_2 * rounded(grad * grad)))
        params.append(param - rate * first[-1] / (tf.sqrt(second[-1]) + epsilon))
    return state._replace(params=params, first_moments=first, second_moments=second, step=step)


def _end_epoch(
    tf: Any,
    spec: ProgramSpec,
    data: Data,
    hyper: Hyper,
    counts: Counts,
    is_complete: Tensor,
    state: State,
) -> tuple[State, Curves]:
    """Close an epoch if it is complete: score it, move the stopping rule, clear the sums.

    What is not to change is selected, not skipped by a conditional, which would copy the state.
    """
    penalty = sum(tf.reduce_sum(tf.cast(sums, tf.float64)) for sums in state.penalty_sums)
    loss = (state.loss_sum + 0.5 * hyper.alpha * penalty) / state.row_sum
    is_worse = loss > state.best_loss - hyper.tol
    validation_loss = score = tf.zeros([], tf.float64)
    if spec.validation_rows:
        n_validation = tf.where(is_complete, counts.n_validation, 0)
        validation_loss, score = _score_validation(tf, spec, data, n_validation, state.params)
        score_is_worse = score < state.best_score + hyper.tol
        is_worse = tf.where(counts.watch_validation > 0, score_is_worse, is_worse)
        state = _keep_best(tf, is_complete & (score > state.best_score), score, state)
    count = tf.where(is_worse, state.no_improvement_count + 1, 0)
    count = tf.where(is_complete, count, state.no_improvement_count)
    state = state._replace(
        best_loss=tf.where(is_complete & (loss < state.best_loss), loss, state.best_loss),
        no_improvement_count=count,
        stopped=is_complete & (tf.cast(count, tf.float64) > hyper.n_iter_no_change),
        loss_sum=_clear(tf, is_complete, state.loss_sum),
        penalty_sums=[_clear(tf, is_complete, sums) for sums in state.penalty_sums],
        row_sum=_clear(tf, is_complete, state.row_sum),
    )
    return state, Curves(loss, validation_loss, score)


def _keep_best(tf: Any, is_best: Tensor, score: Tensor, state: State) -> State:
    """Keep the parameters that have the best validation score so far."""
    return state._replace(
        best_params=[
            tf.where(is_best, param, best)
            for param, best in zip(state.params, state.best_params, strict=True)
        ],
        best_score=tf.where(is_best, score, state.best_score),
    )


def _clear(tf: Any, condition: Tensor, values: Tensor) -> Tensor:
    return tf.where(condition, tf.zeros_like(values), values)


def _put(tf: Any, curve: Tensor, position: Tensor, value: Tensor) -> Tensor:
    return tf.tensor_scatter_nd_update(curve, [[position]], [value])


def _score_validation(
    tf: Any, spec: ProgramSpec, data: Data, n_validation: Tensor, params: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """Return the mean cross-entropy and the accuracy on the validation set, block by block."""
    architecture = spec.architecture

    def block(start: Tensor, loss: Tensor, correct: Tensor, total: Tensor) -> tuple[Tensor, ...]:
        position = start + tf.range(spec.validation_batch_rows)
        n_rows = tf.minimum(n_validation - start, spec.validation_batch_rows)
        rows = tf.gather(data.validation_order, position)
        batch = _gather(tf, data, rows, position < n_validation, n_rows)
        outputs = _forward(tf, architecture, batch.X, params)[-1]
        weight = tf.cast(batch.sample_weight[:, 0], tf.float64)
        is_correct = _is_correct(tf, architecture, batch.targets, outputs)
        return (
            start + spec.validation_batch_rows,
            loss + tf.cast(_loss_sum(tf, architecture, batch, outputs), tf.float64),
            correct + tf.reduce_sum(tf.where(is_correct, weight, tf.zeros_like(weight))),
            total + tf.reduce_sum(weight),
        )

    zero = tf.zeros([], tf.float64)
    _, loss, correct, total = tf.while_loop(
        lambda start, *_: start < n_validation,
        block,
        (tf.constant(0), zero, zero, zero),
    )
    return loss / total, correct / total


def _is_correct(tf: Any, architecture: Architecture, targets: Tensor, outputs: Tensor) -> Tensor:
    """Tell for each sample whether every label is right."""
    if architecture.out_activation == "softmax":
        return tf.argmax(targets, axis=1) == tf.argmax(outputs, axis=1)
    return tf.reduce_all((outputs > architecture.threshold) == (targets > 0), axis=1)
