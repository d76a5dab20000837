"""The activation functions, each in NumPy, in a program, in Keras and in ONNX.

A new activation is a new entry of `ACTIVATIONS`. Functions that build a part of a program receive
TensorFlow as ``tf``; nothing here imports TensorFlow. For sums as large as 1e4 all functions are
finite and give no warning: they take exponentials of numbers of at most zero, or divide by an
exponential that may be infinite.
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
    keras : str or callable
        Name of the function in Keras; or a function made of Keras's operations,
        ``keras(ops, sums)``, where ``ops`` is `keras.ops`.
    onnx : callable
        Returns the node with the values: ``onnx(nodes, sums)``, where ``nodes`` is an `OnnxNodes`.
    backpropagate : callable or None
        Returns ``delta`` times the derivative of the function:
        ``backpropagate(tf, rounded, sums, values, delta)``. ``rounded`` rounds a product before a
        sum uses it, see `skmlp._program.products.round_product`. None for a function of the
        output layer only, whose derivative is a part of the loss.
    init_factor : float
        The initial weights are uniform between plus and minus the root of
        ``init_factor / (fan_in + fan_out)``, and so are the biases, as in scikit-learn.
    init_by_fan_in : bool
        Whether the bound is the root of ``init_factor / fan_in`` instead, and the biases are zero.
    """

    apply: Callable[[np.ndarray], None]
    build: Callable[[Any, Tensor], Tensor]
    keras: str | Callable[[Any, Any], Any]
    onnx: Callable[["OnnxNodes", Any], Any]
    backpropagate: Callable[[Any, Callable[..., Any], Tensor, Tensor, Tensor], Tensor] | None = None
    init_factor: float = 6.0
    init_by_fan_in: bool = False


class OnnxNodes:
    """Makes nodes of ONNX by their names, such as ``nodes.Tanh(sums)``; numbers become constants.

    onnxruntime has no Elu, Selu, Softplus or Mish for float64, and the slope of its LeakyRelu is
    always a float32. The functions below therefore use simpler nodes, so that a model in float64
    is as exact as the estimator.

    Parameters
    ----------
    ops : module
        `skl2onnx.algebra.onnx_ops`.
    opset : int
        The version of the nodes.
    dtype : type
        The type of numbers.
    """

    def __init__(self, ops: Any, opset: int, dtype: Any):
        self._ops = ops
        self._opset = opset
        self._dtype = dtype

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def make(*inputs: Any) -> Any:
            is_number = [isinstance(each, int | float) for each in inputs]
            arguments = [
                np.array([each], self._dtype) if number else each
                for each, number in zip(inputs, is_number, strict=True)
            ]
            return getattr(self._ops, f"Onnx{name}")(*arguments, op_version=self._opset)

        return make


def _onnx_node(name: str) -> Callable[[OnnxNodes, Any], Any]:
    """Return a function that makes one node of ONNX."""
    return lambda nodes, sums: getattr(nodes, name)(sums)


def _apply_identity(values: np.ndarray) -> None:
    """Leave the values as they are."""


_IDENTITY = Activation(
    apply=_apply_identity,
    build=lambda tf, sums: sums,
    keras="linear",
    onnx=lambda nodes, sums: sums,
    backpropagate=lambda tf, rounded, sums, values, delta: delta,
)


def _apply_logistic(values: np.ndarray) -> None:
    expit(values, out=values)


def _build_logistic(tf: Any, sums: Tensor) -> Tensor:
    return 1 / (1 + tf.exp(-sums))


_LOGISTIC = Activation(
    apply=_apply_logistic,
    build=_build_logistic,
    keras="sigmoid",
    onnx=_onnx_node("Sigmoid"),
    backpropagate=lambda tf, rounded, sums, values, delta: delta * values * (1 - values),
    init_factor=2.0,  # as scikit-learn has it, after Glorot and Bengio (2010)
)


def _apply_tanh(values: np.ndarray) -> None:
    np.tanh(values, out=values)


def _build_tanh(tf: Any, sums: Tensor) -> Tensor:
    """Return tanh. In float64 it is right to 1 ulp where it saturates.

    XLA's own tanh is off by up to 6 ulp, which the derivative 1 - tanh**2 turns into noise.
    """
    if sums.dtype == tf.float32:
        return tf.tanh(sums)
    saturated = tf.sign(sums) * (1 - 2 / (tf.exp(2 * tf.abs(sums)) + 1))
    return tf.where(tf.abs(sums) > 0.55, saturated, tf.tanh(sums))


