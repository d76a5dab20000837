"""How long one call of a compiled program may take."""

SECONDS_A_CALL = 0.4
"""How long one call of the compiled program should take: it does not see Ctrl-C."""


class Pace:
    """How many batches a call may run, so that it takes about `SECONDS_A_CALL`.

    Parameters
    ----------
    batch_flops : float
        Floating-point operations of a batch; with a cautious rate they give the first guess.
    """

    _CAUTIOUS_RATE = 1e10  # operations a second
    _OVERHEAD = 5e-5  # seconds a batch
    _MAX_GROWTH = 8.0

    def __init__(self, batch_flops: float):
        self.n_batches = self._in_time(batch_flops / self._CAUTIOUS_RATE + self._OVERHEAD)

    def update(self, n_batches: int, seconds: float) -> None:
        """Learn from a call. The first of a program compiles it too, so growth comes after."""
        fitting = self._in_time(max(seconds, 1e-9) / n_batches)
        self.n_batches = int(
            min(max(fitting, self.n_batches // 2), self.n_batches * self._MAX_GROWTH)
        )

    @staticmethod
    def _in_time(seconds_a_batch: float) -> int:
        return max(1, int(SECONDS_A_CALL / seconds_a_batch))
