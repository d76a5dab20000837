"""The order of the examples: each builds on the examples before it."""

from sphinx_gallery.sorting import FileNameSortKey

ORDER = (
    "plot_mnist.py",
    "plot_digits.py",
    "plot_loss_curves.py",
    "plot_grid_search.py",
    "plot_tabular.py",
    "plot_regression.py",
    "plot_imbalanced.py",
    "plot_weights.py",
    "plot_stream.py",
    "plot_callbacks.py",
    "plot_dask.py",
)


class TeachingOrder(FileNameSortKey):
    """Sort key of a script for sphinx-gallery; a script that is not in `ORDER` is an error."""

    def __call__(self, filename):
        return ORDER.index(filename)
