"""Subclasses with their own initial weights, and output activations set by hand."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import minmax_scale

from skmlp import TFMLPClassifier, TFMLPRegressor
from skmlp._estimators.subclasses import _NEVER_CALLED
from skmlp.callbacks import Checkpoint
from tests.helpers import PEERS, Callback, assert_same_fit, fit_quietly, load

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program

PARAMS = {"hidden_layer_sizes": (5, 4), "random_state": 0, "learning_rate_init": 0.01}
PROBLEMS = {TFMLPClassifier: "iris", TFMLPRegressor: "two_targets"}
both = pytest.mark.parametrize("estimator", PROBLEMS)


class Normal:
    """Draws weights from a normal distribution, with biases of zero."""

    def _init_coef(self, fan_in, fan_out, dtype):
        scale = np.sqrt(2 / fan_in)
        coef = self._random_state.normal(0, scale, size=(fan_in, fan_out))
        return coef.astype(dtype), np.zeros(fan_out, dtype)


class Doubled:
    """Doubles the weights that scikit-learn would draw."""

    def _init_coef(self, fan_in, fan_out, dtype):
        coef, intercept = super()._init_coef(fan_in, fan_out, dtype)
        return 2 * coef, intercept


class Lists:
    """Returns weights as lists; they depend on the sizes alone."""

    def _init_coef(self, fan_in, fan_out, dtype):
        weights = np.linspace(-1, 1, fan_in * fan_out).reshape(fan_in, fan_out)
        return weights.tolist(), [0.1] * fan_out


def derived(kind, base):
    return type(kind.__name__, (kind, base), {})


@both
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("kind", [Normal, Doubled])
def test_initial_weights_of_a_subclass_are_those_of_scikit_learn_s(kind, solver, estimator):
    """Check all numbers of a fit against the same subclass of scikit-learn's network."""
    X, y = load(PROBLEMS[estimator])
    params = PARAMS | {"solver": solver, "max_iter": 6}
    theirs = fit_quietly(derived(kind, PEERS[estimator])(**params), X, y)
    ours = fit_quietly(derived(kind, estimator)(**params), X, y)
    assert_same_fit(theirs, ours, X)
    assert "_random_state" not in vars(ours)


def test_partial_fit_and_float32_have_them_too():
    """Check the first call of partial_fit, and the type of the weights."""
    X, y = load("iris")
    X = X.astype(np.float32)
    theirs = derived(Normal, MLPClassifier)(**PARAMS).partial_fit(X, y, classes=range(3))
    ours = derived(Normal, TFMLPClassifier)(**PARAMS).partial_fit(X, y, classes=range(3))
    assert ours.coefs_[0].dtype == np.float32
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=1e-3)


def test_weights_may_be_lists():
    """Check the first layer's weights after one epoch, against the listed ones."""
    X, y = load("iris")
    clf = derived(Lists, TFMLPClassifier)(**PARAMS | {"learning_rate_init": 1e-12}, alpha=0)
    clf.partial_fit(X, y, classes=range(3))
    expected = np.linspace(-1, 1, 20).reshape(4, 5)
    np.testing.assert_allclose(clf.coefs_[0], expected, rtol=0, atol=1e-9)


def test_a_warm_start_draws_no_weights():
    """Check that the method is called for the first fit only, once for each layer."""
    calls = []

    class Counted(TFMLPClassifier):
        def _init_coef(self, *args):
            calls.append(args[:2])
            return super()._init_coef(*args)

    clf = Counted(**PARAMS, max_iter=1, warm_start=True)
    for _ in range(2):
        fit_quietly(clf, *load("iris"))
    assert calls == [(4, 5), (5, 4), (4, 3)]
    fit_quietly(clone(clf), *load("iris"))
    assert len(calls) == 6


