"""Trains several networks side by side, and scores each out of fold after every epoch."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skmlp._engine.members_session import BLOCK_BATCHES, MembersSession
from skmlp._engine.program_cache import round_up_batch
from skmlp._model.members import Members
from skmlp._program.members import MembersSpec, StepNumbers
from skmlp._training.folds import hold_out_folds, training_rows
from skmlp._training.loop import TaskListener
from skmlp._warn import warn_user

_MIN_BATCH, _MAX_BATCH = 32, 256
"""The least and the most rows of a batch, unless the user gives a number.

``python -m benchmarks.sweeps`` measured on Zen 5, with three splits of wine and of breast cancer:
at least 8, 16, 32 and 64 rows took 0.22, 0.20, 0.16 and 0.14 s a fit, and led to a log-loss of
0.106, 0.088, 0.076 and 0.073. The accuracy was 98.0, 98.0, 97.7 and 97.3 %. A table of 15,000 rows
took 3.9, 3.4 and 3.3 s with at most 128, 256 and 512 rows, and its accuracy was 98.1, 98.2 and
98.1 %.
"""


@dataclass(frozen=True)
class MembersSettings:
    """The settings of training several networks; see `TabularMLPClassifier`."""

    hidden_layer_sizes: tuple[int, ...]
    activation: str
    n_networks: int
    max_iter: int
    learning_rate_init: float
    dropout: float
    weight_decay: float
    label_smoothing: float
    batch_size: Any
    n_best_epochs: int


@dataclass(frozen=True)
class MembersPlan:
    """All that training several networks needs.

    Parameters
    ----------
    settings : MembersSettings
        How the networks are trained.
    loss : str
        Loss of the outputs.
    X, targets, sample_weight : ndarray
        The samples in float32. The samples of the user's validation set come last.
    n_train : int
        Number of training samples, which come first.
    classes : ndarray of shape (n_train,) or None
        Class numbers, to stratify the folds.
    evaluate : callable
        Returns the loss and the score of the held-out rows from the weighted sums of the last
        layer: ``evaluate(sums, targets, sample_weight)``, all of shape
        (n_networks, n_held_out, ...).
    random_state : RandomState
        Draws the folds, the initial weights, the shuffles and the masks.
    """

    settings: MembersSettings
    loss: str
    X: np.ndarray
    targets: np.ndarray
    sample_weight: np.ndarray
    n_train: int
    classes: np.ndarray | None
    evaluate: Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[float, float]]
    random_state: np.random.RandomState

    @property
    def has_own_validation(self) -> bool:
        """Whether all networks are scored on the user's validation set."""
        return len(self.X) > self.n_train


@dataclass
class TrainedMembers:
    """The result of training several networks.

    Parameters
    ----------
    members : Members
        The networks of the best epochs, epoch by epoch.
    held_out : ndarray of shape (n_networks, n_held_out)
        The rows on which each network was scored.
    sums : list of ndarray of shape (n_networks, n_held_out, n_outputs)
        The weighted sums of the last layer for the held-out rows, for each of the best epochs.
    best_epochs : list of int
        Numbers of the best epochs, from 1.
    loss_curves : list of ndarray of shape (n_networks,)
        Training loss of each network, one element for each epoch.
    losses, scores : list of float
        Loss and score out of fold, one element for each epoch.
    """

    members: Members
    held_out: np.ndarray
    sums: list[np.ndarray]
    best_epochs: list[int]
    loss_curves: list[np.ndarray] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)


def train_members(
    plan: MembersPlan, after_epoch: Callable[..., Any], listener: TaskListener | None = None
) -> TrainedMembers:
    """Train several networks. Ctrl-C ends training early and keeps the best completed epochs.

    Parameters
    ----------
    plan : MembersPlan
        The samples, and how to train.
    after_epoch : callable
        Receives the number of each epoch, its training loss, and its loss and score out of fold.
    listener : TaskListener, default=None
        Object that is told of every epoch, with a function that returns the networks trained so
        far. It may end training.
    """
    rng, settings = plan.random_state, plan.settings
    held_out, rows = _choose_rows(plan)
    batch_rows = _batch_rows(settings.batch_size, held_out.shape[1], rows.shape[1])
    spec = _required_spec(plan, batch_rows, held_out.shape[1])
    session = MembersSession(
        spec, plan.X, plan.targets, plan.sample_weight, held_out, _initial(spec, rng)
    )
    batches = _Batches(settings, rows, batch_rows, rng)
    progress = _Progress(plan, held_out)
    try:
        for epoch in range(settings.max_iter):
            if listener is not None:
                listener.begin()
            curve, sums = session.run_epoch(*batches.of_epoch(epoch))
            after_epoch(epoch + 1, *progress.add(curve, sums, session))
            if listener is not None and listener.end(progress.trained):
                break
    except KeyboardInterrupt:
        if not progress.scores:
            raise
        warn_user("Training interrupted by user.")
    return progress.trained()


