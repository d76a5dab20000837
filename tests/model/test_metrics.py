"""Losses and scores on the host against sklearn.metrics."""

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import (
    log_loss,
    mean_poisson_deviance,
    mean_squared_error,
    r2_score,
)

from skmlp._model.metrics import mean_loss, score
from skmlp._model.network import Architecture


@pytest.mark.parametrize("n_classes", [2, 3])
def test_loss_and_accuracy_are_scikit_learns(n_classes):
    """Check the weighted cross-entropy and accuracy against sklearn.metrics."""
    rng = np.random.RandomState(0)
    y, weight = rng.randint(n_classes, size=20), rng.uniform(size=20)
    proba = softmax(rng.normal(size=(20, n_classes)), axis=1)
    expected = log_loss(y, proba, sample_weight=weight, labels=range(n_classes))
    is_correct = proba.argmax(axis=1) == y
    shapes = Architecture((1, n_classes), "relu", "cross_entropy")
    targets, outputs = np.eye(n_classes, dtype=bool)[y], proba
    if n_classes == 2:
        shapes = Architecture((1, 1), "relu", "binary_cross_entropy")
        targets, outputs = y[:, np.newaxis] == 1, proba[:, 1:]
    assert mean_loss(targets, outputs, weight, shapes) == pytest.approx(expected, rel=1e-12)
    share = (weight * is_correct).sum() / weight.sum()
    assert score(targets, outputs, weight, shapes) == pytest.approx(share, rel=1e-12)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_loss_and_r2_are_scikit_learns(loss, n_outputs):
    """Check R2 and both losses: half the mean squared error, half the summed deviance."""
    rng = np.random.RandomState(0)
    y, outputs = rng.poisson(2, size=(20, n_outputs)), rng.uniform(0.5, 3, size=(20, n_outputs))
    weight = rng.uniform(size=20)
    shapes = Architecture((1, n_outputs), "relu", loss)
    if loss == "squared_error":
        expected = mean_squared_error(y, outputs, sample_weight=weight) / 2
    else:
        deviances = [
            mean_poisson_deviance(*pair, sample_weight=weight)
            for pair in zip(y.T, outputs.T, strict=True)
        ]
        expected = sum(deviances) / 2
    assert mean_loss(y, outputs, weight, shapes) == pytest.approx(expected, rel=1e-12)
    expected = r2_score(y, outputs, sample_weight=weight)
    assert score(y, outputs, weight, shapes) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_r2_of_what_is_not_finite_is_nan(bad):
    """Check that R2 of numbers that are not finite raises no error."""
    outputs = np.array([[1.0], [bad]])
    shapes = Architecture((1, 1), "relu", "squared_error")
    assert np.isnan(score(np.ones((2, 1)), outputs, np.ones(2), shapes))
