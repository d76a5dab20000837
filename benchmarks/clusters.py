"""One network on a Dask cluster of this machine: milliseconds a step on one worker and on two.

Run it with nothing else running: ``python -m benchmarks.clusters``. Each worker has one thread and
a core of its own, as if it had a machine to itself; ``--shared`` lets the system move workers. On
two cores, two workers share their cores with Dask's own processes, and one worker does not:
``--without-dask`` measures the training processes alone. A time is measured between the lines that
epochs print, without the start of the processes and compilation. The output has the median of
several rounds, the smallest and the largest time. Beside these times it prints the step of
`TFMLPClassifier` with one thread, and the estimate by which `fit` warns.
"""

import argparse
import io
import itertools
import os
import subprocess
import sys
import tempfile
import time
import warnings
from contextlib import ExitStack, redirect_stdout
from dataclasses import replace
from statistics import median

import numpy as np

CASES = {
    "784-200-10, batches of 100": ((784, 200, 10), 100, 1000, 12),
    "784-1000-1000-10, batches of 1,024": ((784, 1000, 1000, 10), 1024, 20, 8),
    "784-1000-1000-10, batches of 8,192": ((784, 1000, 1000, 10), 8192, 4, 6),
    "100-100-2, batches of 8,192": ((100, 100, 2), 8192, 60, 30),
    "784-1000-1000-10, batches of 1,024, float64": ((784, 1000, 1000, 10), 1024, 20, 6),
}
"""Layers, batch size, number of batches in an epoch, and number of epochs.

The type is float32 if the name has none.
"""


class Clock(io.StringIO):
    """A stream that notes the time at which the line of an epoch is written to it."""

    def __init__(self):
        super().__init__()
        self.times = []

    def write(self, text):
        """Note the time."""
        self.times += [time.perf_counter()] * text.count("Epoch:")
        return len(text)

    def milliseconds(self, n_batches):
        """Return the median time of a batch, over the epochs after the first two.

        The median ignores a later epoch that compiles gradients for a new number of rows.
        """
        return 1e3 * median(np.diff(self.times[1:])) / n_batches


def dtype_of(name):
    """Return the type of the samples and of the network."""
    return np.dtype("float64" if name.endswith("float64") else "float32")


def samples(name):
    """Return the random samples of a case, and their classes."""
    units, batch_size, n_batches, _ = CASES[name]
    generator = np.random.default_rng(0)
    X = generator.random((batch_size * n_batches, units[0]), dtype_of(name))
    return X, generator.integers(units[-1], size=len(X))


def parameters(name):
    """Return the parameters of both estimators."""
    units, batch_size, _, epochs = CASES[name]
    return {
        "hidden_layer_sizes": units[1:-1],
        "batch_size": batch_size,
        "max_iter": epochs,
        "tol": 0.0,
        "n_iter_no_change": epochs,
        "random_state": 0,
        "verbose": True,
    }


def keep_to(core):
    """Restrict the threads of this process, and the processes that it starts, to one core."""
    for thread in os.listdir("/proc/self/task"):
        os.sched_setaffinity(int(thread), {core})


def run_alone(name, is_shared=False):
    """Return the milliseconds that a step of the plain estimator takes in this process."""
    from skmlp import TFMLPClassifier

    if not is_shared:
        keep_to(0)
    with redirect_stdout(Clock()) as clock:
        TFMLPClassifier(**parameters(name)).fit(*samples(name))
    return clock.milliseconds(CASES[name][2])


def run_alone_in_a_process(name, is_shared):
    """Return the result of `run_alone` in a new process with one thread."""
    code = (
        f"from benchmarks.clusters import run_alone; print('MS', run_alone({name!r}, {is_shared}))"
    )
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | threads | {"TF_NUM_INTRAOP_THREADS": "1"},
    )
    return float(done.stdout.rpartition("MS ")[2])


