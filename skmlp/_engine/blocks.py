"""Blocks of samples, batch after batch, in memory that the program reads without a copy."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse

from skmlp._data.samples import Samples
from skmlp._engine.arena import Arena, Make
from skmlp._engine.memory import SharedArray, aligned_zeros
from skmlp._program.spec import ProgramSpec
from skmlp._program.values import Block, Entries


class SharedBlock:
    """Memory for samples. The system provides it at the first write.

    Parameters
    ----------
    arena : Arena
        Allocates the memory.
    spec : ProgramSpec
        The program, which fixes the types.
    n_batches, n_rows, n_entries : int
        Number of batches, of rows of a batch, and of stored entries of the block if X is sparse.
    make : callable
        Returns an aligned array of a shape and a type.
    """

    def __init__(
        self,
        arena: Arena,
        spec: ProgramSpec,
        n_batches: int,
        n_rows: int,
        n_entries: int = 0,
        make: Make = aligned_zeros,
    ):
        units, dtype = spec.architecture.layer_units, np.dtype(spec.dtype)

        shared = partial(arena.take, make)
        X: Any = None
        if spec.is_sparse:
            integers = (np.dtype(np.int32), np.dtype(np.int32), np.dtype(np.int64))
            shapes = ((n_entries,), (n_entries,), (n_entries,), (n_batches + 1,))
            X = Entries(*map(shared, shapes, (dtype, *integers)))
        else:
            X = shared((n_batches, n_rows, units[0]), dtype)
        self._memory = Block(
            X,
            shared((n_batches, n_rows, units[-1]), spec.target_dtype),
            shared((n_batches, n_rows) if spec.is_weighted else (), dtype),
        )
        self.arrays = self._map(lambda each: each.array)
        """The block as arrays, to write to."""

    def tensors(self) -> Block:
        """Return the block as tensors with the present values."""
        return self._map(lambda each: each.tensor())

    def _map(self, get: Callable[[SharedArray], Any]) -> Block:
        X = self._memory.X
        X = Entries(*map(get, X)) if isinstance(X, Entries) else get(X)
        return Block(X, get(self._memory.targets), get(self._memory.sample_weight))


def training_source(spec: ProgramSpec, samples: Samples, X: Any) -> Block:
    """Return the samples that training blocks are gathered from: the first set of samples."""
    return Block(X, samples.targets[0], samples.sample_weight[0] if spec.is_weighted else None)


def validation_source(spec: ProgramSpec, samples: Samples) -> Block:
    """Return the samples of both sets, because validation samples may be in either set."""
    weight = np.concatenate(samples.sample_weight) if spec.is_weighted else None
    return Block(_AllFeatures(samples), np.concatenate(samples.targets), weight)


class _AllFeatures:
    """The features of all sets of samples. The rows of one look-up must be in the same set."""

    def __init__(self, samples: Samples):
        self._samples = samples

    def __getitem__(self, rows: np.ndarray) -> Any:
        return self._samples.features(rows)


def gather(source: Block, rows: np.ndarray, block: Block) -> None:
    """Copy rows of samples to the start of a block."""
    take_rows(source.X, rows, block.X)
    gather_targets(source, rows, block)


def gather_targets(source: Block, rows: np.ndarray, block: Block) -> None:
    """Copy the targets and the weights of rows to the start of a block."""
    targets = source.targets
    take_rows(targets.view(np.uint8) if targets.dtype == bool else targets, rows, block.targets)
    if source.sample_weight is not None:
        take_rows(source.sample_weight, rows, block.sample_weight)


def take_rows(source: Any, rows: np.ndarray, out: np.ndarray) -> None:
    """Copy rows to the start of an array of batches, and convert them if need be.

    Row -1 may get any values.
    """
    rows = rows.ravel()
    out = out.reshape(-1, *out.shape[2:])[: len(rows)]
    if isinstance(source, np.ndarray) and source.flags.c_contiguous and source.dtype == out.dtype:
        np.take(source, rows, axis=0, out=out, mode="clip")  # mode "raise" would copy to a buffer
    else:
        out[...] = source[rows]


def fill_entries(entries: Entries, X: scipy.sparse.csr_array, lengths: np.ndarray) -> None:
    """Write the stored entries of rows, batch after batch; ``lengths`` counts rows of batches."""
    rows = np.arange(X.shape[0]) - np.repeat(lengths.cumsum() - lengths, lengths)
    entries.values[: X.nnz] = X.data
    entries.columns[: X.nnz] = X.indices
    entries.rows[: X.nnz] = np.repeat(rows, np.diff(X.indptr))
    entries.starts[: len(lengths) + 1] = X.indptr[np.append(0, lengths.cumsum())]
