"""Reads data that are larger than memory."""

import os
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from skmlp._data.disk import array_on_disk
from skmlp._extras import import_extra

__all__ = ["from_parquet"]

_ROWS_A_PART = 2**16
"""Rows read at a time, to bound the memory for them.

On Zen 5, a million rows of ten columns took 51, 55 and 46 ms in parts of 2**13, 2**16 and 2**19
rows, no more apart than two runs (``python -m benchmarks.sweeps``).
"""


def from_parquet(
    path: str | os.PathLike[str],
    *,
    target: str | Sequence[str],
    columns: Sequence[str] | None = None,
    dtype: str | None = None,
    directory: str | os.PathLike[str] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Read samples from Parquet into an array on disk, for `fit` to train on.

    The files are read once, some row groups at a time, and written to a file that is mapped into
    memory. Neither this function nor `fit` holds the whole file in memory. The file has no name:
    its space is free again when the array is deleted, or the process ends in any way.

    Parameters
    ----------
    path : str or path-like
        A file of Parquet, or a directory of such files, which are read in the order of their names.

    target : str or sequence of str
        The column of labels or target values, or several of them.

    columns : sequence of str, default=None
        The columns of features, in the order of the features. None takes all columns but `target`.

    dtype : {'float32', 'float64'}, default=None
        The type of the features. None is float32 if all columns are float32 or narrower, else
        float64.

    directory : str or path-like, default=None
        A directory on a disk with room for the features. None is the one for temporary files.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        The features, mapped into memory, read-only.
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
        The labels or target values, in memory.

    Raises
    ------
    ImportError
        If pyarrow is not installed.
    OSError
        If the file does not exist, or the directory has no room.
    ValueError
        If a column does not exist or has missing values, or if a feature is no number. Encode
        categories, strings and dates, or use `TabularMLPClassifier`.

    See Also
    --------
    skmlp.TFMLPClassifier.fit : Trains on arrays on disk without reading them as a whole.
    skmlp.dask.DaskTFMLPClassifier : Trains on several machines.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> from sklearn.datasets import load_iris
    >>> from skmlp import TFMLPClassifier
    >>> from skmlp.data import from_parquet
    >>> path = Path(tempfile.mkdtemp()) / "iris.parquet"
    >>> load_iris(as_frame=True).frame.to_parquet(path)  # doctest: +SKIP
    >>> X, y = from_parquet(path, target="target")  # doctest: +SKIP
    >>> X.shape  # doctest: +SKIP
    (150, 4)
    >>> clf = TFMLPClassifier(max_iter=500).fit(X, y)  # doctest: +SKIP
    """
    ds = import_extra("pyarrow.dataset", "parquet", "from_parquet")
    dataset = ds.dataset(os.fspath(path), format="parquet")
    targets = [target] if isinstance(target, str) else list(target)
    features = _features(dataset.schema, targets, columns)
    kind = _dtype(dataset.schema, features, dtype)
    n_rows = dataset.count_rows()
    where = tempfile.gettempdir() if directory is None else os.fspath(directory)
    X = array_on_disk(where, (n_rows, len(features)), kind)
    y = []
    start = 0
    for batch in _batches(dataset, [*features, *targets]):
        _check_complete(batch)
        rows = X[start : start + batch.num_rows]
        for number, name in enumerate(features):
            rows[:, number] = batch.column(name).to_numpy(zero_copy_only=False)
        y.append([batch.column(name).to_numpy(zero_copy_only=False) for name in targets])
        start += batch.num_rows
    X.flags.writeable = False
    parts = [np.concatenate(part) for part in zip(*y, strict=True)]
    return X, parts[0] if isinstance(target, str) else np.column_stack(parts)


def _features(schema: Any, targets: list[str], columns: Sequence[str] | None) -> list[str]:
    """Check and return the names of the columns of features."""
    if columns is not None and isinstance(columns, str):
        raise ValueError(f"columns must be a sequence of names, got {columns!r}.")
    given = [name for name in schema.names if name not in targets]
    features = given if columns is None else list(columns)
    missing = [name for name in [*targets, *features] if name not in schema.names]
    if missing:
        raise ValueError(f"There are no columns {missing}; the files have {schema.names}.")
    both = [name for name in features if name in targets]
    if both:
        raise ValueError(f"columns and target have the same names: {both}.")
    if not features:
        raise ValueError(f"There are no columns but the target {targets}.")
    return features


def _dtype(schema: Any, features: list[str], dtype: str | None) -> np.dtype:
    """Check that features are numbers, and return their type."""
    types = import_extra("pyarrow.types", "parquet", "from_parquet")
    kinds = {name: schema.field(name).type for name in features}
    others = {
        name: str(kind)
        for name, kind in kinds.items()
        if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))
    }
    if others:
        raise ValueError(
            f"There are columns that are no numbers: {others}. Encode these columns, leave them "
            "out of `columns`, or fit TabularMLPClassifier or TabularMLPRegressor, which accept "
            "such columns, on a part of the data."
        )
    if dtype not in (None, "float32", "float64"):
        raise ValueError(f"dtype must be 'float32', 'float64' or None, got {dtype!r}.")
    if dtype is not None:
        return np.dtype(dtype)
    numbers = [np.dtype(kind.to_pandas_dtype()) for kind in kinds.values()]
    return np.result_type(np.float32, *numbers)


def _batches(dataset: Any, names: list[str]) -> Any:
    """Return an iterator over parts of the samples that reads few parts ahead."""
    return dataset.to_batches(
        columns=names, batch_size=_ROWS_A_PART, batch_readahead=2, fragment_readahead=1
    )


def _check_complete(batch: Any) -> None:
    missing = [name for name in batch.schema.names if batch.column(name).null_count]
    if missing:
        raise ValueError(
            f"There are missing values in the columns {missing}; expected none. Fill them, or fit "
            "TabularMLPClassifier or TabularMLPRegressor, which accept missing values, on a part "
            "of the data."
        )
