"""Checks that a checkpoint belongs to the fit that goes on from it."""

import hashlib
from collections.abc import Iterable
from numbers import Integral, Real
from pickle import PicklingError
from typing import Any

import joblib
import numpy as np
import scipy.sparse
from sklearn.utils import gen_batches

from skmlp._data.elsewhere import FeaturesElsewhere
from skmlp._model.records import Snapshot
from skmlp._program.schedules import class_of
from skmlp._training.plan import Plan

_FREE_PARAMS = {"max_iter", "verbose", "random_state"}
"""Parameters that may differ when training goes on, as they change no epoch.

`max_iter` does change epochs if the learning rate follows a schedule over the whole fit.
"""

_LATER_PARAMS = {"weight_decay", "label_smoothing", "dropout"}
"""Parameters that files of older versions do not have; 0 turns them off."""

_CELLS_A_PART = 2**18
"""Cells of an array that are hashed at a time: a part may be copied, and has 2 MB.

On Zen 5, hashing 20,000 x 784 values took 101, 96 and 115 ms in parts of 2**12, 2**18 and 2**24
cells, and 0, 4 and 239 MB of memory (``python -m benchmarks.sweeps``).
"""


def check_same_fit(snapshot: Snapshot, plan: Plan) -> None:
    """Raise ValueError if a snapshot does not belong to the fit of a plan."""
    saved, own = snapshot.fingerprint, fingerprint(plan)
    others = _differing(saved, own, saved.keys() | own.keys())
    if others:  # files of older versions have hashes of values that were not converted
        others = _differing(saved, _fingerprint_of_0_1_0(plan), others)
    if others:
        raise ValueError(
            "The checkpoint to resume from is of another fit. Expected the same data and "
            f"parameters, got others for: {', '.join(others)}. Pass resume=False or another "
            "path to start anew."
        )


def _differing(saved: dict[str, str], own: dict[str, str], names: Iterable[str]) -> list[str]:
    """Return the names whose hashes differ."""
    return sorted(name for name in names if saved.get(name) != own.get(name))


def fingerprint(plan: Plan) -> dict[str, str]:
    """Return hashes of the parameters and the data that a fit depends on.

    Equal values have the same hash, whatever their type and the layout of their memory.

    Raises
    ------
    ValueError
        If a parameter can't be pickled, so that no checkpoint can be written.
    """
    params = _params(plan) | {"hidden_layer_sizes": plan.architecture.layer_units[1:-1]}
    if "dropout" in params:
        params["dropout"] = plan.settings.regularisation.dropout
    hashes = {name: _hash(name, _plain(value)) for name, value in params.items()}
    dtype = plan.samples.dtype
    return hashes | {name: _digest(arrays, dtype) for name, arrays in _arrays(plan).items()}


def _params(plan: Plan) -> dict[str, Any]:
    """Return the parameters that a fit depends on, not converted."""
    given = plan.identity
    params = {
        name: value
        for name, value in given.items()
        if name not in _FREE_PARAMS and not _is_off(name, value)
    }
    if class_of(plan.settings.schedule).spans_fit:
        params["max_iter"] = plan.settings.max_iter
    if isinstance(given["random_state"], Integral):
        params["random_state"] = given["random_state"]
    if plan.architecture.own_out_activation is not None:
        params["out_activation_"] = plan.architecture.own_out_activation
    return params


def _is_off(name: str, value: Any) -> bool:
    return name in _LATER_PARAMS and not np.any(value)


def _plain(value: Any) -> Any:
    """Return the value in Python's own types: sequences as tuples, whole numbers as int."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, dict):
        return {_plain(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        return int(number) if number.is_integer() else number
    return str.__str__(value) if isinstance(value, str) else value


def _hash(name: str, part: Any) -> str:
    try:
        return joblib.hash(part, coerce_mmap=True)
    except (AttributeError, PicklingError, TypeError) as error:
        raise ValueError(
            f"{name}={part!r} can't be written to a checkpoint. Expected a value that can be "
            "pickled, such as a function of a module."
        ) from error


def _arrays(plan: Plan) -> dict[str, list[Any]]:
    """Return the arrays that a fit depends on, one or more for each name."""
    samples = plan.samples
    arrays = {"initial weights": plan.start.coefs + plan.start.intercepts}
    blocks = {"X": samples.X, "y": samples.targets, "sample_weight": samples.sample_weight}
    for name, parts in blocks.items():
        arrays |= {name + end: [part] for end, part in zip(("", "_val"), parts, strict=False)}
    return arrays


def _digest(arrays: list[Any], dtype: np.dtype) -> str:
    """Return a hash of the values of arrays, converted to a type unless they are bool."""
    digest = hashlib.blake2b(digest_size=16)
    for array in arrays:
        if isinstance(array, FeaturesElsewhere):
            digest.update(repr(array).encode())
            continue
        for part, of_type in _dense_parts(array, dtype):
            of_type = np.dtype(bool) if part.dtype == bool else of_type
            digest.update(f"{of_type} {part.shape} ".encode())
            n_columns = max(1, part[:1].size)
            for rows in gen_batches(len(part), max(1, _CELLS_A_PART // n_columns)):
                values = np.ascontiguousarray(part[rows], of_type)
                digest.update((values + of_type.type(0)).data)  # turns -0.0 into 0.0
    return digest.hexdigest()


def _dense_parts(array: Any, dtype: np.dtype) -> list[tuple[np.ndarray, np.dtype]]:
    """Return an array, or the parts of a sparse array, each with the type of its values.

    The parts of a sparse array have each entry once, in order, so that equal arrays are equal.
    """
    if not scipy.sparse.issparse(array):
        return [(array, dtype)]
    if not array.has_canonical_format:
        array = array.copy()
        array.sum_duplicates()
    index = np.dtype(np.int64)
    shape = np.array(array.shape)
    return [(shape, index), (array.data, dtype), (array.indices, index), (array.indptr, index)]


def _fingerprint_of_0_1_0(plan: Plan) -> dict[str, str]:
    """Return hashes as in the first builds of 0.1.0, which did not convert values."""
    params = {name: _hash(name, value) for name, value in _params(plan).items()}
    arrays = {
        name: [_as_joblib_hashes(array) for array in own] for name, own in _arrays(plan).items()
    }
    parts = {name: own if name == "initial weights" else own[0] for name, own in arrays.items()}
    return params | {name: _hash(name, part) for name, part in parts.items()}


def _as_joblib_hashes(array: Any) -> Any:
    if scipy.sparse.issparse(array):
        return [array.shape, array.data, array.indices, array.indptr]
    return array
