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
    from skmlp._estimators.tabular_classifier import TabularMLPClassifier
    from skmlp._estimators.tabular_regressor import TabularMLPRegressor
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
    "TabularMLPClassifier",
    "TabularMLPRegressor",
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

for _name in saved.MODULES_OF_0_1_0:  # files of the first builds of 0.1.0 name these modules
    sys.modules[f"skmlp.{_name}"] = saved

_MODULES = ("callbacks", "datasets", "exceptions", "plotting", "preprocessing")

_HOMES = {
    "TabularMLPClassifier": "_estimators.tabular_classifier",
    "TabularMLPRegressor": "_estimators.tabular_regressor",
    "show_versions": "_show_versions",
}
"""Modules of the names that are imported when first used; all other names are in `plotting`."""


def __getattr__(name: str) -> Any:
    """Import names that few processes need when they are first used, so that skmlp loads fast."""
    if name in _MODULES:
        return import_module(f"skmlp.{name}")
    if name not in __all__:
        raise AttributeError(f"module 'skmlp' has no attribute {name!r}")
    return getattr(import_module(f"skmlp.{_HOMES.get(name, 'plotting')}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
