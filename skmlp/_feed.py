"""A fit's data on the device: uploaded once if dense, in the order of each epoch if sparse."""

from typing import Any

import numpy as np
import scipy.sparse

from skmlp._graph.types import Data, Entries, ProgramSpec
from skmlp._samples import Samples

_ALIGNMENT = 64  # bytes; what TensorFlow needs to use memory of NumPy's without a copy


class DenseFeed:
    """Samples that are resident, from which a program gathers batches by their rows.

    Parameters
    ----------
    tf : module
        TensorFlow.
    spec : ProgramSpec
        The program; the data is padded to its capacities.
    samples : Samples
        What is trained and scored on.
    """

    def __init__(self, tf: Any, spec: ProgramSpec, samples: Samples):
        self._tf = tf
        X = share(tf, _pad(samples.X, spec.data_rows, samples.dtype))
        self._data = _upload(tf, spec, samples, X, to_tensor(tf, np.zeros((), np.float32)))
        self._orders = np.full((spec.epochs, spec.order_stride), samples.train_rows[0], np.int32)

    def load(self, orders: list[np.ndarray]) -> tuple[Data, Any]:
        """Return the data, and a tensor of the orders of the epochs to run."""
        for number, order in enumerate(orders):
            self._orders[number, : len(order)] = order
        return self._data, to_tensor(self._tf, self._orders.ravel())

    def missing_entries(self, orders: list[np.ndarray]) -> int:
        """Return 0: a dense batch always has room."""
        return 0


class SparseFeed:
    """Samples of which the stored entries are put into the order of an epoch, on the host.

    Parameters
    ----------
    tf, spec, samples
        As for `DenseFeed`; the first block of features is in CSR format.
    batch_size : int
        Samples of a batch.
    """

    def __init__(self, tf: Any, spec: ProgramSpec, samples: Samples, batch_size: int):
        self._tf = tf
        self._X = samples.X[0]
        self._batch_size = batch_size
        self._batch_entries = spec.batch_entries
        self._entries = _allocate(spec.entries, spec.data_rows, samples.dtype)
        validation = _allocate(spec.validation_entries, spec.validation_rows, samples.dtype)
        if len(samples.validation_rows):
            _fill(validation, samples.features(samples.validation_rows), spec.validation_batch_rows)
        self._data = _upload(tf, spec, samples, None, _share_entries(tf, validation))
        self._orders = np.full(spec.order_stride, samples.train_rows[0], np.int32)
        self._order: np.ndarray | None = None

    def load(self, orders: list[np.ndarray]) -> tuple[Data, Any]:
        """Return the data of an epoch, and a tensor of its order."""
        (order,) = orders
        if order is not self._order:
            self._order = order
            self._orders[: len(order)] = order
            _fill(self._entries, self._X, self._batch_size, order)
        data = self._data._replace(X=_share_entries(self._tf, self._entries))
        return data, to_tensor(self._tf, self._orders)

    def missing_entries(self, orders: list[np.ndarray]) -> int:
        """Return how many entries a batch needs, if there is one without room; otherwise 0."""
        needed = max(
            largest_batch(np.diff(self._X.indptr)[order], self._batch_size) for order in orders
        )
        return needed if needed > self._batch_entries else 0


def largest_batch(lengths: np.ndarray, batch_size: int) -> int:
    """Return the number of entries of the batch that has most, given those of each row."""
    return int(np.add.reduceat(lengths, np.arange(0, len(lengths), batch_size)).max())


def likely_largest_batch(lengths: np.ndarray, batch_size: int) -> int:
    """Return how many entries a batch of rows drawn at random is unlikely to have more of."""
    likely = lengths.mean() * batch_size + 5 * lengths.std() * np.sqrt(batch_size)
    return max(1, int(min(likely, np.sort(lengths)[-batch_size:].sum())))


def to_tensor(tf: Any, array: Any) -> Any:
    """Return a tensor on a copy of an array."""
    with tf.device("CPU:0"):
        return tf.convert_to_tensor(array)


def share(tf: Any, array: np.ndarray) -> Any:
    """Return a tensor on the memory of an aligned array."""
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def _upload(tf: Any, spec: ProgramSpec, samples: Samples, X: Any, X_val: Any) -> Data:
    """Pad the samples to the capacity of the program, in memory that TensorFlow can use."""
    rows, dtype = spec.data_rows, samples.dtype
    target_dtype = np.dtype(np.uint8) if spec.architecture.is_classification else dtype
    order = np.zeros(spec.validation_rows, np.int32)
    if spec.validation_rows:
        order[: len(samples.validation_rows)] = samples.validation_rows
    return Data(
        X,
        X_val,
        share(tf, _pad(samples.targets, rows, target_dtype)),
        share(tf, _pad(samples.sample_weight, rows, dtype)),
        to_tensor(tf, order),
        to_tensor(tf, samples.validation_spread()),
    )


def _allocate(n_entries: int, n_batches: int, dtype: np.dtype) -> Entries:
    """Return room for entries and for the starts of batches."""
    return Entries(
        _aligned((n_entries,), dtype),
        _aligned((n_entries,), np.dtype(np.int32)),
        _aligned((n_entries,), np.dtype(np.int32)),
        _aligned((n_batches + 1,), np.dtype(np.int64)),
    )


def _share_entries(tf: Any, entries: Entries) -> Entries:
    return Entries(*(share(tf, array) for array in entries))


def _fill(
    entries: Entries, X: scipy.sparse.csr_array, batch_size: int, order: np.ndarray | None = None
) -> None:
    """Put the entries of rows in an order, batch after batch."""
    n_rows = X.shape[0] if order is None else len(order)
    first = 0
    for number, start in enumerate(range(0, n_rows, batch_size)):
        stop = min(start + batch_size, n_rows)
        batch = X[start:stop] if order is None else X[order[start:stop]]
        last = first + batch.nnz
        entries.values[first:last] = batch.data
        entries.columns[first:last] = batch.indices
        entries.rows[first:last] = np.repeat(np.arange(stop - start), np.diff(batch.indptr))
        entries.starts[number] = first
        entries.starts[number + 1] = last
        first = last


def _aligned(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    n_bytes = int(np.prod(shape)) * dtype.itemsize
    memory = np.empty(n_bytes + _ALIGNMENT, np.uint8)
    offset = -memory.ctypes.data % _ALIGNMENT
    return memory[offset : offset + n_bytes].view(dtype).reshape(shape)


def _pad(blocks: list[np.ndarray], n_rows: int, dtype: np.dtype) -> np.ndarray:
    """Stack blocks of rows in aligned memory; the rows that are left are zero."""
    padded = _aligned((n_rows, *blocks[0].shape[1:]), dtype)
    start = 0
    for block in blocks:
        padded[start : start + len(block)] = block
        start += len(block)
    padded[start:] = 0
    return padded
