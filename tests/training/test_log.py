"""The lines that verbose prints."""

import re

import numpy as np
import pytest

from skmlp import TFMLPClassifier
from tests.helpers import fit_quietly, load

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program


def printed(capsys, X, y, fit_params=None, **params):
    estimator = TFMLPClassifier(hidden_layer_sizes=(8,), random_state=0, **params)
    fit_quietly(estimator, X, y, **(fit_params or {}))
    out, err = capsys.readouterr()
    assert err == ""
    return estimator, out.splitlines()


@pytest.mark.parametrize("verbose", [False, 0])
def test_silence_is_the_default(capsys, verbose):
    """Check that nothing is printed."""
    _, lines = printed(capsys, *load("iris"), max_iter=3, verbose=verbose)
    assert lines == []


@pytest.mark.parametrize("verbose", [True, 1])
def test_a_line_an_epoch(capsys, verbose):
    """Check the training loss of each epoch."""
    clf, lines = printed(capsys, *load("iris"), max_iter=3, verbose=verbose)
    assert lines == [
        f"Epoch: {i + 1:3d}, training loss: {loss:.4f}" for i, loss in enumerate(clf.loss_curve_)
    ]


def test_a_line_an_epoch_with_validation(capsys):
    """Check that the line has the validation loss and accuracy too."""
    clf, lines = printed(capsys, *load("iris"), max_iter=3, verbose=1, validation_fraction=0.2)
    expected = zip(clf.loss_curve_, clf.validation_loss_curve_, clf.validation_scores_, strict=True)
    assert lines == [
        f"Epoch: {i + 1:3d}, training loss: {loss:.4f}, validation loss: {val_loss:.4f}, "
        f"validation accuracy: {accuracy:.1%}"
        for i, (loss, val_loss, accuracy) in enumerate(expected)
    ]


@pytest.mark.parametrize(
    ("early_stopping", "what"), [(False, "Training loss"), (True, "Validation score")]
)
def test_the_reason_to_stop(capsys, early_stopping, what):
    """Check the last line when training stops by itself."""
    _, lines = printed(
        capsys,
        *load("iris"),
        verbose=1,
        tol=10.0,
        n_iter_no_change=2,
        early_stopping=early_stopping,
    )
    assert lines[-1] == (
        f"{what} did not improve more than tol=10 for 2 consecutive epochs. Stopping."
    )


def test_batches_every_100_iterations(capsys):
    """Check which batches verbose=2 prints, and that each epoch starts at 0."""
    X, y = load("digits")
    _, lines = printed(capsys, X[:1010], y[:1010], verbose=2, batch_size=4, max_iter=2)
    pattern = r"Iteration +(\d+): batch loss: \d+\.\d{4}, batch accuracy: \d+\.\d%"
    kinds = [re.fullmatch(pattern, line) for line in lines]
    assert [m and int(m[1]) for m in kinds] == [0, 100, 200, None] * 2
    assert lines[3].startswith("Epoch:   1, training loss")


def test_batches_without_weight_have_no_line(capsys):
    """Check an epoch whose first batch of two has none."""
    X, y = load("iris")
    params = {"verbose": 2, "batch_size": 75, "shuffle": False, "max_iter": 1}
    _, lines = printed(capsys, X, y, {"sample_weight": np.arange(150) // 75}, **params)
    assert [line.split(":")[0] for line in lines] == ["Epoch"]


def test_batch_loss_and_accuracy_are_those_after_the_update(capsys):
    """Check a full batch's numbers against the model after one epoch."""
    X, y = load("breast_cancer")
    clf, lines = printed(capsys, X, y, verbose=2, batch_size=len(X), max_iter=1, alpha=0)
    proba = clf.predict_proba(X)[np.arange(len(X)), y]
    assert lines[0] == (
        f"Iteration   0: batch loss: {-np.log(proba).mean():.4f}, "
        f"batch accuracy: {clf.score(X, y):.1%}"
    )


def test_the_log_changes_no_number(capsys):
    """Check that printing batches, which splits epochs into calls, keeps the bits."""
    X, y = load("digits")
    fits = [printed(capsys, X, y, verbose=v, batch_size=7, max_iter=2)[0] for v in (0, 1, 2)]
    for fit in fits[1:]:
        np.testing.assert_array_equal(fit.coefs_[0], fits[0].coefs_[0])
        assert fit.loss_curve_ == fits[0].loss_curve_
