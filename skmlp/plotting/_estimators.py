"""Finds the network in an estimator."""

from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted


def fitted_network(estimator: Any, needs: str) -> Any:
    """Return the fitted network in an estimator.

    Parameters
    ----------
    estimator : estimator
        A network, a pipeline that ends in one, a search that refitted one, or a
        TransformedTargetRegressor with one.
    needs : str
        Fitted attribute that the network must have.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    ValueError
        If the network does not have the attribute.
    """
    check_is_fitted(estimator)
    if isinstance(estimator, Pipeline):
        return fitted_network(estimator.steps[-1][1], needs)
    for name in ("best_estimator_", "regressor_"):
        if hasattr(estimator, name):
            return fitted_network(getattr(estimator, name), needs)
    if not hasattr(estimator, needs):
        raise ValueError(
            f"estimator must be a network with the fitted attribute {needs}, or a pipeline whose "
            f"last step is one, got {estimator!r}."
        )
    return estimator