def run_together(name, n_workers, is_shared):
    """Return the milliseconds of a step on several workers of one thread each."""
    import dask.array as da
    from distributed import Client, LocalCluster

    from skmlp.dask import DaskTFMLPClassifier

    units, _, n_batches, _ = CASES[name]
    X, y = samples(name)
    rows = -(-len(X) // 8)
    with (
        LocalCluster(
            n_workers=n_workers, threads_per_worker=1, dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster) as client,
    ):
        if not is_shared:
            for core, worker in enumerate(client.nthreads()):
                client.run(keep_to, core, workers=[worker])
        net = DaskTFMLPClassifier(**parameters(name), client=client)
        with redirect_stdout(Clock()) as clock:
            net.fit(da.from_array(X, chunks=(rows, units[0])), da.from_array(y, chunks=rows))
    return clock.milliseconds(n_batches)


def run_processes(name, n_workers, is_shared):
    """Return the milliseconds of a step on several training processes, without Dask."""
    from skmlp import TFMLPClassifier
    from skmlp._cluster.job import Extent, Job
    from skmlp._cluster.ports import hold_port
    from skmlp._cluster.process import TrainingProcess
    from skmlp._cluster.spool import Spool
    from skmlp._data.elsewhere import FeaturesElsewhere
    from skmlp._estimators.base import Call

    _, _, n_batches, _ = CASES[name]
    X, y = samples(name)
    plan = TFMLPClassifier(**parameters(name))._make_plan(Call(X, y, None), None)
    elsewhere = FeaturesElsewhere(X.shape, X.dtype)
    plan = replace(plan, samples=replace(plan.samples, X=[elsewhere]))
    holders, addresses = zip(*(hold_port("127.0.0.1") for _ in range(n_workers)), strict=True)
    bounds = np.linspace(0, len(X), n_workers + 1).astype(int).tolist()
    clock, processes = Clock(), []
    with ExitStack() as afterwards:
        for holder in holders:
            afterwards.callback(holder.close)
        for rank, (first, last) in enumerate(itertools.pairwise(bounds)):
            spool = Spool(tempfile.gettempdir())
            afterwards.callback(spool.close)
            spool.append(X[first:last])
            processes.append(TrainingProcess(1, [spool.file().descriptor]))
            afterwards.callback(processes[-1].end)
            if not is_shared:
                os.sched_setaffinity(processes[-1].pid, {rank})
            extents = [[Extent(first, 0, last - first)]]
            processes[-1].send(Job(plan, list(addresses), rank, [spool.file()], extents))
        while (message := processes[0].receive(1.0)) is None or message[0] in ("line", "met"):
            if message is not None and message[0] == "line":
                clock.write(message[1])
    return clock.milliseconds(n_batches)


def estimate(name, n_workers):
    """Return the milliseconds of a step, estimated by the cost model."""
    from skmlp._cluster.cost import seconds_a_step
    from skmlp._model.network import Architecture

    units, batch_size, *_ = CASES[name]
    architecture = Architecture(units, "relu", "cross_entropy")
    return 1e3 * seconds_a_step(architecture, batch_size, dtype_of(name).itemsize, n_workers, 1)


def main():
    """Print lines for each case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="run only cases whose name has this text")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each case")
    parser.add_argument("--shared", action="store_true", help="let the system move workers")
    parser.add_argument("--without-dask", action="store_true", help="measure only training")
    options = parser.parse_args()
    run = run_processes if options.without_dask else run_together
    warnings.simplefilter("ignore")
    for name in CASES:
        if options.only not in name:
            continue
        print(name)
        times = [
            (
                run_alone_in_a_process(name, options.shared),
                run(name, 1, options.shared),
                run(name, 2, options.shared),
            )
            for _ in range(options.rounds)
        ]
        alone, one, two = zip(*times, strict=True)
        show("alone", alone)
        show("1 worker", one, estimate(name, 1))
        show("2 workers", two, estimate(name, 2))
        speedups = [a / b for a, b in zip(one, two, strict=True)]
        show("speedup", speedups, estimate(name, 1) / estimate(name, 2))


def show(name, values, estimated=None):
    """Print a line: the median, the extremes, and the estimate."""
    end = "" if estimated is None else f", estimated {estimated:.2f}"
    print(f"    {name:10}{median(values):8.2f} ({min(values):.2f} to {max(values):.2f}){end}")


if __name__ == "__main__":
    main()
