"""Grids of images with their labels."""

from math import isqrt
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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

    Parameters
    ----------
    images : array-like of shape (n_images, n_pixels), (n_images, height, width) or \
            (n_images, height, width, n_channels)
        Images, flattened or not. Those beyond the grid are not drawn.

    y_true : array-like of shape (n_images,)
        True labels.

    y_pred : array-like of shape (n_images,), default=None
        Predicted labels. None leaves them out of the captions.

    image_shape : tuple of int, default=None
        Shape of an image, ``(height, width)`` or ``(height, width, n_channels)``. None takes the
        shape that `images` has, and takes flattened images as square.

    n_rows, n_cols : int, default=3
        Size of the grid. Cells without an image stay empty.

    title : str, default=None
        Title of the figure.

    cmap : str, default="binary"
        Colour map of images with one channel.

    axes : array-like of matplotlib Axes with n_rows * n_cols elements, default=None
        Where to draw; what they show is cleared. None makes a figure.

    Returns
    -------
    axes : ndarray of matplotlib Axes of shape (n_rows, n_cols)
        The axes; their figure is ``axes[0, 0].figure``. Nothing is shown.

    Raises
    ------
    ValueError
        If lengths differ, or the images have not the shape given and are not square.

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
    _check_grid(n_rows, n_cols)
    pictures = _as_pictures(images, image_shape)
    captions = _captions(len(pictures), y_true, y_pred)
    axes = _make_axes(n_rows, n_cols) if axes is None else _check_axes(axes, n_rows, n_cols)
    for number, ax in enumerate(axes.flat):
        ax.clear()
        if number < len(pictures):
            _draw(ax, pictures[number], captions[number], cmap)
        else:
            ax.set_axis_off()
    if title is not None:
        axes[0, 0].figure.suptitle(title)
    return axes


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

    Parameters
    ----------
    images : array-like of shape (n_images, n_pixels), (n_images, height, width) or \
            (n_images, height, width, n_channels)
        Images, flattened or not, right and wrong ones.

    y_true : array-like of shape (n_images,)
        True labels.

    y_pred : array-like of shape (n_images,)
        Predicted labels. Images whose two labels differ are drawn.

    image_shape : tuple of int, default=None
        Shape of an image. None takes the shape that `images` has, and takes flattened images as
        square.

    n_rows, n_cols : int, default=3
        Size of the grid. Cells without an image stay empty; all do if nothing is misclassified.

    title : str, default=None
        Title of the figure. None says how many of the images are misclassified.

    cmap : str, default="binary"
        Colour map of images with one channel.

    axes : array-like of matplotlib Axes with n_rows * n_cols elements, default=None
        Where to draw. None makes a figure.

    Returns
    -------
    axes : ndarray of matplotlib Axes of shape (n_rows, n_cols)
        The axes. Nothing is shown.

    Raises
    ------
    ValueError
        If lengths differ, or the images have not the shape given and are not square.

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
    pictures = _as_pictures(images, image_shape)
    y_true = _check_labels("y_true", y_true, len(pictures))
    y_pred = _check_labels("y_pred", y_pred, len(pictures))
    _check_comparable(y_true, y_pred)
    wrong = y_true != y_pred
    if title is None:
        title = f"{np.count_nonzero(wrong)} of {len(pictures)} images misclassified"
    return plot_images(
        pictures[wrong],
        y_true[wrong],
        y_pred[wrong],
        image_shape=pictures.shape[1:],
        n_rows=n_rows,
        n_cols=n_cols,
        title=title,
        cmap=cmap,
        axes=axes,
    )


