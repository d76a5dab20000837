"""scikit-learn's own checks of estimators."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlp import TFMLPClassifier

OTHER_SPLIT = (
    "repeating or removing samples changes which of them are held out, and so what is trained on"
)
ROUNDING = "the check compares to 1e-7, and a float32 rounds to 6e-8 at every step of training"

EXPECTED_FAILURES = {
    "early_stopping": {"check_sample_weight_equivalence_on_dense_data": OTHER_SPLIT},
    "float32": {"check_sample_weight_equivalence_on_dense_data": ROUNDING},
}

ESTIMATORS = [
    TFMLPClassifier(),
    TFMLPClassifier(early_stopping=True),
    TFMLPClassifier(dtype="float32"),
    TFMLPClassifier(init="truncated_normal"),
    TFMLPClassifier(hidden_layer_sizes=(20, 10)),
]


def expected_failures(estimator):
    if estimator.early_stopping:
        return EXPECTED_FAILURES["early_stopping"]
    return EXPECTED_FAILURES["float32"] if estimator.dtype == "float32" else {}


# Checks fit for few epochs and on samples that were not scaled.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
# Some pass labels in a column, as scikit-learn asks to warn of.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
# Skips: the array API is not supported, and there is no decision_function.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=expected_failures)
def test_scikit_learn_estimator_checks(estimator, check):
    """Check what scikit-learn asks of every classifier."""
    check(estimator)
