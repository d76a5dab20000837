"""Keeps TensorFlow's log lines away from the standard error of the user.

TensorFlow's libraries log while they are loaded, before their log level is in force, and from C++,
so that neither the level nor `sys.stderr` helps:
https://github.com/tensorflow/tensorflow/issues/100442. So descriptor 2 becomes a pipe for that
moment, which a process of its own reads (`log_filter`). That process outlives this one, so that a
death has its last words: no file or thread of this process would.
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
"""The variable that TensorFlow's library reads once, when it is loaded."""

_FATAL_ONLY = "3"

_SECONDS_TO_START = 5.0
"""How long the filter may take to start before a fit goes on without it. It takes 0.013."""

_CANNOT_START = (OSError, ValueError, RuntimeError, subprocess.SubprocessError)
"""RuntimeError is that of Python 3.12 and later, which starts no process in its last moments."""

_LOCK = threading.RLock()


class _State:
    """The state of descriptor 2, and of TensorFlow's log level."""

    filter: "_Filter | None" = None
    n_users = 0  # threads that want the filter
    level_is_ours = False


def log_level() -> dict[str, str]:
    """Return what to set in the environment while TensorFlow is imported."""
    _State.level_is_ours = LOG_LEVEL not in os.environ and sys.modules.get("tensorflow") is None
    return {LOG_LEVEL: _FATAL_ONLY} if is_on("quiet") else {}


def without_late_lines() -> AbstractContextManager[None]:
    """Drop log lines where our log level does not: it is not ours, or TensorFlow is 2.20.

    For the first call of a program. One that is read from disk leads to 4 kB of errors: TensorFlow
    tries another format first, and calls options of the compiler features that the processor lacks
    (https://github.com/jax-ml/jax/issues/38445). One that is compiled leads to warnings if it can't
    be kept. TensorFlow 2.20 logs all that whatever its level.
    """
    is_heeded = _State.level_is_ours and not (release() or "").startswith("2.20.")
    return nullcontext() if is_heeded else without_log_lines()


@contextmanager
def without_log_lines() -> Iterator[None]:
    """Drop TensorFlow's log lines from what is written to file descriptor 2.

    All other lines come through unchanged and in their order, those of other threads and of
    processes that are started meanwhile too. Where the filter can't be started nothing is dropped.
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
    # Others, such as uWSGI and programs that PyInstaller has made, would start a second self.
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
    """A process that reads what is written to descriptor 2.

    Raises
    ------
    OSError, ValueError, RuntimeError, subprocess.SubprocessError
        If there is no standard error, or the process can't be started. Nothing is changed then.
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
        """Put standard error back, and wait until all that was written to it is passed on."""
        _flush()
        with suppress(OSError):  # descriptor 2 was closed meanwhile
            if os.path.samestat(self._pipe, os.fstat(2)):  # or another thread has redirected it
                os.dup2(self._stderr, 2)
        os.close(self._stderr)
        with self._owner, suppress(OSError):
            # Heard whoever else has the socket: a process that was forked meanwhile has it too.
            self._owner.shutdown(socket.SHUT_WR)
            self._process.wait()

    def _start_process(self, lines: int, theirs: socket.socket) -> subprocess.Popen[bytes]:
        """Start Python without site, in a session of its own, where no Ctrl-C reaches it."""
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
    """Write what Python holds back; a stream of the user's may be closed, or no stream at all."""
    for stream in {id(s): s for s in (sys.stderr, sys.__stderr__)}.values():
        with suppress(Exception):
            stream.flush()  # type: ignore[union-attr]
