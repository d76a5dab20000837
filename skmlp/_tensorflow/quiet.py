"""Keeps TensorFlow's log lines away from the standard error of the user.

TensorFlow's libraries log while they are loaded, before their log level is in force, and from C++,
so that neither the level nor `sys.stderr` helps:
https://github.com/tensorflow/tensorflow/issues/100442. So descriptor 2 becomes a pipe for a moment,
and another process reads the pipe (`log_filter`). That process outlives ours, and prints the last
lines of a process that dies; a file or a thread of our process would lose them.
"""

import os
import pkgutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from pathlib import PurePath

from skmlp._tensorflow.releases import is_on, release, why_off

LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
"""The variable of the log level, which TensorFlow's library reads once, when it is loaded."""

_FATAL_ONLY = "3"

_SECONDS_TO_START = 5.0
"""How long the filter may take to start before a fit goes on without it. It takes 0.013 s."""

_CANNOT_START = (OSError, ValueError, RuntimeError, subprocess.SubprocessError)
"""Python 3.12 and later raises RuntimeError, as it starts no process in its last moments."""

_LOCK = threading.RLock()


class _State:
    """The state of descriptor 2, and of TensorFlow's log level."""

    filter: "_Filter | None" = None
    n_users = 0  # threads that want the filter
    level_is_ours = False


def log_level() -> dict[str, str]:
    """Return environment variables for the import of TensorFlow."""
    _State.level_is_ours = LOG_LEVEL not in os.environ and sys.modules.get("tensorflow") is None
    return {LOG_LEVEL: _FATAL_ONLY} if is_on("quiet") else {}


def without_late_lines() -> AbstractContextManager[None]:
    """Drop log lines if the level does not: the user has set the level, or TensorFlow is 2.20.

    The first call of a program needs this. A program that is read from disk logs 4 kB of errors:
    TensorFlow tries another format first, and takes options of the compiler for features that the
    processor lacks (https://github.com/jax-ml/jax/issues/38445). A compiled program that can't be
    kept logs warnings. TensorFlow 2.20 logs these lines at any level.
    """
    is_heeded = _State.level_is_ours and not (release() or "").startswith("2.20.")
    return nullcontext() if is_heeded else without_log_lines()


@contextmanager
def without_log_lines() -> Iterator[None]:
    """Drop TensorFlow's log lines from file descriptor 2.

    All other lines come through unchanged and in order, including lines of other threads and of
    processes that are started meanwhile. If the filter can't be started, nothing is dropped.
    """
    _begin()
    try:
        yield
    finally:
        _end()


def why_not() -> str | None:
    """Return why log lines are not dropped, or None if they are."""
    return why_off("quiet") or _why_no_filter()


def _why_no_filter() -> str | None:
    if os.name != "posix":
        return "this system has no pipes of POSIX"
    # For uWSGI, or a program made by PyInstaller, sys.executable would start the program again.
    if getattr(sys, "frozen", False) or "python" not in PurePath(sys.executable or "").name.lower():
        return "sys.executable is not a Python that could filter them"
    return None


def _begin() -> None:
    with _LOCK:
        if _State.n_users == 0 and why_not() is None:
            with suppress(*_CANNOT_START):
                _State.filter = _Filter()
        _State.n_users += 1


def _end() -> None:
    with _LOCK:
        _State.n_users -= 1
        if _State.n_users == 0 and _State.filter is not None:
            ended, _State.filter = _State.filter, None
            ended.stop()


class _Filter:
    """A process that filters descriptor 2.

    Raises
    ------
    OSError, ValueError, RuntimeError, subprocess.SubprocessError
        If there is no standard error, or the process can't be started. Nothing changes then.
    """

    def __init__(self) -> None:
        with ExitStack() as on_failure, ExitStack() as at_once:
            self._stderr = os.dup(2)
            on_failure.callback(os.close, self._stderr)
            lines, pipe = os.pipe()
            at_once.callback(os.close, lines)
            at_once.callback(os.close, pipe)
            self._owner, theirs = socket.socketpair()
            on_failure.callback(self._owner.close)
            at_once.callback(theirs.close)
            self._process = self._start_process(lines, theirs)
            on_failure.callback(self._kill)
            self._wait_until_ready()
            self._pipe = os.fstat(pipe)
            _flush()
            on_failure.callback(os.dup2, self._stderr, 2)
            os.dup2(pipe, 2)
            on_failure.pop_all()

    def stop(self) -> None:
        """Restore standard error, and wait until the filter has passed on all lines."""
        _flush()
        with suppress(OSError):  # descriptor 2 was closed meanwhile
            if os.path.samestat(self._pipe, os.fstat(2)):  # unless another thread redirected it
                os.dup2(self._stderr, 2)
        os.close(self._stderr)
        with self._owner, suppress(OSError):
            # A shutdown reaches the filter even if a process that was forked meanwhile has the
            # socket, too.
            self._owner.shutdown(socket.SHUT_WR)
            self._process.wait()

    def _start_process(self, lines: int, theirs: socket.socket) -> subprocess.Popen[bytes]:
        """Start Python without site, in its own session, where no Ctrl-C reaches it."""
        source = pkgutil.get_data("skmlp._tensorflow", "log_filter.py")
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", (source or b"").decode()],
            stdin=lines,
            stdout=theirs.fileno(),
            stderr=self._stderr,
            cwd="/",
            start_new_session=True,
        )

    def _wait_until_ready(self) -> None:
        self._owner.settimeout(_SECONDS_TO_START)
        if not self._owner.recv(1):
            raise OSError("the filter has ended")

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()


def _flush() -> None:
    """Flush Python's streams; a stream that the user has set may be closed, or be no stream."""
    for stream in {id(s): s for s in (sys.stderr, sys.__stderr__)}.values():
        with suppress(Exception):
            stream.flush()  # type: ignore[union-attr]
