"""scikit-learn's own checks of estimators."""

from itertools import product

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlp import TFMLPClassifier, TFMLPRegressor

OTHER_SPLIT = (
    "repeating or removing samples changes which of them are held out, and so what is trained on"
)
ROUNDING = "the check compares to 1e-7, and a float32 rounds to 6e-8 at every step of training"


def make(estimator, balanced, **params):
    if balanced:
        params["class_weight"] = "balanced"
    return estimator(**params)


CHOSEN = [
    TFMLPClassifier(),
    TFMLPClassifier(init="truncated_normal"),
    TFMLPClassifier(hidden_layer_sizes=(20, 10)),
    TFMLPClassifier(early_stopping=True),
    TFMLPClassifier(early_stopping=True, scoring="loss"),
    TFMLPClassifier(early_stopping=True, scoring="neg_log_loss"),
    TFMLPClassifier(dtype="float32"),
    TFMLPClassifier(class_weight="balanced"),
    TFMLPClassifier(solver="sgd", warm_start=True),
    TFMLPClassifier(solver="lbfgs", class_weight="balanced"),
    TFMLPRegressor(),
    TFMLPRegressor(loss="poisson"),
    TFMLPRegressor(early_stopping=True, solver="sgd", learning_rate="adaptive"),
    TFMLPRegressor(solver="lbfgs", dtype="float32"),
]
"""Each value of each parameter that matters."""

CROSSED = [
    make(estimator, balanced, solver=solver, early_stopping=stop, warm_start=warm, dtype=dtype)
    for estimator, solver, balanced, stop, warm, dtype in product(
        (TFMLPClassifier, TFMLPRegressor),
        ("adam", "sgd", "lbfgs"),
        (False, True),
        (False, True),
        (False, True),
        (None, "float32"),
    )
    if not (balanced and estimator is TFMLPRegressor)
]
"""All of their combinations."""


def expected_failures(estimator):
    """Return the checks that can't pass, and why."""
    stops_early = estimator.early_stopping and estimator.solver != "lbfgs"
    if not stops_early and estimator.dtype != "float32":
        return {}
    reason = OTHER_SPLIT if stops_early else ROUNDING
    failures = {"check_sample_weight_equivalence_on_dense_data": reason}
    if estimator.__sklearn_tags__().input_tags.sparse:
        failures["check_sample_weight_equivalence_on_sparse_data"] = reason
    return failures


# Checks fit for few epochs and on samples that were not scaled.
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # Some pass labels in a column, as scikit-learn asks to warn of.
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning"),
    # Skips: the array API is not supported, and there is no decision_function.
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
]


@parametrize_with_checks(CHOSEN, expected_failed_checks=expected_failures)
def test_scikit_learn_estimator_checks(estimator, check):
    """Check what scikit-learn asks of every classifier and regressor."""
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(CROSSED, expected_failed_checks=expected_failures)
def test_scikit_learn_estimator_checks_of_all_combinations(estimator, check):
    """Check all combinations of what matters."""
    check(estimator)