class _Progress:
    """The curves so far, and the networks of the best epochs."""

    def __init__(self, plan: MembersPlan, held_out: np.ndarray):
        self.scores: list[float] = []
        self._plan = plan
        self._held_out = held_out
        self._best = _BestEpochs(plan.settings.n_best_epochs)
        self._curves: list[np.ndarray] = []
        self._losses: list[float] = []

    def add(
        self, curve: np.ndarray, sums: np.ndarray, session: MembersSession
    ) -> tuple[float, tuple[float, float]]:
        """Add an epoch; return its training loss, and its loss and score out of fold."""
        epoch = len(self.scores)
        _check_finite(self._plan.settings, epoch, curve, sums)
        loss, score = _evaluate(self._plan, sums, self._held_out)
        self._best.add(score, epoch, session, sums)
        self._curves.append(curve)
        self._losses.append(loss)
        self.scores.append(score)
        return float(curve.mean()), (loss, score)

    def trained(self) -> TrainedMembers:
        """Return the networks of the best epochs, and copies of the curves."""
        epochs, snapshots, sums = self._best.in_order()
        for epoch, snapshot in zip(epochs, snapshots, strict=True):
            _check_finite(self._plan.settings, epoch - 1, *snapshot)
        curves = list(self._curves), list(self._losses), list(self.scores)
        return TrainedMembers(_stack(snapshots), self._held_out, sums, epochs, *curves)


def _check_finite(settings: MembersSettings, epoch: int, *arrays: np.ndarray) -> None:
    """Raise ValueError if an epoch led to numbers that are not finite."""
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError(
            f"Training diverged: epoch {epoch + 1} led to numbers that are not finite. Expected a "
            "smaller learning_rate_init or weight_decay, got "
            f"learning_rate_init={settings.learning_rate_init} and "
            f"weight_decay={settings.weight_decay}."
        )


