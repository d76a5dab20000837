"""Curves of losses and scores."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import TabularMLPClassifier, TabularMLPRegressor, TFMLPClassifier, TFMLPRegressor
from skmlp.plotting import LossCurveDisplay
from tests.helpers import fit_quietly, load

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program


def network(estimator=TFMLPClassifier, **params):
    return estimator(hidden_layer_sizes=5, max_iter=6, random_state=0, **params)


@pytest.fixture(scope="module")
def validated():
    return fit_quietly(network(validation_fraction=0.2), *load("iris"))


@pytest.fixture(scope="module")
def plain():
    return fit_quietly(network(), *load("iris"))


def assert_curve(line, x, y):
    np.testing.assert_array_equal(line.get_xdata(), x)
    np.testing.assert_array_equal(line.get_ydata(), y)


def marked(display):
    """Return the epochs that have a vertical line."""
    return [line.get_xdata()[0] for line in display.best_lines_]


def legend_of(display):
    axes = display.ax_ if display.score_ax_ is None else display.score_ax_
    return [text for part in axes.get_legend().get_texts() if (text := part.get_text()) != " "]


def test_curves_are_those_of_the_fit(validated):
    """Check the losses, the scores on their own axis, the labels and the legend."""
    display = LossCurveDisplay.from_estimator(validated)
    epochs = np.arange(1, 7)
    assert_curve(display.train_line_, epochs, validated.loss_curve_)
    assert_curve(display.validation_line_, epochs, validated.validation_loss_curve_)
    assert_curve(display.score_line_, epochs, validated.validation_scores_)
    assert display.train_line_.axes is display.validation_line_.axes is display.ax_
    assert display.score_line_.axes is display.score_ax_ is not display.ax_
    assert display.score_ax_.get_shared_x_axes().joined(display.ax_, display.score_ax_)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("epoch", "loss")
    assert display.score_ax_.get_ylabel() == "validation accuracy"
    assert legend_of(display)[:3] == ["training loss", "validation loss", "validation accuracy"]
    assert display.ax_.get_legend() is None


def test_the_first_of_the_best_epochs_is_marked():
    """Check ties, NaN, and scores that are all NaN or none at all."""
    loss = [3.0, 2.0, 1.0, 1.0]
    display = LossCurveDisplay(train_loss=loss, validation_scores=[np.nan, 0.5, 0.7, 0.7]).plot()
    assert marked(display) == [3]
    assert display.best_epoch_ == 3
    assert legend_of(display)[-1] == "best epoch: 3"
    for scores in ([np.nan] * 4, None):
        display = LossCurveDisplay(train_loss=loss, validation_scores=scores).plot()
        assert display.best_lines_ == []
        assert display.best_epoch_ is None


def test_without_a_validation_set_there_is_one_curve(plain):
    """Check that no second axis is made, and that the loss has a legend."""
    display = LossCurveDisplay.from_estimator(plain)
    assert_curve(display.train_line_, np.arange(1, 7), plain.loss_curve_)
    assert display.validation_line_ is display.score_line_ is display.score_ax_ is None
    assert display.figure_.axes == [display.ax_]
    assert legend_of(display) == ["training loss"]


@pytest.mark.parametrize(
    ("params", "label"),
    [
        ({"scoring": "loss"}, "minus the validation loss"),
        ({"scoring": "balanced_accuracy"}, "validation balanced accuracy"),
        ({"scoring": lambda estimator, X, y: 0.5}, "validation score"),
    ],
)
def test_the_axis_names_the_score(params, label):
    """Check the kinds of `scoring`."""
    clf = fit_quietly(network(validation_fraction=0.2, **params), *load("iris"))
    assert LossCurveDisplay.from_estimator(clf).score_ax_.get_ylabel() == label


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_regressors_and_lbfgs(solver):
    """Check the names of the score and of an epoch."""
    reg = network(TFMLPRegressor, solver=solver, validation_fraction=0.2)
    reg = fit_quietly(reg, *load("diabetes"))
    display = LossCurveDisplay.from_estimator(reg)
    assert_curve(display.score_line_, np.arange(1, 7), reg.validation_scores_)
    assert display.ax_.get_xlabel() == ("iteration" if solver == "lbfgs" else "epoch")
    assert display.score_ax_.get_ylabel() == "validation R2"


@pytest.mark.parametrize("estimator", [TabularMLPClassifier, TabularMLPRegressor])
def test_tabular_estimators(estimator):
    """Check the networks' mean loss, and the loss and score out of fold."""
    params = {"hidden_layer_sizes": 5, "max_iter": 6, "n_best_epochs": 2, "random_state": 0}
    network = estimator(**params).fit(*load("iris"))
    display = LossCurveDisplay.from_estimator(network)
    assert_curve(display.train_line_, range(1, 7), network.loss_curves_.mean(axis=1))
    assert_curve(display.validation_line_, range(1, 7), network.validation_loss_curve_)
    assert_curve(display.score_line_, range(1, 7), network.validation_scores_)
    assert display.ax_.get_xlabel() == "epoch"
    assert marked(display) == network.best_epochs_
    assert len(network.best_epochs_) == 2
    first, second = network.best_epochs_
    assert legend_of(display)[-1] == f"best epochs: {first}, {second}"


