"""The directory in which programs are kept, so that a later process need not compile them again.

Each program has two files: our file with its functions, and TensorFlow's file with the compiled
code of the functions. Our file has checksums of the functions and of the code, and is written last.
Code without such a file is removed before TensorFlow can read it.
"""

import hashlib
import os
import re
import shutil
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

ENVIRONMENT_VARIABLE = "SKMLP_CACHE_DIR"
"""Names another directory. If it is empty, nothing is kept."""

MAX_BYTES = 2**28
"""Room for all programs. If they need more, the least recently used go until half is free."""

MIN_FREE_BYTES = 2**28
"""Bytes that must be free on the disk, or nothing is kept."""

SOURCES = (
    "_program",
    "_model",
    "_engine/compiling.py",
    "_tensorflow/named_functions.py",
    "_tensorflow/switches.py",
)
"""Folders and files that make programs, so that a change of them makes other programs.

The flags of XLA are among the settings. `tests/tensorflow/test_kept_sources.py` reads the imports
of `compiling` and checks this list.
"""

_IMPORTED = time.time()

_CPU_INFO = Path("/proc/cpuinfo")

_UNUSABLE = set('"\\\n')
"""Characters of a path that TensorFlow's flags can't hold."""

_DIRECTORY = re.compile(r"[0-9a-f]{32}")
_FILE = re.compile(r"skmlp_[0-9a-f]{32}\.functions|xla_compile_cache__.*|.*\.tmp")
_CODE = "xla_compile_cache__*.pb"
_CHECKSUM_SIZE = 64  # hexadecimal digits at the start of a file of functions
_NEWEST = 16  # files among which new code is looked for


class CannotKeepError(Exception):
    """Says why no program can be kept; a fit then compiles its program."""


def locate(settings: Iterable[str]) -> Path:
    """Return the directory for programs of our sources, machine and settings; touch nothing.

    Parameters
    ----------
    settings : iterable of str
        All other settings that programs depend on.

    Raises
    ------
    CannotKeepError
        If nothing can be kept on this machine, or the user wants nothing to be kept.
    """
    root = _root()
    if set(str(root)) & _UNUSABLE:
        raise CannotKeepError(f"TensorFlow's flags can't hold the path {root}")
    return root / _digest([*settings, *_machine(), *_sources()])


def prepare(settings: Iterable[str]) -> Path:
    """Make, clean up and return the directory for programs; see `locate`.

    The directory holds machine code that will be executed. It must belong to the user, and nobody
    else may write to it.
    """
    directory = locate(settings)
    root = directory.parent
    try:
        for path in (root, directory):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            _check_private(path)
        if shutil.disk_usage(root).free < MIN_FREE_BYTES:
            raise CannotKeepError(f"less than {MIN_FREE_BYTES // 2**20} MB are free in {root}")
        _make_room(root)
        _remove_unchecked(directory)
    except (AttributeError, OSError) as error:  # AttributeError: a system without users
        raise CannotKeepError(f"{root} can't be used: {error}") from error
    return directory


def keep(directory: Path, name: str, functions: bytes) -> None:
    """Keep the functions of a program whose code TensorFlow has just written.

    If TensorFlow has written none, or the disk is full, nothing is kept.
    """
    with suppress(OSError):
        code = _find_code(directory, name)
        if code is not None:
            _sync(code)
            content = f"{code.name} {_checksum(code.read_bytes())}\n".encode() + functions
            _write(directory / f"{name}.functions", _checksum(content).encode() + content)


def find(directory: Path, name: str) -> bytes | None:
    """Return the functions of a program, if functions and code are there and undamaged.

    A damaged file is removed.
    """
    path = directory / f"{name}.functions"
    try:
        written = path.read_bytes()
        content = written[_CHECKSUM_SIZE:]
        if _checksum(content).encode() == written[:_CHECKSUM_SIZE]:
            code_name, checksum = _code_of(content)
            code = directory / code_name
            if _checksum(code.read_bytes()) == checksum:
                os.utime(path)
                os.utime(code)
                return content.partition(b"\n")[2]
            _remove(code)
    except OSError:  # a file is missing
        pass
    forget(directory, name)
    return None


def forget(directory: Path, name: str) -> None:
    """Remove the functions of an unusable program; the next process removes its code."""
    _remove(directory / f"{name}.functions")


