"""The training engine: a fit's state on the device, and the program that runs on it."""

import time
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from skmlp import _tensorflow
from skmlp._control import Controller, Goal
from skmlp._feed import (
    DenseFeed,
    SparseFeed,
    largest_batch,
    likely_largest_batch,
)
from skmlp._graph import penalty
from skmlp._graph.types import Hyper, ProgramSpec, Scalars, State, Sums
from skmlp._history import Report
from skmlp._memory import to_tensor
from skmlp._network import Architecture, Parameters
from skmlp._pace import Pace
from skmlp._programs import PROGRAMS, round_up_batch
from skmlp._samples import Samples
from skmlp._solvers import Optimizer
from skmlp._stopping import Rule, Standing, judge
from skmlp._validation import evaluate

MAX_EPOCHS_A_CALL = 256
_MAX_VALIDATION_BATCH = 1024
_BLOCK_BYTES = 3 * 2**23  # of dense features; a call takes up to a millisecond beside its batches
_MAX_BLOCK_ROWS = 2**16
_MAX_VALIDATION_BYTES = 2**26  # of dense features in the program; more are scored on the host
_SPARSE_BLOCK_ROWS = 2**12


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
        wanted = _wanted(architecture, optimizer.solver, batch_size, samples)
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
        arrange = partial(_arrange, size=self._batch_size, capacity=self._spec.batch_rows)
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
        self._feed = _make_feed(self._tf, self._spec, self._samples)
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
        tensor = partial(to_tensor, self._tf)

        def joined(arrays: list[np.ndarray]) -> list[Any]:
            arrays = _to_device(self._spec, arrays)
            return [tensor(a) for a in self._spec.layout.join(arrays, np.ravel, np.concatenate)]

        params = joined(parameters.coefs + parameters.intercepts)
        dtype = self._samples.dtype
        shapes = penalty.shapes(self._spec.layout)
        return State(
            params,
            [joined(slot) for slot in self._optimizer.slots],
            [tensor(np.zeros(shape, dtype)) for shape in shapes],
            tensor(np.zeros(self._spec.batch_rows)),
            params if self._spec.validation_rows else [],
            self._pack_scalars(),
        )


