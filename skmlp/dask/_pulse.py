"""Finds the workers that the scheduler hears nothing from: a frozen worker can't report it."""

import time
from typing import Any

_SECONDS_BETWEEN_LOOKS = 2.0
"""After a longer pause between looks, this process itself may have been frozen.

The pause then does not count as silence of the workers.
"""

_SECONDS_BETWEEN_QUESTIONS = 0.25
"""The shortest time between two questions to the scheduler."""

_TIMES_FOR_ALL = 3
"""The factor of the limit if all workers are silent at once."""


class Pulse:
    """Knows for how long the scheduler has heard nothing from each worker.

    A worker tells the scheduler every half second that it is alive, or every few seconds if there
    are hundreds of workers. The event loop of the worker sends these signs, in a thread that
    computes nothing. The signs therefore go on while tasks run, unless a task holds Python's lock
    for seconds.

    Parameters
    ----------
    client : distributed.Client
        The cluster.
    """

    def __init__(self, client: Any):
        self._client = client
        self._signs: dict[str, tuple[float, float]] = {}  # the last sign, and when it was new
        self._looked = -float("inf")

    def silent(self, seconds: float) -> set[str]:
        """Return the workers from which the scheduler has heard nothing for `seconds`.

        If all workers are silent at once, the limit is three times as long. It is more likely that
        they share an overloaded machine than that all of them are frozen.
        """
        now = self._look()
        silences = {worker: now - since for worker, (_, since) in self._signs.items()}
        if min(silences.values(), default=0.0) > seconds:
            seconds *= _TIMES_FOR_ALL
        return {worker for worker, silence in silences.items() if silence > seconds}

    def _look(self) -> float:
        """Note the workers that have given signs; return the time by the clock of this process."""
        if time.monotonic() - self._looked < _SECONDS_BETWEEN_QUESTIONS:
            return time.monotonic()
        workers = self._client.scheduler_info()["workers"]
        now = time.monotonic()
        pause = now - self._looked if now - self._looked > _SECONDS_BETWEEN_LOOKS else 0.0
        signs = {}
        for worker, known in workers.items():
            sign, since = self._signs.get(worker, (None, now))
            is_new = sign != known["last_seen"]
            signs[worker] = known["last_seen"], now if is_new else min(now, since + pause)
        self._signs, self._looked = signs, now
        return now
