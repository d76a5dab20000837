"""scikit-learn's own estimator checks, on the tabular estimators."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlp import TabularMLPClassifier, TabularMLPRegressor

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program

OTHER_SPLIT = (
    "repeating or removing rows changes which of them are held out, and so what is trained on"
)


def expected_failures(estimator):
    return {
        "check_sample_weight_equivalence_on_dense_data": OTHER_SPLIT,
        "check_sample_weight_equivalence_on_sparse_data": OTHER_SPLIT,
    }


SMALL = {"hidden_layer_sizes": 32, "max_iter": 20}


@parametrize_with_checks(
    [TabularMLPClassifier(**SMALL), TabularMLPRegressor(**SMALL)],
    expected_failed_checks=expected_failures,
    xfail_strict=True,
)
def test_scikit_learn_estimator_checks(estimator, check):
    """Check small networks."""
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [TabularMLPClassifier(), TabularMLPRegressor()],
    expected_failed_checks=expected_failures,
    xfail_strict=True,
)
def test_scikit_learn_estimator_checks_of_the_defaults(estimator, check):
    """Check networks with all parameters at their defaults."""
    check(estimator)
