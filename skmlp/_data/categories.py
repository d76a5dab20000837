"""Encodes a column of categories.

scikit-learn's `OneHotEncoder` takes no column of numbers and strings, has no single output of -1
and 1 for two categories, and can't encode unseen categories as zeros beside rare ones.
"""

from collections import Counter
from dataclasses import dataclass
from numbers import Number
from typing import Any

import numpy as np

from skmlp._data.columns import Column, is_missing, list_of
from skmlp._model.files import named_by_files

_NOT_SHOWN = -1
"""The level of a value whose outputs are all zero."""


@named_by_files
@dataclass(frozen=True)
class Categories:
    """The categories of a column.

    The levels are the categories, then all rare categories together, then missing values. Two
    levels have one output of -1 or 1. More levels have one output each, of 0 or 1. A single level
    has no output.

    Parameters
    ----------
    values : list
        The categories that have a level of their own.
    has_rare : bool
        Whether there were rare categories, which share a level with unseen categories.
    has_missing : bool
        Whether there were missing values.
    """

    values: list[Any]
    has_rare: bool
    has_missing: bool

    @property
    def n_levels(self) -> int:
        """Number of levels."""
        return len(self.values) + self.has_rare + self.has_missing

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return {0: 0, 1: 0, 2: 1}.get(self.n_levels, self.n_levels)

    def names(self, name: str) -> list[str]:
        """Return the names of the outputs of a column with this name."""
        levels = [
            *map(str, self.values),
            *["rare"] * self.has_rare,
            *["missing"] * self.has_missing,
        ]
        return [f"{name}_{level}" for level in levels[-self.n_outputs :] if self.n_outputs]

    def write(self, column: Column, outputs: np.ndarray) -> None:
        """Write the outputs for a column of samples."""
        if not self.n_outputs:
            return
        levels = self._levels_of(column)
        if self.n_outputs == 1:
            outputs[:, 0] = np.array([-1, 1, 0])[levels]
            return
        outputs[:] = 0
        shown = np.flatnonzero(levels != _NOT_SHOWN)
        outputs[shown, levels[shown]] = 1

    def _levels_of(self, column: Column) -> np.ndarray:
        levels = {value: level for level, value in enumerate(self.values)}
        values = list_of(column)
        try:
            found = [levels.get(value) for value in values]
        except TypeError as error:
            message = f"Column {column.label} holds a value that is no category: {error}."
            raise TypeError(message) from error
        for row, level in enumerate(found):
            if level is None:
                found[row] = self._level_of_other(values[row], levels)
        return np.array(found, dtype=np.intp)

    def _level_of_other(self, value: Any, levels: dict[Any, int]) -> int:
        if is_missing(value):
            return self.n_levels - 1 if self.has_missing else _NOT_SHOWN
        rare = len(self.values) if self.has_rare else _NOT_SHOWN
        return levels.get(_in_other_type(value), rare)


def learn_categories(column: Column, max_categories: int) -> Categories:
    """Return the categories of a column.

    If there are more than `max_categories`, only the most frequent ones have a level of their own,
    and only if they occur twice: a column of names or keys has one level, and so no outputs.
    """
    counts = Counter(list_of(column))
    missing = [value for value in counts if is_missing(value)]
    for value in missing:
        del counts[value]
    has_rare = len(counts) > max_categories
    if has_rare:
        ranked = sorted(counts, key=lambda value: (-counts[value], _order(value)))
        kept = [value for value in ranked[: max_categories - 1] if counts[value] > 1]
    return Categories(sorted(kept if has_rare else counts, key=_order), has_rare, bool(missing))


def _order(value: Any) -> tuple[bool, Any]:
    """Return a key that sorts numbers first, and other values by their text."""
    is_number = isinstance(value, Number)
    return (not is_number, value if is_number else str(value))


def _in_other_type(value: Any) -> Any:
    """Convert a string to a number, or a number to a string; return None if it can't be done."""
    is_number = isinstance(value, Number)
    if is_number:
        return str(int(value)) if value == value // 1 else str(value)
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
