"""The numbers that verbose prints, and which values of verbose print what."""

import re

import numpy as np
import pytest
from sklearn.preprocessing import scale

from skmlp import TabularMLPRegressor, TFMLPClassifier, TFMLPRegressor
from skmlp._engine.session import TrainingSession
from skmlp._training.log import short
from tests.helpers import fit_quietly, load

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program

LINE = re.compile(r"(?P<name>\w+): +(?P<number>\d+), training loss: (?P<loss>[^,]+)(, .*)?")


def lines_of(capsys, estimator, X, y, **fit_params):
    fit_quietly(estimator, X, y, **fit_params)
    return capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0.0000"),
        (1.0, "1.0000"),
        (0.12345678, "0.1235"),
        (0.012345678, "0.01235"),
        (0.00012345678, "0.0001235"),
        (3.2e-5, "3.200e-05"),
        (1e-300, "1.000e-300"),
        (12.345678, "12.3457"),
        (9876.54321, "9876.5432"),
        (12345.678, "1.2346e+04"),
        (123456789012345678901234.0, "1.2346e+23"),
        (-0.5, "-0.5000"),
        (-2.5e8, "-2.5000e+08"),
        (np.nan, "nan"),
        (np.inf, "inf"),
        (np.float32(0.25), "0.2500"),
    ],
)
def test_numbers_are_short(number, text):
    """Check numbers of all sizes."""
    assert short(number) == text


@pytest.mark.parametrize("number", np.geomspace(1e-12, 1e12, 25) * 1.2345678)
def test_four_digits_can_be_read_back(number):
    """Check that printed numbers are short, and right to half a unit of digit four."""
    assert float(short(number)) == pytest.approx(number, rel=5e-4)
    assert len(short(number)) <= 10


@pytest.mark.parametrize("factor", [1e-4, 1.0, 1e6])
@pytest.mark.parametrize("estimator", [TFMLPRegressor, TabularMLPRegressor])
def test_losses_of_any_scale_have_digits(estimator, factor, capsys):
    """Check each line against the curves; a table's loss is of standardised targets."""
    X, y = load("diabetes")
    params = {"max_iter": 2, "hidden_layer_sizes": 3, "random_state": 0, "verbose": 1}
    est = estimator(**params)
    lines = lines_of(capsys, est, X, factor * scale(y), X_val=X[:50], y_val=factor * y[:50])
    assert len(lines) == 2
    for epoch, line in enumerate(lines):
        numbers = [float(number) for number in re.findall(r": (-?[\d.]+(?:e[+-]\d+)?)", line)]
        curves = [est.loss_curve_, est.validation_loss_curve_, est.validation_scores_]
        expected = [curve[epoch] for curve in curves]
        np.testing.assert_allclose(numbers, expected, rtol=5e-4)


def test_lbfgs_has_iterations(capsys):
    """Check the word, the numbers and the losses of each line."""
    params = {"solver": "lbfgs", "max_iter": 4, "hidden_layer_sizes": 3, "random_state": 0}
    clf = TFMLPClassifier(**params, verbose=True)
    matches = [LINE.fullmatch(line) for line in lines_of(capsys, clf, *load("iris"))]
    assert [match["name"] for match in matches] == ["Iteration"] * 4
    assert [int(match["number"]) for match in matches] == [1, 2, 3, 4]
    losses = [float(match["loss"]) for match in matches]
    np.testing.assert_allclose(losses, clf.loss_curve_, rtol=5e-4)


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
@pytest.mark.parametrize("verbose", [1, 3, 10, 100, np.int64(5), np.True_])
def test_any_other_int_prints_as_true_does(verbose, solver, capsys, monkeypatch):
    """Check the lines, and that epochs are not split into calls for them."""
    calls = []
    run = TrainingSession.run

    def count(self, orders, first, last, *args):
        calls.append((first, last))
        return run(self, orders, first, last, *args)

    monkeypatch.setattr(TrainingSession, "run", count)
    X, y = load("iris")
    params = {"max_iter": 3, "batch_size": 10, "random_state": 0, "solver": solver}
    printed = []
    for value in (True, verbose):
        clf = TFMLPClassifier(3, **params, verbose=value)
        printed.append(lines_of(capsys, clf, X, y))
    assert printed[0] == printed[1]
    assert len(printed[0]) == 3
    assert set(calls) == ({(0, 15)} if solver == "sgd" else set())


@pytest.mark.parametrize("verbose", [2, np.int8(2)])
def test_two_prints_batches(verbose, capsys):
    """Check NumPy's integers too."""
    clf = TFMLPClassifier(3, max_iter=1, random_state=0, verbose=verbose)
    lines = lines_of(capsys, clf, *load("iris"))
    assert [line.split()[0] for line in lines] == ["Iteration", "Epoch:"]


def test_a_small_learning_rate_is_not_printed_as_zero(capsys):
    """Check an adaptive rate, divided by 5 until it is too small."""
    params = {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 1e-4}
    clf = TFMLPClassifier(3, **params, tol=10, n_iter_no_change=1, random_state=0, verbose=1)
    lines = lines_of(capsys, clf, *load("iris"))
    rates = [line.rpartition(" ")[2] for line in lines if "Setting learning rate" in line]
    assert rates == ["2e-05", "4e-06", "8e-07"][: len(rates)]
    assert len(rates) >= 2
