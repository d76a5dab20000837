"""One network on a Dask cluster of this machine: milliseconds a step on one worker and on two.

Run it with nothing else running: ``python -m benchmarks.clusters``. Workers have one thread each.
Times are those between the ends of epochs, without the start of the processes and compilation.
Beside these times it prints the step of `TFMLPClassifier` with one thread, and the estimate by
which `fit` warns.
"""

import argparse
import os
import subprocess
import sys
import time
import warnings
from statistics import median

import numpy as np

CASES = {
    "784-200-10, batches of 100": ((784, 200, 10), 100, 400),
    "784-1000-1000-10, batches of 1,024": ((784, 1000, 1000, 10), 1024, 20),
    "784-1000-1000-10, batches of 8,192": ((784, 1000, 1000, 10), 8192, 4),
    "100-100-2, batches of 8,192": ((100, 100, 2), 8192, 60),
}
"""Layers, batch size, and number of batches in an epoch."""

EPOCHS = 6


class Clock:
    """A callback that notes when each epoch ends."""

    def __init__(self):
        self.times = []

    def setup(self, estimator, context):
        """Do nothing."""

    def on_fit_task_begin(self, estimator, context):
        """Do nothing."""

    def on_fit_task_end(self, estimator, context):
        """Note the time."""
        if context.parent is not None:
            self.times.append(time.perf_counter())

    def teardown(self, estimator, context):
        """Do nothing."""

    def milliseconds(self, n_batches):
        """Return the median time of a batch, over the epochs after the first two."""
        return 1e3 * median(np.diff(self.times)[1:]) / n_batches


def samples(units, n_rows):
    """Return random samples in float32, and their classes."""
    generator = np.random.default_rng(0)
    X = generator.random((n_rows, units[0]), np.float32)
    return X, generator.integers(units[-1], size=n_rows)


def parameters(units, batch_size):
    """Return the parameters of both estimators."""
    return {
        "hidden_layer_sizes": units[1:-1],
        "batch_size": batch_size,
        "max_iter": EPOCHS,
        "tol": 0.0,
        "n_iter_no_change": EPOCHS,
        "random_state": 0,
    }


def run_alone(name):
    """Return the milliseconds that a step of the plain estimator takes in this process."""
    from skmlp import TFMLPClassifier

    units, batch_size, n_batches = CASES[name]
    clock = Clock()
    net = TFMLPClassifier(**parameters(units, batch_size)).set_callbacks(clock)
    net.fit(*samples(units, batch_size * n_batches))
    return clock.milliseconds(n_batches)


def run_together(name, n_workers):
    """Return the milliseconds of a step on several workers of one thread each."""
    import dask.array as da
    from distributed import Client, LocalCluster

    from skmlp.dask import DaskTFMLPClassifier

    units, batch_size, n_batches = CASES[name]
    X, y = samples(units, batch_size * n_batches)
    rows = -(-len(X) // 8)
    with (
        LocalCluster(
            n_workers=n_workers, threads_per_worker=1, dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster) as client,
    ):
        clock = Clock()
        net = DaskTFMLPClassifier(**parameters(units, batch_size), client=client)
        net.set_callbacks(clock)
        net.fit(da.from_array(X, chunks=(rows, units[0])), da.from_array(y, chunks=rows))
    return clock.milliseconds(n_batches)


def run_alone_in_a_process(name):
    """Return the result of `run_alone` in a new process with one thread."""
    code = f"from benchmarks.clusters import run_alone; print('MS', run_alone({name!r}))"
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | threads | {"TF_NUM_INTRAOP_THREADS": "1"},
    )
    return float(done.stdout.rpartition("MS ")[2])


def estimate(name, n_workers):
    """Return the milliseconds of a step, estimated by the cost model."""
    from skmlp._cluster.cost import seconds_a_step
    from skmlp._model.network import Architecture

    units, batch_size, _ = CASES[name]
    architecture = Architecture(units, "relu", "cross_entropy")
    return 1e3 * seconds_a_step(architecture, batch_size, 4, n_workers, 1)


def main():
    """Print a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="cases that have this text in their name")
    only = parser.parse_args().only
    warnings.simplefilter("ignore")
    heads = ("alone", "1 worker", "2 workers", "speedup", "estimated")
    print(f"{'milliseconds a step':36}", *(f"{head:>10}" for head in heads))
    for name in CASES:
        if only not in name:
            continue
        alone, one, two = run_alone_in_a_process(name), *(run_together(name, n) for n in (1, 2))
        estimated = estimate(name, 1) / estimate(name, 2)
        print(f"{name:36}", *(f"{x:10.2f}" for x in (alone, one, two, one / two, estimated)))


if __name__ == "__main__":
    main()
