"""Lazy predictions for Dask collections, and scores of predictions."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.metrics import accuracy_score, r2_score

from skmlp._extras import import_extra
from skmlp.dask._collections import _delayed, _example, is_frame


def lazily(model: Any, method: str, X: Any) -> Any:
    """Return a dask array with the results of a method of a model for all partitions.

    Parameters
    ----------
    model : estimator
        A fitted plain estimator.
    method : str
        Name of the method.
    X : dask array or DataFrame
        Samples.
    """
    da = import_extra("dask.array", "dask", "skmlp.dask")
    dask = import_extra("dask", "dask", "skmlp.dask")
    if not is_frame(X):
        X = X.rechunk({1: -1})
    like = getattr(model, method)(_example(X))
    shared = dask.delayed(model)
    call = dask.delayed(_predict)
    parts = _delayed(X)
    lengths = [np.nan] * len(parts) if is_frame(X) else X.chunks[0]
    arrays = [
        da.from_delayed(call(shared, method, part), (length, *like.shape[1:]), dtype=like.dtype)
        for part, length in zip(parts, lengths, strict=True)
    ]
    return da.concatenate(arrays, allow_unknown_chunksizes=True)


def _predict(model: Any, method: str, X: Any) -> np.ndarray:
    """Return the result for a partition, which may have no rows."""
    if len(X):
        return getattr(model, method)(X)
    columns = getattr(X, "columns", None)
    zeros = np.zeros((1, X.shape[1]), getattr(X, "dtype", np.float64))
    if columns is not None:
        zeros = type(X)(zeros, columns=columns)
    return getattr(model, method)(zeros)[:0]


def score_of(model: Any, X: Any, y: Any, sample_weight: Any) -> float:
    """Return the accuracy or R2 of predictions. This process collects the predictions and y."""
    dask = import_extra("dask", "dask", "skmlp.dask")
    # One by one, because Dask warns if arrays and DataFrames are computed together.
    y, y_pred, weight = (
        dask.compute(each)[0] for each in (y, lazily(model, "predict", X), sample_weight)
    )
    metric = accuracy_score if is_classifier(model) else r2_score
    return float(metric(y, y_pred, sample_weight=weight))
