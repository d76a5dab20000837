"""Encodes a table of any columns as a matrix of float32 for a network."""

from collections.abc import Iterator
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skmlp._data.categories import learn_categories
from skmlp._data.columns import Column, as_table, columns_of, kind_of
from skmlp._data.numbers import learn_numbers
from skmlp._model.files import named_by_files
from skmlp._sklearn import (
    Interval,
    StrOptions,
    check_categorical_features,
    check_feature_names_in,
    fit_context,
)


@named_by_files
class TableEncoder(TransformerMixin, BaseEstimator):
    """Encode a table of numbers and categories as float32.

    A column of numbers becomes five outputs: the quantile, mapped to a normal distribution; three
    periodic features of this value; and the number scaled by robust statistics and clipped
    smoothly. A missing number counts as the median. If numbers were missing in `fit`, one more
    output marks missing numbers. A column that was constant in `fit` does not have the five
    outputs.

    A column of two categories becomes one output of -1 or 1. More categories have one output each,
    of 0 or 1. If values were missing in `fit`, missing values are one more category. If `fit` has
    not seen a category, or has seen no missing value, then all outputs of the column are 0 for it.
    If there are more than `max_categories`, only the most frequent categories have their own
    output, and only if they occur more than once. All other categories, and those that `fit` has
    not seen, share one output. A column of names or keys thus has no output.

    A column of numbers has at most 6 outputs, and a column of categories at most
    ``max_categories + 1``. A table of constants has a single output, which is zero.

    Parameters
    ----------
    categorical_features : "from_dtype" or array-like of {bool, int, str}, default="from_dtype"
        The columns of categories, as in `HistGradientBoostingClassifier`: a mask, indices or
        names, or None if there are none. "from_dtype" takes columns of strings, of categories, and
        of objects that are not all numbers. Columns of booleans are always encoded as categories.

    max_categories : int, default=100
        Upper limit to the number of outputs for the categories of a column, at least 2.

    random_state : int, RandomState instance or None, default=None
        Draws the periodic features, and the noise that makes equal numbers differ.

    Attributes
    ----------
    is_categorical_ : ndarray of bool of shape (n_features_in_,) or None
        The columns that are encoded as categories. None if there are none.

    categories_ : list of ndarray
        The categories with their own output, for each column of categories, without missing values.

    n_features_in_ : int
        Number of columns seen in `fit`.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns seen in `fit`. Defined only if all of them are strings.

    n_features_out_ : int
        Number of outputs.

    Notes
    -----
    Dates and times raise an error, and so do infinity and sparse matrices.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "max_categories": [Interval(Integral, 2, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        categorical_features: Any = "from_dtype",
        max_categories: int = 100,
        random_state: Any = None,
    ) -> None:
        self.categorical_features = categorical_features
        self.max_categories = max_categories
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the statistics of each column."""
        table = as_table(self, X)
        validate_data(self, table, skip_check_array=True)
        columns = columns_of(table)
        is_categorical = self._find_categorical(table, columns)
        self.is_categorical_ = is_categorical if is_categorical.any() else None
        numeric, categorical = self._split(columns)
        random_state = check_random_state(self.random_state)
        self._numbers = learn_numbers(numeric, random_state) if numeric else None
        self._categories = [learn_categories(each, self.max_categories) for each in categorical]
        self.categories_ = [
            np.fromiter(each.values, object, len(each.values)) for each in self._categories
        ]
        self.n_features_out_ = max(1, sum(part.n_outputs for part, _ in self._parts(columns)))
        return self

    def transform(self, X: Any) -> Any:
        """Return the outputs for samples, in float32."""
        check_is_fitted(self)
        table = as_table(self, X)
        validate_data(self, table, reset=False, skip_check_array=True)
        return self.encode(table)

    def encode(self, table: Any) -> np.ndarray:
        """Return the outputs for a checked table as an array, whatever `set_output` says."""
        outputs = np.zeros((len(table), self.n_features_out_), np.float32)
        start = 0
        for part, columns in self._parts(columns_of(table)):
            part.write(columns, outputs[:, start : start + part.n_outputs])
            start += part.n_outputs
        return outputs

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the outputs: the name of a column, and the kind of output."""
        check_is_fitted(self)
        features = list(check_feature_names_in(self, input_features))
        names = [name for part, own in self._parts(features) for name in part.names(own)]
        return np.array(names or ["constant"], dtype=object)

    def _find_categorical(self, table: Any, columns: list[Column]) -> np.ndarray:
        """Return a mask of columns of categories; raise TypeError if one can't be encoded."""
        kinds = np.array([kind_of(column) for column in columns])
        if isinstance(self.categorical_features, str):  # "from_dtype"
            return kinds != "number"
        declared = check_categorical_features(table, self.categorical_features)
        return (kinds == "boolean") | (declared if declared is not None else False)

    def _split(self, columns: list[Any]) -> tuple[list[Any], list[Any]]:
        """Split items, one for each column, into those of numbers and those of categories."""
        if self.is_categorical_ is None:
            return columns, []
        pairs = list(zip(columns, self.is_categorical_, strict=True))
        return [each for each, is_ in pairs if not is_], [each for each, is_ in pairs if is_]

    def _parts(self, columns: list[Any]) -> Iterator[tuple[Any, Any]]:
        """Yield each encoder with its items, from items of all columns."""
        numeric, categorical = self._split(columns)
        if self._numbers is not None:
            yield self._numbers, numeric
        yield from zip(self._categories, categorical, strict=True)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []  # always float32
        return tags
