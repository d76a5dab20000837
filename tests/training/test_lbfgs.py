"""L-BFGS: the objective against finite differences, the solver alone, and its warnings."""

import numpy as np
import pytest
import scipy.sparse
from scipy.optimize import approx_fprime
from sklearn.exceptions import ConvergenceWarning

from skmlp import TFMLPClassifier, TFMLPRegressor
from skmlp._data.samples import SampleSet, without_validation
from skmlp._engine import feed as _feed
from skmlp._engine.objective import Objective
from skmlp._model.network import Architecture, Parameters, initialise
from skmlp._program.stopping import StoppingRule
from skmlp._training.lbfgs import LBFGS
from skmlp._training.log import TrainingLog
from tests.helpers import LOSS_OF, fit_quietly, load, make_plan, sampled_cases

pytestmark = pytest.mark.uncompiled  # but for one gradient: the solver is on the host


def make_samples(out_activation, n_samples=23, is_sparse=False):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n_samples, 4)) * (rng.uniform(size=(n_samples, 4)) < 0.7)
    if out_activation == "softmax":
        targets = np.eye(3, dtype=bool)[rng.randint(3, size=n_samples)]
    elif out_activation == "logistic":
        targets = rng.uniform(size=(n_samples, 2)) < 0.5
    else:
        targets = rng.poisson(1.5, size=(n_samples, 1)).astype(float)
    weight = rng.uniform(0.5, 2, size=n_samples)
    X = scipy.sparse.csr_array(X) if is_sparse else X
    return without_validation(SampleSet(X, targets, weight))


@pytest.mark.parametrize(
    ("activation", "out_activation", "is_sparse"),
    sampled_cases(
        ["identity", "logistic", "tanh", "relu"],
        ["softmax", "logistic", "identity", "exp"],
        [False, True],
        n_compiled=1,
    ),
)
def test_gradient_is_a_finite_difference(activation, out_activation, is_sparse):
    """Check every element of the gradient, over several batches with a rest."""
    samples = make_samples(out_activation, is_sparse=is_sparse)
    units = (4, 5, 3, samples.targets[0].shape[1])
    architecture = Architecture(units, activation, LOSS_OF[out_activation])
    start = initialise(architecture, "glorot_uniform", np.random.RandomState(1), np.float64)
    objective = Objective(architecture, 10, samples, alpha=0.3)
    vector = start.ravel()
    _, gradient = objective(vector)
    expected = approx_fprime(vector, lambda v: objective(v)[0], 1e-7)
    np.testing.assert_allclose(gradient, expected, rtol=0, atol=2e-6)


def test_samples_of_one_block_are_gathered_once(monkeypatch):
    """Check the bits of later evaluations, in one call and in several."""
    samples = make_samples("softmax", n_samples=65)
    architecture = Architecture((4, 5, samples.targets[0].shape[1]), "relu", "cross_entropy")
    start = initialise(architecture, "glorot_uniform", np.random.RandomState(1), np.float64)
    vector = start.ravel()
    gathered = []
    gather = _feed.gather
    monkeypatch.setattr(_feed, "gather", lambda *args: gathered.append(gather(*args)))
    objective = Objective(architecture, 10, samples, alpha=0.3)
    loss, gradient = objective(vector)
    assert objective(vector)[0] == loss
    assert objective(2 * vector)[0] != loss
    assert len(gathered) == 1
    monkeypatch.setattr(objective._pace, "update", lambda *_: None)
    for n_batches in (1, 2, 3):
        objective._pace.n_batches = n_batches
        again, gradient_again = objective(vector)
        assert again == loss
        np.testing.assert_array_equal(gradient_again, gradient)
    assert len(gathered) > 5


def test_parameters_survive_the_vector():
    """Check that unpacking the packed parameters restores them."""
    architecture = Architecture((4, 3, 2), "relu", "cross_entropy")
    start = initialise(architecture, "glorot_uniform", np.random.RandomState(0), np.float64)
    back = Parameters.from_vector(start.ravel(), architecture)
    for actual, expected in zip(
        back.coefs + back.intercepts, start.coefs + start.intercepts, strict=True
    ):
        np.testing.assert_array_equal(actual, expected)


def test_solver_finds_the_minimum_of_a_parabola():
    """Check the solver with an objective whose minimum is known."""
    architecture = Architecture((2, 1), "relu", "squared_error")
    minimum = np.array([3.0, -2.0, 0.5])

    def parabola(vector):
        return float(((vector - minimum) ** 2).sum()), 2 * (vector - minimum)

    samples = without_validation(SampleSet(np.zeros((2, 2)), np.zeros((2, 1)), np.ones(2)))
    log = TrainingLog(make_plan(samples, architecture), StoppingRule(0.0, 1))
    solver = LBFGS(parabola, architecture, log)
    start = Parameters([np.zeros((2, 1))], [np.zeros(1)])
    trained = solver.run(start, max_iter=50, max_fun=100, tol=1e-9)
    np.testing.assert_allclose(trained.parameters.ravel(), minimum, atol=1e-8)
    assert trained.history.loss_curve[-1] == trained.loss < 1e-12
    assert trained.n_iter == trained.history.n_epochs


@pytest.mark.parametrize("estimator", [TFMLPClassifier, TFMLPRegressor])
@pytest.mark.parametrize("limit", [{"max_iter": 3}, {"max_fun": 4}], ids=str)
def test_limits_warn_as_in_scikit_learn(estimator, limit):
    """Check both limits, and that the model is kept."""
    X, y = load("iris")
    est = estimator(solver="lbfgs", random_state=0, **limit)
    with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge"):
        est.fit(X, y)
    assert len(est.loss_curve_) == est.n_iter_ <= 4
    assert est.score(X, y) > 0


def test_iterations_are_recorded_and_validated(capsys):
    """Check curves, the log, and that a validation set changes no number."""
    X, y = load("iris")
    params = {"solver": "lbfgs", "random_state": 0, "max_iter": 12}
    plain = fit_quietly(TFMLPClassifier(**params), X, y)
    clf = TFMLPClassifier(**params, early_stopping=True, verbose=1)
    fit_quietly(clf, X, y, X_val=X[::3], y_val=y[::3])
    np.testing.assert_array_equal(clf.coefs_[0], plain.coefs_[0])
    assert len(clf.loss_curve_) == len(clf.validation_scores_) == clf.n_iter_ == 12
    assert clf.validation_scores_[-1] == clf.score(X[::3], y[::3])
    assert clf.best_validation_score_ == max(clf.validation_scores_)
    assert clf.best_loss_ == min(clf.loss_curve_) == clf.loss_
    assert len(capsys.readouterr().out.splitlines()) == 12


def test_float32_ends_where_float64_does():
    """Check that float64 results are kept in the type of X."""
    X, y = load("iris")
    X = X.astype(np.float32)
    params = {"solver": "lbfgs", "random_state": 0, "max_iter": 20}
    single = fit_quietly(TFMLPClassifier(**params), X, y)
    double = fit_quietly(TFMLPClassifier(**params), X.astype(np.float64), y)
    assert single.coefs_[0].dtype == np.float32
    # The initial weights were rounded.
    np.testing.assert_allclose(single.coefs_[0], double.coefs_[0], rtol=0, atol=1e-5)