def test_weights_of_other_shapes_are_refused():
    """Check that the error names method and shapes, and that nothing changes."""

    class Wrong(TFMLPClassifier):
        def _init_coef(self, fan_in, fan_out, dtype):
            return np.zeros((fan_out, fan_in)), np.zeros(fan_out)

    clf = Wrong(**PARAMS)
    with pytest.raises(
        ValueError, match=r"_init_coef .*\[\(5, 4\), \(5,\)\].*\[\(4, 5\), \(5,\)\]"
    ):
        clf.fit(*load("iris"))
    assert set(vars(clf)) == set(clf.get_params())


@pytest.mark.parametrize("base", [TFMLPClassifier, TFMLPRegressor])
def test_methods_that_are_never_called_warn_when_the_class_is_made(base):
    """Check the names in the warning, its line, and that each is a method of scikit-learn's."""
    with pytest.warns(UserWarning, match=r"Own defines _backprop, _initialize, .*never calls") as w:

        class Own(base):
            def _initialize(self, y, layer_units, dtype):
                pass

            def _backprop(self, *args):
                pass

            def _init_coef(self, *args):
                pass

    assert w[0].filename == __file__
    assert set(dir(MLPClassifier)) >= _NEVER_CALLED


def test_other_methods_of_a_subclass_warn_of_nothing():
    """Check methods of one's own."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        class Own(TFMLPClassifier):
            def _draw(self):
                pass

            def score(self, X, y, sample_weight=None):
                return 0.5

    assert Own().score(None, None) == 0.5


def set_by_hand(estimators, name):
    for estimator in estimators:
        estimator.out_activation_ = name


def both_fitted(estimator, method="fit", **params):
    """Return fits of scikit-learn's estimator and ours, with targets between 0 and 1."""
    X, y = load(PROBLEMS[estimator])
    y = minmax_scale(y) if estimator is TFMLPRegressor else y
    fits = [cls(**PARAMS | params) for cls in (PEERS[estimator], estimator)]
    for est in fits:
        if method == "fit":
            fit_quietly(est, X, y)
        else:
            est.partial_fit(X, y, **({"classes": range(3)} if estimator is TFMLPClassifier else {}))
    return X, y, fits


@both
@pytest.mark.parametrize("name", ["identity", "logistic", "tanh", "softmax"])
def test_predictions_use_an_output_activation_that_was_set_by_hand(name, estimator):
    """Check outputs against scikit-learn's."""
    X, _, (theirs, ours) = both_fitted(estimator, max_iter=4)
    set_by_hand((theirs, ours), name)
    method = "predict_proba" if estimator is TFMLPClassifier else "predict"
    expected = getattr(theirs, method)(X)
    np.testing.assert_allclose(getattr(ours, method)(X), expected, rtol=0, atol=1e-10)
    copied = pickle.loads(pickle.dumps(ours))
    np.testing.assert_array_equal(getattr(copied, method)(X), getattr(ours, method)(X))


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("name", ["logistic", "tanh", "relu"])
def test_a_warm_start_trains_a_regressor_with_it(name, solver):
    """Check all numbers of a second fit against scikit-learn's, with the set activation."""
    params = {"solver": solver, "warm_start": True, "max_iter": 5}
    X, y, (theirs, ours) = both_fitted(TFMLPRegressor, **params)
    set_by_hand((theirs, ours), name)
    for est in (theirs, ours):
        fit_quietly(est, X, y)
    assert ours.out_activation_ == name
    assert_same_fit(theirs, ours, X)


def test_early_stopping_scores_with_it():
    """Check the scores of a hold-out, with the set activation."""
    params = {"warm_start": True, "max_iter": 5, "early_stopping": True, "validation_fraction": 0.2}
    X, y, (theirs, ours) = both_fitted(TFMLPRegressor, **params)
    set_by_hand((theirs, ours), "logistic")
    for est in (theirs, ours):
        fit_quietly(est, X, y)
    np.testing.assert_allclose(ours.validation_scores_[5:], theirs.validation_scores_[-5:])