def _choose_rows(plan: MembersPlan) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that each network holds out, and the rows that it trains on."""
    k = plan.settings.n_networks
    rows = np.nonzero(plan.sample_weight[: plan.n_train])[0].astype(np.int32)
    if plan.has_own_validation:
        added = np.arange(plan.n_train, len(plan.X), dtype=np.int32)
        return np.tile(added, (k, 1)), np.tile(rows, (k, 1))
    held_out = hold_out_folds(k, rows, plan.classes, plan.random_state)
    return held_out, training_rows(rows, held_out)


def _evaluate(plan: MembersPlan, sums: np.ndarray, held_out: np.ndarray) -> tuple[float, float]:
    weight = plan.sample_weight[held_out]
    if not weight.any():
        return float("nan"), float("nan")
    return plan.evaluate(sums, plan.targets[held_out], weight)


class _BestEpochs:
    """The networks of the epochs with the best scores; of equal scores the later is better."""

    def __init__(self, n_epochs: int):
        self._n_epochs = n_epochs
        self._kept: list[tuple[float, int, list[np.ndarray], np.ndarray]] = []

    def add(self, score: float, epoch: int, session: MembersSession, sums: np.ndarray) -> None:
        """Keep an epoch if it is among the best, and forget the worst kept epoch."""
        rank = score if np.isfinite(score) else -np.inf
        if len(self._kept) == self._n_epochs:
            if (rank, epoch) < self._kept[0][:2]:
                return
            heapq.heappop(self._kept)
        heapq.heappush(self._kept, (rank, epoch, session.parameters(), sums))

    def in_order(self) -> tuple[list[int], list[list[np.ndarray]], list[np.ndarray]]:
        """Return the numbers of the kept epochs, from 1, and their parameters and sums."""
        kept = sorted(self._kept, key=lambda each: each[1])
        return (
            [each[1] + 1 for each in kept],
            [each[2] for each in kept],
            [each[3] for each in kept],
        )


class _Batches:
    """The batches of each epoch, with their learning rates, other numbers and seeds of masks."""

    def __init__(
        self,
        settings: MembersSettings,
        rows: np.ndarray,
        batch_rows: int,
        rng: np.random.RandomState,
    ):
        self._settings = settings
        self._rows = rows
        self._batch_rows = batch_rows
        self._rng = rng
        self._seed = rng.randint(2**31)
        self._n_batches = max(rows.shape[1] // batch_rows, 1)

    def of_epoch(self, epoch: int) -> tuple[np.ndarray, StepNumbers, np.ndarray]:
        """Return the arguments of `MembersSession.run_epoch`."""
        steps = epoch * self._n_batches + np.arange(self._n_batches)
        rows = _shuffled(self._rows, self._n_batches, self._batch_rows, self._rng)
        return rows, _numbers(self._settings, steps, self._n_batches), _keys(self._seed, steps)


def _batch_rows(batch_size: Any, n_held_out: int, n_train: int) -> int:
    """Return the number of rows of a batch: by default a power of two, near a 35th of all rows."""
    if batch_size != "auto" and batch_size <= n_train:
        return int(batch_size)
    if batch_size != "auto":
        warn_user(
            f"Got batch_size={batch_size}, larger than the {n_train} training samples of a "
            "network. It is going to be clipped."
        )
        return round_up_batch(n_train)
    rows = 2 ** round(np.log2(max(n_held_out + n_train, 1) / 35))
    return int(min(max(rows, _MIN_BATCH), _MAX_BATCH))


def _required_spec(plan: MembersPlan, batch_rows: int, n_held_out: int) -> MembersSpec:
    settings = plan.settings
    units = (plan.X.shape[1], *settings.hidden_layer_sizes, plan.targets.shape[1])
    return MembersSpec(
        n_members=settings.n_networks,
        layer_units=units,
        activation=settings.activation,
        loss=plan.loss,
        has_dropout=settings.dropout > 0,
        batch_rows=batch_rows,
        block_batches=BLOCK_BATCHES,
        rows=len(plan.X) + 1,  # the last row has weight 0 and fills up batches
        validation_rows=max(n_held_out, 1),
    )


def _initial(spec: MembersSpec, rng: np.random.RandomState) -> list[np.ndarray]:
    """Draw the initial parameters: He's normal weights, N(0, 1 / fan_in) in the last layer."""
    scale, *others = spec.shapes
    n_layers = len(others) // 2
    params = [np.ones(scale, np.float32)]
    for number, shape in enumerate(others):
        if number >= n_layers:
            params.append(np.zeros(shape, np.float32))
            continue
        variance = (1 if number == n_layers - 1 else 2) / shape[1]
        params.append((np.sqrt(variance) * rng.standard_normal(shape)).astype(np.float32))
    return params


def _shuffled(
    rows: np.ndarray, n_batches: int, batch_rows: int, rng: np.random.RandomState
) -> np.ndarray:
    """Return the rows of the batches of an epoch; rows that fill no batch are left out."""
    n_used = min(n_batches * batch_rows, rows.shape[1])
    batches = np.full((len(rows), n_batches * batch_rows), -1, np.int32)
    for member, own in enumerate(rows):
        batches[member, :n_used] = rng.permutation(own)[:n_used]
    return batches.reshape(len(rows), n_batches, batch_rows).swapaxes(0, 1)


def _numbers(settings: MembersSettings, steps: np.ndarray, n_batches: int) -> StepNumbers:
    """Return learning rate, decay, dropout and smoothing of batches, by RealMLP's schedules."""
    t = steps / (settings.max_iter * n_batches)
    rate = settings.learning_rate_init * (1 - np.cos(2 * np.pi * np.log2(1 + 15 * t))) / 2
    flat_cos = np.where(t < 0.5, 1.0, (1 + np.cos(np.pi * (2 * t - 1))) / 2)
    return StepNumbers(
        rate=rate,
        shrinkage=rate * settings.weight_decay * flat_cos,
        dropout=settings.dropout * flat_cos,
        smoothing=np.full(len(t), settings.label_smoothing),
    )


def _keys(seed: int, steps: np.ndarray) -> np.ndarray:
    """Return a seed for the masks of each batch."""
    mixed = (np.uint64(seed) + steps.astype(np.uint64)) * np.uint64(2654435761)
    return mixed.astype(np.uint32).view(np.int32)


def _stack(snapshots: list[list[np.ndarray]]) -> Members:
    """Return the networks of some epochs, with the scales of inputs in the first weights."""
    scale, *others = (np.concatenate(arrays) for arrays in zip(*snapshots, strict=True))
    n_layers = len(others) // 2
    coefs, intercepts = others[:n_layers], [bias[:, 0] for bias in others[n_layers:]]
    coefs[0] = coefs[0] * scale.swapaxes(1, 2)
    return Members(coefs, intercepts)