def _root() -> Path:
    """Return the directory for programs of all kinds."""
    given = os.environ.get(ENVIRONMENT_VARIABLE)
    if given == "":
        raise CannotKeepError(f"{ENVIRONMENT_VARIABLE} is empty")
    try:
        if given is not None:
            return Path(given).expanduser().absolute() / "skmlp"
        from platformdirs import user_cache_path

        return user_cache_path("skmlp").absolute()
    except (OSError, RuntimeError) as error:  # a user without a home, a directory that is gone
        raise CannotKeepError(f"there is no place for a cache: {error}") from error


def _machine() -> list[str]:
    """Return the lines that tell processors apart, and the number of cores we may use."""
    try:
        lines = _CPU_INFO.read_text().splitlines()
        n_cores = len(os.sched_getaffinity(0))
    except (AttributeError, OSError) as error:
        raise CannotKeepError(f"the processor is unknown: {error}") from error
    told = [line for line in lines if line.startswith(("model name", "flags", "Features", "CPU "))]
    return [*sorted(set(told)), str(n_cores)]


def _sources() -> list[str]:
    """Return the names and contents of the sources that make programs."""
    package = Path(__file__).parent.parent
    try:
        paths = [path for name in SOURCES for path in _python_files(package / name)]
        statuses = [path.stat() for path in paths]
        if max(max(status.st_mtime, status.st_ctime) for status in statuses) > _IMPORTED:
            raise CannotKeepError("skmlp was changed since it was imported")
        return [f"{path.relative_to(package)}\n{path.read_text('utf-8')}" for path in paths]
    except OSError as error:  # the package has only compiled modules, or is an archive
        raise CannotKeepError(f"the sources of skmlp can't be read: {error}") from error


def _python_files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _digest(parts: Iterable[str]) -> str:
    return _checksum("\0".join(parts).encode())[:32]


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _check_private(directory: Path) -> None:
    """Raise unless a directory is the user's, and only this user can write to it."""
    status = directory.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise CannotKeepError(f"{directory} is not a directory of this user")
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise CannotKeepError(f"others can write to {directory}")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise CannotKeepError(f"{directory} can't be written to")


def _find_code(directory: Path, name: str) -> Path | None:
    """Return the file with the code of a program, found among the newest files."""
    paths = sorted(directory.glob(_CODE), key=lambda path: path.stat().st_mtime, reverse=True)
    return next((path for path in paths[:_NEWEST] if name.encode() in path.read_bytes()), None)


def _code_of(content: bytes) -> tuple[str, str]:
    """Return the name and the checksum of the file with the code, from a file of functions."""
    name, _, checksum = content.partition(b"\n")[0].decode(errors="replace").partition(" ")
    return name, checksum


def _remove_unchecked(directory: Path) -> None:
    """Remove code that no file of functions names.

    Such code comes from a process that was killed, from the user's own functions, or from the
    function by which XLA reads its flags.
    """
    checked = {
        _code_of(path.read_bytes()[_CHECKSUM_SIZE:])[0] for path in directory.glob("*.functions")
    }
    for path in directory.glob(_CODE):
        if path.name not in checked:
            _remove(path)


def _write(path: Path, content: bytes) -> None:
    """Write a file in one step, so that it is complete or not there."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        _sync(temporary)
        temporary.replace(path)
    finally:
        _remove(temporary)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _files(directory: Path) -> Iterator[Path]:
    """Return the files that keep programs, and no other file."""
    return (path for path in directory.iterdir() if _FILE.fullmatch(path.name))


def _make_room(root: Path) -> None:
    """Remove the least recently used files, if all files need more than the room for them."""
    directories = [
        path
        for path in root.iterdir()
        if _DIRECTORY.fullmatch(path.name) and path.is_dir() and not path.is_symlink()
    ]
    files = []
    for path in (file for directory in directories for file in _files(directory)):
        with suppress(OSError):  # another process has removed it
            status = path.stat()
            files.append((status.st_mtime, status.st_size, path))
    n_bytes = sum(size for _, size, _ in files)
    if n_bytes <= MAX_BYTES:
        return
    for _, size, path in sorted(files):
        if n_bytes <= MAX_BYTES // 2:
            break
        _remove(path)
        n_bytes -= size
