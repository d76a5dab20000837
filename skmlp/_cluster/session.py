"""Runs a fit by epochs on several processes. Each process holds a part of the samples."""

import copy
import time
from dataclasses import replace
from typing import Any

import numpy as np

from skmlp._cluster.group import Group
from skmlp._cluster.held_rows import HeldBatches, HeldRows, likely_counts
from skmlp._data.samples import Samples
from skmlp._engine.arena import Arena
from skmlp._engine.capacity import block_batches
from skmlp._engine.feed import DenseFeed
from skmlp._engine.memory import SharedArray, aligned_zeros, to_tensor
from skmlp._engine.report import Report
from skmlp._engine.session import TrainingSession
from skmlp._engine.tables import TableWriter
from skmlp._model.network import Architecture
from skmlp._model.records import TrainingState
from skmlp._program.collective import Parts, make_loss, make_program
from skmlp._program.regularisers import Regularisation
from skmlp._program.spec import ProgramSpec
from skmlp._program.stopping import StoppingRule

_FEW_OPERATIONS = 2e7
"""With fewer floating-point operations a batch and process, all batches have the same width.

On one core of Zen 5 so many operations take 0.1 ms, and the sum of the gradients takes 0.4 ms. A
narrower width spares a fraction of the first, and takes 0.2 to 0.3 s to compile.
"""


