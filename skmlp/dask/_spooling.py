"""From Dask's collections to files on the workers, and what the client keeps of them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skmlp._cluster.job import Extent
from skmlp._data.elsewhere import FeaturesElsewhere
from skmlp._extras import import_extra
from skmlp.dask._collections import Parts
from skmlp.dask._worker import Record, SpoolOrder, spool_part


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
    """

    client: Any
    parts: Parts
    order: SpoolOrder
    _records: list[Record] = field(default_factory=list, init=False)
    _futures: dict[int, Any] = field(default_factory=dict, init=False)

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
        by_number = {record.part: record for record in self._records} | {
            record.part: record for record in records
        }
        self._records = [by_number[number] for number in sorted(by_number)]
        self._check_features()

    def spool_lost(self, lost: set[str]) -> None:
        """Write those partitions again that workers had which were lost."""
        numbers = [record.part for record in self._records if record.worker in lost]
        if numbers:
            self.parts.places[:] = [None if at in lost else at for at in self.parts.places]
            self.spool(numbers, lost)

    @property
    def workers(self) -> list[str]:
        """The workers that have samples, in the order of the first that each has."""
        return list(dict.fromkeys(each.worker for each in self._records if each.shape[0]))

    @property
    def n_features(self) -> int:
        """Number of features."""
        return self._records[0].shape[1]

    def features(self) -> FeaturesElsewhere:
        """Return what stands for the features in a plan."""
        n_rows = sum(record.shape[0] for record in self._records)
        digest = tuple(record.digest for record in self._records if record.digest)
        return FeaturesElsewhere((n_rows, self.n_features), self.order.dtype, digest)

    def targets(self) -> np.ndarray:
        """Return y."""
        return _join([record.y for record in self._records])

    def weight(self) -> np.ndarray | None:
        """Return the weights, or None if there are none."""
        if self._records[0].weight is None:
            return None
        return _join([record.weight for record in self._records])

    def extents(self, worker: str) -> list[Extent]:
        """Return which rows a worker has, and where in its file."""
        found, first = [], 0
        for record in self._records:
            if record.worker == worker and record.shape[0]:
                found.append(Extent(first, record.place, record.shape[0]))
            first += record.shape[0]
        return found

    def release(self) -> None:
        """Let the cluster forget the tasks."""
        for future in self._futures.values():
            future.release()
        self._futures = {}

    def _run(self, numbers: list[int], lost: Collection[str]) -> list[Record]:
        dask = import_extra("dask", "dask", "skmlp.dask")
        task = dask.delayed(spool_part, pure=False, traverse=False)
        by_worker: dict[str, list[int]] = {}
        for number, worker in zip(numbers, self._assign(numbers, lost), strict=True):
            by_worker.setdefault(worker, []).append(number)
        # Else Dask would compute them where it was asked to before: on a worker that is lost.
        self.client.cancel([self._futures.pop(n) for n in numbers if n in self._futures])
        for worker, own in by_worker.items():
            tasks = [task(self.order, number, *self.parts.parts[number]) for number in own]
            futures = self.client.compute(tasks, workers=[worker], allow_other_workers=True)
            self._futures |= dict(zip(own, futures, strict=True))
        return self.client.gather([self._futures[number] for number in numbers])

    def _assign(self, numbers: list[int], lost: Collection[str]) -> list[str]:
        """Return a worker for each partition: the one that has it, or as many for each."""
        workers = sorted(set(self.client.nthreads()).difference(lost))
        if not workers:
            raise RuntimeError("The Dask cluster has no workers.")
        return [
            self.parts.places[number] or workers[i * len(workers) // len(numbers)]
            for i, number in enumerate(numbers)
        ]

    def _check_features(self) -> None:
        name = f"X{self.order.suffix}"
        numbers = {record.shape[1] for record in self._records}
        if len(numbers) > 1:
            raise ValueError(f"{name} has partitions of {sorted(numbers)} features.")
        if not any(record.shape[0] for record in self._records):
            raise ValueError(
                f"{name}: Found array with 0 sample(s) in all partitions while a minimum of 1 is "
                "required."
            )


def _join(arrays: list[Any]) -> np.ndarray:
    """Join the parts of an array; those of no rows may have any type."""
    return np.concatenate([each for each in arrays if len(each)])