def test_the_epochs_that_are_marked_can_be_chosen():
    """Check several epochs, one and none; with a name, and with a style."""
    curves = {"train_loss": [3.0, 2.0, 1.0], "validation_scores": [0.1, 0.3, 0.2]}
    for epochs, label in (
        ([1, 3], "best epochs: 1, 3"),
        (np.array([3]), "best epoch: 3"),
        ([], "validation score"),
        (None, "best epoch: 2"),
    ):
        display = LossCurveDisplay(**curves, best_epochs=epochs).plot()
        assert marked(display) == ([2] if epochs is None else list(epochs))
        assert display.best_epoch_ == 2
        assert legend_of(display)[-1] == label
        assert len(legend_of(display)) == (3 if len(marked(display)) else 2)
    display = LossCurveDisplay(**curves, best_epochs=[1, 3]).plot(
        name="network", best_kwargs={"color": "green"}
    )
    assert [line.get_color() for line in display.best_lines_] == ["green"] * 2
    assert legend_of(display).count("best epoch") == 1


def test_a_network_that_did_not_move_has_an_empty_curve():
    """Check L-BFGS that stops at its start."""
    X, y = load("iris")
    clf = network(solver="lbfgs", tol=1e6, validation_fraction=0.2).fit(X, y)
    display = LossCurveDisplay.from_estimator(clf)
    assert len(display.train_line_.get_xdata()) == clf.n_iter_ == 0
    assert display.best_lines_ == []


def test_networks_are_compared_on_the_same_axes(validated, plain):
    """Check axes, a colour for each network and one legend, in either order."""
    for networks in ([validated, plain], [plain, validated]):
        _, ax = plt.subplots()
        displays = [
            LossCurveDisplay.from_estimator(clf, name=f"clf {number}", ax=ax)
            for number, clf in enumerate(networks)
        ]
        for display, clf in zip(displays, networks, strict=True):
            assert display.ax_ is ax
            assert_curve(display.train_line_, np.arange(1, 7), clf.loss_curve_)
        assert len(ax.figure.axes) == 2
        (with_scores,) = (display for display in displays if display.score_ax_ is not None)
        kinds = ["training loss", "validation loss", "validation score", "best epoch"]
        assert sorted(legend_of(with_scores)) == sorted(["clf 0", "clf 1", *kinds])
        assert ax.get_legend() is None
        assert displays[0].train_line_.get_color() != displays[1].train_line_.get_color()
        lines = [with_scores.train_line_, with_scores.validation_line_, with_scores.score_line_]
        assert len({line.get_color() for line in lines}) == 1
        assert len({line.get_linestyle() for line in lines}) == 3


def test_scores_of_two_networks_have_one_axis(validated):
    """Check that both share an axis, its label, and that another subplot has its own."""
    other = fit_quietly(network(validation_fraction=0.2, scoring="f1_macro"), *load("iris"))
    _, (ax, neighbour) = plt.subplots(1, 2, sharex=True)
    first = LossCurveDisplay.from_estimator(validated, name="a", ax=ax)
    second = LossCurveDisplay.from_estimator(other, name="b", ax=ax)
    third = LossCurveDisplay.from_estimator(validated, name="a", ax=neighbour)
    assert first.score_ax_ is second.score_ax_ is not third.score_ax_
    assert first.score_ax_.get_ylabel() == "validation score"
    assert third.score_ax_.get_ylabel() == "validation accuracy"


