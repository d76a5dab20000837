"""Adds advice to errors about values that are no numbers."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier

from skmlp._data.columns import Column, columns_of, is_dataframe, kind_of

_NO_NUMBER = re.compile(r"string to float|float\(\) argument|could not be promoted|strings")
"""Texts in the errors of NumPy and scikit-learn about values that are no numbers."""

_MAX_NAMED = 5


_REGRESSION = "A regressor expects numbers as y; a classifier takes labels."


@contextmanager
def explaining_text(X: Any, estimator: BaseEstimator) -> Iterator[None]:
    """Name the columns of text in an error about values of X that are no numbers."""
    with _adding(lambda: _advice(X, is_classifier(estimator))):
        yield


@contextmanager
def explaining_targets() -> Iterator[None]:
    """Add advice to an error about targets of regression that are no numbers."""
    with _adding(lambda: _REGRESSION):
        yield


@contextmanager
def _adding(advice_on: Callable[[], str]) -> Iterator[None]:
    try:
        yield
    except (TypeError, ValueError) as error:
        advice = advice_on() if _NO_NUMBER.search(str(error)) else ""
        if not advice:
            raise
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{error}. {advice}") from error


def _advice(X: Any, is_classification: bool) -> str:
    """Return advice about columns of text, dates or objects; "" if there are none."""
    text, others = [], []
    for column in _columns(X):
        try:
            if kind_of(column) == "category" and not _is_convertible(column):
                text.append(column.label)
        except TypeError as error:  # dates, times and other objects
            others.append(str(error))
    advice = others[:1]
    if text:
        named = ", ".join(text[:_MAX_NAMED]) + (", ..." if len(text) > _MAX_NAMED else "")
        tabular = f"TabularMLP{'Classifier' if is_classification else 'Regressor'}"
        advice.append(
            f"Expected numbers, got text or categories in {len(text)} of the columns: {named}. "
            "Encode them, for example by OneHotEncoder in make_column_transformer, or use "
            f"{tabular}, which takes a table as it is."
        )
    return " ".join(advice)


def _columns(X: Any) -> list[Column]:
    if is_dataframe(X):
        return columns_of(X)
    try:
        table = np.asarray(X, dtype=object)
    except ValueError:  # rows of different lengths
        return []
    return columns_of(table) if table.ndim == 2 else []


def _is_convertible(column: Column) -> bool:
    try:
        np.asarray(column.values, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return True
