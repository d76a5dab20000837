"""A watch over the other processes: a machine that is cut off sends no word that it is."""

import threading
from types import TracebackType
from typing import Self

from skmlp._tensorflow import collectives

SECONDS_BETWEEN_PROBES = 1.0

_MILLISECONDS_TO_ANSWER = 3000
"""A thread of TensorFlow's server answers, within a millisecond, without Python.

On a machine with more to do than it can, the system gives each thread a turn within a tenth of a
second. So three seconds are no sign of load.
"""


class Watch:
    """Lets the sums that this process waits for fail if another process does not answer.

    The server of TensorFlow answers by itself, whatever Python does. The system tells at once of a
    process that has ended; one that is frozen, or on a machine that is cut off, is found by asking.

    Parameters
    ----------
    size : int
        The number of processes.
    rank : int
        Which of them this one is.
    """

    def __init__(self, size: int, rank: int):
        self._peers = [peer for peer in range(size) if peer != rank]
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        if self._peers:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ends.set()

    def _run(self) -> None:
        while not self._ends.wait(SECONDS_BETWEEN_PROBES):
            for peer in self._peers:
                reason = collectives.check_peer(peer, _MILLISECONDS_TO_ANSWER)
                if reason is not None and not self._ends.is_set():
                    collectives.abort(f"The process of rank {peer} does not answer: {reason}")
                    return
