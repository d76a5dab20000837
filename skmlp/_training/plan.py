"""`Plan` has all that training needs; `Trained` is its result."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from skmlp._data.samples import Samples
from skmlp._model.network import Architecture, Parameters
from skmlp._model.records import History, Optimizer, StoppingState
from skmlp._program.regularisers import NO_REGULARISATION, Regularisation
from skmlp._program.schedules import Schedule
from skmlp._program.stopping import START

Scoring = Literal["metric", "loss", "scorer"]

SCORING: dict[Any, Scoring] = {None: "metric", "loss": "loss"}
"""The kind of score by the parameter `scoring`; any other value is a scorer."""


@dataclass(frozen=True)
class Settings:
    """The settings of training, from the parameters of an estimator.

    Parameters
    ----------
    solver : str
        Name of the solver.
    schedule : str or callable
        Name of the schedule of the learning rate, or a function that returns a factor of the rate
        for the share of the fit that is done.
    hyper : dict of str to float
        Hyper-parameters of the solver and of the schedule, by their names in the estimator.
    alpha : float
        Strength of the L2 penalty.
    batch_size : int or "auto"
        Number of samples of a batch.
    max_iter : int
        Maximum number of epochs, or of iterations of L-BFGS.
    max_fun : int
        Maximum number of evaluations of L-BFGS.
    tol, n_iter_no_change : float
        The stopping rule.
    stops_early : bool
        Whether the validation score stops training, which then ends with the best weights.
    shuffle : bool
        Whether samples are shuffled before each epoch.
    scoring : {"metric", "loss", "scorer"}
        The validation score: accuracy or R2, minus the loss, or the score of the plan's scorer.
    verbose : int
        How much to print.
    regularisation : Regularisation
        The regularisers beside the L2 penalty.
    """

    solver: str
    schedule: Schedule
    hyper: dict[str, float]
    alpha: float
    batch_size: Any
    max_iter: int
    max_fun: int
    tol: float
    n_iter_no_change: float
    stops_early: bool
    shuffle: bool
    scoring: Scoring
    verbose: int
    regularisation: Regularisation = NO_REGULARISATION


@dataclass(frozen=True)
class Plan:
    """All that training needs, checked. A plan can be pickled, to be trained in another process.

    Parameters
    ----------
    settings : Settings
        How the network is trained.
    architecture : Architecture
        The network.
    start : Parameters
        The initial weights and biases.
    samples : Samples
        The samples to train and to validate on.
    random_state : RandomState
        Draws the shuffles.
    is_incremental : bool
        Whether training is one epoch of `partial_fit`.
    is_weighted : bool
        Whether the samples have weights.
    scorer : callable or None
        Returns the score of parameters on the validation set, if `settings.scoring` is "scorer".
    before : dict of str to object
        The fitted attributes of the fit that training goes on from. Empty if training starts anew.
    identity : dict of str to object
        The parameters and the class of the estimator, by which a checkpoint recognises its fit.
        Empty if there is no checkpoint.
    drawn_from : dict of str to object
        State of the random numbers before the first draw. Empty if there is no checkpoint.
    seed : int or None
        A seed for random numbers in the program, if the regularisers need them.
    """

    settings: Settings
    architecture: Architecture
    start: Parameters
    samples: Samples
    random_state: np.random.RandomState
    is_incremental: bool = False
    is_weighted: bool = False
    scorer: Callable[[Parameters], float] | None = None
    before: dict[str, Any] = field(default_factory=dict)
    identity: dict[str, Any] = field(default_factory=dict)
    drawn_from: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None

    @property
    def is_warm(self) -> bool:
        """Whether training goes on from an earlier fit."""
        return bool(self.before)

    @property
    def has_validation(self) -> bool:
        """Whether there is a validation set."""
        return len(self.samples.validation_rows) > 0

    @property
    def max_epochs(self) -> int:
        """Maximum number of epochs of a stochastic solver."""
        return 1 if self.is_incremental else self.settings.max_iter

    @property
    def batch_size(self) -> int:
        """Number of samples of a batch of a stochastic solver."""
        n_train = len(self.samples.train_rows)
        size = self.settings.batch_size
        return min(200 if size == "auto" else int(size), n_train)


@dataclass(frozen=True)
class Trained:
    """The result of training.

    Parameters
    ----------
    parameters : Parameters
        Weights and biases.
    history : History
        The curves.
    loss : float
        The last loss.
    n_iter : int
        Number of epochs or iterations.
    warn : callable or None
        Warns the user, if there is a reason to. It is called after the fit.
    stopping : StoppingState
        The state of the stopping rule.
    optimizer : Optimizer or None
        The state of the solver.
    samples_seen : int
        Number of samples in the epochs of all fits.
    """

    parameters: Parameters
    history: History
    loss: float
    n_iter: int
    warn: Callable[[], Any] | None
    stopping: StoppingState = START
    optimizer: Optimizer | None = None
    samples_seen: int = 0
