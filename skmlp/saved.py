"""The names by which pickles, skops files and checkpoints know the classes in them.

The classes live elsewhere and may move; their names here stay, so that a file that any version has
written can be read by later ones. There is nothing here to be called.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from skmlp._estimators.classifier import TFMLPClassifier
from skmlp._estimators.regressor import TFMLPRegressor
from skmlp._model.network import Parameters
from skmlp._model.records import History, Optimizer, Snapshot, StoppingState, TrainingState

if TYPE_CHECKING:
    from skmlp._data.categories import Categories
    from skmlp._data.numbers import Numbers
    from skmlp._data.table import TableEncoder

__all__ = [
    "Categories",
    "History",
    "Numbers",
    "Optimizer",
    "Parameters",
    "Snapshot",
    "Standing",
    "StoppingState",
    "TFMLPClassifier",
    "TFMLPRegressor",
    "TableEncoder",
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


_HOMES = {
    "Categories": "skmlp._data.categories",
    "Numbers": "skmlp._data.numbers",
    "TableEncoder": "skmlp._data.table",
}
"""Modules of classes that only files of tabular estimators need."""


def __getattr__(name: str) -> Any:
    """Import the parts of a tabular estimator when a file names them."""
    if name not in _HOMES:
        raise AttributeError(f"module 'skmlp.saved' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


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
