"""The schedules of the learning rate, against scikit-learn's optimizer."""

import numpy as np
import pytest
from sklearn.neural_network._stochastic_optimizers import SGDOptimizer

from skmlp._engine.learning_rate import LearningRate
from skmlp._model.records import Optimizer
from skmlp._program.schedules import SCHEDULES

N_SAMPLES = 150
HYPER = {"learning_rate_init": 0.1, "power_t": 0.3}


def make(schedule, n_epochs=0, rate=0.1):
    optimizer = Optimizer("sgd", HYPER, schedule, rate, 0, [])
    return LearningRate(optimizer, N_SAMPLES, 3, 20, n_epochs, n_epochs * N_SAMPLES)


def scikit_learn_rates(schedule, plateaus):
    """Return the learning rate in each epoch, the last at the end; plateaus are after epochs."""
    theirs = SGDOptimizer([], 0.1, schedule, power_t=0.3)
    rates = [theirs.learning_rate]
    for epoch in range(1, 9):
        theirs.iteration_ends(epoch * N_SAMPLES)
        if epoch in plateaus:
            theirs.trigger_stopping("", verbose=False)
        rates.append(theirs.learning_rate)
    return rates


@pytest.mark.parametrize("schedule", ["constant", "invscaling", "adaptive"])
@pytest.mark.parametrize("n_epochs_a_call", [1, 2, 4])
def test_rates_are_scikit_learns_bit_for_bit(schedule, n_epochs_a_call):
    """Check the rates of batches to come, and those after epochs, with plateaus in between."""
    plateaus = {4, 8} if schedule == "adaptive" else set()
    expected = scikit_learn_rates(schedule, plateaus)
    ours, after = make(schedule), []
    for first in range(0, 8, n_epochs_a_call):
        rates = ours.upcoming(n_epochs_a_call, 1, 3)
        assert rates.shape == (n_epochs_a_call, 2)
        assert rates[:, 0].tolist() == expected[first : first + n_epochs_a_call]
        np.testing.assert_array_equal(rates[:, 0], rates[:, 1])
        after += ours.complete(n_epochs_a_call)
        if first + n_epochs_a_call in plateaus:
            assert ours.goes_on_after_plateau()
            after[-1] = ours.rate
    assert after == expected[1:]
    assert ours.samples_seen == 8 * N_SAMPLES


def test_an_adaptive_rate_ends_where_scikit_learns_does():
    """Check divisions until the rate is too small, and that others are never divided."""
    theirs, ours = SGDOptimizer([], 0.1, "adaptive"), make("adaptive")
    for _ in range(12):
        assert ours.goes_on_after_plateau() is not theirs.trigger_stopping("", verbose=False)
        assert ours.rate == theirs.learning_rate
    for schedule in ("constant", "invscaling"):
        assert not make(schedule).goes_on_after_plateau()


def test_a_power_that_overflows_is_a_rate_of_zero():
    """Check a power that Python refuses."""
    schedule = SCHEDULES["invscaling"](HYPER | {"power_t": 1e6})
    assert schedule.after_epoch(0.1, 1000) == 0.0


def test_a_schedule_is_told_how_far_the_fit_is(monkeypatch):
    """Check the progress of batches, from 0 to 1 over the whole fit, in a part of it too."""
    seen = []

    class Cosine(SCHEDULES["constant"]):
        def batch_rates(self, rate, progress):
            seen.extend(progress)
            return rate * (1 + np.cos(np.pi * progress)) / 2

    monkeypatch.setitem(SCHEDULES, "cosine", Cosine)
    rates = make("cosine", n_epochs=18).upcoming(2, 0, 3)
    expected = np.arange(54, 60) / 60
    np.testing.assert_allclose(seen, expected)
    np.testing.assert_allclose(rates.ravel(), 0.05 * (1 + np.cos(np.pi * expected)))
