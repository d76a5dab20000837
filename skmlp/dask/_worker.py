"""The tasks that run on Dask workers: they spool samples, hold a port, and start training.

A worker imports neither TensorFlow nor modules that train. Its training process imports both.
"""

import pickle
import socket
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np

from skmlp._cluster.job import Extent, Job
from skmlp._cluster.parts import Record, SpoolOrder, write_part
from skmlp._cluster.ports import hold_port
from skmlp._cluster.process import ProcessLostError, TrainingProcess
from skmlp._cluster.processor import describe_processor
from skmlp._cluster.spool import ADVICE, Spool, SpoolFile
from skmlp._data.disk import check_room
from skmlp.dask._mail import Mailbox

SECONDS_BETWEEN_SWEEPS = 2.0
"""Seconds between the checks of a worker whether the fits of its files have ended."""

_SECONDS_BETWEEN_LOOKS = 0.25
"""How long to wait for a message before checking whether the fit was cancelled."""


@dataclass(frozen=True)
class Outcome:
    """How a training process has ended.

    Parameters
    ----------
    kind : str
        "done": training is complete. ``value`` is the result of the leading process; for other
        processes it is None.
        "lost": another process was lost. ``value`` is the state of training.
        "error": ``value`` is the exception.
        "taken": another program has taken the port.
        "died": the training process has died.
        "moved": the worker was lost, or Dask has given the task to another worker.
        "unwanted": nobody waits for the outcome any more.
    value : object
        The value that belongs to ``kind``.
    message : str
        The reason, as a text for people.
    random_state : tuple or None
        The state of the random numbers at the end of training.
    """

    kind: Literal["done", "lost", "error", "taken", "died", "moved", "unwanted"]
    value: Any = None
    message: str = ""
    random_state: Any = None


class _Spools:
    """The files of this process, the tasks that have filled the files, and the held ports.

    Files and tasks are found by worker, fit and block; ports are found by worker and fit.
    """

    files: dict[tuple[str, str, int], Spool] = {}  # noqa: RUF012
    keys: dict[tuple[str, str, int], set[Any]] = {}  # noqa: RUF012
    ports: dict[tuple[str, str], socket.socket] = {}  # noqa: RUF012


def spool_part(order: SpoolOrder, part: int, X: Any, y: Any, weight: Any) -> Record:
    """Check a part of the samples, append it to the file of this worker; return its record."""
    from distributed import get_worker

    worker = get_worker()
    get_spool = partial(_spool_of, worker, order)
    return write_part(get_spool, order, part, worker.address, X, y, weight)


def _spool_of(worker: Any, order: SpoolOrder) -> Spool:
    """Return the file for a part. The first part of a block creates the file."""
    name = (worker.address, order.fit, order.block)
    if name not in _Spools.files:
        if order.n_bytes:
            check_room(worker.local_directory, order.n_bytes, ADVICE)
        new = Spool(worker.local_directory, order.n_bytes)
        if _Spools.files.setdefault(name, new) is not new:  # another thread was first
            new.close()
        else:
            worker.loop.add_callback(_sweep_later, worker)
    _Spools.keys.setdefault(name, set()).add(worker.get_current_task())
    return _Spools.files[name]


def _sweep_later(worker: Any) -> None:
    worker.loop.call_later(SECONDS_BETWEEN_SWEEPS, _sweep, worker)


def _sweep(worker: Any) -> None:
    """Close the files whose tasks were forgotten: the client has released them, or was lost."""
    for name in [name for name in _Spools.files if name[0] == worker.address]:
        if not any(key in worker.state.tasks for key in _Spools.keys.get(name, ())):
            _Spools.files.pop(name).close()
            _Spools.keys.pop(name, None)
    if any(name[0] == worker.address for name in _Spools.files):
        _sweep_later(worker)


def reserve_port(fit: str, address: str) -> str | None:
    """Reserve a port for a training process; return the host and the port as a string.

    Return None if Dask runs this task on another worker than `address`. A socket holds the port
    until the training process listens on the port.
    """
    from distributed import get_worker

    worker = get_worker()
    if worker.address != address:
        return None
    host = urlsplit(address).hostname or "127.0.0.1"
    host = host if not address.startswith("inproc") else "127.0.0.1"
    holder, held = hold_port(host)
    _free_port(address, fit)
    _Spools.ports[address, fit] = holder
    return held


def _free_port(address: str, fit: str) -> None:
    holder = _Spools.ports.pop((address, fit), None)
    if holder is not None:
        holder.close()


