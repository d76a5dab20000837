"""Messages between the client and a worker, which the scheduler passes on."""

from typing import Any

from skmlp._extras import import_extra


class Mailbox:
    """A queue of messages between two processes.

    A mailbox is a Dask queue, and an event that says when the queue may have a message. The event
    is waited for instead of the queue: if a wait for a queue ends without a message, the scheduler
    writes an error to its log.

    Parameters
    ----------
    client : distributed.Client
        The cluster.
    name : str
        The name of the mailbox, the same on both sides.
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
        """Return the next message, or None if no message comes within `seconds`."""
        if not self._taken and self._event.wait(timeout=seconds):
            self._event.clear()  # before the queue is read: a new message sets it again
            self._taken += self._queue.get(batch=True)
        return self._taken.pop(0) if self._taken else None

    def close(self) -> None:
        """Let the scheduler forget the mailbox."""
        self._event.clear()
        self._queue.close()
