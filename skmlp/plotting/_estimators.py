"""The network in an estimator that holds one."""

from typing import Any

from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted


def fitted_network(estimator: Any, needs: str) -> Any:
    """Return the fitted network in an estimator.

    Parameters
    ----------
    estimator : estimator
        A network, or what holds one: a pipeline that ends in it, a search that refitted, a
        TransformedTargetRegressor.
    needs : str
        Fitted attribute that the network has to have.

    Raises
    ------
    NotFittedError
        If it is not fitted.
    ValueError
        If there is no such attribute.
    """
    check_is_fitted(estimator)
    if isinstance(estimator, Pipeline):
        return fitted_network(estimator.steps[-1][1], needs)
    for name in ("best_estimator_", "regressor_"):
        if hasattr(estimator, name):
            return fitted_network(getattr(estimator, name), needs)
    if not hasattr(estimator, needs):
        raise ValueError(
            f"estimator must be a network with the fitted attribute {needs}, or hold one as the "
            f"last step of a pipeline, got {estimator!r}."
        )
    return estimator