_TANH = Activation(
    apply=_apply_tanh,
    build=_build_tanh,
    keras="tanh",
    onnx=_onnx_node("Tanh"),
    backpropagate=lambda tf, rounded, sums, values, delta: delta * (1 - rounded(values * values)),
)


def _apply_relu(values: np.ndarray) -> None:
    np.maximum(values, 0, out=values)


_RELU = Activation(
    apply=_apply_relu,
    build=lambda tf, sums: tf.maximum(sums, tf.zeros_like(sums)),
    keras="relu",
    onnx=_onnx_node("Relu"),
    backpropagate=lambda tf, rounded, sums, values, delta: tf.where(
        values == 0, tf.zeros_like(delta), delta
    ),
)


def _apply_silu(values: np.ndarray) -> None:
    values *= expit(values)


def _backpropagate_silu(
    tf: Any, rounded: Callable[..., Any], sums: Tensor, values: Tensor, delta: Tensor
) -> Tensor:
    share = _build_logistic(tf, sums)
    return delta * (share + values * (1 - share))


_SILU = Activation(
    apply=_apply_silu,
    build=lambda tf, sums: sums * _build_logistic(tf, sums),
    keras="silu",
    onnx=lambda nodes, sums: nodes.Mul(sums, nodes.Sigmoid(sums)),
    backpropagate=_backpropagate_silu,
    init_by_fan_in=True,  # He et al. (2015), as about half of the sums pass
)


_GELU_SCALE = np.sqrt(8 / np.pi).item()
_GELU_CUBE = 0.044715  # TensorFlow's own gelu rounds this constant to float32


def _gelu_exponent(x: Any) -> Any:
    """Return the argument of the logistic function in gelu(x) = x logistic(argument).

    (1 + tanh(z)) / 2 equals logistic(2 z), which loses no digits where tanh is near -1.
    """
    return _GELU_SCALE * (x + _GELU_CUBE * (x * x * x))


def _apply_gelu(values: np.ndarray) -> None:
    values *= expit(_gelu_exponent(values))


def _backpropagate_gelu(
    tf: Any, rounded: Callable[..., Any], sums: Tensor, values: Tensor, delta: Tensor
) -> Tensor:
    share = _build_logistic(tf, _gelu_exponent(sums))
    slope = _GELU_SCALE * (1 + 3 * _GELU_CUBE * (sums * sums))
    return delta * (share + values * (1 - share) * slope)


def _onnx_gelu(nodes: OnnxNodes, sums: Any) -> Any:
    cube = nodes.Mul(nodes.Mul(sums, sums), nodes.Mul(sums, _GELU_CUBE))
    exponent = nodes.Mul(nodes.Add(sums, cube), _GELU_SCALE)
    return nodes.Mul(sums, nodes.Sigmoid(exponent))


_GELU = Activation(
    apply=_apply_gelu,
    build=lambda tf, sums: sums * _build_logistic(tf, _gelu_exponent(sums)),
    keras=lambda ops, sums: sums * ops.sigmoid(_gelu_exponent(sums)),
    onnx=_onnx_gelu,
    backpropagate=_backpropagate_gelu,
    init_by_fan_in=True,  # He et al. (2015), as about half of the sums pass
)


def _elu(alpha: float, scale: float, **options: Any) -> Activation:
    """Return ``scale * x`` for x above 0, and ``scale * alpha * (exp(x) - 1)`` below."""

    def apply(values: np.ndarray) -> None:
        below = np.minimum(values, 0)
        np.expm1(below, out=below)
        below *= alpha
        np.maximum(values, 0, out=values)
        values += below
        values *= scale

    def build(tf: Any, sums: Tensor) -> Tensor:
        # XLA's expm1 takes twice as long as exp, and differs by half a unit in the last place of 1.
        below = scale * alpha * (tf.exp(tf.minimum(sums, tf.zeros_like(sums))) - 1)
        return tf.where(sums > 0, scale * sums, below)

    def backpropagate(
        tf: Any, rounded: Callable[..., Any], sums: Tensor, values: Tensor, delta: Tensor
    ) -> Tensor:
        return delta * tf.where(sums < 0, values + scale * alpha, scale * tf.ones_like(sums))

    def onnx(nodes: OnnxNodes, sums: Any) -> Any:
        below = nodes.Sub(nodes.Exp(nodes.Min(sums, 0)), 1)
        return nodes.Mul(nodes.Add(nodes.Max(sums, 0), nodes.Mul(below, alpha)), scale)

    return Activation(apply=apply, build=build, onnx=onnx, backpropagate=backpropagate, **options)


