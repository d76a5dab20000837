"""The training loop, without TensorFlow: epochs, shuffling, stopping and the log."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from skmlp._engine.pace import Pace
from skmlp._engine.report import Report
from skmlp._model.network import Parameters
from skmlp._model.records import History
from skmlp._training.log import TrainingLog
from skmlp._training.orders import EpochOrders
from skmlp._warn import warn_user


class Trainer(Protocol):
    """An object that runs batches, such as `skmlp._engine.session.TrainingSession`."""

    @property
    def max_epochs(self) -> int: ...

    @property
    def max_batches(self) -> int: ...

    @property
    def learning_rate(self) -> float: ...

    def run(
        self, orders: list[np.ndarray], first_batch: int, last_batch: int, next_last_batch: int
    ) -> Report: ...

    def judge(self, loss: float, score: float) -> bool: ...

    def parameters(self) -> Parameters: ...


class TaskListener(Protocol):
    """An object that is told of each epoch or iteration, and may end training."""

    def begin(self) -> None: ...

    def end(self, *progress: Any) -> bool: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Outcome:
    """The curves of training, and the reason for an early end, if any."""

    history: History
    stopped: bool
    interrupted: bool
    halted: bool = False  # by the listener


class Loop:
    """Runs epochs until training stops. A call runs several epochs, or a part of one.

    Parameters
    ----------
    trainer : Trainer
        Runs the batches and says whether to stop.
    orders : EpochOrders
        The order of the rows in each epoch.
    pace : Pace
        The length of a call.
    n_batches : int
        Number of batches of an epoch.
    max_epochs : int
        Maximum number of epochs.
    log : TrainingLog
        Prints the progress.
    evaluate : callable, default=None
        Returns loss and score of parameters on the validation set, if the trainer can't.
    history : History, default=None
        The curves of earlier epochs, if training goes on.
    stopped : bool, default=False
        Whether the earlier epochs have already stopped training.
    listener : TaskListener, default=None
        Object that is told of every epoch, and may end training. With a listener epochs run one by
        one.
    """

    def __init__(
        self,
        trainer: Trainer,
        orders: EpochOrders,
        pace: Pace,
        n_batches: int,
        max_epochs: int,
        log: TrainingLog,
        evaluate: Callable[[Parameters], tuple[float, float]] | None = None,
        history: History | None = None,
        stopped: bool = False,
        listener: TaskListener | None = None,
    ):
        self._trainer = trainer
        self._orders = orders
        self._pace = pace
        self._n_batches = n_batches
        self._max_epochs = max_epochs
        self._log = log
        self._evaluate = evaluate
        self._history = History() if history is None else history
        self._stopped = stopped
        self._listener = listener
        self._halted = False

    def run(self) -> Outcome:
        """Train. Ctrl-C ends training early and keeps the completed epochs.

        Raises
        ------
        KeyboardInterrupt
            If no epoch is complete, so that there is no model to keep.
        """
        interrupted = False
        try:
            while self._history.n_epochs < self._max_epochs and not self._is_over():
                self._run_some()
        except KeyboardInterrupt:
            if self._history.n_epochs == 0:
                raise
            interrupted = True
            warn_user("Training interrupted by user.")
        return Outcome(self._history, self._stopped, interrupted, self._halted)

    def _is_over(self) -> bool:
        return self._stopped or self._halted

    def _run_some(self) -> None:
        """Run some epochs; with a listener, run one epoch and tell the listener."""
        if self._listener is None:
            self._run_epochs(self._max_epochs - self._history.n_epochs)
        else:
            self._listener.begin()
            if self._history.n_epochs:  # a callback may have changed the rate
                self._history.learning_rates[-1] = self._trainer.learning_rate
            self._run_epochs(1)
            self._halted = self._listener.end(self._history)

    def _run_epochs(self, most: int) -> None:
        """Run the whole epochs that fit into a call, or one epoch in several calls."""
        n_epochs = min(self._pace.n_batches // self._n_batches, most, self._trainer.max_epochs)
        if n_epochs == 0 or self._log.wants_batches:
            self._run_in_parts(self._orders.draw(1)[0])
            return
        n_completed = self._call(self._orders.draw(n_epochs), 0, self._n_batches, self._n_batches)
        if n_completed < n_epochs:
            self._orders.rewind(n_completed)
        self._log.epochs(self._history, n_completed)

    def _run_in_parts(self, order: np.ndarray) -> None:
        """Run one epoch, in calls that end when time is up or the log prints a batch."""
        first = 0
        while first < self._n_batches:
            last = self._end_of_call(first)
            n_completed = self._call([order], first, last, self._end_of_call(last))
            if self._log.wants_batch(last - 1):
                self._log.batch(last - 1, order, self._trainer.parameters())
            self._log.epochs(self._history, n_completed)
            first = last

    def _end_of_call(self, first: int) -> int:
        """Return the batch of an epoch at which a call from batch `first` ends."""
        n_batches = min(self._pace.n_batches, self._trainer.max_batches)
        return min(first + n_batches, self._n_batches, self._log.next_stop(first))

    def _call(self, orders: list[np.ndarray], first: int, last: int, next_last: int) -> int:
        """Run batches, record the report, and return the number of completed epochs."""
        start = time.perf_counter()
        report = self._trainer.run(orders, first, last, next_last)
        n_completed = len(report.loss)
        n_batches = max(1, n_completed) * (last - first)
        self._pace.update(n_batches, time.perf_counter() - start)
        self._record(report)
        self._stopped = report.stopped
        if self._evaluate is not None and n_completed:
            self._stopped = self._judge(*self._evaluate(self._trainer.parameters()))
        return n_completed

    def _record(self, report: Report) -> None:
        history = self._history
        history.loss_curve += report.loss
        history.validation_loss_curve += report.validation_loss
        history.validation_scores += report.validation_score
        history.learning_rates += report.learning_rate

    def _judge(self, loss: float, score: float) -> bool:
        """Record the loss and the score of the completed epoch; tell whether to stop."""
        self._history.validation_loss_curve.append(loss)
        self._history.validation_scores.append(score)
        is_over = self._trainer.judge(self._history.loss_curve[-1], score)
        self._history.learning_rates[-1] = self._trainer.learning_rate
        return is_over
