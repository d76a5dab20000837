"""The objective of L-BFGS: the loss of all samples and its gradient, added up batch by batch."""

from typing import Any

from skmlp._graph.batches import take_batch
from skmlp._graph.layers import backward, forward
from skmlp._graph.losses import loss_sum
from skmlp._graph.types import Counts, Data, Hyper, ProgramSpec, Sums, Tensor


def add_batches(
    tf: Any,
    spec: ProgramSpec,
    data: Data,
    hyper: Hyper,
    counts: Counts,
    params: list[Tensor],
    sums: Sums,
) -> Sums:
    """Add losses and gradients of the batches from ``first_batch`` to ``last_batch``."""
    architecture = spec.architecture
    coefs = params[: len(architecture.coef_shapes)]

    def add(number: Tensor, start: Tensor, sums: Sums) -> tuple[Tensor, Tensor, Sums]:
        position = number - counts.first_batch
        batch = take_batch(tf, spec, data.train, counts, number, start, position)
        values = forward(tf, spec, batch.X, params)
        coef_grads, intercept_grads = backward(tf, spec, batch, hyper, coefs, values)
        grads = coef_grads + intercept_grads
        return (
            number + 1,
            start + counts.batch_size,
            Sums(
                sums.loss + loss_sum(tf, architecture, batch, values[-1]),
                sums.weight + tf.cast(batch.weight_sum, tf.float64),
                [total + grad for total, grad in zip(sums.gradients, grads, strict=True)],
            ),
        )

    _, _, sums = tf.while_loop(
        lambda number, *_: number < counts.last_batch,
        add,
        (counts.first_batch, tf.constant(0), sums),
    )
    return sums
