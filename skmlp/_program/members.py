"""The program that trains several networks of one shape side by side.

The first axis of every array stands for the networks. Each network has its own batches, weights and
masks. One batched matrix product multiplies for all networks at once. The method is that of RealMLP
(Holzmüller, Grinsztajn and Steinwart, Better by default, 2024), without its trained embeddings.
"""

import math
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple

import numpy as np

from skmlp._model.activations import ACTIVATIONS
from skmlp._model.losses import LOSSES
from skmlp._program.batches import at_position
from skmlp._program.regularisers import random_bits

Tensor = Any


@dataclass(frozen=True)
class MembersSpec:
    """The static part of a program for several networks.

    Parameters
    ----------
    n_members : int
        Number of networks.
    layer_units : tuple of int
        Number of units of every layer, input and output included.
    activation : str
        Activation function of the hidden layers.
    loss : str
        Loss of the outputs.
    has_dropout : bool
        Whether values of hidden layers are dropped.
    batch_rows : int
        Rows of a batch of each network.
    block_batches : int
        The most batches that one call can run.
    rows : int
        Capacity for the samples. The last row is no sample, and has weight 0.
    validation_rows : int
        Capacity for the samples that each network holds out.
    """

    n_members: int
    layer_units: tuple[int, ...]
    activation: str
    loss: str
    has_dropout: bool
    batch_rows: int
    block_batches: int
    rows: int
    validation_rows: int

    capacities: ClassVar[tuple[str, ...]] = ("rows", "validation_rows")

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the parameters: scales of the inputs, then weights, then biases."""
        k, units = self.n_members, self.layer_units
        pairs = list(pairwise(units))
        weights: list[tuple[int, ...]] = [(k, fan_in, fan_out) for fan_in, fan_out in pairs]
        biases: list[tuple[int, ...]] = [(k, 1, fan_out) for _, fan_out in pairs]
        return [(k, 1, units[0]), *weights, *biases]

    @property
    def rate_factors(self) -> list[float]:
        """Factors of the learning rate, one for each of the parameters."""
        fans_in = self.layer_units[:-1]
        return [6.0, *(1 / math.sqrt(fan_in) for fan_in in fans_in), *([0.1] * len(fans_in))]


class MembersData(NamedTuple):
    """The samples of a fit, and the rows that each network holds out."""

    X: Tensor  # (rows, n_features), float32
    targets: Tensor  # (rows, n_outputs), float32
    sample_weight: Tensor  # (rows,), float32; 0 for the last row
    held_out: Tensor  # (n_members, validation_rows), int32


class StepNumbers(NamedTuple):
    """The numbers of a batch, float32: columns in the table of a call, scalars in the program."""

    rate: Any  # the learning rate, with Adam's correction
    shrinkage: Any  # the share by which decoupled decay shrinks the weights
    dropout: Any  # the share of the values that is dropped
    smoothing: Any  # the share of the targets that is spread over all classes


class MembersTables(NamedTuple):
    """The numbers that control a call."""

    rows: Tensor  # (block_batches, n_members, batch_rows), int32
    numbers: Tensor  # (block_batches, len(StepNumbers._fields)), float32
    keys: Tensor  # (block_batches,), int32: seeds of the masks
    n_batches: Tensor  # int32 scalar
    is_complete: Tensor  # int32 scalar: 1 if an epoch ends with the call


class MembersState(NamedTuple):
    """The state that goes from call to call."""

    params: list[Tensor]
    first_moments: list[Tensor]
    second_moments: list[Tensor]


_LAYER_STEP = 0x85EBCA6B
"""The keys of two layers differ by this number, which is odd and has no pattern in its bits."""

SCORED_ROWS = 4096
"""Rows of each network that are scored at a time: their layers take some 25 MB.

