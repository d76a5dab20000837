"""Training by epochs on several machines: a batch in two compiled parts, with a sum between them.

XLA has no sums over processes on a CPU, so that the loop over batches is a graph of TensorFlow's.
Each machine has a part of the samples of a batch. It computes their gradients, which are added up
over all machines, and all machines then make the same update.
"""

import functools
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
"""Which sum of all is the one over gradients; every process has to give it the same number."""

SMALL = 2**16
"""A vector of fewer elements is sent as a whole to all, and each process adds up for itself.

That takes half the messages of a ring. Measured on processes of one machine, two and three:
0.4 and 0.9 ms for 10,000 elements, where a ring takes 0.7 and 1.5; as long for 160,000; then the
ring, which sends less, is faster.
"""

_LARGE = 2**22
"""A vector of fewer elements goes round the ring in one piece, not in several at a time.

Measured on two processes of one machine, 16 MB: one piece 30 % faster below, eight above.
"""


class Parts(NamedTuple):
    """Which part of each batch of a call the samples here are."""

    n_rows: Tensor  # (n_batches,), float64
    positions: Tensor  # (n_batches, batch_rows), int32: the numbers of the rows in their batch


def add_up(tf: Any, size: int, vector: Tensor, key: int, timeout: float = 0.0) -> Tensor:
    """Return the sum of a vector over all processes, the same bits on each.

    Parameters
    ----------
    size : int
        The number of processes.
    key : int
        The number of this sum; sums of other shapes need others.
    timeout : float, default=0.0
        Seconds to wait for the others; 0 waits for ever. A timeout starts two threads that sleep
        for as long, so that it is for the first sum alone.
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
        # One after the other, in the order of the ranks, so that the bits are the same everywhere.
        return functools.reduce(tf.add, tf.split(vectors, [n_elements] * size))
    return tf.raw_ops.CollectiveReduceV2(
        **common,
        merge_op="Add",
        final_op="Id",
        max_subdivs_per_device=1 if n_elements < _LARGE else 8,
    )


def make_program(tf: Any, spec: ProgramSpec, size: int, widths: list[int]) -> Any:
    """Return a function that runs the batches of a call.

    Its arguments are the block of samples, the parts that they are of their batches, the tables
    and the state, and it returns the state.

    Parameters
    ----------
    tf : module
        TensorFlow.
    spec : ProgramSpec
        The fit.
    size : int
        The number of processes.
    widths : list of int
        Numbers of rows, which ascend to those of a batch in a block. Gradients are compiled for
        each when a batch comes that has as many, and then take the time for so many rows. With one
        number, for the most that a batch may have, half of 1,024 rows took 15 % longer.
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

    def narrow_gradients(
        block: Block, row: Tensor, part: Parts, params: list[Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Return the gradients of the first rows, as many as a width has that holds the batch."""

        def of_width(width: int) -> tuple[Tensor, Tensor]:
            weight = None if block.sample_weight is None else block.sample_weight[:width]
            rows = Block(block.X[:width], block.targets[:width], weight)
            return gradients(rows, row, Parts(part.n_rows, part.positions[:width]), params)

        fits = [tf.cast(part.n_rows > width, tf.int32) for width in widths[:-1]]
        branches = [functools.partial(of_width, width) for width in widths]
        return tf.switch_case(tf.add_n(fits), branches) if fits else branches[0]()

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
            vector, losses = narrow_gradients(samples, row, part, state.params)
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


def make_loss(tf: Any, spec: ProgramSpec) -> Any:
    """Return a function for the share of an epoch's loss that is due to the samples here.

    One process of all adds the penalty.
    """

    def loss(tables: CallTables, state: BatchState, with_penalty: Tensor) -> Tensor:
        numbers = EpochNumbers(*tf.unstack(tables.epochs[0]))
        numbers = numbers._replace(alpha=tf.where(with_penalty, numbers.alpha, 0.0))
        return sum_loss(tf, numbers, state) / numbers.active_rows

    return tf.function(loss, jit_compile=True, autograph=False)


def _slice(tf: Any, spec: ProgramSpec, block: Block, position: Tensor) -> Block:
    """Return the samples of a batch, which TensorFlow does not copy."""
    weight = at_position(tf, block.sample_weight, position) if spec.is_weighted else None
    return Block(
        at_position(tf, block.X, position), at_position(tf, block.targets, position), weight
    )
