"""The solvers: their hyper-parameters, the state that they keep for each weight, and their updates.

A new solver is a new entry of `SOLVERS`. The updates become part of a program, and receive
TensorFlow as ``tf``.
"""

from functools import partial
from numbers import Real
from typing import Any, ClassVar

import numpy as np

from skmlp._program.products import round_product
from skmlp._sklearn import Interval

Tensors = list[Any]


class Adam:
    r"""Adam (Kingma and Ba, 2014), with epsilon outside the corrected root, as in scikit-learn.

    With the moments :math:`m, v` of a gradient :math:`g`, at step :math:`t`,

    .. math::

        m \leftarrow \beta_1 m + (1 - \beta_1) g, \quad
        v \leftarrow \beta_2 v + (1 - \beta_2) g^2, \quad
        w \leftarrow w - \eta \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t}
        \frac{m}{\sqrt{v} + \epsilon}.
    """

    n_slots = 2
    parameters: ClassVar[dict[str, list[Any]]] = {
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
    }

    @staticmethod
    def step_sizes(hyper: dict[str, float], rates: np.ndarray, steps: list[int]) -> np.ndarray:
        """Return the corrected learning rates, computed in scikit-learn's order of operations."""
        betas = hyper["beta_1"], hyper["beta_2"]
        # Python computes the powers, because NumPy's may differ in their last bit.
        powers = np.array([[float(beta) ** step for beta in betas] for step in steps])
        with np.errstate(divide="ignore", invalid="ignore"):  # step 0, whose rate is not used
            return rates * np.sqrt(1 - powers[:, 1]) / (1 - powers[:, 0])

    @staticmethod
    def update(
        tf: Any,
        numbers: Any,
        is_active: Any,
        params: Tensors,
        slots: list[Tensors],
        grads: Tensors,
    ) -> tuple[Tensors, list[Tensors]]:
        """Return the parameters and the moments after a step; see `SGD.update`."""
        dtype = grads[0].dtype
        zero, one = tf.zeros([], tf.float64), tf.ones([], tf.float64)
        rate = tf.cast(_select(tf, is_active, numbers.rate, zero), dtype)
        epsilon = tf.cast(numbers.hyper["epsilon"], dtype)
        betas = (numbers.hyper["beta_1"], numbers.hyper["beta_2"])
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
    parameters: ClassVar[dict[str, list[Any]]] = {
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
    }

    @staticmethod
    def step_sizes(hyper: dict[str, float], rates: np.ndarray, steps: list[int]) -> np.ndarray:
        """Return the learning rates as they are."""
        return rates

    @staticmethod
    def update(
        tf: Any,
        numbers: Any,
        is_active: Any,
        params: Tensors,
        slots: list[Tensors],
        grads: Tensors,
    ) -> tuple[Tensors, list[Tensors]]:
        """Return the parameters and the velocities after a step.

        Parameters
        ----------
        tf : module
            TensorFlow.
        numbers : BatchNumbers
            The numbers of the batch.
        is_active : bool scalar or None
            Whether the batch has weight. A batch without weight changes nothing. None means that
            all batches have weight.
        params, grads : list of tensor
            Parameters and their gradients.
        slots : list of list of tensor
            Velocities.
        """
        dtype = grads[0].dtype
        zero, one = tf.zeros([], tf.float64), tf.ones([], tf.float64)
        momentum = numbers.hyper["momentum"]
        keep = tf.cast(_select(tf, is_active, momentum, one), dtype)
        rate = _select(tf, is_active, numbers.rate, zero)
        # The change is factor * velocity - share * gradient. With Nesterov's momentum the factor is
        # the momentum and the share is the rate; otherwise they are 1 and 0.
        is_nesterov = numbers.hyper["nesterovs_momentum"] > 0
        share = tf.cast(tf.where(is_nesterov, rate, zero), dtype)
        factor = tf.where(is_nesterov, momentum, one)
        factor = tf.cast(_select(tf, is_active, factor, zero), dtype)
        rate = tf.cast(rate, dtype)
        rounded = partial(round_product, tf, numbers)
        new, velocities = [], []
        for param, grad, velocity in zip(params, grads, *slots, strict=True):
            velocities.append(rounded(keep * velocity) - rounded(rate * grad))
            change = rounded(factor * velocities[-1]) - rounded(share * grad)
            new.append(param + change)
        return new, [velocities]


class ObjectiveOnly:
    """SciPy's L-BFGS-B, which runs on the host: the program only evaluates the objective."""

    n_slots = 0
    parameters: ClassVar[dict[str, list[Any]]] = {}

    @staticmethod
    def step_sizes(hyper: dict[str, float], rates: np.ndarray, steps: list[int]) -> np.ndarray:
        """Return the rates as they are. No program reads them."""
        return rates


SOLVERS: dict[str, Any] = {"adam": Adam, "sgd": SGD, "lbfgs": ObjectiveOnly}


def _select(tf: Any, is_active: Any, value: Any, otherwise: Any) -> Any:
    """Return a coefficient, or the other value if the batch has no weight."""
    return value if is_active is None else tf.where(is_active, value, otherwise)
