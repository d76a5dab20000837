"""The network in NumPy: sizes, initial weights and the forward pass."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
from scipy.stats import truncnorm

from skmlp._model.activations import ACTIVATIONS
from skmlp._model.files import named_by_files
from skmlp._model.losses import LOSSES

TRUNCATED_NORMAL_SCALE = 0.01
"""Standard deviation of ``init="truncated_normal"``, whose values are cut at twice this number."""


@dataclass(frozen=True)
class Architecture:
    """The shape of a network, and the functions of its layers.

    Parameters
    ----------
    layer_units : tuple of int
        Number of units of every layer, input and output included.
    activation : str
        Activation function of the hidden layers, a key of `ACTIVATIONS`.
    loss : str
        Loss of the outputs, a key of `LOSSES`. It determines the activation function of the output
        layer.
    threshold : float
        A logistic output above the threshold predicts its label. Infinity if `y` has one class.
    own_out_activation : str or None
        Activation function of the output layer, if it is not the one of the loss.
    """

    layer_units: tuple[int, ...]
    activation: str
    loss: str
    threshold: float = 0.5
    own_out_activation: str | None = None

    @property
    def out_activation(self) -> str:
        """Activation function of the output layer."""
        return self.own_out_activation or LOSSES[self.loss].out_activation

    @property
    def is_multiclass(self) -> bool:
        """Whether the largest output predicts the class."""
        return self.loss == "cross_entropy"

    @property
    def is_classification(self) -> bool:
        """Whether the outputs are probabilities."""
        return LOSSES[self.loss].is_classification

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


@named_by_files
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
        """Return the parameters in a vector from `ravel`, as views of the vector."""
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
    """Draw the initial weights and then the biases, layer by layer."""
    layers = [
        initialise_layer(*shape, architecture.activation, init, random_state, dtype)
        for shape in architecture.coef_shapes
    ]
    return Parameters([coef for coef, _ in layers], [intercept for _, intercept in layers])


def initialise_layer(
    fan_in: int,
    fan_out: int,
    activation: str,
    init: str,
    random_state: np.random.RandomState,
    dtype: np.dtype,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the initial weights and biases of a layer."""
    draw = _glorot_uniform if init == "glorot_uniform" else _truncated_normal
    coef, intercept = draw(fan_in, fan_out, activation, random_state)
    return coef.astype(dtype, copy=False), intercept.astype(dtype, copy=False)


def _glorot_uniform(
    fan_in: int, fan_out: int, activation: str, random_state: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Draw weights and biases as Glorot and Bengio (2010) recommend, and scikit-learn does.

    For some activations the bound only depends on the number of inputs, as their authors recommend,
    and biases are zero; see `Activation.init_by_fan_in`.
    """
    function = ACTIVATIONS[activation]
    fan = fan_in if function.init_by_fan_in else fan_in + fan_out
    bound = np.sqrt(function.init_factor / fan)
    coef = random_state.uniform(-bound, bound, (fan_in, fan_out))
    if function.init_by_fan_in:
        return coef, np.zeros(fan_out)
    return coef, random_state.uniform(-bound, bound, fan_out)


def _truncated_normal(
    fan_in: int, fan_out: int, activation: str, random_state: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Draw the weights from a normal distribution cut at two standard deviations; biases are 0."""
    coef = truncnorm.rvs(
        -2, 2, scale=TRUNCATED_NORMAL_SCALE, size=(fan_in, fan_out), random_state=random_state
    )
    return coef, np.zeros(fan_out)


def forward(X: Any, parameters: Parameters, activation: str, out_activation: str) -> np.ndarray:
    """Return the outputs of the network.

    Parameters
    ----------
    X : ndarray or sparse array of shape (n_samples, n_features)
        Features.
    parameters : Parameters
        Weights and biases.
    activation, out_activation : str
        Activation functions of the hidden layers and of the output layer.

    Returns
    -------
    outputs : ndarray of shape (n_samples, n_outputs)
        The values of the last layer.
    """
    *hidden, last = zip(parameters.coefs, parameters.intercepts, strict=True)
    layers = [(*layer, activation) for layer in hidden] + [(*last, out_activation)]
    values = X
    for coef, intercept, name in layers:
        values = values @ coef
        values += intercept
        ACTIVATIONS[name].apply(values)
    return values
