"""The regularisers, beside the L2 penalty: decay of the weights and smoothed labels.

A regulariser is on or off in a program, so that one that is off costs nothing and changes no bit.
Its strength is a number of the batch, which the host writes: another strength is not another
program.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from skmlp._model.losses import LOSSES
from skmlp._program.layout import layout_of
from skmlp._program.spec import ProgramSpec

Tensor = Any


@dataclass(frozen=True)
class Regularisation:
    """The regularisers of a fit, each off by default.

    Parameters
    ----------
    weight_decay : float
        The share by which weights shrink at each step, as a multiple of the learning rate.
    label_smoothing : float
        The share of a target that is spread over all classes.
    """

    weight_decay: float = 0.0
    label_smoothing: float = 0.0

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the numbers of a batch that a program needs for what is on."""
        return tuple(self._columns())

    def _columns(self) -> Iterator[str]:
        if self.weight_decay:
            yield "decay"
        if self.label_smoothing:
            yield "smoothing"

    def numbers(self, rates: np.ndarray, is_active: np.ndarray) -> dict[str, Any]:
        """Return the numbers of some batches, by the names in `columns`.

        Parameters
        ----------
        rates : ndarray of shape (n_batches,)
            The learning rates, without a correction of the solver.
        is_active : ndarray of shape (n_batches,)
            Whether each batch has weight; one without changes nothing.
        """
        numbers: dict[str, Any] = {}
        if self.weight_decay:
            numbers["decay"] = rates * self.weight_decay * is_active
        if self.label_smoothing:
            numbers["smoothing"] = self.label_smoothing
        return numbers


NO_REGULARISATION = Regularisation()


def decay_weights(tf: Any, spec: ProgramSpec, numbers: Any, params: list[Tensor]) -> list[Tensor]:
    r"""Return the joined parameters after decoupled decay (Loshchilov and Hutter, 2019).

    .. math::

        W \leftarrow W - \eta_t \lambda W

    for the weights but not for the biases, with the learning rate :math:`\eta_t` of the schedule,
    before the step of the solver, whose gradient is that of the weights before.
    """
    if "decay" not in spec.regularisers:
        return params
    *large, small = params
    decay = tf.cast(numbers.hyper["decay"], small.dtype)
    is_coef = tf.range(small.shape[0]) < layout_of(spec).n_small_coefs
    coefs_of_small = tf.where(is_coef, small, tf.zeros_like(small))
    return [*[coef - decay * coef for coef in large], small - decay * coefs_of_small]


def smoothing_of(tf: Any, spec: ProgramSpec, numbers: Any) -> Tensor | None:
    """Return the share of targets that is spread over all classes, or None if labels are hard."""
    if "smoothing" not in spec.regularisers:
        return None
    return tf.cast(numbers.hyper["smoothing"], tf.as_dtype(spec.dtype))


def smooth_targets(tf: Any, spec: ProgramSpec, numbers: Any, batch: Any) -> Any:
    r"""Return a batch whose targets are smoothed (Szegedy et al., 2016).

    .. math::

        y \leftarrow (1 - s) y + s u

    where :math:`u` is the target of a sample that may be of any class: one over the number of
    classes, or one half for a label that is there or not.
    """
    smoothing = smoothing_of(tf, spec, numbers)
    if smoothing is None:
        return batch
    uniform_target = LOSSES[spec.architecture.loss].uniform_target
    assert uniform_target is not None
    uniform = uniform_target(spec.architecture.layer_units[-1])
    return batch._replace(targets=(1 - smoothing) * batch.targets + smoothing * uniform)
