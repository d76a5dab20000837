"""The axes to draw on: those of the user, or of a new figure."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def colors() -> list[Any]:
    """Return colours that colour-blind readers can tell apart."""
    import matplotlib

    # Petroff (2021), "Accessible color sequences for data visualization".
    return matplotlib.color_sequences["petroff10"]


def one_axes(ax: Any, figsize: tuple[float, float]) -> "Axes":
    """Return the given axes, or the axes of a new figure.

    Raises
    ------
    ValueError
        If `ax` is neither matplotlib Axes nor None.
    """
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

    if ax is None:
        return plt.subplots(figsize=figsize, layout="constrained")[1]
    if not isinstance(ax, Axes):
        raise ValueError(f"ax must be matplotlib Axes or None, got {type(ax).__name__}.")
    return ax


def grid_of_axes(
    ax: Any, n_rows: int, n_cols: int, figsize: tuple[float, float], **subplots_kwargs: Any
) -> np.ndarray:
    """Return a grid of axes: the given axes, the given single axes divided, or a new figure.

    Parameters
    ----------
    ax : Axes, array-like of Axes or None
        The axes to draw on. Single axes are divided. None makes a figure.
    n_rows, n_cols : int
        Size of the grid.
    figsize : tuple of float
        Size of a new figure, in inches.
    **subplots_kwargs
        Options of new axes, such as `sharex`.

    Raises
    ------
    ValueError
        If `ax` has other elements than axes, or too few or too many of them.
    """
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

    if ax is None:
        figure = plt.figure(figsize=figsize, layout="constrained")
        return figure.subplots(n_rows, n_cols, squeeze=False, **subplots_kwargs)
    axes = np.asarray(ax, dtype=object)
    if axes.size == 1 and n_rows * n_cols > 1 and isinstance(axes.item(), Axes):
        return _grid_in(axes.item(), n_rows, n_cols, subplots_kwargs)
    if axes.size != n_rows * n_cols or not all(isinstance(ax, Axes) for ax in axes.flat):
        raise ValueError(
            f"The axes must have {n_rows} * {n_cols} = {n_rows * n_cols} elements, all of them "
            f"matplotlib Axes, or be single Axes to divide; got {axes.size} of the types "
            f"{ {type(ax).__name__ for ax in axes.flat} }."
        )
    return axes.reshape(n_rows, n_cols)


def _grid_in(ax: "Axes", n_rows: int, n_cols: int, subplots_kwargs: dict[str, Any]) -> np.ndarray:
    """Hide axes, and return a grid of new axes in the same place."""
    place = ax.get_subplotspec()
    if place is None or ax.figure is None:
        raise ValueError(
            "The axes to be divided must be of a grid, such as those from plt.subplots; pass "
            f"{n_rows} * {n_cols} axes, or None."
        )
    ax.set_axis_off()
    return ax.figure.add_subfigure(place).subplots(n_rows, n_cols, squeeze=False, **subplots_kwargs)
