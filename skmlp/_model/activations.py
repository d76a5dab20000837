"""The activation functions: each one in NumPy, in a program, in Keras and in ONNX.

A new activation is a new entry of `ACTIVATIONS`. Functions that build a part of a program receive
TensorFlow as ``tf``; nothing here imports it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

Tensor = Any


@dataclass(frozen=True)
class Activation:
    """An activation function.

    Parameters
    ----------
    apply : callable
        Replaces the weighted sums in an array by the values of the function.
    build : callable
        Returns the values for a tensor of sums: ``build(tf, sums)``.
    keras : str
        Name of the function in Keras.
    onnx : callable
        Returns the node with the values: ``onnx(ops, sums, opset)``, where ``ops`` is
        `skl2onnx.algebra.onnx_ops`.
    backpropagate : callable or None
        Returns ``delta`` times the derivative of the function:
        ``backpropagate(tf, rounded, sums, values, delta)``. ``rounded`` rounds a product before it
        is added to something, see `skmlp._program.products.round_product`. None where the
        function is for outputs only: the derivative is then a part of the loss.
    init_factor : float
        The initial weights are uniform between plus and minus the root of
        ``init_factor / (fan_in + fan_out)``.
    """

    apply: Callable[[np.ndarray], None]
    build: Callable[[Any, Tensor], Tensor]
    keras: str
    onnx: Callable[[Any, Any, int], Any]
    backpropagate: Callable[[Any, Callable, Tensor, Tensor, Tensor], Tensor] | None = None
    init_factor: float = 6.0


def _onnx_node(name: str) -> Callable[[Any, Any, int], Any]:
    """Return a function that makes one node of ONNX."""
    return lambda ops, sums, opset: getattr(ops, name)(sums, op_version=opset)


def _apply_identity(values: np.ndarray) -> None:
    """Leave the values as they are."""


_IDENTITY = Activation(
    apply=_apply_identity,
    build=lambda tf, sums: sums,
    keras="linear",
    onnx=lambda ops, sums, opset: sums,
    backpropagate=lambda tf, rounded, sums, values, delta: delta,
)


def _apply_logistic(values: np.ndarray) -> None:
    expit(values, out=values)


_LOGISTIC = Activation(
    apply=_apply_logistic,
    build=lambda tf, sums: 1 / (1 + tf.exp(-sums)),
    keras="sigmoid",
    onnx=_onnx_node("OnnxSigmoid"),
    backpropagate=lambda tf, rounded, sums, values, delta: delta * values * (1 - values),
    init_factor=2.0,  # as scikit-learn has it, after Glorot and Bengio (2010)
)


def _apply_tanh(values: np.ndarray) -> None:
    np.tanh(values, out=values)


def _build_tanh(tf: Any, sums: Tensor) -> Tensor:
    """Return tanh, in float64 within 1 ulp where it saturates.

    XLA's own is off by up to 6 ulp, which the derivative 1 - tanh**2 turns into noise there.
    """
    if sums.dtype == tf.float32:
        return tf.tanh(sums)
    saturated = tf.sign(sums) * (1 - 2 / (tf.exp(2 * tf.abs(sums)) + 1))
    return tf.where(tf.abs(sums) > 0.55, saturated, tf.tanh(sums))


_TANH = Activation(
    apply=_apply_tanh,
    build=_build_tanh,
    keras="tanh",
    onnx=_onnx_node("OnnxTanh"),
    backpropagate=lambda tf, rounded, sums, values, delta: delta * (1 - rounded(values * values)),
)


def _apply_relu(values: np.ndarray) -> None:
    np.maximum(values, 0, out=values)


_RELU = Activation(
    apply=_apply_relu,
    build=lambda tf, sums: tf.maximum(sums, tf.zeros_like(sums)),
    keras="relu",
    onnx=_onnx_node("OnnxRelu"),
    backpropagate=lambda tf, rounded, sums, values, delta: tf.where(
        values == 0, tf.zeros_like(delta), delta
    ),
)


def _apply_exp(values: np.ndarray) -> None:
    np.exp(values, out=values)


_EXP = Activation(
    apply=_apply_exp,
    build=lambda tf, sums: tf.exp(sums),
    keras="exponential",
    onnx=_onnx_node("OnnxExp"),
)


def _apply_softmax(values: np.ndarray) -> None:
    values -= values.max(axis=1, keepdims=True)
    np.exp(values, out=values)
    values /= values.sum(axis=1, keepdims=True)


def _build_softmax(tf: Any, sums: Tensor) -> Tensor:
    exponentials = tf.exp(sums - tf.reduce_max(sums, axis=-1, keepdims=True))
    return exponentials / tf.reduce_sum(exponentials, axis=-1, keepdims=True)


_SOFTMAX = Activation(
    apply=_apply_softmax,
    build=_build_softmax,
    keras="softmax",
    onnx=_onnx_node("OnnxSoftmax"),
)


ACTIVATIONS = {
    "identity": _IDENTITY,
    "logistic": _LOGISTIC,
    "tanh": _TANH,
    "relu": _RELU,
    "exp": _EXP,
    "softmax": _SOFTMAX,
}

HIDDEN_ACTIVATIONS = [name for name, each in ACTIVATIONS.items() if each.backpropagate is not None]
"""Names of the functions that hidden layers can have."""
