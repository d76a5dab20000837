"""class_weight: the factors, and training with them."""

import numpy as np
import pytest
from sklearn.datasets import make_multilabel_classification
from sklearn.utils.class_weight import compute_sample_weight

from skmlp import TFMLPClassifier
from skmlp._data.class_weight import class_factors
from tests.helpers import fit_quietly, load

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program

WEIGHTS = ["balanced", {0: 1, 1: 2.5, 2: 0.5}, {2: 10}, {}]


def imbalanced():
    X, y = load("iris")
    return X[:120], y[:120]


def fit(X, y, sample_weight=None, **params):
    params = {"max_iter": 15, "random_state": 0} | params
    return fit_quietly(TFMLPClassifier(**params), X, y, sample_weight=sample_weight)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("class_weight", WEIGHTS, ids=str)
def test_class_weights_are_sample_weights(class_weight, solver):
    """Check training against the weights that scikit-learn computes."""
    X, y = imbalanced()
    weighted = fit(X, y, class_weight=class_weight, solver=solver)
    expected = fit(X, y, compute_sample_weight(class_weight, y), solver=solver)
    np.testing.assert_allclose(weighted.coefs_[0], expected.coefs_[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("class_weight", WEIGHTS, ids=str)
def test_class_weights_multiply_sample_weights(class_weight):
    """Check both together; "balanced" counts samples by their weights."""
    X, y = imbalanced()
    weight = np.random.RandomState(0).randint(1, 4, size=len(y))
    weighted = fit(X, y, weight, class_weight=class_weight)
    factors = compute_sample_weight(class_weight, y.repeat(weight))[np.cumsum(weight) - 1]
    expected = fit(X, y, weight * factors)
    np.testing.assert_allclose(weighted.coefs_[0], expected.coefs_[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "class_weight",
    ["balanced", [{0: 1, 1: k + 1} for k in range(5)], [{0: 1, 1: 2}, "balanced", None, {}, {}]],
    ids=["balanced", "dicts", "mixed"],
)
def test_multilabel_weights_are_those_of_the_forests(class_weight):
    """Check that factors of labels are multiplied, as in scikit-learn's forests."""
    X, y = make_multilabel_classification(n_samples=80, random_state=0)
    weighted = fit(X, y, class_weight=class_weight)
    if class_weight == "balanced" or all(isinstance(w, dict) for w in class_weight):
        factors = compute_sample_weight(class_weight, y)
    else:
        factors = [compute_sample_weight(w, c) for w, c in zip(class_weight, y.T, strict=True)]
        factors = np.prod(factors, axis=0)
    np.testing.assert_allclose(weighted.coefs_[0], fit(X, y, factors).coefs_[0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("labels", [np.array(["b", "a", "c"]), np.array([10, -3, 7])], ids=str)
def test_labels_of_any_type_are_weighed(labels):
    """Check that a dict names labels, not their positions."""
    X, y = imbalanced()
    names = labels[y]
    weighted = fit(X, names, class_weight={labels[0]: 5})
    expected = fit(X, names, np.where(y == 0, 5.0, 1.0))
    np.testing.assert_array_equal(weighted.coefs_[0], expected.coefs_[0])


def test_rare_classes_are_found():
    """Check that recall rises for a class with few samples that overlap the others."""
    rng = np.random.RandomState(0)
    y = (np.arange(400) % 20 == 0).astype(int)
    X = rng.normal(size=(400, 2)) + 1.2 * y[:, np.newaxis]
    recalls = []
    for class_weight in (None, "balanced"):
        clf = fit(X, y, class_weight=class_weight, max_iter=60, learning_rate_init=0.01)
        recalls.append((clf.predict(X[y == 1]) == 1).mean())
    assert recalls[0] < 0.5 < recalls[1]


@pytest.mark.parametrize("scoring", [None, "accuracy"])
def test_a_hold_out_is_weighed_by_class(scoring):
    """Check the score of a hold-out against a fit with these weights as sample_weight."""
    X, y = imbalanced()
    params = {"validation_fraction": 0.3, "max_iter": 5, "scoring": scoring}
    clf = fit(X, y, class_weight={0: 9}, **params)
    expected = fit(X, y, np.where(y == 0, 9.0, 1.0), **params)
    assert clf.validation_scores_ == expected.validation_scores_
    assert clf.validation_scores_ != fit(X, y, **params).validation_scores_


def test_a_validation_set_of_ones_own_is_not_weighed_by_class():
    """Check that only sample_weight_val weighs it."""
    X, y = imbalanced()
    clf = TFMLPClassifier(class_weight={0: 9}, max_iter=5, random_state=0)
    fit_quietly(clf, X, y, X_val=X[::3], y_val=y[::3])
    assert clf.validation_scores_[-1] == pytest.approx(clf.score(X[::3], y[::3]), abs=1e-15)


def test_classes_without_weight_count_for_nothing():
    """Check that "balanced" with weights of zero is as without these samples."""
    y = np.array([0, 0, 0, 1, 2])
    classes = np.array([0, 1, 2])
    factors = class_factors("balanced", classes, y, np.array([1.0, 1, 0, 1, 0]))
    np.testing.assert_allclose(factors[[0, 1, 3]], compute_sample_weight("balanced", [0, 0, 1]))
    assert np.isfinite(factors).all()


MULTILABEL = np.array([[0, 1], [1, 0], [1, 1]] * 10)
SINGLE = np.arange(30) % 3
BAD = {
    "a list for one label": (SINGLE, [{0: 1}], "class_weight is a list"),
    "a dict for many": (MULTILABEL, {0: 1, 1: 2}, "class_weight is a dict"),
    "too few": (MULTILABEL, [{0: 1, 1: 2}], "class_weight has 1 entries, expected one for each"),
    "negative": (SINGLE, {0: -1}, r"class_weight\[0\] must be a finite number of at least 0"),
    "infinite": (SINGLE, {0: np.inf}, r"class_weight\[0\] must be a finite number"),
    "NaN": (SINGLE, {1: np.nan}, r"class_weight\[1\] must be a finite number"),
    "text": (SINGLE, {0: "heavy"}, r"class_weight\[0\] must be a finite number"),
    "unknown label": (SINGLE, {7: 1.0}, "class_weight"),
    "unknown word": (SINGLE, "even", "class_weight"),
    "unknown word in a list": (MULTILABEL, ["even", None], "class_weight"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_class_weights_are_named(case):
    """Check the message, and that nothing is kept."""
    y, class_weight, message = BAD[case]
    clf = TFMLPClassifier(class_weight=class_weight)
    with pytest.raises(ValueError, match=message):
        clf.fit(np.random.RandomState(0).normal(size=(30, 2)), y)
    assert not hasattr(clf, "classes_")


def test_no_weight_left_is_refused():
    """Check class weights that leave no sample to train on."""
    with pytest.raises(ValueError, match="class_weight"):
        TFMLPClassifier(class_weight={0: 0, 1: 0, 2: 0}).fit(*load("iris"))
