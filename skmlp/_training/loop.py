"""The training loop: epochs, shuffling, stopping, the log. It knows no TensorFlow."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from skmlp._engine.pace import Pace
from skmlp._model.network import Parameters
from skmlp._training.history import History, Report
from skmlp._training.log import TrainingLog


class Trainer(Protocol):
    """What runs the batches; `skmlp._engine.session.Session` does."""

    @property
    def max_epochs(self) -> int: ...

    @property
    def max_batches(self) -> int: ...

    def run(self, orders: list[np.ndarray], first_batch: int, last_batch: int) -> Report: ...

    def judge(self, loss: float, score: float) -> bool: ...

    def parameters(self) -> Parameters: ...


class Observer(Protocol):
    """What is told of each epoch; `skmlp._training.observer.Tasks` is."""

    def begin(self) -> None: ...

    def end(self, history: History) -> bool: ...


class EpochOrders:
    """The order of the training rows in each epoch: a shuffle of the order before it.

    Orders are drawn ahead of the epochs that use them. `give_back` puts the random state where it
    would be had those that were not used never been drawn.

    Parameters
    ----------
    rows : ndarray of int
        The training rows in their first order.
    shuffle : bool
        Whether to shuffle; if not, every epoch has the first order and nothing is drawn.
    random_state : RandomState
        Draws the shuffles, as `sklearn.utils.shuffle` would.
    """

    def __init__(self, rows: np.ndarray, shuffle: bool, random_state: np.random.RandomState):
        self._random_state = random_state
        self._shuffle = shuffle
        self._order = rows
        self._before: tuple[np.ndarray, dict[str, Any]] | None = None

    def draw(self, n_epochs: int) -> list[np.ndarray]:
        """Return the orders of the next epochs."""
        if not self._shuffle:
            return [self._order] * n_epochs
        self._before = self._order, dict(self._random_state.get_state(legacy=False))
        return [self._draw_next() for _ in range(n_epochs)]

    def give_back(self, n_used: int) -> None:
        """Say how many of the orders last drawn were used; training ends there."""
        if self._before is not None:
            self._order, state = self._before
            self._random_state.set_state(state)
            self.skip(n_used)

    def skip(self, n_epochs: int) -> None:
        """Go past epochs, as if they had been drawn and used."""
        if self._shuffle:
            for _ in range(n_epochs):
                self._draw_next()

    def _draw_next(self) -> np.ndarray:
        # The same draws, and so the same order, as for indices that are then used.
        self._order = self._order.copy()
        self._random_state.shuffle(self._order)
        return self._order


@dataclass(frozen=True)
class Outcome:
    """How training went: its curves, and what ended it before its last epoch, if anything."""

    history: History
    stopped: bool
    interrupted: bool
    halted: bool = False  # by the observer


class Loop:
    """Runs epochs, several a call or a part of one, until training stops.

    Parameters
    ----------
    trainer : Trainer
        Runs the batches and says whether to stop.
    orders : EpochOrders
        The order of the rows in each epoch.
    pace : Pace
        The length of a call.
    n_batches : int
        Batches of an epoch.
    max_iter : int
        The most epochs.
    log : TrainingLog
        Prints the progress.
    scorer : callable, default=None
        Scores parameters on the validation set after every epoch, where the trainer can't.
    history : History, default=None
        The curves of the epochs that went before, if training goes on.
    stopped : bool, default=False
        Whether they have stopped it already.
    observer : Observer, default=None
        Is told of every epoch, and may end training. With it epochs are run one by one.
    """

    def __init__(
        self,
        trainer: Trainer,
        orders: EpochOrders,
        pace: Pace,
        n_batches: int,
        max_iter: int,
        log: TrainingLog,
        scorer: Callable[[Parameters], float] | None = None,
        history: History | None = None,
        stopped: bool = False,
        observer: Observer | None = None,
    ):
        self._trainer = trainer
        self._orders = orders
        self._pace = pace
        self._n_batches = n_batches
        self._max_iter = max_iter
        self._log = log
        self._scorer = scorer
        self._history = History() if history is None else history
        self._stopped = stopped
        self._observer = observer
        self._halted = False

    def run(self) -> Outcome:
        """Train. Ctrl-C ends training early, and keeps what was trained.

        Raises
        ------
        KeyboardInterrupt
            If no epoch was completed before it: there is no model to keep.
        """
        interrupted = False
        try:
            while self._history.n_epochs < self._max_iter and not self._is_over():
                self._run_some()
        except KeyboardInterrupt:
            if self._history.n_epochs == 0:
                raise
            interrupted = True
            warnings.warn("Training interrupted by user.", stacklevel=6)
        return Outcome(self._history, self._stopped, interrupted, self._halted)

    def _is_over(self) -> bool:
        return self._stopped or self._halted

    def _run_some(self) -> None:
        """Run some epochs, or one and tell the observer of it."""
        if self._observer is None:
            self._run_epochs(self._max_iter - self._history.n_epochs)
        else:
            self._observer.begin()
            self._run_epochs(1)
            self._halted = self._observer.end(self._history)

    def _run_epochs(self, most: int) -> None:
        """Run as many whole epochs as a call has time for, or one epoch in several calls."""
        n_epochs = min(self._pace.n_batches // self._n_batches, most, self._trainer.max_epochs)
        if n_epochs == 0 or self._log.wants_batches:
            self._run_in_parts(self._orders.draw(1)[0])
        else:
            orders = self._orders.draw(n_epochs)
            self._log.epochs(self._history, self._call(orders, 0, self._n_batches))

    def _run_in_parts(self, order: np.ndarray) -> None:
        """Run one epoch, in calls that end where the time is up or the log wants a batch."""
        first = 0
        while first < self._n_batches:
            n_batches = min(self._pace.n_batches, self._trainer.max_batches)
            last = min(first + n_batches, self._n_batches, self._log.next_stop(first))
            n_completed = self._call([order], first, last)
            if self._log.wants_batch(last - 1):
                self._log.batch(last - 1, order, self._trainer.parameters())
            self._log.epochs(self._history, n_completed)
            first = last

    def _call(self, orders: list[np.ndarray], first: int, last: int) -> int:
        """Run batches, learn from the report, and return how many epochs were completed."""
        start = time.perf_counter()
        report = self._trainer.run(orders, first, last)
        n_batches = max(1, len(report.loss)) * (last - first)
        self._pace.update(n_batches, time.perf_counter() - start)
        self._history.extend(report)
        self._stopped = report.stopped
        if self._scorer is not None and report.loss:
            self._stopped = self._score(self._scorer)
        if self._stopped:
            self._orders.give_back(len(report.loss))
        return len(report.loss)

    def _score(self, scorer: Callable[[Parameters], float]) -> bool:
        """Score the epoch that was completed, and tell whether to stop."""
        score = scorer(self._trainer.parameters())
        self._history.validation_scores[-1] = score
        return self._trainer.judge(self._history.loss_curve[-1], score)
