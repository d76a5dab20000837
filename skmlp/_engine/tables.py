"""The tables that control a call of a program: the numbers of its batches and epochs."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skmlp._data.samples import Samples
from skmlp._engine.arena import Arena
from skmlp._engine.memory import aligned_zeros
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
        Whether the program applies the stopping rule after an epoch; if not, the host does.
    scores_loss : bool
        Whether the validation score is minus the validation loss.
    regularisation : Regularisation
        The regularisers.
    seed : int or None
        The seed of the masks of dropout.
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
    arena : Arena
        Allocates the memory of the tables.
    spec : ProgramSpec
        The program.
    samples : Samples
        The training samples, with their weights.
    batch_size : int
        Samples of a batch.
    numbers : FitNumbers
        The numbers that are the same in all calls.
    """

    def __init__(
        self,
        arena: Arena,
        spec: ProgramSpec,
        samples: Samples,
        batch_size: int,
        numbers: FitNumbers,
    ):
        self._numbers = numbers
        self._solver = SOLVERS[spec.solver]
        self._hyper = {name: numbers.hyper[name] for name in self._solver.parameters}
        self._n_samples = len(samples.train_rows)
        self._starts = np.arange(0, self._n_samples, batch_size)
        self._weight = samples.sample_weight[0] if spec.is_weighted else None
        self._n_rows = np.full(len(self._starts), float(batch_size))
        self._n_rows[-1] = self._n_samples - self._starts[-1]
        self._last: tuple[Any, Any] = None, self._n_rows
        real, count = np.dtype(np.float64), np.dtype(np.int32)
        shapes: list[tuple[tuple[int, ...], np.dtype]] = [
            ((spec.block_batches, n_batch_columns(spec)), real),
            ((spec.epochs, len(EpochNumbers._fields)), real),
            *[((), count)] * 3,
        ]
        memory = [arena.take(aligned_zeros, *each) for each in shapes]
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
        """Write the tables of the next call; return the number of steps after each batch.

        Parameters
        ----------
        orders : list of ndarray of shape (n_train,)
            The training rows in the order in which each epoch takes them.
        first_batch, last_batch : int
            The batches of each epoch to run, without ``last_batch`` itself.
        step : int
            Number of steps of the solver so far.
        rates : ndarray of shape (n_epochs, last_batch - first_batch)
            The learning rate of each batch.
        """
        sums = self._weight_sums(orders)
        is_active = sums > 0
        scales = np.divide(self._n_rows, sums, out=np.zeros_like(sums), where=is_active)
        next_scales = np.zeros_like(scales)
        next_scales[:, :-1] = scales[:, 1:]
        part = slice(first_batch, last_batch)
        actives = np.broadcast_to(is_active[:, part], rates.shape).ravel()
        steps = step + actives.cumsum()
        step_sizes = self._solver.step_sizes(self._hyper, rates.ravel(), steps.tolist())
        regularisers = self._numbers.regularisation.numbers(
            rates.ravel(), actives, steps, self._numbers.seed
        )
        # Each is one number, or an array with an axis of epochs and an axis of batches.
        batch_numbers = BatchNumbers(
            n_rows=self._n_rows[np.newaxis, part],
            weight_sum=sums[:, part],
            is_active=is_active[:, part],
            scale=scales[:, part],
            next_scale=next_scales[:, part],
            rate=step_sizes.reshape(rates.shape),
            alpha=self._numbers.alpha,
            infinity=np.inf,
            hyper=self._hyper
            | {
                name: np.reshape(number, rates.shape) if np.ndim(number) else number
                for name, number in regularisers.items()
            },
        )
        table = self._memory.batches.array[: rates.size]
        _fill(table.reshape(*rates.shape, -1), batch_numbers.columns())
        begins = first_batch == 0
        epoch_numbers = EpochNumbers(
            active_rows=is_active @ self._n_rows,
            begins=begins,
            first_scale=begins * scales[:, 0],
            is_complete=last_batch == len(self._n_rows),
            judges=self._numbers.judges,
            scores_loss=self._numbers.scores_loss,
            alpha=self._numbers.alpha,
            **self._numbers.rule._asdict(),
        )
        _fill(self._memory.epochs.array[: len(orders)], list(epoch_numbers))
        self._memory.n_epochs.array[...] = len(orders)
        self._memory.n_batches.array[...] = last_batch - first_batch
        self._memory.n_validation.array[...] = self._numbers.n_validation
        return steps

    def _weight_sums(self, orders: list[np.ndarray]) -> np.ndarray:
        """Return the weight of each batch: a row for each epoch, or one row for all epochs."""
        if self._weight is None:
            return self._n_rows[np.newaxis]
        return np.array([self._weight_sums_of(self._weight, order) for order in orders])

    def _weight_sums_of(self, weight: np.ndarray, order: np.ndarray) -> np.ndarray:
        if self._last[0] is not order:  # an epoch may take several calls
            sums = np.add.reduceat(weight[order].astype(np.float64), self._starts)
            self._last = order, sums
        return self._last[1]


def _fill(table: np.ndarray, columns: list[Any]) -> None:
    for i, column in enumerate(columns):
        table[..., i] = column
