"""Turns a network into a model of Keras, which is imported when the model is made."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from skmlp._model.activations import ACTIVATIONS
from skmlp._model.network import Parameters

if TYPE_CHECKING:
    import keras


def sequential(parameters: Parameters, activation: str, out_activation: str) -> "keras.Sequential":
    """Return a model of Keras with copies of the weights and biases, in their type."""
    keras = _load_keras()
    dtype = parameters.coefs[0].dtype.name
    layers = [keras.Input((len(parameters.coefs[0]),), dtype=dtype)]
    last = len(parameters.coefs)
    for number, intercept in enumerate(parameters.intercepts, start=1):
        function = ACTIVATIONS[out_activation if number == last else activation]
        layers.append(
            keras.layers.Dense(
                len(intercept),
                None if callable(function.keras) else function.keras,
                dtype=dtype,
                name="output" if number == last else f"hidden_{number}",
            )
        )
        if callable(function.keras):
            layers.append(_function_layer(keras, function.keras, number, len(intercept), dtype))
    model = keras.Sequential(layers)
    pairs = zip(parameters.coefs, parameters.intercepts, strict=True)
    model.set_weights([array for pair in pairs for array in pair])
    return model


def _function_layer(
    keras: Any, function: Callable[[Any, Any], Any], number: int, n_units: int, dtype: str
) -> Any:
    """Return a layer for an activation function that Keras has no name for.

    The layer is made of operations of Keras, so that Keras reads its file without skmlp.
    """
    sums = keras.Input((n_units,), dtype=dtype)
    return keras.Model(sums, function(keras.ops, sums), name=f"activation_{number}")


def _load_keras() -> Any:
    from skmlp._tensorflow.loading import load_keras

    keras = load_keras()
    backend = keras.config.backend()
    if backend != "tensorflow":
        raise RuntimeError(
            f"to_keras needs the backend 'tensorflow' of Keras, got {backend!r}. Unset the "
            "environment variable KERAS_BACKEND, or set it to tensorflow, and start again."
        )
    return keras
