"""What a call of a program is told, beside its samples: the numbers of its batches and epochs."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skmlp._data.samples import Samples
from skmlp._engine.memory import aligned_zeros, share
from skmlp._program.solvers import SOLVERS, corrected_rates
from skmlp._program.spec import BatchNumbers, Control, EpochNumbers, Hyper, ProgramSpec
from skmlp._program.stopping import Rule


@dataclass(frozen=True)
class Goal:
    """What a fit asks of a program, the same in all its calls.

    Parameters
    ----------
    hyper : Hyper
        The hyper-parameters.
    rule : Rule
        When training stops.
    n_validation : int
        Samples of the validation set that the program scores.
    judges : bool
        Whether the program applies the stopping rule after an epoch, or the host.
    scores_loss : bool
        Whether the validation score is minus the validation loss.
    """

    hyper: Hyper
    rule: Rule
    n_validation: int = 0
    judges: bool = False
    scores_loss: bool = False


class Controller:
    """Writes what the calls of a fit are told, to memory that the program reads.

    Parameters
    ----------
    tf : module
        TensorFlow.
    spec : ProgramSpec
        The program.
    samples : Samples
        What is trained on, with its weights.
    batch_size : int
        Samples of a batch.
    goal : Goal
        What the fit asks for.
    """

    def __init__(self, tf: Any, spec: ProgramSpec, samples: Samples, batch_size: int, goal: Goal):
        self._spec = spec
        self._goal = goal
        self._n_samples = len(samples.train_rows)
        self._starts = np.arange(0, self._n_samples, batch_size)
        self._weight = samples.sample_weight[0] if spec.is_weighted else None
        self._n_rows = np.diff(self._starts, append=self._n_samples).astype(np.float64)
        self._last: tuple[Any, Any] = None, self._n_rows
        real, count = np.dtype(np.float64), np.dtype(np.int32)
        self._written = Control(
            aligned_zeros((spec.block_batches, len(BatchNumbers._fields)), real),
            aligned_zeros((spec.epochs, len(EpochNumbers._fields)), real),
            *(aligned_zeros((), count) for _ in range(3)),
        )
        self.control = Control(*(share(tf, part) for part in self._written))
        """What the next call is told, as tensors."""

    def write(
        self, orders: list[np.ndarray], first_batch: int, last_batch: int, step: int
    ) -> np.ndarray:
        """Write what the next call is told; return the steps of the solver after each batch.

        Parameters
        ----------
        orders : list of ndarray of shape (n_train,)
            The training rows in the order in which each epoch takes them.
        first_batch, last_batch : int
            The batches to run of each epoch; ``last_batch`` itself is not.
        step : int
            Steps of the solver so far.
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
        self._write_batches({n: c[:, part].ravel() for n, c in columns.items()}, steps)
        begins = first_batch == 0
        is_complete = last_batch == len(self._n_rows)
        self._write_epochs(is_active @ self._n_rows, begins, begins * scales[:, 0], is_complete)
        self._written.n_epochs[...] = len(orders)
        self._written.n_batches[...] = last_batch - first_batch
        self._written.n_validation[...] = self._goal.n_validation
        return steps

    def _write_batches(self, columns: dict[str, Any], steps: np.ndarray) -> None:
        hyper = self._goal.hyper
        corrects_rate = SOLVERS[self._spec.solver].corrects_rate
        numbers = BatchNumbers(
            **columns,
            rate=corrected_rates(hyper, steps.tolist()) if corrects_rate else np.nan,
            alpha=hyper.alpha,
            beta_1=hyper.beta_1,
            beta_2=hyper.beta_2,
            epsilon=hyper.epsilon,
            momentum=hyper.momentum,
            nesterov=hyper.nesterov,
            infinity=np.inf,
        )
        _fill(self._written.batches, numbers, len(steps))

    def _write_epochs(
        self, active_rows: np.ndarray, begins: bool, first_scales: np.ndarray, is_complete: bool
    ) -> None:
        goal, hyper = self._goal, self._goal.hyper
        numbers = EpochNumbers(
            n_samples=self._n_samples,
            active_rows=active_rows,
            begins=begins,
            first_scale=first_scales,
            is_complete=is_complete,
            judges=goal.judges,
            scores_loss=goal.scores_loss,
            alpha=hyper.alpha,
            learning_rate=hyper.learning_rate,
            power_t=hyper.power_t,
            scales_inversely=hyper.scales_inversely,
            **goal.rule._asdict(),
        )
        _fill(self._written.epochs, numbers, len(active_rows))

    def _weight_sums(self, order: np.ndarray) -> np.ndarray:
        """Return the sum of the weights of each batch of an epoch."""
        if self._weight is None:
            return self._n_rows
        if self._last[0] is not order:  # an epoch may take several calls
            weight = self._weight[order].astype(np.float64)
            self._last = order, np.add.reduceat(weight, self._starts)
        return self._last[1]


def _fill(table: np.ndarray, columns: tuple[Any, ...], n_rows: int) -> None:
    for i, column in enumerate(columns):
        table[:n_rows, i] = column
