"""Checks parts of the samples, writes them to files of workers, and records their places."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils import check_array

from skmlp._cluster.job import Extent
from skmlp._cluster.spool import Spool
from skmlp._data.checks import naming_errors
from skmlp._data.checksum import checksum, joined
from skmlp._data.elsewhere import FeaturesElsewhere


@dataclass(frozen=True)
class SpoolOrder:
    """Says how to write the parts of a set of samples to files.

    Parameters
    ----------
    fit : str
        The name of the fit.
    block : int
        0 for the samples to train on, 1 for a validation set.
    dtype : dtype
        The type to which the features are converted.
    n_bytes : int or None
        Bytes of disk that each worker will need for the whole set, or None if they are unknown.
    is_checked : bool
        Whether to compute checksums, by which a checkpoint recognises the samples.
    """

    fit: str
    block: int
    dtype: np.dtype
    n_bytes: int | None
    is_checked: bool

    @property
    def suffix(self) -> str:
        """The suffix of the names of the arrays: ``_val`` for a validation set."""
        return "_val" if self.block else ""


@dataclass(frozen=True)
class Record:
    """The place of a part of the samples in a file, and the targets and weights of the part.

    Parameters
    ----------
    part : int
        The number of the part.
    worker : str
        Address of the worker that wrote the part.
    place : int
        Index of the first row of the part in the file of the worker.
    shape : tuple of int
        Number of samples and of features.
    y, weight : ndarray or None
        The targets and the weights.
    checksum : int or None
        The checksum of the features, or None if no checksum was asked for.
    """

    part: int
    worker: str
    place: int
    shape: tuple[int, int]
    y: np.ndarray | None
    weight: np.ndarray | None
    checksum: int | None


def write_part(
    get_spool: Callable[[], Spool],
    order: SpoolOrder,
    part: int,
    worker: str,
    X: Any,
    y: Any,
    weight: Any,
) -> Record:
    """Check a part of the samples, append it to a file, and say where it is.

    Parameters
    ----------
    get_spool : callable
        Returns the file. It is not called if the part is refused.
    order : SpoolOrder
        How to write the part.
    part : int
        The number of the part.
    worker : str
        The worker that has the file.
    X, y, weight : array-likes
        The samples of the part. ``y`` and ``weight`` may be None.
    """
    names = f"X{order.suffix}", f"y{order.suffix}", f"sample_weight{order.suffix}"
    X = _check_features(X, order.dtype, names[0])
    y = None if y is None else _as_array(y)
    weight = None if weight is None else _as_array(weight)
    for name, array in zip(names[1:], (y, weight), strict=True):
        if array is not None and len(array) != len(X):
            raise ValueError(
                f"{name} has {len(array)} samples in partition {part}, expected {len(X)} as in "
                f"{names[0]}."
            )
    place = get_spool().append(X)
    known_by = checksum(X) if order.is_checked else None
    return Record(part, worker, place, X.shape, y, weight, known_by)


def _check_features(X: Any, dtype: np.dtype, name: str) -> np.ndarray:
    """Return the features of a part as an array of type `dtype`. A part may have no rows."""
    with naming_errors(name), np.errstate(over="ignore"):
        return check_array(X, dtype=dtype, input_name=name, ensure_min_samples=0)


def _as_array(values: Any) -> np.ndarray:
    return np.asarray(values.to_numpy() if hasattr(values, "to_numpy") else values)


@dataclass(frozen=True)
class Records:
    """The records of all parts of a set of samples, in the order of the parts.

    Parameters
    ----------
    records : list of Record
        The record of each part.
    order : SpoolOrder
        How the parts were written.
    """

    records: list[Record]
    order: SpoolOrder

    def check(self) -> None:
        """Raise ValueError if parts differ in their number of features, or if none has samples."""
        name = f"X{self.order.suffix}"
        numbers = {record.shape[1] for record in self.records}
        if len(numbers) > 1:
            raise ValueError(
                f"{name} has partitions with {sorted(numbers)} features, expected the same number "
                "in all partitions."
            )
        if not any(record.shape[0] for record in self.records):
            raise ValueError(
                f"{name}: Found array with 0 sample(s) in all partitions while a minimum of 1 is "
                "required."
            )

    @property
    def workers(self) -> list[str]:
        """The workers that have samples, in the order of their first samples."""
        return list(dict.fromkeys(each.worker for each in self.records if each.shape[0]))

    @property
    def n_features(self) -> int:
        """Number of features."""
        return self.records[0].shape[1]

    def features(self) -> FeaturesElsewhere:
        """Return the object that takes the place of the features in a plan."""
        n_rows = sum(record.shape[0] for record in self.records)
        shape = n_rows, self.n_features
        return FeaturesElsewhere(shape, self.order.dtype, self._checksum())

    def targets(self) -> np.ndarray:
        """Return the targets of all parts, joined."""
        return _join([record.y for record in self.records])

    def weight(self) -> np.ndarray | None:
        """Return the weights of all parts, joined, or None if the samples have no weights."""
        if self.records[0].weight is None:
            return None
        return _join([record.weight for record in self.records])

    def extents(self, worker: str) -> list[Extent]:
        """Return the runs of rows that a worker has, with their places in its file."""
        found, first = [], 0
        for record in self.records:
            if record.worker == worker and record.shape[0]:
                found.append(Extent(first, record.place, record.shape[0]))
            first += record.shape[0]
        return found

    def _checksum(self) -> int | None:
        """Return the checksum of all features, or None if a partition has no checksum."""
        total = self.records[0].checksum
        for record in self.records[1:]:
            if total is None or record.checksum is None:
                return None
            n_bytes = record.shape[0] * record.shape[1] * self.order.dtype.itemsize
            total = joined(total, record.checksum, n_bytes)
        return total


def _join(arrays: list[Any]) -> np.ndarray:
    """Join the parts of an array, without the parts of no rows, which may have another type."""
    return np.concatenate([each for each in arrays if len(each)])
