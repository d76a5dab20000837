"""What training needs to go on after an epoch, bit for bit, and whether it is of the same fit."""

from dataclasses import dataclass, replace
from numbers import Integral
from pickle import PicklingError
from typing import Any

import joblib
import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator

from skmlp._data.samples import Samples
from skmlp._model.network import Parameters
from skmlp._program.solvers import Optimizer
from skmlp._program.stopping import Standing
from skmlp._training.history import History

_FREE_PARAMS = {"max_iter", "verbose", "random_state"}
"""Parameters that may differ when training goes on: they change no epoch."""


@dataclass(frozen=True)
class TrainingState:
    """Where training by epochs stands between two epochs.

    Parameters
    ----------
    parameters : Parameters
        Weights and biases.
    best_parameters : Parameters
        Those that had the best validation score; those of the start if no epoch had one.
    history : History
        The curves so far.
    standing : Standing
        Where the stopping rule stands.
    optimizer : Optimizer
        What the solver has kept.
    samples_seen : int
        Number of samples that the epochs of all fits had.
    """

    parameters: Parameters
    best_parameters: Parameters
    history: History
    standing: Standing
    optimizer: Optimizer
    samples_seen: int

    def as_start(self) -> "TrainingState":
        """Return the state for training to go on from, at the very learning rate it had.

        That of the optimizer is rounded anew where it is a power; see `Session.optimizer`.
        """
        rate = float(self.standing.learning_rate)
        return replace(self, optimizer=replace(self.optimizer, learning_rate=rate))


@dataclass(frozen=True)
class Snapshot:
    """A state of training, and of which fit it is.

    Parameters
    ----------
    state : TrainingState
        Where training stands.
    random_state : dict
        State of the random numbers before the fit drew any. The initial weights, the hold-out
        and the shuffles of the epochs so far are drawn again from it.
    fingerprint : dict of str to str
        Hashes of what the fit depends on, by its name.
    """

    state: TrainingState
    random_state: dict[str, Any]
    fingerprint: dict[str, str]

    def check_same_fit(self, fingerprint: dict[str, str]) -> None:
        """Raise ValueError if the snapshot is not of the fit with a fingerprint."""
        names = sorted(self.fingerprint.keys() | fingerprint.keys())
        others = [name for name in names if self.fingerprint.get(name) != fingerprint.get(name)]
        if others:
            raise ValueError(
                "The checkpoint to resume from is of another fit. Expected the same data and "
                f"parameters, got others for: {', '.join(others)}. Pass resume=False or another "
                "path to start anew."
            )

    def restore_random_state(self, random_state: Any) -> np.random.RandomState:
        """Return a generator as it was before the fit: the user's own if it is an object."""
        is_own = isinstance(random_state, np.random.RandomState)
        generator = random_state if is_own else np.random.RandomState()
        generator.set_state(self.random_state)
        return generator


def fingerprint(estimator: BaseEstimator, samples: Samples, start: Parameters) -> dict[str, str]:
    """Return hashes of what a fit depends on.

    Parameters
    ----------
    estimator : BaseTFMLP
        Its parameters say how it is trained.
    samples : Samples
        What it is trained on.
    start : Parameters
        The initial weights and biases.

    Raises
    ------
    ValueError
        If a parameter can't be pickled, which a checkpoint has to.
    """
    params = estimator.get_params(deep=False)
    parts = {name: value for name, value in params.items() if name not in _FREE_PARAMS}
    if isinstance(params["random_state"], Integral):
        parts["random_state"] = params["random_state"]
    parts["estimator"] = type(estimator).__name__
    parts["initial weights"] = start.coefs + start.intercepts
    suffixes = ("", "_val")
    blocks = {"X": samples.X, "y": samples.targets, "sample_weight": samples.sample_weight}
    for name, arrays in blocks.items():
        parts |= {name + end: _arrays(array) for end, array in zip(suffixes, arrays, strict=False)}
    return {name: _hash(name, part) for name, part in parts.items()}


def _hash(name: str, part: Any) -> str:
    try:
        return joblib.hash(part, coerce_mmap=True)
    except (AttributeError, PicklingError, TypeError) as error:
        raise ValueError(
            f"{name}={part!r} can't be written to a checkpoint. Expected what can be pickled, such "
            "as a function of a module."
        ) from error


def _arrays(array: Any) -> Any:
    """Return the arrays that a sparse array consists of; any other as it is."""
    if scipy.sparse.issparse(array):
        return [array.shape, array.data, array.indices, array.indptr]
    return array
