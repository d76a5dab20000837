"""The losses, each in NumPy and in a program, with its derivative and its output activation.

A new loss is a new entry of `LOSSES`. Functions that build a part of a program receive TensorFlow
as ``tf``; nothing here imports TensorFlow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import xlogy

Tensor = Any


def _subtract_targets(tf: Any, targets: Tensor, outputs: Tensor) -> Tensor:
    """Return the derivative of a loss whose output activation is its canonical inverse link."""
    return outputs - targets


@dataclass(frozen=True)
class Loss:
    """A loss of the outputs of a network.

    Parameters
    ----------
    out_activation : str
        Activation function of the output layer.
    evaluate : callable
        Returns the loss of each sample, of shape (n_samples,): ``evaluate(targets, outputs)``.
    build : callable
        Returns tensors that are summed over the outputs, of shape (n_samples, n_outputs) or
        (n_samples, 1): ``build(tf, targets, outputs)``.
    build_delta : callable
        Returns the derivative of the loss by the weighted sums of the output layer:
        ``build_delta(tf, targets, outputs)``.
    is_classification : bool
        Whether the outputs are probabilities.
    averages_outputs : bool
        Whether the loss of a sample is the mean over its outputs, as in scikit-learn for numbers,
        instead of the sum.
    smallest_target : float
        The smallest target for which the loss is defined.
    uniform_target : callable or None
        Returns the target of each output if all classes are equally likely:
        ``uniform_target(n_outputs)``. None if outputs are no probabilities.
    build_uniform : callable or None
        Returns the loss for these targets, in the shape of `build`: ``build_uniform(tf, outputs)``.
    """

    out_activation: str
    evaluate: Callable[[np.ndarray, np.ndarray], np.ndarray]
    build: Callable[[Any, Tensor, Tensor], Tensor]
    build_delta: Callable[[Any, Tensor, Tensor], Tensor] = _subtract_targets
    is_classification: bool = False
    averages_outputs: bool = False
    smallest_target: float = -np.inf
    uniform_target: Callable[[int], float] | None = None
    build_uniform: Callable[[Any, Tensor], Tensor] | None = None


def _clip(outputs: np.ndarray) -> np.ndarray:
    """Return probabilities p for which log(p) and log(1 - p) are finite."""
    eps = np.finfo(outputs.dtype).eps
    return np.clip(outputs, eps, 1 - eps)


def _build_clip(tf: Any, outputs: Tensor) -> Tensor:
    eps = np.finfo(outputs.dtype.as_numpy_dtype).eps
    return tf.clip_by_value(outputs, eps, 1 - eps)


def _cross_entropy(targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    return -xlogy(targets, _clip(outputs)).sum(axis=1)


def _build_cross_entropy(tf: Any, targets: Tensor, outputs: Tensor) -> Tensor:
    """Return one loss for each sample, as only the output of its class needs a logarithm."""
    of_class = tf.where(targets > 0, outputs, tf.zeros_like(outputs))
    return -tf.math.log(_build_clip(tf, tf.reduce_sum(of_class, axis=-1, keepdims=True)))


def _build_uniform_cross_entropy(tf: Any, outputs: Tensor) -> Tensor:
    return -tf.reduce_mean(tf.math.log(_build_clip(tf, outputs)), axis=1, keepdims=True)


_CROSS_ENTROPY = Loss(
    out_activation="softmax",
    evaluate=_cross_entropy,
    build=_build_cross_entropy,
    is_classification=True,
    uniform_target=lambda n_outputs: 1 / n_outputs,
    build_uniform=_build_uniform_cross_entropy,
)


def _binary_cross_entropy(targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    outputs = _clip(outputs)
    return -(xlogy(targets, outputs) + xlogy(~targets, 1 - outputs)).sum(axis=1)


def _build_binary_cross_entropy(tf: Any, targets: Tensor, outputs: Tensor) -> Tensor:
    outputs = _build_clip(tf, outputs)
    return -tf.math.log(tf.where(targets > 0, outputs, 1 - outputs))


def _build_uniform_binary_cross_entropy(tf: Any, outputs: Tensor) -> Tensor:
    outputs = _build_clip(tf, outputs)
    return -0.5 * (tf.math.log(outputs) + tf.math.log(1 - outputs))


_BINARY_CROSS_ENTROPY = Loss(
    out_activation="logistic",
    evaluate=_binary_cross_entropy,
    build=_build_binary_cross_entropy,
    is_classification=True,
    uniform_target=lambda n_outputs: 0.5,
    build_uniform=_build_uniform_binary_cross_entropy,
)


def _half_squared_error(targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    return 0.5 * ((targets - outputs) ** 2).mean(axis=1)


def _build_half_squared_error(tf: Any, targets: Tensor, outputs: Tensor) -> Tensor:
    errors = targets - outputs
    return 0.5 * (errors * errors)


_SQUARED_ERROR = Loss(
    out_activation="identity",
    evaluate=_half_squared_error,
    build=_build_half_squared_error,
    averages_outputs=True,
)


def _half_poisson_deviance(targets: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    return (xlogy(targets, targets / outputs) - targets + outputs).sum(axis=1)


def _build_half_poisson_deviance(tf: Any, targets: Tensor, outputs: Tensor) -> Tensor:
    return tf.math.xlogy(targets, targets / outputs) - targets + outputs


_POISSON = Loss(
    out_activation="exp",
    evaluate=_half_poisson_deviance,
    build=_build_half_poisson_deviance,
    smallest_target=0.0,
)


LOSSES = {
    "cross_entropy": _CROSS_ENTROPY,
    "binary_cross_entropy": _BINARY_CROSS_ENTROPY,
    "squared_error": _SQUARED_ERROR,
    "poisson": _POISSON,
}

REGRESSION_LOSSES = [name for name, loss in LOSSES.items() if not loss.is_classification]
"""Names of the losses for regression."""
