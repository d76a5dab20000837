"""The objective of L-BFGS on the device."""

import time
from functools import partial

import numpy as np

from skmlp import _tensorflow
from skmlp._capacity import required_program
from skmlp._control import Controller, Goal
from skmlp._engine import _from_device, _to_device
from skmlp._feed import arrange_rows, make_feed
from skmlp._graph.types import Hyper, Sums
from skmlp._memory import to_tensor
from skmlp._network import Architecture, Parameters
from skmlp._pace import Pace
from skmlp._programs import PROGRAMS
from skmlp._samples import Samples
from skmlp._stopping import Rule


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
        wanted = required_program(architecture, "lbfgs", batch_size, samples)
        self._spec, self._program = PROGRAMS.get(self._tf, wanted)
        self._feed = make_feed(self._tf, self._spec, samples)
        goal = Goal(Hyper(learning_rate=0.0, alpha=alpha), Rule(0.0, 0.0))
        self._controller = Controller(self._tf, self._spec, samples, batch_size, goal)
        self._order = samples.train_rows
        self._weight = float(samples.sample_weight[0][self._order].sum())
        self._arrange = partial(arrange_rows, size=batch_size, capacity=self._spec.batch_rows)
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
