"""Trains a network together with other processes. Each process has a job."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from skmlp._cluster.group import Group
from skmlp._cluster.held_rows import HeldRows
from skmlp._cluster.job import Extent, Job
from skmlp._cluster.session import ClusterSession
from skmlp._cluster.watch import Watch
from skmlp._data.samples import Samples
from skmlp._engine.pace import Pace
from skmlp._model.network import Parameters
from skmlp._model.records import History, TrainingState
from skmlp._tensorflow import collectives
from skmlp._training.evaluation import add_tallies, conclude
from skmlp._training.fit import run_epochs, state_of, stopping_rule
from skmlp._training.plan import Plan, Trained
from skmlp._training.warm_start import starting_state


class Told(Protocol):
    """The process that started the fit. The leading process tells it of every epoch."""

    def met(self) -> None:
        """Tell that all processes have met."""

    def begin(self) -> float | None:
        """Tell that an epoch begins; return a new learning rate, or None."""

    def end(self, history: History, state: Callable[[], TrainingState]) -> bool:
        """Tell that an epoch has ended; return whether training is to end."""


class PeerLostError(Exception):
    """Another process was lost. `state` is the state of training after the last whole epoch."""

    def __init__(self, message: str, state: TrainingState | None):
        super().__init__(message)
        self.state = state


@dataclass
class ClusterListener:
    """Tells the process that started the fit of each epoch. All processes follow its answer.

    The listener also keeps the state after each epoch, in case a process is lost.
    """

    group: Group
    session: ClusterSession
    start: TrainingState
    told: Told | None
    is_told: bool
    _kept: Any = field(default=None, init=False)

    def begin(self) -> None:
        """Begin an epoch, with a new learning rate if there is one."""
        if not self.is_told:
            return
        rate = self.told.begin() if self.told is not None else None
        has_rate, rate = self.group.agree([float(rate is not None), rate or 0.0])
        if has_rate:
            self.session.set_learning_rate(rate)

    def end(self, history: History) -> bool:
        """End an epoch; return whether training is to end."""
        self._kept = self.session.keep(), history.copy()
        if not self.is_told:
            return False
        halts = self.told.end(history, self.state) if self.told is not None else False
        return bool(self.group.agree([float(halts)])[0])

    def close(self) -> None:
        """Do nothing."""

    def state(self) -> TrainingState:
        """Return the state after the last whole epoch."""
        if self._kept is None:
            return self.start
        session, history = self._kept
        return state_of(session, self.start, history)


class AgreedPace(Pace):
    """A pace that is the same in all processes, because it uses the mean of their times."""

    def __init__(self, batch_flops: float, session: ClusterSession):
        super().__init__(batch_flops)
        self._session = session

    def update(self, n_batches: int, seconds: float) -> None:
        """Update the pace after a call. `seconds`, the time of this process alone, is ignored."""
        super().update(n_batches, self._session.seconds)


@dataclass(frozen=True)
class SharedEvaluation:
    """Computes the loss and the score on the validation samples of all processes."""

    group: Group
    plan: Plan
    own: Samples
    spread: np.ndarray

    def __call__(self, parameters: Parameters) -> tuple[float, float]:
        """Return the mean loss, without the penalty, and the score."""
        architecture = self.plan.architecture
        tallies = self.group.add(add_tallies(self.own, architecture, parameters))
        loss, score = conclude(tallies, architecture, self.spread)
        return loss, -loss if self.plan.settings.scoring == "loss" else score


def train_together(job: Job, tf: Any, told: Told | None = None) -> Trained:
    """Train a network together with other processes.

    Raises
    ------
    PeerLostError
        If another process is lost, or does not start.
    RuntimeError
        If the processes do not end with the same weights.
    """
    listener: ClusterListener | None = None
    try:
        group = Group(tf, job.addresses, job.rank)
        group.meet(job.seconds_to_meet)
        if told is not None:
            told.met()
        plan = _quiet_but_for_leader(job.plan, group)
        start = job.state if job.state is not None else starting_state(plan, None)
        held, own = _own_samples(job, plan.samples)
        kinds = group.gather(zlib.crc32(job.processor.encode()))
        session = _make_session(plan, group, held, own, start, is_mixed=len(set(kinds)) > 1)
        told = told if group.leads else None
        listener = ClusterListener(group, session, start, told, job.is_told)
        pace = AgreedPace(6.0 * plan.batch_size * plan.architecture.n_parameters, session)
        rule = stopping_rule(plan)
        evaluation = _evaluation(plan, group, own)
        with session, Watch(group.size, group.rank):
            trained = run_epochs(plan, session, start, rule, pace, evaluation, listener)
        _check_same(group, trained)
    except tf.errors.OpError as error:
        if not collectives.is_loss_of_peer(tf, error):
            raise
        state = None if listener is None else listener.state()
        raise PeerLostError(error.message, state) from error
    return trained


def _make_session(
    plan: Plan, group: Group, held: HeldRows, own: Samples, start: TrainingState, is_mixed: bool
) -> ClusterSession:
    return ClusterSession(
        group,
        held,
        own,
        is_mixed=is_mixed,
        judges=not plan.has_validation,
        shuffles=plan.settings.shuffle,
        architecture=plan.architecture,
        batch_size=plan.batch_size,
        samples=plan.samples,
        alpha=plan.settings.alpha,
        rule=stopping_rule(plan),
        start=start,
        max_epochs=plan.max_epochs,
        regularisation=plan.settings.regularisation,
    )


def _evaluation(plan: Plan, group: Group, own: Samples) -> SharedEvaluation | None:
    if not plan.has_validation:
        return None
    return SharedEvaluation(group, plan, own, plan.samples.validation_spread())


def _quiet_but_for_leader(plan: Plan, group: Group) -> Plan:
    """Return the plan with another `verbose`: the leader prints epochs, other processes nothing.

    Lines of batches can't be printed, because no process has all rows of a batch.
    """
    verbose = min(plan.settings.verbose, 1) if group.leads else 0
    return replace(plan, settings=replace(plan.settings, verbose=verbose))


def _own_samples(job: Job, samples: Samples) -> tuple[HeldRows, Samples]:
    """Return the places of the training samples, and the samples that this process holds."""
    n_first = len(samples.targets[0])
    X, targets, weight, places = [], [], [], []
    for i, (file, extents) in enumerate(zip(job.files, job.extents, strict=True)):
        place = _places(len(samples.targets[i]), extents)
        # An array needs at least one row, because padding rows are taken from it.
        X.append(file.open() if file.n_rows else np.zeros((1, file.n_features), file.dtype))
        own = np.zeros((len(X[i]), samples.targets[i].shape[1]), samples.targets[i].dtype)
        own_weight = np.zeros(len(X[i]), samples.sample_weight[i].dtype)
        is_here = place >= 0
        own[place[is_here]] = samples.targets[i][is_here]
        own_weight[place[is_here]] = samples.sample_weight[i][is_here]
        targets.append(own)
        weight.append(own_weight)
        places.append(place)
    held = HeldRows(places[0])
    rows = samples.validation_rows
    if len(rows) and rows[0] >= n_first:
        validation = HeldRows(places[1]).places_of(rows - n_first) + len(X[0])
    else:
        validation = held.places_of(rows)
    train = held.places_of(samples.train_rows)
    return held, Samples(X, samples.dtype, targets, weight, train, validation)


def _places(n_rows: int, extents: list[Extent]) -> np.ndarray:
    """Return each row's place in the file of this process, -1 for a row of another process."""
    dtype = np.int32 if n_rows <= np.iinfo(np.int32).max else np.int64
    places = np.full(n_rows, -1, dtype)
    for each in extents:
        places[each.first : each.first + each.n_rows] = np.arange(
            each.place, each.place + each.n_rows
        )
    return places


def _check_same(group: Group, trained: Trained) -> None:
    """Raise RuntimeError if the weights of the processes differ in any bit."""
    arrays = trained.parameters.coefs + trained.parameters.intercepts
    mark = 0
    for array in arrays:
        mark = zlib.crc32(array.tobytes(), mark)
    marks = group.gather(mark)
    if len(set(marks)) > 1:
        raise RuntimeError(
            "The training processes have ended with different weights, which should never happen. "
            "Please report this error, with the output of skmlp.show_versions(). The checksums of "
            f"the weights, by rank: {marks}."
        )
