"""Time skmlp against scikit-learn's MLPClassifier, in one run, in interleaved rounds.

Run it with nothing else running, and quote the ratios, not the times::

    python -m pip install ".[bench]"
    SKMLP_MNIST=path/to/mnist.npz python benchmarks/against_scikit_learn.py

Both classifiers get the same data, parameters and random_state. scikit-learn runs with one and
with two BLAS threads, and its faster time counts. skmlp has fitted once before, so that its
program is compiled: first fits are longer, by the import of TensorFlow and a compilation.
"""

import argparse
import os
import platform
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass, field
from functools import partial
from statistics import median

import numpy as np
import sklearn
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from skmlp import TFMLPClassifier, datasets


@dataclass
class Workload:
    """Something to time; with the lowest ratio (theirs / ours) that it should have."""

    name: str
    target: float | None
    theirs: callable
    ours: callable
    n_epochs: int = 1
    times: list = field(default_factory=list)

    def run(self):
        """Time both once, one after the other."""
        self.times.append((self.theirs() / self.n_epochs, self.ours() / self.n_epochs))

    @property
    def ratios(self):
        """How many times faster ours was, in each round."""
        return [theirs / ours for theirs, ours in self.times]

    def row(self):
        """Return a row of the table."""
        theirs, ours = (median(times) for times in zip(*self.times, strict=True))
        ratio = median(self.ratios)
        spread = f"{min(self.ratios):.2f} to {max(self.ratios):.2f}"
        target = "" if self.target is None else f">= {self.target:.2f}"
        return f"| {self.name} | {theirs:.4f} | {ours:.4f} | {ratio:.2f} | {spread} | {target} |"


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def fit_workload(name, target, X, y, n_epochs, **params):
    """Compare fits of a number of epochs, which neither stops before."""
    params |= {"max_iter": n_epochs, "n_iter_no_change": n_epochs, "random_state": 0}

    def fit_theirs():
        best = np.inf
        for n_threads in (1, 2):
            with threadpool_limits(n_threads, "blas"):
                best = min(best, seconds(lambda: MLPClassifier(**params).fit(X, y)))
        return best

    def fit_ours():
        return seconds(lambda: TFMLPClassifier(**params).fit(X, y))

    TFMLPClassifier(**(params | {"max_iter": 1})).fit(X, y)
    return Workload(name, target, fit_theirs, fit_ours, n_epochs)


def import_workload(name):
    """Compare imports in processes of their own."""

    def import_module(name):
        command = [sys.executable, "-c", f"import {name}"]
        return lambda: seconds(lambda: subprocess.run(command, check=True))

    # At most 1.1 times as long is at least 1 / 1.1 times as fast.
    theirs, ours = import_module("sklearn.neural_network"), import_module("skmlp")
    return Workload(name, 1 / 1.1, theirs, ours)


def small_workload(name, load, dtype, target):
    X, y = load(return_X_y=True)
    X = X / 16 if load is load_digits else X
    return fit_workload(name, target, X.astype(dtype), y, 200)


def mnist_workload(name, dtype, target):
    (X, y), _, _ = datasets.load_mnist(return_X_y=True)
    params = {"hidden_layer_sizes": 200, "batch_size": 100}
    return fit_workload(name, target, X.astype(dtype), y, 6, **params)


def workloads():
    """Yield the name of each workload, and what makes it."""
    name = "import, in a new process"
    yield name, partial(import_workload, name)
    small = (("iris", load_iris), ("breast cancer", load_breast_cancer), ("digits", load_digits))
    for dtype in ("float32", "float64"):
        for problem, load in small:
            name = f"{problem}, an epoch of 200, {dtype}"
            target = 2.0 if (problem, dtype) == ("iris", "float32") else None
            yield name, partial(small_workload, name, load, dtype, target)
    if datasets.MNIST_ENVIRONMENT_VARIABLE not in os.environ:
        print(f"{datasets.MNIST_ENVIRONMENT_VARIABLE} is not set: no MNIST", file=sys.stderr)
        return
    for dtype, target in (("float32", 2.0), ("float64", None)):
        name = f"MNIST 55,000 x 784, batch 100, 200 hidden, an epoch of 6, {dtype}"
        yield name, partial(mnist_workload, name, dtype, target)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each workload")
    parser.add_argument("--only", default="", help="text that the names of workloads must have")
    arguments = parser.parse_args()
    n_rounds = arguments.rounds
    warnings.simplefilter("ignore")  # training is meant to end at max_iter
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}, "
    versions += f"scikit-learn {sklearn.__version__}"
    rows = []
    for name, make in workloads():
        if arguments.only not in name:
            continue
        workload = make()
        for _ in range(n_rounds):
            workload.run()
        rows.append(workload.row())
        print(rows[-1], file=sys.stderr)
    import tensorflow

    print(f"{versions}, TensorFlow {tensorflow.__version__}, {os.cpu_count()} cores;")
    print(f"medians of {n_rounds} rounds, times in seconds, ratio = scikit-learn / skmlp\n")
    print("| workload | scikit-learn | skmlp | ratio | spread | target |")
    print("|---|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
