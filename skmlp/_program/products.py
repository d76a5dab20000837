"""Matrix products, some of them cut into pieces.

XLA has its own code for products of a few dozen rows and columns. In small networks this code is up
to twice as fast as Eigen, above all in float64. It takes products of at most 32 rows and 128
columns, with at most 128 terms a sum. Longer products are cut: they become one product of a batch
of pieces. Products that can't be cut are left to Eigen or YNNPACK.

TensorFlow's Eigen computes with vectors of 256 bits, XLA's code with the vectors of the processor.
In float64 one core of Zen 5 does 45 to 50 billion operations a second by Eigen, and 85 to 98 by
XLA's code. On such processors products of wider matrices are cut too.
"""

from typing import Any

from skmlp._program.spec import ProgramSpec

Tensor = Any

_NARROW = 32
"""A side of at most this many units comes first in a weight matrix of the program.

The products of a layer with at most this many inputs are cut. Measured on Zen 4 with TensorFlow
2.21: a batch of breast cancer in float64 took 62 us instead of 93, a batch of iris 41 instead of
57. Layers of 64 inputs (digits) gained nothing.
"""

_NARROW_WITH_WIDE_VECTORS = 64
"""The largest number of inputs in float64, if XLA computes with vectors of 512 bits.

Measured on Zen 5 with TensorFlow 2.21: a batch of digits in float64 took 74 us instead of 87. In
float32, where Eigen is as fast, cutting made it slower: 38 us instead of 34.
"""

_MAX_ROWS_WITH_WIDE_VECTORS = 256
"""For batches of more rows, Eigen on two cores gains more than pieces on one core.

Measured on Zen 5: a batch of 100, 160, 208, 224, 256, 400 and 1024 rows in the shape of digits in
float64 took 77, 113, 146, 170, 191, 318 and 669 us in pieces on one core, and 90, 130, 165, 165,
181, 263 and 566 us by Eigen on two (``python -m benchmarks.sweeps``).
"""

_THIN = 3
"""With at most this many outputs, the product for the gradient gains by pieces at any size.

Measured as for `_NARROW`: with 10 outputs pieces saved 7 of 260 us, and took half a second to
compile.
"""

_MANY_TERMS = 50_000
"""A product with fewer terms is not cut. A product in pieces takes up to 0.1 s to compile.

On Zen 5, cutting the products of 4 inputs and 50 units saved 3, 2, 3 and 6 us of a batch of 50,
100, 200 and 400 rows (10,000 to 80,000 terms), which took 14, 22, 38 and 47 us (``python -m
benchmarks.sweeps``). A fit of iris has a few hundred batches, and would gain less than a
millisecond.
"""


def is_transposed(spec: ProgramSpec, layer: int) -> bool:
    """Tell whether the weights of a layer are transposed in the program.

    Eigen's products are up to 10 times faster if the last side of the weights is long. They are
    also faster if this side is a multiple of 16, the width of Eigen's kernels. The first layer of
    sparse features needs a row of weights for each feature.
    """
    fan_in, fan_out = spec.architecture.coef_shapes[layer]
    if fan_in <= _narrow_side(spec) or (spec.is_sparse and layer == 0):
        return False
    return fan_out <= _NARROW or _padding(fan_in) <= _padding(fan_out)


def _narrow_side(spec: ProgramSpec) -> int:
    """Return the largest number of inputs of a layer with which its products are cut."""
    is_wide = spec.has_wide_vectors and spec.dtype == "float64"
    is_short = spec.batch_rows <= _MAX_ROWS_WITH_WIDE_VECTORS
    return _NARROW_WITH_WIDE_VECTORS if is_wide and is_short else _NARROW


