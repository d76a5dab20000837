"""Draws losses and scores against epochs."""

from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import is_classifier

from skmlp.plotting._axes import colors, one_axes
from skmlp.plotting._estimators import fitted_network

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SCORE_AXES = "validation score"
_KINDS: dict[str, dict[str, Any]] = {
    "training loss": {"linestyle": "-"},
    "validation loss": {"linestyle": "--"},
    "validation score": {"linestyle": "-."},
    "best epoch": {"linestyle": ":", "linewidth": 1.0},
}
_GREY = "0.35"


class LossCurveDisplay:
    """Losses and validation scores of a network, epoch by epoch.

    Make it by :meth:`from_estimator`. To compare networks, draw one after the other on the same
    axes, each with a name.

    Parameters
    ----------
    train_loss : array-like of shape (n_epochs,)
        Training loss of each epoch.

    validation_loss : array-like of shape (n_validated,), default=None
        Validation loss of each validated epoch.

    validation_scores : array-like of shape (n_validated,), default=None
        Validation score of each validated epoch, drawn on a second vertical axis.

    validation_epochs : array-like of shape (n_validated,), default=None
        The validated epochs, counted from 1. None takes the first epochs.

    best_epochs : array-like of int, default=None
        The epochs to mark, counted from 1. None marks the first epoch with the highest validation
        score.

    score_name : str, default="validation score"
        Name of the score, for its axis.

    epoch_name : str, default="epoch"
        The word on the horizontal axis, such as "iteration" for L-BFGS.

    name : str, default=None
        Name of the network. With a name, all curves of the network have the same colour. Without a
        name, each kind of curve has a colour.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the losses.

    score_ax_ : matplotlib Axes or None
        Axes with the scores, in the same place as `ax_`. None if there are no scores.

    figure_ : matplotlib Figure
        Figure with the curves.

    train_line_, validation_line_, score_line_ : matplotlib Line2D or None
        The curves. None if there is nothing to draw.

    best_epoch_ : int or None
        The first epoch with the highest validation score. None if there are no scores.

    best_lines_ : list of matplotlib Line2D
        Vertical lines at the marked epochs.

    See Also
    --------
    SearchDisplay : Scores of a search over the sizes of the hidden layers.
    WeightsDisplay : The weights of the first layer as images.

    Examples
    --------
    >>> from skmlp.plotting import LossCurveDisplay
    >>> display = LossCurveDisplay(
    ...     train_loss=[2.0, 1.2, 0.9], validation_scores=[0.5, 0.8, 0.7]
    ... ).plot()
    >>> display.ax_.get_xlabel(), display.score_ax_.get_ylabel()
    ('epoch', 'validation score')
    >>> display.best_epoch_
    2
    """

    def __init__(
        self,
        *,
        train_loss: Any,
        validation_loss: Any = None,
        validation_scores: Any = None,
        validation_epochs: Any = None,
        best_epochs: Any = None,
        score_name: str = "validation score",
        epoch_name: str = "epoch",
        name: str | None = None,
    ):
        self.train_loss = train_loss
        self.validation_loss = validation_loss
        self.validation_scores = validation_scores
        self.validation_epochs = validation_epochs
        self.best_epochs = best_epochs
        self.score_name = score_name
        self.epoch_name = epoch_name
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        name: str | None = None,
        ax: Any = None,
        train_kwargs: dict[str, Any] | None = None,
        validation_kwargs: dict[str, Any] | None = None,
        score_kwargs: dict[str, Any] | None = None,
        best_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the losses and scores of a fitted network.

        The training loss includes the penalty and is a mean over the epoch. The validation loss
        does not include the penalty and is computed at the end of the epoch. For a tabular
        estimator, all epochs whose networks are kept are marked.

        Parameters
        ----------
        estimator : estimator
            A fitted network of skmlp or scikit-learn, a pipeline that ends in one, a search that
            refitted one, or a TransformedTargetRegressor with one.

        name : str, default=None
            Name of the network, to tell several networks on the same axes apart.

        ax : matplotlib Axes, default=None
            The axes to draw on; earlier curves stay. None makes a figure.

        train_kwargs, validation_kwargs, score_kwargs, best_kwargs : dict, default=None
            Style of the curves and of the line at the best epoch, for matplotlib's `plot` and
            `axvline`.

        Returns
        -------
        LossCurveDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the network has no `loss_curve_`.

        See Also
        --------
        LossCurveDisplay.plot : Draw again, with another style.

        Examples
        --------
        >>> import matplotlib.pyplot as plt
        >>> from sklearn.datasets import load_iris
        >>> from skmlp import TFMLPClassifier
        >>> from skmlp.plotting import LossCurveDisplay
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = TFMLPClassifier(learning_rate_init=0.02, early_stopping=True, random_state=0)
        >>> display = LossCurveDisplay.from_estimator(clf.fit(X, y))
        >>> len(display.train_line_.get_xdata()) == clf.n_iter_
        True

        Two networks on the same axes:

        >>> fig, ax = plt.subplots()
        >>> for size in (5, 50):
        ...     clf = clf.set_params(hidden_layer_sizes=size).fit(X, y)
        ...     display = LossCurveDisplay.from_estimator(clf, name=f"{size} units", ax=ax)
        """
        network = fitted_network(estimator, "loss_curve_")
        display = cls(
            train_loss=network.loss_curve_,
            validation_loss=getattr(network, "validation_loss_curve_", None),
            validation_scores=getattr(network, "validation_scores_", None),
            validation_epochs=_validation_epochs(network),
            best_epochs=getattr(network, "best_epochs_", None),
            score_name=_score_name(network),
            epoch_name="iteration" if getattr(network, "solver", "") == "lbfgs" else "epoch",
            name=name,
        )
        return display.plot(
            ax,
            train_kwargs=train_kwargs,
            validation_kwargs=validation_kwargs,
            score_kwargs=score_kwargs,
            best_kwargs=best_kwargs,
        )

    def plot(
        self,
        ax: Any = None,
        *,
        name: str | None = None,
        train_kwargs: dict[str, Any] | None = None,
        validation_kwargs: dict[str, Any] | None = None,
        score_kwargs: dict[str, Any] | None = None,
        best_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the curves.

        To show or save the figure, call matplotlib's `show` or `savefig`.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            The axes to draw on; earlier curves stay. None makes a figure.

        name : str, default=None
            Name of the network. None takes the name of the display.

        train_kwargs, validation_kwargs, score_kwargs, best_kwargs : dict, default=None
            Style of the curves and of the line at the best epoch, for matplotlib's `plot` and
            `axvline`.

        Returns
        -------
        LossCurveDisplay
            The display.

        Raises
        ------
        ValueError
            If the validation curves have different lengths, or `ax` is not matplotlib Axes.

        See Also
        --------
        LossCurveDisplay.from_estimator : Draw the losses and scores of a fitted network.

        Examples
        --------
        >>> from skmlp.plotting import LossCurveDisplay
        >>> display = LossCurveDisplay(train_loss=[2.0, 1.2, 0.9])
        >>> display.plot(train_kwargs={"color": "black"}).train_line_.get_color()
        'black'
        """
        name = self.name if name is None else name
        epochs = self._check_validation_epochs()
        self.ax_ = one_axes(ax, figsize=(6.4, 4.4))
        self.figure_ = self.ax_.get_figure(root=True)
        self.best_epoch_ = _best_epoch(epochs, self.validation_scores)
        self._draw_losses(epochs, name, train_kwargs or {}, validation_kwargs or {})
        self._draw_scores(epochs, name, score_kwargs or {}, best_kwargs or {})
        _set_label(self.ax_, "x", self.epoch_name, "epoch or iteration")
        self.ax_.set_ylabel("loss")
        _draw_legend(self.ax_)
        return self

    def _check_validation_epochs(self) -> np.ndarray:
        """Return the epochs of the validation curves, which must have the same length."""
        lengths = {
            name: len(curve)
            for name in ("validation_loss", "validation_scores", "validation_epochs")
            if (curve := getattr(self, name)) is not None
        }
        if len(set(lengths.values())) > 1:
            raise ValueError(f"The validation curves must be of one length, got {lengths}.")
        if self.validation_epochs is not None:
            return np.asarray(self.validation_epochs)
        return np.arange(1, 1 + max(lengths.values(), default=0))

    def _draw_losses(
        self,
        epochs: np.ndarray,
        name: str | None,
        train_kwargs: dict[str, Any],
        validation_kwargs: dict[str, Any],
    ) -> None:
        if not self.ax_.lines:
            self.ax_.set_prop_cycle(color=colors())
        kind = _KINDS["training loss"]
        style = {"label": name or "training loss", **kind, **train_kwargs}
        train_epochs = np.arange(1, 1 + len(self.train_loss))
        (self.train_line_,) = self.ax_.plot(train_epochs, self.train_loss, **style)
        self.validation_line_ = None
        if self.validation_loss is not None:
            style = _style("validation loss", name, self.train_line_) | validation_kwargs
            (self.validation_line_,) = self.ax_.plot(epochs, self.validation_loss, **style)

    def _draw_scores(
        self,
        epochs: np.ndarray,
        name: str | None,
        score_kwargs: dict[str, Any],
        best_kwargs: dict[str, Any],
    ) -> None:
        self.score_ax_ = self.score_line_ = None
        self.best_lines_: list[Any] = []
        if self.validation_scores is None:
            return
        self.score_ax_ = _score_axes_of(self.ax_) or _new_score_axes(self.ax_)
        style = {"color": _GREY} | _style("validation score", name, self.train_line_)
        if not name:
            style["label"] = self.score_name
        (self.score_line_,) = self.score_ax_.plot(
            epochs, self.validation_scores, **(style | score_kwargs)
        )
        _set_label(self.score_ax_, "y", self.score_name, "validation score")
        self._mark_best_epochs(self.score_ax_, name, best_kwargs)

    def _mark_best_epochs(self, ax: "Axes", name: str | None, best_kwargs: dict[str, Any]) -> None:
        """Draw a line at each best epoch; only the first line has a label."""
        best = [] if self.best_epoch_ is None else [self.best_epoch_]
        marked = best if self.best_epochs is None else [int(epoch) for epoch in self.best_epochs]
        style = {"color": _GREY} | _style("best epoch", name, self.train_line_)
        if not name:
            several = "" if len(marked) == 1 else "s"
            style["label"] = f"best {self.epoch_name}{several}: {', '.join(map(str, marked))}"
        for epoch in marked:
            self.best_lines_.append(ax.axvline(epoch, **(style | best_kwargs)))
            style["label"] = "_"  # legends leave out such labels


