"""The static part of a program. Each different specification needs a compilation of its own."""

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
        Whether samples have weights. If not, the program reads no weights, and every batch has
        weight.
    batch_rows : int
        Rows of a batch. A batch with fewer samples is padded with samples of weight 0.
    block_batches : int
        Maximum number of batches of a call. A block holds these batches in the order in which they
        are taken. The number does not depend on the number of all batches.
    epochs : int
        Maximum number of epochs of a call.
    cuts_products : bool
        Whether narrow matrix products are cut into pieces, see `products`.
    has_wide_vectors : bool
        Whether the code that multiplies pieces computes with vectors of 512 bits. If so, products
        of wider matrices are cut too.
    validation_batch_rows : int
        Rows of a batch of the validation set; 0 if the program scores no validation set.
    validation_rows : int
        Capacity for the validation set, a multiple of `validation_batch_rows`.
    batch_entries : int
        Capacity for the stored entries of a batch of a sparse X; 0 if X is dense.
    block_entries : int
        Capacity for the stored entries of a block of a sparse X.
    validation_batch_entries, validation_entries : int
        Capacities for the stored entries of a validation batch and of the validation set.
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
    """Names of the sizes that may be larger than a fit needs."""

    @property
    def layer_units(self) -> tuple[int, ...]:
        """Number of units of every layer."""
        return self.architecture.layer_units

    @property
    def is_sparse(self) -> bool:
        """Whether the program reads the stored entries of a sparse X."""
        return self.block_entries > 0

    @property
    def validation_batches(self) -> int:
        """Number of batches that the capacity for the validation set holds."""
        return self.validation_rows // max(1, self.validation_batch_rows)

    @property
    def target_dtype(self) -> np.dtype:
        """Type of the targets: uint8 for classes."""
        return np.dtype(np.uint8 if self.architecture.is_classification else self.dtype)
