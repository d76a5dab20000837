"""Files of samples on the disk of a worker, which have no name and so outlive nobody."""

import os
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from skmlp._data.disk import reserve, unnamed_file

ADVICE = (
    "Start the workers with a local_directory on a larger disk, or take more workers, which share "
    "the samples"
)


@dataclass(frozen=True)
class SpoolFile:
    """A file of samples that a child process inherits.

    Parameters
    ----------
    descriptor : int
        The file.
    dtype : dtype
        Type of the features.
    n_rows, n_features : int
        The shape of what is in it.
    """

    descriptor: int
    dtype: np.dtype
    n_rows: int
    n_features: int

    def open(self) -> np.ndarray:
        """Return the samples, mapped into memory, read-only; closes the descriptor."""
        shape = (self.n_rows, self.n_features)
        with os.fdopen(self.descriptor, "rb") as file:
            if not self.n_rows * self.n_features:
                return np.empty(shape, self.dtype)
            # np.memmap wants a file with a name, or one that it can seek in: it has the latter.
            return np.memmap(file, self.dtype, "r", shape=shape)


class Spool:
    """A file without a name to which threads append rows of samples.

    The system removes it with the last process that has it open, however that ends.

    Parameters
    ----------
    directory : str
        A directory on a disk of this machine.
    n_bytes : int or None
        What all of it will need, if that is known: for the error.
    """

    def __init__(self, directory: str, n_bytes: int | None = None):
        self._directory = directory
        self._n_bytes = n_bytes
        self._file: Any = unnamed_file(directory)
        self._lock = threading.Lock()
        self._dtype: np.dtype | None = None
        self._n_features = 0
        self.n_rows = 0

    def append(self, X: np.ndarray) -> int:
        """Write rows to the end, and return the number of the first one.

        Raises
        ------
        OSError
            If there is no room for them.
        """
        X = np.ascontiguousarray(X)
        with self._lock:
            first = self.n_rows
            start = first * X.shape[1] * X.itemsize
            descriptor = self._file.fileno()
            reserve(descriptor, self._directory, start, X.nbytes, self._n_bytes, ADVICE)
            self._dtype, self._n_features = X.dtype, X.shape[1]
            self.n_rows += len(X)
        view = memoryview(X.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
        while len(view):
            n_written = os.pwrite(self._file.fileno(), view[: 2**30], start)
            view, start = view[n_written:], start + n_written
        return first

    def file(self) -> SpoolFile:
        """Return the file, for a child process that inherits its descriptor."""
        dtype = np.dtype(np.float64) if self._dtype is None else self._dtype
        return SpoolFile(self._file.fileno(), dtype, self.n_rows, self._n_features)

    def close(self) -> None:
        """Give the disk space back."""
        self._file.close()
