"""Checks arrays, names them in errors, and restores an estimator after a failure."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_array

from skmlp._sklearn import check_feature_names, check_sample_weight, get_feature_names
from skmlp._warn import warn_user


@dataclass(frozen=True)
class ValidationSet:
    """The validation set that a user gave to fit, unchecked."""

    X: Any = None
    y: Any = None
    sample_weight: Any = None

    def check_complete(self) -> None:
        """Raise ValueError if only a part of the validation set was given."""
        if (self.X is None) != (self.y is None):
            given, missing = ("X_val", "y_val") if self.y is None else ("y_val", "X_val")
            raise ValueError(f"{given} was given without {missing}; expected both or neither.")
        if self.X is None and self.sample_weight is not None:
            raise ValueError("sample_weight_val was given without X_val and y_val.")


NO_VALIDATION_SET = ValidationSet()


MAX_CONVERTED_BYTES = 2**27
"""The largest copy of X in another type. A larger X is converted in parts, to save memory.

On Zen 5, a fit of 20 MB of uint8, which have 157 MB in float64, took 59 MB in parts, and 206 MB as
a whole. Parts are not slower: two epochs took 232 ms, and 259 ms (``python -m benchmarks.sweeps``).
A smaller copy is made as a whole, by scikit-learn's check, as that is the plain way.
"""

_ROWS_A_PART = 8192
"""Rows checked at a time, to bound the memory for their absolute values.

On Zen 5, a check of 100,000 x 100 values took 5, 4, 5 and 48 ms in parts of 2**7, 2**10, 2**13 and
2**16 rows, and 0, 1, 6 and 50 MB (``python -m benchmarks.sweeps``).
"""


def is_too_large_to_convert(X: Any, accepted: Any) -> bool:
    """Tell whether X is an array of numbers whose copy in an accepted type would be large."""
    if not isinstance(X, np.ndarray) or X.ndim != 2 or X.dtype.kind not in "biuf":
        return False
    dtype = training_dtype(X, accepted)
    return dtype != X.dtype and X.size * dtype.itemsize > MAX_CONVERTED_BYTES


def refuse_dask(arrays: dict[str, Any], estimator: str) -> None:
    """Raise TypeError for a Dask collection: NumPy would load all of it on this machine.

    Parameters
    ----------
    arrays : dict of str to object
        The arguments of a fit, by name.
    estimator : str
        The name of the class.
    """
    for name, array in arrays.items():
        if hasattr(array, "__dask_graph__"):
            raise TypeError(
                f"{name} is a collection of Dask's, which {estimator} does not take. Use "
                f"skmlp.dask.Dask{estimator}, which trains on the cluster, or {name}.compute()."
            )


def training_dtype(X: Any, accepted: Any) -> np.dtype:
    """Return the type to train in: the type of X if accepted, or the first accepted type."""
    dtypes = [
        np.dtype(dtype) for dtype in (accepted if isinstance(accepted, tuple) else [accepted])
    ]
    return X.dtype if X.dtype in dtypes else dtypes[0]


def check_fits(X: Any, dtype: np.dtype) -> None:
    """Raise ValueError if a value of X is too large for the type to train in."""
    if X.dtype.kind != "f" or X.dtype.itemsize <= dtype.itemsize:
        return
    largest = np.finfo(dtype).max
    for start in range(0, X.shape[0], _ROWS_A_PART):
        if np.abs(X[start : start + _ROWS_A_PART]).max() > largest:
            raise ValueError(f"X contains infinity or a value too large for {dtype!r}.")


def is_ready_to_predict(estimator: BaseEstimator, X: Any, accepted: Any) -> bool:
    """Tell whether X can be used as it is; scikit-learn's check costs more than predicting a row.

    If it can't, scikit-learn's check converts X or raises an error.
    """
    return _are_numbers(X, accepted) and _has_features_of(estimator, X) and _is_finite(X)


def are_ready_to_train(
    estimator: BaseEstimator, X: Any, y: Any, accepted: Any, reset: bool
) -> bool:
    """Tell whether X and y can be used as they are, and learn the number of features if `reset`.

    scikit-learn's check takes an eighth of `partial_fit` of a few rows.
    """
    is_ready = (
        _are_numbers(X, accepted)
        and (reset or _has_features_of(estimator, X))
        and type(y) is np.ndarray
        and y.ndim in (1, 2)
        and y.size > 0
        and len(y) == len(X)
        and (y.dtype.kind in "biuU" or (y.dtype.kind == "f" and _is_finite(y)))
        and _is_finite(X)
    )
    if is_ready and reset:
        vars(estimator).pop("feature_names_in_", None)
        estimator.n_features_in_ = X.shape[1]
    return is_ready


def _are_numbers(X: Any, accepted: Any) -> bool:
    """Tell whether X is a table in an accepted type, and an array of NumPy's and nothing else."""
    dtypes = accepted if isinstance(accepted, tuple) else (accepted,)
    return type(X) is np.ndarray and X.ndim == 2 and X.size > 0 and X.dtype in dtypes


