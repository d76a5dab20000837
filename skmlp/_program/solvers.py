"""The solvers: what each keeps for a parameter, and how it updates them by a gradient.

`Adam` and `SGD` build their update as a part of a graph; they receive TensorFlow as ``tf``.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Protocol

import numpy as np

Tensors = list[Any]


class Solver(Protocol):
    """What a solver that updates parameters batch by batch looks like."""

    n_slots: ClassVar[int]
    corrects_rate: ClassVar[bool]  # whether its learning rate is that of `corrected_rates`

    @staticmethod
    def update(
        tf: Any,
        numbers: Any,
        rate: Any,
        is_active: Any,
        params: Tensors,
        slots: list[Tensors],
        grads: Tensors,
    ) -> tuple[Tensors, list[Tensors]]: ...


class Adam:
    r"""Adam (Kingma and Ba, 2014), epsilon outside the corrected root as scikit-learn has it.

    With the moments :math:`m, v` of a gradient :math:`g`, at step :math:`t`,

    .. math::

        m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad
        v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \quad
        w \leftarrow w - \eta \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t}
        \frac{m}{\sqrt{v} + \epsilon}.
    """

    n_slots = 2
    corrects_rate = True

    @staticmethod
    def update(
        tf: Any,
        numbers: Any,
        rate: Any,
        is_active: Any,
        params: Tensors,
        slots: list[Tensors],
        grads: Tensors,
    ) -> tuple[Tensors, list[Tensors]]:
        """Return the parameters and the moments after a step; see `update`.

        The rate is that of `corrected_rates`.
        """
        dtype = grads[0].dtype
        zero, one = tf.zeros([], tf.float64), tf.ones([], tf.float64)
        rate = tf.cast(_select(tf, is_active, rate, zero), dtype)
        epsilon = tf.cast(numbers.epsilon, dtype)
        betas = (numbers.beta_1, numbers.beta_2)
        keep_1, keep_2 = (tf.cast(_select(tf, is_active, beta, one), dtype) for beta in betas)
        take_1, take_2 = (
            tf.cast(_select(tf, is_active, one - beta, zero), dtype) for beta in betas
        )
        rounded = partial(round_product, tf, numbers)
        new, first, second = [], [], []
        for param, grad, m, v in zip(params, grads, *slots, strict=True):
            first.append(rounded(keep_1 * m) + rounded(take_1 * grad))
            second.append(rounded(keep_2 * v) + rounded(take_2 * rounded(grad * grad)))
            new.append(param - rate * first[-1] / (tf.sqrt(second[-1]) + epsilon))
        return new, [first, second]


class SGD:
    r"""Stochastic gradient descent with momentum (Sutskever et al., 2013).

    With the velocity :math:`u` of a gradient :math:`g`,

    .. math::

        u \leftarrow \mu u - \eta g, \quad w \leftarrow w + u,

    or with Nesterov's momentum :math:`w \leftarrow w + \mu u - \eta g`, for the new :math:`u`.
    """

    n_slots = 1
    corrects_rate = False

    @staticmethod
    def update(
        tf: Any,
        numbers: Any,
        rate: Any,
        is_active: Any,
        params: Tensors,
        slots: list[Tensors],
        grads: Tensors,
    ) -> tuple[Tensors, list[Tensors]]:
        """Return the parameters and the velocities after a step; see `update`."""
        dtype = grads[0].dtype
        zero, one = tf.zeros([], tf.float64), tf.ones([], tf.float64)
        keep = tf.cast(_select(tf, is_active, numbers.momentum, one), dtype)
        rate = _select(tf, is_active, rate, zero)
        # The change is momentum times the velocity minus the gradient's share, or the velocity
        # itself: a product with one and with zero.
        is_nesterov = numbers.nesterov > 0
        share = tf.cast(tf.where(is_nesterov, rate, zero), dtype)
        factor = tf.where(is_nesterov, numbers.momentum, one)
        factor = tf.cast(_select(tf, is_active, factor, zero), dtype)
        rate = tf.cast(rate, dtype)
        rounded = partial(round_product, tf, numbers)
        new, velocities = [], []
        for param, grad, velocity in zip(params, grads, *slots, strict=True):
            velocities.append(rounded(keep * velocity) - rounded(rate * grad))
            change = rounded(factor * velocities[-1]) - rounded(share * grad)
            new.append(param + change)
        return new, [velocities]


class LBFGS:
    """L-BFGS-B is SciPy's: it keeps nothing in the program, which only evaluates the objective."""

    n_slots = 0
    corrects_rate = False


SOLVERS: dict[str, Any] = {"adam": Adam, "sgd": SGD, "lbfgs": LBFGS}


def _select(tf: Any, is_active: Any, value: Any, otherwise: Any) -> Any:
    """Return a coefficient, or what it is in a batch without weight; None is never without."""
    return value if is_active is None else tf.where(is_active, value, otherwise)


def round_product(tf: Any, numbers: Any, product: Any) -> Any:
    """Return a product that is rounded to float64 before anything is added to it.

    LLVM fuses products and sums into one operation with a single rounding, where NumPy has two.
    Adam makes that last bit visible where weights shrink to nothing and where tanh saturates. A
    minimum with infinity changes no value, and is in the way of the fusion. In float32, which
    is not compared bit by bit, products stay fused.
    """
    return product if product.dtype == tf.float32 else tf.minimum(product, numbers.infinity)


def corrected_rates(hyper: Any, steps: list[int]) -> np.ndarray:
    """Return Adam's learning rates at some steps, in the order of operations of scikit-learn."""
    # By Python, as NumPy's powers may differ in their last bit.
    powers = np.array([[float(beta) ** t for beta in (hyper.beta_1, hyper.beta_2)] for t in steps])
    with np.errstate(divide="ignore", invalid="ignore"):  # at step 0, which is not used
        return hyper.learning_rate * np.sqrt(1 - powers[:, 1]) / (1 - powers[:, 0])


@dataclass(frozen=True)
class Optimizer:
    """What a solver has kept at the end of a fit, for `partial_fit` to go on with.

    Parameters
    ----------
    solver : {"adam", "sgd"}
        Name of the solver.
    hyper : dict of str to float
        The hyper-parameters that it was made with, as `Hyper` names them.
    divides_rate : bool
        Whether its learning rate is adaptive.
    learning_rate : float
        Its learning rate, before Adam's correction.
    step : int
        Updates so far.
    slots : list of list of ndarray
        For Adam the first and the second moments, for SGD the velocities, each of weights and then
        biases.
    """

    solver: str
    hyper: dict[str, float]
    divides_rate: bool
    learning_rate: float
    step: int
    slots: list[list[np.ndarray]]


def new_optimizer(
    solver: str, hyper: dict[str, float], divides_rate: bool, params: list[np.ndarray]
) -> Optimizer:
    """Return an optimizer that has not made a step."""
    slots = [[np.zeros_like(param) for param in params] for _ in range(SOLVERS[solver].n_slots)]
    return Optimizer(solver, hyper, divides_rate, hyper["learning_rate"], 0, slots)
