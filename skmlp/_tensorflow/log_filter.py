"""A process of its own that drops TensorFlow's log lines from the standard error of another.

`quiet` starts Python with the source of this file. It outlives the process whose lines it reads, so
that the last words of a process that dies are printed. It imports little, to be there in 13 ms.

Its standard input is the pipe that is descriptor 2 of the other process; its standard output is a
socket, by which it says that it is ready, and hears that the other process is done; its standard
error is where the lines go.
"""

import os
import re
import select

_LINES, _OWNER, _OUT = 0, 1, 2

_CAPACITY = 2**20
"""No pipe of a user who is not root holds more, so that one `read` empties it."""

_PATIENCE = 0.1
"""Seconds after which the start of a line, such as a prompt, is passed on without its end."""

_LOG_LINE = re.compile(
    # "I0000 00:00:1795782054.774679 6379 port.cc:153] ...", or with a date in its front. Lines of
    # Python's absl have the same form, but no file of C++; fatal ones (F) say why a process dies.
    rb"([IWE]\d{4}|\d{4}-\d\d-\d\d [\d:.]+: [IWE]) [^\]]*\.(cc|cpp|h):\d+\] "
    rb"|WARNING: All log messages before absl"
    rb"|To enable the following instructions:"
)

_TRACE_HEAD = b"=== Source Location Trace: ==="
"""What follows a log line of TensorFlow 2.22 in places: this, files of C++, and an empty line."""

_TRACE_PLACE = re.compile(rb"[\w./-]+\.(cc|cpp|h):\d+\s*$")


class LineFilter:
    """Passes on what is written, but for the log lines of TensorFlow."""

    def __init__(self) -> None:
        self._start = b""  # of a line whose end has not come
        self._is_passing = False  # whether an earlier part of that line was passed on
        self._may_drop_trace = False  # whether the line before was dropped, and its trace may come
        self._is_in_trace = False

    def feed(self, written: bytes) -> bytes:
        """Return what of the lines that are now complete is to be passed on."""
        *lines, self._start = (self._start + written).split(b"\n")
        passed = []
        for line in lines:
            if self._is_passing or not self._is_dropped(line):
                passed.append(line + b"\n")
            self._is_passing = False
        return b"".join(passed)

    def _is_dropped(self, line: bytes) -> bool:
        """Tell whether a whole line is one of TensorFlow's log, or of the trace below it."""
        is_log = _LOG_LINE.match(line) is not None
        is_head = self._may_drop_trace and line.startswith(_TRACE_HEAD)
        is_place = self._is_in_trace and _TRACE_PLACE.match(line) is not None
        is_end = self._is_in_trace and line == b""
        self._may_drop_trace = is_log
        self._is_in_trace = is_head or is_place
        return is_log or is_head or is_place or is_end

    def flush(self) -> bytes:
        """Return the line without an end, if there is one that is to be passed on."""
        start, self._start = self._start, b""
        if not start or (not self._is_passing and _LOG_LINE.match(start)):
            return b""
        self._is_passing = True
        return start

    @property
    def is_waiting(self) -> bool:
        """Tell whether a line has begun whose end has not come."""
        return bool(self._start)


def main() -> None:
    """Filter until the owner is done, or dead, and nothing is left to be read."""
    lines = LineFilter()
    os.write(_OWNER, b"!")
    while True:
        ready = _wait([_LINES, _OWNER], _PATIENCE if lines.is_waiting else None)
        if not ready:
            _write(lines.flush())
        if _LINES in ready and not _pass_on(lines):
            return
        if _OWNER in ready:
            # The owner writes no more; the second turn finds out whether anybody does.
            while_there = all(_pass_on(lines) for _ in range(2) if _wait([_LINES], 0))
            _write(lines.flush())
            if while_there and _leave_the_owner():
                _relay()
            return


def _pass_on(lines: LineFilter) -> bool:
    """Filter what has been written; return False if nobody can write any more."""
    written = os.read(_LINES, _CAPACITY)
    _write(lines.feed(written) if written else lines.flush())
    return bool(written)


def _leave_the_owner() -> bool:
    """Go on in a child, for processes that were started meanwhile: the owner waits for our end."""
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
    """Write all of it; what can't be written (a full disk, a reader that is gone) is lost."""
    while passed:
        try:
            passed = passed[os.write(_OUT, passed) :]
        except BlockingIOError:
            select.select([], [_OUT], [])
        except OSError:
            return


if __name__ == "__main__":
    main()
