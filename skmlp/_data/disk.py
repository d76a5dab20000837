"""Files for arrays that are larger than memory. They have no name, and so outlive nobody.

The system removes such a file with the last process that has it open or mapped, however that ends.
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
    """Raise OSError if a directory has not so much room."""
    if n_bytes > shutil.disk_usage(directory).free:
        raise _no_room(directory, n_bytes, "about", advice)


def reserve(
    descriptor: int, directory: str, start: int, n_bytes: int, needed: int | None, advice: str
) -> None:
    """Get disk space for a part of a file, as a write to a mapped file could end the process.

    Parameters
    ----------
    descriptor : int
        The file.
    directory : str
        Its directory.
    start, n_bytes : int
        The part.
    needed : int or None
        The size that all of the file will have, if that is known.
    advice : str
        What the user can do.

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
