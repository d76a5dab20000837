"""The file of a checkpoint: tried before training, replaced in one step."""

import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import EINVAL, EISDIR, ENOENT, ENOTDIR
from pathlib import Path
from typing import Any, BinaryIO

_SIZE_TRIED = 4096
"""Bytes written before training starts: one page, which a full disk refuses."""


class CheckpointFile:
    """A file that is replaced in one step, with errors that name it.

    Parameters
    ----------
    path : str or os.PathLike
        Path of the file; a tilde stands for the home directory.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(os.path.expanduser(path))

    @contextmanager
    def naming_errors(self, deed: str) -> Iterator[None]:
        """Name the path in errors of the system, and say that it can't be read or written."""
        try:
            yield
        except OSError as error:
            message = f"path={str(self.path)!r} can't be {deed}: {error.strerror or error}"
            # With an error number OSError becomes the matching class, such as PermissionError.
            raise OSError(error.errno, message) from error

    def check(self) -> None:
        """Raise OSError if the file can't be written; leave an existing file as it is."""
        with self.naming_errors("written"):
            parent = self.path.absolute().parent
            if not parent.exists():
                raise OSError(ENOENT, f"there is no directory {str(parent)!r}; make it first")
            if not parent.is_dir():
                raise OSError(ENOTDIR, f"{str(parent)!r} is no directory")
            self._check_kind()
            with self._temporary() as temporary:
                _write_through(temporary, lambda file: file.write(bytes(_SIZE_TRIED)))

    def write(self, write: Callable[[BinaryIO], Any]) -> None:
        """Replace the file, in one step, by a file that a function writes."""
        with self.naming_errors("written"), self._temporary() as temporary:
            _write_through(temporary, write)
            os.replace(temporary, self.path)

    def _check_kind(self) -> None:
        """Raise OSError if the path is no regular file, or can't be one."""
        try:
            mode = os.stat(self.path).st_mode
        except FileNotFoundError:
            return
        except ValueError as error:  # a null character
            raise OSError(EINVAL, str(error)) from error
        if stat.S_ISDIR(mode):
            raise OSError(EISDIR, "it is a directory")
        if not stat.S_ISREG(mode):
            raise OSError(EINVAL, "it is a device or a pipe, expected a file")

    @contextmanager
    def _temporary(self) -> Iterator[Path]:
        """Yield the path of a temporary file in the same directory; remove the file at the end."""
        # The name has the process and the thread, so that parallel fits do not share a file. It is
        # short, as the name of the checkpoint may already be as long as the system allows.
        own = f"{os.getpid()}-{threading.get_ident()}"
        temporary = self.path.with_name(f".skmlp-{own}.tmp")
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)


def _write_through(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Write a file, and wait until it is on the disk."""
    with open(path, "wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
