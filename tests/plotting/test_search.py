"""Scores and fit times of searches."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401, its import has an effect
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from skmlp import TFMLPClassifier
from skmlp.plotting import SearchDisplay
from tests.helpers import fit_quietly, load

pytestmark = pytest.mark.uncompiled  # what is drawn, whatever runs the program


def network(estimator=MLPClassifier, **params):
    """Return a network, mostly scikit-learn's because it compiles nothing."""
    return estimator(max_iter=2, random_state=0, **params)


def points(curve):
    """Return x, y and the ends of the bars of a curve."""
    line, _, (bars,) = curve
    ends = [segment[:, 1] for segment in bars.get_segments()]
    return line.get_xdata(), line.get_ydata(), np.array(ends).T


def assert_curve(curve, x, mean, std):
    actual_x, actual_y, (low, high) = points(curve)
    np.testing.assert_allclose(actual_x, x)
    np.testing.assert_allclose(actual_y, mean)
    np.testing.assert_allclose(low, np.subtract(mean, std), atol=1e-12)
    np.testing.assert_allclose(high, np.add(mean, std), atol=1e-12)


def test_scores_and_times_have_their_spread():
    """Check a grid of sizes alone against `cv_results_`, in the order of the sizes."""
    search = GridSearchCV(network(TFMLPClassifier), {"hidden_layer_sizes": [8, (2,), 4]}, cv=3)
    results = fit_quietly(search, *load("iris")).cv_results_
    display = SearchDisplay.from_search(search)
    rows = [1, 2, 0]
    for curves, quantity in (
        (display.score_curves_, "test_score"),
        (display.time_curves_, "fit_time"),
    ):
        (curve,) = curves
        mean, std = results[f"mean_{quantity}"][rows], results[f"std_{quantity}"][rows]
        assert_curve(curve, [2, 4, 8], mean, std)
    assert [ax.get_ylabel() for ax in display.axes_] == ["accuracy", "fit time (s)"]
    assert display.axes_[1].get_xlabel() == "hidden units"
    assert display.axes_[1].get_xscale() == "log"
    labels = [label.get_text() for label in display.axes_[1].get_xticklabels()]
    assert labels == ["2", "4", "8"]


def results(**params):
    """Return data of a display: two networks of 2 units, one of 4, one that failed."""
    return {
        "hidden_layer_sizes": [4, 2, (2,), 8],
        "mean_test_score": [0.5, 0.6, 0.9, np.nan],
        "std_test_score": [0.1, 0.2, 0.05, np.nan],
        "mean_fit_time": [4.0, 3.0, 2.0, 0.0],
        "std_fit_time": [0.4, 0.3, 0.2, 0.0],
        **params,
    }


def test_the_best_of_a_size_is_on_the_curve_and_others_are_dots():
    """Check that a failed fit is not drawn, and that the time is the best one's."""
    display = SearchDisplay(**results()).plot()
    assert_curve(display.score_curves_[0], [2, 4], [0.9, 0.5], [0.05, 0.1])
    assert_curve(display.time_curves_[0], [2, 4], [2, 4], [0.2, 0.4])
    dots = [ax.collections[0].get_offsets().tolist() for ax in display.axes_]
    assert dots == [[[2, 0.6]], [[2, 3.0]]]


def test_several_layers_stand_side_by_side():
    """Check the order, by the number of units, and the labels."""
    sizes = [(50, 10), 100, [10], (10, 50)]
    scores = {"mean_test_score": range(4), "std_test_score": [0.1, 0.2, 0.3, 0.4]}
    display = SearchDisplay(**results(hidden_layer_sizes=sizes, **scores)).plot()
    assert_curve(display.score_curves_[0], range(4), [2, 3, 0, 1], [0.3, 0.4, 0.1, 0.2])
    labels = [label.get_text() for label in display.axes_[1].get_xticklabels()]
    assert labels == ["10", "10, 50", "50, 10", "100"]


