"""Draws scores and fit times of a search over hidden units."""

from itertools import cycle
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.utils.validation import check_is_fitted

from skmlp._model.network import check_hidden_layer_sizes
from skmlp.plotting._axes import colors, grid_of_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer

_PARAMETER = "hidden_layer_sizes"
_BEST = {"marker": "o", "capsize": 3.0}
_OTHERS = {"s": 12, "alpha": 0.5}
_MAX_LABELS = 10


class SearchDisplay:
    """Score and fit time of a search over hidden units.

    Candidates with the same hidden layers may differ in other parameters. The candidate with the
    highest score is drawn as a point, with the spread over the folds; the others are dots.

    Parameters
    ----------
    hidden_layer_sizes : array-like of int or of tuple of int, of shape (n_candidates,)
        Sizes of the hidden layers of each candidate.

    mean_test_score, std_test_score : array-like of shape (n_candidates,)
        Mean and standard deviation of the score over the folds. NaN if a fit failed.

    mean_fit_time, std_fit_time : array-like of shape (n_candidates,)
        Mean and standard deviation of the time of a fit over the folds, in seconds.

    groups : array-like of shape (n_candidates,), default=None
        Name of the curve of each candidate. Candidates that can't be compared have different
        curves, such as the iterations of a halving search. None draws one curve.

    score_name : str, default="score"
        Name of the score, for its axis.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (2,)
        Axes of the scores, and below them of the fit times.

    figure_ : matplotlib Figure
        Figure with the axes.

    score_curves_, time_curves_ : list of matplotlib ErrorbarContainer
        The best candidates, one curve for each group.

    See Also
    --------
    LossCurveDisplay : Losses and scores of a network, epoch by epoch.

    Examples
    --------
    >>> from skmlp.plotting import SearchDisplay
    >>> display = SearchDisplay(
    ...     hidden_layer_sizes=[10, 100, (50, 10)],
    ...     mean_test_score=[0.8, 0.9, 0.85],
    ...     std_test_score=[0.02, 0.01, 0.02],
    ...     mean_fit_time=[0.1, 0.3, 0.2],
    ...     std_fit_time=[0.01, 0.02, 0.02],
    ... ).plot()
    >>> [label.get_text() for label in display.axes_[1].get_xticklabels()]
    ['10', '50, 10', '100']
    """

    def __init__(
        self,
        *,
        hidden_layer_sizes: Any,
        mean_test_score: Any,
        std_test_score: Any,
        mean_fit_time: Any,
        std_fit_time: Any,
        groups: Any = None,
        score_name: str = "score",
    ):
        self.hidden_layer_sizes = hidden_layer_sizes
        self.mean_test_score = mean_test_score
        self.std_test_score = std_test_score
        self.mean_fit_time = mean_fit_time
        self.std_fit_time = std_fit_time
        self.groups = groups
        self.score_name = score_name

    @classmethod
    def from_search(
        cls,
        search: Any,
        *,
        param_name: str | None = None,
        metric: str | None = None,
        ax: Any = None,
        errorbar_kwargs: dict[str, Any] | None = None,
        scatter_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the results of a search.

        The results are those in `cv_results_`. A halving search has a curve for each iteration,
        named by the resources of its fits. Candidates without hidden layers, such as other
        estimators in place of a network, are left out.

        Parameters
        ----------
        search : estimator
            A fitted GridSearchCV, RandomizedSearchCV, HalvingGridSearchCV or
            HalvingRandomSearchCV.

        param_name : str, default=None
            Parameter with the hidden layers, such as ``"clf__hidden_layer_sizes"``. None takes
            the parameter of the search whose name ends in `hidden_layer_sizes`.

        metric : str, default=None
            Name of the score to draw if the search has several. None takes the score by which the
            search refits.

        ax : matplotlib Axes or array-like of 2 of them, default=None
            Two axes, for the scores and for the times, or single axes, which are divided. None
            makes a figure.

        errorbar_kwargs, scatter_kwargs : dict, default=None
            Style of the best candidates and of the others, for matplotlib's `errorbar` and
            `scatter`.

        Returns
        -------
        SearchDisplay
            The display, drawn.

        Raises
        ------
        NotFittedError
            If the search is not fitted.
        ValueError
            If the parameter or the score does not exist, or if there are several and none is named.

        See Also
        --------
        SearchDisplay.plot : Draw again, with another style.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.model_selection import GridSearchCV
        >>> from skmlp import TFMLPClassifier
        >>> from skmlp.plotting import SearchDisplay
        >>> clf = TFMLPClassifier(learning_rate_init=0.02, tol=0.01, random_state=0)
        >>> search = GridSearchCV(clf, {"hidden_layer_sizes": [5, 20]}, cv=3)
        >>> display = SearchDisplay.from_search(search.fit(*load_iris(return_X_y=True)))
        >>> display.axes_[0].get_ylabel()
        'accuracy'
        """
        check_is_fitted(search, "cv_results_")
        results = search.cv_results_
        param_name = _find_parameter(results["params"], param_name)
        metric = _find_metric(search, metric)
        sizes = [_size_of(search.estimator, params, param_name) for params in results["params"]]
        networks = [row for row, size in enumerate(sizes) if size is not None]
        groups = _groups(search)
        display = cls(
            hidden_layer_sizes=[sizes[row] for row in networks],
            mean_test_score=results[f"mean_test_{metric}"][networks],
            std_test_score=results[f"std_test_{metric}"][networks],
            mean_fit_time=results["mean_fit_time"][networks],
            std_fit_time=results["std_fit_time"][networks],
            groups=None if groups is None else [groups[row] for row in networks],
            score_name=_score_name(search, metric),
        )
        return display.plot(ax, errorbar_kwargs=errorbar_kwargs, scatter_kwargs=scatter_kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        errorbar_kwargs: dict[str, Any] | None = None,
        scatter_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw scores and fit times.

        To show or save the figure, call matplotlib's `show` or `savefig`.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of 2 of them, default=None
            Two axes, for the scores and for the times, or single axes, which are divided. None
            makes a figure.

        errorbar_kwargs, scatter_kwargs : dict, default=None
            Style of the best candidates and of the others, for matplotlib's `errorbar` and
            `scatter`.

        Returns
        -------
        SearchDisplay
            The display.

        Raises
        ------
        ValueError
            If `ax` is not as described, or sizes of hidden layers are not positive ints.

        See Also
        --------
        SearchDisplay.from_search : Draw the results of a search.

        Examples
        --------
        >>> from skmlp.plotting import SearchDisplay
        >>> display = SearchDisplay(
        ...     hidden_layer_sizes=[10, 100],
        ...     mean_test_score=[0.8, 0.9],
        ...     std_test_score=[0.02, 0.01],
        ...     mean_fit_time=[0.1, 0.3],
        ...     std_fit_time=[0.01, 0.02],
        ... )
        >>> display.plot(errorbar_kwargs={"color": "black"}).axes_[1].get_ylabel()
        'fit time (s)'
        """
        sizes = [check_hidden_layer_sizes(size) for size in self.hidden_layer_sizes]
        places = _places(sizes)
        self.axes_ = grid_of_axes(ax, 2, 1, figsize=(6.4, 4.8), sharex=True).ravel()
        self.figure_ = self.axes_[0].get_figure(root=True)
        x = np.array([places[size] for size in sizes])
        curves = []
        for (group, rows), color in zip(
            self._rows_of_groups().items(), cycle(colors()), strict=False
        ):
            style = {"color": color, "label": group, **_BEST, **(errorbar_kwargs or {})}
            dots = {"color": color, **_OTHERS, **(scatter_kwargs or {})}
            curves.append(self._draw_group(x, rows, style, dots))
        self.score_curves_ = [score for score, _ in curves]
        self.time_curves_ = [time for _, time in curves]
        for part in self.axes_:
            _label_places(part, places)
        self.axes_[0].set_ylabel(self.score_name)
        self.axes_[1].set(xlabel="hidden units", ylabel="fit time (s)")
        # The spread may reach below 0, as the first fold may compile.
        self.axes_[1].set_ylim(bottom=0)
        if self.groups is not None:
            self.axes_[0].legend()
        return self

    def _rows_of_groups(self) -> dict[str, np.ndarray]:
        """Return the candidates of each group, best first, without those whose fits failed."""
        scores = np.asarray(self.mean_test_score, float)
        groups = [""] * len(scores) if self.groups is None else [str(g) for g in self.groups]
        order = [row for row in np.argsort(-scores, kind="stable") if not np.isnan(scores[row])]
        return {
            group: np.array([row for row in order if groups[row] == group], int)
            for group in dict.fromkeys(groups)
        }

    def _draw_group(
        self,
        x: np.ndarray,
        rows: np.ndarray,
        style: dict[str, Any],
        scatter_kwargs: dict[str, Any],
    ) -> list["ErrorbarContainer"]:
        """Draw a curve of the best candidates, and the others as dots, on both axes."""
        best = rows[np.unique(x[rows], return_index=True)[1]]
        others = np.setdiff1d(rows, best)
        curves = []
        for ax, quantity in zip(self.axes_, ("test_score", "fit_time"), strict=True):
            mean = np.asarray(getattr(self, f"mean_{quantity}"), float)
            std = np.asarray(getattr(self, f"std_{quantity}"), float)
            ax.scatter(x[others], mean[others], **scatter_kwargs)
            curves.append(ax.errorbar(x[best], mean[best], yerr=std[best], **style))
        return curves


def _find_parameter(candidates: list[dict[str, Any]], name: str | None) -> str:
    """Return the name of the parameter that holds the hidden layers."""
    searched = sorted({key for params in candidates for key in params})
    found = [key for key in searched if key.split("__")[-1] == _PARAMETER]
    if name is None and len(found) == 1:
        return found[0]
    if name is None:
        raise ValueError(
            f"Give param_name: expected one parameter of the search that ends in {_PARAMETER}, "
            f"got {found} of {searched}."
        )
    if name not in searched:
        raise ValueError(f"param_name must be a parameter of the search, {searched}, got {name!r}.")
    return name


def _size_of(estimator: Any, params: dict[str, Any], name: str) -> Any:
    """Return the hidden layers of a candidate, or None if it has no such parameter."""
    if name in params:
        return params[name]
    # The parameter belongs to the searched estimator, or to an estimator that is a parameter.
    candidate = clone(estimator).set_params(**clone(params, safe=False))
    return candidate.get_params().get(name)


def _find_metric(search: Any, metric: str | None) -> str:
    """Return the name of a score in `cv_results_`."""
    start = "mean_test_"
    names = [key.removeprefix(start) for key in search.cv_results_ if key.startswith(start)]
    if metric is None and len(names) == 1:
        return names[0]
    if metric is None and isinstance(search.refit, str):
        metric = search.refit
    if metric is None:
        raise ValueError(
            f"Give metric: the search has several scores, {names}, and refits by none of them; got "
            f"refit={search.refit!r}."
        )
    if metric not in names:
        raise ValueError(f"metric must be a score of the search, {names}, got {metric!r}.")
    return metric


def _score_name(search: Any, metric: str) -> str:
    if search.multimetric_:
        return metric
    if search.scoring is None:
        return "accuracy" if is_classifier(search) else "R2"
    return search.scoring if isinstance(search.scoring, str) else "score"


def _groups(search: Any) -> list[str] | None:
    """Return the names of the iterations of a halving search."""
    if "n_resources" not in search.cv_results_:
        return None
    return [f"{search.resource} = {n}" for n in search.cv_results_["n_resources"]]


def _places(sizes: list[tuple[int, ...]]) -> dict[tuple[int, ...], float]:
    """Return the place of each size on the axis: its units, or side by side for several layers."""
    layers = sorted(set(sizes), key=lambda size: (sum(size), size))
    if all(len(size) == 1 for size in layers):
        return {size: float(size[0]) for size in layers}
    return {size: float(number) for number, size in enumerate(layers)}


def _label_places(ax: "Axes", places: dict[tuple[int, ...], float]) -> None:
    is_number = all(len(size) == 1 for size in places)
    if is_number:
        ax.set_xscale("log")
    if is_number and len(places) > _MAX_LABELS:
        ax.xaxis.set_major_formatter("{x:g}")
        return
    labels = [", ".join(map(str, size)) or "none" for size in places]
    ax.set_xticks(list(places.values()), labels)
    ax.set_xticks([], minor=True)
