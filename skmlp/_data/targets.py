"""Targets of regression: numbers, and nothing that NumPy would make numbers of."""

from typing import Any

import numpy as np
from sklearn.utils import check_array


def as_numbers(y: Any, name: str) -> np.ndarray:
    """Return checked targets as an array of numbers, in their type; those of objects in float64.

    Raises
    ------
    TypeError
        If they are dates, times, text or other objects.
    ValueError
        If they are not finite, or no numbers.
    """
    y = check_array(y, ensure_2d=False, dtype=None, input_name=name)
    if y.dtype == object:
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name=name)
    check_numbers(y, name)
    return y


def check_numbers(y: np.ndarray, name: str) -> None:
    """Raise TypeError if targets are no numbers: NumPy makes days or seconds of dates."""
    if y.dtype.kind in "biuf":
        return
    advice = {
        "M": " Of dates these may be the days since one of them.",
        "m": " Of durations these may be seconds.",
        "U": " A classifier takes labels.",
    }
    text = f"{name} has the type {y.dtype}, expected numbers."
    raise TypeError(text + advice.get(y.dtype.kind, ""))