class ClusterSession(TrainingSession):
    """The session of one process in a fit by epochs on several processes.

    All processes run the same batches with the same numbers, and their calls end at the same
    batches. From each batch a process takes the rows that it holds.

    Parameters
    ----------
    group : Group
        The processes.
    held : HeldRows
        Says which samples this process holds.
    own : Samples
        The samples that this process holds, in the order of their places.
    is_mixed : bool
        Whether the processors are of several kinds, which may round differently. If so, all
        processes take over the weights of the leading process after each epoch.
    judges : bool
        Whether the session applies the stopping rule. If not, the caller calls `judge` after each
        epoch.
    shuffles : bool
        Whether batches are drawn at random. If not, batches are the training rows in their order.
    architecture, batch_size, samples, alpha, rule, start, max_epochs, regularisation
        As for `TrainingSession`. ``samples`` are the samples of all processes; their features are
        not used.
    """

    def __init__(
        self,
        group: Group,
        held: HeldRows,
        own: Samples,
        is_mixed: bool,
        judges: bool,
        shuffles: bool,
        architecture: Architecture,
        batch_size: int,
        samples: Samples,
        alpha: float,
        rule: StoppingRule,
        start: TrainingState,
        max_epochs: int,
        regularisation: Regularisation,
    ):
        self._group = group
        self._held = held
        self._own = own
        self._is_mixed = is_mixed
        self._applies_rule = judges
        self.seconds = 0.0
        """Seconds that the last call took, on average over the processes."""
        rows = samples.train_rows
        # Without a shuffle the rows of a partition stay together: a process may hold a whole batch.
        counts = [int(held.count(rows, batch_size).max())]
        if shuffles:
            counts = likely_counts(len(rows), len(held.places_of(rows)), batch_size)
            if 6 * batch_size * architecture.n_parameters < _FEW_OPERATIONS * group.size:
                counts = counts[-1:]
        self._widths = sorted(set(map(_round_up, counts)))
        self._last_arranged: tuple[Any, ...] = None, 0, 0, None
        super().__init__(
            architecture,
            batch_size,
            samples,
            alpha,
            rule,
            "host",
            start,
            max_epochs,
            regularisation,
        )

    @property
    def _batch_rows(self) -> int:
        return self._widths[-1]

    @property
    def max_epochs(self) -> int:
        """The number of epochs that one call can run: 1, or 0 if an epoch takes several calls."""
        return int(self._n_batches <= self.max_batches)

    def run(
        self, orders: list[np.ndarray], first_batch: int, last_batch: int, next_last_batch: int
    ) -> Report:
        """Run some batches of an epoch; see `TrainingSession.run`."""
        start = time.perf_counter()
        (order,) = orders
        held = self._arrange(order, first_batch, last_batch)
        self._make_wider(held.places.shape[1])
        held = held.padded(self._batch_rows)
        self._parts.n_rows.array[: len(held.counts)] = held.counts
        self._parts.positions.array[: len(held.counts)] = held.positions
        upcoming = self._upcoming(order, last_batch, next_last_batch)
        is_whole = last_batch == self._n_batches
        rates = self._rate.upcoming(1, first_batch, last_batch)
        with self._feed.loaded(held.places, upcoming) as data:
            steps = self._tables.write(orders, first_batch, last_batch, self._step, rates)
            tables = self._tables.tensors()
            parts = Parts(*(each.tensor() for each in self._parts))
            running = self._run_batches(data.train, parts, tables, self._state.running)
            loss = self._own_loss(tables, running, self._group.leads) if is_whole else 0.0
        self._state = self._state._replace(running=running)
        self._step = int(steps[-1])
        loss, seconds = self._group.add([float(loss), time.perf_counter() - start]).tolist()
        self.seconds = seconds / self._group.size
        if not is_whole:
            return Report([], [], [], [], False)
        if self._is_mixed:
            self._follow_leader()
        return self._close_epoch(loss)

    def keep(self) -> "ClusterSession":
        """Return a copy of the session. Later calls of this session do not change its tensors."""
        kept = copy.copy(self)
        kept._rate = copy.copy(self._rate)
        return kept

    def _close_epoch(self, loss: float) -> Report:
        rates = self._rate.complete(1)
        is_over = self._applies_rule and self.judge(loss, np.nan)
        rates[-1] = self._rate.rate  # an adaptive rate changes instead of stopping training
        return Report([loss], [], [], rates, is_over)

    def _follow_leader(self) -> None:
        """Take over the weights of the leading process, and the state of its solver."""
        tf, running = self._tf, self._state.running
        tensors = tf.nest.flatten([running.params, running.slots])
        vector = tf.concat([tf.reshape(each, [-1]) for each in tensors], axis=0)
        vector = self._group.add_tensor(vector if self._group.leads else tf.zeros_like(vector))
        parts = tf.split(vector, [each.shape.num_elements() for each in tensors])
        tensors = [tf.reshape(part, e.shape) for part, e in zip(parts, tensors, strict=True)]
        params, slots = tf.nest.pack_sequence_as([running.params, running.slots], tensors)
        self._state = self._state._replace(running=running._replace(params=params, slots=slots))

    def _upcoming(self, order: np.ndarray, first: int, last: int) -> np.ndarray:
        """Return the places of the rows of the next call, or of no batch if the rows do not fit."""
        held = self._arrange(order, first, last)
        if held.places.shape[1] > self._batch_rows:
            held = self._held.arrange(order, last, last, self._batch_size)
        return held.padded(self._batch_rows).places

    def _arrange(self, order: np.ndarray, first: int, last: int) -> HeldBatches:
        """Return the rows of some batches that this process holds. The last result is kept."""
        known, *bounds, held = self._last_arranged
        if known is not order or bounds != [first, last]:
            held = self._held.arrange(order, first, last, self._batch_size)
            self._last_arranged = order, first, last, held
        return held

    def _make_wider(self, n_rows: int) -> None:
        """If a batch has more rows in this process than fit, go on with a wider program."""
        extra = _round_up(n_rows) - self._batch_rows
        if extra <= 0:
            return
        self._widths = [*self._widths, self._batch_rows + extra]
        running = self._state.running
        losses = np.append(running.losses.numpy(), np.zeros(extra))
        running = running._replace(losses=to_tensor(self._tf, losses))
        self._state = self._state._replace(running=running)
        self._set_up(replace(self._spec, batch_rows=self._batch_rows))

    def _use(self, wanted: ProgramSpec) -> None:
        """Make the functions, and get the memory, for a fit that wants the program `wanted`."""
        # Calls end at the same batches on all processes. So all blocks have equally many batches.
        most_rows = int(max(self._group.gather(self._batch_rows)))
        n_batches = block_batches(wanted.architecture, self._samples.dtype, most_rows)
        self._set_up(
            replace(wanted, batch_rows=self._batch_rows, block_batches=n_batches, epochs=1)
        )

    def _set_up(self, spec: ProgramSpec) -> None:
        self._spec, tf = spec, self._tf
        self._run_batches = make_program(tf, spec, self._group.size, self._widths)
        self._own_loss = make_loss(tf, spec)
        self._arena = Arena(tf)
        if hasattr(self, "_feed"):
            self._feed.end_thread()
        self._feed: Any = DenseFeed(self._arena, spec, self._own)
        self._tables = TableWriter(
            self._arena, spec, self._samples, self._batch_size, self._numbers
        )
        shape = (spec.block_batches, spec.batch_rows)
        n_rows = aligned_zeros(shape[:1], np.dtype(np.float64))
        positions = aligned_zeros(shape, np.dtype(np.int32))
        self._parts = Parts(SharedArray(tf, n_rows), SharedArray(tf, positions))

    def _compile(self) -> None:
        """Do nothing: the first batch compiles the functions on all processes at once."""


def _round_up(n_rows: int) -> int:
    """Round up to a positive multiple of 16, so that TensorFlow copies no rows of a batch.

    The rows of each batch then begin at an aligned address.
    """
    return max(16, -(-n_rows // 16) * 16)
