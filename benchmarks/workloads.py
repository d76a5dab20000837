"""The problems that are timed."""

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_iris

from benchmarks.peers import Task
from skmlp.datasets import load_mnist

PART_OF_MNIST = "a fifth of MNIST"
_MNIST = {"MNIST": None, PART_OF_MNIST: 11_000}  # images

NARROW = {
    "MNIST with 40 units": (40, "adam"),
    "MNIST with 40 units by SGD": (40, "sgd"),
    "MNIST with 100 units": (100, "adam"),
    "MNIST with 100 units by SGD": (100, "sgd"),
}
"""Hidden units and solver; the batches have 200 samples, scikit-learn's default."""

_SMALL = {"iris": load_iris, "breast cancer": load_breast_cancer, "digits": load_digits}


def make_task(name):
    """Return the task of a workload whose name is ``problem, dtype, epochs``."""
    problem, dtype, n_epochs = name.split(", ")
    n_epochs = int(n_epochs.split()[0])
    if problem in _MNIST:
        mnist = load_mnist()
        n = _MNIST[problem]
        return Task(mnist.X_train[:n].astype(dtype), mnist.y_train[:n], 200, 100, n_epochs)
    if problem in NARROW:
        mnist = load_mnist()
        hidden, solver = NARROW[problem]
        X = mnist.X_train.astype(dtype)
        return Task(X, mnist.y_train, hidden, 200, n_epochs, solver=solver)
    X, y = _load_small(problem)
    return Task(X.astype(dtype), y, 100, 200, n_epochs)


def test_set(name):
    """Return samples to measure the accuracy: unseen ones of MNIST, otherwise the training set."""
    problem, dtype, _ = name.split(", ")
    if problem in _MNIST or problem in NARROW:
        mnist = load_mnist()
        return mnist.X_test.astype(dtype), mnist.y_test
    X, y = _load_small(problem)
    return X.astype(dtype), y


def _load_small(problem):
    X, y = _SMALL[problem](return_X_y=True)
    return np.asarray(X / np.maximum(np.abs(X).max(axis=0), 1)), y
