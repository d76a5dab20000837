"""The scores that early stopping watches, and the curves of a validation set."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.metrics import get_scorer, log_loss, make_scorer, r2_score, recall_score

from skmlp import TFMLPClassifier, TFMLPRegressor
from tests.helpers import fit_quietly, load

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program

PROBLEMS = {TFMLPClassifier: "iris", TFMLPRegressor: "two_targets"}
both = pytest.mark.parametrize("estimator", PROBLEMS)


def fit(estimator, weight=None, **params):
    """Fit on the even samples and validate on the odd ones."""
    X, y = load(PROBLEMS[estimator])
    params = {"random_state": 0, "max_iter": 12, "learning_rate_init": 0.01} | params
    val = {} if weight is None else {"sample_weight_val": weight[1::2]}
    est = estimator(**params)
    fit_quietly(est, X[::2], y[::2], X_val=X[1::2], y_val=y[1::2], **val)
    return est, X[1::2], y[1::2]


@both
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_none_is_the_score_method(estimator, solver):
    """Check the last value of the curve against the fitted model."""
    est, X, y = fit(estimator, solver=solver)
    assert est.validation_scores_[-1] == pytest.approx(est.score(X, y), rel=1e-12)
    assert est.best_validation_score_ == max(est.validation_scores_)


@both
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_loss_is_minus_the_validation_loss(estimator, solver):
    """Check the curves against each other."""
    est, X, y = fit(estimator, scoring="loss", solver=solver)
    assert est.validation_scores_ == [-loss for loss in est.validation_loss_curve_]
    if estimator is TFMLPClassifier:
        expected = log_loss(y, est.predict_proba(X))
    else:
        expected = ((y - est.predict(X)) ** 2).mean() / 2
    assert est.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("scoring", ["neg_log_loss", "roc_auc_ovr", "balanced_accuracy", "r2"])
def test_any_name_is_scored(scoring, solver):
    """Check the last value against the scorer itself."""
    estimator = TFMLPRegressor if scoring == "r2" else TFMLPClassifier
    est, X, y = fit(estimator, scoring=scoring, solver=solver)
    assert est.validation_scores_[-1] == pytest.approx(get_scorer(scoring)(est, X, y), rel=1e-9)
    assert len(est.validation_scores_) == len(est.validation_loss_curve_) == est.n_iter_


@both
def test_the_same_score_by_name_stops_at_the_same_epoch(estimator):
    """Check that host and program stop alike, and keep the same weights."""
    X, y = load(PROBLEMS[estimator])
    scoring = "accuracy" if estimator is TFMLPClassifier else "r2"
    params = {"early_stopping": True, "random_state": 0, "max_iter": 150, "n_iter_no_change": 4}
    params |= {"learning_rate_init": 0.01}
    fits = [fit_quietly(estimator(scoring=s, **params), X, y) for s in (None, scoring)]
    assert fits[0].n_iter_ == fits[1].n_iter_ < 150
    np.testing.assert_array_equal(fits[0].coefs_[0], fits[1].coefs_[0])
    np.testing.assert_allclose(fits[0].validation_scores_, fits[1].validation_scores_, rtol=1e-12)


@pytest.mark.parametrize("scoring", ["accuracy", "loss"])
def test_without_a_validation_set_training_stops_by_the_loss(scoring):
    """Check that `scoring` without validation does not keep training going."""
    X, y = load("iris")
    params = {"hidden_layer_sizes": 8, "random_state": 0, "tol": 1.0, "n_iter_no_change": 3}
    expected = TFMLPClassifier(**params).fit(X, y)
    clf = TFMLPClassifier(**params, scoring=scoring).fit(X, y)
    assert clf.loss_curve_ == expected.loss_curve_
    assert clf.n_iter_ < 10


def test_best_weights_are_those_of_the_best_score():
    """Check a score that is best in the third epoch, whatever the weights are."""
    scores = iter([0.1, 0.2, 0.9, *[0.3] * 20])
    seen = []

    def scoring(estimator, X, y):
        seen.append(estimator.coefs_[0].copy())
        return next(scores)

    est, _, _ = fit(TFMLPClassifier, scoring=scoring, early_stopping=True, n_iter_no_change=3)
    assert est.n_iter_ == 7
    assert est.best_validation_score_ == 0.9
    np.testing.assert_array_equal(est.coefs_[0], seen[2])


def test_an_adaptive_rate_follows_the_score():
    """Check that the host divides the learning rate where the program would."""
    params = {"solver": "sgd", "learning_rate": "adaptive", "early_stopping": True, "tol": 1.0}
    params |= {"n_iter_no_change": 2, "max_iter": 100, "learning_rate_init": 0.1}
    fits = [fit(TFMLPClassifier, scoring=s, **params)[0] for s in (None, "accuracy")]
    assert fits[0].n_iter_ == fits[1].n_iter_ < 100
    assert fits[0]._optimizer.learning_rate == fits[1]._optimizer.learning_rate < 1e-6


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [True, False])
def test_nan_is_no_improvement(early_stopping, solver):
    """Check a score that is always NaN."""
    est, _, _ = fit(
        TFMLPClassifier,
        scoring=lambda estimator, X, y: np.nan,
        early_stopping=early_stopping,
        n_iter_no_change=2,
        solver=solver,
    )
    assert est.n_iter_ == (3 if early_stopping and solver != "lbfgs" else 12)
    assert np.isnan(est.validation_scores_).all()
    assert est.best_validation_score_ == -np.inf


def test_nan_between_scores_is_passed_over():
    """Check that the best score and its weights come from before or after NaN."""
    scores = iter([0.5, np.nan, np.nan, 0.7, np.nan, np.nan, np.nan, np.nan])
    est, _, _ = fit(
        TFMLPClassifier,
        scoring=lambda estimator, X, y: next(scores),
        early_stopping=True,
        n_iter_no_change=3,
    )
    assert est.n_iter_ == 8
    assert est.best_validation_score_ == 0.7


def test_weights_reach_scorers_that_take_them():
    """Check a metric, and functions with and without weights."""
    weight = np.random.RandomState(0).uniform(size=150)
    scorer = make_scorer(recall_score, average="macro")
    est, X_val, y_val = fit(TFMLPClassifier, weight, scoring=scorer)
    expected = scorer(est, X_val, y_val, sample_weight=weight[1::2])
    assert est.validation_scores_[-1] == pytest.approx(expected, rel=1e-12)
    given = []

    def takes(estimator, X, y, sample_weight=None):
        given.append(sample_weight)
        return 0.0

    fit(TFMLPClassifier, weight, scoring=takes)
    np.testing.assert_array_equal(given[0], weight[1::2])
    given.clear()
    fit(TFMLPClassifier, scoring=takes)
    assert given[0] is None
    est, _, _ = fit(TFMLPClassifier, weight, scoring=lambda estimator, X, y: 1.0)
    assert est.validation_scores_ == [1.0] * 12


def test_a_scorer_without_a_signature_is_given_no_weight():
    """Check a callable of which Python can't tell the arguments, as some in C."""

    class Scorer:
        __signature__ = "unknown"

        def __call__(self, estimator, X, y):
            return 0.5

    est, *_ = fit(TFMLPClassifier, np.ones(150), scoring=Scorer())
    assert est.validation_scores_ == [0.5] * 12