def test_a_pipeline_and_other_parameters():
    """Check the name of the parameter, lists of grids, and a negative score."""
    pipeline = Pipeline([("scale", StandardScaler()), ("net", network(hidden_layer_sizes=3))])
    grid = [
        {"net__hidden_layer_sizes": [(4,), (2,)], "net__alpha": [0.1, 1]},
        {"net__activation": ["tanh"]},  # with the pipeline's hidden layers
    ]
    search = GridSearchCV(pipeline, grid, cv=2, scoring="neg_log_loss")
    scores = fit_quietly(search, *load("iris")).cv_results_["mean_test_score"]
    display = SearchDisplay.from_search(search)
    best = [
        max(
            score
            for score, size in zip(scores, display.hidden_layer_sizes, strict=True)
            if size == s
        )
        for s in ((2,), 3, (4,))
    ]
    x, y, _ = points(display.score_curves_[0])
    np.testing.assert_array_equal(x, [2, 3, 4])
    np.testing.assert_allclose(y, best)
    assert display.axes_[0].get_ylabel() == "neg_log_loss"
    assert len(display.axes_[0].collections[0].get_offsets()) == 2


def test_a_random_search_may_have_many_sizes():
    """Check that each size is drawn at its place, with matplotlib's tick labels."""
    sizes = list(range(1, 13))
    search = RandomizedSearchCV(
        network(MLPRegressor), {"hidden_layer_sizes": sizes}, n_iter=12, cv=2, random_state=0
    )
    display = SearchDisplay.from_search(fit_quietly(search, *load("diabetes")))
    np.testing.assert_array_equal(points(display.score_curves_[0])[0], sizes)
    assert display.axes_[0].get_ylabel() == "R2"


def test_each_iteration_of_a_halving_search_has_a_curve():
    """Check that scores by different resources are not joined."""
    search = HalvingGridSearchCV(
        network(), {"hidden_layer_sizes": [2, 4, 8]}, cv=2, factor=3, min_resources=50
    )
    results = fit_quietly(search, *load("iris")).cv_results_
    display = SearchDisplay.from_search(search)
    labels = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    assert labels == ["n_samples = 50", "n_samples = 150"]
    first, last = (points(curve) for curve in display.score_curves_)
    np.testing.assert_array_equal(first[0], [2, 4, 8])
    np.testing.assert_allclose(first[1], results["mean_test_score"][:3])
    assert last[0] == search.best_params_["hidden_layer_sizes"]
    np.testing.assert_allclose(last[1], results["mean_test_score"][3:])
    assert display.score_curves_[0][0].get_color() != display.score_curves_[1][0].get_color()


def test_one_of_several_scores_is_chosen():
    """Check the default, a choice, and searches without a default."""
    grid, metrics = {"hidden_layer_sizes": [2, 4]}, ["accuracy", "neg_log_loss"]
    search = GridSearchCV(network(), grid, cv=2, scoring=metrics, refit="neg_log_loss")
    results = fit_quietly(search, *load("iris")).cv_results_
    for metric, expected in ((None, "neg_log_loss"), ("accuracy", "accuracy")):
        display = SearchDisplay.from_search(search, metric=metric)
        y = points(display.score_curves_[0])[1]
        np.testing.assert_allclose(y, results[f"mean_test_{expected}"])
        assert display.axes_[0].get_ylabel() == expected
    with pytest.raises(ValueError, match=r"metric must be a score of the search.*'accuracy'.*'f1'"):
        SearchDisplay.from_search(search, metric="f1")
    search = fit_quietly(search.set_params(refit=False), *load("iris"))
    with pytest.raises(ValueError, match=r"Give metric: .*'accuracy'.*; got refit=False"):
        SearchDisplay.from_search(search)


def two_scores(estimator, X, y):
    return {"right": estimator.score(X, y), "wrong": 1 - estimator.score(X, y)}


def one_score(estimator, X, y):
    return {"right": estimator.score(X, y)}


def plain_score(estimator, X, y):
    return estimator.score(X, y)


@pytest.mark.parametrize(
    ("scoring", "refit", "metric", "expected", "label"),
    [
        (two_scores, "wrong", None, "wrong", "wrong"),
        (two_scores, "wrong", "right", "right", "right"),
        (two_scores, False, "wrong", "wrong", "wrong"),
        (one_score, False, None, "right", "right"),
        (plain_score, True, None, "score", "score"),
        ({"right": plain_score, "loss": "neg_log_loss"}, "right", None, "right", "right"),
        ("neg_log_loss", False, "score", "score", "neg_log_loss"),
    ],
)
def test_scores_may_be_of_functions(scoring, refit, metric, expected, label):
    """Check every form of scoring that a search accepts against `cv_results_`."""
    grid = {"hidden_layer_sizes": [2, 4]}
    search = GridSearchCV(network(), grid, cv=2, scoring=scoring, refit=refit)
    results = fit_quietly(search, *load("iris")).cv_results_
    display = SearchDisplay.from_search(search, metric=metric)
    np.testing.assert_allclose(
        points(display.score_curves_[0])[1], results[f"mean_test_{expected}"]
    )
    assert display.axes_[0].get_ylabel() == label


