"""Functions that draw grids of images with their labels."""

from typing import Any

import numpy as np

from skmlp.plotting._image_grid import ImageGridDisplay


def plot_images(
    images: Any,
    y_true: Any,
    y_pred: Any = None,
    *,
    image_shape: tuple[int, ...] | None = None,
    n_rows: int = 3,
    n_cols: int = 3,
    title: str | None = None,
    cmap: str = "binary",
    axes: Any = None,
) -> np.ndarray:
    """Draw the first images in a grid, each with its true and its predicted label.

    This function calls :meth:`ImageGridDisplay.from_predictions`, and returns the axes.

    Parameters
    ----------
    images : array-like of shape (n_images, n_pixels), (n_images, height, width) or \
            (n_images, height, width, n_channels)
        Images, flattened or not. Images beyond the grid are not drawn.

    y_true : array-like of shape (n_images,)
        True labels.

    y_pred : array-like of shape (n_images,), default=None
        Predicted labels. With None, captions have no predicted label.

    image_shape : tuple of int, default=None
        Shape of an image, ``(height, width)`` or ``(height, width, n_channels)``. None takes the
        shape of `images`, and takes flattened images as square.

    n_rows, n_cols : int, default=3
        Size of the grid. Cells without an image stay empty.

    title : str, default=None
        Title of the figure.

    cmap : str, default="binary"
        Colour map of images with one channel.

    axes : array-like of matplotlib Axes with n_rows * n_cols elements, default=None
        The axes to draw on, which are cleared first. None makes a figure.

    Returns
    -------
    ndarray of matplotlib Axes of shape (n_rows, n_cols)
        The axes; their figure is ``axes[0, 0].figure``. Call matplotlib's `show` to show it.

    Raises
    ------
    ValueError
        If lengths differ, or the images do not have the given shape, or are not square without one.

    See Also
    --------
    ImageGridDisplay : The display that this function draws.
    plot_example_errors : Draw only misclassified images.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmlp.plotting import plot_images
    >>> digits = load_digits()
    >>> axes = plot_images(digits.data, digits.target, title="Digits")
    >>> axes.shape
    (3, 3)
    >>> axes[0, 0].get_xlabel()
    'True: 0'
    """
    display = ImageGridDisplay.from_predictions(
        images,
        y_true,
        y_pred,
        image_shape=image_shape,
        n_rows=n_rows,
        n_cols=n_cols,
        title=title,
        ax=axes,
        image_kwargs={"cmap": cmap},
    )
    return display.axes_


def plot_example_errors(
    images: Any,
    y_true: Any,
    y_pred: Any,
    *,
    image_shape: tuple[int, ...] | None = None,
    n_rows: int = 3,
    n_cols: int = 3,
    title: str | None = None,
    cmap: str = "binary",
    axes: Any = None,
) -> np.ndarray:
    """Draw the first misclassified images in a grid.

    This function calls :meth:`ImageGridDisplay.from_predictions` with ``errors_only=True``, and
    returns the axes.

    Parameters
    ----------
    images : array-like of shape (n_images, n_pixels), (n_images, height, width) or \
            (n_images, height, width, n_channels)
        Images, flattened or not, whether their predictions are right or wrong.

    y_true : array-like of shape (n_images,)
        True labels.

    y_pred : array-like of shape (n_images,)
        Predicted labels. Images whose two labels differ are drawn.

    image_shape : tuple of int, default=None
        Shape of an image. None takes the shape of `images`, and takes flattened images as square.

    n_rows, n_cols : int, default=3
        Size of the grid. Cells without an image stay empty.

    title : str, default=None
        Title of the figure. None gives the number of misclassified images.

    cmap : str, default="binary"
        Colour map of images with one channel.

    axes : array-like of matplotlib Axes with n_rows * n_cols elements, default=None
        The axes to draw on, which are cleared first. None makes a figure.

    Returns
    -------
    ndarray of matplotlib Axes of shape (n_rows, n_cols)
        The axes; their figure is ``axes[0, 0].figure``. Call matplotlib's `show` to show it.

    Raises
    ------
    ValueError
        If lengths differ, or the images do not have the given shape, or are not square without one.

    See Also
    --------
    ImageGridDisplay : The display that this function draws.
    plot_images : Draw all images, whether their predictions are right or wrong.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmlp.plotting import plot_example_errors
    >>> digits = load_digits()
    >>> y_pred = digits.target.copy()
    >>> y_pred[7] = 1
    >>> axes = plot_example_errors(digits.data, digits.target, y_pred)
    >>> axes[0, 0].get_xlabel()
    'True: 7, Pred: 1'
    """
    display = ImageGridDisplay.from_predictions(
        images,
        y_true,
        y_pred,
        errors_only=True,
        image_shape=image_shape,
        n_rows=n_rows,
        n_cols=n_cols,
        title=title,
        ax=axes,
        image_kwargs={"cmap": cmap},
    )
    return display.axes_
