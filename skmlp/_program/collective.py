"""Training by epochs on several machines: for each batch two compiled parts, and a sum between.

XLA has no sums over processes on a CPU. The loop over batches is therefore a graph of TensorFlow's.
Each machine has a part of the samples of a batch, and computes their gradients. The gradients are
added up over all machines, and every machine then makes the same update.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

from skmlp._program.batches import at_position, make_batch
from skmlp._program.epochs import add_first_squares, apply_gradients, sum_gradients, sum_loss
from skmlp._program.regularisers import POSITIONS
from skmlp._program.spec import ProgramSpec
from skmlp._program.values import (
    BatchNumbers,
    BatchState,
    Block,
    CallTables,
    EpochNumbers,
    Tensor,
    state_signature,
)

_GRADIENT_KEY = 1
"""Number of the sum of the gradients. Every process must give this sum the same number."""

SMALL = 2**16
"""A vector of fewer elements is sent whole to all processes, and each process adds up the vectors.

Sending whole vectors takes half the messages of a ring. Measured with two and three processes of
one machine: 10,000 elements took 0.4 and 0.9 ms, by a ring 0.7 and 1.5 ms. 160,000 elements took
equally long. For more elements the ring is faster, because it sends less.
"""

_LARGE = 2**22
"""A vector of fewer elements goes round the ring in one piece, a longer vector in eight pieces.

Measured with two processes of one machine: below 16 MB one piece was 30 % faster, above 16 MB eight
pieces were faster.
"""


class Parts(NamedTuple):
    """The part of each batch of a call that this process has."""

    n_rows: Tensor  # (n_batches,), float64: samples of the part
    positions: Tensor  # (n_batches, batch_rows), int32: the place of each row in the whole batch


def add_up(tf: Any, size: int, vector: Tensor, key: int, timeout: float = 0.0) -> Tensor:
    """Return the sum of a vector over all processes. All processes get the same bits.

    Parameters
    ----------
    size : int
        The number of processes.
    key : int
        The number of this sum. A sum of another shape needs another number.
    timeout : float, default=0.0
        Seconds to wait for the other processes; 0 waits for ever. A timeout starts two threads that
        sleep until it is over. Only the first sum should therefore have a timeout.
    """
    n_elements = vector.shape[0]
    common = {
        "input": vector,
        "group_size": size,
        "group_key": 1,
        "instance_key": key,
        "ordering_token": [],
        "communication_hint": "ring",
        "timeout_seconds": timeout,
    }
    if n_elements < SMALL:
        vectors = tf.raw_ops.CollectiveGatherV2(**common)
        # Vectors are added one by one in the order of the ranks: all processes get the same bits.
        return functools.reduce(tf.add, tf.split(vectors, [n_elements] * size))
    return tf.raw_ops.CollectiveReduceV2(
        **common,
        merge_op="Add",
        final_op="Id",
        max_subdivs_per_device=1 if n_elements < _LARGE else 8,
    )


def make_program(tf: Any, spec: ProgramSpec, size: int, widths: list[int]) -> Any:
    """Return a function that runs the batches of a call.

    The function takes the block of samples, the `Parts` of batches that these samples are, the
    tables and the state. It returns the state.

    Parameters
    ----------
    tf : module
        TensorFlow.
    spec : ProgramSpec
        The fit.
    size : int
        The number of processes.
    widths : list of int
        Numbers of rows in ascending order; the last is the number of rows of a batch in a block.
        The gradients of a batch are computed with the smallest width that holds its rows. They are
        compiled for a width when the first such batch comes. With the largest width alone, half of
        1,024 rows took 15 % longer.
    """
    signature = state_signature(tf, spec).running

    def compiled(function: Any) -> Any:
        return tf.function(function, jit_compile=True, autograph=False)

    @compiled
    def gradients(
        block: Block, row: Tensor, part: Parts, params: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        numbers = BatchNumbers.unpack(spec, tf.unstack(row))
        numbers.hyper[POSITIONS] = part.positions
        batch = make_batch(tf, spec, *block, part.n_rows)
        sums, losses = sum_gradients(tf, spec, batch, numbers, params)
        losses = tf.pad(losses, [[0, spec.batch_rows - losses.shape[0]]])
        return tf.concat([tf.reshape(part, [-1]) for part in sums], axis=0), losses

    @compiled
    def update(vector: Tensor, losses: Tensor, row: Tensor, state: BatchState) -> BatchState:
        numbers = BatchNumbers.unpack(spec, tf.unstack(row))
        sizes = [part.shape.num_elements() for part in signature.params]
        parts = zip(tf.split(vector, sizes), signature.params, strict=True)
        sums = [tf.reshape(part, like.shape) for part, like in parts]
        return apply_gradients(tf, spec, numbers, state, sums, losses)

    @compiled
    def begin(epoch: Tensor, state: BatchState) -> BatchState:
        return add_first_squares(tf, spec, EpochNumbers(*tf.unstack(epoch)), state)

    def run(block: Block, parts: Parts, tables: CallTables, state: BatchState) -> BatchState:
        def batch(position: Tensor, state: BatchState) -> tuple[Tensor, BatchState]:
            row = at_position(tf, tables.batches, position)
            part = Parts(parts.n_rows[position], at_position(tf, parts.positions, position))
            samples = _slice(tf, spec, block, position)
            vector, losses = _at_width(tf, gradients, widths, samples, row, part, state.params)
            if size > 1:
                vector = add_up(tf, size, vector, _GRADIENT_KEY)
            return position + 1, update(vector, losses, row, state)

        state = begin(tables.epochs[0], state)
        _, state = tf.while_loop(
            lambda position, _: position < tables.n_batches,
            batch,
            (tf.constant(0), state),
            parallel_iterations=1,
        )
        return state

    return tf.function(run, autograph=False)


def _at_width(
    tf: Any,
    gradients: Callable[..., tuple[Tensor, Tensor]],
    widths: list[int],
    block: Block,
    row: Tensor,
    part: Parts,
    params: list[Tensor],
) -> tuple[Tensor, Tensor]:
    """Return the gradients, computed with the smallest width that holds the batch."""

    def of_width(width: int) -> tuple[Tensor, Tensor]:
        weight = None if block.sample_weight is None else block.sample_weight[:width]
        rows = Block(block.X[:width], block.targets[:width], weight)
        return gradients(rows, row, Parts(part.n_rows, part.positions[:width]), params)

    fits = [tf.cast(part.n_rows > width, tf.int32) for width in widths[:-1]]
    branches = [functools.partial(of_width, width) for width in widths]
    return tf.switch_case(tf.add_n(fits), branches) if fits else branches[0]()


def make_loss(tf: Any, spec: ProgramSpec) -> Any:
    """Return a function that computes the share of this process in the loss of an epoch.

    One process alone adds the penalty: only it sets the argument ``with_penalty``.
    """

    def loss(tables: CallTables, state: BatchState, with_penalty: Tensor) -> Tensor:
        numbers = EpochNumbers(*tf.unstack(tables.epochs[0]))
        numbers = numbers._replace(alpha=tf.where(with_penalty, numbers.alpha, 0.0))
        return sum_loss(tf, numbers, state) / numbers.active_rows

    return tf.function(loss, jit_compile=True, autograph=False)


def _slice(tf: Any, spec: ProgramSpec, block: Block, position: Tensor) -> Block:
    """Return the samples of a batch. TensorFlow does not copy them."""
    weight = at_position(tf, block.sample_weight, position) if spec.is_weighted else None
    return Block(
        at_position(tf, block.X, position), at_position(tf, block.targets, position), weight
    )
