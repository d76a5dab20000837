"""Takes the samples of a batch from a block."""

from typing import Any

from skmlp._program.spec import ProgramSpec
from skmlp._program.values import Batch, Block, Entries, SparseRows, Tensor


def take_batch(tf: Any, spec: ProgramSpec, block: Block, n_rows: Tensor, position: Tensor) -> Batch:
    """Return a batch of the training samples.

    Parameters
    ----------
    n_rows : float64 scalar
        Number of samples of the batch.
    position : int32 scalar
        Number of the batch in the block. It must be the variable of a loop: if it is calculated
        from an argument, a program is compiled for every value.
    """
    return _take(tf, spec, block, (spec.batch_rows, spec.batch_entries), n_rows, position)


def take_validation_batch(
    tf: Any, spec: ProgramSpec, block: Block, n_rows: Tensor, position: Tensor
) -> Batch:
    """Return a batch of the validation samples; see `take_batch`."""
    size = (spec.validation_batch_rows, spec.validation_batch_entries)
    return _take(tf, spec, block, size, n_rows, position)


def _take(
    tf: Any,
    spec: ProgramSpec,
    block: Block,
    size: tuple[int, int],
    n_rows: Tensor,
    position: Tensor,
) -> Batch:
    capacity, n_entries = size
    if spec.is_sparse:
        X = _sparse_rows(tf, block.X, position, n_entries, capacity)
    else:
        X = at_position(tf, block.X, position)
    targets = at_position(tf, block.targets, position)
    weight = at_position(tf, block.sample_weight, position) if spec.is_weighted else None
    return make_batch(tf, spec, X, targets, weight, n_rows)


def make_batch(
    tf: Any, spec: ProgramSpec, X: Tensor, targets: Tensor, weight: Tensor, n_rows: Tensor
) -> Batch:
    """Return a batch. Rows beyond its samples get weight 0.

    Parameters
    ----------
    X, targets, weight : tensors
        The samples, as in a block. If ``weight`` is None, all samples have weight 1.
    n_rows : float64 scalar
        Number of samples of the batch.
    """
    dtype = tf.as_dtype(spec.dtype)
    is_valid = tf.range(targets.shape[0]) < tf.cast(n_rows, tf.int32)
    if weight is None:
        weight = tf.cast(is_valid, dtype)
    else:
        weight = tf.where(is_valid, weight, tf.zeros_like(weight))
    return Batch(X, tf.cast(targets, dtype), weight[:, tf.newaxis])


def at_position(tf: Any, array: Tensor, position: Tensor) -> Tensor:
    """Return the part of an array at a position of its first axis; see `take_batch`."""
    shape = array.shape[1:]
    start = tf.stack([position] + [0] * len(shape))
    return tf.reshape(tf.slice(array, start, [1, *shape]), shape)


def numbers_at(tf: Any, table: Tensor, row: Tensor) -> list[Tensor]:
    """Return the numbers in a row of a table, as scalars."""
    return tf.unstack(at_position(tf, table, row))


def _sparse_rows(
    tf: Any, entries: Entries, position: Tensor, capacity: int, n_rows: int
) -> SparseRows:
    """Return the entries of a batch. Entries beyond its end get row -1, and do not count."""
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
