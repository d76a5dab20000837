"""Pauses Python's garbage collector during the import of TensorFlow.

Otherwise it would run four times over all objects, and take a third of the time of the import.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collections() -> Iterator[None]:
    """Pause the garbage collector while a block makes many objects that stay.

    Afterwards the objects count as old, as if the collector had run and kept them. If the user has
    frozen objects, these stay frozen, and new objects count as young. If the user has disabled the
    collector, it stays disabled.
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
