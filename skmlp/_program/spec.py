"""What a program is made for, what it is given and what it returns."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from skmlp._model.network import Architecture
from skmlp._program import penalty
from skmlp._program.layout import Layout
from skmlp._program.solvers import SOLVERS
from skmlp._program.stopping import Rule, Standing

Tensor = Any

_NARROW = 32
"""A side of so many units at most is the first of a weight matrix."""

_THIN = 3
"""With so many outputs at most, the product for the gradient gains by pieces at any size."""

_MANY_TERMS = 50_000
"""A product with fewer is not worth the time that pieces take to compile."""


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
    block_batches : int
        Capacity of a block: the most batches that a call can have, in the order in which they are
        taken. It does not depend on how many there are in all.
    epochs : int
        The most epochs that one call can run.
    cuts_products : bool
        Whether narrow matrix products are cut into pieces, see `products`.
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
    block_batches: int
    epochs: int
    cuts_products: bool = False
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

    def is_transposed(self, layer: int) -> bool:
        """Tell whether the weights of a layer are transposed in the program.

        Eigen's products are up to 10 times faster if the last side of the weights is long, and
        faster if it is a multiple of what Eigen computes at a time. The first layer of sparse
        features needs a row for each of them.
        """
        fan_in, fan_out = self.architecture.coef_shapes[layer]
        if fan_in <= _NARROW or (self.is_sparse and layer == 0):
            return False
        return fan_out <= _NARROW or _waste(fan_in) <= _waste(fan_out)

    def transpose(self, arrays: list[Any], transpose: Callable[[Any], Any]) -> list[Any]:
        """Transpose those of the weights and then biases that are transposed in the program.

        From those of scikit-learn to those of the program, or back, by NumPy's or TensorFlow's.
        """
        n_layers = len(self.architecture.coef_shapes)
        return [
            transpose(array) if i < n_layers and self.is_transposed(i) else array
            for i, array in enumerate(arrays)
        ]

    def cuts_sums(self, layer: int) -> bool:
        """Tell whether the product that makes the sums of a layer is cut into pieces.

        Not where it is small, as pieces take up to a tenth of a second to compile.
        """
        fan_in, fan_out = self.architecture.coef_shapes[layer]
        n_terms = self.batch_rows * fan_in * fan_out
        return self.cuts_products and fan_in <= _NARROW and n_terms >= _MANY_TERMS

    def cuts_gradient(self, layer: int) -> bool:
        """Tell whether the product that makes the gradient of the weights of a layer is cut."""
        is_thin = self.architecture.coef_shapes[layer][1] <= _THIN
        return self.cuts_sums(layer) or (self.cuts_products and is_thin)

    @property
    def coef_shapes(self) -> list[tuple[int, int]]:
        """Shapes of the weights in the program."""
        shapes = self.architecture.coef_shapes
        return [s[::-1] if self.is_transposed(layer) else s for layer, s in enumerate(shapes)]

    @cached_property
    def layout(self) -> Layout:
        """How weights and biases are joined."""
        return Layout(tuple(self.coef_shapes), tuple(self.architecture.intercept_shapes))

    @property
    def validation_batches(self) -> int:
        """Batches that there is room for in the validation set."""
        return self.validation_rows // max(1, self.validation_batch_rows)

    @property
    def target_dtype(self) -> np.dtype:
        """Type of the targets: uint8 for classes."""
        return np.dtype(np.uint8 if self.architecture.is_classification else self.dtype)


def _waste(n_units: int) -> float:
    """Return how much longer a side is in units of what a matrix product computes at a time."""
    return -(-n_units // 16) * 16 / n_units


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
    """Samples batch after batch; a batch with fewer samples is followed by rows of no meaning."""

    X: Tensor  # (n_batches, batch_rows, n_features); or Entries
    targets: Tensor  # (n_batches, batch_rows, n_outputs), uint8 for classes
    sample_weight: Tensor  # (n_batches, batch_rows); or (), where no sample has a weight


class Data(NamedTuple):
    """The samples of a call."""

    train: Block
    validation: Block  # the same in all calls
    spread: Tensor  # (n_outputs,), float64: see `losses.score`


class Hyper(NamedTuple):
    """Hyper-parameters."""

    learning_rate: float
    alpha: float
    beta_1: float = 0.0
    beta_2: float = 0.0
    epsilon: float = 0.0
    momentum: float = 0.0
    nesterov: float = 0.0  # 1 or 0
    power_t: float = 0.0
    scales_inversely: float = 0.0  # 1: the learning rate follows power_t


class BatchNumbers(NamedTuple):
    """The numbers of a batch, float64. In a call each is a column, in the program a scalar.

    What is the same for all batches is among them too: what is read from a table is not one more
    operation of the program, nor is it taken out of its loops.
    """

    n_rows: Any  # samples
    weight_sum: Any  # of their weights
    is_active: Any  # 1 if it is above 0
    scale: Any  # n_rows / weight_sum, of its loss in that of the epoch; 0 if it is not active
    next_scale: Any  # that of the next batch of the epoch, 0 after the last
    rate: Any  # Adam's learning rate, corrected
    alpha: Any
    beta_1: Any
    beta_2: Any
    epsilon: Any
    momentum: Any
    nesterov: Any
    infinity: Any  # which the compiler does not know


class EpochNumbers(NamedTuple):
    """The numbers of an epoch; see `BatchNumbers`."""

    n_samples: Any
    active_rows: Any  # samples of batches that are active
    begins: Any  # 1: its first batch is in this call; what was added up before is of another
    first_scale: Any  # the `scale` of its first batch; 0 in a later part of the epoch
    is_complete: Any  # 1: its last batch is in this call
    judges: Any  # 1: the program applies the stopping rule, 0: the host does
    scores_loss: Any  # 1: the validation score is minus the validation loss
    alpha: Any
    learning_rate: Any
    power_t: Any
    scales_inversely: Any
    tol: Any
    n_iter_no_change: Any
    watches_score: Any
    rate_divisor: Any

    def rule(self) -> Rule:
        """Return the stopping rule."""
        return Rule(*self[-4:])


class Control(NamedTuple):
    """What a call is told, beside its samples."""

    batches: Tensor  # (block_batches, len(BatchNumbers._fields))
    epochs: Tensor  # (epochs, len(EpochNumbers._fields))
    n_epochs: Tensor  # int32 scalar
    n_batches: Tensor  # int32 scalar: of each epoch, in this call
    n_validation: Tensor  # int32 scalar: samples of the validation set


class Scalars(NamedTuple):
    """The scalars of a state, float64: one vector, which an epoch makes in one operation."""

    samples_seen: Any  # of all epochs of all fits
    best_loss: Any
    best_score: Any
    no_improvement_count: Any
    learning_rate: Any
    stopped: Any

    def standing(self) -> Standing:
        """Return the part that is where the stopping rule stands."""
        return Standing(*self[1:])

    def with_standing(self, standing: Standing) -> "Scalars":
        """Return them with another standing."""
        return Scalars(self.samples_seen, *standing)


class State(NamedTuple):
    """What changes from epoch to epoch and from call to call; arrays are joined as by `Layout`."""

    params: list[Tensor]
    slots: list[list[Tensor]]  # what the solver keeps for each of them
    penalty_sums: list[Tensor]  # squares of the weights times batch rows, see `penalty`
    losses: Tensor  # (batch_rows,), float64: losses times batch rows, of this epoch
    best_params: list[Tensor]  # empty where no validation set is scored
    scalars: Tensor


class Running(NamedTuple):
    """What changes from batch to batch."""

    params: list[Tensor]
    slots: list[list[Tensor]]
    penalty_sums: list[Tensor]
    losses: Tensor


CURVES = ("loss", "validation_loss", "validation_score", "learning_rate")
"""Values of the epochs that a call completed, the columns of a float64 array."""


class Batch(NamedTuple):
    """The samples of one update; those past its end have weight 0."""

    X: Tensor  # dense; or SparseRows
    targets: Tensor
    sample_weight: Tensor


class Sums(NamedTuple):
    """Loss and gradient of the batches so far, without penalty, for L-BFGS."""

    losses: Tensor  # (batch_rows,), float64
    gradient: Tensor  # (n_parameters,): of all weights and then all biases, each raveled


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


def call_signature(tf: Any, spec: ProgramSpec) -> tuple[Data, Control]:
    """Return the shapes and types of the data and of what controls a call."""
    count = tf.TensorSpec((), tf.int32)
    batches = tf.TensorSpec((spec.block_batches, len(BatchNumbers._fields)), tf.float64)
    epochs = tf.TensorSpec((spec.epochs, len(EpochNumbers._fields)), tf.float64)
    return _data_signature(tf, spec), Control(batches, epochs, count, count, count)


def state_signature(tf: Any, spec: ProgramSpec) -> State:
    """Return the shapes and types of the state of training by epochs."""
    dtype = tf.as_dtype(spec.dtype)
    params = [tf.TensorSpec(shape, dtype) for shape in spec.layout.shapes]
    return State(
        params,
        [params] * SOLVERS[spec.solver].n_slots,
        [tf.TensorSpec(shape, dtype) for shape in penalty.shapes(spec.layout)],
        tf.TensorSpec((spec.batch_rows,), tf.float64),
        params if spec.validation_rows else [],
        tf.TensorSpec((len(Scalars._fields),), tf.float64),
    )


def sums_signature(tf: Any, spec: ProgramSpec) -> tuple[Any, Sums]:
    """Return the shapes and types of the vector of parameters and of the sums, for L-BFGS."""
    vector = tf.TensorSpec((spec.architecture.n_parameters,), tf.as_dtype(spec.dtype))
    return vector, Sums(tf.TensorSpec((spec.batch_rows,), tf.float64), vector)