def _has_features_of(estimator: BaseEstimator, X: np.ndarray) -> bool:
    is_named = hasattr(estimator, "feature_names_in_")
    return X.shape[1] == estimator.n_features_in_ and not is_named


def _is_finite(array: np.ndarray) -> bool:
    """Tell whether all is finite, for sure: a sum may overflow."""
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(array.sum()))


def check_weight(sample_weight: Any, X: Any, dtype: np.dtype, name: str) -> np.ndarray:
    """Check and return the weights, in the type to train in; without weights return ones."""
    if sample_weight is None:
        return np.ones(X.shape[0], dtype)
    with naming_errors(name), np.errstate(over="ignore"):
        weight = check_sample_weight(sample_weight, X, dtype=dtype, ensure_non_negative=True)
        if not np.isfinite(weight.sum()):
            raise ValueError(f"the sum is too large for {dtype}, expected smaller weights.")
        return weight


def check_validation_features(estimator: BaseEstimator, X_val: Any, X: Any, dtype: np.dtype) -> Any:
    """Check and return the features of a validation set, in the type and format of X."""
    # A value that overflows float32 raises an error; a warning of NumPy adds nothing.
    with naming_errors("X_val"), np.errstate(over="ignore"):
        check_names_of_validation_set(estimator, X_val)
        X_val = check_array(X_val, accept_sparse="csr", dtype=dtype, input_name="X_val")
        check_number_of_features(X_val, X.shape[1])
    if scipy.sparse.issparse(X):
        return scipy.sparse.csr_array(X_val)
    return X_val.toarray() if scipy.sparse.issparse(X_val) else X_val


def check_names_of_validation_set(estimator: BaseEstimator, X_val: Any) -> None:
    """Check the feature names of X_val; scikit-learn's own check would warn about "X"."""
    fitted, names = getattr(estimator, "feature_names_in_", None), get_feature_names(X_val)
    if fitted is None and names is not None:
        warn_user("X_val has feature names, but X has none")
    elif fitted is not None and names is None:
        warn_user("X_val does not have valid feature names, but X has feature names")
    else:
        check_feature_names(estimator, X_val, reset=False)


def check_number_of_features(X_val: Any, n_features: int) -> None:
    """Check that X_val has as many features as X."""
    if X_val.shape[1] != n_features:
        raise ValueError(f"X_val has {X_val.shape[1]} features, expected {n_features} as in X.")


def as_csr_array(X: Any) -> Any:
    """Return a sparse matrix as a sparse array on the same memory; return other X as it is."""
    return scipy.sparse.csr_array(X) if scipy.sparse.issparse(X) else X


@contextmanager
def naming_errors(name: str, *others: str) -> Iterator[None]:
    """Put the name of an array before an error that has none of the given names."""
    try:
        yield
    except (OverflowError, TypeError, ValueError) as error:
        if "NA is ambiguous" in str(error):  # from comparing pandas.NA
            raise ValueError(f"{name} contains missing values (NA).") from error
        is_named = any(re.search(rf"\b{known}\b", str(error)) for known in (name, *others))
        if is_named and not isinstance(error, OverflowError):
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{name}: {error}") from error


def name_of_bad_array(X: Any, y: Any) -> str:
    """Return the name of the array, X or y, that scikit-learn's check refuses."""
    is_numeric = isinstance(X, np.ndarray) and X.dtype.kind in "biuf"
    try:
        X = check_array(X, accept_sparse="csr", dtype=None if is_numeric else np.float64)
    except (OverflowError, TypeError, ValueError):
        return "X"
    try:
        y = check_array(y, accept_sparse="csr", dtype=None, ensure_2d=False)
    except (OverflowError, TypeError, ValueError):
        return "y"
    return "y" if X.shape[0] == y.shape[0] else "X and y"


@contextmanager
def unchanged_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Restore an estimator and its RandomState if the block raises."""
    before = dict(vars(estimator))
    random_state = estimator.random_state
    drawn = random_state.get_state() if isinstance(random_state, np.random.RandomState) else None
    try:
        yield
    except BaseException:
        if drawn is not None:
            random_state.set_state(drawn)
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
