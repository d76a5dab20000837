"""Pictures of data and of predictions. matplotlib is imported when something is drawn."""

from skmlp.plotting._images import plot_example_errors, plot_images

__all__ = ["plot_example_errors", "plot_images"]
