"""All private or experimental names of scikit-learn that the package uses.

scikit-learn may rename or move these names in any release, so that a new release is tried here
first. A test checks that no other module uses such names.
"""

from typing import Any

from sklearn.base import _fit_context as fit_context
from sklearn.callback import CallbackContext, CallbackSupportMixin  # experimental in 1.9
from sklearn.utils._param_validation import Interval, Options, StrOptions, validate_params
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call as check_partial_fit_first_call,
)
from sklearn.utils.validation import (
    _check_categorical_features as check_categorical_features,
)
from sklearn.utils.validation import _check_feature_names as check_feature_names
from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in
from sklearn.utils.validation import _check_sample_weight as check_sample_weight
from sklearn.utils.validation import _get_feature_names as get_feature_names

__all__ = [
    "CallbackContext",
    "CallbackSupportMixin",
    "Interval",
    "Options",
    "StrOptions",
    "accepts_sample_weight",
    "callbacks_of",
    "check_categorical_features",
    "check_feature_names",
    "check_feature_names_in",
    "check_partial_fit_first_call",
    "check_sample_weight",
    "fit_context",
    "get_feature_names",
    "init_callback_context",
    "validate_params",
    "without_running_callbacks",
]


def accepts_sample_weight(scorer: Any) -> bool | None:
    """Tell whether a scorer of scikit-learn takes sample weights; None for other callables."""
    accepts = getattr(scorer, "_accept_sample_weight", None)
    return None if accepts is None else bool(accepts())


def callbacks_of(estimator: Any) -> list[Any]:
    """Return the callbacks that `set_callbacks` has put on an estimator."""
    return list(getattr(estimator, "_skl_callbacks", None) or [])


def init_callback_context(estimator: Any, max_subtasks: int) -> CallbackContext:
    """Return the context of a fit, which calls the callbacks of the estimator."""
    return estimator._init_callback_context(max_subtasks=max_subtasks)


def without_running_callbacks(estimator: Any) -> Any:
    """Remove the callbacks of a running fit from an estimator, and return the estimator."""
    for name in (
        "_skl_callbacks",
        "_callback_fit_ctx",
        "_skl_callbacks_to_teardown",
        "_parent_callback_ctx",
    ):
        vars(estimator).pop(name, None)
    return estimator