def _best_epoch(epochs: np.ndarray, scores: Any) -> int | None:
    scores = np.asarray([] if scores is None else scores, float)
    return None if np.isnan(scores).all() else int(epochs[np.nanargmax(scores)])


def _style(kind: str, name: str | None, train_line: Any) -> dict[str, Any]:
    """Return the style of a curve; with a name, it has the colour of the network."""
    if not name:
        return {"label": kind, **_KINDS[kind]}
    # matplotlib's legends leave out labels with an underscore; `_draw_legend` reads them.
    return {"label": f"_{kind}", "color": train_line.get_color(), **_KINDS[kind]}


def _score_axes_of(ax: "Axes") -> "Axes | None":
    """Return the axes for scores that an earlier display made in the same place, if any."""
    place = ax.get_position(original=True).bounds
    for other in ax.get_shared_x_axes().get_siblings(ax):
        if other.get_label() == _SCORE_AXES and other.get_position(original=True).bounds == place:
            return other
    return None


def _new_score_axes(ax: "Axes") -> "Axes":
    score_ax = ax.twinx()
    score_ax.set_label(_SCORE_AXES)
    return score_ax


def _set_label(ax: "Axes", axis: str, label: str, general: str) -> None:
    """Label an axis; if an earlier display chose another label, use the general one."""
    before = ax.get_xlabel() if axis == "x" else ax.get_ylabel()
    label = label if before in ("", label) else general
    ax.set_xlabel(label) if axis == "x" else ax.set_ylabel(label)


