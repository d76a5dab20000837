"""What a program is made for, what it is given and what it returns."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from skmlp._graph import penalty
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
    is_weighted : bool
        Whether samples have weights; if not, none are read, and no batch can be without weight.
    batch_rows : int
        Rows of a batch; a batch with fewer samples is padded with samples of no weight.
    block_rows : int
        Capacity of a block: the most training samples that a call can have, in the order in which
        they are taken. It does not depend on how many there are in all.
    epochs : int
        The most epochs that one call can run.
    validation_batch_rows : int
        Rows of a batch of the validation set; 0 where the program scores none.
    validation_rows : int
        Capacity for the validation set, a multiple of `validation_batch_rows`.
    batch_entries : int
        Capacity for the stored entries of a batch of a sparse X; 0 where X is dense.
    block_entries : int
        The same for a block.
    validation_batch_entries, validation_entries : int
        The same for the validation set.
    """

    architecture: Architecture
    dtype: str
    solver: str
    is_weighted: bool
    batch_rows: int
    block_rows: int
    epochs: int
    validation_batch_rows: int = 0
    validation_rows: int = 0
    batch_entries: int = 0
    block_entries: int = 0
    validation_batch_entries: int = 0
    validation_entries: int = 0

    @property
    def is_sparse(self) -> bool:
        """Whether X is given by its stored entries."""
        return self.block_entries > 0

    @property
    def rows_read(self) -> int:
        """Rows of a block in memory: its last batch is read to the end, whatever its length."""
        return self.block_rows + self.batch_rows

    def is_transposed(self, layer: int) -> bool:
        """Tell whether the weights of a layer are transposed in the program.

        Products with the long side of a weight matrix last are up to 10 times faster. The first
        layer of sparse features needs a row for each of them.
        """
        fan_in, fan_out = self.architecture.coef_shapes[layer]
        return fan_in > fan_out and not (self.is_sparse and layer == 0)

    @property
    def coef_shapes(self) -> list[tuple[int, int]]:
        """Shapes of the weights in the program."""
        shapes = self.architecture.coef_shapes
        return [s[::-1] if self.is_transposed(layer) else s for layer, s in enumerate(shapes)]

    @property
    def target_dtype(self) -> np.dtype:
        """Type of the targets: uint8 for classes."""
        return np.dtype(np.uint8 if self.architecture.is_classification else self.dtype)


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


class Block(NamedTuple):
    """Samples one after the other, as batches take them."""

    X: Tensor  # (n_rows, n_features); or Entries
    targets: Tensor  # (n_rows, n_outputs), uint8 for classes
    sample_weight: Tensor  # (n_rows,); or (), where no sample has a weight


class Data(NamedTuple):
    """The samples of a call."""

    train: Block
    validation: Block  # the same in all calls
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

    n_samples: Tensor  # of an epoch
    batch_size: Tensor
    n_validation: Tensor
    n_epochs: Tensor
    first_batch: Tensor  # of the first epoch of the call
    last_batch: Tensor  # of every epoch of the call, excluded
    judges: Tensor  # 1: the program applies the stopping rule after an epoch, 0: the host does
    scores_loss: Tensor  # 1: the validation score is minus the validation loss


class Scalars(NamedTuple):
    """The scalars of a state, float64: one vector, which an epoch makes in one operation."""

    loss_sum: Any  # batch losses times batch rows, this epoch
    row_sum: Any  # rows of the batches that counted, this epoch
    step: Any  # updates so far
    samples_seen: Any  # of all epochs of all fits
    best_loss: Any
    best_score: Any
    no_improvement_count: Any
    learning_rate: Any
    stopped: Any

    def standing(self) -> Standing:
        """Return the part that is where the stopping rule stands."""
        return Standing(*self[4:])

    def with_standing(self, standing: Standing) -> "Scalars":
        """Return them with another standing."""
        return Scalars(*self[:4], *standing)


class State(NamedTuple):
    """What changes from epoch to epoch and from call to call."""

    params: list[Tensor]  # weights, some transposed, then biases
    slots: list[list[Tensor]]  # what the solver keeps for each of them
    penalty_sums: list[Tensor]  # squares of the weights times batch rows, see `penalty`
    best_params: list[Tensor]  # empty where no validation set is scored
    scalars: Tensor


