"""The order of the examples: each needs what the ones before it have shown."""

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
    """Sort key of a script for sphinx-gallery; one that has no place yet is an error."""

    def __call__(self, filename):
        return ORDER.index(filename)
