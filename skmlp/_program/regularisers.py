"""The regularisers, beside the L2 penalty: decay of the weights, smoothed labels and dropout.

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
    dropout : tuple of float
        The share of the units of each hidden layer that is dropped; empty if none is.
    """

    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    dropout: tuple[float, ...] = ()

    @property
    def is_random(self) -> bool:
        """Whether it needs a seed."""
        return any(self.dropout)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the numbers of a batch that a program needs for what is on."""
        return tuple(self._columns())

    def _columns(self) -> Iterator[str]:
        if self.weight_decay:
            yield "decay"
        if self.label_smoothing:
            yield "smoothing"
        for layer in self._layers_with_dropout():
            yield from (f"dropout_{layer}", f"mask_{layer}")

    def _layers_with_dropout(self) -> list[int]:
        return [layer for layer, rate in enumerate(self.dropout) if rate]

    def numbers(
        self, rates: np.ndarray, is_active: np.ndarray, steps: np.ndarray, seed: int | None
    ) -> dict[str, Any]:
        """Return the numbers of some batches, by the names in `columns`.

        Parameters
        ----------
        rates : ndarray of shape (n_batches,)
            The learning rates, without a correction of the solver.
        is_active : ndarray of shape (n_batches,)
            Whether each batch has weight; one without changes nothing.
        steps : ndarray of shape (n_batches,)
            Steps of the solver after each batch.
        seed : int or None
            Seed of the masks of dropout.
        """
        numbers: dict[str, Any] = {}
        if self.weight_decay:
            numbers["decay"] = rates * self.weight_decay * is_active
        if self.label_smoothing:
            numbers["smoothing"] = self.label_smoothing
        for layer in self._layers_with_dropout():
            numbers[f"dropout_{layer}"] = self.dropout[layer]
            numbers[f"mask_{layer}"] = mask_keys(seed or 0, steps, layer)
        return numbers


NO_REGULARISATION = Regularisation()

POSITIONS = "positions"
"""Among the numbers of a batch of which this process has a part: which of its rows they are."""


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


def drop_units(tf: Any, spec: ProgramSpec, numbers: Any, layer: int, values: Tensor) -> Tensor:
    r"""Return the values of a hidden layer, or their derivatives, with some units dropped.

    Each value is zero with probability :math:`p`, and otherwise divided by :math:`1 - p`, so that
    its mean stays (Srivastava et al., 2014). Which values are dropped follows from the seed, the
    step, the layer, and the row and the unit alone: no bit depends on threads or on how many
    batches a call has, and the derivatives are dropped as the values were.

    Parameters
    ----------
    numbers : BatchNumbers or None
        The numbers of the batch; None where nothing is trained, and nothing dropped.
    layer : int
        The number of the hidden layer, from 0.
    values : tensor of shape (batch_rows, n_units)
        What is dropped.
    """
    if numbers is None or f"dropout_{layer}" not in spec.regularisers:
        return values
    rate = numbers.hyper[f"dropout_{layer}"]
    limit = tf.cast(tf.minimum(rate * 2.0**32, np.float64(2**32 - 1)), tf.uint32)
    key = numbers.hyper[f"mask_{layer}"]
    is_kept = random_bits(tf, key, values.shape, numbers.hyper.get(POSITIONS)) >= limit
    scale = tf.cast(1 / (1 - rate), values.dtype)
    return tf.where(is_kept, scale * values, tf.zeros_like(values))


_MULTIPLIERS = 0x7FEB352D, 0x846CA68B
_SHIFTS = 16, 15, 16
"""The integer hash `lowbias32` of Chris Wellons, for https://github.com/skeeto/hash-prospector.

A product and a shift are vector instructions: 2048 x 256 masks take 0.03 ms, where a generator of
XLA takes 4 to 30 ms.
"""

_INCREMENT = 0x9E3779B9  # the golden ratio, which has no pattern in its bits


def mask_keys(seed: int, steps: np.ndarray, layer: int) -> np.ndarray:
    """Return the keys of the masks of a layer, a number below 2**32 for each step."""
    # Of the seed's hash, as the next seed would otherwise have the masks of the next steps.
    keys = _hash_integers(np.full(len(steps), seed % 2**32, np.uint32))
    for part in (np.asarray(steps, np.uint64).astype(np.uint32), np.uint32(layer)):
        keys = _hash_integers(keys ^ part) + np.uint32(_INCREMENT)
    return keys


def _hash_integers(x: np.ndarray) -> np.ndarray:
    first, second = map(np.uint32, _MULTIPLIERS)
    x = (x ^ (x >> np.uint32(_SHIFTS[0]))) * first
    x = (x ^ (x >> np.uint32(_SHIFTS[1]))) * second
    return x ^ (x >> np.uint32(_SHIFTS[2]))


def random_bits(
    tf: Any, key: Tensor, shape: tuple[int, int], positions: Tensor | None = None
) -> Tensor:
    """Return 32 random bits for each row and unit: a hash of its position, with the key twice.

    ``positions`` are the numbers of the rows, if they are not all of a batch. The key comes in a
    second time between the products. With it at the start alone, the bits for two keys would be the
    same ones in another order.
    """
    n_rows, n_units = shape

    def number(value: int) -> Tensor:
        return tf.constant(np.uint32(value))  # an int may be one of 32 bits with a sign

    def mix(x: Tensor, shift: int) -> Tensor:
        return tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, number(shift)))

    positions = tf.range(n_rows) if positions is None else positions
    rows, units = (tf.cast(each, tf.uint32) for each in (positions, tf.range(n_units)))
    positions = rows[:, tf.newaxis] * number(n_units) + units
    key = tf.cast(key, tf.uint32)
    x = mix(tf.bitwise.bitwise_xor(positions, key), _SHIFTS[0]) * number(_MULTIPLIERS[0])
    x = mix(x + key * number(_INCREMENT), _SHIFTS[1]) * number(_MULTIPLIERS[1])
    return mix(x, _SHIFTS[2])
