"""The schedules of the learning rate. They run on the host: a program reads a rate for each batch.

A new schedule is a new entry of `SCHEDULES`, or a function that the user passes.
"""

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

Schedule = str | Callable[[float], float]
"""The name of a schedule, or a function that returns a factor for the share of the fit done."""

SMALLEST_ADAPTIVE_RATE = 1e-6
"""An adaptive learning rate at or below this number is not divided again: training stops."""


class Constant:
    """The learning rate stays the same, and training stops when the stopping rule says so.

    Parameters
    ----------
    hyper : dict of str to float
        The hyper-parameters of the fit, by their names in the estimator.
    """

    solvers: ClassVar[tuple[str, ...]] = ("adam", "sgd", "lbfgs")
    """Solvers that use the schedule. Other solvers have a constant rate, as in scikit-learn."""

    spans_fit: ClassVar[bool] = False
    """Whether the schedule depends on the length of the fit.

    Such a schedule is an error for other solvers. The schedules of scikit-learn do not depend on
    the length of the fit, and other solvers ignore them, as in scikit-learn.
    """

    def __init__(self, hyper: dict[str, float]):
        self._hyper = hyper

    def batch_rates(self, rate: float, progress: Any) -> Any:
        """Return the learning rates of batches of an epoch, or one rate for all of them.

        Parameters
        ----------
        rate : float
            The learning rate after the previous epoch.
        progress : ndarray of shape (n_batches,)
            The share of the batches of the whole fit that come before each batch: from 0 to 1.
        """
        return rate

    def after_epoch(self, rate: float, samples_seen: int) -> float:
        """Return the rate after an epoch; `samples_seen` counts the samples of all fits."""
        return rate

    def after_plateau(self, rate: float) -> float | None:
        """Return the rate to go on with when the rule would stop training; None stops it."""
        return None


class InverseScaling(Constant):
    """The learning rate falls with a power of the samples that training has seen."""

    solvers = ("sgd",)

    def after_epoch(self, rate: float, samples_seen: int) -> float:
        """Return the rate after an epoch; `samples_seen` counts the samples of all fits."""
        try:
            return self._hyper["learning_rate_init"] / (samples_seen + 1) ** self._hyper["power_t"]
        except OverflowError:
            return 0.0


class Adaptive(Constant):
    """The learning rate is divided by 5 when training would stop, until the rate is very small."""

    solvers = ("sgd",)
    divisor = 5.0

    def after_plateau(self, rate: float) -> float | None:
        """Return the rate to go on with when the rule would stop training; None stops it."""
        return rate / self.divisor if rate > SMALLEST_ADAPTIVE_RATE else None


class OverFit(Constant):
    """The learning rate is multiplied by a function of the share of the fit that is done.

    The rate after an epoch does not include the factor.
    """

    solvers = ("adam", "sgd")
    spans_fit = True

    def batch_rates(self, rate: float, progress: Any) -> Any:
        """Return the learning rates of batches of an epoch."""
        # One by one: the last bit of NumPy's functions may depend on the length of the array.
        return rate * np.array([self.factor(share) for share in progress.tolist()])

    @abstractmethod
    def factor(self, share: float) -> float:
        """Return the factor for a share of the fit, from 0 to 1."""


class Cosine(OverFit):
    """The learning rate falls to 0 along half a period of a cosine."""

    def factor(self, share: float) -> float:
        """Return the factor for a share of the fit, from 0 to 1."""
        return (1 + math.cos(math.pi * share)) / 2


class CosLog(OverFit):
    """The learning rate rises from 0 and falls to 0 four times, each time for twice as long."""

    def factor(self, share: float) -> float:
        """Return the factor for a share of the fit, from 0 to 1."""
        return (1 - math.cos(2 * math.pi * math.log2(1 + 15 * share))) / 2


class OwnSchedule(OverFit):
    """The learning rate is multiplied by the value of a function that the user passes.

    Parameters
    ----------
    hyper : dict of str to float
        The hyper-parameters of the fit, by their names in the estimator.
    function : callable
        Returns the factor for a share of the fit, from 0 to 1.
    """

    def __init__(self, hyper: dict[str, float], function: Callable[[float], float]):
        super().__init__(hyper)
        self._function = function

    def factor(self, share: float) -> float:
        """Return the factor for a share of the fit, from 0 to 1.

        Raises
        ------
        ValueError
            If the function returns anything but a finite number of at least 0.
        """
        value = self._function(share)
        try:
            factor = float(value)
        except (TypeError, ValueError):
            factor = math.nan
        if not 0 <= factor < math.inf:
            raise ValueError(
                "learning_rate must return a finite factor that is not negative, got "
                f"{value!r} for t={share}."
            )
        return factor


SCHEDULES: dict[str, type[Constant]] = {
    "constant": Constant,
    "invscaling": InverseScaling,
    "adaptive": Adaptive,
    "cosine": Cosine,
    "coslog": CosLog,
}


def class_of(schedule: Schedule) -> type[Constant]:
    """Return the class of a schedule."""
    return OwnSchedule if callable(schedule) else SCHEDULES[schedule]


def make_schedule(schedule: Schedule, hyper: dict[str, float]) -> Constant:
    """Return a schedule for the hyper-parameters of a fit."""
    if callable(schedule):
        return OwnSchedule(hyper, schedule)
    return SCHEDULES[schedule](hyper)
