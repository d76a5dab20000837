"""The values that go into a program and come out of it, and their types."""

from typing import Any, NamedTuple

from skmlp._model.records import StoppingState
from skmlp._program import penalty
from skmlp._program.layout import layout_of
from skmlp._program.solvers import SOLVERS
from skmlp._program.spec import ProgramSpec
from skmlp._program.stopping import StoppingRule

Tensor = Any


class Entries(NamedTuple):
    """The stored entries of a sparse matrix, batch after batch.

    The entries of batch ``i`` are from ``starts[i]`` to ``starts[i + 1]``.
    """

    values: Tensor  # (entries,)
    columns: Tensor  # (entries,), int32
    rows: Tensor  # (entries,), int32: the row in the batch
    starts: Tensor  # (n_batches + 1,), int64


class SparseRows(NamedTuple):
    """The stored entries of a batch. Entries beyond its end have row -1 and column -1."""

    values: Tensor
    columns: Tensor
    rows: Tensor
    n_rows: int


class Block(NamedTuple):
    """Samples, batch after batch. Rows beyond the samples of a batch may have any values."""

    X: Tensor  # (n_batches, batch_rows, n_features); or Entries
    targets: Tensor  # (n_batches, batch_rows, n_outputs), uint8 for classes
    sample_weight: Tensor  # (n_batches, batch_rows); or () if samples have no weights


class Data(NamedTuple):
    """The samples of a call."""

    train: Block
    validation: Block  # the same in all calls
    spread: Tensor  # (n_outputs,), float64: see `scores.score`


class Batch(NamedTuple):
    """The samples of one update. Rows beyond these samples have weight 0."""

    X: Tensor  # dense; or SparseRows
    targets: Tensor
    sample_weight: Tensor


class BatchNumbers(NamedTuple):
    """The numbers of a batch, float64: columns in the table of a call, scalars in the program.

    The table also has numbers that are the same for all batches. Reading them from the table takes
    no additional operation, and XLA does not move the reading out of the loops.
    """

    n_rows: Any  # samples of the batch
    weight_sum: Any  # the sum of the sample weights
    is_active: Any  # 1 if weight_sum is above 0
    scale: Any  # factor of its losses in the epoch: n_rows / weight_sum, or 0 if it is not active
    next_scale: Any  # the scale of the next batch of the epoch; 0 after the last batch
    rate: Any  # the learning rate, with the correction of the solver
    alpha: Any
    infinity: Any  # a number that the compiler does not know
    hyper: dict[str, Any]  # numbers of the solver and the regularisers, a column each

    @classmethod
    def unpack(cls, spec: ProgramSpec, numbers: list[Any]) -> "BatchNumbers":
        """Return the numbers in a row of the table."""
        n_own = len(cls._fields) - 1
        hyper = zip(hyper_names(spec), numbers[n_own:], strict=True)
        return cls._make([*numbers[:n_own], dict(hyper)])

    def columns(self) -> list[Any]:
        """Return the columns of the table; see `unpack`."""
        return [*self[:-1], *self.hyper.values()]


class EpochNumbers(NamedTuple):
    """The numbers of an epoch; see `BatchNumbers`."""

    active_rows: Any  # samples of the batches that are active
    begins: Any  # 1: the first batch is in this call; sums of earlier calls are of another epoch
    first_scale: Any  # the `scale` of the first batch; 0 in a later part of the epoch
    is_complete: Any  # 1: the last batch is in this call
    judges: Any  # 1: the program applies the stopping rule, 0: the host does
    scores_loss: Any  # 1: the validation score is minus the validation loss
    alpha: Any
    tol: Any
    n_iter_no_change: Any
    watches_score: Any

    def rule(self) -> StoppingRule:
        """Return the stopping rule."""
        return StoppingRule(*self[-3:])


class CallTables(NamedTuple):
    """The numbers that control a call."""

    batches: Tensor  # (block_batches, columns of BatchNumbers)
    epochs: Tensor  # (epochs, len(EpochNumbers._fields))
    n_epochs: Tensor  # int32 scalar
    n_batches: Tensor  # int32 scalar: batches of each epoch in this call
    n_validation: Tensor  # int32 scalar: samples of the validation set


