"""What ``verbose`` prints while training, in the form of the tutorial's log."""

import sys
from dataclasses import dataclass

import numpy as np

from skmlp._data.samples import Samples
from skmlp._model.metrics import mean_loss, score
from skmlp._model.network import Architecture, Parameters, forward
from skmlp._program.stopping import Rule
from skmlp._training.history import History

BATCHES_BETWEEN_LINES = 100


@dataclass(frozen=True)
class TrainingLog:
    """Prints a line an epoch (``verbose=1``), and one every 100 iterations (2 and more).

    Parameters
    ----------
    verbose : int
        How much to print.
    samples : Samples
        The training data, to score batches on.
    architecture : Architecture
        The network, to score batches with.
    batch_size : int
        Samples of a batch.
    rule : Rule
        When training stops.
    scoring : {"metric", "loss", "host"}, default="metric"
        What validation scores are: accuracy or R2, minus the loss, or of a scorer.
    """

    verbose: int
    samples: Samples
    architecture: Architecture
    batch_size: int
    rule: Rule
    scoring: str = "metric"

    @property
    def scores_loss(self) -> bool:
        """Whether validation scores are minus the validation loss."""
        return self.scoring == "loss"

    @property
    def wants_batches(self) -> bool:
        """Whether single batches are printed."""
        return self.verbose >= 2

    def wants_batch(self, number: int) -> bool:
        """Tell whether this batch of the epoch is printed."""
        return self.wants_batches and number % BATCHES_BETWEEN_LINES == 0

    def next_stop(self, first_batch: int) -> int:
        """Return where a call that starts at a batch must end, for the next line."""
        if not self.wants_batches:
            return sys.maxsize
        return -(-first_batch // BATCHES_BETWEEN_LINES) * BATCHES_BETWEEN_LINES + 1

    def batch(self, number: int, order: np.ndarray, parameters: Parameters) -> None:
        """Print the loss and the accuracy on a batch, after the update by it."""
        start = number * self.batch_size
        X, targets, weight = self.samples.take(order[start : start + self.batch_size])
        if not weight.any():
            return
        outputs = forward(X, parameters, self.architecture)
        line = f"Iteration {number:3d}: batch loss: "
        line += f"{mean_loss(targets, outputs, weight, self.architecture):.4f}"
        if self.architecture.is_classification:
            share = score(targets, outputs, weight, self.architecture)
            line += f", batch accuracy: {share:.1%}"
        print(line)

    def epochs(self, history: History, n_new: int) -> None:
        """Print the epochs that are new in the history."""
        if not self.verbose:
            return
        for epoch in range(history.n_epochs - n_new, history.n_epochs):
            line = f"Epoch: {epoch + 1:3d}, training loss: {history.loss_curve[epoch]:.4f}"
            if history.validation_scores:
                line += (
                    f", validation loss: {history.validation_loss_curve[epoch]:.4f}"
                    f", validation {self._describe(history.validation_scores[epoch])}"
                )
            print(line, flush=True)
            self._rate(history, epoch)

    def stop(self, stopped: bool, halted: bool = False) -> None:
        """Print why training stopped, if the rule or a callback ended it before its last epoch."""
        if self.verbose and stopped:
            rate = " Learning rate too small." if self.rule.rate_divisor > 1 else ""
            print(f"{self._reason()}{rate} Stopping.")
        elif self.verbose and halted:
            print("A callback asked to stop. Stopping.")

    def _describe(self, score: float) -> str:
        if self.scoring != "metric":
            return f"score: {score:.4f}"
        return (
            f"accuracy: {score:.1%}" if self.architecture.is_classification else f"R2: {score:.4f}"
        )

    def _rate(self, history: History, epoch: int) -> None:
        """Print that an adaptive learning rate was divided."""
        if self.rule.rate_divisor == 1 or epoch == 0:
            return
        rate = history.learning_rates[epoch]
        if rate < history.learning_rates[epoch - 1]:
            print(f"{self._reason()} Setting learning rate to {rate:f}")

    def _reason(self) -> str:
        watched = "Validation score" if self.rule.watches_score else "Training loss"
        return (
            f"{watched} did not improve more than tol={self.rule.tol:f} for "
            f"{self.rule.n_iter_no_change} consecutive epochs."
        )
