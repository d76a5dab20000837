"""Checks labels, compares them with the labels of an earlier fit, and encodes them as targets.

The `LabelBinarizer` of a fit holds the labels that it has learnt.
"""

from numbers import Number
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import type_of_target, unique_labels

from skmlp._data.columns import is_missing
from skmlp._warn import warn_user


def without_column(y: np.ndarray, name: str = "y") -> np.ndarray:
    """Make a column one-dimensional, with scikit-learn's warning; return any other y as it is."""
    if y.ndim != 2 or y.shape[1] != 1:
        return y
    warn_user(
        f"A column-vector {name} was passed when a 1d array was expected. Please change the shape "
        f"of {name} to (n_samples, ), for example using ravel().",
        DataConversionWarning,
    )
    return y.ravel()


def as_labels(y: Any, name: str = "y") -> np.ndarray:
    """Make a column of labels one-dimensional, with a warning, and sparse indicators dense.

    An array of objects that are numbers or booleans gets a numeric type, as scikit-learn requires.

    Raises
    ------
    TypeError
        If labels can't be sorted, such as text among numbers.
    ValueError
        If labels are missing.
    """
    if scipy.sparse.issparse(y):
        return y.toarray()
    y = without_column(y, name)
    if y.dtype != object:
        return y
    kinds = {type(label) for label in y.flat}
    if all(issubclass(kind, Number | np.bool_) for kind in kinds):
        numbers = np.array(y.tolist())
        # Large integers among floats would change their values.
        return numbers if numbers.tolist() == y.tolist() else y
    _check_kinds(y, kinds, name)
    return y


def _check_kinds(y: np.ndarray, kinds: set[type], name: str) -> None:
    """Raise an error if labels are missing or of several types; some labels are no numbers."""
    missing = sum(map(is_missing, y.flat))
    if missing:
        raise ValueError(f"{name} contains {missing} missing labels; expected a label everywhere.")
    if len(kinds) > 1 and not all(issubclass(kind, str) for kind in kinds):
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise TypeError(
            f"{name} has labels of several types: {names}. Expected one type, such as str: "
            f"{name}.astype(str) turns all labels into text."
        )


def plain_labels(y: np.ndarray) -> np.ndarray | None:
    """Return the labels in y if scikit-learn takes it for sure, and without a warning.

    These are integers, booleans or text in one dimension, with as many samples as labels twice.
    scikit-learn's checks take a tenth of `partial_fit` of a few rows.

    Returns
    -------
    ndarray of shape (n_labels,) or None
        The labels in order; None if scikit-learn has to look at y.
    """
    if y.ndim != 1 or not len(y) or y.dtype.kind not in "biuU":
        return None
    labels = np.asarray(list(np.unique(y)))  # text as short as scikit-learn makes it
    return labels if 2 * len(labels) <= len(y) else None


def plain_binarizer(labels: np.ndarray) -> LabelBinarizer:
    """Return the binarizer that is fitted to samples with these `plain_labels`."""
    binarizer = LabelBinarizer()
    binarizer.y_type_ = "multiclass" if len(labels) > 2 else "binary"
    binarizer.sparse_input_ = False
    binarizer.classes_ = labels
    return binarizer


def binarize(binarizer: LabelBinarizer, y: np.ndarray) -> np.ndarray:
    """Return the targets of checked labels, as from `LabelBinarizer` but of type bool."""
    if _is_multilabel(binarizer):
        return binarizer.transform(y).astype(bool)
    classes = binarizer.classes_
    positive = classes if len(classes) > 2 else classes[1:]
    return y[:, np.newaxis] == positive if len(positive) else np.zeros((len(y), 1), bool)


def check_same_labels(binarizer: LabelBinarizer, classes: np.ndarray, y: np.ndarray) -> None:
    """Check that y of a warm start has the kind and the classes of the earlier fit."""
    _check_same_kind(binarizer, y)
    labels = _unique_labels(y)
    if set(labels) != set(classes):
        raise ValueError(
            "warm_start can only be used where `y` has the same classes as in the previous "
            f"call to fit. Previously got {classes}, `y` has {labels}"
        )


def check_known_labels(binarizer: LabelBinarizer, classes: np.ndarray, y: np.ndarray) -> None:
    """Check that y of partial_fit has only classes of the first call."""
    _check_same_kind(binarizer, y)
    is_multilabel = _is_multilabel(binarizer)
    labels = classes if is_multilabel else _unique_labels(y)
    n_labels = y.shape[1] if is_multilabel else len(classes)
    unseen = set(labels.tolist()) - set(classes.tolist())
    if unseen or n_labels != len(classes):
        raise ValueError(
            f"`y` has classes not in `self.classes_`. `self.classes_` has {classes}. "
            f"'y' has {np.arange(n_labels) if is_multilabel else labels}."
        )


def check_validation_labels(binarizer: LabelBinarizer, classes: np.ndarray, y: np.ndarray) -> None:
    """Check that y_val has the kind of y, and only classes of y."""
    is_multilabel = _is_multilabel(binarizer)
    if is_multilabel != type_of_target(y, input_name="y_val").startswith("multilabel"):
        raise ValueError("y_val and y must both be indicator matrices, or neither.")
    if is_multilabel and y.shape[1] != len(classes):
        raise ValueError(f"y_val has {y.shape[1]} labels, expected {len(classes)} as in y.")
    if is_multilabel and not np.isin(y, (0, 1)).all():
        raise ValueError(f"y_val must be of 0 and 1, as an indicator matrix; got {np.unique(y)}.")
    unseen = set(np.unique(y).tolist()) - set(classes.tolist())
    if unseen and not is_multilabel:
        raise ValueError(
            f"y_val has labels that y does not have: {sorted(unseen, key=str)}; y has {classes}."
        )


def _check_same_kind(binarizer: LabelBinarizer, y: np.ndarray) -> None:
    """Check that y is multilabel, or is not, as before; a checked y in one dimension is not."""
    kind = "multiclass" if y.ndim == 1 else type_of_target(y)
    if _is_multilabel(binarizer) != kind.startswith("multilabel"):
        raise ValueError(
            "warm_start and partial_fit can only be used where `y` is of the same kind as in "
            "the previous call, multilabel or not. Previously got "
            f"{binarizer.y_type_}, `y` is {type_of_target(y)}."
        )


def _unique_labels(y: np.ndarray) -> np.ndarray:
    """Return the labels of a checked y; scikit-learn's function would check y again."""
    return np.unique(y) if y.ndim == 1 else unique_labels(y)


def _is_multilabel(binarizer: LabelBinarizer) -> bool:
    return binarizer.y_type_.startswith("multilabel")
