"""From Dask's collections to files on the workers, and what the client keeps of them."""

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
"""A worker that was not heard of for so long while partitions are computed is taken for lost.

A task that holds Python's lock, as one that unpickles a large object, keeps it silent for seconds.
"""

_SECONDS_TO_GATHER = 5.0


@dataclass
class SpooledBlock:
    """Samples that lie in files on the workers.

    Parameters
    ----------
    client : distributed.Client
        The cluster.
    parts : Parts
        What they are made of.
    order : SpoolOrder
        How they are written.
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
    """What is known of the partitions; there are none before the first call of `spool`."""
    _futures: dict[int, Any] = field(default_factory=dict, init=False)
    _assigned: dict[int, str] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.known = Records([], self.order)

    def spool(self, numbers: list[int] | None = None, lost: Collection[str] = ()) -> None:
        """Write partitions, all or those of some numbers, each where it is or is computed.

        Parameters
        ----------
        numbers : list of int, default=None
            The numbers of the partitions.
        lost : collection of str, default=()
            Workers that get none.
        """
        wanted = list(range(len(self.parts.parts))) if numbers is None else numbers
        records = self._run(wanted, lost)
        by_number = {record.part: record for record in [*self.known.records, *records]}
        self.known = Records([by_number[number] for number in sorted(by_number)], self.order)
        self.known.check()

    def spool_lost(self, lost: set[str]) -> None:
        """Write those partitions again that workers had which were lost."""
        numbers = [record.part for record in self.known.records if record.worker in lost]
        if numbers:
            self._forget_places(lost)
            self.spool(numbers, lost)

    def release(self) -> None:
        """Let the cluster forget the tasks."""
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
            silent = self.pulse.silent(SECONDS_OF_SILENCE)
            theirs = [number for number in left if self._assigned[number] in silent]
            if theirs:
                self._check_goes_on(silent)
                lost |= silent
                self._forget_places(lost)
                self._submit(theirs, lost)
        return list(records.values())

    def _submit(self, numbers: list[int], lost: Collection[str]) -> None:
        """Start the tasks for partitions, anew if there were some."""
        dask = import_extra("dask", "dask", "skmlp.dask")
        task = dask.delayed(spool_part, pure=False, traverse=False)
        assigned = dict(zip(numbers, self._assign(numbers, lost), strict=True))
        # Else Dask would compute them where it was asked to before: on a worker that is lost.
        self.client.cancel([self._futures.pop(n) for n in numbers if n in self._futures])
        for worker in dict.fromkeys(assigned.values()):
            own = [number for number in numbers if assigned[number] == worker]
            tasks = [task(self.order, number, *self.parts.parts[number]) for number in own]
            futures = self.client.compute(tasks, workers=[worker], allow_other_workers=True)
            self._futures |= dict(zip(own, futures, strict=True))
        self._assigned |= assigned

    def _collect(self, numbers: list[int]) -> dict[int, Record]:
        """Return what is known of partitions that were written, after a moment if none was."""
        done = {n: self._futures[n] for n in numbers if self._futures[n].done()}
        if not done:
            wait_for_any([self._futures[number] for number in numbers], 0.5)
            return {}

        async def gather() -> list[Record]:
            found: list[Record] = await self.client.gather(list(done.values()), asynchronous=True)
            return found

        try:
            records = self.client.sync(gather, callback_timeout=_SECONDS_TO_GATHER)
        except TimeoutError:  # a worker that has some of them may be frozen
            return {}
        return dict(zip(done, records, strict=True))

    def _check_goes_on(self, silent: set[str]) -> None:
        """Raise WorkerLostError if the samples of silent workers can't go to others."""
        reason = f"they were not heard of for {SECONDS_OF_SILENCE:.0f} seconds"
        if not set(self.client.nthreads()) - silent:
            reason += "; no worker is left"
        elif self.goes_on:
            return
        raise WorkerLostError(
            f"Workers were lost while samples were written to their disks: {', '.join(silent)}: "
            f"{reason}",
            sorted(silent),
        )

    def _forget_places(self, lost: Collection[str]) -> None:
        """Take no worker that is lost for one that has a partition in memory."""
        self.parts.places[:] = [None if at in lost else at for at in self.parts.places]

    def _assign(self, numbers: list[int], lost: Collection[str]) -> list[str]:
        """Return a worker for each partition: the one that has it, or as many for each."""
        workers = set(self.client.nthreads()).difference(lost)
        workers -= self.pulse.silent(SECONDS_OF_SILENCE)
        if not workers:
            raise RuntimeError("The Dask cluster has no workers.")
        ordered = sorted(workers)
        return [
            self.parts.places[number] or ordered[i * len(ordered) // len(numbers)]
            for i, number in enumerate(numbers)
        ]
