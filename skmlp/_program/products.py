"""Matrix products, some of them cut into pieces.

XLA has code of its own for products of a few dozen rows and columns, which for those of a small
network is up to twice as fast as Eigen, above all in float64. It takes what has at most 128 terms
a sum and 32 rows of 128 columns. Longer products are cut to it: they become one product of a batch
of pieces. Those that can't be are left to Eigen or YNNPACK.

TensorFlow's Eigen computes with vectors of 256 bits, XLA's code with those of the processor. In
float64 one core of Zen 5 does 45 to 50 billion operations a second by Eigen and 85 to 98 by XLA's
code, so that wider matrices are cut there.
"""

from typing import Any

from skmlp._program.spec import ProgramSpec

Tensor = Any

_NARROW = 32
"""A side of so many units at most is the first of a weight matrix, and its product is cut.

Measured on Zen 4 with TensorFlow 2.21: breast cancer in float64 took 62 us a batch instead of 93,
iris 41 instead of 57; layers of 64 inputs (digits) gained nothing.
"""

_NARROW_WITH_WIDE_VECTORS = 64
"""The same in float64 where XLA computes with vectors of 512 bits.

Measured on Zen 5 with TensorFlow 2.21: digits in float64 took 74 us a batch instead of 87. In
float32, where Eigen is as fast, it took 38 instead of 34.
"""

_MAX_ROWS_WITH_WIDE_VECTORS = 256
"""With more rows a product by Eigen gains more by a second core than pieces do on one."""

_THIN = 3
"""With so many outputs at most, the product for the gradient gains by pieces at any size.

Measured as `_NARROW`; with 10 outputs 7 us of 260 were saved, for half a second of compilation.
"""

_MANY_TERMS = 50_000
"""A product with fewer terms is not cut: a piece takes up to 0.1 s to compile."""


def is_transposed(spec: ProgramSpec, layer: int) -> bool:
    """Tell whether the weights of a layer are transposed in the program.

    Eigen's products are up to 10 times faster if the last side of the weights is long, and
    faster if it is a multiple of 16, the width of its kernels. The first layer of sparse
    features needs a row for each of them.
    """
    fan_in, fan_out = spec.architecture.coef_shapes[layer]
    if fan_in <= _narrow_side(spec) or (spec.is_sparse and layer == 0):
        return False
    return fan_out <= _NARROW or _padding(fan_in) <= _padding(fan_out)


def _narrow_side(spec: ProgramSpec) -> int:
    """Return the most inputs of a layer with which its products are cut."""
    is_wide = spec.has_wide_vectors and spec.dtype == "float64"
    is_short = spec.batch_rows <= _MAX_ROWS_WITH_WIDE_VECTORS
    return _NARROW_WITH_WIDE_VECTORS if is_wide and is_short else _NARROW


def _padding(n_units: int) -> float:
    """Return how much longer a side is when it is rounded up to the width of a kernel."""
    return -(-n_units // 16) * 16 / n_units


def cuts_sums(spec: ProgramSpec, layer: int) -> bool:
    """Tell whether the product that makes the sums of a layer is cut into pieces."""
    fan_in, fan_out = spec.architecture.coef_shapes[layer]
    n_terms = spec.batch_rows * fan_in * fan_out
    return spec.cuts_products and fan_in <= _narrow_side(spec) and n_terms >= _MANY_TERMS


def cuts_gradient(spec: ProgramSpec, layer: int) -> bool:
    """Tell whether the product that makes the gradient of the weights of a layer is cut."""
    is_thin = spec.architecture.coef_shapes[layer][1] <= _THIN
    return cuts_sums(spec, layer) or (spec.cuts_products and is_thin)


def round_product(tf: Any, numbers: Any, product: Tensor) -> Tensor:
    """Return a product that is rounded to float64 before anything is added to it.

    LLVM fuses products and sums into one operation with a single rounding, where NumPy has two.
    Adam makes that last bit visible where weights shrink to nothing and where tanh saturates. A
    minimum with infinity changes no value, and is in the way of the fusion. In float32, which
    is not compared bit by bit, products stay fused.
    """
    return product if product.dtype == tf.float32 else tf.minimum(product, numbers.infinity)


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
    """Return ``left.T @ right``, cut between terms of its sums and columns of a narrow ``left``."""
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
    """Return the least number of equal pieces, none longer than the most; 0 if it is too many."""
    n_pieces = -(-n // most)
    while n % n_pieces:
        n_pieces += 1
    return n_pieces if n_pieces == 1 or n >= _MIN_SHARE * most * n_pieces else 0
