"""The forward pass and the backward pass, for dense and for sparse batches.

The weights of some layers are transposed, see `products.is_transposed`.
"""

from functools import partial
from typing import Any, NamedTuple

from skmlp._model.activations import ACTIVATIONS
from skmlp._model.losses import LOSSES
from skmlp._program.products import (
    cuts_gradient,
    cuts_sums,
    is_transposed,
    multiply_by_few,
    multiply_transposed,
    round_product,
)
from skmlp._program.regularisers import drop_units
from skmlp._program.spec import ProgramSpec
from skmlp._program.values import Batch, BatchNumbers, SparseRows, Tensor


class Layer(NamedTuple):
    """A layer after the forward pass. The input layer has no sums: they are None."""

    sums: Tensor
    values: Tensor
    passed: Tensor  # what the next layer receives: the values, with units dropped in training


def forward(
    tf: Any,
    spec: ProgramSpec,
    X: Tensor,
    params: list[Tensor],
    numbers: BatchNumbers | None = None,
) -> list[Layer]:
    """Return all layers, the input first and the outputs last.

    Parameters
    ----------
    numbers : BatchNumbers, default=None
        The numbers of the batch, in training. If None, no units are dropped.
    """
    architecture = spec.architecture
    n_layers = len(architecture.coef_shapes)
    layers = [Layer(None, X, X)]
    for number, (coef, intercept) in enumerate(
        zip(params[:n_layers], params[n_layers:], strict=True)
    ):
        is_last = number == n_layers - 1
        name = architecture.out_activation if is_last else architecture.activation
        sums = _weigh(tf, spec, number, layers[-1].passed, coef) + intercept
        values = ACTIVATIONS[name].build(tf, sums)
        passed = values if is_last else drop_units(tf, spec, numbers, number, values)
        layers.append(Layer(sums, values, passed))
    return layers


def backward(
    tf: Any,
    spec: ProgramSpec,
    batch: Batch,
    numbers: BatchNumbers,
    coefs: list[Tensor],
    layers: list[Layer],
) -> tuple[list[Tensor], list[Tensor]]:
    """Return the gradients of the weighted sum of losses, for the weights and for the biases."""
    coef_grads: list[Tensor] = []
    intercept_grads: list[Tensor] = []
    activation = ACTIVATIONS[spec.architecture.activation]
    loss = LOSSES[spec.architecture.loss]
    rounded = partial(round_product, tf, numbers)
    delta = loss.build_delta(tf, batch.targets, layers[-1].values) * batch.sample_weight
    for number in reversed(range(len(coefs))):
        coef, below = coefs[number], layers[number]
        coef_grads.insert(0, _coef_gradient(tf, spec, number, below.passed, delta, coef))
        intercept_grads.insert(0, tf.reduce_sum(delta, axis=0))
        if number > 0:
            delta = tf.matmul(delta, coef, transpose_b=not is_transposed(spec, number))
            delta = drop_units(tf, spec, numbers, number - 1, delta)
            assert activation.backpropagate is not None
            delta = activation.backpropagate(tf, rounded, below.sums, below.values, delta)
    return coef_grads, intercept_grads


def _weigh(tf: Any, spec: ProgramSpec, layer: int, values: Tensor, coef: Tensor) -> Tensor:
    """Return the values of a layer times the weights to the next layer."""
    if isinstance(values, SparseRows):
        products = values.values[:, tf.newaxis] * _look_up(tf, coef, values.columns)
        return tf.math.unsorted_segment_sum(products, values.rows, values.n_rows)
    if cuts_sums(spec, layer):
        return multiply_by_few(tf, values, coef)
    return tf.matmul(values, coef, transpose_b=is_transposed(spec, layer))


def _coef_gradient(
    tf: Any, spec: ProgramSpec, layer: int, values: Tensor, delta: Tensor, coef: Tensor
) -> Tensor:
    if isinstance(values, SparseRows):
        products = values.values[:, tf.newaxis] * _look_up(tf, delta, values.rows)
        return tf.math.unsorted_segment_sum(products, values.columns, coef.shape[0])
    left, right = (delta, values) if is_transposed(spec, layer) else (values, delta)
    if cuts_gradient(spec, layer):
        return multiply_transposed(tf, left, right)
    return tf.matmul(left, right, transpose_a=True)


def _look_up(tf: Any, table: Tensor, positions: Tensor) -> Tensor:
    """Return rows of a table. An entry at position -1 does not count, and gets any row."""
    return tf.gather(table, tf.maximum(positions, 0))
