"""scikit-learn's own checks of estimators, of the tabular ones."""

from sklearn.utils.estimator_checks import parametrize_with_checks

from skmlp import TabularMLPClassifier, TabularMLPRegressor

OTHER_SPLIT = (
    "repeating or removing rows changes which of them are held out, and so what is trained on"
)


def expected_failures(estimator):
    return {
        "check_sample_weight_equivalence_on_dense_data": OTHER_SPLIT,
        "check_sample_weight_equivalence_on_sparse_data": OTHER_SPLIT,
    }


@parametrize_with_checks(
    [TabularMLPClassifier(), TabularMLPRegressor()],
    expected_failed_checks=expected_failures,
    xfail_strict=True,
)
def test_scikit_learn_estimator_checks(estimator, check):
    """Check the defaults."""
    check(estimator)