def test_scorers_see_labels_and_no_warning_of_names():
    """Check string labels, and a DataFrame, without a warning about names."""
    X, y = load("iris")
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    seen = []

    def scoring(estimator, X, y):
        seen.append(y)
        return estimator.score(X, y)

    clf = TFMLPClassifier(scoring=scoring, validation_fraction=0.2, max_iter=2, random_state=0)
    fit_quietly(clf, pd.DataFrame(X, columns=list("abcd")), names)
    assert set(seen[0]) == set(names)
    assert list(clf.feature_names_in_) == list("abcd")


def test_scorers_see_sparse_samples_and_numbers():
    """Check the arguments of a regressor's scorer."""
    X, y = load("two_targets")
    seen = []

    def scoring(estimator, X, y):
        seen.append((X, y))
        return r2_score(y, estimator.predict(X))

    reg = TFMLPRegressor(scoring=scoring, validation_fraction=0.2, max_iter=2, random_state=0)
    fit_quietly(reg, scipy.sparse.csr_array(X), y)
    assert scipy.sparse.issparse(seen[0][0])
    assert seen[0][1].shape == (len(seen[0][0].indptr) - 1, 2)


@pytest.mark.parametrize("value", ["good", None, [1.0, 2.0], {"a": 1}], ids=str)
def test_scores_that_are_no_numbers_are_refused(value):
    """Check the message, and that the estimator is as it was."""
    clf = TFMLPClassifier(scoring=lambda estimator, X, y: value, validation_fraction=0.2)
    before = dict(vars(clf))
    with pytest.raises(ValueError, match="must return a number, got"):
        clf.fit(*load("iris"))
    assert vars(clf) == before


def test_an_error_in_a_scorer_changes_nothing():
    """Check that the same error is raised, and that the earlier fit is kept."""
    X, y = load("iris")
    clf = fit_quietly(TFMLPClassifier(max_iter=2, random_state=0), X, y)
    before = dict(vars(clf))

    for error in (ZeroDivisionError, ValueError):

        def scoring(estimator, X, y, error=error):
            raise error("of the user's own")

        clf.set_params(scoring=scoring, validation_fraction=0.2)
        with pytest.raises(error, match=r"^of the user's own$"):
            clf.fit(X, y)
        assert vars(clf) == before | clf.get_params()


def test_r2_of_a_constant_target_is_scikit_learns():
    """Check constant validation targets, predicted right and wrong."""
    X, y = load("two_targets")
    y_val = np.column_stack([np.full(50, 3.0), y[:50, 1]])
    reg = TFMLPRegressor(random_state=0, max_iter=3)
    fit_quietly(reg, X, y, X_val=X[:50], y_val=y_val)
    assert reg.validation_scores_[-1] == pytest.approx(r2_score(y_val, reg.predict(X[:50])))


def test_the_log_names_the_score(capsys):
    """Check the line of a regressor, of "loss" and of a scorer."""
    for estimator, scoring, what in (
        (TFMLPRegressor, None, "validation R2: "),
        (TFMLPClassifier, "loss", "validation score: -"),
        (TFMLPClassifier, "roc_auc_ovr", "validation score: 0."),
    ):
        fit(estimator, scoring=scoring, verbose=1, max_iter=1)
        assert what in capsys.readouterr().out


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_r2_of_one_sample_is_nan(solver):
    """Check NaN as in sklearn.metrics, but without its warning."""
    X, y = load("diabetes")
    reg = TFMLPRegressor(solver=solver, max_iter=3, random_state=0)
    fit_quietly(reg, X, y, X_val=X[:1], y_val=y[:1])
    assert np.isnan(reg.validation_scores_).all()
