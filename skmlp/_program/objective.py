"""The objective of L-BFGS: the loss of all samples and its gradient, added up batch by batch.

The parameters and the gradient are vectors, as in SciPy: all weights, then all biases, each
raveled.
"""

from math import prod
from typing import Any

from skmlp._program.batches import numbers_at, take_batch
from skmlp._program.layers import backward, forward
from skmlp._program.layout import transpose_parameters
from skmlp._program.regularisers import smooth_targets, smoothing_of
from skmlp._program.scores import losses
from skmlp._program.spec import ProgramSpec
from skmlp._program.values import BatchNumbers, CallTables, Data, Sums, Tensor

_TINY = 256
"""An array of at most this many elements is taken from the vector for each batch, in the loop.

If more than eight operations can run at once, XLA hands some to another thread. Waking this thread
takes 50 us, twice the time of a small objective: 60 rows and two layers of 10 units took 68 us with
all arrays taken before the loop, and take 26 us now. Larger arrays are taken once, before the loop:
products with a large matrix that is taken for each batch are up to three times as slow.

``python -m benchmarks.sweeps`` measured iterations of L-BFGS on Zen 5. With 60 rows and two layers
of 10 units they took 225, 222, 129, 121 and 124 us with 0, 64, 256, 1024 and 2**14. Networks with
larger arrays took as long with each value: 1 ms with 1,000 rows and two layers of 50 units, 9 and
150 ms with 8,000 rows of 64 and of 784 features and 100 units.
"""


def add_batches(
    tf: Any, spec: ProgramSpec, data: Data, tables: CallTables, vector: Tensor, sums: Sums
) -> Sums:
    """Add the losses and gradients of the batches of a call to the sums so far."""
    architecture = spec.architecture
    before_loop = _split(tf, spec, vector)

    def add(position: Tensor, total: Tensor, grads: list[Tensor]) -> tuple[Any, ...]:
        numbers = BatchNumbers.unpack(spec, numbers_at(tf, tables.batches, position))
        batch = take_batch(tf, spec, data.train, numbers.n_rows, position)
        params = [
            array if prod(array.shape) <= _TINY else kept
            for array, kept in zip(_split(tf, spec, vector), before_loop, strict=True)
        ]
        coefs = params[: len(architecture.coef_shapes)]
        layers = forward(tf, spec, batch.X, params)
        smoothed = smooth_targets(tf, spec, numbers, batch)
        coef_grads, intercept_grads = backward(tf, spec, smoothed, numbers, coefs, layers)
        added = [a + b for a, b in zip(grads, coef_grads + intercept_grads, strict=True)]
        smoothing = smoothing_of(tf, spec, numbers)
        batch_losses = losses(tf, architecture, batch, layers[-1].values, smoothing)
        return position + 1, total + batch_losses, added

    _, total, grads = tf.while_loop(
        lambda position, *_: position < tables.n_batches,
        add,
        # The loop starts from the sums so far: no bit depends on how many batches a call has.
        (tf.constant(0), sums.losses, _split(tf, spec, sums.gradient)),
    )
    return Sums(total, _join(tf, spec, grads))


def _split(tf: Any, spec: ProgramSpec, vector: Tensor) -> list[Tensor]:
    """Return all weights and then all biases of a vector, in the shapes of the program."""
    shapes = [*spec.architecture.coef_shapes, *spec.architecture.intercept_shapes]
    parts = tf.split(vector, [prod(shape) for shape in shapes])
    arrays = [tf.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]
    return transpose_parameters(spec, arrays, tf.transpose)


def _join(tf: Any, spec: ProgramSpec, arrays: list[Tensor]) -> Tensor:
    """Return the vector of all weights and then all biases; see `_split`."""
    arrays = transpose_parameters(spec, arrays, tf.transpose)
    return tf.concat([tf.reshape(array, [-1]) for array in arrays], axis=0)
