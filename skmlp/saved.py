"""The names that pickles, skops files and checkpoints have for the classes in them.

The classes live in other modules and may move, but the names here stay, so that later versions read
the files of all earlier ones. Users call nothing in this module.
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
"""Names of modules in files of the first builds of 0.1.0; they now refer to this module."""


_HOMES = {
    "Categories": "skmlp._data.categories",
    "Numbers": "skmlp._data.numbers",
    "TableEncoder": "skmlp._data.table",
}
"""Modules of the classes that only files of tabular estimators need."""


def __getattr__(name: str) -> Any:
    """Import a class of the tabular estimators when a file names it."""
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
        The learning rate, which is now in `Optimizer` alone.
    """

    def __new__(  # type: ignore[misc]
        cls,
        best_loss: float,
        best_score: float,
        no_improvement_count: float,
        learning_rate: float,
        stopped: float,
    ) -> StoppingState:
        """Return the state of the stopping rule, without the learning rate."""
        return StoppingState(best_loss, best_score, no_improvement_count, stopped)
