"""Limits the time that one call of a compiled program takes."""

SECONDS_A_CALL = 0.4
"""Time that one call of a compiled program should take. Ctrl-C is only seen between calls."""


class Pace:
    """Learns how many batches a call may run to take about `SECONDS_A_CALL`.

    Parameters
    ----------
    batch_flops : float
        Floating-point operations of a batch. The first guess divides them by a cautious rate.
    """

    _CAUTIOUS_RATE = 1e10  # operations a second
    _OVERHEAD = 5e-5  # seconds a batch
    _MAX_GROWTH = 8.0

    def __init__(self, batch_flops: float):
        self.n_batches = self._in_time(batch_flops / self._CAUTIOUS_RATE + self._OVERHEAD)

    def update(self, n_batches: int, seconds: float) -> None:
        """Learn from the time of a call.

        The first call of a program may also compile it. Later calls then run more batches.
        """
        fitting = self._in_time(max(seconds, 1e-9) / n_batches)
        self.n_batches = int(
            min(max(fitting, self.n_batches // 2), self.n_batches * self._MAX_GROWTH)
        )

    @staticmethod
    def _in_time(seconds_a_batch: float) -> int:
        return max(1, int(SECONDS_A_CALL / seconds_a_batch))
