"""Messages between the client and a worker, by way of the scheduler."""

from typing import Any

from skmlp._extras import import_extra


class Mailbox:
    """Messages that wait to be taken.

    It is a queue of Dask's, and an event that says when to look into it: a queue that is waited for
    in vain writes an error to the log of the scheduler.

    Parameters
    ----------
    client : distributed.Client
        The cluster.
    name : str
        By which both sides know it.
    """

    def __init__(self, client: Any, name: str):
        distributed = import_extra("distributed", "dask", "skmlp.dask")
        self._queue = distributed.Queue(f"skmlp-{name}", client=client)
        self._event = distributed.Event(f"skmlp-{name}", client=client)
        self._taken: list[bytes] = []

    def put(self, message: bytes) -> None:
        """Add a message."""
        self._queue.put(message)
        self._event.set()

    def take(self, seconds: float) -> bytes | None:
        """Return the next message, or None if there is none within some seconds."""
        if not self._taken and self._event.wait(timeout=seconds):
            self._event.clear()  # before the look, so that a message meanwhile sets it again
            self._taken += self._queue.get(batch=True)
        return self._taken.pop(0) if self._taken else None

    def close(self) -> None:
        """Let the scheduler forget it."""
        self._event.clear()
        self._queue.close()
