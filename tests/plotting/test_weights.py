"""Weights of the first layer as images."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import TabularMLPClassifier, TabularMLPRegressor, TFMLPClassifier
from skmlp.plotting import WeightsDisplay
from tests.helpers import fit_quietly, load

pytestmark = pytest.mark.uncompiled  # what is drawn, whatever runs the program


@pytest.fixture(scope="module")
def clf():
    return fit_quietly(TFMLPClassifier(7, max_iter=2, random_state=0), *load("digits"))


def image_of(display, row, col, height=8, width=8):
    """Return the image in a cell of the picture."""
    top, left = row * (height + 1), col * (width + 1)
    return display.image_.get_array()[top : top + height, left : left + width]


def test_each_hidden_unit_has_an_image(clf):
    """Check pixels against `coefs_`, row by row, and that the rest is empty."""
    display = WeightsDisplay.from_estimator(clf)
    for unit in range(7):
        expected = clf.coefs_[0][:, unit].reshape(8, 8)
        np.testing.assert_array_equal(image_of(display, *divmod(unit, 3)), expected)
    picture = np.ma.filled(display.image_.get_array(), np.nan)
    assert picture.shape == (26, 26)
    assert np.count_nonzero(~np.isnan(picture)) == 7 * 64


def test_colours_are_shared_and_symmetric(clf):
    """Check that zero is at the middle of the colours, and the largest weight at an end."""
    display = WeightsDisplay.from_estimator(clf)
    largest = np.abs(clf.coefs_[0]).max()
    assert display.image_.get_clim() == (-largest, largest)
    assert display.colorbar_.mappable is display.image_
    zeros = WeightsDisplay(weights=np.zeros((2, 3, 3))).plot()
    assert zeros.image_.get_clim() == (-1, 1)


def test_units_and_shapes_can_be_chosen(clf):
    """Check a chosen order, images that are not square, and the number of columns."""
    display = WeightsDisplay.from_estimator(clf, units=[5, 0], image_shape=(4, 16), n_cols=1)
    for row, unit in enumerate([5, 0]):
        expected = clf.coefs_[0][:, unit].reshape(4, 16)
        np.testing.assert_array_equal(image_of(display, row, 0, 4, 16), expected)
    assert display.image_.get_array().shape == (9, 16)
    one = WeightsDisplay.from_estimator(clf, units=3, n_cols=5)
    np.testing.assert_array_equal(one.image_.get_array(), clf.coefs_[0][:, 3].reshape(8, 8))


def test_axes_and_styles_are_those_given(clf):
    """Check that axes are cleared, and that the colour bar can be left out."""
    _, ax = plt.subplots()
    for _ in range(2):
        display = WeightsDisplay.from_estimator(
            clf, ax=ax, colorbar=False, image_kwargs={"cmap": "PuOr", "vmax": 3}
        )
    assert display.ax_ is ax
    assert len(ax.images) == 1
    assert display.image_.get_cmap().name == "PuOr"
    assert display.image_.get_clim()[1] == 3
    assert display.colorbar_ is None
    assert ax.figure.axes == [ax]


def test_networks_in_pipelines_and_of_scikit_learn():
    """Check whose weights are drawn."""
    X, y = load("digits")
    for net in (TFMLPClassifier, MLPClassifier):
        pipeline = make_pipeline(StandardScaler(), net(1, max_iter=1, random_state=0))
        display = WeightsDisplay.from_estimator(fit_quietly(pipeline, X, y))
        expected = pipeline[-1].coefs_[0].reshape(8, 8)
        np.testing.assert_array_equal(display.image_.get_array(), expected)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"image_shape": (5, 5)}, r"64 pixels each, which do not fit image_shape=\(5, 5\)"),
        ({"image_shape": (4, 4, 4)}, r"image_shape must be \(height, width\)"),
        ({"units": [7]}, "units must be from 0 to 6"),
        ({"units": [-1]}, "units must be from 0 to 6"),
        ({"units": []}, "units must be ints"),
        ({"units": [0.5]}, "units must be ints"),
        ({"n_cols": 0}, "n_cols must be an int of at least 1"),
        ({"ax": 3}, "ax must be matplotlib Axes or None, got int"),
    ],
)
def test_what_does_not_fit_is_named(clf, params, message):
    """Check shapes and units, and that no figure is left open."""
    with pytest.raises(ValueError, match=message):
        WeightsDisplay.from_estimator(clf, **params)
    assert plt.get_fignums() == []


def test_estimators_without_weights_are_refused():
    """Check unfitted networks, other estimators, and weights of another shape."""
    with pytest.raises(NotFittedError):
        WeightsDisplay.from_estimator(TFMLPClassifier())
    with pytest.raises(ValueError, match="fitted attribute coefs_"):
        WeightsDisplay.from_estimator(LogisticRegression(max_iter=500).fit(*load("iris")))
    with pytest.raises(ValueError, match=r"shape \(n_units, height, width\), got \(3, 4\)"):
        WeightsDisplay(weights=np.ones((3, 4))).plot()


@pytest.mark.parametrize("estimator", [TabularMLPClassifier, TabularMLPRegressor])
def test_networks_of_tables_have_no_images(estimator):
    """Check the error: it says why, and names an estimator that has images."""
    X, y = load("digits")
    est = estimator(hidden_layer_sizes=2, max_iter=1, n_networks=2, n_best_epochs=1)
    pipe = make_pipeline(est.fit(X[:50], y[:50]))
    name = estimator.__name__
    for fitted in (est, pipe):
        with pytest.raises(ValueError, match=f"^{name} holds 2 networks.*no images.*such as TFMLP"):
            WeightsDisplay.from_estimator(fitted)
    assert plt.get_fignums() == []
