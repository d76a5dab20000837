"""Writes Dask collections to files on the workers, and keeps records of the files."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from skmlp._cluster.parts import Record, Records, SpoolOrder
from skmlp._extras import import_extra
from skmlp.dask._collections import Parts
from skmlp.dask._pulse import Pulse
from skmlp.dask._waiting import wait_for_any
from skmlp.dask._worker import spool_part
from skmlp.exceptions import WorkerLostError

SECONDS_OF_SILENCE = 10.0
"""If nothing is heard from a worker for this time while it computes partitions, it counts as lost.

A task that holds Python's lock keeps its worker silent for seconds: it may unpickle a large object.
"""

_SECONDS_TO_GATHER = 5.0
"""How long to wait for the records of partitions that were written."""


@dataclass
class SpooledBlock:
    """A set of samples in files on the workers.

    Parameters
    ----------
    client : distributed.Client
        The cluster.
    parts : Parts
        The partitions of the samples.
    order : SpoolOrder
        How to write the partitions.
    pulse : Pulse
        Knows which workers are silent.
    goes_on : bool
        Whether a partition goes to another worker when its worker is silent.
    """

    client: Any
    parts: Parts
    order: SpoolOrder
    pulse: Pulse
    goes_on: bool
    known: Records = field(init=False)
    """The records of the partitions that were written. Empty before the first call of `spool`."""
    _futures: dict[int, Any] = field(default_factory=dict, init=False)
    _assigned: dict[int, str] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.known = Records([], self.order)

    def spool(self, numbers: list[int] | None = None, lost: Collection[str] = ()) -> None:
        """Write partitions to files, each on the worker that has or computes the partition.

        Parameters
        ----------
        numbers : list of int, default=None
            The numbers of the partitions. None writes all partitions.
        lost : collection of str, default=()
            Workers that get no partitions.
        """
        wanted = list(range(len(self.parts.parts))) if numbers is None else numbers
        records = self._run(wanted, lost)
        by_number = {record.part: record for record in [*self.known.records, *records]}
        self.known = Records([by_number[number] for number in sorted(by_number)], self.order)
        self.known.check()

    def spool_lost(self, lost: set[str]) -> None:
        """Write the partitions of lost workers again, on other workers."""
        numbers = [record.part for record in self.known.records if record.worker in lost]
        if numbers:
            self._forget_places(lost)
            self.spool(numbers, lost)

    def release(self) -> None:
        """Let the cluster forget the tasks. The workers then close their files."""
        for future in self._futures.values():
            future.release()
        self._futures = {}

    def _run(self, numbers: list[int], lost: Collection[str]) -> list[Record]:
        records: dict[int, Record] = {}
        left, lost = numbers, set(lost)
        self._submit(left, lost)
        while left:
            records |= self._collect(left)
            left = [number for number in left if number not in records]
            silent = self.pulse.silent(SECONDS_OF_SILENCE) - lost
            if left and silent:
                lost |= silent
                if any(self._assigned[number] in silent for number in left):
                    self._check_goes_on(silent, lost)
                self._forget_places(lost)
                # All, as partitions of other workers may wait for a task of a silent worker.
                self._submit(left, lost)
        return list(records.values())

    def _submit(self, numbers: list[int], lost: Collection[str]) -> None:
        """Start tasks that write partitions. Earlier tasks for these partitions are cancelled."""
        dask = import_extra("dask", "dask", "skmlp.dask")
        task = dask.delayed(spool_part, pure=False, traverse=False)
        assigned = dict(zip(numbers, self._assign(numbers, lost), strict=True))
        # Otherwise Dask would run the new tasks on the worker of the earlier ones, which is lost.
        self.client.cancel([self._futures.pop(n) for n in numbers if n in self._futures])
        # A frozen worker has nothing to do then, and the scheduler would move tasks to it.
        alive = sorted(set(self.client.nthreads()).difference(lost)) if lost else None
        for worker in dict.fromkeys(assigned.values()):
            own = [number for number in numbers if assigned[number] == worker]
            tasks = [task(self.order, number, *self.parts.parts[number]) for number in own]
            futures = self.client.compute(
                tasks, workers=alive or [worker], allow_other_workers=alive is None
            )
            self._futures |= dict(zip(own, futures, strict=True))
        self._assigned |= assigned

    def _collect(self, numbers: list[int]) -> dict[int, Record]:
        """Return the records of partitions that were written. If there are none, wait a moment."""
        done = {n: self._futures[n] for n in numbers if self._futures[n].done()}
        if not done:
            wait_for_any([self._futures[number] for number in numbers], 0.5)
            return {}

        async def gather() -> list[Record]:
            found: list[Record] = await self.client.gather(list(done.values()), asynchronous=True)
            return found

        try:
            records = self.client.sync(gather, callback_timeout=_SECONDS_TO_GATHER)
        except TimeoutError:  # a worker that has some of the records may be frozen
            return {}
        return dict(zip(done, records, strict=True))

    def _check_goes_on(self, silent: set[str], lost: set[str]) -> None:
        """Raise WorkerLostError if the samples of silent workers can't go to other workers."""
        reason = f"the scheduler has heard nothing from them for {SECONDS_OF_SILENCE:.0f} seconds"
        if not set(self.client.nthreads()) - lost:
            reason += "; no worker is left"
        elif self.goes_on:
            return
        raise WorkerLostError(
            f"Workers were lost while samples were written to their disks: {', '.join(silent)}: "
            f"{reason}",
            sorted(silent),
        )

    def _forget_places(self, lost: Collection[str]) -> None:
        """Forget the partitions that lost workers had in memory."""
        self.parts.places[:] = [None if at in lost else at for at in self.parts.places]

    def _assign(self, numbers: list[int], lost: Collection[str]) -> list[str]:
        """Return a worker for each partition: the one that holds it, else spread evenly."""
        workers = set(self.client.nthreads()).difference(lost)
        workers -= self.pulse.silent(SECONDS_OF_SILENCE)
        if not workers:
            raise RuntimeError("The Dask cluster has no workers.")
        ordered = sorted(workers)
        return [
            self.parts.places[number] or ordered[i * len(ordered) // len(numbers)]
            for i, number in enumerate(numbers)
        ]
