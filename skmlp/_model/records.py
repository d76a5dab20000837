"""The records of training that pickles, skops files and checkpoints hold.

Files name these classes as parts of `skmlp.saved`, a module that stays where it is. If a field is
renamed or removed, ``__setstate__`` needs a line for the files of older versions.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from skmlp._model.files import named_by_files
from skmlp._model.network import Parameters


@named_by_files
@dataclass(frozen=True)
class Optimizer:
    """The state of a solver at the end of a fit, from which `partial_fit` goes on.

    Parameters
    ----------
    solver : {"adam", "sgd"}
        Name of the solver.
    hyper : dict of str to float
        The hyper-parameters of the solver, by their names in the estimator.
    schedule : str or callable
        Name of the schedule of the learning rate, or a function that returns a factor of the rate
        for the share of the fit that is done.
    learning_rate : float
        The learning rate of the next batch, before Adam's correction and the factor of a schedule.
    step : int
        Number of updates so far.
    slots : list of list of ndarray
        First and second moments for Adam, velocities for SGD: of the weights, then of the biases.
    seed : int or None
        The seed of dropout: the masks of a step follow from the seed and the number of the step.
    """

    solver: str
    hyper: dict[str, float]
    schedule: str | Callable[[float], float]
    learning_rate: float
    step: int
    slots: list[list[np.ndarray]]
    seed: int | None = None

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = _without_names_of_0_1_0(state) if "divides_rate" in state else state
        self.__dict__.update(state)
        self.__dict__.setdefault("seed", None)  # older files have no seed


def _without_names_of_0_1_0(state: dict[str, Any]) -> dict[str, Any]:
    """Convert the state of an `Optimizer` in a file of the first builds of 0.1.0."""
    state, hyper = dict(state), dict(state["hyper"])
    scales = hyper.pop("scales_inversely", 0.0)
    hyper["learning_rate_init"] = hyper.pop("learning_rate")
    if "nesterov" in hyper:
        hyper["nesterovs_momentum"] = hyper.pop("nesterov")
    divides = state.pop("divides_rate")
    schedule = "adaptive" if divides else "invscaling" if scales else "constant"
    return state | {"hyper": hyper, "schedule": schedule}


@named_by_files
class StoppingState(NamedTuple):
    """The state of the stopping rule: numbers on the host, tensors in a program."""

    best_loss: Any
    best_score: Any
    no_improvement_count: Any
    stopped: Any  # 1 or 0


@named_by_files
@dataclass
class History:
    """The curves of a fit, one value for each epoch."""

    loss_curve: list[float] = field(default_factory=list)
    validation_loss_curve: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)

    @property
    def n_epochs(self) -> int:
        """Number of epochs completed."""
        return len(self.loss_curve)

    def copy(self) -> "History":
        """Return a copy that later epochs do not change."""
        return History(*(list(curve) for curve in vars(self).values()))


@named_by_files
@dataclass(frozen=True)
class TrainingState:
    """The state of training between two epochs.

    Parameters
    ----------
    parameters : Parameters
        Weights and biases.
    best_parameters : Parameters
        The weights and biases with the best validation score; at first, those of the start.
    history : History
        The curves so far.
    standing : StoppingState
        The state of the stopping rule.
    optimizer : Optimizer
        The state of the solver.
    samples_seen : int
        Number of samples in the epochs of all fits.
    """

    parameters: Parameters
    best_parameters: Parameters
    history: History
    standing: StoppingState
    optimizer: Optimizer
    samples_seen: int


@named_by_files
@dataclass(frozen=True)
class Snapshot:
    """A state of training, and marks of the fit that it belongs to.

    Parameters
    ----------
    state : TrainingState
        The state of training.
    random_state : dict
        State of the random numbers before the fit drew any. The initial weights, the hold-out
        and the shuffles of the epochs so far are drawn again from it.
    fingerprint : dict of str to str
        Hashes of the parameters and the data of the fit, by name.
    """

    state: TrainingState
    random_state: dict[str, Any]
    fingerprint: dict[str, str]
