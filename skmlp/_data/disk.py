"""Files without a name, for arrays that are larger than memory.

The system removes such a file when the last process that has it open or mapped ends, even by a
crash.
"""

import errno
import os
import shutil
import tempfile
from typing import Any

import numpy as np


def unnamed_file(directory: str) -> Any:
    """Return a new file in a directory, open for reading and writing."""
    return tempfile.TemporaryFile(dir=directory, prefix="skmlp-")


def check_room(directory: str, n_bytes: int, advice: str) -> None:
    """Raise OSError if the disk of a directory has less than `n_bytes` free."""
    if n_bytes > shutil.disk_usage(directory).free:
        raise _no_room(directory, n_bytes, "about", advice)


def reserve(
    descriptor: int, directory: str, start: int, n_bytes: int, needed: int | None, advice: str
) -> None:
    """Reserve disk space for a part of a file: a write to a mapped file on a full disk crashes.

    Parameters
    ----------
    descriptor : int
        The file.
    directory : str
        The directory of the file.
    start, n_bytes : int
        The part.
    needed : int or None
        The final size of the file, if it is known.
    advice : str
        Advice to the user, for the error.

    Raises
    ------
    OSError
        If there is no room.
    """
    if not n_bytes:
        return
    try:
        os.posix_fallocate(descriptor, start, n_bytes)
    except OSError as error:
        if needed is None:
            raise _no_room(directory, start + n_bytes, "more than", advice) from error
        raise _no_room(directory, needed, "about", advice) from error


def array_on_disk(directory: str, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return an array in a file without a name, mapped into memory.

    Raises
    ------
    OSError
        If there is no room for it.
    """
    n_bytes = int(np.prod(shape)) * dtype.itemsize
    if not n_bytes:
        return np.empty(shape, dtype)
    with unnamed_file(directory) as file:
        advice = "Pass the directory of a larger disk"
        reserve(file.fileno(), directory, 0, n_bytes, n_bytes, advice)
        return np.memmap(file, dtype, "r+", shape=shape)


def _no_room(directory: str, n_bytes: int, about: str, advice: str) -> OSError:
    free = shutil.disk_usage(directory).free
    return OSError(
        errno.ENOSPC,
        f"There is no room for the samples in {directory}: {about} {n_bytes / 1e6:.1f} MB are "
        f"needed, {free / 1e6:.1f} MB are free. {advice}",
    )
