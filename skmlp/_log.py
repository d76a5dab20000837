"""What ``verbose`` prints while training, in the form of the tutorial's log."""

import sys
from dataclasses import dataclass

import numpy as np

from skmlp._history import History
from skmlp._network import Architecture, Parameters, accuracy, forward, log_loss
from skmlp._samples import Samples

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
    """

    verbose: int
    samples: Samples
    architecture: Architecture
    batch_size: int

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
        loss = log_loss(targets, outputs, weight, self.architecture)
        share = accuracy(targets, outputs, weight, self.architecture)
        print(f"Iteration {number:3d}: batch loss: {loss:.4f}, batch accuracy: {share:.1%}")

    def epochs(self, history: History, n_new: int) -> None:
        """Print the epochs that are new in the history."""
        if not self.verbose:
            return
        for epoch in range(history.n_epochs - n_new, history.n_epochs):
            line = f"Epoch: {epoch + 1:3d}, training loss: {history.loss_curve[epoch]:.4f}"
            if history.validation_scores:
                line += (
                    f", validation loss: {history.validation_loss_curve[epoch]:.4f}"
                    f", validation accuracy: {history.validation_scores[epoch]:.1%}"
                )
            print(line, flush=True)

    def stop(self, stopped: bool, watches_validation: bool, tol: float, patience: float) -> None:
        """Print why training stopped, if it did before its last epoch."""
        if self.verbose and stopped:
            watched = "Validation score" if watches_validation else "Training loss"
            print(
                f"{watched} did not improve more than tol={tol:f} for {patience} consecutive "
                "epochs. Stopping."
            )
