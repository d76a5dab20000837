"""Matrix products, some of them cut into pieces.

XLA has code of its own for products of a few dozen rows and columns, which for those of a small
network is up to twice as fast as Eigen, above all in float64. It takes what has at most 128 terms
a sum and 32 rows of 128 columns. Longer products are cut to it: they become one product of a batch
of pieces. Those that can't be are left to Eigen or YNNPACK. Here are the limits of that code;
`ProgramSpec` has which products gain by it.
"""

from typing import Any

Tensor = Any

_MAX_ROWS = 32
_MAX_COLUMNS = 128
_MAX_TERMS = 128
_MIN_SHARE = 0.5
"""A piece has at least this share of the most rows, or cutting does not pay."""


def multiply_by_few(tf: Any, left: Tensor, right: Tensor) -> Tensor:
    """Return ``left @ right``, cut between rows of ``left``, if ``right`` is small."""
    (n_rows, n_terms), n_columns = left.shape, right.shape[1]
    n_pieces = _count_pieces(n_rows, _MAX_ROWS)
    if n_pieces == 0 or n_terms > _MAX_TERMS or n_columns > _MAX_COLUMNS:
        return tf.matmul(left, right)
    pieces = tf.reshape(left, [n_pieces, -1, n_terms])
    products = tf.matmul(pieces, tf.broadcast_to(right, [n_pieces, n_terms, n_columns]))
    return tf.reshape(products, [n_rows, n_columns])


def multiply_transposed(tf: Any, left: Tensor, right: Tensor) -> Tensor:
    """Return ``left.T @ right``, cut between the terms of its sums if ``left`` is narrow."""
    (n_terms, n_rows), n_columns = left.shape, right.shape[1]
    n_pieces = _count_pieces(n_terms, _MAX_TERMS)
    if n_pieces == 0 or n_rows > _MAX_ROWS or n_columns > _MAX_COLUMNS:
        return tf.matmul(left, right, transpose_a=True)
    pieces = tf.transpose(tf.reshape(left, [n_pieces, -1, n_rows]), [0, 2, 1])
    products = tf.matmul(pieces, tf.reshape(right, [n_pieces, -1, n_columns]))
    return tf.reduce_sum(products, axis=0)


def _count_pieces(n: int, most: int) -> int:
    """Return the least number of equal pieces, none longer than the most; 0 if it is too many."""
    n_pieces = -(-n // most)
    while n % n_pieces:
        n_pieces += 1
    return n_pieces if n_pieces == 1 or n >= _MIN_SHARE * most * n_pieces else 0
