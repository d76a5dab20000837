"""Reads the columns of a table of pandas, polars or NumPy as numbers or as lists.

A DataFrame is recognised by its methods: neither pandas nor polars is imported.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from numbers import Number
from typing import Any, Literal

import numpy as np
from sklearn.utils import check_array

Kind = Literal["number", "boolean", "category"]

_KINDS: dict[str, Kind] = {
    "b": "boolean",
    **dict.fromkeys("iuf", "number"),
    **dict.fromkeys("UST", "category"),
}
"""The kind of a column by NumPy's letter for its type."""

_MISSING = ("NoneType", "NAType", "NaTType")
_TIMES = (date, time, timedelta, np.datetime64, np.timedelta64)


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    values : ndarray or Series
        The column as the table has it.
    label : str
        The name of the column in errors.
    """

    values: Any
    label: str

    @property
    def is_of_numpy(self) -> bool:
        """Whether the column has a type of NumPy, so that NumPy can use its memory."""
        return isinstance(self.values.dtype, np.dtype)

    @property
    def is_of_polars(self) -> bool:
        """Whether the column is a Series of polars."""
        return hasattr(self.values, "null_count")


def is_missing(value: Any) -> bool:
    """Tell whether a value is None, NaN, or NA or NaT of pandas."""
    if isinstance(value, float | np.floating | Decimal):
        return value != value
    return type(value).__name__ in _MISSING


def list_of(column: Column) -> list[Any]:
    """Return the values of a column as Python objects; raise TypeError for dates and times."""
    is_of_times = _letter_of(column) in "mM"  # `tolist` turns some of these into integers
    values = column.values.to_list() if column.is_of_polars else column.values.tolist()
    if is_of_times or any(map(_is_of_times, set(map(type, values)))):
        raise TypeError(_says_times(column.label))
    return values


def as_table(estimator: Any, X: Any, name: str = "X") -> Any:
    """Return X if it is a DataFrame that is not empty, or else as a two-dimensional array."""
    if not is_dataframe(X):
        return check_array(
            _as_array(X),
            dtype=None,
            ensure_all_finite=False,
            estimator=estimator,
            input_name=name,
        )
    for count, name in zip(X.shape, ("sample", "feature"), strict=True):
        if not count:
            raise ValueError(
                f"Found array with 0 {name}(s) (shape={X.shape}) while a minimum of 1 is required "
                f"by {type(estimator).__name__}."
            )
    return X


def columns_of(table: Any) -> list[Column]:
    """Return the columns of a table that `as_table` has returned."""
    if isinstance(table, np.ndarray):
        return [Column(values, str(index)) for index, values in enumerate(table.T)]
    columns = (
        [table.iloc[:, index] for index in range(table.shape[1])]
        if hasattr(table, "iloc")
        else table.get_columns()
    )
    names = zip(columns, table.columns, strict=True)
    return [Column(values, repr(name)) for values, name in names]


def kind_of(column: Column) -> Kind:
    """Return the kind of a column; raise TypeError if it can't be encoded."""
    letter = _letter_of(column)
    if letter in "OmM":
        return _kind_of_objects(list_of(column), column.label)
    if letter not in _KINDS:
        raise TypeError(
            f"Column {column.label} has type {column.values.dtype}, expected numbers, "
            "booleans, strings or categories."
        )
    return _KINDS[letter]


def numbers_of(column: Column) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the numbers of a column in a type of NumPy, and a mask of missing numbers.

    A missing number is NaN, or is zero and masked. The mask is None if nothing is masked.
    """
    letter = _letter_of(column)
    if letter not in "iuf":
        return _numbers_of_objects(list_of(column), column.label)
    if column.is_of_numpy:
        return np.asarray(column.values), None
    if column.is_of_polars:
        return _numbers_of_polars(column.values)
    missing = column.values.isna().to_numpy()
    dtype = {"i": np.int64, "u": np.uint64, "f": np.float64}[letter]
    return column.values.fillna(0).to_numpy(dtype=dtype), missing


def is_dataframe(X: Any) -> bool:
    """Tell whether X is a DataFrame of pandas or polars."""
    is_of_pandas = hasattr(X, "iloc") and getattr(X, "ndim", 0) == 2
    return is_of_pandas or hasattr(X, "get_columns")


def _as_array(X: Any) -> Any:
    """Return lists as an array of objects if NumPy would turn their numbers into strings."""
    if hasattr(X, "dtype") or not isinstance(X, Sequence):
        return X
    try:
        array = np.asarray(X)
    except ValueError:  # scikit-learn's check will raise it
        return X
    return np.array(X, dtype=object) if array.dtype.kind in "US" else array


def _letter_of(column: Column) -> str:
    """Return NumPy's letter for the type of a column; "O" if only its values tell."""
    dtype = column.values.dtype
    if not column.is_of_polars:
        return "U" if str(dtype) == "category" else getattr(dtype, "kind", "O")
    if dtype.is_numeric() or str(dtype) == "Null":
        return "f"
    name = str(dtype).partition("(")[0]
    letters = {"Boolean": "b", "String": "U", "Categorical": "U", "Enum": "U"}
    return "M" if dtype.is_temporal() else letters.get(name, "O")


def _is_of_times(kind: type) -> bool:
    name = kind.__name__
    return name == "Period" or (issubclass(kind, _TIMES) and name not in _MISSING)


def _kind_of_objects(values: list[Any], label: str) -> Kind:
    kinds = {type(value) for value in values if not is_missing(value)}
    for kind in kinds:
        if not issubclass(kind, Hashable) or issubclass(kind, complex):
            raise TypeError(
                f"Column {label} holds a {kind.__name__}; each argument must be a string or a real "
                "number, or another value that can be compared."
            )
    if kinds and kinds <= {bool, np.bool_}:
        return "boolean"
    return "number" if all(issubclass(kind, Number) for kind in kinds) else "category"


def _numbers_of_objects(values: list[Any], label: str) -> tuple[np.ndarray, np.ndarray]:
    missing = np.array([is_missing(value) for value in values])
    filled = [0 if hole else value for value, hole in zip(values, missing, strict=True)]
    try:
        numbers = np.array(filled)
        if numbers.dtype.kind not in "biuf":
            numbers = np.array(filled, np.float64)  # strings of numbers too
    except (OverflowError, TypeError, ValueError) as error:
        raise ValueError(
            f"Column {label} must hold numbers, as it is not a column of categories: {error}. "
            "Name columns of categories in `categorical_features`. With 'from_dtype', a column of "
            "categories has strings or categories in `fit`."
        ) from error
    return numbers, missing


def _numbers_of_polars(series: Any) -> tuple[np.ndarray, np.ndarray | None]:
    name = str(series.dtype)
    if name.startswith(("Decimal", "Int128", "UInt128", "Null")):
        series = series.cast(float)
    if not series.null_count():
        return series.to_numpy(), None
    return series.fill_null(0).to_numpy(), series.is_null().to_numpy()


def _says_times(label: str) -> str:
    return (
        f"Column {label} holds dates, times or durations, which have no encoding of their own. "
        "Replace it by the numbers that matter, such as the year, the hour or the days since a "
        "fixed date: in pandas, `df[name].dt.year` or `(df[name] - start).dt.days`."
    )