class BatchState(NamedTuple):
    """The state that every batch changes. Arrays are joined by `Layout`."""

    params: list[Tensor]
    slots: list[list[Tensor]]  # the state of the solver, for each of the params
    penalty_sums: list[Tensor]  # squares of the weights times samples of a batch, see `penalty`
    losses: Tensor  # (batch_rows,), float64: losses of this epoch, see `epochs.sum_gradients`


class EpochState(NamedTuple):
    """The state that goes from epoch to epoch, and from call to call."""

    running: BatchState
    best_params: list[Tensor]  # empty if no validation set is scored
    stopping: Tensor  # a `StoppingState` in one vector of float64, made by one operation


CURVES = ("loss", "validation_loss", "validation_score")
"""Names of the values of an epoch, which are the columns of a float64 array."""


class Sums(NamedTuple):
    """Loss and gradient of the batches so far, without penalty, for L-BFGS."""

    losses: Tensor  # (batch_rows,), float64
    gradient: Tensor  # (n_parameters,): of all weights and then all biases, each raveled


def hyper_names(spec: ProgramSpec) -> list[str]:
    """Return the names of the numbers of the solver and the regularisers, in column order."""
    return [*SOLVERS[spec.solver].parameters, *spec.regularisers]


def n_batch_columns(spec: ProgramSpec) -> int:
    """Return the number of columns of the table of batches."""
    return len(BatchNumbers._fields) - 1 + len(hyper_names(spec))


def call_signature(tf: Any, spec: ProgramSpec) -> tuple[Data, CallTables]:
    """Return the shapes and types of the data and of the tables of a call."""
    count = tf.TensorSpec((), tf.int32)
    batches = tf.TensorSpec((spec.block_batches, n_batch_columns(spec)), tf.float64)
    epochs = tf.TensorSpec((spec.epochs, len(EpochNumbers._fields)), tf.float64)
    return _data_signature(tf, spec), CallTables(batches, epochs, count, count, count)


def state_signature(tf: Any, spec: ProgramSpec) -> EpochState:
    """Return the shapes and types of the state of training by epochs."""
    dtype, layout = tf.as_dtype(spec.dtype), layout_of(spec)
    params = [tf.TensorSpec(shape, dtype) for shape in layout.shapes]
    running = BatchState(
        params,
        [params] * SOLVERS[spec.solver].n_slots,
        [tf.TensorSpec(shape, dtype) for shape in penalty.shapes(layout)],
        tf.TensorSpec((spec.batch_rows,), tf.float64),
    )
    stopping = tf.TensorSpec((len(StoppingState._fields),), tf.float64)
    return EpochState(running, params if spec.validation_rows else [], stopping)


def sums_signature(tf: Any, spec: ProgramSpec) -> tuple[Any, Sums]:
    """Return the shapes and types of the vector of parameters and of the sums, for L-BFGS."""
    vector = tf.TensorSpec((spec.architecture.n_parameters,), tf.as_dtype(spec.dtype))
    return vector, Sums(tf.TensorSpec((spec.batch_rows,), tf.float64), vector)


def _data_signature(tf: Any, spec: ProgramSpec) -> Data:
    train = _block_signature(tf, spec, spec.block_batches, spec.batch_rows, spec.block_entries)
    n_batches = spec.validation_batches
    validation = _block_signature(
        tf, spec, n_batches, spec.validation_batch_rows, spec.validation_entries
    )
    n_outputs = spec.architecture.layer_units[-1]
    return Data(train, validation, tf.TensorSpec((n_outputs,), tf.float64))


def _block_signature(
    tf: Any, spec: ProgramSpec, n_batches: int, n_rows: int, n_entries: int
) -> Block:
    dtype = tf.as_dtype(spec.dtype)
    units = spec.architecture.layer_units
    X = tf.TensorSpec((n_batches, n_rows, units[0]), dtype)
    if spec.is_sparse:
        X = Entries(
            tf.TensorSpec((n_entries,), dtype),
            tf.TensorSpec((n_entries,), tf.int32),
            tf.TensorSpec((n_entries,), tf.int32),
            tf.TensorSpec((n_batches + 1,), tf.int64),
        )
    return Block(
        X,
        tf.TensorSpec((n_batches, n_rows, units[-1]), tf.as_dtype(spec.target_dtype)),
        tf.TensorSpec((n_batches, n_rows) if spec.is_weighted else (), dtype),
    )
