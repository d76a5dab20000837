"""Draws weights of the first layer as images."""

from math import ceil, sqrt
from numbers import Integral
from typing import Any, Self

import numpy as np

from skmlp.plotting._axes import one_axes
from skmlp.plotting._estimators import fitted_network
from skmlp.plotting._pictures import check_image_shape


class WeightsDisplay:
    """The weights of the first layer, one image for each hidden unit.

    Each image has the shape of the network's input images, and shows the pattern to which the unit
    responds. All images use the same colours, with white for a weight of zero.

    Parameters
    ----------
    weights : array-like of shape (n_units, height, width)
        Weights of each unit.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the images, in rows.

    figure_ : matplotlib Figure
        Figure with the images.

    image_ : matplotlib AxesImage
        The picture with all images. Its array has NaN between the images.

    colorbar_ : matplotlib Colorbar or None
        The scale of colours.

    See Also
    --------
    ImageGridDisplay : Images with their labels.
    LossCurveDisplay : Losses and scores of a network, epoch by epoch.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlp.plotting import WeightsDisplay
    >>> display = WeightsDisplay(weights=np.ones((6, 2, 2))).plot(n_cols=3)
    >>> display.image_.get_array().shape
    (5, 8)
    """

    def __init__(self, *, weights: Any):
        self.weights = weights

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        image_shape: tuple[int, int] | None = None,
        units: Any = None,
        n_cols: int | None = None,
        colorbar: bool = True,
        ax: Any = None,
        image_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the first weights of a fitted network.

        In a pipeline, the weights are those of the features that the earlier steps pass to the
        network.

        Parameters
        ----------
        estimator : estimator
            A fitted network of skmlp or scikit-learn, a pipeline that ends in one, a search that
            refitted one, or a TransformedTargetRegressor with one.

        image_shape : tuple of int (height, width), default=None
            Shape of an image. None takes images as square.

        units : array-like of int, default=None
            Hidden units to draw, counted from 0. None draws all units.

        n_cols : int, default=None
            Number of images in a row. None makes about as many rows as columns.

        colorbar : bool, default=True
            Whether to draw the scale of colours.

        ax : matplotlib Axes, default=None
            The axes to draw on, which are cleared first. None makes a figure.

        image_kwargs : dict, default=None
            Style of the images, for matplotlib's `imshow`.

        Returns
        -------
        WeightsDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the network has no `coefs_`, if the estimator is tabular, if `image_shape` does not
            have one pixel for each feature, or if `units` do not exist.

        See Also
        --------
        WeightsDisplay.plot : Draw again, with another style.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from skmlp import TFMLPClassifier
        >>> from skmlp.plotting import WeightsDisplay
        >>> X, y = load_digits(return_X_y=True)
        >>> clf = TFMLPClassifier(learning_rate_init=0.01, tol=0.05, random_state=0).fit(X, y)
        >>> display = WeightsDisplay.from_estimator(clf, units=range(16))
        >>> display.weights.shape
        (16, 8, 8)
        """
        network = fitted_network(estimator, "coefs_")
        weights = np.asarray(network.coefs_[0]).T
        if weights.ndim != 2:
            raise ValueError(
                f"{type(network).__name__} holds {len(network.coefs_[0])} networks that read "
                "encoded columns: their weights are no images. Expected a network that reads "
                f"pixels, such as {type(network).__name__.replace('Tabular', 'TF')}."
            )
        shape = check_image_shape(image_shape, weights.shape[1:], weights.shape[1])
        if len(shape) != 2:
            raise ValueError(
                f"image_shape must be (height, width), as a weight has one colour, got {shape}."
            )
        if units is not None:
            weights = weights[_check_units(units, len(weights))]
        display = cls(weights=weights.reshape(-1, *shape))
        return display.plot(ax, n_cols=n_cols, colorbar=colorbar, image_kwargs=image_kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        n_cols: int | None = None,
        colorbar: bool = True,
        image_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the images in rows.

        To show or save the figure, call matplotlib's `show` or `savefig`.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw on, which are cleared first. None makes a figure.

        n_cols : int, default=None
            Number of images in a row. None makes about as many rows as columns.

        colorbar : bool, default=True
            Whether to draw the scale of colours.

        image_kwargs : dict, default=None
            Style of the images, for matplotlib's `imshow`.

        Returns
        -------
        WeightsDisplay
            The display.

        Raises
        ------
        ValueError
            If the weights do not have the described shape, if `n_cols` is not an int of at least 1,
            or if `ax` is not matplotlib Axes.

        See Also
        --------
        WeightsDisplay.from_estimator : Draw the weights of a fitted network.

        Examples
        --------
        >>> import numpy as np
        >>> from skmlp.plotting import WeightsDisplay
        >>> display = WeightsDisplay(weights=[[[-1.0, 2.0]]]).plot(colorbar=False)
        >>> display.image_.get_clim()
        (-2.0, 2.0)
        """
        mosaic = _mosaic(_check_weights(self.weights), n_cols)
        height, width = mosaic.shape
        self.ax_ = one_axes(ax, figsize=(6.4, min(12.0, 0.3 + 5.4 * height / width)))
        self.figure_ = self.ax_.get_figure(root=True)
        self.ax_.clear()
        largest = float(np.nanmax(np.abs(mosaic))) or 1.0
        style = {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest, **(image_kwargs or {})}
        self.image_ = self.ax_.imshow(mosaic, **style)
        self.ax_.set(xticks=[], yticks=[], facecolor="0.75")
        self.colorbar_ = None
        if colorbar:
            self.colorbar_ = self.ax_.figure.colorbar(self.image_, ax=self.ax_, label="weight")
        return self


def _check_weights(weights: Any) -> np.ndarray:
    weights = np.asarray(weights, dtype=float)
    if weights.ndim != 3 or 0 in weights.shape:
        raise ValueError(
            f"weights must have the shape (n_units, height, width), got {weights.shape}."
        )
    return weights


def _check_units(units: Any, n_units: int) -> np.ndarray:
    units = np.atleast_1d(np.asarray(units))
    if units.dtype.kind not in "iu" or units.ndim != 1 or not len(units):
        raise ValueError(f"units must be ints, one or more, got {units!r}.")
    if units.min() < 0 or units.max() >= n_units:
        raise ValueError(f"units must be from 0 to {n_units - 1}, got {units}.")
    return units


def _mosaic(weights: np.ndarray, n_cols: int | None) -> np.ndarray:
    """Return one picture of all images, with NaN between images and in empty cells."""
    n_units, height, width = weights.shape
    if n_cols is None:
        n_cols = ceil(sqrt(n_units * height / width))
    if not isinstance(n_cols, Integral) or isinstance(n_cols, bool) or n_cols < 1:
        raise ValueError(f"n_cols must be an int of at least 1, got {n_cols!r}.")
    n_cols = min(n_cols, n_units)
    mosaic = np.full((ceil(n_units / n_cols) * (height + 1), n_cols * (width + 1)), np.nan)
    for number, image in enumerate(weights):
        top, left = number // n_cols * (height + 1), number % n_cols * (width + 1)
        mosaic[top : top + height, left : left + width] = image
    return mosaic[:-1, :-1]