_ELU = _elu(
    1.0,
    1.0,
    keras="elu",
    init_by_fan_in=True,  # He et al. (2015), as in Clevert et al. (2016)
)

_SELU = _elu(
    # The fixed point of Klambauer et al. (2017), for weights of variance 1 / fan_in as of LeCun.
    1.6732632423543772848170429916717,
    1.0507009873554804934193349852946,
    keras="selu",
    init_factor=3.0,
    init_by_fan_in=True,
)


_MISH_LIMIT = 30.0
"""Above 30 mish(x) is x, also in float64; up to 30, exp(x)**2 * x fits into float32."""


def _apply_mish(values: np.ndarray) -> None:
    """Multiply by tanh(log(1 + exp(x))) = n / (n + 2), where n = exp(x) (exp(x) + 2)."""
    n = np.minimum(values, _MISH_LIMIT)
    with np.errstate(under="ignore"):
        np.exp(n, out=n)
        n *= n + 2
        values *= n
        n += 2
        values /= n


def _build_mish(tf: Any, sums: Tensor) -> Tensor:
    small = tf.exp(tf.minimum(sums, tf.cast(_MISH_LIMIT, sums.dtype)))
    n = small * (small + 2)
    return sums * (n / (n + 2))


def _backpropagate_mish(
    tf: Any, rounded: Callable[..., Any], sums: Tensor, values: Tensor, delta: Tensor
) -> Tensor:
    small = tf.exp(tf.minimum(sums, tf.cast(_MISH_LIMIT, sums.dtype)))
    n = small * (small + 2)
    share, rest = n / (n + 2), 2 / (n + 2)
    return delta * (share + sums * rest * (2 * small * (small + 1) / (n + 2)))


def _onnx_mish(nodes: OnnxNodes, sums: Any) -> Any:
    small = nodes.Exp(nodes.Neg(nodes.Abs(sums)))
    softplus = nodes.Add(nodes.Max(sums, 0), nodes.Log(nodes.Add(small, 1)))
    return nodes.Mul(sums, nodes.Tanh(softplus))


_MISH = Activation(
    apply=_apply_mish,
    build=_build_mish,
    keras="mish",
    onnx=_onnx_mish,
    backpropagate=_backpropagate_mish,
    init_by_fan_in=True,  # He et al. (2015), as about half of the sums pass
)


LEAKY_SLOPE = 0.2
"""Slope of "leaky_relu" below 0, as in TensorFlow and Keras, which round the slope to float32."""


def _apply_leaky_relu(values: np.ndarray) -> None:
    np.maximum(values, LEAKY_SLOPE * values, out=values)


_LEAKY_RELU = Activation(
    apply=_apply_leaky_relu,
    build=lambda tf, sums: tf.maximum(sums, LEAKY_SLOPE * sums),
    keras=lambda ops, sums: ops.maximum(sums, LEAKY_SLOPE * sums),
    onnx=lambda nodes, sums: nodes.Max(sums, nodes.Mul(sums, LEAKY_SLOPE)),
    backpropagate=lambda tf, rounded, sums, values, delta: tf.where(
        sums > 0, delta, LEAKY_SLOPE * delta
    ),
    init_factor=6.0 / (1 + LEAKY_SLOPE**2),  # He et al. (2015), for a slope below 0
    init_by_fan_in=True,
)


def _apply_exp(values: np.ndarray) -> None:
    np.exp(values, out=values)


_EXP = Activation(
    apply=_apply_exp,
    build=lambda tf, sums: tf.exp(sums),
    keras="exponential",
    onnx=_onnx_node("Exp"),
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
    onnx=_onnx_node("Softmax"),
)


ACTIVATIONS = {
    "identity": _IDENTITY,
    "logistic": _LOGISTIC,
    "tanh": _TANH,
    "relu": _RELU,
    "leaky_relu": _LEAKY_RELU,
    "elu": _ELU,
    "selu": _SELU,
    "silu": _SILU,
    "gelu": _GELU,
    "mish": _MISH,
    "exp": _EXP,
    "softmax": _SOFTMAX,
}

HIDDEN_ACTIVATIONS = [name for name, each in ACTIVATIONS.items() if each.backpropagate is not None]
"""Names of the functions that hidden layers can have."""
