"""Pictures of data, of networks and of searches. matplotlib is imported when one is drawn."""

from skmlp.plotting._image_grid import ImageGridDisplay
from skmlp.plotting._images import plot_example_errors, plot_images
from skmlp.plotting._loss_curve import LossCurveDisplay
from skmlp.plotting._search import SearchDisplay
from skmlp.plotting._weights import WeightsDisplay

__all__ = [
    "ImageGridDisplay",
    "LossCurveDisplay",
    "SearchDisplay",
    "WeightsDisplay",
    "plot_example_errors",
    "plot_images",
]