class Objective:
    """The loss of all training samples and its gradient, as functions of a vector of parameters.

    Parameters
    ----------
    architecture : Architecture
        Sizes and activations of the network.
    batch_size : int
        Samples that are evaluated at a time.
    samples : Samples
        What is trained on, in float64.
    alpha : float
        Strength of the penalty.
    """

    def __init__(self, architecture: Architecture, batch_size: int, samples: Samples, alpha: float):
        self._tf = _tensorflow.load()
        self._alpha = alpha
        self._architecture = architecture
        self._n_batches = -(-len(samples.train_rows) // batch_size)
        wanted = _wanted(architecture, "lbfgs", batch_size, samples)
        self._spec, self._program = PROGRAMS.get(self._tf, wanted)
        self._feed = _make_feed(self._tf, self._spec, samples)
        goal = Goal(Hyper(learning_rate=0.0, alpha=alpha), Rule(0.0, 0.0))
        self._controller = Controller(self._tf, self._spec, samples, batch_size, goal)
        self._order = samples.train_rows
        self._weight = float(samples.sample_weight[0][self._order].sum())
        self._arrange = partial(_arrange, size=batch_size, capacity=self._spec.batch_rows)
        self._pace = Pace(6.0 * batch_size * architecture.n_parameters)

    def __call__(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective and its gradient.

        Parameters
        ----------
        vector : ndarray of shape (n_parameters,)
            Weights and then biases of all layers, each raveled.
        """
        parameters = Parameters.from_vector(np.asarray(vector), self._architecture)
        sums = self._add_up(parameters.coefs + parameters.intercepts)
        weight = self._weight
        grads = _from_device(self._spec, [gradient.numpy() for gradient in sums.gradients])
        squares = 0.0
        for grad, coef in zip(grads, parameters.coefs, strict=False):  # biases are not penalised
            grad += self._alpha * coef
            squares += np.vdot(coef, coef)
        gradient = np.concatenate([grad.ravel() for grad in grads]) / weight
        return (float(sums.losses.numpy().sum()) + 0.5 * self._alpha * squares) / weight, gradient

    def _add_up(self, arrays: list[np.ndarray]) -> Sums:
        """Run all batches, in calls short enough for Ctrl-C to be seen."""
        tensor = partial(to_tensor, self._tf)
        arrays = _to_device(self._spec, arrays)
        params = [tensor(array) for array in arrays]
        losses = tensor(np.zeros(self._spec.batch_rows))
        sums = Sums(losses, [tensor(np.zeros_like(array)) for array in arrays])
        first = 0
        while first < self._n_batches:
            n_batches = min(self._pace.n_batches, self._spec.block_batches)
            last = min(first + n_batches, self._n_batches)
            start = time.perf_counter()
            rows = self._arrange([self._order], first, last)
            upcoming = self._arrange([self._order], last, 2 * last - first)
            data = self._feed.load(rows, upcoming)
            self._controller.write([self._order], first, last, 0)
            sums = self._program(data, self._controller.control, params, sums)
            self._pace.update(last - first, time.perf_counter() - start)
            first = last
        return sums


def _arrange(
    orders: list[np.ndarray], first: int, last: int, size: int, capacity: int
) -> np.ndarray:
    """Return the rows of batches, of shape (n_batches, capacity), with -1 where there is none."""
    rows = np.stack([order[first * size : last * size] for order in orders])
    n_full, n_left = divmod(rows.shape[1], size)
    if size == capacity and not n_left:
        return rows.reshape(-1, capacity)
    batches = np.full((len(orders), n_full + (n_left > 0), capacity), -1, rows.dtype)
    full = rows[:, : n_full * size]
    batches[:, :n_full, :size] = full.reshape(len(orders), n_full, size)
    batches[:, n_full:, :n_left] = rows[:, np.newaxis, n_full * size :]
    return batches.reshape(-1, capacity)


def _separate(spec: ProgramSpec, joined: list[Any]) -> list[np.ndarray]:
    """Return copies of joined parameters, in memory of NumPy's: weights and then biases."""
    return _from_device(spec, spec.layout.split([part.numpy() for part in joined], np.reshape))


def _to_device(spec: ProgramSpec, params: list[np.ndarray]) -> list[np.ndarray]:
    """Transpose weights as the program has them, in arrays of weights and then of biases."""
    return [_transposed(spec, i, param) for i, param in enumerate(params)]


def _from_device(spec: ProgramSpec, params: list[np.ndarray]) -> list[np.ndarray]:
    """Return copies, transposed back; see `_to_device`."""
    return [np.array(_transposed(spec, i, param), order="C") for i, param in enumerate(params)]


def _transposed(spec: ProgramSpec, number: int, param: np.ndarray) -> np.ndarray:
    is_coef = number < len(spec.architecture.coef_shapes)
    return param.T if is_coef and spec.is_transposed(number) else param


def _wanted(
    architecture: Architecture, solver: str, batch_size: int, samples: Samples
) -> ProgramSpec:
    """Return what a program must have for a fit."""
    n_train, n_validation = len(samples.train_rows), len(samples.validation_rows)
    if not samples.is_sparse and n_validation > _row_limit(architecture, samples.dtype):
        n_validation = 0
    batch_rows = batch_size if batch_size < n_train else round_up_batch(batch_size)
    validation_batch_rows = min(round_up_batch(n_validation), _MAX_VALIDATION_BATCH)
    spec = ProgramSpec(
        architecture=architecture,
        dtype=samples.dtype.name,
        solver=solver,
        is_weighted=any(bool((weight != 1).any()) for weight in samples.sample_weight),
        batch_rows=batch_rows,
        block_batches=_block_batches(architecture, samples.dtype, batch_rows),
        epochs=MAX_EPOCHS_A_CALL,
        cuts_products=_tensorflow.multiplies_small(),
        validation_batch_rows=validation_batch_rows,
        validation_rows=max(n_validation, validation_batch_rows),
    )
    return _with_entries(spec, batch_size, samples) if samples.is_sparse else spec


def _row_limit(architecture: Architecture, dtype: np.dtype) -> int:
    return _MAX_VALIDATION_BYTES // (architecture.layer_units[0] * dtype.itemsize)


def _block_batches(architecture: Architecture, dtype: np.dtype, batch_rows: int) -> int:
    row_bytes = architecture.layer_units[0] * dtype.itemsize
    return max(1, min(_BLOCK_BYTES // row_bytes, _MAX_BLOCK_ROWS) // batch_rows)


def _with_entries(spec: ProgramSpec, batch_size: int, samples: Samples) -> ProgramSpec:
    """Return what a program must have for sparse features: room for their entries."""
    lengths = np.diff(samples.X[0].indptr)[samples.train_rows]
    largest = likely_largest_batch if spec.solver != "lbfgs" else largest_batch
    batch_entries = max(1, largest(lengths, batch_size))
    n_batches = max(1, _SPARSE_BLOCK_ROWS // spec.batch_rows)
    validation = samples.features(samples.validation_rows)
    validation_batch_entries = 1
    if spec.validation_rows:
        lengths = np.diff(validation.indptr)
        validation_batch_entries = max(1, largest_batch(lengths, spec.validation_batch_rows))
    return replace(
        spec,
        epochs=1,
        block_batches=n_batches,
        batch_entries=batch_entries,
        block_entries=n_batches * batch_entries,
        validation_batch_entries=validation_batch_entries,
        validation_entries=max(1, int(validation.nnz)),
    )


def _make_feed(tf: Any, spec: ProgramSpec, samples: Samples) -> DenseFeed | SparseFeed:
    return SparseFeed(tf, spec, samples) if samples.is_sparse else DenseFeed(tf, spec, samples)
