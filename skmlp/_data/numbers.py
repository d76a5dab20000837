"""Encodes columns of numbers."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import gen_batches

from skmlp._data.columns import Column, numbers_of
from skmlp._data.quantiles import learn_quantiles, normal_scores
from skmlp._model.files import named_by_files
from skmlp.preprocessing import PeriodicFeatures, RobustSmoothScaler

_MAX_ABS = 3.0
_N_PERIODIC = 3
_VIEWS = ["quantile", *(f"periodic{index}" for index in range(_N_PERIODIC)), "robust"]
_CELLS_A_PART = 2**16
"""Cells encoded at a time: the temporary arrays of a part stay in the processor's cache.

On Zen 5, 100,000 rows of 20 columns took 474, 388 and 382 ms in parts of 2**13, 2**16 and 2**19
cells, and 56, 59 and 78 MB (``python -m benchmarks.sweeps``).
"""

_EXACT = 2**53  # float64 represents all integers up to this one
_HALF = 2**32
_NOISE = 1e-4
_IQR_OF_NORMAL = 1.349  # interquartile range of a standard normal distribution


@named_by_files
@dataclass(frozen=True)
class Numbers:
    """The statistics of columns of numbers.

    Each column has five outputs: the normal score of the quantile, three periodic features of this
    score, and the number itself, scaled and clipped smoothly. A column that was constant has none
    of these outputs. A missing number counts as the median. If some numbers of a column were
    missing, one more output is 1 for missing numbers and 0 for others.

    Parameters
    ----------
    offsets : list of int
        The integer to subtract from each column of integers before they become floats, which would
        lose the differences of large integers.
    scaler : RobustSmoothScaler
        Scales the columns without clipping.
    has_missing : ndarray of bool of shape (n_columns,)
        The columns with an output for missing numbers.
    varies : ndarray of bool of shape (n_columns,)
        The columns that were not constant.
    quantiles : ndarray of shape (n_quantiles, n_varying)
        Quantiles of the scaled columns that were not constant.
    periodic : PeriodicFeatures or None
        Periodic features of the scores; None if all columns were constant.
    """

    offsets: list[int]
    scaler: RobustSmoothScaler
    has_missing: np.ndarray
    varies: np.ndarray
    quantiles: np.ndarray
    periodic: PeriodicFeatures | None

    @property
    def n_outputs(self) -> int:
        """Number of outputs."""
        return int(len(_VIEWS) * self.varies.sum() + self.has_missing.sum())

    def names(self, names: list[str]) -> list[str]:
        """Return the names of the outputs, given the names of all columns."""
        columns = list(zip(names, self.varies, self.has_missing, strict=True))
        views = [f"{name}_{view}" for name, varies, _ in columns if varies for view in _VIEWS]
        return views + [f"{name}_missing" for name, _, has_missing in columns if has_missing]

    def write(self, columns: list[Column], outputs: np.ndarray) -> None:
        """Write the outputs for columns of samples."""
        X = block_of(columns, self.offsets)
        n_views = len(_VIEWS) * int(self.varies.sum())
        outputs[:, n_views:] = np.isnan(X[:, self.has_missing])
        if n_views:
            for rows in gen_batches(len(X), max(1, _CELLS_A_PART // X.shape[1])):
                self._write_views(X[rows], outputs[rows, :n_views])

    def _write_views(self, X: np.ndarray, outputs: np.ndarray) -> None:
        z = self.scaler.transform(X)[:, self.varies]
        np.nan_to_num(z, copy=False)  # the median is zero
        scores = normal_scores(z, self.quantiles)
        periodic = self.periodic.transform(scores.astype(np.float32))  # type: ignore[union-attr]
        outputs[:, :: len(_VIEWS)] = scores
        for index in range(_N_PERIODIC):
            outputs[:, index + 1 :: len(_VIEWS)] = periodic[:, index::_N_PERIODIC]
        outputs[:, len(_VIEWS) - 1 :: len(_VIEWS)] = z / np.hypot(1, z / _MAX_ABS)


def learn_numbers(columns: list[Column], random_state: np.random.RandomState) -> Numbers:
    """Return the statistics of one or more columns of numbers."""
    offsets = [_offset_of(column) for column in columns]
    X = block_of(columns, offsets)
    missing = np.isnan(X)
    scaler = RobustSmoothScaler(max_abs=None).set_output(transform="default").fit(X)
    varies = np.isfinite(scaler.scale_)
    quantiles, periodic = _learn_scores(scaler.transform(X)[:, varies], random_state)
    has_missing = missing.any(axis=0) & ~missing.all(axis=0)
    return Numbers(offsets, scaler, has_missing, varies, quantiles, periodic)


def _learn_scores(
    z: np.ndarray, random_state: np.random.RandomState
) -> tuple[np.ndarray, PeriodicFeatures | None]:
    """Return quantiles of scaled columns that vary, and periodic features of their scores."""
    if not z.shape[1]:
        return np.empty((1, 0)), None
    quantiles = learn_quantiles(z + _noise_for(z, random_state), random_state)
    seed = random_state.randint(np.iinfo(np.int32).max)
    periodic = PeriodicFeatures(n_components=_N_PERIODIC, random_state=seed)
    return quantiles, periodic.set_output(transform="default").fit(np.zeros_like(z[:1]))


def _noise_for(z: np.ndarray, random_state: np.random.RandomState) -> np.ndarray:
    """Return noise that makes equal numbers differ, and is small beside the standard deviation.

    If the interquartile range implies a smaller deviation, that one is used: otherwise a few huge
    numbers would drown the others in noise.
    """
    deviation = np.nanstd(z, axis=0)
    robust = np.diff(np.nanpercentile(z, [25, 75], axis=0), axis=0)[0] / _IQR_OF_NORMAL
    deviation = np.where(robust > 0, np.minimum(deviation, robust), deviation)
    return _NOISE * deviation * random_state.standard_normal(z.shape)


def block_of(columns: list[Column], offsets: list[int]) -> np.ndarray:
    """Return columns in float64, less their offsets, as one array with NaN for missing numbers."""
    block = np.empty((len(columns[0].values), len(columns)))
    for target, column, offset in zip(block.T, columns, offsets, strict=True):
        values, missing = numbers_of(column)
        target[:] = _difference(values, offset)
        if missing is not None:
            target[missing] = np.nan
    infinite = np.isinf(block).any(axis=0)
    if infinite.any():
        label = columns[int(infinite.argmax())].label
        raise ValueError(
            f"Column {label} contains infinity or a value too large for float64. Replace it, for "
            "example by NaN."
        )
    return block


def _offset_of(column: Column) -> int:
    """Return the median of integers that are too large for float64, or zero for other numbers."""
    values, missing = numbers_of(column)
    if values.dtype.kind not in "iu":
        return 0
    present = values if missing is None else values[~missing]
    if not len(present) or max(abs(int(present.min())), abs(int(present.max()))) <= _EXACT:
        return 0
    return int(np.sort(present)[len(present) // 2])


def _difference(values: np.ndarray, offset: int) -> np.ndarray:
    """Subtract an offset in float64, rounding only once, however large the numbers are."""
    if not offset:
        return values.astype(np.float64)
    values = values.astype({"f": np.float64, "u": np.uint64}.get(values.dtype.kind, np.int64))
    high, low = np.divmod(values, _HALF)  # float64 represents each half of 64 bits exactly
    offset_high, offset_low = divmod(offset, _HALF)
    return (high.astype(np.float64) - offset_high) * _HALF + (low.astype(np.float64) - offset_low)
