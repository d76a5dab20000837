"""A grid of images with their labels."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import is_classifier

from skmlp.plotting._axes import grid_of_axes
from skmlp.plotting._pictures import ImageLabels, as_pictures, check_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class ImageGridDisplay:
    """Images in a grid, each with its true and its predicted label.

    Make it by :meth:`from_estimator` or :meth:`from_predictions`, which choose the images and their
    order.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width) or (n_images, height, width, n_channels)
        Images, which fill the grid row by row.

    y_true : array-like of shape (n_images,)
        True labels.

    y_pred : array-like of shape (n_images,), default=None
        Predicted labels. With None, captions have no predicted label.

    confidence : array-like of shape (n_images,), default=None
        Probability of each predicted label. With None, captions have no probability.

    title : str, default=None
        Title of the grid.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_rows, n_cols)
        Axes of the images.

    figure_ : matplotlib Figure
        Figure with the images.

    See Also
    --------
    plot_images : The same as a function.
    plot_example_errors : The misclassified images, as a function.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmlp.plotting import ImageGridDisplay
    >>> digits = load_digits()
    >>> display = ImageGridDisplay(images=digits.images, y_true=digits.target).plot()
    >>> display.axes_[0, 1].get_xlabel()
    'True: 1'
    """

    def __init__(
        self,
        *,
        images: Any,
        y_true: Any,
        y_pred: Any = None,
        confidence: Any = None,
        title: str | None = None,
    ):
        self.images = images
        self.y_true = y_true
        self.y_pred = y_pred
        self.confidence = confidence
        self.title = title

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        errors_only: bool = False,
        sort_by_confidence: bool = False,
        image_shape: tuple[int, ...] | None = None,
        n_rows: int = 3,
        n_cols: int = 3,
        title: str | None = None,
        ax: Any = None,
        image_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw images with the labels that a classifier predicts.

        The classifier receives `X` as it is, and each row of `X` is drawn as a picture.

        Parameters
        ----------
        estimator : estimator
            A fitted classifier.

        X : array-like of shape (n_images, n_pixels)
            Images.

        y : array-like of shape (n_images,)
            True labels.

        errors_only : bool, default=False
            Whether to draw only misclassified images.

        sort_by_confidence : bool, default=False
            Whether to sort images by the probability of the predicted label, largest first, and to
            add it to captions. With ``errors_only=True`` the worst mistakes come first.

        image_shape : tuple of int, default=None
            Shape of an image, ``(height, width)`` or ``(height, width, n_channels)``. None takes
            flattened images as square.

        n_rows, n_cols : int, default=3
            Size of the grid. Images beyond the grid are not drawn, and spare cells stay empty.

        title : str, default=None
            Title of the grid. With ``errors_only=True``, None counts the misclassified images.

        ax : matplotlib Axes or array-like of n_rows * n_cols of them, default=None
            Axes to draw on, which are cleared first. Single axes are divided. None makes a figure.

        image_kwargs : dict, default=None
            Style of the images, for matplotlib's `imshow`.

        Returns
        -------
        ImageGridDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the estimator is no classifier, if lengths differ, or if the images do not have the
            given shape, or are not square without one.

        See Also
        --------
        ImageGridDisplay.from_predictions : The same for given predictions.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from skmlp import TFMLPClassifier
        >>> from skmlp.plotting import ImageGridDisplay
        >>> X, y = load_digits(return_X_y=True)
        >>> clf = TFMLPClassifier(learning_rate_init=0.01, tol=0.05, random_state=0)
        >>> clf = clf.fit(X[:500], y[:500])
        >>> display = ImageGridDisplay.from_estimator(clf, X[500:], y[500:], errors_only=True)
        >>> display.axes_.shape
        (3, 3)
        """
        if not is_classifier(estimator):
            raise ValueError(f"estimator must be a classifier, got {estimator!r}.")
        y_pred = estimator.predict(X)
        return cls.from_predictions(
            X,
            y,
            y_pred,
            confidence=_confidence(estimator, X, y_pred) if sort_by_confidence else None,
            errors_only=errors_only,
            sort_by_confidence=sort_by_confidence,
            image_shape=image_shape,
            n_rows=n_rows,
            n_cols=n_cols,
            title=title,
            ax=ax,
            image_kwargs=image_kwargs,
        )

    @classmethod
    def from_predictions(
        cls,
        images: Any,
        y_true: Any,
        y_pred: Any = None,
        *,
        confidence: Any = None,
        errors_only: bool = False,
        sort_by_confidence: bool = False,
        image_shape: tuple[int, ...] | None = None,
        n_rows: int = 3,
        n_cols: int = 3,
        title: str | None = None,
        ax: Any = None,
        image_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw images with given labels and predictions.

        Without `y_pred` captions only have the true labels.

        Parameters
        ----------
        images : array-like of shape (n_images, n_pixels), (n_images, height, width) or \
                (n_images, height, width, n_channels)
            Images, flattened or not.

        y_true : array-like of shape (n_images,)
            True labels.

        y_pred : array-like of shape (n_images,), default=None
            Predicted labels.

        confidence : array-like of shape (n_images,), default=None
            Probability of each predicted label, for the captions.

        errors_only : bool, default=False
            Whether to draw only images whose two labels differ.

        sort_by_confidence : bool, default=False
            Whether to sort images by `confidence`, largest first.

        image_shape : tuple of int, default=None
            Shape of an image, ``(height, width)`` or ``(height, width, n_channels)``. None takes
            the shape of `images`, and takes flattened images as square.

        n_rows, n_cols : int, default=3
            Size of the grid. Images beyond the grid are not drawn, and spare cells stay empty.

        title : str, default=None
            Title of the grid. With ``errors_only=True``, None counts the misclassified images.

        ax : matplotlib Axes or array-like of n_rows * n_cols of them, default=None
            Axes to draw on, which are cleared first. Single axes are divided. None makes a figure.

        image_kwargs : dict, default=None
            Style of the images, for matplotlib's `imshow`.

        Returns
        -------
        ImageGridDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If lengths differ, if the images do not have the given shape, or are not square without
            one, or if `y_pred` or `confidence` is needed and missing.

        See Also
        --------
        ImageGridDisplay.from_estimator : The same for a fitted classifier.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from skmlp.plotting import ImageGridDisplay
        >>> digits = load_digits()
        >>> y_pred = digits.target.copy()
        >>> y_pred[7] = 1
        >>> display = ImageGridDisplay.from_predictions(
        ...     digits.data, digits.target, y_pred, errors_only=True
        ... )
        >>> display.axes_[0, 0].get_xlabel(), display.figure_.get_suptitle()
        ('True: 7, Pred: 1', '1 of 1797 images misclassified')
        """
        pictures = as_pictures(images, image_shape)
        labels = ImageLabels.check(len(pictures), y_true, y_pred, confidence)
        chosen = np.arange(len(pictures))
        if errors_only:
            chosen = np.flatnonzero(labels.are_wrong())
            if title is None:
                title = f"{len(chosen)} of {len(pictures)} images misclassified"
        if sort_by_confidence:
            chosen = chosen[labels.order_by_confidence(chosen)]
        display = cls(images=pictures[chosen], title=title, **vars(labels.at(chosen)))
        return display.plot(ax, n_rows=n_rows, n_cols=n_cols, image_kwargs=image_kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        n_rows: int = 3,
        n_cols: int = 3,
        image_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the first images in a grid.

        To show or save the figure, call matplotlib's `show` or `savefig`.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of n_rows * n_cols of them, default=None
            Axes to draw on, which are cleared first. Single axes are divided. None makes a figure.

        n_rows, n_cols : int, default=3
            Size of the grid. Images beyond the grid are not drawn, and spare cells stay empty.

        image_kwargs : dict, default=None
            Style of the images, for matplotlib's `imshow`.

        Returns
        -------
        ImageGridDisplay
            The display.

        Raises
        ------
        ValueError
            If lengths differ, or `ax` is not as described.

        See Also
        --------
        ImageGridDisplay.from_predictions : Choose and draw images.

        Examples
        --------
        >>> from sklearn.datasets import load_digits
        >>> from skmlp.plotting import ImageGridDisplay
        >>> digits = load_digits()
        >>> display = ImageGridDisplay(images=digits.images, y_true=digits.target)
        >>> display.plot(n_rows=1, n_cols=4, image_kwargs={"cmap": "gray"}).axes_.shape
        (1, 4)
        """
        check_grid(n_rows, n_cols)
        labels = ImageLabels.check(len(self.images), self.y_true, self.y_pred, self.confidence)
        size = (1.6 * n_cols, 1.8 * n_rows + 0.4)
        self.axes_ = grid_of_axes(ax, n_rows, n_cols, size)
        self.figure_ = self.axes_[0, 0].get_figure(root=True)
        for number, cell in enumerate(self.axes_.flat):
            cell.clear()
            if number < len(self.images):
                _draw(cell, self.images[number], labels.caption(number), image_kwargs or {})
            else:
                cell.set_axis_off()
        if self.title is not None:
            self.axes_[0, 0].figure.suptitle(self.title)
        return self


def _confidence(estimator: Any, X: Any, y_pred: np.ndarray) -> np.ndarray:
    """Return a classifier's probabilities of its predicted labels."""
    if not hasattr(estimator, "predict_proba"):
        raise ValueError(
            f"sort_by_confidence=True needs an estimator with predict_proba, got {estimator!r}."
        )
    is_predicted = np.asarray(y_pred)[:, None] == estimator.classes_
    return np.sum(estimator.predict_proba(X) * is_predicted, axis=1)


def _draw(ax: "Axes", picture: np.ndarray, caption: str, image_kwargs: dict[str, Any]) -> None:
    ax.imshow(picture, **{"cmap": "binary", **image_kwargs})
    ax.set_xlabel(caption, parse_math=False)  # a label may have a dollar sign
    ax.set_xticks([])
    ax.set_yticks([])
