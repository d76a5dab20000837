"""The network itself: sizes, initial weights and the forward pass, all in NumPy."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
from scipy.special import expit
from scipy.stats import truncnorm

TRUNCATED_NORMAL_SCALE = 0.01
"""Standard deviation of ``init="truncated_normal"``, before it is cut at twice its value."""


@dataclass(frozen=True)
class Architecture:
    """What fixes the shape of a network and of its outputs.

    Parameters
    ----------
    layer_units : tuple of int
        Number of units of every layer, input and output included.
    activation : {"identity", "logistic", "tanh", "relu"}
        Activation function of the hidden layers.
    out_activation : {"logistic", "softmax", "identity", "exp"}
        Activation function of the output layer.
    threshold : float
        A logistic output above it predicts its label; infinity if there is no label but one.
    """

    layer_units: tuple[int, ...]
    activation: str
    out_activation: str
    threshold: float = 0.5

    @property
    def is_classification(self) -> bool:
        """Whether the outputs are probabilities."""
        return self.out_activation in ("logistic", "softmax")

    @cached_property
    def coef_shapes(self) -> list[tuple[int, int]]:
        """Shapes of the weight matrices, first layer first."""
        return list(pairwise(self.layer_units))

    @property
    def intercept_shapes(self) -> list[tuple[int]]:
        """Shapes of the bias vectors, first layer first."""
        return [(units,) for units in self.layer_units[1:]]

    @property
    def n_parameters(self) -> int:
        """Number of weights and biases."""
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in self.coef_shapes)


@dataclass(frozen=True)
class Parameters:
    """The weights and biases of a network.

    Parameters
    ----------
    coefs : list of ndarray of shape (fan_in, fan_out)
        Weight matrices, first layer first.
    intercepts : list of ndarray of shape (fan_out,)
        Bias vectors, first layer first.
    """

    coefs: list[np.ndarray]
    intercepts: list[np.ndarray]

    def ravel(self) -> np.ndarray:
        """Return all weights, then all biases, as one vector."""
        return np.concatenate([array.ravel() for array in self.coefs + self.intercepts])

    @staticmethod
    def from_vector(vector: np.ndarray, architecture: Architecture) -> "Parameters":
        """Return the parameters that a vector holds, as views of it."""
        shapes = [*architecture.coef_shapes, *architecture.intercept_shapes]
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
        parts = zip(np.split(vector, ends), shapes, strict=True)
        arrays = [part.reshape(shape) for part, shape in parts]
        n_layers = len(architecture.coef_shapes)
        return Parameters(arrays[:n_layers], arrays[n_layers:])

    def astype(self, dtype: np.dtype) -> "Parameters":
        """Return the parameters in another type."""
        return Parameters(
            [coef.astype(dtype) for coef in self.coefs],
            [intercept.astype(dtype) for intercept in self.intercepts],
        )

    def are_finite(self) -> bool:
        """Tell whether no weight and no bias is NaN or infinite."""
        return all(bool(np.isfinite(p).all()) for p in self.coefs + self.intercepts)


def check_hidden_layer_sizes(hidden_layer_sizes: Any) -> tuple[int, ...]:
    """Return the sizes of the hidden layers as a tuple of positive ints.

    Raises
    ------
    ValueError
        If a size is not an integer, or is below 1.
    """
    try:
        sizes = np.atleast_1d(hidden_layer_sizes).tolist()
    except ValueError:  # nested lists of different lengths
        sizes = [None]
    if not all(isinstance(size, Integral) and not isinstance(size, bool) for size in sizes):
        raise ValueError(
            f"hidden_layer_sizes must be an int or a sequence of ints, got {hidden_layer_sizes!r}."
        )
    if any(size <= 0 for size in sizes):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return tuple(sizes)


def initialise(
    architecture: Architecture,
    init: str,
    random_state: np.random.RandomState,
    dtype: np.dtype,
) -> Parameters:
    """Draw the initial weights and biases, layer by layer, in the order W, b."""
    draw = _glorot_uniform if init == "glorot_uniform" else _truncated_normal
    layers = [
        draw(fan_in, fan_out, architecture.activation, random_state)
        for fan_in, fan_out in architecture.coef_shapes
    ]
    return Parameters(
        [coef.astype(dtype, copy=False) for coef, _ in layers],
        [intercept.astype(dtype, copy=False) for _, intercept in layers],
    )


def _glorot_uniform(
    fan_in: int, fan_out: int, activation: str, random_state: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a layer as Glorot and Bengio (2010) recommend, biases too, as scikit-learn does."""
    factor = 2.0 if activation == "logistic" else 6.0
    bound = np.sqrt(factor / (fan_in + fan_out))
    coef = random_state.uniform(-bound, bound, (fan_in, fan_out))
    return coef, random_state.uniform(-bound, bound, fan_out)


def _truncated_normal(
    fan_in: int, fan_out: int, activation: str, random_state: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the weights from a normal distribution cut at two standard deviations; biases are 0."""
    coef = truncnorm.rvs(
        -2, 2, scale=TRUNCATED_NORMAL_SCALE, size=(fan_in, fan_out), random_state=random_state
    )
    return coef, np.zeros(fan_out)


def forward(X: Any, parameters: Parameters, architecture: Architecture) -> np.ndarray:
    """Return the outputs of the network, of shape (n_samples, n_outputs); X may be sparse."""
    hidden = _ACTIVATIONS[architecture.activation]
    output = _ACTIVATIONS[architecture.out_activation]
    last = len(parameters.coefs) - 1
    values = X
    for layer, (coef, intercept) in enumerate(
        zip(parameters.coefs, parameters.intercepts, strict=True)
    ):
        values = values @ coef
        values += intercept
        (output if layer == last else hidden)(values)
    return values


def _identity(values: np.ndarray) -> None:
    """Leave the values as they are."""


def _logistic(values: np.ndarray) -> None:
    expit(values, out=values)


def _tanh(values: np.ndarray) -> None:
    np.tanh(values, out=values)


def _relu(values: np.ndarray) -> None:
    np.maximum(values, 0, out=values)


def _exp(values: np.ndarray) -> None:
    np.exp(values, out=values)


def _softmax(values: np.ndarray) -> None:
    values -= values.max(axis=1, keepdims=True)
    np.exp(values, out=values)
    values /= values.sum(axis=1, keepdims=True)


_ACTIVATIONS = {
    "identity": _identity,
    "logistic": _logistic,
    "tanh": _tanh,
    "relu": _relu,
    "exp": _exp,
    "softmax": _softmax,
}
