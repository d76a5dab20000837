"""A process that drops TensorFlow's log lines from the standard error of its owner.

`quiet` starts Python with the source of this file. The filter outlives its owner, so that the last
lines of a process that dies are printed. It imports little, and is ready in 13 ms.

Its standard input is the pipe that is descriptor 2 of the owner. Its standard output is a socket:
the filter says that it is ready, and learns that the owner is done. The lines go to its standard
error.
"""

import os
import re
import select

_LINES, _OWNER, _OUT = 0, 1, 2

_CAPACITY = 2**20
"""The most that a pipe holds unless the user is root, so that one `read` empties the pipe."""

_PATIENCE = 0.1
"""Seconds after which an incomplete line, such as a prompt, is passed on.

A prompt appears at most this much later, which a person takes for an instant. After a shorter time,
the start of a log line could be passed on before its end is written.
"""

_LOG_LINE = re.compile(
    # "I0000 00:00:1795782054.774679 6379 port.cc:153] ...", or with a date in front. Lines of
    # Python's absl have the same form, but name no file of C++. Fatal lines (F) say why a process
    # dies, and are not matched.
    rb"([IWE]\d{4}|\d{4}-\d\d-\d\d [\d:.]+: [IWE]) [^\]]*\.(cc|cpp|h):\d+\] "
    rb"|WARNING: All log messages before absl"
    rb"|To enable the following instructions:"
)

_TRACE_HEAD = b"=== Source Location Trace: ==="
"""The head of a trace below some log lines of TensorFlow 2.22; files of C++ and a blank follow."""

_TRACE_PLACE = re.compile(rb"[\w./-]+\.(cc|cpp|h):\d+\s*$")


class LineFilter:
    """Passes on all lines except the log lines of TensorFlow."""

    def __init__(self) -> None:
        self._start = b""  # the start of an incomplete line
        self._is_passing = False  # whether a part of the incomplete line was passed on
        self._may_drop_trace = False  # whether the last line was a log line, before a trace
        self._is_in_trace = False

    def feed(self, written: bytes) -> bytes:
        """Return the complete lines that are to be passed on."""
        *lines, self._start = (self._start + written).split(b"\n")
        passed = []
        for line in lines:
            if self._is_passing or not self._is_dropped(line):
                passed.append(line + b"\n")
            self._is_passing = False
        return b"".join(passed)

    def _is_dropped(self, line: bytes) -> bool:
        """Tell whether a complete line belongs to TensorFlow's log, or to a trace below it."""
        is_log = _LOG_LINE.match(line) is not None
        is_head = self._may_drop_trace and line.startswith(_TRACE_HEAD)
        is_place = self._is_in_trace and _TRACE_PLACE.match(line) is not None
        is_end = self._is_in_trace and line == b""
        self._may_drop_trace = is_log
        self._is_in_trace = is_head or is_place
        return is_log or is_head or is_place or is_end

    def flush(self) -> bytes:
        """Return the incomplete line, if it is to be passed on."""
        start, self._start = self._start, b""
        if not start or (not self._is_passing and _LOG_LINE.match(start)):
            return b""
        self._is_passing = True
        return start

    @property
    def is_waiting(self) -> bool:
        """Whether there is an incomplete line."""
        return bool(self._start)


def main() -> None:
    """Filter until the owner is done or dead, and nothing is left to read."""
    lines = LineFilter()
    os.write(_OWNER, b"!")
    while True:
        ready = _wait([_LINES, _OWNER], _PATIENCE if lines.is_waiting else None)
        if not ready:
            _write(lines.flush())
        if _LINES in ready and not _pass_on(lines):
            return
        if _OWNER in ready:
            # The owner writes no more. The second turn finds out whether another process writes.
            while_there = all(_pass_on(lines) for _ in range(2) if _wait([_LINES], 0))
            _write(lines.flush())
            if while_there and _leave_the_owner():
                _relay()
            return


def _pass_on(lines: LineFilter) -> bool:
    """Filter the written lines; return False if no process can write any more."""
    written = os.read(_LINES, _CAPACITY)
    _write(lines.feed(written) if written else lines.flush())
    return bool(written)


def _leave_the_owner() -> bool:
    """Go on in a child, for processes started meanwhile, as the owner waits for our end."""
    try:
        return os.fork() == 0
    except OSError:
        return False


def _relay() -> None:
    os.close(_OWNER)
    while written := os.read(_LINES, _CAPACITY):
        _write(written)


def _wait(descriptors: list[int], timeout: float | None) -> list[int]:
    return select.select(descriptors, [], [], timeout)[0]


def _write(passed: bytes) -> None:
    """Write all bytes; those that can't be written (full disk, closed reader) are lost."""
    while passed:
        try:
            passed = passed[os.write(_OUT, passed) :]
        except BlockingIOError:
            select.select([], [_OUT], [])
        except OSError:
            return


if __name__ == "__main__":
    main()
