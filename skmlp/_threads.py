"""Threads that share work with their caller, if a thread can start.

`concurrent.futures` takes no work after the main thread has ended, although a fit in another thread
may still run: https://github.com/python/cpython/issues/86813. Since Python 3.12 no thread can start
in a function that `atexit` calls; the caller then does all of the work.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import copy_context
from typing import Any


class Helper(threading.Thread):
    """A thread that calls a function, with its caller's settings of `numpy.errstate`."""

    def __init__(self, function: Callable[..., Any], *args: Any):
        super().__init__(name="skmlp")
        self._work: tuple[Any, ...] = (copy_context().run, function, *args)
        self._error: BaseException | None = None

    def run(self) -> None:
        """Call the function."""
        call, *args = self._work
        self._work = ()
        try:
            call(*args)
        except BaseException as error:
            self._error = error

    def wait(self) -> None:
        """Wait for the end of the thread, even if Ctrl-C interrupts the wait."""
        try:
            self.join()
        finally:
            self.join()

    def finish(self) -> None:
        """Wait for the end of the thread, and raise the error that has ended it, if any."""
        self.wait()
        error, self._error = self._error, None
        try:
            if error is not None:
                raise error
        finally:
            del error  # its traceback holds this frame, and with it the memory of the work


def start_helper(function: Callable[..., Any], *args: Any) -> Helper | None:
    """Call a function in another thread; return None, and call nothing, if none can start."""
    helper = Helper(function, *args)
    try:
        helper.start()
    except RuntimeError:
        return None
    return helper


def share_work(function: Callable[[Any], Any], items: Iterable[Any], n_threads: int) -> list[Any]:
    """Return the function's value for each item, computed by this thread and helpers.

    Parameters
    ----------
    function : callable
        Function that is called once for each item, in any order.
    items : iterable
        The items.
    n_threads : int
        Number of threads, including this one.
    """
    left = deque(enumerate(items))
    values: dict[int, Any] = {}

    def work() -> None:
        while True:
            try:
                number, item = left.popleft()
            except IndexError:
                return
            values[number] = function(item)

    helpers = [start_helper(work) for _ in range(n_threads - 1)]
    started = [helper for helper in helpers if helper is not None]
    try:
        work()
    finally:
        left.clear()
        for helper in started:
            helper.wait()
    for helper in started:
        helper.finish()
    return [values[number] for number in sorted(values)]
