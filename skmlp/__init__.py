"""Multi-layer perceptrons with scikit-learn's interface and numbers, trained by TensorFlow."""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from skmlp import saved
from skmlp._estimators.classifier import TFMLPClassifier
from skmlp._estimators.regressor import TFMLPRegressor
from skmlp._version import __version__

if TYPE_CHECKING:
    from skmlp import callbacks, datasets, exceptions, plotting, preprocessing
    from skmlp._show_versions import show_versions
    from skmlp.plotting import (
        ImageGridDisplay,
        LossCurveDisplay,
        SearchDisplay,
        WeightsDisplay,
        plot_example_errors,
        plot_images,
    )

__all__ = [
    "ImageGridDisplay",
    "LossCurveDisplay",
    "SearchDisplay",
    "TFMLPClassifier",
    "TFMLPRegressor",
    "WeightsDisplay",
    "__version__",
    "callbacks",
    "datasets",
    "exceptions",
    "plot_example_errors",
    "plot_images",
    "plotting",
    "preprocessing",
    "show_versions",
]

for _name in saved.MODULES_OF_0_1_0:  # which files name
    sys.modules[f"skmlp.{_name}"] = saved

_MODULES = ("callbacks", "datasets", "exceptions", "plotting", "preprocessing")


def __getattr__(name: str) -> Any:
    """Import what is not an estimator when it is first used: the import of skmlp is short."""
    if name in _MODULES:
        return import_module(f"skmlp.{name}")
    if name not in __all__:
        raise AttributeError(f"module 'skmlp' has no attribute {name!r}")
    module = "_show_versions" if name == "show_versions" else "plotting"
    return getattr(import_module(f"skmlp.{module}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
