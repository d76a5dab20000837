"""The samples of a batch: taken from the data in the order of an epoch."""

from typing import Any

from skmlp._graph.types import Batch, Counts, Data, Entries, ProgramSpec, SparseRows, Tensor


def take_batch(
    tf: Any,
    spec: ProgramSpec,
    data: Data,
    orders: Tensor,
    counts: Counts,
    epoch: Tensor,
    number: Tensor,
) -> Batch:
    """Gather the samples of a batch in the order of its epoch."""
    start = number * counts.batch_size
    n_rows = tf.minimum(counts.batch_size, counts.n_samples - start)
    position = tf.range(spec.batch_rows)
    # A gather, not a slice: the bounds of a slice would be compiled in as constants.
    rows = tf.gather(orders, epoch * spec.order_stride + start + position)
    if spec.is_sparse:
        X = _sparse_rows(tf, data.X, number, spec.batch_entries, spec.batch_rows)
    else:
        X = tf.gather(data.X, rows)
    return _batch(tf, X, data, rows, position < n_rows, n_rows)


def take_validation_batch(
    tf: Any, spec: ProgramSpec, data: Data, n_validation: Tensor, number: Tensor
) -> Batch:
    """Gather the samples of a block of the validation set."""
    start = number * spec.validation_batch_rows
    n_rows = tf.minimum(n_validation - start, spec.validation_batch_rows)
    position = start + tf.range(spec.validation_batch_rows)
    # XLA clips positions that are out of range, a graph that is not compiled fails.
    rows = tf.gather(data.validation_order, tf.minimum(position, spec.validation_rows - 1))
    if spec.is_sparse:
        X = _sparse_rows(
            tf, data.X_val, number, spec.validation_batch_entries, spec.validation_batch_rows
        )
    else:
        X = tf.gather(data.X, rows)
    return _batch(tf, X, data, rows, position < n_validation, n_rows)


def _sparse_rows(
    tf: Any, entries: Entries, number: Tensor, capacity: int, n_rows: int
) -> SparseRows:
    """Return the entries of a batch; those past its end are out of range, and so left out."""
    start, end = tf.gather(entries.starts, number), tf.gather(entries.starts, number + 1)
    position = start + tf.range(capacity, dtype=tf.int64)
    is_valid = position < end
    position = tf.minimum(position, entries.values.shape[0] - 1)
    nowhere = -tf.ones([], tf.int32)
    return SparseRows(
        tf.gather(entries.values, position),
        tf.where(is_valid, tf.gather(entries.columns, position), nowhere),
        tf.where(is_valid, tf.gather(entries.rows, position), nowhere),
        n_rows,
    )


def _batch(
    tf: Any, X: Tensor | SparseRows, data: Data, rows: Tensor, is_valid: Tensor, n_rows: Tensor
) -> Batch:
    weight = tf.gather(data.sample_weight, rows)
    weight = tf.where(is_valid, weight, tf.zeros_like(weight))
    return Batch(
        X,
        tf.cast(tf.gather(data.targets, rows), weight.dtype),
        weight[:, tf.newaxis],
        tf.reduce_sum(weight),
        tf.cast(n_rows, tf.float64),
    )
