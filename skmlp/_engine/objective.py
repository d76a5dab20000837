"""The objective of L-BFGS on the device."""

import time
from functools import partial
from math import prod
from typing import Any, Self

import numpy as np

from skmlp._data.samples import Samples
from skmlp._engine.arena import Arena
from skmlp._engine.capacity import required_program
from skmlp._engine.feed import arrange_rows, make_feed
from skmlp._engine.memory import SharedArray, aligned_empty, zeros_tensor
from skmlp._engine.pace import Pace
from skmlp._engine.program_cache import PROGRAMS
from skmlp._engine.tables import FitNumbers, TableWriter
from skmlp._model.network import Architecture
from skmlp._program.regularisers import NO_REGULARISATION, Regularisation
from skmlp._program.stopping import StoppingRule
from skmlp._program.values import CallTables, Data, Sums
from skmlp._tensorflow import loading as _tensorflow


class Objective:
    """The loss of all training samples and its gradient, as functions of a vector of parameters.

    Parameters
    ----------
    architecture : Architecture
        Sizes and activations of the network.
    batch_size : int
        Samples that are evaluated at a time.
    samples : Samples
        The training samples, in float64.
    alpha : float
        Strength of the penalty.
    regularisation : Regularisation
        The regularisers that change the loss: smoothed labels.
    """

    def __init__(
        self,
        architecture: Architecture,
        batch_size: int,
        samples: Samples,
        alpha: float,
        regularisation: Regularisation = NO_REGULARISATION,
    ):
        tf = _tensorflow.load()
        self._alpha = alpha
        self._n_batches = -(-len(samples.train_rows) // batch_size)
        wanted = required_program(
            architecture, "lbfgs", batch_size, samples, 0, regularisation=regularisation
        )
        self._spec, self._program = PROGRAMS.get(tf, wanted)
        arena = Arena(tf)
        self._feed = make_feed(arena, self._spec, samples)
        numbers = FitNumbers(alpha, {}, StoppingRule(0.0, 0.0), regularisation=regularisation)
        self._tables = TableWriter(arena, self._spec, samples, batch_size, numbers)
        self._order = samples.train_rows
        self._weight = float(samples.sample_weight[0][self._order].sum())
        self._arrange = partial(arrange_rows, size=batch_size, capacity=self._spec.batch_rows)
        self._pace = Pace(6.0 * batch_size * architecture.n_parameters)
        # Memory that the program reads, for the parameters of each evaluation.
        memory = aligned_empty((architecture.n_parameters,), samples.dtype)
        self._vector = SharedArray(tf, memory)
        self._penalised = slice(sum(prod(shape) for shape in architecture.coef_shapes))
        shapes = (self._spec.batch_rows,), memory.shape
        self._zeros = Sums(*(zeros_tensor(tf, shape, samples.dtype) for shape in shapes))
        self._last: tuple[tuple[int, int], tuple[Data, CallTables]] | None = None

    def __call__(self, vector: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the objective and its gradient.

        Parameters
        ----------
        vector : ndarray of shape (n_parameters,)
            Weights and then biases of all layers, each raveled.
        """
        self._vector.array[...] = vector
        sums = self._add_up()
        gradient, coefs = sums.gradient.numpy(), self._vector.array[self._penalised]
        penalised = gradient[self._penalised]
        penalised += self._alpha * coefs
        gradient /= self._weight
        penalty = 0.5 * self._alpha * float(np.dot(coefs, coefs))
        loss = float(np.add.reduce(sums.losses.numpy())) + penalty
        return loss / self._weight, gradient

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """End the thread that gathers samples, however the fit has ended."""
        self._feed.end_thread()

    def _add_up(self) -> Sums:
        """Run all batches, in calls short enough for Ctrl-C to be seen."""
        if self._n_batches == 1 and self._last is not None:  # whatever the pace is
            return self._program(*self._last[1], self._vector.tensor(), self._zeros)
        sums, vector, first = self._zeros, self._vector.tensor(), 0
        while first < self._n_batches:
            n_batches = min(self._pace.n_batches, self._spec.block_batches)
            last = min(first + n_batches, self._n_batches)
            start = time.perf_counter()
            if self._last is not None and self._last[0] == (first, last):  # the same data again
                sums = self._program(*self._last[1], vector, sums)
            else:
                sums = self._load_and_add(first, last, vector, sums)
            self._pace.update(last - first, time.perf_counter() - start)
            first = last
        return sums

    def _load_and_add(self, first: int, last: int, vector: Any, sums: Sums) -> Sums:
        """Load and run some batches. Their data are kept, in case the next call needs them."""
        rows = self._arrange([self._order], first, last)
        upcoming = self._arrange([self._order], last, 2 * last - first)
        rates = np.full((1, last - first), np.nan)  # the program reads no rate
        self._last = None
        with self._feed.loaded(rows, upcoming) as data:
            self._tables.write([self._order], first, last, 0, rates)
            tables = self._tables.tensors()
            self._last = (first, last), (data, tables)
            return self._program(data, tables, vector, sums)
