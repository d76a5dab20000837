"""The samples of a batch: the next rows of a block."""

from typing import Any

from skmlp._graph.types import Batch, Block, Counts, Entries, ProgramSpec, SparseRows, Tensor


def take_batch(
    tf: Any,
    spec: ProgramSpec,
    block: Block,
    counts: Counts,
    number: Tensor,
    start: Tensor,
    position: Tensor,
) -> Batch:
    """Return a batch of the training samples.

    Parameters
    ----------
    number : int32 scalar
        The batch in its epoch.
    start : int32 scalar
        Its first row in the block. It has to be the variable of a loop: were it calculated from an
        argument, a program would be compiled for every value of it.
    position : int32 scalar
        Its number in the block.
    """
    n_rows = tf.minimum(counts.batch_size, counts.n_samples - number * counts.batch_size)
    return _take(tf, spec, block, (spec.batch_rows, spec.batch_entries), n_rows, start, position)


def take_validation_batch(
    tf: Any, spec: ProgramSpec, block: Block, n_validation: Tensor, number: Tensor, start: Tensor
) -> Batch:
    """Return a batch of the validation samples; ``start`` as in `take_batch`."""
    size = (spec.validation_batch_rows, spec.validation_batch_entries)
    n_rows = tf.minimum(n_validation - number * spec.validation_batch_rows, size[0])
    return _take(tf, spec, block, size, n_rows, start, number)


def _take(
    tf: Any,
    spec: ProgramSpec,
    block: Block,
    size: tuple[int, int],
    n_rows: Tensor,
    start: Tensor,
    position: Tensor,
) -> Batch:
    capacity, n_entries = size
    if spec.is_sparse:
        X = _sparse_rows(tf, block.X, position, n_entries, capacity)
    else:
        X = _slice(tf, block.X, start, capacity)
    is_valid = tf.range(capacity) < n_rows
    dtype = tf.as_dtype(spec.dtype)
    if spec.is_weighted:
        weight = _slice(tf, block.sample_weight, start, capacity)
        weight = tf.where(is_valid, weight, tf.zeros_like(weight))
        weight_sum = tf.reduce_sum(weight)
    else:
        weight = tf.cast(is_valid, dtype)
        weight_sum = tf.cast(n_rows, dtype)
    return Batch(
        X,
        tf.cast(_slice(tf, block.targets, start, capacity), dtype),
        weight[:, tf.newaxis],
        weight_sum,
        tf.cast(n_rows, tf.float64),
        weight_sum > 0 if spec.is_weighted else None,
    )


def _slice(tf: Any, array: Tensor, start: Tensor, n_rows: int) -> Tensor:
    rest = array.shape[1:]
    return tf.slice(array, tf.stack([start] + [0] * len(rest)), [n_rows, *rest])


def _sparse_rows(
    tf: Any, entries: Entries, position: Tensor, capacity: int, n_rows: int
) -> SparseRows:
    """Return the entries of a batch; those past its end are out of range, and so left out."""
    start, end = tf.gather(entries.starts, position), tf.gather(entries.starts, position + 1)
    places = start + tf.range(capacity, dtype=tf.int64)
    is_valid = places < end
    places = tf.minimum(places, entries.values.shape[0] - 1)
    nowhere = -tf.ones([], tf.int32)
    return SparseRows(
        tf.gather(entries.values, places),
        tf.where(is_valid, tf.gather(entries.columns, places), nowhere),
        tf.where(is_valid, tf.gather(entries.rows, places), nowhere),
        n_rows,
    )
