"""The objective of L-BFGS: the loss of all samples and its gradient, added up batch by batch."""

from itertools import pairwise
from typing import Any

import numpy as np

from skmlp._graph.batches import take_batch
from skmlp._graph.layers import backward, forward
from skmlp._graph.losses import loss_sum
from skmlp._graph.types import Counts, Data, Hyper, ProgramSpec, Sums, Tensor
from skmlp._network import Architecture


def add_batches(
    tf: Any,
    spec: ProgramSpec,
    data: Data,
    orders: Tensor,
    hyper: Hyper,
    counts: Counts,
    vector: Tensor,
    sums: Sums,
) -> Sums:
    """Add losses and gradients of the batches from ``first_batch`` to ``last_batch``.

    ``vector`` holds the weights and then the biases of all layers, each raveled.
    """
    params = _unpack(tf, spec.architecture, vector)
    coefs = params[: len(spec.architecture.coef_shapes)]

    def add(number: Tensor, sums: Sums) -> tuple[Tensor, Sums]:
        batch = take_batch(tf, spec, data, orders, counts, tf.constant(0), number)
        values = forward(tf, spec.architecture, batch.X, params)
        coef_grads, intercept_grads = backward(tf, spec.architecture, batch, hyper, coefs, values)
        gradient = tf.concat([tf.reshape(g, [-1]) for g in coef_grads + intercept_grads], axis=0)
        return number + 1, Sums(
            sums.loss + loss_sum(tf, spec.architecture, batch, values[-1]),
            sums.weight + tf.cast(batch.weight_sum, tf.float64),
            sums.gradient + gradient,
        )

    _, sums = tf.while_loop(
        lambda number, _: number < counts.last_batch, add, (counts.first_batch, sums)
    )
    return sums


def _unpack(tf: Any, architecture: Architecture, vector: Tensor) -> list[Tensor]:
    shapes = [*architecture.coef_shapes, *architecture.intercept_shapes]
    ends = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)]).tolist()
    return [
        tf.reshape(vector[start:end], shape)
        for (start, end), shape in zip(pairwise(ends), shapes, strict=True)
    ]
