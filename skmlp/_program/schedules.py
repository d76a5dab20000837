"""The schedules of the learning rate. They run on the host: a program reads a rate for each batch.

A new schedule is a new entry of `SCHEDULES`.
"""

from typing import Any, ClassVar

SMALLEST_ADAPTIVE_RATE = 1e-6
"""An adaptive learning rate at or below it is not divided again: training stops."""


class Constant:
    """The learning rate stays, and training stops where the stopping rule says so.

    Parameters
    ----------
    hyper : dict of str to float
        The hyper-parameters of the fit, by their names in the estimator.
    """

    solvers: ClassVar[tuple[str, ...]] = ("adam", "sgd", "lbfgs")
    """Solvers that it is for; others have a constant rate, as in scikit-learn."""

    def __init__(self, hyper: dict[str, float]):
        self._hyper = hyper

    def batch_rates(self, rate: float, progress: Any) -> Any:
        """Return the learning rates of batches of an epoch, or one for all of them.

        Parameters
        ----------
        rate : float
            The learning rate after the epoch before.
        progress : ndarray of shape (n_batches,)
            The share of the whole fit, in batches, that is done before each of them: from 0 to 1.
        """
        return rate

    def after_epoch(self, rate: float, samples_seen: int) -> float:
        """Return the learning rate after an epoch; `samples_seen` counts those of all fits."""
        return rate

    def after_plateau(self, rate: float) -> float | None:
        """Return the rate to go on with where training would stop, or None if it is to stop."""
        return None


class InverseScaling(Constant):
    """The learning rate falls with a power of the samples that training has seen."""

    solvers = ("sgd",)

    def after_epoch(self, rate: float, samples_seen: int) -> float:
        """Return the learning rate after an epoch; `samples_seen` counts those of all fits."""
        try:
            return self._hyper["learning_rate_init"] / (samples_seen + 1) ** self._hyper["power_t"]
        except OverflowError:
            return 0.0


class Adaptive(Constant):
    """The learning rate is divided by 5 where training would stop, until it is very small."""

    solvers = ("sgd",)
    divisor = 5.0

    def after_plateau(self, rate: float) -> float | None:
        """Return the rate to go on with where training would stop, or None if it is to stop."""
        return rate / self.divisor if rate > SMALLEST_ADAPTIVE_RATE else None


SCHEDULES: dict[str, type[Constant]] = {
    "constant": Constant,
    "invscaling": InverseScaling,
    "adaptive": Adaptive,
}
