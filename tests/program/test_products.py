"""Matrix products that are cut into pieces, compared with NumPy's."""

from dataclasses import replace

import numpy as np
import pytest

from skmlp import TFMLPClassifier
from skmlp._model.network import Architecture
from skmlp._program.products import (
    _count_pieces,
    cuts_gradient,
    cuts_sums,
    is_transposed,
    multiply_by_few,
    multiply_transposed,
)
from skmlp._program.spec import ProgramSpec
from skmlp._tensorflow import flags
from skmlp._tensorflow import loading as _tensorflow
from tests.helpers import fit_quietly, load, run_python

SHAPES = [
    (200, 30, 100),  # cut: 8 pieces of 25 rows, 2 of 100 terms
    (160, 4, 3),
    (32, 32, 128),
    (33, 32, 128),
    (1, 1, 1),
    (149, 5, 7),  # a prime number
    (96, 33, 10),  # no equal bands of enough columns
    (200, 64, 100),  # two bands of 32 columns for the gradient
    (256, 48, 128),
    (96, 10, 129),  # too many columns
    (2048, 30, 100),
]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("n_rows", "n_inner", "n_columns"), SHAPES)
def test_pieces_make_up_the_product(n_rows, n_inner, n_columns, dtype):
    """Check both products; infinity and NaN are where NumPy has them."""
    tf = _tensorflow.load()
    rng = np.random.RandomState(0)
    eps = 4 * np.finfo(dtype).eps
    left = rng.standard_normal((n_rows, n_inner)).astype(dtype)
    left[0, 0] = np.nan
    right = rng.standard_normal((n_inner, n_columns)).astype(dtype)
    product = multiply_by_few(tf, tf.constant(left), tf.constant(right)).numpy()
    assert product.dtype == dtype
    with np.errstate(invalid="ignore"):
        expected = left.astype(float) @ right
    np.testing.assert_allclose(product, expected, rtol=n_inner * eps, atol=n_inner * eps)
    other = rng.standard_normal((n_rows, n_columns)).astype(dtype)
    other[-1, -1] = np.inf
    product = multiply_transposed(tf, tf.constant(left), tf.constant(other)).numpy()
    assert product.dtype == dtype
    with np.errstate(invalid="ignore"):
        expected = left.T.astype(float) @ other
    np.testing.assert_allclose(product, expected, rtol=n_rows * eps, atol=n_rows * eps)


@pytest.mark.parametrize(
    ("n", "most", "expected"),
    [(1, 32, 1), (32, 32, 1), (33, 32, 0), (64, 32, 2), (200, 32, 8), (160, 32, 5), (149, 32, 0)]
    + [(34, 32, 2), (37, 32, 0), (200, 128, 2), (150, 128, 2), (131, 128, 0)],
)
def test_pieces_are_equal_and_neither_too_long_nor_too_many(n, most, expected):
    n_pieces = _count_pieces(n, most)
    assert n_pieces == expected
    if n_pieces:
        assert n % n_pieces == 0
        assert n / n_pieces <= most


@pytest.mark.parametrize(
    ("name", "batch_size"), [("iris", "auto"), ("breast_cancer", 64), ("digits", "auto")]
)
def test_to_cut_products_changes_rounding_only(name, batch_size, monkeypatch):
    X, y = load(name)
    params = {"max_iter": 20, "random_state": 0, "batch_size": batch_size, "dtype": "float64"}
    fitted = []
    for cuts in (True, False):
        monkeypatch.setattr(flags, "cuts_products", lambda cuts=cuts: cuts)
        monkeypatch.setattr(flags, "has_wide_vectors", lambda cuts=cuts: cuts)
        fitted.append(fit_quietly(TFMLPClassifier(**params), X, y))
    for one, other in zip(fitted[0].coefs_, fitted[1].coefs_, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize(
    ("units", "sums", "gradients"),
    [
        ((30, 100, 1), [True, False], [True, True]),
        ((4, 100, 3), [True, False], [True, True]),
        ((64, 100, 10), [False, False], [False, False]),
        ((64, 10, 10), [False, False], [False, False]),  # few terms
        ((4, 32, 32, 1), [False, True, False], [False, True, True]),
    ],
)
def test_layers_of_narrow_input_are_cut_where_it_pays(units, sums, gradients):
    """Check that few are cut: each cut product takes up to 0.1 s to compile."""
    architecture = Architecture(units, "relu", "binary_cross_entropy")
    spec = ProgramSpec(architecture, "float64", "adam", False, 200, 8, 4, cuts_products=True)
    layers = range(len(units) - 1)
    assert [cuts_sums(spec, layer) for layer in layers] == sums
    assert [cuts_gradient(spec, layer) for layer in layers] == gradients
    uncut = replace(spec, cuts_products=False)
    assert not any(cuts_sums(uncut, layer) or cuts_gradient(uncut, layer) for layer in layers)


@pytest.mark.parametrize(
    ("dtype", "batch_rows", "expected"),
    [("float64", 200, True), ("float32", 200, False), ("float64", 2048, False)],
)
def test_wide_vectors_cut_layers_of_up_to_64_inputs(dtype, batch_rows, expected):
    """Check that only float64 in small batches is cut, where Eigen's two threads gain little."""
    architecture = Architecture((64, 100, 10), "relu", "cross_entropy")
    spec = ProgramSpec(architecture, dtype, "adam", False, batch_rows, 8, 4, cuts_products=True)
    spec = replace(spec, has_wide_vectors=True)
    assert cuts_sums(spec, 0) == cuts_gradient(spec, 0) == expected
    assert not cuts_sums(spec, 1)
    assert is_transposed(spec, 0) != expected


CUTS = """
import warnings
warnings.simplefilter("ignore")
from sklearn.datasets import load_iris
from skmlp import TFMLPClassifier
from skmlp._engine import program_cache as _programs
{before}
TFMLPClassifier(max_iter=2).fit(*load_iris(return_X_y=True))
print([spec.cuts_products for spec in _programs.PROGRAMS._programs])
"""


@pytest.mark.tensorflow_internals
@pytest.mark.parametrize(
    ("before", "given", "expected"),
    [
        ("", None, True),
        ("", "--xla_cpu_multi_thread_eigen=true", False),
        # It is too late for flags: XLA may have read them.
        ("import tensorflow as tf; tf.constant(1.0)", None, False),
    ],
)
def test_products_are_cut_only_where_the_flags_are_ours(before, given, expected):
    """Check that no pieces are left to Eigen, which is slower at them."""
    done = run_python(CUTS.format(before=before), XLA_FLAGS=given)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == str([expected])