def _as_pictures(images: Any, image_shape: tuple[int, ...] | None) -> np.ndarray:
    """Return the images as an array of pictures."""
    images = np.asarray(images)
    if images.dtype.kind not in "biuf" or images.ndim not in (2, 3, 4) or 0 in images.shape[1:]:
        raise ValueError(
            "images must be numbers of the shape (n_images, n_pixels), (n_images, height, width) "
            "or (n_images, height, width, n_channels), got the type "
            f"{images.dtype} and the shape {images.shape}."
        )
    n_pixels = int(np.prod(images.shape[1:]))
    shape = _check_image_shape(image_shape, images.shape[1:], n_pixels)
    if len(shape) == 3 and shape[2] not in (1, 3, 4):
        raise ValueError(f"images must have 1, 3 or 4 channels, got {shape[2]} of {shape}.")
    return images.reshape(len(images), *shape)


def _check_image_shape(
    image_shape: tuple[int, ...] | None, shape: tuple[int, ...], n_pixels: int
) -> tuple[int, ...]:
    """Return the shape of a picture, from what was asked for and what there is."""
    if image_shape is None:
        side = isqrt(n_pixels)
        image_shape = shape if len(shape) > 1 else (side, side)
    is_shape = isinstance(image_shape, tuple | list) and len(image_shape) in (2, 3)
    if not is_shape or not all(isinstance(n, Integral) and n > 0 for n in image_shape):
        raise ValueError(
            "image_shape must be (height, width) or (height, width, n_channels), got "
            f"{image_shape!r}."
        )
    if np.prod(image_shape) != n_pixels:
        raise ValueError(
            f"images have {n_pixels} pixels each, which image_shape={tuple(image_shape)} does not "
            "hold; give image_shape=(height, width) if they are not square."
        )
    return tuple(image_shape)


def _check_labels(name: str, labels: Any, n_images: int) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.shape != (n_images,):
        raise ValueError(
            f"{name} must have one label for each of the {n_images} images, got the shape "
            f"{labels.shape}."
        )
    return labels


def _check_comparable(y_true: np.ndarray, y_pred: np.ndarray) -> None:
    is_text = [labels.dtype.kind in "US" for labels in (y_true, y_pred)]
    is_object = [labels.dtype.kind == "O" for labels in (y_true, y_pred)]
    if is_text[0] != is_text[1] and not any(is_object):
        raise ValueError(
            "y_true and y_pred must be labels of one kind to be compared, got the types "
            f"{y_true.dtype} and {y_pred.dtype}."
        )


def _captions(n_images: int, y_true: Any, y_pred: Any) -> list[str]:
    y_true = _check_labels("y_true", y_true, n_images)
    if y_pred is None:
        return [f"True: {true}" for true in y_true]
    y_pred = _check_labels("y_pred", y_pred, n_images)
    return [f"True: {true}, Pred: {pred}" for true, pred in zip(y_true, y_pred, strict=True)]


def _check_grid(n_rows: int, n_cols: int) -> None:
    for name, n in (("n_rows", n_rows), ("n_cols", n_cols)):
        if not isinstance(n, Integral) or isinstance(n, bool) or n < 1:
            raise ValueError(f"{name} must be an int of at least 1, got {n!r}.")


def _make_axes(n_rows: int, n_cols: int) -> np.ndarray:
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(
        n_rows,
        n_cols,
        squeeze=False,
        figsize=(1.6 * n_cols, 1.8 * n_rows + 0.4),
        layout="constrained",
    )
    return axes


def _check_axes(axes: Any, n_rows: int, n_cols: int) -> np.ndarray:
    from matplotlib.axes import Axes

    axes = np.asarray(axes, dtype=object)
    if axes.size != n_rows * n_cols or not all(isinstance(ax, Axes) for ax in axes.flat):
        raise ValueError(
            f"axes must have n_rows * n_cols = {n_rows * n_cols} elements, all of them matplotlib "
            f"Axes, got {axes.size} of the types { {type(ax).__name__ for ax in axes.flat} }."
        )
    return axes.reshape(n_rows, n_cols)


def _draw(ax: "Axes", picture: np.ndarray, caption: str, cmap: str) -> None:
    ax.imshow(picture, cmap=cmap)
    ax.set_xlabel(caption, parse_math=False)  # a label may have a dollar sign
    ax.set_xticks([])
    ax.set_yticks([])
