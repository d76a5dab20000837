"""Asks the other processes whether they are alive: a machine that is cut off can't say so."""

import threading
from types import TracebackType
from typing import Self

from skmlp._tensorflow import collectives

SECONDS_BETWEEN_PROBES = 1.0
"""Seconds between the questions to the other processes."""

_MILLISECONDS_TO_ANSWER = 3000
"""Time for an answer. TensorFlow's server answers within a millisecond, in a thread without Python.

On an overloaded machine the system gives each thread a turn within a tenth of a second. A missing
answer after three seconds is therefore not due to load.
"""


class Watch:
    """Makes the sums of this process fail if another process does not answer.

    The server of TensorFlow answers by itself, whatever Python does. If a process has ended, the
    system says so at once. A process that is frozen, or whose machine is cut off, is found only by
    asking.

    Parameters
    ----------
    size : int
        The number of processes.
    rank : int
        The rank of this process.
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
