"""Splits Dask collections into partitions that belong together, without computing them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from skmlp._extras import import_extra


@dataclass(frozen=True)
class Parts:
    """The partitions of a set of samples.

    Parameters
    ----------
    parts : list of tuple
        For each partition its X, y and weights, as delayed objects. y and weights may be None.
    example : ndarray or DataFrame of shape (1, n_features)
        A made-up sample of X, with the names of the features if X has names.
    dtype : dtype
        The common type of all features.
    n_rows : int or None
        Number of samples, or None if it is unknown.
    places : list of str or None
        For each partition the worker that has the partition in memory, or None.
    """

    parts: list[tuple[Any, Any, Any]]
    example: Any
    dtype: np.dtype
    n_rows: int | None
    places: list[str | None]


def is_collection(X: Any) -> bool:
    """Tell whether an object is a Dask collection, without importing Dask."""
    return hasattr(X, "__dask_graph__") and hasattr(X, "to_delayed")


def is_frame(X: Any) -> bool:
    """Tell whether a collection is a Dask DataFrame or Series."""
    return hasattr(X, "npartitions") and hasattr(X, "divisions")


def collect_parts(client: Any, X: Any, y: Any, sample_weight: Any, suffix: str = "") -> Parts:
    """Return the partitions of X, y and the weights.

    Parameters
    ----------
    client : distributed.Client
        The client, which knows the partitions that each worker has in memory.
    X, y, sample_weight
        Dask collections. ``sample_weight`` may be None.
    suffix : str, default=""
        The suffix of the names of the arrays in errors.

    Raises
    ------
    TypeError
        If an array is not a Dask collection.
    ValueError
        If the partitions do not fit together, or an array has a wrong number of dimensions.
    """
    names = [f"{name}{suffix}" for name in ("X", "y", "sample_weight")]
    given = [X, y, sample_weight]
    for name, each in zip(names, given, strict=True):
        if each is None and name.startswith("sample_weight"):
            continue
        if not is_collection(each):
            raise TypeError(
                f"{name} must be a dask array, DataFrame or Series, got {type(each).__name__}. "
                "For arrays in the memory of this process use TFMLPClassifier or TFMLPRegressor."
            )
        allowed = (2,) if name.startswith("X") else (1, 2)
        if each.ndim not in allowed:
            expected = "2: samples and features" if allowed == (2,) else "1 or 2"
            raise ValueError(f"{name} has {each.ndim} dimensions, expected {expected}.")
    X, *others = _with_whole_rows(given, names)
    columns = [_delayed(each) if each is not None else None for each in (X, *others)]
    n_parts = len(columns[0] or [])
    for name, column in zip(names, columns, strict=True):
        if column is not None and len(column) != n_parts:
            raise ValueError(
                f"{name} has {len(column)} partitions, expected {n_parts} as in {names[0]}."
            )
    rows: list[Any] = [
        tuple(None if column is None else column[i] for column in columns) for i in range(n_parts)
    ]
    example = _example(X)
    n_rows = None if is_frame(X) or np.isnan(X.shape[0]) else int(X.shape[0])
    return Parts(rows, example, _dtype_of(X), n_rows, _places(client, X, columns[0] or []))


def _with_whole_rows(given: list[Any], names: list[str]) -> list[Any]:
    """Return the arrays in chunks of whole rows. Chunks of known size have the same rows as X."""
    X = given[0]
    arrays = []
    for name, each in zip(names, given, strict=True):
        if each is None or is_frame(each):
            arrays.append(each)
            continue
        if each.ndim == 2:
            if np.isnan(each.shape[1]):
                raise ValueError(
                    f"{name} has an unknown number of columns, expected a known number."
                )
            each = each.rechunk({1: -1})
        is_known = not is_frame(X) and not np.isnan([*X.chunks[0], *each.chunks[0]]).any()
        if is_known and each.shape[0] != X.shape[0]:
            raise ValueError(
                f"{name} has {each.shape[0]} samples, expected {X.shape[0]} as in {names[0]}."
            )
        arrays.append(each.rechunk({0: X.chunks[0]}) if is_known else each)
    return arrays


def _delayed(collection: Any) -> list[Any]:
    return list(np.ravel(np.asarray(collection.to_delayed(), dtype=object)))


def _example(X: Any) -> Any:
    """Return one made-up sample."""
    if is_frame(X):
        return X._meta_nonempty.iloc[:1]
    return np.zeros((1, int(X.shape[1])), X.dtype)


def _dtype_of(X: Any) -> np.dtype:
    """Return the common type of the numbers of all features."""
    if not is_frame(X):
        return np.dtype(X.dtype)
    kinds = [getattr(kind, "numpy_dtype", kind) for kind in X.dtypes]
    others = [
        name
        for name, kind in zip(X.columns, kinds, strict=True)
        if not isinstance(kind, np.dtype) or kind.kind not in "biuf"
    ]
    if others:
        raise ValueError(
            f"X has columns that are no numbers: {[str(name) for name in others]}. Expected "
            "numbers; encode categories and strings before."
        )
    return np.result_type(*kinds)


def _places(client: Any, X: Any, parts: list[Any]) -> list[str | None]:
    """Return for each partition the worker that has the partition in memory, or None."""
    distributed = import_extra("distributed", "dask", "skmlp.dask")
    futures = distributed.futures_of(X)
    if not futures:
        return [None] * len(parts)
    holders = {str(key): workers for key, workers in client.who_has(futures).items()}
    return [next(iter(holders.get(str(part.key), ())), None) for part in parts]
