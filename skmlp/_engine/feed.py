"""Gives the program the samples of a fit, block after block, in the order of the batches.

The host gathers a block in memory that the program reads without a copy. Only the samples of blocks
are therefore in memory twice, whatever the size and the type of the data.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from skmlp._data.samples import Samples
from skmlp._engine.arena import Arena
from skmlp._engine.blocks import (
    SharedBlock,
    fill_entries,
    gather,
    gather_targets,
    training_source,
    validation_source,
)
from skmlp._engine.memory import aligned_empty
from skmlp._program.spec import ProgramSpec
from skmlp._program.values import Data
from skmlp._threads import Helper, start_helper


class DenseFeed:
    """Samples with dense features.

    Parameters
    ----------
    arena : Arena
        Allocates the memory of the blocks.
    spec : ProgramSpec
        The program, whose capacity the blocks have.
    samples : Samples
        The samples to train and to score on.
    """

    def __init__(self, arena: Arena, spec: ProgramSpec, samples: Samples):
        self._source = training_source(spec, samples, _by_rows(samples.X[0]))
        validation = SharedBlock(arena, spec, spec.validation_batches, spec.validation_batch_rows)
        if spec.validation_rows:
            source = validation_source(spec, samples)
            gather(source, samples.validation_rows, validation.arrays)
        self._validation = validation.tensors()
        self._spread = arena.tensor(samples.validation_spread())
        n_blocks = 2 if len(samples.train_rows) > spec.block_batches * spec.batch_rows else 1
        # The memory may have any values: no batch is read before all its rows are written.
        self._blocks = [
            SharedBlock(arena, spec, spec.block_batches, spec.batch_rows, make=aligned_empty)
            for _ in range(n_blocks)
        ]
        self._ahead: np.ndarray | None = None  # the rows that the last block has, for the next call
        self._helper: Helper | None = None

    @contextmanager
    def loaded(self, rows: np.ndarray, upcoming: np.ndarray) -> Iterator[Data]:
        """Give the data of a call, while another thread gathers the data of the next call.

        Parameters
        ----------
        rows : ndarray of shape (n_batches, batch_rows)
            The training samples of each batch, padded with -1.
        upcoming : ndarray of shape (n_next_batches, batch_rows)
            The samples that the next call is expected to need.
        """
        if self._ahead is not None and np.array_equal(rows, self._ahead):
            self._blocks.reverse()
        else:
            gather(self._source, rows, self._blocks[0].arrays)
        self._ahead = None
        helper = self._gather_ahead(upcoming)
        try:
            yield self.empty()
        finally:
            # Nothing writes to the block when a fit has ended, even by an error or by Ctrl-C.
            if helper is not None:
                helper.wait()
        if helper is not None:
            helper.finish()
            self._ahead = upcoming

    def empty(self) -> Data:
        """Return the data of a call that runs no batch."""
        return Data(self._blocks[0].tensors(), self._validation, self._spread)

    def _gather_ahead(self, rows: np.ndarray) -> Helper | None:
        """Let a thread fill the second block, if there is one and a thread can start."""
        if len(self._blocks) == 1 or not len(rows):
            return None
        if self._helper is None:
            self._helper = start_helper()
        if self._helper is not None:
            self._helper.call(gather, self._source, rows, self._blocks[1].arrays)
        return self._helper

    def end_thread(self) -> None:
        """End the thread that gathers samples, if there is one."""
        if self._helper is not None:
            self._helper.end()
            self._helper = None


class SparseFeed:
    """Samples with sparse features. A block has their stored entries, batch by batch.

    Parameters
    ----------
    arena, spec, samples
        As for `DenseFeed`; the first set of features is in CSR format.
    """

    def __init__(self, arena: Arena, spec: ProgramSpec, samples: Samples):
        self._source = training_source(spec, samples, samples.X[0])
        self._block = SharedBlock(
            arena, spec, spec.block_batches, spec.batch_rows, spec.block_entries
        )
        size = spec.validation_batch_rows
        validation = SharedBlock(
            arena, spec, spec.validation_batches, size, spec.validation_entries
        )
        if spec.validation_rows:
            X = samples.features(samples.validation_rows)
            lengths = np.full(-(-X.shape[0] // size), size)
            lengths[-1] = X.shape[0] - size * (len(lengths) - 1)
            fill_entries(validation.arrays.X, X, lengths)
            source = validation_source(spec, samples)
            gather_targets(source, samples.validation_rows, validation.arrays)
        self._validation = validation.tensors()
        self._spread = arena.tensor(samples.validation_spread())

    @contextmanager
    def loaded(self, rows: np.ndarray, upcoming: np.ndarray) -> Iterator[Data]:
        """Give the data of a call; see `DenseFeed.loaded`."""
        gather_targets(self._source, rows, self._block.arrays)
        is_sample = rows >= 0
        X = self._source.X[rows[is_sample]]
        fill_entries(self._block.arrays.X, X, is_sample.sum(axis=1))
        yield self.empty()

    def empty(self) -> Data:
        """Return the data of a call that runs no batch."""
        return Data(self._block.tensors(), self._validation, self._spread)

    def end_thread(self) -> None:
        """Do nothing: the samples of a call are gathered before the call."""


def make_feed(arena: Arena, spec: ProgramSpec, samples: Samples) -> DenseFeed | SparseFeed:
    """Return the feed for the samples of a fit, dense or sparse."""
    kind = SparseFeed if samples.is_sparse else DenseFeed
    return kind(arena, spec, samples)


def arrange_rows(
    orders: list[np.ndarray], first: int, last: int, size: int, capacity: int
) -> np.ndarray:
    """Return the rows of each batch, of shape (n_batches, capacity), padded with -1."""
    rows = np.stack([order[first * size : last * size] for order in orders])
    n_full, n_left = divmod(rows.shape[1], size)
    if size == capacity and not n_left:
        return rows.reshape(-1, capacity)
    batches = np.full((len(orders), n_full + (n_left > 0), capacity), -1, rows.dtype)
    full = rows[:, : n_full * size]
    batches[:, :n_full, :size] = full.reshape(len(orders), n_full, size)
    batches[:, n_full:, :n_left] = rows[:, np.newaxis, n_full * size :]
    return batches.reshape(-1, capacity)


def _by_rows(X: np.ndarray) -> np.ndarray:
    """Return an array whose rows are contiguous. An array on disk is returned as it is."""
    return X if X.flags.c_contiguous or is_on_disk(X) else np.ascontiguousarray(X)


def is_on_disk(X: np.ndarray) -> bool:
    """Tell whether an array is a view of a memory-mapped file."""
    base: Any = X
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return True
        base = base.base
    return False
