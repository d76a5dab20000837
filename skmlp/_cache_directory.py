"""Where programs are kept on disk, so that a later process need not compile them again."""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ENVIRONMENT_VARIABLE = "SKMLP_CACHE_DIR"
"""Names another place; if it is empty, nothing is kept."""

MAX_BYTES = 2**28
"""Room for all programs; past it, the oldest half of them goes."""

MIN_FREE_BYTES = 2**28
"""What has to be free on the disk for anything to be kept."""

_CPU_INFO = Path("/proc/cpuinfo")

_UNUSABLE = set('"\\\n')
"""Characters of a path that TensorFlow's flags have no room for."""

_NAMES_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def tensorflow_version() -> str:
    """Return the version of the TensorFlow that would be imported, or nothing."""
    try:
        return version("tensorflow")
    except PackageNotFoundError:
        return ""


def prepare(settings: Iterable[str]) -> Path | None:
    """Return the directory for programs of this version, machine and settings, or None.

    It holds machine code that is going to be executed: it has to be the user's, and nobody else
    may write to it.

    Parameters
    ----------
    settings : iterable of str
        Whatever else makes other programs.
    """
    root = _root()
    machine = _machine()
    if root is None or machine is None or set(str(root)) & _UNUSABLE:
        return None
    try:
        directory = root / _digest([*settings, *machine, _sources()])
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_private(directory) or shutil.disk_usage(root).free < MIN_FREE_BYTES:
            return None
        _make_room(root)
    except OSError:
        return None
    return directory


def clear(directory: Path) -> None:
    """Remove what is kept, as something of it can't be used."""
    for path in directory.glob("*"):
        with suppress(OSError):
            path.unlink()


def write(path: Path, content: bytes) -> None:
    """Write a file that is there as a whole or not at all, and can be told from a damaged one."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    with suppress(OSError):
        temporary.write_bytes(hashlib.sha256(content).digest() + content)
        temporary.replace(path)


def read(path: Path) -> bytes | None:
    """Return the content of a file that `write` wrote, or None if it is missing or damaged."""
    try:
        written = path.read_bytes()
    except OSError:
        return None
    size = hashlib.sha256().digest_size
    checksum, content = written[:size], written[size:]
    return content if hashlib.sha256(content).digest() == checksum else None


def _root() -> Path | None:
    """Return the place for all programs, or None if the user wants none or has no home."""
    given = os.environ.get(ENVIRONMENT_VARIABLE)
    if given is None:
        from platformdirs import user_cache_path

        return user_cache_path("skmlp")
    return Path(given).absolute() if given else None


def _machine() -> list[str] | None:
    """Return what tells processors apart, and how much of them we may use; None if unknown."""
    try:
        lines = _CPU_INFO.read_text().splitlines()
        n_cores = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # not Linux
        return None
    told = [line for line in lines if line.startswith(("model name", "flags", "Features", "CPU "))]
    threads = [os.environ.get(name, "") for name in _NAMES_THREADS]
    return [*sorted(set(told)), str(n_cores), *threads]


def _sources() -> str:
    """Return a digest of this package, in which a program may change from version to version."""
    package = Path(__file__).parent
    return _digest(path.read_text() for path in sorted(package.rglob("*.py")))


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _is_private(directory: Path) -> bool:
    status = directory.stat()
    others = stat.S_IWGRP | stat.S_IWOTH
    return status.st_uid == os.getuid() and not status.st_mode & others


def _make_room(root: Path) -> None:
    """Remove the oldest half of what is kept, if it is more than there is room for."""
    files = []
    for path in root.rglob("*"):
        with suppress(OSError):  # another process has removed it
            status = path.stat()
            if stat.S_ISREG(status.st_mode):
                files.append((status.st_mtime, status.st_size, path))
    n_bytes = sum(size for _, size, _ in files)
    if n_bytes <= MAX_BYTES:
        return
    for _, size, path in sorted(files):
        if n_bytes <= MAX_BYTES // 2:
            break
        with suppress(OSError):
            path.unlink()
        n_bytes -= size
