"""Averages the outputs of several networks of one shape, in NumPy."""

import threading
from dataclasses import dataclass
from functools import partial

import numpy as np

from skmlp._blas import single_threaded
from skmlp._model.activations import ACTIVATIONS
from skmlp._threads import share_work

_ROWS_A_PART = 64
"""Rows computed at a time, for all networks: the values of 64 rows stay in a core's cache.

On two cores of Zen 5, 10,000 rows and 20 networks took 182, 143, 141 and 195 ms in parts of 16, 64,
256 and 1024 rows (``python -m benchmarks.sweeps``).
"""

_FEW_ROWS = 256
"""Up to this number of rows, predictions are computed in float64.

In float32, BLAS rounds a row differently by its place among other rows: by up to 1e-6, seen with
OpenBLAS on Haswell and Zen. In float64 the difference is 1e-15, and few rows take no longer.
"""


_HELPERS = threading.Lock()
"""Held by the call that uses helper threads, as two calls at once would use too many."""


@dataclass(frozen=True)
class Members:
    """Several networks of one shape.

    Parameters
    ----------
    coefs : list of ndarray of shape (n_members, fan_in, fan_out)
        Weight matrices, first layer first.
    intercepts : list of ndarray of shape (n_members, fan_out)
        Bias vectors, first layer first.
    """

    coefs: list[np.ndarray]
    intercepts: list[np.ndarray]

    def astype(self, dtype: np.dtype) -> "Members":
        """Return the networks in another type."""
        coefs = [coef.astype(dtype) for coef in self.coefs]
        return Members(coefs, [intercept.astype(dtype) for intercept in self.intercepts])


def mean_outputs(
    X: np.ndarray,
    members: Members,
    activation: str,
    out_activation: str,
    temperature: float = 1.0,
    n_threads: int = 1,
) -> np.ndarray:
    """Return the outputs, averaged over the networks.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Features, in float32.
    members : Members
        The networks.
    activation, out_activation : str
        Activation functions of the hidden layers and of the output layer.
    temperature : float, default=1.0
        Divisor of the sums of the last layer.
    n_threads : int, default=1
        Threads that share the rows. If another call is using them, this call uses one thread.

    Returns
    -------
    outputs : ndarray of shape (n_samples, n_outputs)
        Mean of the values of the last layer, in float64.
    """
    if len(X) <= _FEW_ROWS:
        X, members = X.astype(np.float64), members.astype(np.dtype(np.float64))
    compute = partial(_mean_outputs, members, activation, out_activation, temperature)
    parts = [X[start : start + _ROWS_A_PART] for start in range(0, len(X), _ROWS_A_PART)]
    if len(X) <= _FEW_ROWS or n_threads < 2 or not _HELPERS.acquire(blocking=False):
        return np.concatenate([compute(part) for part in parts])
    try:
        # Our threads call BLAS with one thread each: activations take as long as the products of
        # BLAS, and only our threads share them.
        with single_threaded():
            return np.concatenate(share_work(compute, parts, n_threads))
    finally:
        _HELPERS.release()


def _mean_outputs(
    members: Members, activation: str, out_activation: str, temperature: float, X: np.ndarray
) -> np.ndarray:
    values, last = X, len(members.coefs) - 1
    for layer, (coefs, intercepts) in enumerate(
        zip(members.coefs, members.intercepts, strict=True)
    ):
        values = values @ coefs
        values += intercepts[:, np.newaxis]
        if layer < last:
            ACTIVATIONS[activation].apply(values)
    outputs = values.reshape(-1, values.shape[-1])
    if temperature != 1:
        outputs /= outputs.dtype.type(temperature)
    ACTIVATIONS[out_activation].apply(outputs)
    return outputs.reshape(values.shape).mean(axis=0, dtype=np.float64)
