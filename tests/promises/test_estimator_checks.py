"""scikit-learn's own checks of estimators."""

from itertools import product

import pytest
from sklearn.base import is_classifier
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlp import TFMLPClassifier, TFMLPRegressor
from tests.helpers import Watcher, covering_cases

OTHER_SPLIT = (
    "repeating or removing samples changes which of them are held out, and so what is trained on"
)
ROUNDING = "the check compares to 1e-7, and a float32 rounds to 6e-8 at every step of training"
REFUSED = "scikit-learn's own test of its MLP wants partial_fit to raise after an early stop"
CERTAIN = "the check wants probabilities below 1, and L-BFGS trains until they round to it"
FEW_HELD_OUT = "the check holds out three samples, and training stops where they are right"
GOES_ON = "the check fits one object several times, and expects that to start anew"


SMALL = {"hidden_layer_sizes": 10, "max_iter": 100}
"""A small network, which trains faster."""


def make(estimator, balanced, **params):
    if balanced:
        params["class_weight"] = "balanced"
    return estimator(**SMALL, **params)


CHOSEN = [
    TFMLPClassifier(**SMALL, learning_rate_init=0.01),
    TFMLPClassifier(
        **SMALL, solver="sgd", learning_rate_init=0.1, early_stopping=True, class_weight="balanced"
    ),
    TFMLPRegressor(**SMALL, learning_rate_init=0.01),
]
"""Solvers that train by epochs, with their most important parameters."""

ALSO = [  # parameters and solvers that are not crossed below
    TFMLPClassifier(),
    TFMLPRegressor(),
    TFMLPClassifier(solver="lbfgs"),
    TFMLPRegressor(solver="lbfgs"),
    TFMLPClassifier(early_stopping=True, scoring="loss", init="truncated_normal"),
    TFMLPRegressor(loss="poisson", learning_rate_init=0.01),
    TFMLPRegressor(early_stopping=True, solver="sgd", learning_rate="adaptive"),
]

CROSSED = [
    make(
        estimator,
        balanced,
        solver=solver,
        learning_rate_init=0.1 if solver == "sgd" else 0.01,
        early_stopping=stop,
        warm_start=warm,
        dtype=dtype,
    )
    for estimator, solver, balanced, stop, warm, dtype in covering_cases(
        [
            case
            for case in product(
                (TFMLPClassifier, TFMLPRegressor),
                ("adam", "sgd", "lbfgs"),
                (False, True),
                (False, True),
                (False, True),
                (None, "float32"),
            )
            if case[0] is TFMLPClassifier or not case[2]
        ]
    )
]
"""Combinations that hold each pair of values."""


WATCHED = [
    TFMLPClassifier(solver="lbfgs").set_callbacks(Watcher()),
    TFMLPRegressor().set_callbacks(Watcher()),
]
"""Estimators with a callback, which makes epochs and iterations run one by one."""


def expected_failures(estimator):
    """Return the checks that can't pass, and why."""
    failures = {}
    stops_early = estimator.early_stopping and estimator.solver != "lbfgs"
    rounds = estimator.dtype == "float32" and estimator.solver != "lbfgs"
    if stops_early or rounds:
        reason = OTHER_SPLIT if stops_early else ROUNDING
        failures["check_sample_weight_equivalence_on_dense_data"] = reason
        failures["check_sample_weight_equivalence_on_sparse_data"] = reason
    if is_classifier(estimator) and stops_early and estimator.solver == "adam":
        failures["check_class_weight_classifiers"] = FEW_HELD_OUT
    if stops_early and hasattr(estimator, "partial_fit"):
        failures["check_fit_score_takes_y"] = REFUSED
    if estimator.solver == "lbfgs" and is_classifier(estimator):
        failures["check_classifiers_multilabel_output_format_predict_proba"] = CERTAIN
    if estimator.warm_start:
        failures["check_supervised_y_2d"] = GOES_ON
        failures["check_classifiers_multilabel_representation_invariance"] = GOES_ON
    return failures


# Checks fit for few epochs, and on samples without scaling.
pytestmark = [
    pytest.mark.uncompiled,  # what a user sees, whatever runs the program
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # Some pass labels in a column, of which estimators have to warn.
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning"),
    # Skips: the array API is not supported, and there is no decision_function.
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
]


@parametrize_with_checks(CHOSEN, expected_failed_checks=expected_failures)
def test_scikit_learn_estimator_checks(estimator, check):
    """Check what scikit-learn asks of every classifier and regressor."""
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [*ALSO, *CROSSED], expected_failed_checks=expected_failures, xfail_strict=False
)
def test_scikit_learn_estimator_checks_of_combinations(estimator, check):
    """Check combinations of important parameters."""
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(WATCHED, expected_failed_checks=expected_failures)
def test_scikit_learn_estimator_checks_with_callbacks(estimator, check):
    """Check that estimators with callbacks pass all checks."""
    check(estimator)
