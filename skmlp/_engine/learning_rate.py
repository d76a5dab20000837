"""The learning rate of a fit, for each of the next batches and after each epoch."""

from typing import Any

import numpy as np

from skmlp._model.records import Optimizer
from skmlp._program.schedules import make_schedule


class LearningRate:
    """Follows the schedule of a fit, on the host.

    Parameters
    ----------
    optimizer : Optimizer
        The state of the solver: the schedule, and the rate to begin with.
    n_samples : int
        Number of training samples. An epoch sees all of them.
    n_batches : int
        Number of batches of an epoch.
    max_epochs : int
        Number of epochs of the whole fit.
    n_epochs : int
        Number of epochs of the fit that were run before.
    samples_seen : int
        Number of samples in all epochs so far, those of earlier fits included.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        n_samples: int,
        n_batches: int,
        max_epochs: int,
        n_epochs: int,
        samples_seen: int,
    ):
        self._name = optimizer.schedule
        self.hyper = optimizer.hyper
        """The hyper-parameters, with the learning rate that the schedule starts from."""
        self._schedule = make_schedule(self._name, self.hyper)
        self._n_samples = n_samples
        self._n_batches = n_batches
        self._max_epochs = max_epochs
        self._n_epochs = n_epochs
        self.samples_seen = samples_seen
        self.rate = optimizer.learning_rate
        """The learning rate after the last epoch."""

    def upcoming(self, n_epochs: int, first_batch: int, last_batch: int) -> np.ndarray:
        """Return the rates of some batches of the next epochs, of shape (n_epochs, n_batches)."""
        rates = np.array([self.rate, *self._after(n_epochs - 1)])
        rates = np.repeat(rates[:, np.newaxis], last_batch - first_batch, axis=1)
        if self._schedule.spans_fit:  # else an epoch has one rate; 0.4 ms are saved for 200 epochs
            batches = np.arange(first_batch, last_batch) / self._n_batches
            for epoch in range(n_epochs):
                progress = (self._n_epochs + epoch + batches) / self._max_epochs
                rates[epoch] = self._schedule.batch_rates(rates[epoch, 0], progress)
        return rates

    def complete(self, n_epochs: int) -> list[float]:
        """Count completed epochs, and return the learning rate after each of them."""
        rates = self._after(n_epochs)
        self._n_epochs += n_epochs
        self.samples_seen += n_epochs * self._n_samples
        self.rate = rates[-1] if rates else self.rate
        return rates

    def restart(self, rate: float) -> None:
        """Replace `learning_rate_init`. The schedule goes on from where it is."""
        self.hyper = self.hyper | {"learning_rate_init": rate}
        self._schedule = make_schedule(self._name, self.hyper)
        self.rate = self._schedule.after_epoch(rate, self.samples_seen)

    def goes_on_after_plateau(self) -> bool:
        """Tell whether training goes on at another rate when the rule would stop it."""
        rate = self._schedule.after_plateau(self.rate)
        if rate is not None:
            self.rate = rate
        return rate is not None

    def _after(self, n_epochs: int) -> list[float]:
        """Return the rates after each of the next epochs."""
        rates: list[Any] = [self.rate]
        for epoch in range(1, n_epochs + 1):
            seen = self.samples_seen + epoch * self._n_samples
            rates.append(self._schedule.after_epoch(rates[-1], seen))
        return rates[1:]
