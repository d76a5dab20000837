"""partial_fit and warm starts: sequences of calls, against scikit-learn doing the same."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning

from skmlp import TFMLPClassifier, TFMLPRegressor
from tests.helpers import PEERS, assert_same_fit, fit_quietly, load

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program

SOLVERS = [
    {"solver": "adam"},
    {"solver": "sgd"},
    {"solver": "sgd", "learning_rate": "invscaling", "nesterovs_momentum": False},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 2},
]

ESTIMATORS = [
    pytest.param(TFMLPClassifier, "digits", id="classifier"),
    pytest.param(TFMLPRegressor, "two_targets", id="regressor"),
]

both = pytest.mark.parametrize(("estimator", "problem"), ESTIMATORS)


def make_both(estimator, **params):
    params = {"random_state": 3, "batch_size": 16, "learning_rate_init": 0.01} | params
    return PEERS[estimator](**params), estimator(**params)


def play(estimator, calls):
    """Make calls of fit and partial_fit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for method, *args in calls:
            getattr(estimator, method)(*args)


def first_call(estimator, X, y):
    """Return the first call of partial_fit, which tells a classifier its classes."""
    if estimator is TFMLPRegressor:
        return ("partial_fit", X, y)
    return ("partial_fit", X, y, None, np.unique(load("digits")[1]))


@both
@pytest.mark.parametrize("params", SOLVERS, ids=str)
def test_twenty_chunks_equal_scikit_learn(estimator, problem, params):
    """Check that the state of the solver carries over from chunk to chunk."""
    X, y = load(problem)
    chunks = [slice(20 * i, 20 * i + 20) for i in range(20)]
    calls = [first_call(estimator, X[chunks[0]], y[chunks[0]])]
    calls += [("partial_fit", X[chunk], y[chunk]) for chunk in chunks[1:]]
    theirs, ours = make_both(estimator, **params)
    play(theirs, calls)
    play(ours, calls)
    assert_same_fit(theirs, ours, X)
    assert len(ours.loss_curve_) == 20
    assert ours._no_improvement_count == theirs._no_improvement_count
    if params["solver"] == "sgd":
        assert ours._optimizer.learning_rate == theirs._optimizer.learning_rate


@both
@pytest.mark.parametrize("params", SOLVERS, ids=str)
def test_sequences_of_calls_equal_scikit_learn(estimator, problem, params):
    """Check fit, then partial_fit, then a warm fit with another rate, and partial_fit again."""
    X, y = load(problem)
    half = slice(0, 200)
    theirs, ours = make_both(estimator, max_iter=4, **params)
    for est in (theirs, ours):
        play(est, [("fit", X, y)] + [("partial_fit", X[half], y[half])] * 3)
        est.set_params(warm_start=True, learning_rate_init=0.002)
        play(est, [("fit", X[:300], y[:300]), ("partial_fit", X[:300], y[:300])])
    assert_same_fit(theirs, ours, X)


@both
def test_sample_weights_equal_scikit_learn(estimator, problem):
    """Check sample weights in partial_fit."""
    X, y = load(problem)
    weight = np.random.RandomState(0).uniform(size=100)
    theirs, ours = make_both(estimator)
    name, *args = first_call(estimator, X[:100], y[:100])
    args = [*args[:2], weight, *args[3:]]
    for est in (theirs, ours):
        play(est, [(name, *args), ("partial_fit", X[:100], y[:100], weight)])
    assert_same_fit(theirs, ours, X)


def test_multilabel_chunks_equal_scikit_learn():
    """Check indicator matrices, of which some chunks lack a label."""
    X, y = make_multilabel_classification(n_samples=60, n_classes=4, random_state=0)
    y[:20, 2] = 0
    theirs, ours = make_both(TFMLPClassifier)
    calls = [("partial_fit", X[:20], y[:20], None, [0, 1, 2, 3])]
    calls += [("partial_fit", X[20:], y[20:])] * 3
    play(theirs, calls)
    play(ours, calls)
    assert_same_fit(theirs, ours, X)


@both
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_pickle_goes_on_bit_by_bit(estimator, problem, solver):
    """Check that the state of the solver survives a pickle."""
    X, y = load(problem)
    est = fit_quietly(estimator(solver=solver, max_iter=3, random_state=0), X, y)
    loaded = pickle.loads(pickle.dumps(est))
    for each in (est, loaded):
        each.partial_fit(X[:100], y[:100]).partial_fit(X[100:200], y[100:200])
    np.testing.assert_array_equal(loaded.coefs_[0], est.coefs_[0])
    assert loaded.loss_curve_ == est.loss_curve_


@both
def test_lbfgs_has_no_partial_fit(estimator, problem):
    """Check that both estimators hide it, and that the error says why."""
    assert hasattr(estimator(), "partial_fit")
    lbfgs = estimator(solver="lbfgs")
    assert not hasattr(lbfgs, "partial_fit")
    with pytest.raises(AttributeError, match="has no attribute 'partial_fit'") as error:
        lbfgs.partial_fit(*load(problem))
    assert "only available for the stochastic solvers" in str(error.value.__cause__)


