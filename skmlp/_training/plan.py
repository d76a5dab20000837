"""What is to be trained."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skmlp._data.samples import Samples
from skmlp._model.network import Architecture, Parameters
from skmlp._training.observer import Observer


@dataclass(frozen=True)
class Task:
    """What is to be trained, checked.

    Parameters
    ----------
    architecture : Architecture
        The network.
    start : Parameters
        Where training starts.
    samples : Samples
        What is trained and validated on.
    random_state : RandomState
        Draws the shuffles.
    is_warm : bool
        Whether training goes on from an earlier fit.
    is_incremental : bool
        Whether it is one epoch of `partial_fit`.
    is_weighted : bool
        Whether the samples have weights.
    stops_early : bool
        Whether training stops by the validation score.
    drawn_from : dict
        State of the random numbers before anything was drawn; empty without an observer.
    observer : Observer or None
        Tells callbacks of the fit, if there are any.
    """

    architecture: Architecture
    start: Parameters
    samples: Samples
    random_state: np.random.RandomState
    is_warm: bool
    is_incremental: bool
    is_weighted: bool
    stops_early: bool
    drawn_from: dict[str, Any]
    observer: Observer | None
