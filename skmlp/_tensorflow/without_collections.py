"""Keeps the import of TensorFlow from running the garbage collector.

It would run four times over all objects, for a third of the time of the import.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collections() -> Iterator[None]:
    """Keep Python's garbage collector from running while very many objects are made that stay.

    The objects count as old afterwards, as if it had run and left them, unless the user has frozen
    others, which stay frozen. A collector that the user has disabled stays so.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()  # into the oldest generation
        gc.enable()
