"""Changes that subclasses, and users by hand, make to networks, as in scikit-learn."""

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
"""Private methods of scikit-learn's networks that a subclass overrides to change training."""


def warn_of_methods_never_called(cls: type) -> None:
    """Warn that a subclass has methods of scikit-learn's networks that training does not use."""
    names = sorted(_NEVER_CALLED & vars(cls).keys())
    if names:
        warn_user(
            f"{cls.__name__} defines {', '.join(names)}, as a subclass of scikit-learn's networks "
            "may. skmlp trains in a compiled program and never calls such methods; the only "
            "private method of scikit-learn's networks that it calls is _init_coef."
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
        If the method of a subclass returns other shapes than those of the layers.
    """
    estimator._random_state = random_state  # `_init_coef` draws from this attribute
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
    """Check and return `out_activation_`, which a user may have set."""
    if name not in ACTIVATIONS:
        raise ValueError(f"out_activation_ must be one of {list(ACTIVATIONS)}, got {name!r}.")
    return name
