"""Where programs are kept on disk, so that a later process need not compile them again.

Of a program there are two files: its functions, which are ours, and the code that TensorFlow has
compiled for them, in a file of TensorFlow's. Ours has the checksums of both, and is written last;
code for which there is none is removed before TensorFlow could read it.
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
"""Names another place; if it is empty, nothing is kept."""

MAX_BYTES = 2**28
"""Room for all programs; past it, those go that were not used for longest, down to a half."""

MIN_FREE_BYTES = 2**28
"""What has to be free on the disk for anything to be kept."""

_IMPORTED = time.time()

_CPU_INFO = Path("/proc/cpuinfo")

_UNUSABLE = set('"\\\n')
"""Characters of a path that TensorFlow's flags have no room for."""

_DIRECTORY = re.compile(r"[0-9a-f]{32}")
_FILE = re.compile(r"skmlp_[0-9a-f]{32}\.functions|xla_compile_cache__.*|.*\.tmp")
_CODE = "xla_compile_cache__*.pb"
_CHECKSUM_SIZE = 64  # hexadecimal digits, with which a file of functions begins
_NEWEST = 16  # files among which the code that was just compiled is looked for


def prepare(settings: Iterable[str]) -> Path | None:
    """Return the directory for programs of this version, machine and settings, or None.

    It holds machine code that is going to be executed: it has to be the user's, and nobody else
    may write to it.

    Parameters
    ----------
    settings : iterable of str
        Whatever else makes other programs.
    """
    try:
        root = _root()
        if root is None or set(str(root)) & _UNUSABLE:
            return None
        directory = root / _digest([*settings, *_machine(), *_sources()])
        for path in (root, directory):
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _is_private(path):
                return None
        if shutil.disk_usage(root).free < MIN_FREE_BYTES:
            return None
        _make_room(root)
        _remove_unchecked(directory)
    except (AttributeError, OSError, RuntimeError, ValueError):
        # Not Linux, not writable, no home, sources that have changed or are not there.
        return None
    return directory


def keep(directory: Path, name: str, functions: bytes) -> None:
    """Keep the functions of a program whose code TensorFlow has just written.

    If it has not written any, or if it can't be done, nothing is kept.
    """
    with suppress(OSError):
        code = _find_code(directory, name)
        if code is not None:
            _sync(code)
            content = f"{code.name} {_checksum(code.read_bytes())}\n".encode() + functions
            _write(directory / f"{name}.functions", _checksum(content).encode() + content)


def find(directory: Path, name: str) -> bytes | None:
    """Return the functions of a program, if they and the code for them are there and not damaged.

    What is damaged is removed.
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
    except OSError:  # one of them is missing
        pass
    forget(directory, name)
    return None


def forget(directory: Path, name: str) -> None:
    """Remove the functions of a program, which can't be used; the next process removes the code."""
    _remove(directory / f"{name}.functions")


def _root() -> Path | None:
    """Return the place for all programs, or None if the user wants none."""
    given = os.environ.get(ENVIRONMENT_VARIABLE)
    if given is None:
        from platformdirs import user_cache_path

        return user_cache_path("skmlp").absolute()
    return Path(given).expanduser().absolute() / "skmlp" if given else None


def _machine() -> list[str]:
    """Return what tells processors apart, and how much of them we may use."""
    lines = _CPU_INFO.read_text().splitlines()
    told = [line for line in lines if line.startswith(("model name", "flags", "Features", "CPU "))]
    return [*sorted(set(told)), str(len(os.sched_getaffinity(0)))]


def _sources() -> list[str]:
    """Return the sources of this package, by which it makes programs.

    Raises
    ------
    ValueError
        If they may not be those that this process has imported.
    """
    paths = sorted(Path(__file__).parent.parent.rglob("*.py"))
    changed = [max(path.stat().st_mtime, path.stat().st_ctime) for path in paths]
    if not changed or max(changed) > _IMPORTED:
        raise ValueError("sources were changed, or only compiled ones are there")
    return [path.read_text(encoding="utf-8") for path in paths]


def _digest(parts: Iterable[str]) -> str:
    return _checksum("\0".join(parts).encode())[:32]


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _is_private(directory: Path) -> bool:
    """Tell whether a directory is the user's, and nobody else can write to it, and we can."""
    status = directory.lstat()
    others = stat.S_IWGRP | stat.S_IWOTH
    is_own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    return is_own and not status.st_mode & others and os.access(directory, os.W_OK | os.X_OK)


def _find_code(directory: Path, name: str) -> Path | None:
    """Return the file with the code of a program, one of the newest."""
    paths = sorted(directory.glob(_CODE), key=lambda path: path.stat().st_mtime, reverse=True)
    return next((path for path in paths[:_NEWEST] if name.encode() in path.read_bytes()), None)


def _code_of(content: bytes) -> tuple[str, str]:
    """Return the name of the file with the code, and its checksum, from a file of functions."""
    name, _, checksum = content.partition(b"\n")[0].decode(errors="replace").partition(" ")
    return name, checksum


def _remove_unchecked(directory: Path) -> None:
    """Remove code of which no file of functions has the checksum.

    It is of a process that was killed, or of functions of the user's, or what `load` compiles.
    """
    checked = {
        _code_of(path.read_bytes()[_CHECKSUM_SIZE:])[0] for path in directory.glob("*.functions")
    }
    for path in directory.glob(_CODE):
        if path.name not in checked:
            _remove(path)


def _write(path: Path, content: bytes) -> None:
    """Write a file that is there as a whole or not at all."""
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
    """Return what programs are kept in, and nothing else."""
    return (path for path in directory.iterdir() if _FILE.fullmatch(path.name))


def _make_room(root: Path) -> None:
    """Remove what was not used for longest, if there is more than there is room for."""
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