class Running(NamedTuple):
    """What changes from batch to batch."""

    params: list[Tensor]
    slots: list[list[Tensor]]
    penalty_sums: list[Tensor]
    squares: list[Tensor]  # of the weights, folded as in `penalty_sums`
    loss_sum: Tensor
    row_sum: Tensor
    step: Tensor


CURVES = ("loss", "validation_loss", "validation_score", "learning_rate")
"""Values of the epochs that a call completed, the columns of a float64 array."""


class Batch(NamedTuple):
    """The samples of one update; those past its end have weight 0."""

    X: Tensor  # dense; or SparseRows
    targets: Tensor
    sample_weight: Tensor
    weight_sum: Tensor
    n_rows: Tensor
    is_active: Tensor  # whether a sample has weight; None if one always has


class Sums(NamedTuple):
    """Loss and gradient of the batches so far, without penalty, for L-BFGS."""

    loss: Tensor  # float64
    weight: Tensor  # float64
    gradients: list[Tensor]  # of weights, then of biases


def _data_signature(tf: Any, spec: ProgramSpec) -> Data:
    train = _block_signature(tf, spec, spec.rows_read, spec.block_rows, spec.block_entries)
    rows = spec.validation_rows
    validation = _block_signature(tf, spec, rows, rows, spec.validation_entries)
    n_outputs = spec.architecture.layer_units[-1]
    return Data(train, validation, tf.TensorSpec((n_outputs,), tf.float64))


def _block_signature(
    tf: Any, spec: ProgramSpec, n_rows: int, n_batches: int, n_entries: int
) -> Block:
    dtype = tf.as_dtype(spec.dtype)
    units = spec.architecture.layer_units
    X = tf.TensorSpec((n_rows, units[0]), dtype)
    if spec.is_sparse:
        X = Entries(
            tf.TensorSpec((n_entries,), dtype),
            tf.TensorSpec((n_entries,), tf.int32),
            tf.TensorSpec((n_entries,), tf.int32),
            tf.TensorSpec((n_batches + 1,), tf.int64),
        )
    return Block(
        X,
        tf.TensorSpec((n_rows, units[-1]), tf.as_dtype(spec.target_dtype)),
        tf.TensorSpec((n_rows,) if spec.is_weighted else (), dtype),
    )


def call_signature(tf: Any, spec: ProgramSpec) -> tuple[Any, ...]:
    """Return the shapes and types of the data and of what controls a call."""
    n_numbers = len(Hyper._fields) + len(Counts._fields) + len(Rule._fields)
    return _data_signature(tf, spec), tf.TensorSpec((n_numbers,), tf.float64)


def pack_control(hyper: Hyper, counts: Counts, rule: Rule) -> np.ndarray:
    """Return what controls a call, in one vector."""
    return np.array([*hyper, *counts, *rule], np.float64)


def unpack_control(tf: Any, control: Tensor) -> tuple[Hyper, Counts, Rule]:
    """Return hyper-parameters, counts and stopping rule; see `pack_control`."""
    numbers = tf.unstack(control)
    first, last = len(Hyper._fields), len(Hyper._fields) + len(Counts._fields)
    counts = tf.unstack(tf.cast(control[first:last], tf.int32))
    return Hyper(*numbers[:first]), Counts(*counts), Rule(*numbers[last:])


def state_signature(tf: Any, spec: ProgramSpec) -> State:
    """Return the shapes and types of the state of training by epochs."""
    params = _params(tf, spec)
    dtype = tf.as_dtype(spec.dtype)
    return State(
        params,
        [params] * SOLVERS[spec.solver].n_slots,
        [tf.TensorSpec(shape, dtype) for shape in penalty.shapes(spec.coef_shapes)],
        params if spec.validation_rows else [],
        tf.TensorSpec((len(Scalars._fields),), tf.float64),
    )


def sums_signature(tf: Any, spec: ProgramSpec) -> tuple[Any, Sums]:
    """Return the shapes and types of the parameters and the sums for L-BFGS."""
    real, params = tf.TensorSpec((), tf.float64), _params(tf, spec)
    return params, Sums(real, real, params)


def _params(tf: Any, spec: ProgramSpec) -> list[Any]:
    shapes = [*spec.coef_shapes, *spec.architecture.intercept_shapes]
    return [tf.TensorSpec(shape, tf.as_dtype(spec.dtype)) for shape in shapes]
