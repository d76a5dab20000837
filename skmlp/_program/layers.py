"""Forward and backward through the layers, for a dense batch and for a sparse one.

The weights of some layers are transposed, see `ProgramSpec.is_transposed`.
"""

from typing import Any

from skmlp._program.products import multiply_by_few, multiply_transposed
from skmlp._program.solvers import round_product
from skmlp._program.spec import Batch, BatchNumbers, ProgramSpec, SparseRows, Tensor


def forward(tf: Any, spec: ProgramSpec, X: Tensor, params: list[Tensor]) -> list[Tensor]:
    """Return the values of all layers, the input first and the outputs last."""
    architecture = spec.architecture
    n_layers = len(architecture.coef_shapes)
    values = [X]
    for layer, (coef, intercept) in enumerate(
        zip(params[:n_layers], params[n_layers:], strict=True)
    ):
        is_last = layer == n_layers - 1
        name = architecture.out_activation if is_last else architecture.activation
        sums = _weigh(tf, spec, layer, values[-1], coef) + intercept
        values.append(_activate(tf, name, sums))
    return values


def backward(
    tf: Any,
    spec: ProgramSpec,
    batch: Batch,
    numbers: BatchNumbers,
    coefs: list[Tensor],
    values: list[Tensor],
) -> tuple[list[Tensor], list[Tensor]]:
    """Return the gradients of the weighted sum of losses, of weights and of biases."""
    coef_grads: list[Tensor] = []
    intercept_grads: list[Tensor] = []
    # All losses are those of which the output activation is the canonical inverse link.
    delta = (values[-1] - batch.targets) * batch.sample_weight
    for layer in reversed(range(len(coefs))):
        coef = coefs[layer]
        coef_grads.insert(0, _coef_gradient(tf, spec, layer, values[layer], delta, coef))
        intercept_grads.insert(0, tf.reduce_sum(delta, axis=0))
        if layer > 0:
            delta = tf.matmul(delta, coef, transpose_b=not spec.is_transposed(layer))
            name = spec.architecture.activation
            delta = _multiply_by_derivative(tf, numbers, name, values[layer], delta)
    return coef_grads, intercept_grads


def _weigh(tf: Any, spec: ProgramSpec, layer: int, values: Tensor, coef: Tensor) -> Tensor:
    """Return the sums of the values of a layer, weighted by those of the units of the next."""
    if isinstance(values, SparseRows):
        products = values.values[:, tf.newaxis] * _look_up(tf, coef, values.columns)
        return tf.math.unsorted_segment_sum(products, values.rows, values.n_rows)
    if spec.cuts_sums(layer):
        return multiply_by_few(tf, values, coef)
    return tf.matmul(values, coef, transpose_b=spec.is_transposed(layer))


def _coef_gradient(
    tf: Any, spec: ProgramSpec, layer: int, values: Tensor, delta: Tensor, coef: Tensor
) -> Tensor:
    if isinstance(values, SparseRows):
        products = values.values[:, tf.newaxis] * _look_up(tf, delta, values.rows)
        return tf.math.unsorted_segment_sum(products, values.columns, coef.shape[0])
    left, right = (delta, values) if spec.is_transposed(layer) else (values, delta)
    if spec.cuts_gradient(layer):
        return multiply_transposed(tf, left, right)
    return tf.matmul(left, right, transpose_a=True)


def _look_up(tf: Any, table: Tensor, positions: Tensor) -> Tensor:
    """Return rows of a table; those of entries that are left out, at -1, are not used."""
    return tf.gather(table, tf.maximum(positions, 0))


def _activate(tf: Any, name: str, values: Tensor) -> Tensor:
    if name == "relu":
        return tf.maximum(values, tf.zeros_like(values))
    if name == "tanh":
        return _tanh(tf, values)
    if name == "logistic":
        return 1 / (1 + tf.exp(-values))
    if name == "exp":
        return tf.exp(values)
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


def _multiply_by_derivative(
    tf: Any, numbers: BatchNumbers, name: str, values: Tensor, delta: Tensor
) -> Tensor:
    """Multiply by the derivative of an activation, given the values that it returned."""
    if name == "relu":
        return tf.where(values == 0, tf.zeros_like(delta), delta)
    if name == "tanh":
        return delta * (1 - round_product(tf, numbers, values * values))
    if name == "logistic":
        return delta * values * (1 - values)
    return delta
