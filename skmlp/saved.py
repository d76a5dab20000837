"""The names by which pickles, skops files and checkpoints know the classes in them.

The classes live elsewhere and may move; their names here stay, so that a file that any version has
written can be read by later ones. There is nothing here to be called.
"""

from skmlp._estimators.classifier import TFMLPClassifier
from skmlp._estimators.regressor import TFMLPRegressor
from skmlp._model.network import Parameters
from skmlp._model.records import History, Optimizer, Snapshot, StoppingState, TrainingState

__all__ = [
    "History",
    "Optimizer",
    "Parameters",
    "Snapshot",
    "Standing",
    "StoppingState",
    "TFMLPClassifier",
    "TFMLPRegressor",
    "TrainingState",
]

MODULES_OF_0_1_0 = (
    "_classifier",
    "_regressor",
    "_history",
    "_network",
    "_resuming",
    "_solvers",
    "_stopping",
)
"""Modules of `skmlp` that the first builds of 0.1.0 wrote into files; they are now this one."""


class Standing:
    """The name of `StoppingState` in checkpoints of the first builds of 0.1.0.

    Parameters
    ----------
    best_loss, best_score, no_improvement_count, stopped : float
        As in `StoppingState`.
    learning_rate : float
        The learning rate, which the optimizer has too.
    """

    def __new__(  # type: ignore[misc]
        cls,
        best_loss: float,
        best_score: float,
        no_improvement_count: float,
        learning_rate: float,
        stopped: float,
    ) -> StoppingState:
        """Return the state of the stopping rule, which has no learning rate any more."""
        return StoppingState(best_loss, best_score, no_improvement_count, stopped)
