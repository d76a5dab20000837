"""Image grids: which images are drawn, in which order, and their labels."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from skmlp import TFMLPClassifier
from skmlp.plotting import ImageGridDisplay
from tests.helpers import load

pytestmark = pytest.mark.uncompiled  # what is drawn, whatever runs the program

X = np.arange(6 * 4).reshape(6, 4)
Y_TRUE = np.array(["a", "b", "a", "b", "a", "b"])
Y_PRED = np.array(["a", "a", "b", "b", "a", "a"])
CONFIDENCE = np.array([0.9, 0.6, 0.7, 0.8, 1.0, 0.95])


def drawn(display):
    """Return which rows of X are drawn."""
    return [int(ax.images[0].get_array()[0, 0]) // 4 for ax in display.axes_.flat if ax.images]


def captions(display):
    return [ax.get_xlabel() for ax in display.axes_.flat if ax.images]


def test_images_are_drawn_with_both_labels():
    """Check pictures and captions, also without predictions."""
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, n_rows=2)
    assert drawn(display) == [0, 1, 2, 3, 4, 5]
    np.testing.assert_array_equal(display.axes_[0, 1].images[0].get_array(), [[4, 5], [6, 7]])
    assert captions(display)[:2] == ["True: a, Pred: a", "True: b, Pred: a"]
    assert display.figure_ is display.axes_[0, 0].figure
    assert captions(ImageGridDisplay.from_predictions(X, Y_TRUE))[:2] == ["True: a", "True: b"]


@pytest.mark.parametrize(
    ("params", "rows", "title"),
    [
        ({}, [0, 1, 2, 3, 4, 5], ""),
        ({"errors_only": True}, [1, 2, 5], "3 of 6 images misclassified"),
        ({"sort_by_confidence": True}, [4, 5, 0, 3, 2, 1], ""),
        (
            {"errors_only": True, "sort_by_confidence": True, "title": "Worst"},
            [5, 2, 1],
            "Worst",
        ),
    ],
)
def test_images_are_chosen_and_put_in_order(params, rows, title):
    """Check errors, and that the most confident come first."""
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, confidence=CONFIDENCE, **params)
    assert drawn(display) == rows
    expected = [
        f"True: {Y_TRUE[row]}, Pred: {Y_PRED[row]}\n{100 * CONFIDENCE[row]:.0f}% sure"
        for row in rows
    ]
    assert captions(display) == expected
    assert display.figure_.get_suptitle() == title


def test_a_classifier_predicts_the_labels_and_its_confidence():
    """Check the mistakes of a fitted network against its probabilities."""
    X_digits, y = load("digits")
    clf = TFMLPClassifier(10, max_iter=5, tol=1.0, n_iter_no_change=1, random_state=0)
    clf = clf.fit(X_digits, y)
    display = ImageGridDisplay.from_estimator(
        clf, X_digits, y, errors_only=True, sort_by_confidence=True
    )
    y_pred, largest = clf.predict(X_digits), clf.predict_proba(X_digits).max(axis=1)
    errors = np.flatnonzero(y_pred != y)
    worst = max(errors, key=lambda row: largest[row])
    np.testing.assert_array_equal(
        display.axes_[0, 0].images[0].get_array(), X_digits[worst].reshape(8, 8)
    )
    caption = f"True: {y[worst]}, Pred: {y_pred[worst]}\n{largest[worst]:.0%} sure"
    assert captions(display)[0] == caption
    np.testing.assert_allclose(display.confidence, np.sort(largest[errors])[::-1])
    assert display.figure_.get_suptitle() == f"{len(errors)} of 1797 images misclassified"


def test_any_classifier_and_text_labels_will_do():
    """Check a scikit-learn classifier; confidence is computed only if asked for."""
    clf = KNeighborsClassifier(n_neighbors=3).fit(X, Y_TRUE)
    display = ImageGridDisplay.from_estimator(clf, X, Y_TRUE, n_rows=2, image_shape=(1, 4))
    expected = [f"True: {t}, Pred: {p}" for t, p in zip(Y_TRUE, clf.predict(X), strict=True)]
    assert captions(display) == expected
    display = ImageGridDisplay.from_estimator(clf, X, Y_TRUE, sort_by_confidence=True)
    np.testing.assert_allclose(display.confidence, np.sort(clf.predict_proba(X).max(axis=1))[::-1])


def test_single_axes_are_divided():
    """Check two grids side by side, each with a title and cells of its own."""
    figure, (left, right) = plt.subplots(1, 2, layout="constrained")
    display = ImageGridDisplay.from_predictions(X, Y_TRUE, ax=left, title="Left")
    ImageGridDisplay.from_predictions(X, Y_TRUE, Y_PRED, errors_only=True, ax=right)
    assert display.axes_.shape == (3, 3)
    assert drawn(display) == [0, 1, 2, 3, 4, 5]
    assert display.figure_ is figure
    assert [part.get_suptitle() for part in figure.subfigs] == [
        "Left",
        "3 of 6 images misclassified",
    ]
    assert not left.axison
    assert plt.get_fignums() == [figure.number]


def test_a_display_can_be_drawn_again():
    """Check another grid, on axes that are given, with another style."""
    display = ImageGridDisplay.from_predictions(X, Y_TRUE)
    _, axes = plt.subplots(1, 2)
    again = display.plot(axes, n_rows=1, n_cols=2, image_kwargs={"cmap": "gray"})
    assert again is display
    assert drawn(display) == [0, 1]
    assert list(display.axes_.flat) == list(axes)
    assert axes[0].images[0].get_cmap().name == "gray"


def test_what_is_missing_is_named():
    """Check missing predictions or confidences, and estimators that can't give them."""
    make = ImageGridDisplay.from_predictions
    with pytest.raises(ValueError, match="errors_only=True needs y_pred"):
        make(X, Y_TRUE, errors_only=True)
    with pytest.raises(ValueError, match="sort_by_confidence=True needs confidence"):
        make(X, Y_TRUE, Y_PRED, sort_by_confidence=True)
    with pytest.raises(ValueError, match="confidence must have one"):
        make(X, Y_TRUE, Y_PRED, confidence=CONFIDENCE[:2])
    make = ImageGridDisplay.from_estimator
    with pytest.raises(ValueError, match="needs an estimator with predict_proba"):
        make(LinearSVC().fit(X, Y_TRUE), X, Y_TRUE, sort_by_confidence=True)
    with pytest.raises(ValueError, match="estimator must be a classifier, got LinearRegression"):
        make(LinearRegression().fit(X, X[:, 0]), X, X[:, 0])
    with pytest.raises(NotFittedError):
        make(TFMLPClassifier(), X, Y_TRUE)
    assert plt.get_fignums() == []


def test_axes_that_can_not_be_divided_are_refused():
    """Check axes outside a grid, and too few axes."""
    figure = plt.figure()
    with pytest.raises(ValueError, match="axes to be divided must be of a grid"):
        ImageGridDisplay.from_predictions(X, Y_TRUE, ax=figure.add_axes((0, 0, 1, 1)))
    with pytest.raises(ValueError, match=r"The axes must have 3 \* 3 = 9 elements.*got 2"):
        ImageGridDisplay.from_predictions(X, Y_TRUE, ax=figure.subplots(2))
