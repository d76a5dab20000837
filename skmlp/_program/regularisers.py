"""The regularisers other than the L2 penalty: weight decay, label smoothing and dropout.

A program contains only the regularisers that are on. A regulariser that is off costs nothing and
changes no bit. The strength of a regulariser is a number of the batch, which the host writes:
another strength needs no other program.
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
        Each step shrinks the weights by a share, which is this number times the learning rate.
    label_smoothing : float
        The share of a target that is spread over all classes.
    dropout : tuple of float
        The share of the units that is dropped, for each hidden layer; empty without dropout.
    """

    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    dropout: tuple[float, ...] = ()

    @property
    def is_random(self) -> bool:
        """Whether a regulariser is random, and needs a seed."""
        return any(self.dropout)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the numbers of a batch that a program needs for its regularisers."""
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
            The learning rates, without the correction of the solver.
        is_active : ndarray of shape (n_batches,)
            Whether each batch has weight. A batch without weight changes nothing.
        steps : ndarray of shape (n_batches,)
            Number of steps of the solver after each batch.
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
"""Name of an array among the numbers of a batch, if this process has only a part of the batch.

The array has the place of each row in the whole batch.
"""


def decay_weights(tf: Any, spec: ProgramSpec, numbers: Any, params: list[Tensor]) -> list[Tensor]:
    r"""Return the joined parameters after decoupled decay (Loshchilov and Hutter, 2019).

    .. math::

        W \leftarrow W - \eta_t \lambda W

    where :math:`\eta_t` is the learning rate of the schedule. Weights decay, biases do not. The
    decay comes before the step of the solver, whose gradient is taken at the weights before the
    decay.
    """
    if "decay" not in spec.regularisers:
        return params
    *large, small = params
    decay = tf.cast(numbers.hyper["decay"], small.dtype)
    is_coef = tf.range(small.shape[0]) < layout_of(spec).n_small_coefs
    coefs_of_small = tf.where(is_coef, small, tf.zeros_like(small))
    return [*[coef - decay * coef for coef in large], small - decay * coefs_of_small]


def smoothing_of(tf: Any, spec: ProgramSpec, numbers: Any) -> Tensor | None:
    """Return the share of targets that is spread over all classes, or None without smoothing."""
    if "smoothing" not in spec.regularisers:
        return None
    return tf.cast(numbers.hyper["smoothing"], tf.as_dtype(spec.dtype))


def smooth_targets(tf: Any, spec: ProgramSpec, numbers: Any, batch: Any) -> Any:
    r"""Return a batch whose targets are smoothed (Szegedy et al., 2016).

    .. math::

        y \leftarrow (1 - s) y + s u

    where :math:`u` is the uniform target: one over the number of classes, or one half for a label
    that a sample has or has not.
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

    Each value becomes zero with probability :math:`p`, and is otherwise divided by :math:`1 - p`,
    so that its mean stays the same (Srivastava et al., 2014). The seed, the step, the layer, the
    row and the unit alone decide which values are dropped. No bit depends on threads or on how many
    batches a call has, and the same units are dropped from the derivatives as from the values.

    Parameters
    ----------
    numbers : BatchNumbers or None
        The numbers of the batch. If None, nothing is dropped.
    layer : int
        The number of the hidden layer, from 0.
    values : tensor of shape (batch_rows, n_units)
        The values or derivatives.
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
"""The constants of `lowbias32`, an integer hash by Chris Wellons.

See https://github.com/skeeto/hash-prospector. Products and shifts are vector instructions: on Zen
5, 2048 x 256 masks took 0.08 ms, but 25 ms by TensorFlow's generator (``python -m
benchmarks.sweeps``).
"""

_INCREMENT = 0x9E3779B9  # the golden ratio, which has no pattern in its bits


def mask_keys(seed: int, steps: np.ndarray, layer: int) -> np.ndarray:
    """Return the keys of the masks of a layer, a number below 2**32 for each step."""
    # The seed is hashed first: otherwise the next seed would have the masks of the next steps.
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
    """Return 32 random bits for each row and unit: a hash of its place and of the key.

    ``positions`` are the places of the rows in their batch, if they are not the whole batch. The
    key enters the hash at the start, and again between the products. If it entered at the start
    alone, two keys would give the same bits in another order.
    """
    n_rows, n_units = shape

    def number(value: int) -> Tensor:
        return tf.constant(np.uint32(value))  # TensorFlow makes an int a signed number

    def mix(x: Tensor, shift: int) -> Tensor:
        return tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, number(shift)))

    positions = tf.range(n_rows) if positions is None else positions
    rows, units = (tf.cast(each, tf.uint32) for each in (positions, tf.range(n_units)))
    positions = rows[:, tf.newaxis] * number(n_units) + units
    key = tf.cast(key, tf.uint32)
    x = mix(tf.bitwise.bitwise_xor(positions, key), _SHIFTS[0]) * number(_MULTIPLIERS[0])
    x = mix(x + key * number(_INCREMENT), _SHIFTS[1]) * number(_MULTIPLIERS[1])
    return mix(x, _SHIFTS[2])
