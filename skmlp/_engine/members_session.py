"""One fit of several networks on the device: their samples, their state, and their program."""

from typing import Any

import numpy as np

from skmlp._engine.memory import SharedArray, aligned_zeros, to_tensor
from skmlp._engine.program_cache import PROGRAMS
from skmlp._program.members import (
    BETA_1,
    BETA_2,
    MembersData,
    MembersSpec,
    MembersState,
    MembersTables,
    StepNumbers,
)
from skmlp._tensorflow import loading

BLOCK_BATCHES = 64
"""Maximum number of batches of a call: a call returns within half a second to see Ctrl-C.

On Zen 5, six epochs of 547 batches took 1437, 1351 and 1301 ms with calls of 16, 64 and 256
batches, 0.4 ms a batch of 32 rows (``python -m benchmarks.sweeps``).
"""


class MembersSession:
    """The data and the state of several networks on the device.

    Parameters
    ----------
    spec : MembersSpec
        The networks and the sizes that they need. The program may have larger capacities.
    X : ndarray of shape (n_samples, n_features)
        Features, in float32.
    targets : ndarray of shape (n_samples, n_outputs)
        One-hot rows, indicators or numbers, in float32.
    sample_weight : ndarray of shape (n_samples,)
        Weights of the samples, in float32.
    held_out : ndarray of shape (n_members, n_held_out)
        Rows that each network is scored on.
    params : list of ndarray
        Initial parameters, of the shapes ``spec.shapes``.
    """

    def __init__(
        self,
        spec: MembersSpec,
        X: np.ndarray,
        targets: np.ndarray,
        sample_weight: np.ndarray,
        held_out: np.ndarray,
        params: list[np.ndarray],
    ):
        self._tf = tf = loading.load()
        self._spec, self._program = PROGRAMS.get(tf, spec)
        self._n_held_out = held_out.shape[1]
        self._n_steps = 0
        held = np.zeros((spec.n_members, self._spec.validation_rows), np.int32)
        held[:, : self._n_held_out] = held_out
        self._data = MembersData(
            self._place(X, self._spec.rows),
            self._place(targets, self._spec.rows),
            self._place(sample_weight, self._spec.rows),
            to_tensor(tf, held),
        )
        tensors = [to_tensor(tf, param) for param in params]
        zeros = [to_tensor(tf, np.zeros_like(param)) for param in params]
        self._state = MembersState(tensors, zeros, zeros)
        self._memory = self._make_tables()

    def run_epoch(
        self, rows: np.ndarray, numbers: StepNumbers, keys: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Train all networks for one epoch.

        Parameters
        ----------
        rows : ndarray of shape (n_batches, n_members, batch_rows)
            The rows of each batch of each network, padded with -1.
        numbers : StepNumbers of ndarray of shape (n_batches,)
            The learning rate, before Adam's correction, and the other numbers of each batch.
        keys : ndarray of shape (n_batches,)
            Seeds of the masks, int32.

        Returns
        -------
        losses : ndarray of shape (n_members,)
            Mean training loss of each network.
        held_out : ndarray of shape (n_members, n_held_out, n_outputs)
            Weighted sums of the last layer for the held-out rows.
        """
        losses, n_batches = np.zeros(self._spec.n_members), len(rows)
        steps = self._n_steps + 1 + np.arange(n_batches)
        numbers = numbers._replace(rate=numbers.rate * _correction(steps))
        for first in range(0, n_batches, self._spec.block_batches):
            part = slice(first, first + self._spec.block_batches)
            is_last = part.stop >= n_batches
            self._write(rows[part], StepNumbers(*(each[part] for each in numbers)), keys[part])
            self._memory.is_complete.array[...] = is_last
            tables = MembersTables(*(each.tensor() for each in self._memory))
            added, held_out, self._state = self._program(self._data, tables, self._state)
            losses += added.numpy()
        self._n_steps += n_batches
        return losses / n_batches, held_out.numpy()[:, : self._n_held_out]

    def parameters(self) -> list[np.ndarray]:
        """Return copies of the parameters, in the order of ``MembersSpec.shapes``."""
        return [np.array(param.numpy()) for param in self._state.params]

    def _place(self, array: np.ndarray, n_rows: int) -> Any:
        """Return a tensor with the rows of an array, followed by rows of zeros."""
        memory = aligned_zeros((n_rows, *array.shape[1:]), np.dtype(np.float32))
        memory[: len(array)] = array
        return SharedArray(self._tf, memory).tensor()

    def _make_tables(self) -> MembersTables:
        spec, real, count = self._spec, np.dtype(np.float32), np.dtype(np.int32)
        shapes: list[tuple[tuple[int, ...], np.dtype]] = [
            ((spec.block_batches, spec.n_members, spec.batch_rows), count),
            ((spec.block_batches, len(StepNumbers._fields)), real),
            ((spec.block_batches,), count),
            ((), count),
            ((), count),
        ]
        memory = [SharedArray(self._tf, aligned_zeros(shape, dtype)) for shape, dtype in shapes]
        return MembersTables(*memory)

    def _write(self, rows: np.ndarray, numbers: StepNumbers, keys: np.ndarray) -> None:
        n_batches = len(rows)
        memory = self._memory
        # The last row of the data has no weight.
        memory.rows.array[:n_batches] = np.where(rows < 0, self._spec.rows - 1, rows)
        for column, values in enumerate(numbers):
            memory.numbers.array[:n_batches, column] = values
        memory.keys.array[:n_batches] = keys
        memory.n_batches.array[...] = n_batches


def _correction(steps: np.ndarray) -> np.ndarray:
    """Return the factor by which Adam corrects its learning rate for moments that begin at 0."""
    return np.sqrt(1 - BETA_2**steps) / (1 - BETA_1**steps)
