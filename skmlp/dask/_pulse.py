"""Which workers the scheduler does not hear of: one that is frozen sends no word that it is."""

import time
from typing import Any

_SECONDS_BETWEEN_LOOKS = 2.0
"""If nobody has looked for longer, this process itself may have been frozen."""

_SECONDS_BETWEEN_QUESTIONS = 0.25

_TIMES_FOR_ALL = 3


class Pulse:
    """Knows for how long each worker was not heard of.

    A worker tells the scheduler every half second that it is there, or every few seconds if there
    are hundreds of workers. Its event loop does that, in a thread that computes nothing; so it goes
    on while tasks run, unless one holds Python's lock for seconds.

    Parameters
    ----------
    client : distributed.Client
        The cluster.
    """

    def __init__(self, client: Any):
        self._client = client
        self._signs: dict[str, tuple[float, float]] = {}  # the last one, and when it was new
        self._looked = -float("inf")

    def silent(self, seconds: float) -> set[str]:
        """Return the workers that were not heard of for so long.

        All of them at once are three times as long silent: they share a machine that has no time
        for them, more likely than that they are frozen.
        """
        now = self._look()
        silences = {worker: now - since for worker, (_, since) in self._signs.items()}
        if min(silences.values(), default=0.0) > seconds:
            seconds *= _TIMES_FOR_ALL
        return {worker for worker, silence in silences.items() if silence > seconds}

    def _look(self) -> float:
        """Note by the clock of this process who was heard of, and return its time."""
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
