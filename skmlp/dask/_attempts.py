"""Trains on the workers of a cluster. If an attempt is cut short, another attempt follows."""

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
from skmlp.dask._pulse import Pulse
from skmlp.dask._spooling import SpooledBlock
from skmlp.dask._waiting import wait_for_any
from skmlp.dask._worker import (
    Outcome,
    TrainingOrder,
    event_of_meeting,
    reserve_port,
    train_part,
)
from skmlp.exceptions import WorkerLostError

_SECONDS_FOR_PORTS = 30.0
"""How long to wait until the workers have reserved ports."""

_SECONDS_OF_SILENCE = 8.0
"""If the scheduler hears nothing from a worker for this time, the worker counts as lost.

This limit holds while ports are reserved, and for the worker of the leading process.
"""

_SECONDS_OF_SILENCE_AFTER_LOSS = 4.0
"""The same limit, once other workers have reported a loss: the silent worker is the lost one."""

_SECONDS_FOR_OTHERS = 1.0
"""How long to wait for the other workers after one has ended, if not all processes have met.

The other workers are waiting for this worker, and have no state of training to send.
"""

_SECONDS_FOR_STATES = 8.0
"""How long to wait for the other workers after one has ended, if all processes have met.

The other workers end at the next sum, and then send the state of training.
"""

_SECONDS_FOR_STATE = 15.0
"""How long to wait for the state of training that the leading process was asked for."""

_MAX_DEATHS = 2
"""A worker is left out once its training process has died this number of times."""

_MAX_ATTEMPTS_FOR_NO_REASON = 3
"""Training fails after this number of attempts that were cut short for no known reason."""

_MAX_PORTS_TAKEN = 1
"""How often training starts again with other ports because another program has taken a port."""


