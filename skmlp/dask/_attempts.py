"""Training on the workers of a cluster: attempt after attempt, until one is not cut short."""

import pickle
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from skmlp._extras import import_extra
from skmlp._model.records import TrainingState
from skmlp._training.plan import Plan, Trained
from skmlp.dask._mail import Mailbox
from skmlp.dask._spooling import SpooledBlock
from skmlp.dask._worker import Outcome, TrainingOrder, reserve_port, train_part
from skmlp.exceptions import WorkerLostError

_SECONDS_FOR_PORTS = 30.0

_SECONDS_FOR_OTHERS = 8.0
"""How long to wait for the other workers once one has ended badly, or the leading one well."""

_SECONDS_FOR_STATE = 15.0

_MAX_DEATHS = 2
"""A worker whose training process has died so often is left out."""

_MAX_ATTEMPTS_FOR_NO_REASON = 3


class Listener(Protocol):
    """Hears what the leading process says, and answers."""

    def hear(self, message: tuple[Any, ...], fetch: Callable[[], Any]) -> tuple[Any, ...]: ...


@dataclass
class Attempts:
    """Trains a plan on the workers that have its samples.

    Parameters
    ----------
    client : distributed.Client
        The cluster.
    fit : str
        The name of the fit.
    blocks : list of SpooledBlock
        The samples to train on, and perhaps a validation set.
    goes_on : bool
        Whether training goes on with the other workers when one is lost.
    listener : Listener or None
        Hears of epochs and lines.
    is_told : bool
        Whether it may end training.
    """

    client: Any
    fit: str
    blocks: list[SpooledBlock]
    goes_on: bool
    listener: Listener | None = None
    is_told: bool = False
    _deaths: dict[str, int] = field(default_factory=dict, init=False)
    _lost: set[str] = field(default_factory=set, init=False)

    def run(self, plan: Plan, state: TrainingState | None) -> tuple[Trained, Any]:
        """Train, and return the end of training and of its random numbers.

        Raises
        ------
        WorkerLostError
            If workers were lost, and training is not to go on or can't.
        """
        n_for_no_reason = 0
        while True:
            outcomes = self._attempt(plan, state)
            leaders = [each for each in outcomes.values() if each.kind == "done" and each.value]
            if leaders:
                return leaders[0].value, leaders[0].random_state
            for worker, outcome in outcomes.items():
                if outcome.kind == "error":
                    raise _with_worker(outcome, worker)
            bad = {at: each for at, each in outcomes.items() if each.kind in ("died", "moved")}
            n_for_no_reason += not bad
            if not self.goes_on or n_for_no_reason == _MAX_ATTEMPTS_FOR_NO_REASON:
                raise _lost_error(bad or outcomes, "on_worker_loss='raise'" if bad else "")
            state = _latest(state, outcomes)
            self._leave_out(bad)

    def _leave_out(self, bad: dict[str, Outcome]) -> None:
        """Move the samples of workers that were lost to others."""
        for worker, outcome in bad.items():
            self._deaths[worker] = self._deaths.get(worker, 0) + 1
            if outcome.kind == "moved" or self._deaths[worker] >= _MAX_DEATHS:
                self._lost.add(worker)
        alive = set(self.client.nthreads())
        if not alive - self._lost:
            raise _lost_error(bad, "no worker is left")
        holding = {worker for block in self.blocks for worker in block.workers}
        self._lost |= holding - alive
        for block in self.blocks:
            block.spool_lost(self._lost)

    def _attempt(self, plan: Plan, state: TrainingState | None) -> dict[str, Outcome]:
        """Train until all workers have ended, and return how each did."""
        workers = list(dict.fromkeys(worker for block in self.blocks for worker in block.workers))
        attempt = f"{self.fit}-{time.monotonic_ns()}"
        addresses = self._reserve_ports(workers)
        gone = [worker for worker in workers if addresses.get(worker) is None]
        if gone:
            return {worker: Outcome("moved", message="it is gone") for worker in gone}
        line = _Line(self.client, attempt) if self.listener is not None else None
        futures = {}
        try:
            futures = self._start(plan, state, workers, addresses, attempt)
            outcomes = self._follow(futures, line)
            while line is not None and line.carry(self.listener, 0.05):
                pass
            return outcomes
        finally:
            self.client.cancel(list(futures.values()))
            if line is not None:
                line.close()

    def _reserve_ports(self, workers: list[str]) -> dict[str, str | None]:
        """Return the address of the training process of each worker that has answered."""
        futures = {
            worker: self.client.submit(
                reserve_port,
                self.fit,
                worker,
                workers=[worker],
                allow_other_workers=True,
                pure=False,
                priority=100,
            )
            for worker in workers
        }
        _wait_for(futures, _SECONDS_FOR_PORTS)
        done = {worker: each for worker, each in futures.items() if each.status == "finished"}
        self.client.cancel([each for at, each in futures.items() if at not in done])
        return {worker: each.result() for worker, each in done.items()}

    def _start(
        self,
        plan: Plan,
        state: TrainingState | None,
        workers: list[str],
        addresses: dict[str, Any],
        attempt: str,
    ) -> dict[str, Any]:
        cloudpickle = import_extra("cloudpickle", "dask", "skmlp.dask")
        content = cloudpickle.dumps((plan, state))
        (scattered,) = self.client.scatter([content], workers=workers, broadcast=True, hash=False)
        order = TrainingOrder(
            fit=self.fit,
            worker="",
            addresses=[addresses[worker] for worker in workers],
            rank=0,
            n_features=[block.n_features for block in self.blocks],
            dtype=self.blocks[0].order.dtype,
            extents=[],
            line=attempt,
            talks=False,
            is_told=self.is_told,
        )
        return {
            worker: self.client.submit(
                train_part,
                replace(
                    order,
                    worker=worker,
                    rank=rank,
                    extents=[block.extents(worker) for block in self.blocks],
                    talks=rank == 0 and self.listener is not None,
                ),
                scattered,
                workers=[worker],
                allow_other_workers=True,
                pure=False,
                priority=100,
            )
            for rank, worker in enumerate(workers)
        }

    def _follow(self, futures: dict[str, Any], line: "_Line | None") -> dict[str, Outcome]:
        """Wait for the outcomes, and carry messages between the listener and the workers."""
        deadline = float("inf")
        while True:
            outcomes = {at: _outcome_of(each) for at, each in futures.items() if each.done()}
            if len(outcomes) == len(futures):
                return outcomes
            if time.monotonic() > deadline:
                return _with_silent(outcomes, list(futures))
            is_over = any(each.kind != "done" or each.value for each in outcomes.values())
            if is_over:
                deadline = min(deadline, time.monotonic() + _SECONDS_FOR_OTHERS)
            if line is None or self.listener is None:
                left = [each for at, each in futures.items() if at not in outcomes]
                _wait_for_any(left, 0.5)
            else:
                line.carry(self.listener, 0.5)


