"""The objective of L-BFGS: the loss of all samples and its gradient, added up batch by batch."""

from typing import Any

from skmlp._graph.batches import numbers_at, take_batch
from skmlp._graph.layers import backward, forward
from skmlp._graph.losses import losses
from skmlp._graph.types import BatchNumbers, Control, Data, ProgramSpec, Sums, Tensor


def add_batches(
    tf: Any, spec: ProgramSpec, data: Data, control: Control, params: list[Tensor], sums: Sums
) -> Sums:
    """Add losses and gradients of the batches of a call."""
    architecture = spec.architecture
    coefs = params[: len(architecture.coef_shapes)]

    def add(position: Tensor, sums: Sums) -> tuple[Tensor, Sums]:
        numbers = BatchNumbers(*numbers_at(tf, control.batches, position))
        batch = take_batch(tf, spec, data.train, numbers.n_rows, position)
        values = forward(tf, spec, batch.X, params)
        coef_grads, intercept_grads = backward(tf, spec, batch, numbers, coefs, values)
        grads = coef_grads + intercept_grads
        return position + 1, Sums(
            sums.losses + losses(tf, architecture, batch, values[-1]),
            [total + grad for total, grad in zip(sums.gradients, grads, strict=True)],
        )

    _, sums = tf.while_loop(
        lambda position, _: position < control.n_batches, add, (tf.constant(0), sums)
    )
    return sums