Measured on a fit of 5,000 rows and 10 columns, validated by 100,000 rows: its memory above the
imports rose to 990 MB when all rows were scored at once, and to 366 MB in parts.
"""

BETA_1, BETA_2, EPSILON = 0.9, 0.95, 1e-8
"""The parameters of Adam, as in RealMLP."""


def members_signature(
    tf: Any, spec: MembersSpec
) -> tuple[MembersData, MembersTables, MembersState]:
    """Return the shapes and types of the arguments of `run_members`."""
    real, count = tf.float32, tf.int32
    k, units, n_batches = spec.n_members, spec.layer_units, spec.block_batches
    data = MembersData(
        tf.TensorSpec((spec.rows, units[0]), real),
        tf.TensorSpec((spec.rows, units[-1]), real),
        tf.TensorSpec((spec.rows,), real),
        tf.TensorSpec((k, spec.validation_rows), count),
    )
    tables = MembersTables(
        tf.TensorSpec((n_batches, k, spec.batch_rows), count),
        tf.TensorSpec((n_batches, len(StepNumbers._fields)), real),
        tf.TensorSpec((n_batches,), count),
        tf.TensorSpec((), count),
        tf.TensorSpec((), count),
    )
    params = [tf.TensorSpec(shape, real) for shape in spec.shapes]
    return data, tables, MembersState(params, params, params)


def run_members(
    tf: Any, spec: MembersSpec, data: MembersData, tables: MembersTables, state: MembersState
) -> tuple[Tensor, Tensor, MembersState]:
    """Run some batches of every network.

    Returns
    -------
    losses : float32 of shape (n_members,)
        Sum of the mean losses of the batches, for each network.
    held_out : float32 of shape (n_members, validation_rows, n_outputs)
        The weighted sums of the last layer for the held-out rows, or zeros within an epoch.
    state : MembersState
        The state after these batches.
    """

    def update(position: Tensor, losses: Tensor, state: MembersState) -> tuple[Any, ...]:
        numbers = StepNumbers(*tf.unstack(at_position(tf, tables.numbers, position)))
        rows = at_position(tf, tables.rows, position)
        key = at_position(tf, tables.keys, position)
        loss, grads = _loss_and_gradients(tf, spec, data, rows, numbers, key, state.params)
        return position + 1, losses + loss, _adam(tf, spec, numbers, state, grads)

    _, losses, state = tf.while_loop(
        lambda position, *_: position < tables.n_batches,
        update,
        (tf.constant(0), tf.zeros([spec.n_members]), state),
    )
    held_out = tf.cond(
        tables.is_complete > 0,
        lambda: _score_held_out(tf, spec, data, state.params),
        lambda: tf.zeros([spec.n_members, spec.validation_rows, spec.layer_units[-1]]),
    )
    return losses, held_out, state


def _score_held_out(tf: Any, spec: MembersSpec, data: MembersData, params: list[Tensor]) -> Tensor:
    """Return the weighted sums of the last layer for the held-out rows, a part of them at a time.

    For 100,000 rows and the default networks, the layers of all rows at once would take 600 MB.
    """

    def sums_of(rows: Tensor) -> Tensor:
        return _forward(tf, spec, tf.gather(data.X, rows), params)[-1].sums

    k, n_rows, n_outputs = spec.n_members, spec.validation_rows, spec.layer_units[-1]
    if n_rows <= SCORED_ROWS:
        return sums_of(data.held_out)
    n_parts = -(-n_rows // SCORED_ROWS)
    padded = tf.pad(data.held_out, [[0, 0], [0, n_parts * SCORED_ROWS - n_rows]])
    parts = tf.transpose(tf.reshape(padded, [k, n_parts, SCORED_ROWS]), [1, 0, 2])
    results = tf.TensorArray(tf.float32, n_parts, element_shape=[k, SCORED_ROWS, n_outputs])
    _, results = tf.while_loop(
        lambda part, _: part < n_parts,
        lambda part, sums: (part + 1, sums.write(part, sums_of(at_position(tf, parts, part)))),
        (tf.constant(0), results),
    )
    sums = tf.transpose(results.stack(), [1, 0, 2, 3])
    return tf.reshape(sums, [k, n_parts * SCORED_ROWS, n_outputs])[:, :n_rows]


class Layer(NamedTuple):
    """A layer after the forward pass. The input layer has no sums: they are None."""

    sums: Tensor
    values: Tensor
    dropped: Tensor  # the values, some of them set to zero


def _forward(
    tf: Any, spec: MembersSpec, X: Tensor, params: list[Tensor], drop: Any = None
) -> list[Layer]:
    """Return all layers. The first has the scaled inputs, the last has no activation."""
    n_layers = len(spec.layer_units) - 1
    scale, weights, biases = params[0], params[1 : n_layers + 1], params[n_layers + 1 :]
    activation = ACTIVATIONS[spec.activation]
    scaled = X * scale
    layers = [Layer(None, scaled, scaled)]
    for number, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        sums = tf.matmul(layers[-1].dropped, weight) + bias
        if number == n_layers - 1:
            layers.append(Layer(sums, sums, sums))
            break
        values = activation.build(tf, sums)
        layers.append(Layer(sums, values, values if drop is None else drop(number, values)))
    return layers


def _loss_and_gradients(
    tf: Any,
    spec: MembersSpec,
    data: MembersData,
    rows: Tensor,
    numbers: StepNumbers,
    key: Tensor,
    params: list[Tensor],
) -> tuple[Tensor, list[Tensor]]:
    """Return the mean loss of each network on its batch, and the gradients of the parameters."""
    X, weight = tf.gather(data.X, rows), tf.gather(data.sample_weight, rows)
    total = tf.reduce_sum(weight, axis=1, keepdims=True)
    share = (weight / tf.where(total > 0, total, tf.ones_like(total)))[:, :, tf.newaxis]
    drop = partial(_drop, tf, numbers.dropout, key) if spec.has_dropout else None
    layers = _forward(tf, spec, X, params, drop)
    loss = LOSSES[spec.loss]
    outputs = ACTIVATIONS[loss.out_activation].build(tf, layers[-1].sums)
    targets = tf.gather(data.targets, rows)
    losses = tf.reduce_sum(loss.build(tf, targets, outputs) * share, axis=[1, 2])
    if loss.averages_outputs:
        losses /= spec.layer_units[-1]
    delta = loss.build_delta(tf, _smooth(spec, numbers, targets), outputs) * share
    return losses, _backward(tf, spec, X, params, layers, delta, drop)


def _smooth(spec: MembersSpec, numbers: StepNumbers, targets: Tensor) -> Tensor:
    """Return the targets of a classifier with a share of each spread over all classes."""
    if not LOSSES[spec.loss].is_classification:
        return targets
    n_classes = spec.layer_units[-1] if spec.loss == "cross_entropy" else 2
    return targets * (1 - numbers.smoothing) + numbers.smoothing / n_classes


def _backward(
    tf: Any,
    spec: MembersSpec,
    X: Tensor,
    params: list[Tensor],
    layers: list[Layer],
    delta: Tensor,
    drop: Any,
) -> list[Tensor]:
    """Return the gradients of the parameters."""
    activation = ACTIVATIONS[spec.activation]
    weight_grads: list[Tensor] = []
    bias_grads: list[Tensor] = []
    for number in reversed(range(len(spec.layer_units) - 1)):
        below = layers[number]
        weight_grads.insert(0, tf.matmul(below.dropped, delta, transpose_a=True))
        bias_grads.insert(0, tf.reduce_sum(delta, axis=1, keepdims=True))
        delta = tf.matmul(delta, params[1 + number], transpose_b=True)
        if number > 0:
            delta = delta if drop is None else drop(number - 1, delta)
            assert activation.backpropagate is not None
            delta = activation.backpropagate(tf, _identity, below.sums, below.values, delta)
    scale_grad = tf.reduce_sum(delta * X, axis=1, keepdims=True)
    return [scale_grad, *weight_grads, *bias_grads]


def _identity(product: Tensor) -> Tensor:
    return product


def _drop(tf: Any, share: Tensor, key: Tensor, layer: int, values: Tensor) -> Tensor:
    """Set a share of values to zero and scale the others; see `regularisers.drop_units`."""
    n_members, n_rows, n_units = values.shape
    step = np.uint32((layer + 1) * _LAYER_STEP % 2**32)
    own = tf.bitcast(key, tf.uint32) + tf.constant(step)
    bits = tf.reshape(random_bits(tf, own, (n_members * n_rows, n_units)), values.shape)
    limit = tf.cast(share * 2.0**32, tf.uint32)
    return tf.where(bits >= limit, values / (1 - share), tf.zeros_like(values))


def _adam(
    tf: Any, spec: MembersSpec, numbers: StepNumbers, state: MembersState, grads: list[Tensor]
) -> MembersState:
    """Return the state after a step of Adam with decoupled decay of the weights."""
    n_layers = len(spec.layer_units) - 1
    params, firsts, seconds = [], [], []
    for number, (param, m, v, grad, factor) in enumerate(
        zip(*state, grads, spec.rate_factors, strict=True)
    ):
        firsts.append(BETA_1 * m + (1 - BETA_1) * grad)
        seconds.append(BETA_2 * v + (1 - BETA_2) * (grad * grad))
        kept = param * (1 - numbers.shrinkage) if 1 <= number <= n_layers else param
        step = numbers.rate * factor * firsts[-1] / (tf.sqrt(seconds[-1]) + EPSILON)
        params.append(kept - step)
    return MembersState(params, firsts, seconds)