class _NoAnswerError(Exception):
    """The leading process has not sent its state."""


class _Line:
    """Carries messages between the listener and the training process that leads.

    Parameters
    ----------
    client : distributed.Client
        The cluster.
    name : str
        A name of the attempt.
    """

    def __init__(self, client: Any, name: str):
        self._up, self._down = Mailbox(client, f"up-{name}"), Mailbox(client, f"down-{name}")

    def carry(self, listener: Any, seconds: float) -> bool:
        """Let the listener hear the next message and send its answer; tell if one came in time."""
        message = self._next(seconds)
        if message is None:
            return False
        try:
            answers = listener.hear(message, partial(self._fetch, listener))
            for answer in answers:
                self._say(answer)
        except _NoAnswerError:  # the process is lost, as will be seen
            pass
        return True

    def _fetch(self, listener: Listener) -> Any:
        """Return the state of training, which the leading process is asked for."""
        self._say("state")
        deadline = time.monotonic() + _SECONDS_FOR_STATE
        while time.monotonic() < deadline:
            message = self._next(0.5)
            if message is not None and message[0] == "state":
                return message[1]
            if message is not None:
                listener.hear(message, self._no_state)
        raise _NoAnswerError

    def _no_state(self) -> Any:
        raise _NoAnswerError

    def _next(self, seconds: float) -> tuple[Any, ...] | None:
        message = self._up.take(seconds)
        return None if message is None else pickle.loads(message)

    def _say(self, answer: Any) -> None:
        cloudpickle = import_extra("cloudpickle", "dask", "skmlp.dask")
        self._down.put(cloudpickle.dumps(answer))

    def close(self) -> None:
        """Let the scheduler forget the messages."""
        self._up.close()
        self._down.close()


def _outcome_of(future: Any) -> Outcome:
    """Return the outcome of a task that has ended, also if that is due to Dask."""
    try:
        return future.result()
    except Exception as error:
        return Outcome("moved", message=f"{type(error).__name__}: {error}")


def _with_silent(outcomes: dict[str, Outcome], workers: list[str]) -> dict[str, Outcome]:
    """Add workers that do not answer, if the others show that all had met; see `Outcome`.

    Before that a worker may still be importing TensorFlow, and is not lost.
    """
    if not any(each.kind == "done" or each.value is not None for each in outcomes.values()):
        return outcomes
    silent = Outcome("moved", message="it has not answered")
    return {worker: outcomes.get(worker, silent) for worker in workers}


def _latest(state: TrainingState | None, outcomes: dict[str, Outcome]) -> TrainingState | None:
    """Return the state with most epochs: processes may be one epoch apart."""
    states = [each.value for each in outcomes.values() if each.kind == "lost" and each.value]
    states += [state] if state is not None else []
    return max(states, key=lambda each: each.history.n_epochs, default=None)


def _with_worker(outcome: Outcome, worker: str) -> Exception:
    """Return the error of a training process, which says on which worker it was raised."""
    error = outcome.value
    error.add_note(f"On the worker {worker}:\n{outcome.message}")
    return error


def _lost_error(outcomes: dict[str, Outcome], reason: str) -> WorkerLostError:
    described = "; ".join(
        f"{worker}: {outcome.message or 'the worker is gone'}"
        for worker, outcome in outcomes.items()
    )
    end = f" ({reason})" if reason else ""
    return WorkerLostError(f"Training has lost workers{end}: {described}", list(outcomes))


def _wait_for(futures: dict[str, Any], seconds: float) -> None:
    """Wait until all futures have ended, or some time."""
    deadline = time.monotonic() + seconds
    while not all(each.done() for each in futures.values()) and time.monotonic() < deadline:
        _wait_for_any([each for each in futures.values() if not each.done()], 0.5)


def _wait_for_any(futures: list[Any], seconds: float) -> None:
    distributed = import_extra("distributed", "dask", "skmlp.dask")
    try:
        distributed.wait(futures, timeout=seconds, return_when="FIRST_COMPLETED")
    except (TimeoutError, distributed.TimeoutError, distributed.client.FutureCancelledError):
        return
