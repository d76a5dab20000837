"""Measure other values of the constants that decide speed.

Run it from the root of the repository, with nothing else running; a name is a part of a constant's
name, and without names all constants are measured, for ten minutes::

    python -m pip install ".[parquet]"
    python -m benchmarks.sweeps _MAX_FOLDS LARGE_MATRIX

Each constant is a row of `SWEEPS`: the attribute of the module that reads it, some values, and a
workload that returns figures by name. All values are measured in turn, round after round, and the
medians are printed, with the spread of the rounds. Each value has programs of its own, which are
compiled before the first round. The samples are random, as times do not depend on them.

Docstrings of constants quote these figures.
"""

import os
import sys
import tempfile
import warnings
from collections import OrderedDict
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache, partial
from itertools import count, pairwise
from pkgutil import resolve_name
from statistics import fmean, median
from typing import Any
from unittest.mock import patch

import numpy as np
from sklearn.datasets import make_classification

from benchmarks import costs, tabular
from benchmarks.costs import forget_peak, memory, seconds
from skmlp import data, preprocessing
from skmlp._engine import arena, compiling
from skmlp._engine.form import form_of
from skmlp._engine.memory import trim_memory
from skmlp._engine.program_cache import PROGRAMS, _round_up, round_up_batch
from skmlp._program.layout import layout_of
from skmlp._tensorflow.cache_directory import ENVIRONMENT_VARIABLE


@dataclass(frozen=True)
class Sweep:
    """A constant, the values to measure, and a workload.

    Parameters
    ----------
    constant : str
        The dotted name of the attribute that is read.
    values : tuple
        The values, the present one among them.
    run : callable
        Returns figures by their names.
    n_rounds : int, default=5
        Number of rounds.
    """

    constant: str
    values: tuple[Any, ...]
    run: Callable[[], dict[str, float]]
    n_rounds: int = 5


@dataclass
class Setting:
    """A value of a constant, and the programs that were made with it."""

    constant: str
    value: Any
    programs: OrderedDict = field(default_factory=OrderedDict)

    @contextmanager
    def in_force(self):
        """Give the constant its value, for as long as the block runs."""
        module, _, name = self.constant.rpartition(".")
        with ExitStack() as stack:
            stack.enter_context(patch.object(resolve_name(module), name, self.value))
            stack.enter_context(patch.object(PROGRAMS, "_programs", self.programs))
            # TensorFlow finds compiled code by the name of a program.
            stack.enter_context(patch.object(compiling, "_program_name", _new_name))
            for cached in (layout_of, form_of):
                cached.cache_clear()
            arena._KEPT.clear()
            yield


_NUMBERS = count()


def _new_name(spec):
    return f"skmlp_sweep_{next(_NUMBERS)}"


@lru_cache(maxsize=4)
def samples(n_rows, n_features, n_classes=10, dtype="float32"):
    """Return random samples and classes."""
    rng = np.random.default_rng(0)
    X, y = rng.random((n_rows, n_features), np.float32), rng.integers(n_classes, size=n_rows)
    return (255 * X if dtype == "uint8" else X).astype(dtype), y


def network(n_epochs, hidden, **params):
    """Return a classifier that trains for a number of epochs."""
    from skmlp import TFMLPClassifier

    stopping = {"max_iter": n_epochs, "n_iter_no_change": n_epochs, "tol": 0.0}
    return TFMLPClassifier(hidden, random_state=0, **stopping | params)


def all_of(*runs):
    """Return the figures of several workloads."""
    return {name: figure for run in runs for name, figure in run().items()}


