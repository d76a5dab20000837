"""The samples of a fit, some of which train and some of which validate."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.model_selection import train_test_split

DEFAULT_VALIDATION_FRACTION = 0.1
"""The share held out if ``early_stopping=True`` and no validation set is given."""


@dataclass(frozen=True)
class Samples:
    """The samples of a fit, in one or two blocks with consecutive row numbers.

    Parameters
    ----------
    X : list of ndarray or csr_array of shape (n_samples_of_block, n_features)
        Features, all of them sparse or all dense.
    dtype : dtype
        The floating-point type of training. Features of another type are converted when they are
        used, a part at a time.
    targets : list of ndarray of shape (n_samples_of_block, n_outputs)
        Targets, bool for classes.
    sample_weight : list of ndarray of shape (n_samples_of_block,)
        Weights.
    train_rows : ndarray of int
        Rows that train, in the order that the first shuffle starts from.
    validation_rows : ndarray of int
        Rows that are scored after every epoch; may be empty.
    """

    X: list[Any]
    dtype: np.dtype
    targets: list[np.ndarray]
    sample_weight: list[np.ndarray]
    train_rows: np.ndarray
    validation_rows: np.ndarray

    @property
    def n_rows(self) -> int:
        """Number of samples in all blocks."""
        return sum(block.shape[0] for block in self.X)

    @property
    def is_sparse(self) -> bool:
        """Whether the features are sparse."""
        return scipy.sparse.issparse(self.X[0])

    def features(self, rows: np.ndarray) -> Any:
        """Return the features of some rows, all in one block."""
        n_first = self.X[0].shape[0]
        in_second = len(rows) and rows[0] >= n_first
        X = self.X[1][rows - n_first] if in_second else self.X[0][rows]
        return X.astype(self.dtype, copy=False)

    def validation(self, rows: np.ndarray | None = None) -> tuple[Any, np.ndarray, np.ndarray]:
        """Return features, targets and weights of the validation samples, or of some of them."""
        rows = self.validation_rows if rows is None else rows
        n_first = self.X[0].shape[0]
        block, offset = (1, n_first) if len(rows) and rows[0] >= n_first else (0, 0)
        targets, weight = self.targets[block], self.sample_weight[block]
        return self.features(rows), targets[rows - offset], weight[rows - offset]

    def validation_spread(self) -> np.ndarray:
        """Return the weighted sums of squared differences of validation targets from their means.

        The sums are zero where R2 is not computed: for classes, and without a validation set.
        """
        if self.targets[0].dtype == bool or not len(self.validation_rows):
            return np.zeros(self.targets[0].shape[1])
        targets = np.concatenate(self.targets)[self.validation_rows].astype(np.float64)
        weight = np.concatenate(self.sample_weight)[self.validation_rows].astype(np.float64)
        if len(targets) < 2:
            return np.full(targets.shape[1], np.nan)  # R2 of a single sample is NaN
        with np.errstate(over="ignore"):
            mean = np.average(targets, axis=0, weights=weight)
            return (weight[:, np.newaxis] * (targets - mean) ** 2).sum(axis=0)

    def astype(self, dtype: np.dtype) -> "Samples":
        """Return the samples in a type; if they have it already, return the same object."""
        if dtype == self.dtype:
            return self
        return replace(
            self,
            dtype=dtype,
            targets=[t if t.dtype == bool else t.astype(dtype) for t in self.targets],
            sample_weight=[weight.astype(dtype) for weight in self.sample_weight],
        )

    def take(self, rows: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        """Return features, targets and weights of rows of the first block."""
        return self.features(rows), self.targets[0][rows], self.sample_weight[0][rows]


@dataclass(frozen=True)
class SampleSet:
    """Samples to train on, or to validate on; without weights ``sample_weight`` is all ones."""

    X: Any
    targets: np.ndarray
    sample_weight: np.ndarray

    @property
    def dtype(self) -> np.dtype:
        """The floating-point type of training; X may still have another type."""
        return self.sample_weight.dtype


def without_validation(train: SampleSet) -> Samples:
    """Return samples without a validation set."""
    return _samples([train], row_numbers(train.X.shape[0]), row_numbers(0))


def with_validation(train: SampleSet, validation: SampleSet) -> Samples:
    """Return samples with a given validation set, as the second block."""
    n_train, n_validation = train.X.shape[0], validation.X.shape[0]
    rows = row_numbers(n_train + n_validation)
    return _samples([train, validation], rows[:n_train], rows[n_train:])


def row_numbers(n_rows: int) -> np.ndarray:
    """Return the numbers of rows, as 32-bit integers if they are large enough."""
    return np.arange(n_rows, dtype=np.int32 if n_rows <= np.iinfo(np.int32).max else np.int64)


def with_hold_out(
    train: SampleSet,
    validation_fraction: float | None,
    stratify: bool,
    random_state: np.random.RandomState,
) -> Samples:
    """Return samples with a random hold-out as validation set, split as in scikit-learn's MLP.

    ``validation_fraction=None`` means 0.1, but at least two samples.

    Raises
    ------
    ValueError
        If fewer than two samples would validate, none would train, a class has too few members
        to be split, or all the weights of a part are zero.
    """
    n_samples = train.X.shape[0]
    n_validation = _count_validation(n_samples, validation_fraction)
    train_rows, validation_rows = train_test_split(
        row_numbers(n_samples),
        random_state=random_state,
        test_size=n_validation,
        stratify=train.targets if stratify else None,
    )
    for name, rows in (("training", train_rows), ("validation", validation_rows)):
        if not train.sample_weight[rows].any():
            raise ValueError(
                f"sample_weight is zero for all samples of the {name} part that "
                f"validation_fraction={validation_fraction} has split off; expected at least one "
                "positive weight in this part."
            )
    return _samples([train], train_rows, validation_rows)


def _count_validation(n_samples: int, validation_fraction: float | None) -> int:
    """Return the number of samples that validate: at least two, and not all."""
    if validation_fraction == 0:
        raise ValueError(
            "early_stopping=True needs a validation set, but validation_fraction=0 holds out "
            "nothing. Expected None, which holds out a tenth, a fraction or a number of samples, "
            "or X_val and y_val in fit."
        )
    if validation_fraction is None:
        # As in scikit-learn, except that fewer than two become two; scikit-learn raises an error.
        count = max(int(np.ceil(DEFAULT_VALIDATION_FRACTION * n_samples)), 2)
    elif validation_fraction < 1:
        count = int(np.ceil(validation_fraction * n_samples))
    else:
        count = int(validation_fraction)
    if count < 2 or n_samples < 3:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            f"dataset: validation_fraction={validation_fraction} of {n_samples} samples, expected "
            "at least 2 samples to validate and 1 to train."
        )
    if count >= n_samples:
        raise ValueError(
            f"validation_fraction={validation_fraction} leaves nothing to train on: expected "
            f"fewer than the {n_samples} samples in X."
        )
    return count


def _samples(
    blocks: list[SampleSet], train_rows: np.ndarray, validation_rows: np.ndarray
) -> Samples:
    return Samples(
        [block.X for block in blocks],
        blocks[0].dtype,
        [block.targets for block in blocks],
        [block.sample_weight for block in blocks],
        train_rows,
        validation_rows,
    )
