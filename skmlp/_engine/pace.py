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

    _CAUTIOUS_RATE = 1e10
    """Operations a second, of which few machines do less.

    Two cores of Zen 5 do 3.5e11 in a network of 1,000 and 1,000 units. A call that is too short
    costs little there: twelve thousand rows took 372 ms, and 366 ms with a rate of 1e11, by which
    the first call took 104 ms instead of 9 (``python -m benchmarks.sweeps``).
    """

    _OVERHEAD = 5e-5
    """Seconds that a batch takes beside its operations.

    It bounds the first call of the smallest networks, whose batches take 10 to 50 us on Zen 5: to
    8,000 batches.
    """

    _MAX_GROWTH = 8.0
    """The factor by which a call may have more batches than the call before.

    It bounds what one wrong time does. The twelve thousand rows above took 377, 372 and 375 ms with
    2, 8 and 64.
    """

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
