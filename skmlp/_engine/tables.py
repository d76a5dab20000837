"""The tables that control a call of a program: the numbers of its batches and epochs."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skmlp._data.samples import Samples
from skmlp._engine.memory import SharedArray, aligned_zeros
from skmlp._program.regularisers import NO_REGULARISATION, Regularisation
from skmlp._program.solvers import SOLVERS
from skmlp._program.spec import ProgramSpec
from skmlp._program.stopping import StoppingRule
from skmlp._program.values import BatchNumbers, CallTables, EpochNumbers, n_batch_columns


@dataclass(frozen=True)
class FitNumbers:
    """Numbers that are the same in all calls of a fit.

    Parameters
    ----------
    alpha : float
        Strength of the penalty.
    hyper : dict of str to float
        Hyper-parameters of the solver and of the schedule, by their names in the estimator.
    rule : StoppingRule
        When training stops.
    n_validation : int
        Samples of the validation set that the program scores.
    judges : bool
        Whether the program applies the stopping rule after an epoch, or the host.
    scores_loss : bool
        Whether the validation score is minus the validation loss.
    regularisation : Regularisation
        The regularisers.
    seed : int or None
        The seed of what is random in them.
    """

    alpha: float
    hyper: dict[str, float]
    rule: StoppingRule
    n_validation: int = 0
    judges: bool = False
    scores_loss: bool = False
    regularisation: Regularisation = NO_REGULARISATION
    seed: int | None = None


class TableWriter:
    """Writes the tables of a fit's calls to memory that the program reads.

    Parameters
    ----------
    tf : module
        TensorFlow.
    spec : ProgramSpec
        The program.
    samples : Samples
        The training samples, with their weights.
    batch_size : int
        Samples of a batch.
    numbers : FitNumbers
        The numbers that stay.
    """

    def __init__(
        self, tf: Any, spec: ProgramSpec, samples: Samples, batch_size: int, numbers: FitNumbers
    ):
        self._numbers = numbers
        self._solver = SOLVERS[spec.solver]
        self._hyper = {name: numbers.hyper[name] for name in self._solver.parameters}
        self._n_samples = len(samples.train_rows)
        self._starts = np.arange(0, self._n_samples, batch_size)
        self._weight = samples.sample_weight[0] if spec.is_weighted else None
        self._n_rows = np.diff(self._starts, append=self._n_samples).astype(np.float64)
        self._last: tuple[Any, Any] = None, self._n_rows
        real, count = np.dtype(np.float64), np.dtype(np.int32)
        shapes: list[tuple[tuple[int, ...], np.dtype]] = [
            ((spec.block_batches, n_batch_columns(spec)), real),
            ((spec.epochs, len(EpochNumbers._fields)), real),
            *[((), count)] * 3,
        ]
        memory = [SharedArray(tf, aligned_zeros(shape, dtype)) for shape, dtype in shapes]
        self._memory = CallTables(*memory)

    def tensors(self) -> CallTables:
        """Return the tables of the next call as tensors."""
        return CallTables(*(each.tensor() for each in self._memory))

    def write(
        self,
        orders: list[np.ndarray],
        first_batch: int,
        last_batch: int,
        step: int,
        rates: np.ndarray,
    ) -> np.ndarray:
        """Write the tables of the next call; return the steps of the solver after each batch.

        Parameters
        ----------
        orders : list of ndarray of shape (n_train,)
            The training rows in the order in which each epoch takes them.
        first_batch, last_batch : int
            The batches to run of each epoch; ``last_batch`` itself is not.
        step : int
            Steps of the solver so far.
        rates : ndarray of shape (n_epochs, last_batch - first_batch)
            The learning rate of each batch.
        """
        weight_sums = np.array([self._weight_sums(order) for order in orders])
        is_active = weight_sums > 0
        scales = np.zeros_like(weight_sums)
        np.divide(self._n_rows, weight_sums, out=scales, where=is_active)
        next_scales = np.append(scales[:, 1:], np.zeros((len(orders), 1)), axis=1)
        part = slice(first_batch, last_batch)
        steps = step + is_active[:, part].ravel().cumsum()
        columns = {
            "n_rows": np.tile(self._n_rows, (len(orders), 1)),
            "weight_sum": weight_sums,
            "is_active": is_active,
            "scale": scales,
            "next_scale": next_scales,
        }
        self._write_batches(
            {name: column[:, part].ravel() for name, column in columns.items()},
            self._solver.step_sizes(self._hyper, rates.ravel(), steps.tolist()),
            self._numbers.regularisation.numbers(
                rates.ravel(), is_active[:, part].ravel(), steps, self._numbers.seed
            ),
        )
        begins = first_batch == 0
        is_complete = last_batch == len(self._n_rows)
        self._write_epochs(is_active @ self._n_rows, begins, begins * scales[:, 0], is_complete)
        self._memory.n_epochs.array[...] = len(orders)
        self._memory.n_batches.array[...] = last_batch - first_batch
        self._memory.n_validation.array[...] = self._numbers.n_validation
        return steps

    def _write_batches(
        self, columns: dict[str, Any], rates: np.ndarray, regularisers: dict[str, Any]
    ) -> None:
        numbers = BatchNumbers(
            **columns,
            rate=rates,
            alpha=self._numbers.alpha,
            infinity=np.inf,
            hyper=self._hyper | regularisers,
        )
        _fill(self._memory.batches.array, numbers.columns(), len(rates))

    def _write_epochs(
        self, active_rows: np.ndarray, begins: bool, first_scales: np.ndarray, is_complete: bool
    ) -> None:
        numbers = EpochNumbers(
            active_rows=active_rows,
            begins=begins,
            first_scale=first_scales,
            is_complete=is_complete,
            judges=self._numbers.judges,
            scores_loss=self._numbers.scores_loss,
            alpha=self._numbers.alpha,
            **self._numbers.rule._asdict(),
        )
        _fill(self._memory.epochs.array, list(numbers), len(active_rows))

    def _weight_sums(self, order: np.ndarray) -> np.ndarray:
        """Return the sum of the weights of each batch of an epoch."""
        if self._weight is None:
            return self._n_rows
        if self._last[0] is not order:  # an epoch may take several calls
            weight = self._weight[order].astype(np.float64)
            self._last = order, np.add.reduceat(weight, self._starts)
        return self._last[1]


def _fill(table: np.ndarray, columns: list[Any], n_rows: int) -> None:
    for i, column in enumerate(columns):
        table[:n_rows, i] = column