def test_epochs_of_partial_fit_are_not_validated(validated):
    """Check that validation curves stand at the epochs that were validated."""
    X, y = load("iris")
    clf = fit_quietly(network(validation_fraction=0.2, warm_start=True), X, y)
    clf = fit_quietly(clf.partial_fit(X, y), X, y)
    display = LossCurveDisplay.from_estimator(clf)
    assert len(display.train_line_.get_xdata()) == 13
    epochs = [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13]
    assert_curve(display.score_line_, epochs, clf.validation_scores_)
    assert_curve(display.validation_line_, epochs, clf.validation_loss_curve_)


def test_validation_may_begin_or_end_with_a_warm_start():
    """Check a fit with a validation set after one without, and the reverse."""
    X, y = load("iris")
    clf = fit_quietly(network(warm_start=True), X, y)
    clf = fit_quietly(clf.set_params(validation_fraction=0.2), X, y)
    assert_curve(
        LossCurveDisplay.from_estimator(clf).score_line_, np.arange(7, 13), clf.validation_scores_
    )
    clf = fit_quietly(clf.set_params(validation_fraction=None), X, y)
    assert LossCurveDisplay.from_estimator(clf).score_line_ is None


def test_estimators_that_hold_a_network():
    """Check a pipeline, a search over one, and a transformed target."""
    X, y = load("iris")
    pipeline = fit_quietly(make_pipeline(StandardScaler(), network()), X, y)
    assert_curve(
        LossCurveDisplay.from_estimator(pipeline).train_line_,
        np.arange(1, 7),
        pipeline[-1].loss_curve_,
    )
    search = fit_quietly(GridSearchCV(pipeline, {}, cv=2), X, y)
    curve = search.best_estimator_[-1].loss_curve_
    line = LossCurveDisplay.from_estimator(search).train_line_
    assert_curve(line, np.arange(1, 7), curve)
    target = TransformedTargetRegressor(network(TFMLPRegressor))
    target = fit_quietly(target, *load("diabetes"))
    line = LossCurveDisplay.from_estimator(target).train_line_
    assert_curve(line, np.arange(1, 7), target.regressor_.loss_curve_)


def test_networks_of_scikit_learn_have_curves_too():
    """Check scores without a validation loss."""
    clf = MLPClassifier(5, max_iter=6, early_stopping=True, random_state=0)
    clf = fit_quietly(clf, *load("iris"))
    display = LossCurveDisplay.from_estimator(clf)
    assert_curve(display.score_line_, np.arange(1, 7), clf.validation_scores_)
    assert display.validation_line_ is None


def test_styles_are_those_given(validated):
    """Check a style for each artist, and drawing the same display on other axes."""
    display = LossCurveDisplay.from_estimator(
        validated,
        train_kwargs={"color": "red"},
        validation_kwargs={"linestyle": ":"},
        score_kwargs={"linewidth": 5},
        best_kwargs={"color": "green", "label": "here"},
    )
    assert display.train_line_.get_color() == "red"
    assert display.validation_line_.get_linestyle() == ":"
    assert display.score_line_.get_linewidth() == 5
    assert display.best_lines_[0].get_color() == "green"
    assert legend_of(display)[-1] == "here"
    _, ax = plt.subplots()
    assert display.plot(ax, name="again").ax_ is ax
    assert display.train_line_.get_label() == "again"


@pytest.mark.parametrize("holds", [lambda clf: clf, make_pipeline])
def test_unfitted_estimators_are_refused(holds):
    """Check a network and a pipeline."""
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(holds(network()))


def test_what_can_not_be_drawn_is_named():
    """Check estimators without a curve, lengths, and axes."""
    X, y = load("iris")
    for estimator in (
        LogisticRegression(max_iter=500),
        MLPClassifier(5, solver="lbfgs", max_iter=500, random_state=0),
    ):
        with pytest.raises(ValueError, match=r"estimator must be a network.*loss_curve_"):
            LossCurveDisplay.from_estimator(fit_quietly(estimator, X, y))
    with pytest.raises(ValueError, match="validation curves must be of one length"):
        LossCurveDisplay(train_loss=[1], validation_loss=[1, 2], validation_scores=[1]).plot()
    with pytest.raises(ValueError, match="ax must be matplotlib Axes or None, got str"):
        LossCurveDisplay(train_loss=[1]).plot("here")
    assert plt.get_fignums() == []
