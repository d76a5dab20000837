"""Threads that share work with their caller, if a thread can start.

`concurrent.futures` takes no work after the main thread has ended, although a fit in another thread
may still run: https://github.com/python/cpython/issues/86813. Since Python 3.12 no thread can start
in a function that `atexit` calls; the caller then does all of the work.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any


class Helper(threading.Thread):
    """A thread that calls functions, one after the other, with its caller's `numpy.errstate`.

    While the threads of TensorFlow keep the cores busy, starting a thread takes 0.2 to 0.3 ms, and
    waking one less. With one thread for all calls of a fit, MNIST takes 1 to 3 per cent less time
    than with a thread for each call (Zen 5).
    """

    def __init__(self) -> None:
        # A daemon: Ctrl-C while it starts may leave it waiting, which must not keep the process.
        super().__init__(name="skmlp", daemon=True)
        self._calls: SimpleQueue[tuple[Any, ...] | None] = SimpleQueue()
        self._is_idle = threading.Event()
        self._error: BaseException | None = None

    def run(self) -> None:
        """Call functions until the end."""
        while (work := self._calls.get()) is not None:
            call, *args = work
            try:
                call(*args)
            except BaseException as error:
                self._error = error
            del work, call, args  # the memory must not live until the next call
            self._is_idle.set()

    def call(self, function: Callable[..., Any], *args: Any) -> None:
        """Let the thread call a function. The caller must wait for it before the next call."""
        self._is_idle.clear()
        self._calls.put((copy_context().run, function, *args))

    def wait(self) -> None:
        """Wait for the end of the call, even if Ctrl-C interrupts the wait."""
        try:
            self._is_idle.wait()
        finally:
            self._is_idle.wait()

    def finish(self) -> None:
        """Wait for the end of the call, and raise the error that has ended it, if any."""
        self.wait()
        error, self._error = self._error, None
        try:
            if error is not None:
                raise error
        finally:
            del error  # its traceback holds this frame, and with it the memory of the work

    def end(self) -> None:
        """End the thread after its call, and wait, even if Ctrl-C interrupts the wait."""
        self._calls.put(None)
        try:
            self.join()
        finally:
            self.join()


def start_helper() -> Helper | None:
    """Return a thread that waits for calls, or None if none can start."""
    helper = Helper()
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

    helpers = [start_helper() for _ in range(n_threads - 1)]
    started = [helper for helper in helpers if helper is not None]
    try:
        for helper in started:
            helper.call(work)
        work()
    finally:
        left.clear()
        for helper in started:
            helper.end()
    for helper in started:
        helper.finish()
    return [values[number] for number in sorted(values)]
