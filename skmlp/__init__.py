"""Multi-layer perceptrons with scikit-learn's interface and numbers, trained by TensorFlow."""

from skmlp import callbacks, datasets, exceptions, plotting
from skmlp._classifier import TFMLPClassifier
from skmlp._regressor import TFMLPRegressor
from skmlp._show_versions import show_versions
from skmlp._version import __version__
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
    "show_versions",
]
