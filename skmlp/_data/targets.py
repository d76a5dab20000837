"""Checks targets of regression: numbers, but no dates or text that NumPy would convert."""

from typing import Any

import numpy as np
from sklearn.utils import check_array


def as_numbers(y: Any, name: str) -> np.ndarray:
    """Check targets and return them as numbers, in their own type; objects become float64.

    Raises
    ------
    TypeError
        If targets are dates, times, text or other objects.
    ValueError
        If targets are not finite, or no numbers.
    """
    y = check_array(y, ensure_2d=False, dtype=None, input_name=name)
    if y.dtype == object:
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name=name)
    check_numbers(y, name)
    return y


def check_numbers(y: np.ndarray, name: str) -> None:
    """Raise TypeError if targets are no numbers: NumPy would turn dates into days or seconds."""
    if y.dtype.kind in "biuf":
        return
    advice = {
        "M": " Dates can become the days since the first of them.",
        "m": " Durations can become seconds.",
        "U": " A classifier takes labels.",
    }
    text = f"{name} has the type {y.dtype}, expected numbers."
    raise TypeError(text + advice.get(y.dtype.kind, ""))