def test_a_function_of_several_scores_needs_a_choice():
    """Check the error, which names the scores."""
    grid = {"hidden_layer_sizes": [2, 4]}
    search = GridSearchCV(network(), grid, cv=2, scoring=two_scores, refit=lambda results: 0)
    fit_quietly(search, *load("iris"))
    with pytest.raises(ValueError, match=r"Give metric: .*\['right', 'wrong'\].*refit=<function"):
        SearchDisplay.from_search(search)


@pytest.mark.parametrize("kind", ["grid", "halving"])
def test_candidates_without_hidden_layers_are_left_out(kind):
    """Check candidates of other classes; a network counts with its own hidden layers."""
    pipe = Pipeline([("scale", StandardScaler()), ("clf", network(hidden_layer_sizes=3))])
    grid = [
        {"clf": [SVC(), LogisticRegression()]},
        {"clf__hidden_layer_sizes": [2, 4]},
        {"clf": [network(hidden_layer_sizes=8)], "clf__alpha": [0.1]},
        {"clf__alpha": [0.1]},
        {"clf": [network()], "clf__hidden_layer_sizes": [6]},
    ]
    if kind == "grid":
        search = GridSearchCV(pipe, grid, cv=2)
    else:
        search = HalvingGridSearchCV(pipe, grid, cv=2, random_state=0, max_resources=40)
    results = fit_quietly(search, *load("iris")).cv_results_
    display = SearchDisplay.from_search(search)
    is_network = [not isinstance(p.get("clf"), SVC | LogisticRegression) for p in results["params"]]
    assert len(display.hidden_layer_sizes) == sum(is_network)
    np.testing.assert_array_equal(
        display.mean_test_score, results["mean_test_score"][np.array(is_network)]
    )
    if kind == "grid":
        assert display.hidden_layer_sizes == [2, 4, 8, 3, 6]
        x, y, _ = points(display.score_curves_[0])
        np.testing.assert_array_equal(x, [2, 3, 4, 6, 8])
        np.testing.assert_array_equal(y, results["mean_test_score"][[2, 5, 3, 6, 4]])


def test_one_of_several_networks_is_chosen():
    """Check a search over the sizes of two networks."""
    grid = {"a__hidden_layer_sizes": [2, 4], "b__hidden_layer_sizes": [3]}
    search = GridSearchCV(VotingClassifier([("a", network()), ("b", network())]), grid, cv=2)
    fit_quietly(search, *load("iris"))
    with pytest.raises(ValueError, match=r"Give param_name: .*got \['a__hidden_layer_sizes', 'b__"):
        SearchDisplay.from_search(search)
    display = SearchDisplay.from_search(search, param_name="a__hidden_layer_sizes")
    np.testing.assert_array_equal(points(display.score_curves_[0])[0], [2, 4])


def test_axes_and_styles_are_those_given():
    """Check two axes, and one that is divided."""
    figure, axes = plt.subplots(1, 2)
    display = SearchDisplay(**results()).plot(
        axes, errorbar_kwargs={"color": "red"}, scatter_kwargs={"s": 99}
    )
    assert list(display.axes_) == list(axes)
    assert display.score_curves_[0][0].get_color() == "red"
    assert axes[0].collections[0].get_sizes() == [99]
    figure, (ax, _) = plt.subplots(1, 2)
    display.plot(ax)
    assert display.figure_ is figure
    assert display.axes_[0].get_shared_x_axes().joined(*display.axes_)


def test_what_can_not_be_drawn_is_named():
    """Check unfitted searches, and searches with no or several such parameters."""
    with pytest.raises(NotFittedError):
        SearchDisplay.from_search(GridSearchCV(network(), {}))
    search = fit_quietly(GridSearchCV(network(), {"alpha": [0.1, 1]}, cv=2), *load("iris"))
    with pytest.raises(ValueError, match=r"Give param_name: expected one.*got \[\] of \['alpha'\]"):
        SearchDisplay.from_search(search)
    with pytest.raises(ValueError, match=r"param_name must be a parameter.*got 'beta'"):
        SearchDisplay.from_search(search, param_name="beta")
    with pytest.raises(ValueError, match="hidden_layer_sizes must be an int"):
        SearchDisplay(**results(hidden_layer_sizes=["a"] * 4)).plot()
    assert plt.get_fignums() == []
