"""The training engine: a fit's data and state on the device, and the program that runs on them."""

import time
from dataclasses import replace
from typing import Any

import numpy as np

from skmlp import _tensorflow
from skmlp._feed import (
    DenseFeed,
    SparseFeed,
    largest_batch,
    likely_largest_batch,
    to_tensor,
)
from skmlp._graph.types import Counts, Hyper, ProgramSpec, State, Sums
from skmlp._history import Report
from skmlp._network import Architecture, Parameters
from skmlp._pace import Pace
from skmlp._programs import PROGRAMS, round_up_batch
from skmlp._samples import Samples
from skmlp._solvers import Optimizer
from skmlp._stopping import Rule, Standing, judge

_MAX_VALIDATION_BATCH = 1024


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
        wanted = _wanted(architecture, optimizer.solver, batch_size, samples)
        self._spec, self._program = PROGRAMS.get(self._tf, wanted)
        self._feed = _make_feed(self._tf, self._spec, samples, batch_size)
        self._judges = scoring != "host"
        self._counts = Counts(
            len(samples.train_rows),
            batch_size,
            len(samples.validation_rows),
            0,
            0,
            0,
            int(self._judges),
            int(scoring == "loss"),
        )
        hyper = Hyper(**optimizer.hyper, alpha=alpha)
        self._hyper = to_tensor(self._tf, np.array(hyper, np.float64))
        self._rule_tensor = to_tensor(self._tf, np.array(rule, np.float64))
        self._state = self._start(parameters, standing, samples_seen)

    @property
    def max_epochs(self) -> int:
        """The most epochs that one call can run."""
        return self._spec.epochs if self._judges else 1

    def run(self, orders: list[np.ndarray], first_batch: int, last_batch: int) -> Report:
        """Run one epoch for each order; of the first epoch only from ``first_batch`` on.

        An epoch whose last batch is not reached goes on in the next call.

        Parameters
        ----------
        orders : list of ndarray of shape (n_train,)
            The training rows in the order in which each epoch takes them.
        first_batch, last_batch : int
            The batches to run; ``last_batch`` itself is not.
        """
        if missing := self._feed.missing_entries(orders):
            self._grow(missing)
        data, order_tensor = self._feed.load(orders)
        counts = self._counts._replace(
            n_epochs=len(orders), first_batch=first_batch, last_batch=last_batch
        )
        done, self._state, curves = self._program(
            data,
            order_tensor,
            self._hyper,
            to_tensor(self._tf, np.array(counts, np.int32)),
            self._rule_tensor,
            self._state,
        )
        return self._report(int(done), curves)

    def judge(self, loss: float, score: float) -> bool:
        """Apply the stopping rule to the last epoch by a score of the host's; tell its verdict."""
        before = self.standing()
        after = judge(np.where, self._rule, before, np.float64(loss), np.float64(score))
        tensors = [to_tensor(self._tf, np.array(value, np.float64)) for value in after]
        self._state = self._state._replace(standing=Standing(*tensors))
        if after.best_score > before.best_score:
            self._state = self._state._replace(best_params=self._state.params)
        return bool(after.stopped)

    def parameters(self) -> Parameters:
        """Return a copy of the weights and biases."""
        return self._split(self._state.params)

    def best_parameters(self) -> Parameters:
        """Return a copy of the weights and biases that had the best validation score."""
        return self._split(self._state.best_params)

    def standing(self) -> Standing:
        """Return where the stopping rule stands."""
        return Standing(*(np.float64(value) for value in self._state.standing))

    def samples_seen(self) -> int:
        """Return how many samples the epochs of all fits had."""
        return int(self._state.samples_seen)

    def optimizer(self) -> Optimizer:
        """Return what the solver has kept."""
        return replace(
            self._optimizer,
            learning_rate=self._learning_rate(),
            step=int(self._state.step),
            slots=[[np.array(value) for value in slot] for slot in self._state.slots],
        )

    def _learning_rate(self) -> float:
        """Return the learning rate; a power by Python, as XLA's may differ in its last bit."""
        hyper = self._optimizer.hyper
        if hyper.get("scales_inversely"):
            try:
                return hyper["learning_rate"] / (self.samples_seen() + 1) ** hyper["power_t"]
            except OverflowError:
                return 0.0
        return float(self._state.standing.learning_rate)

    def _grow(self, batch_entries: int) -> None:
        """Go on with a program that has room for a larger sparse batch."""
        spec = replace(self._spec, batch_entries=batch_entries + batch_entries // 4)
        self._spec, self._program = PROGRAMS.exactly(self._tf, spec)

    def _report(self, n_done: int, curves: Any) -> Report:
        loss, validation_loss, score, rate = (curve.numpy()[:n_done].tolist() for curve in curves)
        if not self._counts.n_validation:
            validation_loss, score = [], []
        stopped = bool(self._state.standing.stopped)
        return Report(loss, validation_loss, score, rate, stopped)

    def _split(self, params: list[Any]) -> Parameters:
        arrays = [np.array(param) for param in params]
        n_layers = len(arrays) // 2
        return Parameters(arrays[:n_layers], arrays[n_layers:])

    def _start(self, parameters: Parameters, standing: Standing, samples_seen: int) -> State:
        def tensor(value: Any) -> Any:
            return to_tensor(self._tf, value)

        params = [tensor(array) for array in parameters.coefs + parameters.intercepts]
        slots = [[tensor(array) for array in slot] for slot in self._optimizer.slots]
        standing = standing._replace(learning_rate=self._optimizer.learning_rate, stopped=0.0)
        zero = tensor(np.array(0.0))
        return State(
            params=params,
            slots=slots,
            step=tensor(np.array(self._optimizer.step, np.int64)),
            samples_seen=tensor(np.array(samples_seen, np.float64)),
            loss_sum=zero,
            penalty_sums=[tensor(np.zeros_like(coef)) for coef in parameters.coefs],
            row_sum=zero,
            best_params=params if self._counts.n_validation else [],
            standing=Standing(*(tensor(np.array(value, np.float64)) for value in standing)),
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
        n_train = len(samples.train_rows)
        self._n_batches = -(-n_train // batch_size)
        wanted = _wanted(architecture, "lbfgs", batch_size, samples)
        spec, self._program = PROGRAMS.get(self._tf, wanted)
        feed = _make_feed(self._tf, spec, samples, batch_size)
        self._data, self._orders = feed.load([samples.train_rows])
        self._counts = Counts(n_train, batch_size, 0, 1, 0, 0, 0, 0)
        hyper = Hyper(learning_rate=0.0, alpha=alpha)
        self._hyper = to_tensor(self._tf, np.array(hyper, np.float64))
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
        weight = float(sums.weight)
        grads = [np.array(grad) for grad in sums.gradients]
        squares = 0.0
        for grad, coef in zip(grads, parameters.coefs, strict=False):  # biases are not penalised
            grad += self._alpha * coef
            squares += np.vdot(coef, coef)
        gradient = np.concatenate([grad.ravel() for grad in grads]) / weight
        return (float(sums.loss) + 0.5 * self._alpha * squares) / weight, gradient

    def _add_up(self, arrays: list[np.ndarray]) -> Sums:
        """Run all batches, in calls short enough for Ctrl-C to be seen."""
        params = [to_tensor(self._tf, array) for array in arrays]
        zero = to_tensor(self._tf, np.array(0.0))
        sums = Sums(zero, zero, [to_tensor(self._tf, np.zeros_like(array)) for array in arrays])
        first = 0
        while first < self._n_batches:
            last = min(first + self._pace.n_batches, self._n_batches)
            start = time.perf_counter()
            counts = self._counts._replace(first_batch=first, last_batch=last)
            sums = self._program(
                self._data,
                self._orders,
                self._hyper,
                to_tensor(self._tf, np.array(counts, np.int32)),
                params,
                sums,
            )
            self._pace.update(last - first, time.perf_counter() - start)
            first = last
        return sums


def _wanted(
    architecture: Architecture, solver: str, batch_size: int, samples: Samples
) -> ProgramSpec:
    """Return what a program must have for a fit."""
    n_train, n_validation = len(samples.train_rows), len(samples.validation_rows)
    validation_batch_rows = min(round_up_batch(n_validation), _MAX_VALIDATION_BATCH)
    spec = ProgramSpec(
        architecture=architecture,
        dtype=samples.dtype.name,
        solver=solver,
        batch_rows=batch_size if batch_size < n_train else round_up_batch(batch_size),
        validation_batch_rows=validation_batch_rows,
        data_rows=samples.n_rows,
        validation_rows=n_validation,
        epochs=0,
    )
    if not samples.is_sparse:
        return spec
    lengths = np.diff(samples.X[0].indptr)[samples.train_rows]
    largest = likely_largest_batch if solver != "lbfgs" else largest_batch
    validation = samples.features(samples.validation_rows)
    validation_lengths = np.diff(validation.indptr)
    return replace(
        spec,
        entries=max(1, int(lengths.sum())),
        batch_entries=max(1, largest(lengths, batch_size)),
        validation_entries=max(1, int(validation.nnz)),
        validation_batch_entries=max(1, largest_batch(validation_lengths, validation_batch_rows))
        if n_validation
        else 1,
    )


def _make_feed(
    tf: Any, spec: ProgramSpec, samples: Samples, batch_size: int
) -> DenseFeed | SparseFeed:
    if samples.is_sparse:
        return SparseFeed(tf, spec, samples, batch_size)
    return DenseFeed(tf, spec, samples)