def _padding(n_units: int) -> float:
    """Return the factor by which a side grows when it is rounded up to the width of a kernel."""
    return -(-n_units // 16) * 16 / n_units


def cuts_sums(spec: ProgramSpec, layer: int) -> bool:
    """Tell whether the product that makes the sums of a layer is cut into pieces."""
    fan_in, fan_out = spec.architecture.coef_shapes[layer]
    n_terms = spec.batch_rows * fan_in * fan_out
    return spec.cuts_products and fan_in <= _narrow_side(spec) and n_terms >= _MANY_TERMS


def cuts_gradient(spec: ProgramSpec, layer: int) -> bool:
    """Tell whether the product that makes the gradient of a layer's weights is cut into pieces."""
    is_thin = spec.architecture.coef_shapes[layer][1] <= _THIN
    return cuts_sums(spec, layer) or (spec.cuts_products and is_thin)


def round_product(tf: Any, numbers: Any, product: Tensor) -> Tensor:
    """Return a product that is rounded to float64 before anything is added to it.

    LLVM fuses a product and a sum into one operation with a single rounding; NumPy rounds twice.
    Adam makes this difference in the last bit visible where weights shrink to nothing and where
    tanh saturates. A minimum with infinity changes no value, and prevents the fusion. Products in
    float32, whose bits are not compared, stay fused.
    """
    return product if product.dtype == tf.float32 else tf.minimum(product, numbers.infinity)


_MAX_ROWS = 32
_MAX_COLUMNS = 128
_MAX_TERMS = 128
"""With `_MAX_ROWS` and `_MAX_COLUMNS`, the largest product that XLA's own code takes."""

_MIN_SHARE = 0.5
"""Pieces have at least this share of the largest size. Cutting into smaller pieces may not pay.

Measured on Zen 5 with layers of 30, 100 and 2 units in float64: a batch of 102 rows took 33 us in
pieces of 17 rows, and 37 uncut. Pieces of 14, 13, 11 and 2 rows took 26, 30, 28 and 54 us, and 29,
27, 31 and 30 us uncut, for 70, 65, 77 and 74 rows (``python -m benchmarks.sweeps``).
"""


def multiply_by_few(tf: Any, left: Tensor, right: Tensor) -> Tensor:
    """Return ``left @ right``. If ``right`` is small, ``left`` is cut between its rows."""
    (n_rows, n_terms), n_columns = left.shape, right.shape[1]
    n_pieces = _count_pieces(n_rows, _MAX_ROWS)
    if n_pieces == 0 or n_terms > _MAX_TERMS or n_columns > _MAX_COLUMNS:
        return tf.matmul(left, right)
    pieces = tf.reshape(left, [n_pieces, -1, n_terms])
    products = tf.matmul(pieces, tf.broadcast_to(right, [n_pieces, n_terms, n_columns]))
    return tf.reshape(products, [n_rows, n_columns])


def multiply_transposed(tf: Any, left: Tensor, right: Tensor) -> Tensor:
    """Return ``left.T @ right``, cut between the terms of its sums and the columns of ``left``."""
    (n_terms, n_rows), n_columns = left.shape, right.shape[1]
    n_sums, n_bands = _count_pieces(n_terms, _MAX_TERMS), _count_pieces(n_rows, _MAX_ROWS)
    if n_sums == 0 or n_bands == 0 or n_columns > _MAX_COLUMNS:
        return tf.matmul(left, right, transpose_a=True)
    if n_bands == 1:
        pieces = tf.transpose(tf.reshape(left, [n_sums, -1, n_rows]), [0, 2, 1])
        products = tf.matmul(pieces, tf.reshape(right, [n_sums, -1, n_columns]))
        return tf.reduce_sum(products, axis=0)
    bands = tf.reshape(left, [n_sums, -1, n_bands, n_rows // n_bands])
    factors = tf.reshape(right, [n_sums, 1, -1, n_columns])
    shape = [n_sums, n_bands, n_terms // n_sums, n_columns]
    products = tf.matmul(tf.transpose(bands, [0, 2, 3, 1]), tf.broadcast_to(factors, shape))
    return tf.reshape(tf.reduce_sum(products, axis=0), [n_rows, n_columns])


def _count_pieces(n: int, most: int) -> int:
    """Return the smallest number of equal pieces of at most ``most``; 0 if they get too short."""
    n_pieces = -(-n // most)
    while n % n_pieces:
        n_pieces += 1
    return n_pieces if n_pieces == 1 or n >= _MIN_SHARE * most * n_pieces else 0
