"""What a subclass, or a user by hand, may change of the networks, as of scikit-learn's."""

from typing import Any

import numpy as np

from skmlp._model.activations import ACTIVATIONS
from skmlp._model.network import Architecture, Parameters
from skmlp._warn import warn_user

_NEVER_CALLED = {
    "_backprop",
    "_compute_loss_grad",
    "_fit_lbfgs",
    "_fit_stochastic",
    "_forward_pass",
    "_forward_pass_fast",
    "_initialize",
    "_loss_grad_lbfgs",
    "_update_no_improvement_count",
}
"""Private methods of scikit-learn's networks by which a subclass changes how they are trained."""


def warn_of_methods_never_called(cls: type) -> None:
    """Warn that a subclass has methods of scikit-learn's networks that training does not use."""
    names = sorted(_NEVER_CALLED & vars(cls).keys())
    if names:
        warn_user(
            f"{cls.__name__} defines {', '.join(names)}, as a subclass of scikit-learn's networks "
            "may. skmlp trains in a compiled program and never calls such methods; of them it "
            "calls _init_coef alone."
        )


def initial_parameters(
    estimator: Any,
    architecture: Architecture,
    random_state: np.random.RandomState,
    dtype: np.dtype,
) -> Parameters:
    """Return the initial weights and biases of an estimator's `_init_coef`.

    Raises
    ------
    ValueError
        If they have not the shapes of the layers, as an own method may return them.
    """
    estimator._random_state = random_state  # from which the method draws
    try:
        layers = [estimator._init_coef(*shape, dtype) for shape in architecture.coef_shapes]
    finally:
        del estimator._random_state
    coefs, intercepts = (
        [np.ascontiguousarray(array, dtype) for array in arrays]
        for arrays in zip(*layers, strict=True)
    )
    for got, shape in zip(
        zip(coefs, intercepts, strict=True), architecture.coef_shapes, strict=True
    ):
        shapes, expected = [array.shape for array in got], [shape, shape[1:]]
        if shapes != expected:
            raise ValueError(
                f"_init_coef has returned arrays of the shapes {shapes}, expected {expected}."
            )
    return Parameters(coefs, intercepts)


def check_out_activation(name: Any) -> str:
    """Return the name of an activation function that was set as `out_activation_`."""
    if name not in ACTIVATIONS:
        raise ValueError(f"out_activation_ must be one of {list(ACTIVATIONS)}, got {name!r}.")
    return name
