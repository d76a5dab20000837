"""What a program is made for, what it is given and what it returns."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from skmlp._network import Architecture
from skmlp._solvers import SOLVERS
from skmlp._stopping import Rule, Standing

Tensor = Any


@dataclass(frozen=True)
class ProgramSpec:
    """The static part of a program.

    Parameters
    ----------
    architecture : Architecture
        Sizes and activations of the network.
    dtype : {"float32", "float64"}
        Type of the data and of the parameters. Losses and scores are summed in float64.
    solver : {"adam", "sgd", "lbfgs"}
        What the program does with a batch: update the parameters by it, or, for L-BFGS, add up
        its loss and gradient.
    batch_rows : int
        Rows of a batch; a batch with fewer samples is padded with samples of no weight.
    validation_batch_rows : int
        The same for the validation set; 0 where none is scored.
    data_rows : int
        Capacity of the data: the samples of the training and the validation set, padded.
    validation_rows : int
        Capacity of the list of validation samples.
    epochs : int
        The most epochs that one call can run.
    entries, batch_entries : int
        Capacity for the stored entries of a sparse X, of all and of one batch; 0 where X is dense.
    validation_entries, validation_batch_entries : int
        The same for the validation set.
    """

    architecture: Architecture
    dtype: str
    solver: str
    batch_rows: int
    validation_batch_rows: int
    data_rows: int
    validation_rows: int
    epochs: int
    entries: int = 0
    batch_entries: int = 0
    validation_entries: int = 0
    validation_batch_entries: int = 0

    @property
    def is_sparse(self) -> bool:
        """Whether X is given by its stored entries."""
        return self.entries > 0

    @property
    def order_stride(self) -> int:
        """Length of the order of one epoch: the last batch is read past the last sample."""
        return self.data_rows + self.batch_rows


class Entries(NamedTuple):
    """The stored entries of a sparse matrix, batch after batch.

    Those of batch ``i`` are from ``starts[i]`` to ``starts[i + 1]``.
    """

    values: Tensor  # (entries,)
    columns: Tensor  # (entries,), int32
    rows: Tensor  # (entries,), int32: the row in the batch
    starts: Tensor  # (n_batches + 1,), int64


class SparseRows(NamedTuple):
    """The rows of a batch by their stored entries; those past its end have no row and no column."""

    values: Tensor
    columns: Tensor
    rows: Tensor
    n_rows: int


class Data(NamedTuple):
    """What stays on the device during a fit."""

    X: Tensor  # (data_rows, n_features); or the Entries of the epoch
    X_val: Tensor  # (), for its rows are in X; or the Entries of the validation set
    targets: Tensor  # (data_rows, n_outputs), uint8 for classes
    sample_weight: Tensor  # (data_rows,)
    validation_order: Tensor  # (validation_rows,), int32
    spread: Tensor  # (n_outputs,), float64: see `losses.score`


class Hyper(NamedTuple):
    """Hyper-parameters, each a float64 scalar."""

    learning_rate: float
    alpha: float
    beta_1: float = 0.0
    beta_2: float = 0.0
    epsilon: float = 0.0
    momentum: float = 0.0
    nesterov: float = 0.0  # 1 or 0
    power_t: float = 0.0
    scales_inversely: float = 0.0  # 1: the learning rate follows power_t
    infinity: float = np.inf  # as an argument, so that the compiler does not know it


class Counts(NamedTuple):
    """Sizes and bounds of one call, each an int32 scalar."""

    n_samples: Tensor
    batch_size: Tensor
    n_validation: Tensor
    n_epochs: Tensor
    first_batch: Tensor  # of the first epoch of the call
    last_batch: Tensor  # of every epoch of the call, excluded
    judges: Tensor  # 1: the program applies the stopping rule after an epoch, 0: the host does
    scores_loss: Tensor  # 1: the validation score is minus the validation loss


class State(NamedTuple):
    """What changes from batch to batch and from call to call."""

    params: list[Tensor]  # weights, then biases
    slots: list[list[Tensor]]  # what the solver keeps for each of them
    step: Tensor  # int64: updates so far
    samples_seen: Tensor  # float64: of all epochs of all fits
    loss_sum: Tensor  # float64: batch losses times batch rows, this epoch
    penalty_sums: list[Tensor]  # the same for the square of each weight
    row_sum: Tensor  # float64: rows of the batches that counted, this epoch
    best_params: list[Tensor]  # empty where no validation set is scored
    standing: Standing  # float64 scalars


class Curves(NamedTuple):
    """Values of the epochs that a call completed, each float64 of shape (epochs,)."""

    loss: Tensor
    validation_loss: Tensor
    validation_score: Tensor
    learning_rate: Tensor  # after the epoch


class Batch(NamedTuple):
    """The samples of one update; those past its end have weight 0."""

    X: Tensor  # dense; or SparseRows
    targets: Tensor
    sample_weight: Tensor
    weight_sum: Tensor
    n_rows: Tensor


class Sums(NamedTuple):
    """Loss and gradient of the batches so far, without penalty, for L-BFGS."""

    loss: Tensor  # float64
    weight: Tensor  # float64
    gradients: list[Tensor]  # of weights, then of biases


def _data_signature(tf: Any, spec: ProgramSpec) -> Data:
    dtype = tf.as_dtype(spec.dtype)
    units = spec.architecture.layer_units
    is_classification = spec.architecture.is_classification

    def entries(capacity: int, n_batches: int) -> Entries:
        return Entries(
            tf.TensorSpec((capacity,), dtype),
            tf.TensorSpec((capacity,), tf.int32),
            tf.TensorSpec((capacity,), tf.int32),
            tf.TensorSpec((n_batches + 1,), tf.int64),
        )

    nothing = tf.TensorSpec((), tf.float32)
    dense = tf.TensorSpec((spec.data_rows, units[0]), dtype)
    return Data(
        entries(spec.entries, spec.data_rows) if spec.is_sparse else dense,
        entries(spec.validation_entries, spec.validation_rows) if spec.is_sparse else nothing,
        tf.TensorSpec((spec.data_rows, units[-1]), tf.uint8 if is_classification else dtype),
        tf.TensorSpec((spec.data_rows,), dtype),
        tf.TensorSpec((spec.validation_rows,), tf.int32),
        tf.TensorSpec((units[-1],), tf.float64),
    )


def call_signature(tf: Any, spec: ProgramSpec) -> tuple[Any, ...]:
    """Return the shapes and types of data, orders, hyper-parameters and counts."""
    orders = tf.TensorSpec((spec.epochs * spec.order_stride,), tf.int32)
    hyper = tf.TensorSpec((len(Hyper._fields),), tf.float64)
    counts = tf.TensorSpec((len(Counts._fields),), tf.int32)
    return _data_signature(tf, spec), orders, hyper, counts


def state_signature(tf: Any, spec: ProgramSpec) -> State:
    """Return the shapes and types of the state of training by epochs."""
    params = _params(tf, spec)
    real = tf.TensorSpec((), tf.float64)
    return State(
        params=params,
        slots=[params] * SOLVERS[spec.solver].n_slots,
        step=tf.TensorSpec((), tf.int64),
        samples_seen=real,
        loss_sum=real,
        penalty_sums=params[: len(spec.architecture.coef_shapes)],
        row_sum=real,
        best_params=params if spec.validation_rows else [],
        standing=Standing(*[real] * len(Standing._fields)),
    )


def rule_signature(tf: Any) -> Any:
    """Return the shape and type of the stopping rule."""
    return tf.TensorSpec((len(Rule._fields),), tf.float64)


def sums_signature(tf: Any, spec: ProgramSpec) -> tuple[Any, Sums]:
    """Return the shapes and types of the parameters and the sums for L-BFGS."""
    real, params = tf.TensorSpec((), tf.float64), _params(tf, spec)
    return params, Sums(real, real, params)


def _params(tf: Any, spec: ProgramSpec) -> list[Any]:
    architecture = spec.architecture
    shapes = [*architecture.coef_shapes, *architecture.intercept_shapes]
    return [tf.TensorSpec(shape, tf.as_dtype(spec.dtype)) for shape in shapes]