class Listener(Protocol):
    """Receives messages of the leading process, and answers them."""

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
        The samples to train on, and the validation set if there is one.
    pulse : Pulse
        Knows which workers are silent.
    goes_on : bool
        Whether training goes on with the other workers when one is lost.
    listener : Listener or None
        Is told of epochs and printed lines.
    is_told : bool
        Whether the listener may end training.
    """

    client: Any
    fit: str
    blocks: list[SpooledBlock]
    pulse: Pulse
    goes_on: bool
    listener: Listener | None = None
    is_told: bool = False
    _deaths: dict[str, int] = field(default_factory=dict, init=False)
    _lost: set[str] = field(default_factory=set, init=False)

    def run(self, plan: Plan, state: TrainingState | None) -> tuple[Trained, Any]:
        """Train, and return the result and the final state of the random numbers.

        Raises
        ------
        WorkerLostError
            If workers were lost, and training must not or can't go on without them.
        """
        n_for_no_reason = n_taken = 0
        while True:
            outcomes = self._attempt(plan, state)
            leaders = [each for each in outcomes.values() if each.kind == "done" and each.value]
            if leaders:
                return leaders[0].value, leaders[0].random_state
            for worker, outcome in outcomes.items():
                if outcome.kind == "error":
                    raise _with_worker(outcome, worker)
            taken = {at: each for at, each in outcomes.items() if each.kind == "taken"}
            if taken and n_taken == _MAX_PORTS_TAKEN:
                raise _port_error(taken)
            n_taken += bool(taken)
            bad = {at: each for at, each in outcomes.items() if each.kind in ("died", "moved")}
            n_for_no_reason += not (bad or taken)
            if (bad and not self.goes_on) or n_for_no_reason == _MAX_ATTEMPTS_FOR_NO_REASON:
                raise _lost_error(bad or outcomes, "on_worker_loss='raise'" if bad else "")
            state = _latest(state, outcomes)
            self._leave_out(bad)

    def _leave_out(self, bad: dict[str, Outcome]) -> None:
        """Leave out the lost workers, and let other workers write the samples of these workers."""
        for worker, outcome in bad.items():
            self._deaths[worker] = self._deaths.get(worker, 0) + 1
            if outcome.kind == "moved" or self._deaths[worker] >= _MAX_DEATHS:
                self._lost.add(worker)
        alive = set(self.client.nthreads())
        if not alive - self._lost:
            raise _lost_error(bad, "no worker is left")
        holding = {worker for block in self.blocks for worker in block.known.workers}
        self._lost |= holding - alive
        for block in self.blocks:
            block.spool_lost(self._lost)

    def _attempt(self, plan: Plan, state: TrainingState | None) -> dict[str, Outcome]:
        """Train once, until all workers have ended, and return the outcome of each worker."""
        workers = list(
            dict.fromkeys(worker for block in self.blocks for worker in block.known.workers)
        )
        attempt = f"{self.fit}-{time.monotonic_ns()}"
        addresses = self._reserve_ports(workers)
        gone = [worker for worker in workers if addresses.get(worker) is None]
        if gone:
            return {worker: Outcome("moved", message="the worker is gone") for worker in gone}
        line = _Line(self.client, attempt) if self.listener is not None else None
        met = event_of_meeting(self.client, attempt)
        futures = {}
        try:
            futures = self._start(plan, state, workers, addresses, attempt)
            outcomes = self._follow(futures, line, met)
            while line is not None and line.carry(self.listener, 0.05):
                pass
            return outcomes
        finally:
            self.client.cancel(list(futures.values()))
            met.clear()  # the scheduler then forgets the event
            if line is not None:
                line.close()

    def _reserve_ports(self, workers: list[str]) -> dict[str, str | None]:
        """Reserve ports, and return the address for each worker that has answered."""
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
        self._wait_for_answers(futures)
        done = {worker: each for worker, each in futures.items() if each.status == "finished"}
        self.client.cancel([each for at, each in futures.items() if at not in done])
        return {worker: each.result() for worker, each in done.items()}

    def _wait_for_answers(self, futures: dict[str, Any]) -> None:
        """Wait a limited time for the tasks of all workers that are not silent."""
        deadline = time.monotonic() + _SECONDS_FOR_PORTS
        while time.monotonic() < deadline:
            silent = self.pulse.silent(_SECONDS_OF_SILENCE)
            left = [each for at, each in futures.items() if at not in silent and not each.done()]
            if not left:
                return
            wait_for_any(left, 0.5)

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
            n_features=[block.known.n_features for block in self.blocks],
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
                    extents=[block.known.extents(worker) for block in self.blocks],
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

    def _follow(
        self, futures: dict[str, Any], line: "_Line | None", met: Any
    ) -> dict[str, Outcome]:
        """Wait for the outcomes, and carry messages between the listener and the workers."""
        leader = next(iter(futures))
        ended = None  # the time of the first outcome that ends all other workers
        has_met = False
        while True:
            outcomes = {at: _outcome_of(each) for at, each in futures.items() if each.done()}
            left = {at: each for at, each in futures.items() if at not in outcomes}
            if not left:
                return outcomes
            now = time.monotonic()
            if any(each.kind != "done" or each.value for each in outcomes.values()):
                ended = now if ended is None else ended
                has_met = has_met or met.is_set()
                silent = self.pulse.silent(_SECONDS_OF_SILENCE_AFTER_LOSS)
                patience = _SECONDS_FOR_STATES if has_met else _SECONDS_FOR_OTHERS
                if left.keys() <= silent or now > ended + patience:
                    return outcomes | dict.fromkeys(left.keys() & silent, _SILENT)
            elif leader in self.pulse.silent(_SECONDS_OF_SILENCE):
                # Other workers need no test: the peers of a silent training process report it.
                return outcomes | {leader: _SILENT}
            if line is None or self.listener is None:
                wait_for_any(list(left.values()), 0.5)
            else:
                line.carry(self.listener, 0.5)


class _NoAnswerError(Exception):
    """The leading process has not sent the state of training."""


class _Line:
    """Carries messages between the listener and the leading training process.

    Parameters
    ----------
    client : distributed.Client
        The cluster.
    name : str
        The name of the attempt.
    """

    def __init__(self, client: Any, name: str):
        self._up, self._down = Mailbox(client, f"up-{name}"), Mailbox(client, f"down-{name}")

    def carry(self, listener: Any, seconds: float) -> bool:
        """Pass the next message to the listener, and send its answers; tell if a message came."""
        message = self._next(seconds)
        if message is None:
            return False
        try:
            answers = listener.hear(message, partial(self._fetch, listener))
            for answer in answers:
                self._say(answer)
        except _NoAnswerError:  # the process is lost, as its outcome will say
            pass
        return True

    def _fetch(self, listener: Listener) -> Any:
        """Ask the leading process for the state of training, and return the state."""
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


_SILENT = Outcome("moved", message="the scheduler has heard nothing from it for seconds")


def _outcome_of(future: Any) -> Outcome:
    """Return the outcome of a task that has ended. An error of Dask's counts as a lost worker."""
    try:
        return future.result()
    except Exception as error:
        return Outcome("moved", message=f"{type(error).__name__}: {error}")


def _latest(state: TrainingState | None, outcomes: dict[str, Outcome]) -> TrainingState | None:
    """Return the state with the most epochs: the processes may be one epoch apart."""
    states = [each.value for each in outcomes.values() if each.kind == "lost" and each.value]
    states += [state] if state is not None else []
    return max(states, key=lambda each: each.history.n_epochs, default=None)


def _with_worker(outcome: Outcome, worker: str) -> Exception:
    """Return the error of a training process, with a note that names the worker."""
    error = outcome.value
    error.add_note(f"On the worker {worker}:\n{outcome.message}")
    return error


def _port_error(outcomes: dict[str, Outcome]) -> RuntimeError:
    described = "; ".join(f"{worker}: {each.message}" for worker, each in outcomes.items())
    return RuntimeError(
        f"Training can't start, because reserved ports were taken in two attempts: {described}"
    )


def _lost_error(outcomes: dict[str, Outcome], reason: str) -> WorkerLostError:
    described = "; ".join(
        f"{worker}: {outcome.message or 'the worker is gone'}"
        for worker, outcome in outcomes.items()
    )
    end = f" ({reason})" if reason else ""
    return WorkerLostError(f"Training has lost workers{end}: {described}", list(outcomes))