def batches(n_features, hidden, *sizes, dtype="float32", n_classes=10, n_batches=1000):
    """Train on 20 batches many times, for each batch size."""
    figures = {}
    for size in sizes:
        X, y = samples(20 * size, n_features, n_classes, dtype)
        network(2, hidden, batch_size=size).fit(X, y)  # whatever the last workload left behind
        fit = network(n_batches // 20, hidden, batch_size=size).fit
        name = f"us a batch of {size}, {n_features}-{hidden}-{n_classes}"
        figures[name] = 1e6 * seconds(fit, X, y) / n_batches
    return figures


def measure(function, *args):
    """Return the time of a call, and the peak of the memory that it takes."""
    trim_memory()
    forget_peak()
    before = memory()
    return {"ms": 1e3 * seconds(function, *args), "MB": memory("VmHWM") - before}


def fit(n_rows, n_features, n_epochs, hidden=100, dtype="float32", n_classes=10, **params):
    """Fit once."""
    X, y = samples(n_rows, n_features, n_classes, dtype)
    return measure(network(n_epochs, hidden, **params).fit, X, y)


def first_fit(n_features, hidden, size, dtype="float32"):
    """Fit by a new program; count the memory mappings that the program adds to the process."""
    X, y = samples(size, n_features, 10, dtype)
    before = _count_mappings()
    with patch.object(PROGRAMS, "_programs", OrderedDict()):
        time = 1e3 * seconds(network(2, hidden, batch_size=size).fit, X, y)
    name = f"of a first fit, {n_features}-{hidden}-10"
    return {f"ms {name}": time, f"mappings {name}": _count_mappings() - before}


def _count_mappings():
    with open("/proc/self/maps") as maps:
        return sum(1 for _ in maps)


def whole_batches(*sizes):
    """Train on one batch many times, for each number of samples."""
    figures = {}
    for size in sizes:
        X, y = samples(size, 30, 2, "float64")
        fit = network(500, 100, batch_size=size).fit
        figures[f"us a batch of {size}, 30-100-2"] = 1e6 * seconds(fit, X, y) / 500
    return figures


def calls(n_rows, n_features, hidden, n_epochs=1):
    """Fit, and measure the longest call of the program."""
    from skmlp._engine.pace import Pace

    X, y = samples(n_rows, n_features)
    times, update = [], Pace.update

    def note(pace, n_batches, time):
        times.append(time)
        update(pace, n_batches, time)

    with patch.object(Pace, "update", note):
        time = seconds(network(n_epochs, hidden).fit, X, y)
    name = f"{n_features}-{hidden}-10"
    figures = {"ms": time, "ms of the first call": times[0], "ms of the longest call": max(times)}
    return {f"{what}, {name}": 1e3 * figure for what, figure in figures.items()}


def lbfgs(n_rows, n_features, hidden, max_iter=100):
    """Fit by L-BFGS, and divide by the number of iterations."""
    X, y = samples(n_rows, n_features, 10, "float64")
    clf = network(max_iter, hidden, solver="lbfgs")
    time = 1e6 * seconds(clf.fit, X, y)
    return {f"us an iteration of {n_rows}, {n_features}-{hidden}-10": time / clf.n_iter_}


def sparse(n_epochs=2):
    """Fit sparse samples."""
    return measure(network(n_epochs, 100).fit, *_sparse_samples())


@lru_cache
def _sparse_samples():
    X, y = costs._sparse(n_features=5000)
    return X.astype(np.float32), y


def incremental(*sizes):
    """Call partial_fit with few rows many times."""
    figures = {}
    for size in sizes:
        X, y = samples(size, 64)
        clf = network(1, 100).partial_fit(X, y, classes=np.arange(10))
        time = median(seconds(clf.partial_fit, X, y) for _ in range(100))
        figures[f"us a call with {size} rows"] = 1e6 * time
    return figures


def tables(*names):
    """Fit small tables with three splits each, and score unseen rows."""
    fits = [
        tabular.fit_and_score(tabular.OURS, tabular.load(name), seed)
        for name in names
        for seed in range(3)
    ]
    return _means(fits)


def large_table():
    """Fit a table of 15,000 rows, and score unseen rows."""
    X, y = make_classification(20_000, 10, n_informative=8, class_sep=0.7, random_state=0)
    return _means([tabular.fit_and_score(tabular.OURS, tabular._as_table(X, y), 0)])


def _means(fits):
    names = {"wall": "s a fit", "score": "accuracy", "log-loss": "log-loss"}
    return {name: fmean(fit[key] for fit in fits) for key, name in names.items()}


def members():
    """Train four networks on 20,000 rows for six epochs of 547 batches."""
    from skmlp import TabularMLPClassifier

    X, y = samples(20_000, 20)
    return measure(TabularMLPClassifier(max_iter=6, batch_size=32, random_state=0).fit, X, y)


def predict_by_members():
    """Compute the outputs of twenty networks for 10,000 rows."""
    from skmlp._model.members import Members, mean_outputs

    rng = np.random.default_rng(0)
    units = (100, 128, 128, 128, 10)
    coefs = [rng.normal(size=(20, *pair)).astype(np.float32) for pair in pairwise(units)]
    networks = Members(coefs, [np.zeros((20, n), np.float32) for n in units[1:]])
    X, _ = samples(10_000, 100)
    return measure(partial(mean_outputs, X, networks, "mish", "softmax", n_threads=2))


def check_range():
    """Check that 100,000 rows of 100 columns in float64 fit into float32."""
    from skmlp._data.checks import check_fits

    return measure(check_fits, samples(100_000, 100, 10, "float64")[0], np.dtype("float32"))


def fingerprint():
    """Hash 20,000 rows of 784 columns in float32 by their values in float64."""
    from skmlp._training.snapshot import _digest

    return measure(_digest, [samples(20_000, 784)[0]], np.dtype("float64"))


def encode_numbers():
    """Encode 100,000 rows of 20 columns of numbers."""
    columns, numbers = _columns_of_numbers()
    outputs = np.zeros((100_000, numbers.n_outputs), np.float32)
    return measure(numbers.write, columns, outputs)


@lru_cache
def _columns_of_numbers():
    from skmlp._data.columns import Column
    from skmlp._data.numbers import learn_numbers

    columns = [Column(x, "x") for x in samples(100_000, 20)[0].T]
    return columns, learn_numbers(columns, np.random.RandomState(0))


def transform(name):
    """Transform 100,000 rows of 20 columns in float32."""
    X, _ = samples(100_000, 20)
    return measure(getattr(preprocessing, name)().fit(X[:1000]).transform, X)


def quantiles():
    """Learn the quantiles of ten columns of 300,000 numbers."""
    from skmlp._data.quantiles import learn_quantiles

    X, _ = samples(300_000, 10, 10, "float64")
    return measure(learn_quantiles, X, np.random.RandomState(0))


def parquet():
    """Read a million rows of ten columns in float32 from a file of Parquet."""
    import pyarrow
    import pyarrow.parquet

    X, y = samples(1_000_000, 10)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "X.parquet")
        columns = {f"x{number}": x for number, x in enumerate(X.T)} | {"y": y}
        pyarrow.parquet.write_table(pyarrow.table(columns), path)
        return measure(partial(data.from_parquet, path, target="y", directory=folder))


