"""Prints the log of training that ``verbose`` asks for."""

import sys
from dataclasses import dataclass, field

import numpy as np

from skmlp._blas import single_threaded
from skmlp._lines import LinePrinter
from skmlp._model.metrics import mean_loss, score
from skmlp._model.network import Parameters, forward
from skmlp._model.records import History
from skmlp._program.schedules import Schedule
from skmlp._program.stopping import StoppingRule
from skmlp._training.plan import Plan

BATCHES_BETWEEN_LINES = 100

VERBOSE_OF_BATCHES = 2
"""The only `verbose` that prints batches, as scripts for scikit-learn may pass any number."""


def short(number: float) -> str:
    """Format a number with at least four significant digits."""
    size = abs(number)
    if size >= 1e4:
        return f"{number:.4e}"
    return f"{number:.4f}" if size >= 1 or size == 0 else f"{number:#.4g}"


@dataclass(frozen=True)
class TrainingLog:
    """Prints a line for each epoch or iteration, and with ``verbose=2`` every 100 batches.

    Parameters
    ----------
    plan : Plan
        The network, the data, and how much to print.
    rule : StoppingRule
        When training stops.
    schedule : str or callable
        The schedule of the learning rate.
    """

    plan: Plan
    rule: StoppingRule
    schedule: Schedule = "constant"
    printer: LinePrinter = field(default_factory=LinePrinter, init=False)

    @property
    def verbose(self) -> int:
        """How much to print."""
        return self.plan.settings.verbose

    @property
    def wants_batches(self) -> bool:
        """Whether single batches are printed."""
        return self.verbose == VERBOSE_OF_BATCHES

    def wants_batch(self, number: int) -> bool:
        """Tell whether this batch of the epoch is printed."""
        return self.wants_batches and number % BATCHES_BETWEEN_LINES == 0

    def next_stop(self, first_batch: int) -> int:
        """Return the batch at which a call from `first_batch` must end, to print the next line."""
        if not self.wants_batches:
            return sys.maxsize
        return -(-first_batch // BATCHES_BETWEEN_LINES) * BATCHES_BETWEEN_LINES + 1

    def batch(self, number: int, order: np.ndarray, parameters: Parameters) -> None:
        """Print the loss and the accuracy on a batch, after its update."""
        architecture, start = self.plan.architecture, number * self.plan.batch_size
        rows = order[start : start + self.plan.batch_size]
        X, targets, weight = self.plan.samples.take(rows)
        if not weight.any():
            return
        with single_threaded():  # more threads would spin while the next batches train
            outputs = forward(X, parameters, architecture.activation, architecture.out_activation)
        line = f"Iteration {number:3d}: batch loss: "
        line += short(mean_loss(targets, outputs, weight, architecture))
        if architecture.is_classification:
            share = score(targets, outputs, weight, architecture)
            line += f", batch accuracy: {share:.1%}"
        self.printer.print(line)

    def epochs(self, history: History, n_new: int) -> None:
        """Print the last `n_new` epochs of the history."""
        if not self.verbose:
            return
        name = "Iteration" if self.plan.settings.solver == "lbfgs" else "Epoch"
        for epoch in range(history.n_epochs - n_new, history.n_epochs):
            line = f"{name}: {epoch + 1:3d}, training loss: {short(history.loss_curve[epoch])}"
            if history.validation_scores:
                line += (
                    f", validation loss: {short(history.validation_loss_curve[epoch])}"
                    f", validation {self._describe(history.validation_scores[epoch])}"
                )
            self.printer.print(line)
            self._rate(history, epoch)

    def stop(self, stopped: bool, halted: bool = False) -> None:
        """Print why training stopped, if the rule or a callback ended it before its last epoch."""
        if self.verbose and stopped:
            rate = " Learning rate too small." if self.schedule == "adaptive" else ""
            self.printer.print(f"{self._reason()}{rate} Stopping.")
        elif self.verbose and halted:
            self.printer.print("A callback asked to stop. Stopping.")

    def _describe(self, score: float) -> str:
        if self.plan.settings.scoring != "metric":
            return f"score: {short(score)}"
        is_accuracy = self.plan.architecture.is_classification
        return f"accuracy: {score:.1%}" if is_accuracy else f"R2: {short(score)}"

    def _rate(self, history: History, epoch: int) -> None:
        """Print the new learning rate if the adaptive schedule has divided it."""
        if self.schedule != "adaptive" or epoch == 0:
            return
        rate = history.learning_rates[epoch]
        if rate < history.learning_rates[epoch - 1]:
            self.printer.print(f"{self._reason()} Setting learning rate to {rate:g}")

    def _reason(self) -> str:
        watched = "Validation score" if self.rule.watches_score else "Training loss"
        return (
            f"{watched} did not improve more than tol={self.rule.tol:g} for "
            f"{self.rule.n_iter_no_change} consecutive epochs."
        )
