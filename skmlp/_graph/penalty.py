"""The squares of the weights, for the loss: added up elementwise, and summed once an epoch.

XLA does not vectorise a full reduction on a CPU, so that a plain sum of squares would cost as much
as a matrix product. Instead the rows of a weight matrix are folded into a few, which costs one
pass over it.
"""

from typing import Any

_MAX_FOLDS = 16

Tensor = Any


def shapes(coef_shapes: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the shapes of the folded squares of weights of some shapes."""
    return [(_fold_rows(n_rows), n_cols) for n_rows, n_cols in coef_shapes]


def fold_squares(tf: Any, coef: Tensor, infinity: Tensor) -> Tensor:
    """Return the squares of the weights, with rows of equal distance added up.

    The minimum with infinity keeps LLVM from fusing squares and sums, which it does in one place
    and not in another: the loss would depend on where a call ends.
    """
    infinity = tf.cast(infinity, coef.dtype)
    n_rows = coef.shape[0]
    step = _fold_rows(n_rows)
    parts = [coef[start : start + step] for start in range(0, n_rows - step + 1, step)]
    folded = sum(tf.minimum(part * part, infinity) for part in parts)
    if rest := n_rows % step:
        part = coef[n_rows - rest :]
        folded += tf.pad(tf.minimum(part * part, infinity), [[0, step - rest], [0, 0]])
    return folded


def _fold_rows(n_rows: int) -> int:
    """Return into how many rows as many are folded; if possible, so that none is left over."""
    folds = [n for n in range(1, _MAX_FOLDS + 1) if n_rows % n == 0]
    best = max(folds)
    return n_rows // best if best > 3 else -(-n_rows // _MAX_FOLDS)