@both
def test_partial_fit_trains_with_it(estimator):
    """Check weights after three more epochs; the steps do not depend on what loss is reported."""
    X, y, (theirs, ours) = both_fitted(estimator, "partial_fit")
    set_by_hand((theirs, ours), "logistic")
    for est in (theirs, ours):
        for _ in range(3):
            est.partial_fit(X, y)
    assert ours.out_activation_ == "logistic"
    np.testing.assert_allclose(ours.coefs_[-1], theirs.coefs_[-1], rtol=0, atol=1e-10)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=0, atol=1e-9)


@both
def test_a_new_fit_forgets_it(estimator):
    """Check that a fit sets the activation anew, as in scikit-learn, the first fit too."""
    expected = both_fitted(estimator, max_iter=2)[2]
    X, y, fits = both_fitted(estimator, max_iter=2)
    set_by_hand(fits, "tanh")
    for est, fresh in zip(fits, expected, strict=True):
        fit_quietly(est, X, y)
        assert est.out_activation_ == fresh.out_activation_
        np.testing.assert_array_equal(est.coefs_[0], fresh.coefs_[0])
    early = estimator(**PARAMS, max_iter=2)
    early.out_activation_ = "tanh"
    fit_quietly(early, X, y)
    np.testing.assert_array_equal(early.coefs_[0], expected[1].coefs_[0])


def test_a_network_of_weights_that_were_set_goes_on():
    """Check a model that is put together from arrays, and trained further."""
    X, y, (theirs, ours) = both_fitted(TFMLPRegressor, max_iter=3)
    restored = []
    for est in (theirs, ours):
        other = type(est)(**PARAMS, max_iter=3, warm_start=True)
        other.coefs_ = [coef.copy() for coef in est.coefs_]
        other.intercepts_ = [intercept.copy() for intercept in est.intercepts_]
        for name in ("n_layers_", "n_outputs_", "out_activation_", "n_features_in_", "t_"):
            setattr(other, name, getattr(est, name))
        other.loss_curve_, other.best_loss_, other._no_improvement_count = [], np.inf, 0
        restored.append(fit_quietly(other, X, y))
    np.testing.assert_allclose(restored[1].coefs_[0], restored[0].coefs_[0], rtol=0, atol=1e-10)


@both
def test_an_output_activation_that_there_is_not_is_named(estimator):
    """Check predict and partial_fit."""
    X, y, (_, ours) = both_fitted(estimator, "partial_fit")
    set_by_hand([ours], "sigmoid")
    for call in (lambda: ours.predict(X), lambda: ours.partial_fit(X, y)):
        with pytest.raises(ValueError, match=r"out_activation_ must be one of.*got 'sigmoid'"):
            call()


class Crash(Callback):
    """Ends a fit after its second epoch."""

    def on_fit_task_end(self, estimator, context):
        if context.task_id == 1:
            raise RuntimeError("the process ends")


def test_a_checkpoint_knows_it(tmp_path):
    """Check that a warm start resumes with the same activation, and with no other."""
    path = tmp_path / "file"
    X, y, (_, start) = both_fitted(TFMLPRegressor, max_iter=4, warm_start=True)
    start.out_activation_ = "logistic"
    expected = fit_quietly(pickle.loads(pickle.dumps(start)), X, y)
    crashed = pickle.loads(pickle.dumps(start)).set_callbacks(Checkpoint(path), Crash())
    with pytest.raises(RuntimeError, match="the process ends"):
        crashed.fit(X, y)
    again = pickle.loads(pickle.dumps(start)).set_callbacks(Checkpoint(path, resume=True))
    np.testing.assert_array_equal(fit_quietly(again, X, y).coefs_[0], expected.coefs_[0])
    start.out_activation_ = "tanh"
    with pytest.raises(ValueError, match="got others for: out_activation_"):
        start.set_callbacks(Checkpoint(path, resume=True)).fit(X, y)
