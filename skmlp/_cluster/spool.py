"""Files of samples on the disk of a worker. They have no name, and end with their processes."""

import os
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from skmlp._data.disk import reserve, unnamed_file

ADVICE = (
    "Put the files of the workers on a larger disk (local_directory of a Dask worker, directory of "
    "skmlp.ray.fit), or take more workers, which share the samples"
)


@dataclass(frozen=True)
class SpoolFile:
    """A file of samples that a child process inherits.

    Parameters
    ----------
    descriptor : int
        The descriptor of the file.
    dtype : dtype
        Type of the features.
    n_rows, n_features : int
        The shape of the samples in the file.
    """

    descriptor: int
    dtype: np.dtype
    n_rows: int
    n_features: int

    def open(self) -> np.ndarray:
        """Map the samples into memory, read-only, and return them. Closes the descriptor."""
        shape = (self.n_rows, self.n_features)
        with os.fdopen(self.descriptor, "rb") as file:
            if not self.n_rows * self.n_features:
                return np.empty(shape, self.dtype)
            # np.memmap takes the name of a file, or an open file that can seek, as this one can.
            return np.memmap(file, self.dtype, "r", shape=shape)


class Spool:
    """A file without a name to which threads append rows of samples.

    The system removes the file when the last process that has it open ends, even by a crash.

    Parameters
    ----------
    directory : str
        A directory on a disk of this machine.
    n_bytes : int or None
        Bytes that the whole file will need, for the text of an error. None if they are unknown.
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
        """Append rows to the file, and return the index of the first of them.

        Raises
        ------
        OSError
            If the disk has no room for the rows.
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
        """Close the file. The system then frees its disk space."""
        self._file.close()
