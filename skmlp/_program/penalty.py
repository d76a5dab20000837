"""The squares of the weights, for the loss: added elementwise for each batch, summed once an epoch.

XLA does not vectorise the sum of a whole array on a CPU: a plain sum of squares would take as long
as a matrix product. Instead the rows of a large weight matrix are folded into a few rows, which
takes one pass over the matrix.

The loss of a batch contains the squares of the weights before its update. These squares are added
directly after the previous update, so that each update may overwrite the weights.
"""

from typing import Any

from skmlp._program.layout import Layout

_MAX_FOLDS = 16
"""The largest number of rows that are folded into one row.

On Zen 5, a batch of 100 rows in MNIST's shape took 296, 292, 285 and 294 us with 1, 4, 16 and 64
(``python -m benchmarks.sweeps``).
"""

Tensor = Any


def shapes(layout: Layout) -> list[tuple[int, ...]]:
    """Return the shapes of the folded squares of the joined arrays. Biases have no squares."""
    n_coefs = layout.n_small_coefs
    folded: list[tuple[int, ...]] = [(_fold_rows(n), m) for n, m in layout.shapes[:-1]]
    return folded + ([(n_coefs,)] if n_coefs else [])


def add_squares(
    tf: Any, layout: Layout, sums: list[Tensor], params: list[Tensor], scale: Tensor
) -> list[Tensor]:
    """Add the squares of the weights times a scale. A scale of 0 adds 0, even for NaN weights."""
    folded = [_fold_squares(tf, coef) for coef in params[:-1]]
    if n_coefs := layout.n_small_coefs:
        folded.append(params[-1][:n_coefs] * params[-1][:n_coefs])
    return [_add(tf, total, square, scale) for total, square in zip(sums, folded, strict=True)]


def _add(tf: Any, total: Tensor, square: Tensor, scale: Tensor) -> Tensor:
    scale = tf.cast(scale, total.dtype)
    return total + tf.where(scale > 0, scale * square, tf.zeros_like(square))


def _fold_squares(tf: Any, coef: Tensor) -> Tensor:
    """Return the squares of the weights. Rows that lie `_fold_rows` apart are added up."""
    n_rows = coef.shape[0]
    step = _fold_rows(n_rows)
    parts = [coef[start : start + step] for start in range(0, n_rows - step + 1, step)]
    folded = sum(part * part for part in parts)
    if rest := n_rows % step:
        part = coef[n_rows - rest :]
        folded += tf.pad(part * part, [[0, step - rest], [0, 0]])
    return folded


def _fold_rows(n_rows: int) -> int:
    """Return the number of rows after folding. If possible, it divides ``n_rows``."""
    folds = [n for n in range(1, _MAX_FOLDS + 1) if n_rows % n == 0]
    best = max(folds)
    return n_rows // best if best > 3 else -(-n_rows // _MAX_FOLDS)
