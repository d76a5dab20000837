"""The sizes of blocks and batches that a fit needs in its program."""

from dataclasses import replace

import numpy as np

from skmlp._data.samples import Samples
from skmlp._engine.program_cache import round_up_batch
from skmlp._model.network import Architecture
from skmlp._program.regularisers import NO_REGULARISATION, Regularisation
from skmlp._program.spec import ProgramSpec
from skmlp._tensorflow import flags

_MAX_EPOCHS_A_CALL = 256
"""Maximum number of epochs of a call.

On Zen 5, 1,000 epochs of samples in iris's shape took 178, 43, 33 and 34 ms with at most 1, 16, 256
and 1024 epochs a call. ``python -m benchmarks.sweeps`` measured this, and the figures of the other
sizes below but for `_BLOCK_BYTES`.
"""

_MAX_VALIDATION_BATCH = 1024
"""Maximum number of validation samples that are scored at a time.

It bounds the memory for hidden layers: 0.8 MB for 200 units in float32. Five epochs of 15,000
samples of 784 features, and 15,000 to validate, took 228, 239, 257 and 309 ms with 256, 1024, 4096
and 16,384.
"""

_BLOCK_BYTES = 3 * 2**23
"""Bytes of the dense features of a block. A call takes up to a millisecond beside its batches.

On Zen 5, with blocks of a half and of a third of the size, MNIST took 2 and 5 per cent more time in
float32, 5 and 8 in float64, and 4 to 9 and 8 to 10 with 40 units. Blocks of twice the size saved 3
per cent with 40 units, for 50 MB more; with four times the size such fits took longer again.
"""

_MAX_BLOCK_ROWS = 2**16
"""Maximum number of rows of a block. Rows of few features take few bytes.

Two epochs of 500,000 samples of 4 features took 216, 142, 132 and 132 ms with 2**12, 2**14, 2**16
and 2**18, and 15, 16, 20 and 30 MB.
"""

_MAX_VALIDATION_BYTES = 2**26
"""Bytes of dense validation features that the program may hold. The host scores a larger set.

It bounds the memory of this copy. The five epochs of `_MAX_VALIDATION_BATCH` took 346 ms in a later
run, and 459 ms if the host scored their validation set, which has 47 MB.
"""

_SPARSE_BLOCK_ROWS = 2**12
"""Number of rows of a block of sparse features.

Two epochs of 20,000 samples with 100 stored entries took 296, 228 and 233 ms with 2**10, 2**12 and
2**14, and 26, 26 and 67 MB.
"""


def can_hold_validation(architecture: Architecture, samples: Samples) -> bool:
    """Tell whether a program has room for the validation set. The host scores a larger set."""
    row_bytes = architecture.layer_units[0] * samples.dtype.itemsize
    return samples.is_sparse or len(samples.validation_rows) * row_bytes <= _MAX_VALIDATION_BYTES


def required_program(
    architecture: Architecture,
    solver: str,
    batch_size: int,
    samples: Samples,
    n_validation: int,
    n_epochs: int = 1,
    regularisation: Regularisation = NO_REGULARISATION,
) -> ProgramSpec:
    """Return the specification of the program that a fit needs, with the smallest capacities.

    Parameters
    ----------
    architecture : Architecture
        The network.
    solver : str
        Name of the solver.
    batch_size : int
        Samples of a batch.
    samples : Samples
        The samples to train and to score on.
    n_validation : int
        Number of validation samples that the program scores; 0 if it scores none.
    n_epochs : int, default=1
        Number of epochs to run. The program for a single epoch has no loop over epochs.
    regularisation : Regularisation
        The regularisers that are on.
    """
    n_train = len(samples.train_rows)
    batch_rows = batch_size if batch_size < n_train else round_up_batch(batch_size)
    validation_batch_rows = min(round_up_batch(n_validation), _MAX_VALIDATION_BATCH)
    spec = ProgramSpec(
        architecture=architecture,
        dtype=samples.dtype.name,
        solver=solver,
        is_weighted=any(bool((weight != 1).any()) for weight in samples.sample_weight),
        batch_rows=batch_rows,
        block_batches=block_batches(architecture, samples.dtype, batch_rows),
        epochs=_MAX_EPOCHS_A_CALL if n_epochs > 1 else 1,
        cuts_products=flags.cuts_products(),
        has_wide_vectors=flags.has_wide_vectors(),
        validation_batch_rows=validation_batch_rows,
        validation_rows=max(n_validation, validation_batch_rows),
        regularisers=regularisation.columns,
    )
    return _with_entries(spec, batch_size, samples) if samples.is_sparse else spec


def block_batches(architecture: Architecture, dtype: np.dtype, batch_rows: int) -> int:
    """Return how many batches of ``batch_rows`` rows a block holds."""
    row_bytes = architecture.layer_units[0] * dtype.itemsize
    return max(1, min(_BLOCK_BYTES // row_bytes, _MAX_BLOCK_ROWS) // batch_rows)


def _with_entries(spec: ProgramSpec, batch_size: int, samples: Samples) -> ProgramSpec:
    """Return the program with room for the entries of sparse features."""
    lengths = np.diff(samples.X[0].indptr)[samples.train_rows]
    largest = _likely_largest_batch if spec.solver != "lbfgs" else _largest_batch
    batch_entries = max(1, largest(lengths, batch_size))
    n_batches = max(1, _SPARSE_BLOCK_ROWS // spec.batch_rows)
    validation_entries = validation_batch_entries = 1
    if spec.validation_rows:
        lengths = np.diff(samples.features(samples.validation_rows).indptr)
        validation_entries = max(1, int(lengths.sum()))
        validation_batch_entries = max(1, _largest_batch(lengths, spec.validation_batch_rows))
    return replace(
        spec,
        epochs=1,
        block_batches=n_batches,
        batch_entries=batch_entries,
        block_entries=n_batches * batch_entries,
        validation_batch_entries=validation_batch_entries,
        validation_entries=validation_entries,
    )


def _largest_batch(lengths: np.ndarray, batch_size: int) -> int:
    """Return the largest number of entries of a batch; ``lengths`` counts the entries of rows."""
    return int(np.add.reduceat(lengths, np.arange(0, len(lengths), batch_size)).max())


def _likely_largest_batch(lengths: np.ndarray, batch_size: int) -> int:
    """Return a number of entries that a batch of rows drawn at random is unlikely to exceed."""
    likely = lengths.mean() * batch_size + 5 * lengths.std() * np.sqrt(batch_size)
    return max(1, int(min(likely, np.sort(lengths)[-batch_size:].sum())))
