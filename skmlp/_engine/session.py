"""The training engine: a fit's state on the device, and the program that runs on it."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from skmlp._data.samples import Samples
from skmlp._engine.capacity import required_program
from skmlp._engine.feed import arrange_rows, make_feed
from skmlp._engine.memory import to_tensor, zeros_tensor
from skmlp._engine.program_cache import PROGRAMS
from skmlp._engine.tables import Controller, Goal
from skmlp._model.network import Architecture, Parameters
from skmlp._program import penalty
from skmlp._program.solvers import Optimizer
from skmlp._program.spec import Hyper, ProgramSpec, Scalars, State
from skmlp._program.stopping import Rule, Standing, judge
from skmlp._tensorflow import loading as _tensorflow
from skmlp._training.evaluation import evaluate
from skmlp._training.history import Report


class Session:
    """The data and the state of one fit by epochs on the device.

    Parameters
    ----------
    architecture : Architecture
        Sizes and activations of the network.
    batch_size : int
        Samples of a batch, at most the number of training samples.
    samples : Samples
        What is trained and scored on. Its dtype is that of everything.
    alpha : float
        Strength of the penalty.
    rule : Rule
        When training stops.
    scoring : {"metric", "loss", "host"}
        What the validation score is: accuracy or R2, minus the validation loss, or what the host
        gives to `judge` after each epoch.
    optimizer : Optimizer
        What the solver starts from.
    parameters : Parameters
        Where training starts.
    standing : Standing
        Where the stopping rule starts.
    samples_seen : int
        Samples of the epochs of earlier fits.
    """

    def __init__(
        self,
        architecture: Architecture,
        batch_size: int,
        samples: Samples,
        alpha: float,
        rule: Rule,
        scoring: str,
        optimizer: Optimizer,
        parameters: Parameters,
        standing: Standing,
        samples_seen: int,
    ):
        self._tf = _tensorflow.load()
        self._optimizer = optimizer
        self._rule = rule
        self._samples = samples
        self._scoring = scoring
        self._batch_size = batch_size
        wanted = required_program(architecture, optimizer.solver, batch_size, samples)
        # The program scores the validation set, unless it is large.
        self._validates = bool(len(samples.validation_rows)) and not wanted.validation_rows
        self._judges = scoring != "host" and not self._validates
        n_validation = 0 if self._validates else len(samples.validation_rows)
        hyper = Hyper(**optimizer.hyper, alpha=alpha)
        self._goal = Goal(hyper, rule, n_validation, self._judges, scoring == "loss")
        self._use(wanted)
        standing = standing._replace(learning_rate=optimizer.learning_rate, stopped=0.0)
        self._scalars = Scalars(samples_seen, *standing)
        self._step = optimizer.step
        self._state = self._start(parameters)
        self._best = self._state.params
        if not self._program.was_called:
            # Compiled before samples are gathered, so that the memory for both is not added up.
            self._program(self._feed.empty(), self._controller.control, self._state)

    @property
    def max_epochs(self) -> int:
        """The most whole epochs that one call can run; 0 if it takes several."""
        n_fitting = self._spec.block_batches // self._n_batches
        return min(n_fitting, self._spec.epochs if self._judges else 1)

    @property
    def max_batches(self) -> int:
        """The most batches of an epoch that one call can run."""
        return self._spec.block_batches

    @property
    def _n_batches(self) -> int:
        return -(-len(self._samples.train_rows) // self._batch_size)

    def run(self, orders: list[np.ndarray], first_batch: int, last_batch: int) -> Report:
        """Run some batches of one epoch for each order.

        An epoch whose last batch is not reached goes on in the next call.

        Parameters
        ----------
        orders : list of ndarray of shape (n_train,)
            The training rows in the order in which each epoch takes them.
        first_batch, last_batch : int
            The batches to run of each epoch; ``last_batch`` itself is not.
        """
        arrange = partial(arrange_rows, size=self._batch_size, capacity=self._spec.batch_rows)
        rows = arrange(orders, first_batch, last_batch)
        self._make_room(rows)
        upcoming = arrange(orders[-1:], last_batch, 2 * last_batch - first_batch)
        data = self._feed.load(rows, upcoming)
        steps = self._controller.write(orders, first_batch, last_batch, self._step)
        done, curves, self._state = self._program(data, self._controller.control, self._state)
        n_done = int(done)
        self._step = int(steps[n_done * (last_batch - first_batch) - 1])
        self._scalars = Scalars(*self._state.scalars.numpy())
        n_completed = n_done if last_batch == self._n_batches else 0
        report = self._report(n_completed, curves.numpy())
        return self._validate(report) if self._validates and n_completed else report

    def judge(self, loss: float, score: float) -> bool:
        """Apply the stopping rule to the last epoch by a score of the host's; tell its verdict."""
        before = self.standing()
        after = judge(np.where, self._rule, before, np.float64(loss), np.float64(score))
        self._scalars = self._scalars.with_standing(Standing(*map(float, after)))
        self._state = self._state._replace(scalars=self._pack_scalars())
        if after.best_score > before.best_score:
            self._best = self._state.params
        return bool(after.stopped)

    def parameters(self) -> Parameters:
        """Return a copy of the weights and biases."""
        return self._split(self._state.params)

    def best_parameters(self) -> Parameters:
        """Return a copy of the weights and biases that had the best validation score."""
        return self._split(self._state.best_params if self._judges else self._best)

    def standing(self) -> Standing:
        """Return where the stopping rule stands."""
        return Standing(*map(np.float64, self._scalars.standing()))

    def samples_seen(self) -> int:
        """Return how many samples the epochs of all fits had."""
        return int(self._scalars.samples_seen)

    def optimizer(self) -> Optimizer:
        """Return what the solver has kept."""
        return replace(
            self._optimizer,
            learning_rate=self._learning_rate(),
            step=self._step,
            slots=[_separate(self._spec, slot) for slot in self._state.slots],
        )

    def _learning_rate(self) -> float:
        """Return the learning rate; a power by Python, as XLA's may differ in its last bit."""
        hyper = self._optimizer.hyper
        if hyper.get("scales_inversely"):
            try:
                return hyper["learning_rate"] / (self.samples_seen() + 1) ** hyper["power_t"]
            except OverflowError:
                return 0.0
        return float(self._scalars.learning_rate)

    def _use(self, wanted: ProgramSpec) -> None:
        """Get a program, and the memory for its data."""
        self._spec, self._program = PROGRAMS.get(self._tf, wanted)
        self._feed = make_feed(self._tf, self._spec, self._samples)
        self._controller = Controller(
            self._tf, self._spec, self._samples, self._batch_size, self._goal
        )

    def _make_room(self, rows: np.ndarray) -> None:
        """Go on with another program, if a sparse batch has more entries than there is room for."""
        if not self._spec.is_sparse:
            return
        lengths = np.diff(self._samples.X[0].indptr)
        needed = int(np.where(rows < 0, 0, lengths[rows]).sum(axis=1).max())
        if needed > self._spec.batch_entries:
            room = needed + needed // 4
            entries = room * self._spec.block_batches
            self._use(replace(self._spec, batch_entries=room, block_entries=entries))

    def _validate(self, report: Report) -> Report:
        """Score the epoch that a call has completed, and judge it if it is for this score."""
        loss, score = evaluate(self._samples, self._spec.architecture, self.parameters())
        score = -loss if self._scoring == "loss" else score
        stopped = self._scoring != "host" and self.judge(report.loss[-1], score)
        return replace(report, validation_loss=[loss], validation_score=[score], stopped=stopped)

    def _report(self, n_done: int, curves: np.ndarray) -> Report:
        loss, validation_loss, score, rate = curves[:n_done].T.tolist()
        if not self._goal.n_validation:
            validation_loss, score = [], []  # if need be `_validate` has them
        return Report(loss, validation_loss, score, rate, bool(self._scalars.stopped))

    def _split(self, params: list[Any]) -> Parameters:
        arrays = _separate(self._spec, params)
        n_layers = len(arrays) // 2
        return Parameters(arrays[:n_layers], arrays[n_layers:])

    def _pack_scalars(self) -> Any:
        return to_tensor(self._tf, np.array(self._scalars, np.float64))

    def _start(self, parameters: Parameters) -> State:
        tensor, zeros = partial(to_tensor, self._tf), partial(zeros_tensor, self._tf)

        def joined(arrays: list[np.ndarray]) -> list[Any]:
            arrays = self._spec.transpose(arrays, np.transpose)
            return [tensor(a) for a in self._spec.layout.join(arrays, np.ravel, np.concatenate)]

        params = joined(parameters.coefs + parameters.intercepts)
        dtype = self._samples.dtype
        shapes = penalty.shapes(self._spec.layout)
        return State(
            params,
            [joined(slot) for slot in self._optimizer.slots],
            [zeros(shape, dtype) for shape in shapes],
            zeros((self._spec.batch_rows,), np.dtype(np.float64)),
            params if self._spec.validation_rows else [],
            self._pack_scalars(),
        )


def _separate(spec: ProgramSpec, joined: list[Any]) -> list[np.ndarray]:
    """Return copies of joined parameters, in memory of NumPy's: weights and then biases."""
    arrays = spec.layout.split([part.numpy() for part in joined], np.reshape)
    return [np.array(array, order="C") for array in spec.transpose(arrays, np.transpose)]
