"""Multi-layer perceptrons with scikit-learn's interface and numbers, trained by TensorFlow."""

from skmlp import datasets, plotting
from skmlp._classifier import TFMLPClassifier
from skmlp._regressor import TFMLPRegressor
from skmlp.plotting import plot_example_errors, plot_images

__version__ = "0.1.0"
__all__ = [
    "TFMLPClassifier",
    "TFMLPRegressor",
    "datasets",
    "plot_example_errors",
    "plot_images",
    "plotting",
]
