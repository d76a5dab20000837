"""A fit's samples on the device: block after block, in the order in which batches take them.

A block is gathered by the host, in memory that the program reads without a copy. So nothing but a
block is ever held twice, whatever the size and the type of the data.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import scipy.sparse

from skmlp._data.samples import Samples
from skmlp._engine.memory import aligned_empty, aligned_zeros, share, to_tensor
from skmlp._program.spec import Block, Data, Entries, ProgramSpec


class DenseFeed:
    """Samples with dense features.

    Parameters
    ----------
    tf : module
        TensorFlow.
    spec : ProgramSpec
        The program; blocks have its capacity.
    samples : Samples
        What is trained and scored on.
    """

    def __init__(self, tf: Any, spec: ProgramSpec, samples: Samples):
        self._source = _source(spec, samples, _by_rows(samples.X[0]))
        validation = _allocate(spec, spec.validation_batches, spec.validation_batch_rows)
        if spec.validation_rows:
            _gather(_source(spec, samples), samples.validation_rows, validation)
        n_blocks = 2 if len(samples.train_rows) > spec.block_batches * spec.batch_rows else 1
        # No batch of them is read before all its rows are written.
        blocks = [
            _allocate(spec, spec.block_batches, spec.batch_rows, make=aligned_empty)
            for _ in range(n_blocks)
        ]
        data = _share_data(tf, samples, blocks[0], validation)
        self._ready = [(block, data._replace(train=_shared(tf, block))) for block in blocks]
        self._thread = ThreadPoolExecutor(1) if n_blocks == 2 else None
        self._ahead: tuple[np.ndarray, Future] | None = None

    def load(self, rows: np.ndarray, upcoming: np.ndarray) -> Data:
        """Return the data of a call.

        Parameters
        ----------
        rows : ndarray of shape (n_batches, batch_rows)
            The training samples of its batches; -1 where a batch has no more of them.
        upcoming : ndarray of shape (n_next_batches, batch_rows)
            Those that a call is expected to ask for next. They are gathered in another thread.
        """
        if not self._was_gathered(rows):
            _gather(self._source, rows, self._ready[0][0])
        _, data = self._ready[0]
        if self._thread is not None and len(upcoming):
            block, _ = self._ready[1]
            gathering = self._thread.submit(_gather, self._source, upcoming, block)
            self._ahead = upcoming, gathering
        return data

    def empty(self) -> Data:
        """Return the data of a call that runs no batch."""
        return self._ready[0][1]

    def _was_gathered(self, rows: np.ndarray) -> bool:
        """Wait for the other thread, and tell whether it has gathered these samples."""
        if self._ahead is None:
            return False
        upcoming, gathering = self._ahead
        self._ahead = None
        gathering.result()
        self._ready.reverse()
        return np.array_equal(rows, upcoming)


class SparseFeed:
    """Samples with sparse features, of which a block has the stored entries batch by batch.

    Parameters
    ----------
    tf, spec, samples
        As for `DenseFeed`; the first block of features is in CSR format.
    """

    def __init__(self, tf: Any, spec: ProgramSpec, samples: Samples):
        self._source = _source(spec, samples, samples.X[0])
        self._block = _allocate(spec, spec.block_batches, spec.batch_rows, spec.block_entries)
        size = spec.validation_batch_rows
        validation = _allocate(spec, spec.validation_batches, size, spec.validation_entries)
        if spec.validation_rows:
            X = samples.features(samples.validation_rows)
            lengths = np.full(-(-X.shape[0] // size), size)
            lengths[-1] = X.shape[0] - size * (len(lengths) - 1)
            _fill(validation.X, X, lengths)
            _gather_targets(_source(spec, samples), samples.validation_rows, validation)
        self._data = _share_data(tf, samples, self._block, validation)

    def load(self, rows: np.ndarray, upcoming: np.ndarray) -> Data:
        """Return the data of a call; see `DenseFeed.load`."""
        _gather_targets(self._source, rows, self._block)
        is_sample = rows >= 0
        _fill(self._block.X, self._source.X[rows[is_sample]], is_sample.sum(axis=1))
        return self._data

    def empty(self) -> Data:
        """Return the data of a call that runs no batch."""
        return self._data


def make_feed(tf: Any, spec: ProgramSpec, samples: Samples) -> DenseFeed | SparseFeed:
    """Return the samples of a fit, dense or sparse."""
    return SparseFeed(tf, spec, samples) if samples.is_sparse else DenseFeed(tf, spec, samples)


def arrange_rows(
    orders: list[np.ndarray], first: int, last: int, size: int, capacity: int
) -> np.ndarray:
    """Return the rows of batches, of shape (n_batches, capacity), with -1 where there is none."""
    rows = np.stack([order[first * size : last * size] for order in orders])
    n_full, n_left = divmod(rows.shape[1], size)
    if size == capacity and not n_left:
        return rows.reshape(-1, capacity)
    batches = np.full((len(orders), n_full + (n_left > 0), capacity), -1, rows.dtype)
    full = rows[:, : n_full * size]
    batches[:, :n_full, :size] = full.reshape(len(orders), n_full, size)
    batches[:, n_full:, :n_left] = rows[:, np.newaxis, n_full * size :]
    return batches.reshape(-1, capacity)


def largest_batch(lengths: np.ndarray, batch_size: int) -> int:
    """Return the number of entries of the batch that has most, given those of each row."""
    return int(np.add.reduceat(lengths, np.arange(0, len(lengths), batch_size)).max())


def likely_largest_batch(lengths: np.ndarray, batch_size: int) -> int:
    """Return how many entries a batch of rows drawn at random is unlikely to have more of."""
    likely = lengths.mean() * batch_size + 5 * lengths.std() * np.sqrt(batch_size)
    return max(1, int(min(likely, np.sort(lengths)[-batch_size:].sum())))


def _by_rows(X: np.ndarray) -> np.ndarray:
    """Return an array whose rows are contiguous; one on disk is taken as it is."""
    return X if X.flags.c_contiguous or is_on_disk(X) else np.ascontiguousarray(X)


def is_on_disk(X: np.ndarray) -> bool:
    """Tell whether an array is a view of a memory-mapped file."""
    base: Any = X
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return True
        base = base.base
    return False


def _source(spec: ProgramSpec, samples: Samples, X: Any = None) -> Block:
    """Return what blocks are gathered from: the first block of samples, or with no X all of them.

    Those all together are for the validation set, which may be in either.
    """
    if X is not None:
        return Block(X, samples.targets[0], samples.sample_weight[0] if spec.is_weighted else None)
    weight = np.concatenate(samples.sample_weight) if spec.is_weighted else None
    return Block(_Stacked(samples), np.concatenate(samples.targets), weight)


class _Stacked:
    """The features of all blocks, by rows that are all in one of them."""

    def __init__(self, samples: Samples):
        self._samples = samples

    def __getitem__(self, rows: np.ndarray) -> Any:
        return self._samples.features(rows)


def _allocate(
    spec: ProgramSpec,
    n_batches: int,
    n_rows: int,
    n_entries: int = 0,
    make: Callable[..., np.ndarray] = aligned_zeros,
) -> Block:
    """Return memory that a program can read; the system gives it at the first write."""
    units, dtype = spec.architecture.layer_units, np.dtype(spec.dtype)
    X: Any = None
    if spec.is_sparse:
        integers = (np.dtype(np.int32), np.dtype(np.int32), np.dtype(np.int64))
        shapes = ((n_entries,), (n_entries,), (n_entries,), (n_batches + 1,))
        X = Entries(*map(make, shapes, (dtype, *integers)))
    else:
        X = make((n_batches, n_rows, units[0]), dtype)
    weight_shape = (n_batches, n_rows) if spec.is_weighted else ()
    return Block(
        X,
        make((n_batches, n_rows, units[-1]), spec.target_dtype),
        make(weight_shape, dtype),
    )


def _share_data(tf: Any, samples: Samples, train: Block, validation: Block) -> Data:
    spread = to_tensor(tf, samples.validation_spread())
    return Data(_shared(tf, train), _shared(tf, validation), spread)


def _shared(tf: Any, block: Block) -> Block:
    X = block.X
    X = Entries(*(share(tf, part) for part in X)) if isinstance(X, Entries) else share(tf, X)
    return Block(X, share(tf, block.targets), share(tf, block.sample_weight))


def _gather(source: Block, rows: np.ndarray, block: Block) -> None:
    _take(source.X, rows, block.X)
    _gather_targets(source, rows, block)


def _gather_targets(source: Block, rows: np.ndarray, block: Block) -> None:
    targets = source.targets
    _take(targets.view(np.uint8) if targets.dtype == bool else targets, rows, block.targets)
    if source.sample_weight is not None:
        _take(source.sample_weight, rows, block.sample_weight)


def _take(source: Any, rows: np.ndarray, out: np.ndarray) -> None:
    """Copy rows to the start of an array of batches, converting them if need be.

    What is put for row -1 does not matter.
    """
    rows = rows.ravel()
    out = out.reshape(-1, *out.shape[2:])[: len(rows)]
    if isinstance(source, np.ndarray) and source.flags.c_contiguous and source.dtype == out.dtype:
        np.take(source, rows, axis=0, out=out, mode="clip")  # "raise" would copy to a buffer
    else:
        out[...] = source[rows]


def _fill(entries: Entries, X: scipy.sparse.csr_array, lengths: np.ndarray) -> None:
    """Put in the stored entries of rows, batch after batch, of so many rows each."""
    rows = np.arange(X.shape[0]) - np.repeat(lengths.cumsum() - lengths, lengths)
    entries.values[: X.nnz] = X.data
    entries.columns[: X.nnz] = X.indices
    entries.rows[: X.nnz] = np.repeat(rows, np.diff(X.indptr))
    entries.starts[: len(lengths) + 1] = X.indptr[np.append(0, lengths.cumsum())]
