"""Tells whether a checkpoint is of the fit that is to go on from it."""

from numbers import Integral, Real
from pickle import PicklingError
from typing import Any

import joblib
import scipy.sparse

from skmlp._model.records import Snapshot
from skmlp._program.schedules import class_of
from skmlp._training.plan import Plan

_FREE_PARAMS = {"max_iter", "verbose", "random_state"}
"""Parameters that may differ when training goes on: they change no epoch.

`max_iter` does change them where the learning rate follows a schedule over the whole fit.
"""

_LATER_PARAMS = {"weight_decay", "label_smoothing", "dropout"}
"""Parameters that the files of older versions do not know, which are off at 0."""


def check_same_fit(snapshot: Snapshot, fingerprint: dict[str, str]) -> None:
    """Raise ValueError if a snapshot is not of the fit with a fingerprint."""
    names = sorted(snapshot.fingerprint.keys() | fingerprint.keys())
    others = [name for name in names if snapshot.fingerprint.get(name) != fingerprint.get(name)]
    if others:
        raise ValueError(
            "The checkpoint to resume from is of another fit. Expected the same data and "
            f"parameters, got others for: {', '.join(others)}. Pass resume=False or another "
            "path to start anew."
        )


def fingerprint(plan: Plan) -> dict[str, str]:
    """Return hashes of the parameters and the data that a fit depends on.

    Raises
    ------
    ValueError
        If a parameter can't be pickled, which a checkpoint has to.
    """
    identity, samples = plan.identity, plan.samples
    parts = {
        name: value
        for name, value in identity.items()
        if name not in _FREE_PARAMS and not _is_off(name, value)
    }
    if class_of(plan.settings.schedule).spans_fit:
        parts["max_iter"] = plan.settings.max_iter
    if isinstance(identity["random_state"], Integral):
        parts["random_state"] = identity["random_state"]
    parts["initial weights"] = plan.start.coefs + plan.start.intercepts
    suffixes = ("", "_val")
    blocks = {"X": samples.X, "y": samples.targets, "sample_weight": samples.sample_weight}
    for name, arrays in blocks.items():
        parts |= {name + end: _arrays(array) for end, array in zip(suffixes, arrays, strict=False)}
    return {name: _hash(name, part) for name, part in parts.items()}


def _is_off(name: str, value: Any) -> bool:
    return name in _LATER_PARAMS and isinstance(value, Real) and value == 0


def _hash(name: str, part: Any) -> str:
    try:
        return joblib.hash(part, coerce_mmap=True)
    except (AttributeError, PicklingError, TypeError) as error:
        raise ValueError(
            f"{name}={part!r} can't be written to a checkpoint. Expected what can be pickled, such "
            "as a function of a module."
        ) from error


def _arrays(array: Any) -> Any:
    """Return the arrays that a sparse array consists of; any other as it is."""
    if scipy.sparse.issparse(array):
        return [array.shape, array.data, array.indices, array.indptr]
    return array