def _draw_legend(ax: "Axes") -> None:
    """Make one legend for both axes, with the names of networks and the styles of lines."""
    from matplotlib.lines import Line2D

    axes = [ax] if (score_ax := _score_axes_of(ax)) is None else [ax, score_ax]
    for part in axes:
        if (legend := part.get_legend()) is not None:
            legend.remove()
    lines = {line: str(line.get_label()) for part in axes for line in part.lines}
    handles = [line for line, label in lines.items() if not label.startswith("_")]
    n_cols = len(handles)
    if used := [kind for kind in _KINDS if f"_{kind}" in lines.values()]:
        kinds = [
            Line2D([], [], color=_GREY, label=kind, **_KINDS[kind])
            for kind in ("training loss", *used)
        ]
        n_cols = max(n_cols, len(kinds))
        handles = _in_two_rows(handles, kinds, n_cols)
    axes[-1].legend(handles=handles, **_legend_place(ax, n_cols, len(axes) > 1))


def _in_two_rows(first: list[Any], second: list[Any], n_cols: int) -> list[Any]:
    """Arrange the entries of a legend in two rows, as matplotlib fills it column by column."""
    from matplotlib.lines import Line2D

    rows = zip_longest(first, second, range(n_cols))
    empty = Line2D([], [], linestyle="none", label=" ")
    return [handle or empty for *column, _ in rows for handle in column]


def _legend_place(ax: "Axes", n_cols: int, has_scores: bool) -> dict[str, Any]:
    """Return the place of the legend: below the axes, if the figure makes room for it."""
    figure = ax.get_figure(root=True)
    if figure is None or figure.get_layout_engine() is None:
        return {"loc": "center right" if has_scores else "best"}
    points = 4.0  # in units of the font size: room for the label of the axis
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0), "borderaxespad": points}
    return {**place, "ncols": n_cols, "frameon": False, "fontsize": "small"}


def _validation_epochs(network: Any) -> Any:
    """Return the validated epochs, if the network records them: `partial_fit` validates none."""
    if getattr(network, "validation_scores_", None) is None:
        return None
    return getattr(network, "_validation_epochs", None)


def _score_name(network: Any) -> str:
    scoring = getattr(network, "scoring", None)
    if scoring is None:
        return f"validation {'accuracy' if is_classifier(network) else 'R2'}"
    if scoring == "loss":
        return "minus the validation loss"
    return f"validation {scoring.replace('_', ' ')}" if isinstance(scoring, str) else _SCORE_AXES