def masks():
    """Drop a share of 2048 x 256 values, by our hash and by a generator of XLA."""
    from skmlp._program.regularisers import random_bits
    from skmlp._tensorflow import loading

    tf = loading.load()
    shape, limit = (2048, 256), np.uint32(2**30)
    ways = {
        "nothing": lambda key: tf.broadcast_to(tf.cast(key, tf.uint32), shape),
        "the hash": lambda key: random_bits(tf, key, shape),
        "a generator": lambda key: tf.random.stateless_uniform(
            shape, tf.stack([key, key]), None, None, tf.uint32
        ),
    }
    figures = {}
    with tf.device("CPU:0"):
        values, keys = tf.ones(shape), [tf.constant(n, tf.int32) for n in range(100)]
        for name, bits in ways.items():
            drop = tf.function(
                lambda key, bits=bits: tf.where(bits(key) >= limit, values, 0.0), jit_compile=True
            )
            drop(keys[0]).numpy()
            figures[f"ms by {name}"] = 1e3 * median(
                seconds(lambda key=key, drop=drop: drop(key).numpy()) for key in keys
            )
    return figures


def to_eights(n_rows):
    """Return the next multiple of 8."""
    return -(-n_rows // 8) * 8


def to_powers(n_rows):
    """Return the next power of 2."""
    return 2 ** max(3, (n_rows - 1).bit_length())


def exactly(n_rows):
    """Leave no room."""
    return n_rows


def twice(n_rows):
    """Leave as much room as a program may have that serves a smaller fit."""
    return 2 * n_rows


VALIDATED = {"early_stopping": True, "validation_fraction": 0.5, "batch_size": 100}
LARGE_VALIDATED = {"early_stopping": True, "validation_fraction": 0.9, "batch_size": 1000}
IRIS = {"n_classes": 3, "dtype": "float64"}

SWEEPS = [
    Sweep("skmlp._program.penalty._MAX_FOLDS", (1, 4, 16, 64), partial(batches, 784, 200, 100)),
    Sweep(
        "skmlp._program.layout.LARGE_MATRIX",
        (2**8, 2**10, 2**12, 2**14),
        partial(
            all_of,
            partial(batches, 4, 100, 200, **IRIS),
            partial(batches, 30, (100, 50), 200),
            partial(batches, 64, 100, 200),
            partial(first_fit, 30, (100, 50), 200),
        ),
    ),
    Sweep(
        "skmlp._program.objective._TINY",
        (0, 64, 256, 1024, 2**14),
        partial(
            all_of,
            partial(lbfgs, 60, 2, (10, 10)),
            partial(lbfgs, 60, 4, (20, 20)),
            partial(lbfgs, 1000, 30, (50, 50)),
        ),
        n_rounds=3,
    ),
    Sweep(
        "skmlp._program.objective._TINY",
        (256, 2**17),
        partial(all_of, partial(lbfgs, 8000, 64, 100, 30), partial(lbfgs, 8000, 784, 100, 3)),
        n_rounds=3,
    ),
    Sweep(
        "skmlp._program.products._MAX_ROWS_WITH_WIDE_VECTORS",
        (0, 256, 10**6),
        partial(batches, 64, 100, 100, 160, 208, 224, 256, 400, 1024, dtype="float64"),
        n_rounds=3,
    ),
    Sweep(
        "skmlp._program.products._MANY_TERMS",
        (0, 50_000, 10**9),
        partial(
            all_of,
            partial(batches, 4, 50, 50, 100, 200, 400, **IRIS),
            partial(first_fit, 4, 50, 200, "float64"),
        ),
    ),
    Sweep(
        "skmlp._program.products._MIN_SHARE",
        (0.05, 0.25, 0.5, 0.75),
        partial(batches, 30, 100, 74, 65, 77, 70, 102, dtype="float64", n_classes=2),
    ),
    Sweep("skmlp._program.regularisers._SHIFTS", ((16, 15, 16),), masks),
    Sweep(
        "skmlp._engine.capacity._MAX_EPOCHS_A_CALL",
        (1, 16, 256, 1024),
        partial(fit, 150, 4, 1000, **IRIS),
    ),
    Sweep(
        "skmlp._engine.capacity._MAX_VALIDATION_BATCH",
        (256, 1024, 4096, 16_384),
        partial(fit, 30_000, 784, 5, **VALIDATED),
    ),
    Sweep(
        "skmlp._engine.capacity._MAX_VALIDATION_BYTES",
        (0, 2**26),
        partial(fit, 30_000, 784, 5, **VALIDATED),
    ),
    Sweep(
        "skmlp._engine.capacity._MAX_BLOCK_ROWS",
        (2**12, 2**14, 2**16, 2**18),
        partial(fit, 500_000, 4, 2, 20),
    ),
    Sweep("skmlp._engine.capacity._SPARSE_BLOCK_ROWS", (2**10, 2**12, 2**14), sparse),
    Sweep(
        "skmlp._engine.capacity.round_up_batch",
        (round_up_batch, to_eights, to_powers),
        partial(whole_batches, 130, 150, 190, 270, 520),
    ),
    Sweep("skmlp._engine.program_cache._round_up", (_round_up, exactly, twice), sparse),
    Sweep(
        "skmlp._engine.pace.Pace._CAUTIOUS_RATE",
        (1e9, 1e10, 1e11),
        partial(calls, 12_000, 784, (1000, 1000)),
        n_rounds=3,
    ),
    Sweep(
        "skmlp._engine.pace.Pace._OVERHEAD",
        (0.0, 5e-5, 5e-4),
        partial(calls, 400_000, 4, 10),
        n_rounds=3,
    ),
    Sweep(
        "skmlp._engine.pace.Pace._MAX_GROWTH",
        (2.0, 8.0, 64.0),
        partial(calls, 12_000, 784, (1000, 1000)),
        n_rounds=3,
    ),
    Sweep("skmlp._engine.session.MAX_BYTES", (0, 2**20, 2**24), partial(incremental, 150, 1000)),
    Sweep("skmlp._engine.compiling.MAPPINGS_LEFT", (8000,), partial(first_fit, 784, 200, 100)),
    Sweep(
        "skmlp._training.fit._ROWS_EVALUATED",
        (512, 2048, 8192),
        partial(fit, 20_000, 64, 20, dtype="float64", solver="lbfgs"),
    ),
    Sweep(
        "skmlp._training.members._MIN_BATCH",
        (8, 16, 32, 64),
        partial(tables, "wine", "breast cancer"),
        n_rounds=1,
    ),
    Sweep("skmlp._training.members._MAX_BATCH", (128, 256, 512), large_table, n_rounds=2),
    Sweep("skmlp._training.members.BLOCK_BATCHES", (16, 64, 256), members, n_rounds=3),
    Sweep(
        "skmlp._training.evaluation._ROWS_A_PART",
        (2**9, 2**13, 2**17),
        partial(fit, 100_000, 200, 3, **LARGE_VALIDATED),
        n_rounds=3,
    ),
    Sweep("skmlp._training.snapshot._CELLS_A_PART", (2**12, 2**18, 2**24), fingerprint),
    Sweep("skmlp._model.members._ROWS_A_PART", (16, 64, 256, 1024), predict_by_members),
    Sweep(
        "skmlp._data.checks.MAX_CONVERTED_BYTES",
        (2**27, 2**28),
        partial(fit, 25_000, 784, 2, dtype="uint8"),
    ),
    Sweep("skmlp._data.checks._ROWS_A_PART", (2**7, 2**10, 2**13, 2**16), check_range),
    Sweep("skmlp._data.numbers._CELLS_A_PART", (2**13, 2**16, 2**19), encode_numbers),
    Sweep("skmlp._data.quantiles._MOST_SAMPLES", (10_000, 100_000, 300_000), quantiles),
    Sweep("skmlp.data._ROWS_A_PART", (2**13, 2**16, 2**19), parquet),
    Sweep(
        "skmlp.preprocessing._periodic_features._CELLS_A_PART",
        (2**11, 2**14, 2**16, 2**18),
        partial(transform, "PeriodicFeatures"),
    ),
    Sweep(
        "skmlp.preprocessing._robust_smooth_scaler._CELLS_A_PART",
        (2**13, 2**16, 2**19),
        partial(transform, "RobustSmoothScaler"),
    ),
]


def compare(sweep):
    """Return the figures of each value: a list, by the names of the figures."""
    settings = [Setting(sweep.constant, value) for value in sweep.values]
    figures: dict[Any, dict[str, list[float]]] = {value: {} for value in sweep.values}
    for number in range(sweep.n_rounds + 1):
        for setting in settings:
            with setting.in_force():
                measured = sweep.run()
            for name, figure in measured.items() if number else ():  # the first round compiles
                figures[setting.value].setdefault(name, []).append(figure)
    return figures


def report(constant, figures):
    """Return lines with the medians of each value, and the smallest and the largest figures."""
    lines = [constant.removeprefix("skmlp.")]
    for value, by_name in figures.items():
        parts = [
            f"{median(each):.4g} ({min(each):.4g} to {max(each):.4g}) {name}"
            for name, each in by_name.items()
        ]
        lines.append(f"  {getattr(value, '__name__', value)!s:>10}: " + "; ".join(parts))
    return lines


def main():
    """Measure the constants whose names contain one of the arguments."""
    names = sys.argv[1:]
    os.environ[ENVIRONMENT_VARIABLE] = ""
    warnings.simplefilter("ignore")
    for sweep in SWEEPS:
        if not names or any(name in sweep.constant for name in names):
            print("\n".join(report(sweep.constant, compare(sweep))), flush=True)


if __name__ == "__main__":
    main()
