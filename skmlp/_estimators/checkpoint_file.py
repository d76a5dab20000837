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
"""Bytes that are written before training starts: one page, for which a full disk has no room."""


class CheckpointFile:
    """A file that is replaced in one step, with errors that name it.

    Parameters
    ----------
    path : str or os.PathLike
        Where it is; a tilde stands for the home directory.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(os.path.expanduser(path))

    @contextmanager
    def naming_errors(self, deed: str) -> Iterator[None]:
        """Say in errors of the system which path can't be read or written, and why."""
        try:
            yield
        except OSError as error:
            message = f"path={str(self.path)!r} can't be {deed}: {error.strerror or error}"
            # With its number the error is of the class for it, such as PermissionError.
            raise OSError(error.errno, message) from error

    def check(self) -> None:
        """Raise OSError if the file can't be written; leave what is there as it is."""
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
        """Replace the file by one that a function writes, in a single step."""
        with self.naming_errors("written"), self._temporary() as temporary:
            _write_through(temporary, write)
            os.replace(temporary, self.path)

    def _check_kind(self) -> None:
        """Raise OSError if there is something else than a file, or there can be none."""
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
        """Name a file beside the path, and remove it if it is there in the end."""
        # A name of its own, for fits of several processes or threads not to share a file; and a
        # short one, as that of the path may be as long as the system allows.
        own = f"{os.getpid()}-{threading.get_ident()}"
        temporary = self.path.with_name(f".skmlp-{own}.tmp")
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)


def _write_through(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Write a file, and see to it that it is on the disk."""
    with open(path, "wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