def test_balanced_weights_have_no_partial_fit():
    """Check that a chunk's class frequencies are not used; a dict works."""
    for class_weight in ("balanced", [{0: 1, 1: 2}, "balanced"]):
        assert not hasattr(TFMLPClassifier(class_weight=class_weight), "partial_fit")
    X, y = load("iris")
    weighted = TFMLPClassifier(class_weight={0: 2, 1: 1, 2: 3}, random_state=0)
    plain = TFMLPClassifier(random_state=0)
    weighted.partial_fit(X, y, classes=[0, 1, 2])
    plain.partial_fit(X, y, sample_weight=np.array([2, 1, 3])[y], classes=[0, 1, 2])
    np.testing.assert_array_equal(weighted.coefs_[0], plain.coefs_[0])


@both
def test_early_stopping_is_refused(estimator, problem):
    """Check scikit-learn's message, and that nothing has changed."""
    X, y = load(problem)
    est = fit_quietly(estimator(early_stopping=True, max_iter=2), X, y)
    before = dict(vars(est))
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        est.partial_fit(X, y)
    assert vars(est) == before


@both
def test_validation_curves_stay_as_fit_left_them(estimator, problem):
    """Check that partial_fit, which validates nothing, keeps them."""
    X, y = load(problem)
    est = fit_quietly(estimator(validation_fraction=0.2, max_iter=3), X, y)
    scores = list(est.validation_scores_)
    est.partial_fit(X, y)
    assert est.validation_scores_ == scores
    assert len(est.loss_curve_) == 4
    assert est.n_iter_ == 1


@both
def test_after_lbfgs_a_stochastic_solver_can_go_on(estimator, problem):
    """Check a change of the solver between fit and partial_fit."""
    X, y = load(problem)
    est = fit_quietly(estimator(solver="lbfgs", max_iter=5, random_state=0), X, y)
    loss = est.loss_
    for _ in range(20):
        est.set_params(solver="adam").partial_fit(X, y)
    assert est.loss_ < loss
    assert est._optimizer.solver == "adam"


BAD_CLASSES = {
    "missing": ([0, 1], None, "classes must be passed on the first call to partial_fit"),
    "not those of y": ([0, 5], [0, 1], r"`y` has classes not in `self.classes_`"),
}


@pytest.mark.parametrize("case", BAD_CLASSES)
def test_bad_classes_are_refused(case):
    """Check the first call."""
    y, classes, message = BAD_CLASSES[case]
    clf = TFMLPClassifier()
    with pytest.raises(ValueError, match=message):
        clf.partial_fit([[0.0], [1.0]], y, classes=classes)
    assert vars(clf) == vars(TFMLPClassifier())


def test_later_calls_check_their_classes():
    """Check other classes, new labels, other features and another kind of y."""
    X, y = load("iris")
    clf = TFMLPClassifier(random_state=0).partial_fit(X[:60], y[:60], classes=[0, 1])
    before = dict(vars(clf))
    with pytest.raises(ValueError, match="is not the same as on last call to partial_fit"):
        clf.partial_fit(X[:60], y[:60], classes=[0, 1, 2])
    with pytest.raises(ValueError, match="has classes not in"):
        clf.partial_fit(X, y)
    with pytest.raises(ValueError, match="X has 3 features"):
        clf.partial_fit(X[:60, :3], y[:60])
    with pytest.raises(ValueError, match="same kind"):
        clf.partial_fit(X[:60], np.eye(2, dtype=int)[y[:60]])
    with pytest.raises(ValueError, match="can only be used with the layers"):
        clone(clf).partial_fit(X[:60], y[:60], classes=[0, 1]).set_params(
            hidden_layer_sizes=5
        ).partial_fit(X[:60], y[:60])
    assert vars(clf) == before


def test_a_chunk_may_lack_classes():
    """Check chunks of one class, and string labels."""
    X, y = load("iris")
    names = np.array(["setosa", "versicolor", "virginica"])
    clf = TFMLPClassifier(random_state=0, learning_rate_init=0.01)
    for epoch in range(30):
        for k in range(3):
            part = y == k
            clf.partial_fit(X[part], names[y[part]], classes=None if epoch + k else names)
    np.testing.assert_array_equal(clf.classes_, names)
    assert clf.predict_proba(X).shape == (150, 3)


@both
def test_float32_stays_float32(estimator, problem):
    """Check that chunks of another type are trained on in the type of the model."""
    X, y = load(problem)
    est = fit_quietly(estimator(max_iter=2), X.astype(np.float32), y)
    est.partial_fit(X, y)
    assert est.coefs_[0].dtype == np.float32
    assert est._optimizer.slots[0][0].dtype == np.float32