@dataclass(frozen=True)
class TrainingOrder:
    """Tells a worker its part in an attempt to train.

    Parameters
    ----------
    fit : str
        The name of the fit.
    worker : str
        Address of the worker.
    addresses : list of str
        Host and port of each training process.
    rank : int
        Index of this worker's training process in `addresses`.
    n_features : list of int
        Number of features, for each block of samples.
    dtype : dtype
        Type of the features.
    extents : list of list of Extent
        For each block, the rows that this worker has.
    line : str
        The name of the messages to the client, and of the event that says that all processes have
        met.
    talks : bool
        Whether this worker tells the client of epochs and printed lines.
    is_told : bool
        Whether the client may end training after an epoch.
    """

    fit: str
    worker: str
    addresses: list[str]
    rank: int
    n_features: list[int]
    dtype: np.dtype
    extents: list[list[Extent]]
    line: str
    talks: bool
    is_told: bool


def train_part(order: TrainingOrder, plan: bytes) -> Outcome:
    """Start the training process of this worker, and wait for its outcome.

    Parameters
    ----------
    order : TrainingOrder
        The part of this worker.
    plan : bytes
        The plan, and the state from which training starts, pickled.
    """
    from distributed import get_worker, secede

    worker = get_worker()
    if worker.address != order.worker:
        return Outcome("moved")
    if not all(map(partial(_has_rows, order), range(len(order.extents)))):
        return Outcome("moved", message="the files of the worker are gone")
    # Leave Dask's pool of threads, or two fits at once would wait for each other's threads.
    key = worker.get_current_task()
    secede()
    files = [_file_of(order, block) for block in range(len(order.extents))]
    process = TrainingProcess(worker.state.nthreads, [f.descriptor for f in files if f.n_rows])
    try:
        job = Job(
            None,
            order.addresses,
            order.rank,
            files,
            order.extents,
            is_told=order.is_told,
            processor=describe_processor(),
        )
        process.send(job)
        process.send(plan)
        return _wait(process, worker, key, order)
    except ProcessLostError as error:
        return Outcome("died", message=str(error))
    finally:
        process.end()
        _free_port(order.worker, order.fit)


def _has_rows(order: TrainingOrder, block: int) -> bool:
    """Tell whether this worker still has the file of a block, if it has rows of the block."""
    is_there = (order.worker, order.fit, block) in _Spools.files
    return is_there or not order.extents[block]


def _file_of(order: TrainingOrder, block: int) -> SpoolFile:
    spool = _Spools.files.get((order.worker, order.fit, block))
    if spool is None:
        return SpoolFile(-1, order.dtype, 0, order.n_features[block])
    return replace(spool.file(), n_features=order.n_features[block])


def _wait(process: TrainingProcess, worker: Any, key: Any, order: TrainingOrder) -> Outcome:
    """Carry messages until the process has ended, or the client has cancelled the task."""
    from distributed import get_client

    line = _Line(order) if order.talks else None
    while _is_wanted(worker, key):
        if line is not None:
            for answer in line.answers():
                process.send(answer)
        # Wait only a moment if an answer is owed: `answers` has waited, and the process waits too.
        is_owed = line is not None and line.is_owed
        message = process.receive(0.01 if is_owed else _SECONDS_BETWEEN_LOOKS)
        if message is None:
            continue
        kind, *values = message
        if kind == "done":
            return Outcome("done", values[0], random_state=values[1])
        if kind in ("lost", "error"):
            return Outcome(kind, *values)
        if kind == "taken":
            return Outcome(kind, message=values[0])
        if kind == "met":
            if order.rank == 0:
                event_of_meeting(get_client(), order.line).set()
            continue
        if line is not None:
            line.tell(message)
    return Outcome("unwanted")


def event_of_meeting(client: Any, attempt: str) -> Any:
    """Return the event that is set once all training processes of an attempt have met."""
    from distributed import Event

    return Event(f"skmlp-met-{attempt}", client=client)


def _is_wanted(worker: Any, key: Any) -> bool:
    """Tell whether the task was not cancelled, and the worker is not closing."""
    task = worker.state.tasks.get(key)
    is_running = task is not None and task.state in ("executing", "long-running")
    return is_running and worker.status.name in ("running", "paused", "init", "undefined")


class _Line:
    """Carries messages between the client and the leading training process.

    Parameters
    ----------
    order : TrainingOrder
        Has the name of the messages.
    """

    def __init__(self, order: TrainingOrder):
        from distributed import get_client

        client = get_client()
        self._up = Mailbox(client, f"up-{order.line}")
        self._down = Mailbox(client, f"down-{order.line}")
        self.is_owed = False
        """Whether the client owes an answer."""

    def tell(self, message: tuple[Any, ...]) -> None:
        """Send a message to the client."""
        self._up.put(pickle.dumps(message))
        self.is_owed = message[0] != "line"

    def answers(self) -> list[Any]:
        """If the client owes an answer, wait a moment for it; return a list of the answers."""
        if not self.is_owed:
            return []
        answer = self._down.take(_SECONDS_BETWEEN_LOOKS)
        if answer is None:
            return []
        self.is_owed = False
        return [pickle.loads(answer)]
