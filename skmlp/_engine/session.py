"""One fit by epochs on the device: its data, its state, and the program that runs on them."""

from dataclasses import replace
from functools import partial
from typing import Any, Literal, Self

import numpy as np

from skmlp._data.samples import Samples
from skmlp._engine.arena import MAX_BYTES, Arena, borrow, keep
from skmlp._engine.capacity import required_program
from skmlp._engine.feed import arrange_rows, make_feed
from skmlp._engine.form import form_of
from skmlp._engine.learning_rate import LearningRate
from skmlp._engine.memory import aligned_empty, aligned_zeros, to_tensor
from skmlp._engine.program_cache import PROGRAMS
from skmlp._engine.report import Report
from skmlp._engine.tables import FitNumbers, TableWriter
from skmlp._model.network import Architecture, Parameters
from skmlp._model.records import Optimizer, StoppingState, TrainingState
from skmlp._program import penalty
from skmlp._program.layout import layout_of
from skmlp._program.regularisers import NO_REGULARISATION, Regularisation
from skmlp._program.spec import ProgramSpec
from skmlp._program.stopping import StoppingRule, judge
from skmlp._program.values import BatchState, EpochState
from skmlp._tensorflow import loading as _tensorflow

Validation = Literal["metric", "loss", "host"]


class TrainingSession:
    """The data and the state of one fit by epochs on the device.

    Parameters
    ----------
    architecture : Architecture
        Sizes, activation and loss of the network.
    batch_size : int
        Samples of a batch, at most the number of training samples.
    samples : Samples
        The samples to train and to score on. Parameters have the same type.
    alpha : float
        Strength of the penalty.
    rule : StoppingRule
        When training stops.
    validation : {"metric", "loss", "host"}
        The validation score. For "metric" the program computes accuracy or R2, for "loss" minus the
        validation loss. For "host" the host passes a number to `judge` after each epoch.
    start : TrainingState
        The state that training starts from.
    max_epochs : int
        Number of epochs of the whole fit, including epochs before the start.
    regularisation : Regularisation
        The regularisers that are on.
    """

    def __init__(
        self,
        architecture: Architecture,
        batch_size: int,
        samples: Samples,
        alpha: float,
        rule: StoppingRule,
        validation: Validation,
        start: TrainingState,
        max_epochs: int,
        regularisation: Regularisation = NO_REGULARISATION,
    ):
        self._tf = _tensorflow.load()
        self._optimizer = start.optimizer
        self._rule = rule
        self._samples = samples
        self._batch_size = batch_size
        self._judges = validation != "host"
        n_validation = len(samples.validation_rows) if self._judges else 0
        self._numbers = FitNumbers(
            alpha,
            start.optimizer.hyper,
            rule,
            n_validation,
            self._judges,
            validation == "loss",
            regularisation,
            start.optimizer.seed,
        )
        self._rate = LearningRate(
            start.optimizer,
            len(samples.train_rows),
            self._n_batches,
            max_epochs,
            start.history.n_epochs,
            start.samples_seen,
        )
        self._step = start.optimizer.step
        solver = start.optimizer.solver
        n_epochs = max_epochs - start.history.n_epochs
        self._use(
            required_program(
                architecture, solver, batch_size, samples, n_validation, n_epochs, regularisation
            )
        )
        self._form = form_of(self._spec)
        self._state = self._place(start)
        self._stopping = start.standing._replace(stopped=0.0)
        self._best = self._state.running.params  # if the host judges
        self._compile()

    @property
    def max_epochs(self) -> int:
        """The most whole epochs that one call can run; 0 if an epoch takes several calls."""
        n_fitting = self._spec.block_batches // self._n_batches
        return min(n_fitting, self._spec.epochs if self._judges else 1)

    @property
    def max_batches(self) -> int:
        """The most batches of an epoch that one call can run."""
        return self._spec.block_batches

    @property
    def learning_rate(self) -> float:
        """The learning rate after the last epoch, before the correction of the solver."""
        return self._rate.rate

    @property
    def samples_seen(self) -> int:
        """Number of samples in the epochs of all fits."""
        return self._rate.samples_seen

    @property
    def stopping(self) -> StoppingState:
        """The state of the stopping rule."""
        return StoppingState(*map(np.float64, self._stopping))

    @property
    def optimizer(self) -> Optimizer:
        """A copy of the state of the solver."""
        return replace(
            self._optimizer,
            hyper=self._rate.hyper,
            learning_rate=self._rate.rate,
            step=self._step,
            slots=[self._separate(slot) for slot in self._state.running.slots],
        )

    def parameters(self) -> Parameters:
        """Return a copy of the weights and biases."""
        return self._split(self._state.running.params)

    def best_parameters(self) -> Parameters:
        """Return a copy of the weights and biases that had the best validation score."""
        return self._split(self._state.best_params if self._judges else self._best)

    def run(
        self, orders: list[np.ndarray], first_batch: int, last_batch: int, next_last_batch: int
    ) -> Report:
        """Run some batches of one epoch for each order.

        An epoch whose last batch is not reached goes on in the next call. Fewer epochs than orders
        are run if training stops, or if the learning rate changes because training would stop.

        Parameters
        ----------
        orders : list of ndarray of shape (n_train,)
            The training rows in the order in which each epoch takes them.
        first_batch, last_batch : int
            The batches of each epoch to run, without ``last_batch`` itself.
        next_last_batch : int
            The batch at which the next call is expected to end, if it goes on with this epoch. The
            samples of the next call are gathered meanwhile.
        """
        arrange = partial(arrange_rows, size=self._batch_size, capacity=self._spec.batch_rows)
        rows = arrange(orders, first_batch, last_batch)
        self._make_room(rows)
        goes_on = next_last_batch > last_batch
        upcoming = arrange(orders[-1:], last_batch, next_last_batch) if goes_on else rows[:0]
        rates = self._rate.upcoming(len(orders), first_batch, last_batch)
        with self._feed.loaded(rows, upcoming) as data:
            steps = self._tables.write(orders, first_batch, last_batch, self._step, rates)
            done, curves, self._state = self._program(data, self._tables.tensors(), self._state)
            n_done = int(done)
        self._step = int(steps[n_done * (last_batch - first_batch) - 1])
        self._stopping = StoppingState(*self._state.stopping.numpy())
        return self._report(n_done if last_batch == self._n_batches else 0, curves.numpy())

    def set_learning_rate(self, rate: float) -> None:
        """Replace `learning_rate_init`, from the next batch on."""
        self._rate.restart(rate)

    def judge(self, loss: float, score: float) -> bool:
        """Apply the stopping rule to the last epoch and its score; tell whether to stop."""
        before = self.stopping
        after = judge(np.where, self._rule, before, np.float64(loss), np.float64(score))
        if after.best_score > before.best_score:
            self._best = self._state.running.params
        self._set_stopping(StoppingState(*map(float, after)))
        return self._is_over()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """End the thread that gathers samples, however the fit has ended."""
        self._feed.end_thread()

    def close(self) -> None:
        """Leave the memory to the next fit. This session must not be used any more."""
        if self._is_small:
            keep(self._spec, self._arena)
        del self._arena, self._feed, self._tables, self._state, self._best

    def _is_over(self) -> bool:
        """Tell whether training stops: the rule says so, and the schedule has no other rate."""
        if not self._stopping.stopped:
            return False
        if not self._rate.goes_on_after_plateau():
            return True
        self._set_stopping(self._stopping._replace(no_improvement_count=0.0, stopped=0.0))
        return False

    def _report(self, n_completed: int, curves: np.ndarray) -> Report:
        loss, validation_loss, score = curves[:n_completed].T.tolist()
        rates = self._rate.complete(n_completed)
        is_over = self._is_over()
        if n_completed:
            rates[-1] = self._rate.rate  # it has changed if training would have stopped
        if not self._numbers.n_validation:
            validation_loss, score = [], []
        return Report(loss, validation_loss, score, rates, is_over)

    @property
    def _n_batches(self) -> int:
        return -(-len(self._samples.train_rows) // self._batch_size)

    def _use(self, wanted: ProgramSpec) -> None:
        """Get a program, and the memory for its data."""
        self._spec, self._program = PROGRAMS.get(self._tf, wanted)
        self._arena = borrow(self._tf, self._spec) if self._is_small else Arena(self._tf)
        self._feed = make_feed(self._arena, self._spec, self._samples)
        self._tables = TableWriter(
            self._arena, self._spec, self._samples, self._batch_size, self._numbers
        )

    @property
    def _is_small(self) -> bool:
        """Whether the fit writes little to its memory. Such memory is kept for the next fit."""
        samples, spec = self._samples, self._spec
        n_rows = len(samples.train_rows) + spec.batch_rows
        n_values = n_rows * sum(spec.layer_units) + 4 * spec.architecture.n_parameters
        is_plain = not samples.is_sparse and not spec.validation_rows
        return is_plain and n_values * samples.dtype.itemsize <= MAX_BYTES

    def _compile(self) -> None:
        """Compile before samples are gathered: they do not need memory at the same time then."""
        if not self._program.was_called:
            self._program(self._feed.empty(), self._tables.tensors(), self._state)

    def _make_room(self, rows: np.ndarray) -> None:
        """Go on with a larger program if a sparse batch has more entries than fit into this one."""
        if not self._spec.is_sparse:
            return
        lengths = np.diff(self._samples.X[0].indptr)
        needed = int(np.where(rows < 0, 0, lengths[rows]).sum(axis=1).max())
        if needed > self._spec.batch_entries:
            room = needed + needed // 4
            entries = room * self._spec.block_batches
            self._use(replace(self._spec, batch_entries=room, block_entries=entries))

    def _set_stopping(self, stopping: StoppingState) -> None:
        self._stopping = stopping
        vector = to_tensor(self._tf, np.array(stopping, np.float64))
        self._state = self._state._replace(stopping=vector)

    def _split(self, params: list[Any]) -> Parameters:
        arrays = self._separate(params)
        n_layers = len(arrays) // 2
        return Parameters(arrays[:n_layers], arrays[n_layers:])

    def _separate(self, joined: list[Any]) -> list[np.ndarray]:
        """Return copies of all weights and then all biases, in memory of NumPy's."""
        views = self._form.views([part.numpy() for part in joined])
        return [np.array(view, order="C") for view in views]

    def _place(self, start: TrainingState) -> EpochState:
        """Return the state on the device."""
        arena, dtype = self._arena, self._samples.dtype

        def joined(arrays: list[np.ndarray]) -> list[Any]:
            memory = [arena.take(aligned_empty, shape, dtype) for shape in self._form.shapes]
            views = self._form.views([each.array for each in memory])
            for view, array in zip(views, arrays, strict=True):
                view[...] = array
            return [each.tensor() for each in memory]

        def zeros(shape: tuple[int, ...], dtype: np.dtype) -> Any:
            return arena.take(aligned_zeros, shape, dtype).tensor()

        params = joined(start.parameters.coefs + start.parameters.intercepts)
        running = BatchState(
            params,
            [joined(slot) for slot in start.optimizer.slots],
            [zeros(shape, dtype) for shape in penalty.shapes(layout_of(self._spec))],
            zeros((self._spec.batch_rows,), np.dtype(np.float64)),
        )
        best = params if self._spec.validation_rows else []
        stopping = arena.tensor(np.array(start.standing._replace(stopped=0.0), np.float64))
        return EpochState(running, best, stopping)
