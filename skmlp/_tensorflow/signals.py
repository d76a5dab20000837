"""Makes signals wait while TensorFlow is imported and started.

An exception during the import, such as KeyboardInterrupt, leaves a part of TensorFlow in the
process. Every later import and every fit then fails ("Name tf.RaggedTensorSpec has already been
registered").
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from types import FrameType
from typing import Any


@contextmanager
def held_back() -> Iterator[None]:
    """Call Python's signal handlers after the block instead of within it.

    Outside of the main thread nothing changes, as Python calls no handler there. Signals without a
    Python handler still end the process at once, or are ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: dict[int, FrameType | None] = {}  # each signal once, as in Python itself

    def note(number: int, frame: FrameType | None) -> None:
        received.setdefault(number, frame)

    found = {int(number): signal.getsignal(number) for number in signal.valid_signals()}
    handlers = {number: handler for number, handler in found.items() if callable(handler)}
    try:
        with suppress(ValueError):  # the main thread of an interpreter that is not the main one
            for number in handlers:
                signal.signal(number, note)
        yield
    finally:
        for number, handler in handlers.items():
            if signal.getsignal(number) is note:  # nobody has set another one meanwhile
                signal.signal(number, handler)
        _call_all([partial(handlers[each], each, frame) for each, frame in received.items()])


def _call_all(functions: list[Callable[[], Any]]) -> None:
    """Call all functions, also if one raises."""
    if functions:
        try:
            functions[0]()
        finally:
            _call_all(functions[1:])
