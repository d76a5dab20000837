"""Sizes, initial weights, the forward pass."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.special import expit, softmax

from skmlp._model.network import (
    Architecture,
    Parameters,
    check_hidden_layer_sizes,
    forward,
    initialise,
)
from tests.helpers import LOSS_OF


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        (5, (5,)),
        ((5, 3), (5, 3)),
        ([5], (5,)),
        ((), ()),
        (np.array([4, 2]), (4, 2)),
        (np.array(4), (4,)),
    ],
)
def test_hidden_layer_sizes_become_a_tuple(sizes, expected):
    """Check the forms that scikit-learn accepts."""
    assert check_hidden_layer_sizes(sizes) == expected


@pytest.mark.parametrize("sizes", [(5, 0), (-1,), [3, -2]])
def test_sizes_below_one_are_refused(sizes):
    """Check the message of scikit-learn."""
    with pytest.raises(ValueError, match="hidden_layer_sizes must be > 0, got"):
        check_hidden_layer_sizes(sizes)


@pytest.mark.parametrize(
    "sizes", [(5.5,), ("a",), ((3, 4),), ((3, 4), 5), (True,), (None,), {3}, {3: 4}]
)
def test_sizes_that_are_no_integers_are_refused(sizes):
    """Check that nothing is rounded or guessed."""
    with pytest.raises(
        ValueError, match="hidden_layer_sizes must be an int or a sequence of ints, got"
    ):
        check_hidden_layer_sizes(sizes)


def test_architecture_counts_parameters():
    """Check shapes and count of a network that can be counted by hand."""
    architecture = Architecture((4, 3, 2), "relu", "cross_entropy")
    assert architecture.coef_shapes == [(4, 3), (3, 2)]
    assert architecture.intercept_shapes == [(3,), (2,)]
    assert architecture.n_parameters == 4 * 3 + 3 + 3 * 2 + 2


@pytest.mark.parametrize(("activation", "factor"), [("relu", 6), ("logistic", 2)])
def test_glorot_uniform_keeps_its_bound(activation, factor):
    """Check the range of weights and biases, and that they reach the bound."""
    architecture = Architecture((300, 200, 10), activation, "cross_entropy")
    drawn = initialise(architecture, "glorot_uniform", np.random.RandomState(0), np.float64)
    bound = np.sqrt(factor / 500)
    for values in (drawn.coefs[0], drawn.intercepts[0]):
        assert np.abs(values).max() <= bound
        assert np.abs(values).max() > 0.95 * bound


def test_truncated_normal_is_cut_at_two_deviations():
    """Check range, biases and deviation, which the cut at 2 deviations shrinks to 0.8796."""
    architecture = Architecture((400, 300, 10), "relu", "cross_entropy")
    drawn = initialise(architecture, "truncated_normal", np.random.RandomState(0), np.float32)
    assert drawn.coefs[0].dtype == np.float32
    assert np.abs(drawn.coefs[0]).max() <= 0.02
    assert drawn.coefs[0].std() == pytest.approx(0.01 * 0.8796, rel=0.01)
    assert all((intercept == 0).all() for intercept in drawn.intercepts)


HIDDEN = {
    "identity": lambda z: z,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
}


OUT = {
    "softmax": lambda z: softmax(z, axis=1),
    "logistic": expit,
    "identity": lambda z: z,
    "exp": np.exp,
}


@pytest.mark.parametrize("activation", HIDDEN)
@pytest.mark.parametrize("out_activation", OUT)
def test_forward_is_the_formula(activation, out_activation):
    """Check the outputs of a network of two layers against the formula."""
    rng = np.random.RandomState(0)
    shapes = Architecture((4, 3, 2), activation, LOSS_OF[out_activation])
    weights = Parameters(
        [rng.normal(size=s) for s in shapes.coef_shapes], [rng.normal(size=3), rng.normal(size=2)]
    )
    X = rng.normal(size=(5, 4))
    hidden = HIDDEN[activation](X @ weights.coefs[0] + weights.intercepts[0])
    logits = hidden @ weights.coefs[1] + weights.intercepts[1]
    expected = OUT[out_activation](logits)
    before = X.copy()
    np.testing.assert_allclose(
        forward(X, weights, activation, out_activation), expected, rtol=1e-13
    )
    np.testing.assert_allclose(
        forward(csr_array(X), weights, activation, out_activation), expected, rtol=1e-13
    )
    np.testing.assert_array_equal(X, before)


def test_softmax_does_not_overflow():
    """Check logits beyond the range of exp."""
    weights = Parameters([np.array([[1e4, -1e4]])], [np.zeros(2)])
    np.testing.assert_array_equal(
        forward(np.ones((1, 1)), weights, "relu", "softmax"), [[1.0, 0.0]]
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_parameters_know_whether_they_are_finite(bad):
    """Check weights and biases."""
    good = np.ones((2, 2))
    assert Parameters([good], [good[0]]).are_finite()
    assert not Parameters([good * bad], [good[0]]).are_finite()
    assert not Parameters([good], [good[0] * bad]).are_finite()
