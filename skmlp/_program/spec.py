"""The static part of a program: another one is another compilation."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from skmlp._model.network import Architecture


@dataclass(frozen=True)
class ProgramSpec:
    """The static part of a program.

    Parameters
    ----------
    architecture : Architecture
        Sizes, activation and loss of the network.
    dtype : {"float32", "float64"}
        Type of the data and of the parameters. Losses and scores are summed in float64.
    solver : str
        Name of the solver. With "lbfgs" the program adds up the loss and gradient of the batches;
        with any other it updates the parameters after each batch.
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
    has_wide_vectors : bool
        Whether the code that multiplies pieces computes with vectors of 512 bits, so that the
        products of wider matrices are cut.
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
    regularisers : tuple of str
        Names of the numbers of a batch that regularisers need; see `Regularisation`.
    """

    architecture: Architecture
    dtype: str
    solver: str
    is_weighted: bool
    batch_rows: int
    block_batches: int
    epochs: int
    cuts_products: bool = False
    has_wide_vectors: bool = False
    validation_batch_rows: int = 0
    validation_rows: int = 0
    batch_entries: int = 0
    block_entries: int = 0
    validation_batch_entries: int = 0
    validation_entries: int = 0
    regularisers: tuple[str, ...] = ()

    capacities: ClassVar[tuple[str, ...]] = (
        "validation_rows",
        "batch_entries",
        "block_entries",
        "validation_entries",
        "validation_batch_entries",
    )
    """The sizes that may be larger than a fit needs."""

    @property
    def layer_units(self) -> tuple[int, ...]:
        """Number of units of every layer."""
        return self.architecture.layer_units

    @property
    def is_sparse(self) -> bool:
        """Whether X is given by its stored entries."""
        return self.block_entries > 0

    @property
    def validation_batches(self) -> int:
        """Batches that there is room for in the validation set."""
        return self.validation_rows // max(1, self.validation_batch_rows)

    @property
    def target_dtype(self) -> np.dtype:
        """Type of the targets: uint8 for classes."""
        return np.dtype(np.uint8 if self.architecture.is_classification else self.dtype)
