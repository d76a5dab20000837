"""What a program must have for a fit: the sizes of its blocks and batches."""

from dataclasses import replace

import numpy as np

from skmlp._data.samples import Samples
from skmlp._engine.feed import largest_batch, likely_largest_batch
from skmlp._engine.program_cache import round_up_batch
from skmlp._model.network import Architecture
from skmlp._program.spec import ProgramSpec
from skmlp._tensorflow import loading as _tensorflow

_MAX_EPOCHS_A_CALL = 256
_MAX_VALIDATION_BATCH = 1024
_BLOCK_BYTES = 3 * 2**23  # of dense features; a call takes up to a millisecond beside its batches
_MAX_BLOCK_ROWS = 2**16
_MAX_VALIDATION_BYTES = 2**26  # of dense features in the program; more are scored on the host
_SPARSE_BLOCK_ROWS = 2**12


def required_program(
    architecture: Architecture, solver: str, batch_size: int, samples: Samples
) -> ProgramSpec:
    """Return what a program must have for a fit."""
    n_train, n_validation = len(samples.train_rows), len(samples.validation_rows)
    if not samples.is_sparse and n_validation > _row_limit(architecture, samples.dtype):
        n_validation = 0
    batch_rows = batch_size if batch_size < n_train else round_up_batch(batch_size)
    validation_batch_rows = min(round_up_batch(n_validation), _MAX_VALIDATION_BATCH)
    spec = ProgramSpec(
        architecture=architecture,
        dtype=samples.dtype.name,
        solver=solver,
        is_weighted=any(bool((weight != 1).any()) for weight in samples.sample_weight),
        batch_rows=batch_rows,
        block_batches=_block_batches(architecture, samples.dtype, batch_rows),
        epochs=_MAX_EPOCHS_A_CALL,
        cuts_products=_tensorflow.multiplies_small(),
        validation_batch_rows=validation_batch_rows,
        validation_rows=max(n_validation, validation_batch_rows),
    )
    return _with_entries(spec, batch_size, samples) if samples.is_sparse else spec


def _row_limit(architecture: Architecture, dtype: np.dtype) -> int:
    return _MAX_VALIDATION_BYTES // (architecture.layer_units[0] * dtype.itemsize)


def _block_batches(architecture: Architecture, dtype: np.dtype, batch_rows: int) -> int:
    row_bytes = architecture.layer_units[0] * dtype.itemsize
    return max(1, min(_BLOCK_BYTES // row_bytes, _MAX_BLOCK_ROWS) // batch_rows)


def _with_entries(spec: ProgramSpec, batch_size: int, samples: Samples) -> ProgramSpec:
    """Return what a program must have for sparse features: room for their entries."""
    lengths = np.diff(samples.X[0].indptr)[samples.train_rows]
    largest = likely_largest_batch if spec.solver != "lbfgs" else largest_batch
    batch_entries = max(1, largest(lengths, batch_size))
    n_batches = max(1, _SPARSE_BLOCK_ROWS // spec.batch_rows)
    validation = samples.features(samples.validation_rows)
    validation_batch_entries = 1
    if spec.validation_rows:
        lengths = np.diff(validation.indptr)
        validation_batch_entries = max(1, largest_batch(lengths, spec.validation_batch_rows))
    return replace(
        spec,
        epochs=1,
        block_batches=n_batches,
        batch_entries=batch_entries,
        block_entries=n_batches * batch_entries,
        validation_batch_entries=validation_batch_entries,
        validation_entries=max(1, int(validation.nnz)),
    )
