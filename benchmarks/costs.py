"""The other costs of a user: imports, first fits, predictions, memory, searches, validation.

Each cost is a function that runs in its own process and returns figures by name. `TARGETS` has
their acceptable values. No program is kept on disk, except where figures say so. ``python -m
benchmarks.costs NAME`` runs one of them and prints JSON.
"""

import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from functools import partial
from importlib import import_module
from statistics import median

import numpy as np

from skmlp._tensorflow.cache_directory import ENVIRONMENT_VARIABLE


def seconds(function, *args):
    """Return the duration of a call in seconds."""
    start = time.perf_counter()
    function(*args)
    return time.perf_counter() - start


def memory(field="VmRSS"):
    """Return a figure of /proc/self/status in MB."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(field))


def forget_peak():
    """Reset the peak of the memory of this process."""
    gc.collect()
    with open("/proc/self/clear_refs", "w") as control:
        control.write("5")


def in_new_process(code, kept=""):
    """Run code that prints numbers in a new process; return its wall time and the numbers."""
    start = time.perf_counter()
    command = [sys.executable, "-c", code]
    environment = os.environ | {ENVIRONMENT_VARIABLE: kept}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return [time.perf_counter() - start, *map(float, done.stdout.split())]


def ratios(numerator, denominator, n_rounds):
    """Return the ratios of two calls' times, taken in turn."""
    return [numerator() / denominator() for _ in range(n_rounds)]


RSS = "open('/proc/self/status').read().split('VmRSS:')[1].split()[0]"


def imports(n_rounds):
    """Import skmlp, and sklearn.neural_network."""

    def run(name):
        return in_new_process(f"import {name}; print({RSS})")

    pairs = [(run("sklearn.neural_network"), run("skmlp")) for _ in range(n_rounds)]
    return {
        "import time": [ours[0] / theirs[0] for theirs, ours in pairs],
        "import memory": [ours[1] / theirs[1] for theirs, ours in pairs],
    }


ONE_FIT = """
import time, warnings
warnings.simplefilter("ignore")
from sklearn.datasets import load_digits
from {module} import {name}
X, y = load_digits(return_X_y=True)
for _ in range(2):
    start = time.perf_counter()
    {name}(random_state=0).fit(X / 16, y)
    print(time.perf_counter() - start)
"""


def one_fit(n_rounds):
    """Run a script that fits digits twice, and one with scikit-learn; time the second fit too."""
    theirs = ONE_FIT.format(module="sklearn.neural_network", name="MLPClassifier")
    ours = ONE_FIT.format(module="skmlp", name="TFMLPClassifier")
    rounds = []
    for _ in range(n_rounds):
        with tempfile.TemporaryDirectory() as kept:
            runs = in_new_process(theirs), in_new_process(ours, kept), in_new_process(ours, kept)
        rounds.append(dict(zip(("scikit-learn", "skmlp", "skmlp again"), runs, strict=True)))
    figures = {}
    for who in ("scikit-learn", "skmlp", "skmlp again"):
        figures[f"script with one fit, {who}, s"] = [run[who][0] - run[who][2] for run in rounds]
    for who in ("scikit-learn", "skmlp"):
        figures[f"a second fit in it, {who}, s"] = [run[who][2] for run in rounds]
    return figures


FIRST_FIT = """
import time, warnings
warnings.simplefilter("ignore")
from sklearn.datasets import load_iris
from skmlp import TFMLPClassifier
X, y = load_iris(return_X_y=True)
start = time.perf_counter()
TFMLPClassifier(max_iter=200, random_state=0).fit(X, y)
print(time.perf_counter() - start)
"""
LOAD = """
import time
import skmlp
before = float({rss})
start = time.perf_counter()
{how}
print(time.perf_counter() - start, (float({rss}) - before) / 1024)
"""


def first_fit(n_rounds):
    """Fit iris in a fresh process; in others import TensorFlow plainly, and as skmlp does."""
    ours = LOAD.format(rss=RSS, how="from skmlp._tensorflow.loading import load; load()")
    # Both include the work of `load` after the import: starting devices and XLA.
    start = "f = tensorflow.function(lambda x: -x, jit_compile=True); f(tensorflow.constant(0))"
    plain = LOAD.format(rss=RSS, how=f"import tensorflow; {start}")
    codes = (FIRST_FIT, ours, plain)
    with tempfile.TemporaryDirectory() as kept:
        in_new_process(FIRST_FIT, kept)
        rounds = [
            [in_new_process(FIRST_FIT, kept), *map(in_new_process, codes)] for _ in range(n_rounds)
        ]
    return {
        "first fit beyond the import": [fit[1] - load[1] for _, fit, load, _ in rounds],
        "the same, program kept": [fit[1] - load[1] for fit, _, load, _ in rounds],
        "import of TensorFlow": [load[1] for *_, load, _ in rounds],
        "saved of its plain import, s": [plain[1] - load[1] for *_, load, plain in rounds],
        "saved of its plain import, MB": [plain[2] - load[2] for *_, load, plain in rounds],
    }


def predictions(n_rounds):
    """Predict one row and 10,000 rows of 784 features."""
    from sklearn.neural_network import MLPClassifier

    from skmlp import TFMLPClassifier

    rng = np.random.default_rng(0)
    X, y = rng.random((10_000, 784)).astype(np.float32), np.arange(10_000) % 10
    params = {"hidden_layer_sizes": 200, "max_iter": 1, "random_state": 0}
    theirs = MLPClassifier(**params).fit(X, y)
    ours = TFMLPClassifier(**params).fit(X, y)

    def best(clf, rows, n):
        return min(seconds(clf.predict, X[:rows]) for _ in range(n))

    return {
        f"predict {rows:,} rows": ratios(
            lambda n=n, rows=rows: best(ours, rows, n),
            lambda n=n, rows=rows: best(theirs, rows, n),
            n_rounds,
        )
        for rows, n in ((1, 300), (10_000, 10))
    }


def _random_table(n_rows, n_columns):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_rows, n_columns))
    return X, np.where(X[:, 0] * X[:, 1] > 0, "yes", "no")


def tabular_predictions(n_rounds):
    """Predict one row and 10,000 rows of 20 columns with the networks of a table."""
    from skmlp import TabularMLPClassifier

    X, y = _random_table(10_000, 20)
    clf = TabularMLPClassifier(random_state=0).fit(X[:2000], y[:2000])

    def best(rows, n):
        return min(seconds(clf.predict, X[:rows]) for _ in range(n)) * 1000

    return {
        f"predict {rows:,} rows of a table, ms": [best(rows, n) for _ in range(n_rounds)]
        for rows, n in ((1, 100), (10_000, 5))
    }


def _of_their_time(ours, theirs, n_rounds, n_calls):
    """Return the time of a call of ours, of that of theirs at the better of 1 and 2 threads.

    In blocks of calls, as threads of OpenBLAS spin for some 25 ms after a product that they shared.
    """
    from threadpoolctl import threadpool_limits

    def typical(function):
        return median(seconds(function) for _ in range(n_calls))

    def typical_of_theirs(n_threads):
        with threadpool_limits(n_threads):
            return typical(theirs)

    typical(ours), typical(theirs)
    ratios = []
    for _ in range(n_rounds):
        time.sleep(0.05)
        own = typical(ours)
        ratios.append(own / min(typical_of_theirs(n) for n in (1, 2)))
    return ratios


def small_calls(n_rounds):
    """Call partial_fit with few rows, and fit one epoch: what a call costs beside training."""
    from sklearn.datasets import load_digits, load_iris
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    from skmlp import TFMLPClassifier, TFMLPRegressor

    X, y = load_digits(return_X_y=True)
    X, y = X[:150], y[:150]
    figures = {}
    for dtype in (np.float32, np.float64):
        for kind, estimators, known in (
            ("classifier", (TFMLPClassifier, MLPClassifier), {"classes": np.unique(y)}),
            ("regressor", (TFMLPRegressor, MLPRegressor), {}),
        ):
            calls = [
                partial(estimator(random_state=0).partial_fit, X.astype(dtype), y, **known)
                for estimator in estimators
            ]
            name = f"partial_fit of 150 rows, {kind}, {np.dtype(dtype)}, of scikit-learn's time"
            figures[name] = _of_their_time(*calls, n_rounds, 60)
    X, y = load_iris(return_X_y=True)
    figures["one epoch of iris, of scikit-learn's time"] = _of_their_time(
        *(
            lambda estimator=estimator: estimator(max_iter=1, random_state=0).fit(X, y)
            for estimator in (TFMLPClassifier, MLPClassifier)
        ),
        n_rounds,
        60,
    )
    return figures


def lbfgs(n_rounds):
    """Fit by L-BFGS in float64, data of few rows and of some hundreds."""
    from sklearn.datasets import load_breast_cancer, load_digits, load_iris, make_moons
    from sklearn.neural_network import MLPClassifier

    from skmlp import TFMLPClassifier

    X_cancer, y_cancer = load_breast_cancer(return_X_y=True)
    X_digits, y_digits = load_digits(return_X_y=True)
    X_cancer = (X_cancer - X_cancer.mean(axis=0)) / X_cancer.std(axis=0)
    figures = {}
    for name, (X, y), params in (
        ("moons", make_moons(60, noise=0.2, random_state=0), {"hidden_layer_sizes": (10, 10)}),
        ("iris", load_iris(return_X_y=True), {"alpha": 1}),
        ("breast cancer", (X_cancer, y_cancer), {"max_iter": 100, "tol": 1e-9}),
        ("digits", (X_digits / 16, y_digits), {}),
    ):
        fits = [
            lambda estimator=estimator, X=X, y=y, params=params: estimator(
                solver="lbfgs", random_state=0, **params
            ).fit(X, y)
            for estimator in (TFMLPClassifier, MLPClassifier)
        ]
        times = _of_their_time(*fits, n_rounds, 3)
        figures[f"L-BFGS, {name}, times as fast as scikit-learn"] = [1 / each for each in times]
    return figures


def mnist_memory(n_rounds):
    """Fit MNIST, and measure the peak of the memory above the imported libraries."""
    from skmlp import TFMLPClassifier
    from skmlp._tensorflow import loading as _tensorflow
    from skmlp.datasets import load_mnist

    _tensorflow.load()
    imported = memory()
    mnist = load_mnist()
    X, y = mnist.X_train, mnist.y_train
    del mnist
    forget_peak()
    TFMLPClassifier(200, batch_size=100, max_iter=2, random_state=0).fit(X, y)
    return {"peak of MNIST above imports, MB": [memory("VmHWM") - imported]}


def tabular_memory(n_rounds):
    """Fit a table of 12,000 rows and 100 columns, as `mnist_memory` does MNIST."""
    from skmlp import TabularMLPClassifier
    from skmlp._tensorflow import loading

    loading.load()
    import_module("skmlp._training.members")  # imports of the fit, made beforehand
    imported = memory()
    X, y = _random_table(12_000, 100)
    forget_peak()
    TabularMLPClassifier(max_iter=6, random_state=0).fit(X, y)
    return {"peak of a table of 12,000 x 100 above imports, MB": [memory("VmHWM") - imported]}


def _sparse(n_samples=20_000, n_features=50_000, n_entries=100):
    from scipy.sparse import csr_array

    rng = np.random.default_rng(0)
    indices = rng.integers(0, n_features, n_samples * n_entries).astype(np.int32)
    indptr = np.arange(0, len(indices) + 1, n_entries)
    X = csr_array((rng.random(len(indices)), indices, indptr), shape=(n_samples, n_features))
    X.sum_duplicates()
    return X, rng.integers(0, 2, n_samples)


def sparse(n_rounds):
    """Fit some epochs of 20,000 sparse samples with 50,000 features."""
    from sklearn.neural_network import MLPClassifier

    from skmlp import TFMLPClassifier

    X, y = _sparse()
    result, params = {}, {"max_iter": 2, "random_state": 0}
    for dtype in (np.float32, np.float64):
        data = X.astype(dtype)
        TFMLPClassifier(**params).fit(data, y)
        before = memory()
        times = ratios(
            lambda data=data: seconds(MLPClassifier(**params).fit, data, y),
            lambda data=data: seconds(TFMLPClassifier(**params).fit, data, y),
            n_rounds,
        )
        result[f"sparse epoch, {np.dtype(dtype)}"] = times
        result[f"sparse memory of later fits, {np.dtype(dtype)}, MB"] = [memory() - before]
    return result


def validation(n_rounds):
    """Fit MNIST with and without 5,000 samples that are scored after every epoch."""
    from skmlp import TFMLPClassifier
    from skmlp.datasets import load_mnist

    mnist = load_mnist()
    params = {"hidden_layer_sizes": 200, "batch_size": 100, "max_iter": 3, "random_state": 0}

    def fit(**val):
        return seconds(lambda: TFMLPClassifier(**params).fit(mnist.X_train, mnist.y_train, **val))

    scored = {"X_val": mnist.X_val, "y_val": mnist.y_val}
    fit()
    fit(**scored)
    return {"validation of 5,000 rows": ratios(lambda: fit(**scored), fit, n_rounds)}


def rows(n_rounds):
    """Fit 10,000 to a million rows of 100 features, and compare the time for a row and epoch."""
    from skmlp import TFMLPClassifier

    rng = np.random.default_rng(0)
    X = rng.random((1_000_000, 100), np.float32)
    y = X[:, 0] > 0.5

    def per_row(n_rows):
        n_epochs = max(1, 200_000 // n_rows)
        clf = TFMLPClassifier(max_iter=n_epochs, n_iter_no_change=n_epochs, random_state=0)
        return seconds(clf.fit, X[:n_rows], y[:n_rows]) / n_rows / n_epochs

    per_row(10_000)
    times = [[per_row(n_rows) for n_rows in (10_000, 100_000, 1_000_000)] for _ in range(n_rounds)]
    return {
        "a row of 100,000, of one of 10,000": [t[1] / t[0] for t in times],
        "a row of 1,000,000, of one of 10,000": [t[2] / t[0] for t in times],
    }


def many_fits(n_rounds):
    """Fit one network shape 200 times, and 40 network shapes 5 times."""
    from sklearn.datasets import load_iris

    from skmlp import TFMLPClassifier

    X, y = load_iris(return_X_y=True)

    def grow(sizes):
        for i, size in enumerate(sizes):
            TFMLPClassifier(size, max_iter=20, random_state=0).fit(X, y)
            if i == 9:
                before = memory()
        return memory() - before

    one = grow([10] * 200)
    grow(list(range(11, 51)))
    before = memory()
    grow(list(range(11, 51)) * 2)
    return {
        "growth over 190 fits of a shape, MB": [one],
        "growth over 80 more fits of 40 shapes, MB": [memory() - before],
    }


GRID = """
import sys, time, warnings
warnings.simplefilter("ignore")
from joblib import parallel_config
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from {module} import {name}
X, y = load_digits(return_X_y=True)
X = (X / 16).astype("{dtype}")
sizes = {{"hidden_layer_sizes": [16, 32, 64, 100, 200]}}
for _ in range(2):
    start = time.perf_counter()
    with parallel_config("{backend}", n_jobs=2):
        GridSearchCV({name}(max_iter=200, random_state=0), sizes, cv=5).fit(X, y)
    print(time.perf_counter() - start)
"""
SEARCHES = {
    "theirs": ("sklearn.neural_network", "MLPClassifier", "loky"),
    "threading": ("skmlp", "TFMLPClassifier", "threading"),
    "loky": ("skmlp", "TFMLPClassifier", "loky"),
}


def grid(n_rounds):
    """Search 5 sizes in 5 folds of digits, in a new process and again in the same process."""
    result = {}
    for dtype in ("float32", "float64"):
        codes = {}
        for who, (module, name, backend) in SEARCHES.items():
            codes[who] = GRID.format(module=module, name=name, backend=backend, dtype=dtype)
        with tempfile.TemporaryDirectory() as kept:
            runs = [_search(codes, kept) for _ in range(n_rounds + 1)][1:]  # the first keeps them
        for who in ("threading", "loky"):
            for name in (who, f"{who}, programs kept"):
                result[f"search, {dtype}, {name}, first, whole process"] = [
                    # time of the imports and the first search
                    (run[name][0] - run[name][2]) / (run["theirs"][0] - run["theirs"][2])
                    for run in runs
                ]
            result[f"search, {dtype}, {who}, second"] = [
                run["theirs"][2] / run[who][2] for run in runs
            ]
    return result


def _search(codes, kept):
    """Time searches with each backend, without and with programs on disk."""
    run = {who: in_new_process(code) for who, code in codes.items()}
    for who in ("threading", "loky"):
        run[f"{who}, programs kept"] = in_new_process(codes[who], kept)
    return run


def file(n_rounds):
    """Fit a mapped file of 6.3 GB (2 million rows of 784 float32), and 200,000 rows in memory."""
    from skmlp import TFMLPClassifier

    rng = np.random.default_rng(0)
    n_rows, part = 2_000_000, rng.random((20_000, 784), np.float32)
    params = {"hidden_layer_sizes": 100, "max_iter": 1, "random_state": 0}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "X.npy")
        X = np.lib.format.open_memmap(path, "w+", np.float32, (n_rows, 784))
        for start in range(0, n_rows, len(part)):
            X[start : start + len(part)] = part
        X.flush()
        del X
        X = np.load(path, mmap_mode="r")
        y = np.arange(n_rows) % 2
        small = np.array(X[:200_000])
        TFMLPClassifier(**params).fit(small[:1000], y[:1000])
        in_memory = median(
            seconds(TFMLPClassifier(**params).fit, small, y[: len(small)]) for _ in range(n_rounds)
        )
        in_memory /= len(small)
        del small
        gc.collect()
        before = memory("RssAnon")
        with _Watch() as peak:
            on_disk = seconds(TFMLPClassifier(**params).fit, X, y) / n_rows
    return {
        "anonymous memory of a fit of 6.3 GB on disk, MB": [peak[0] - before],
        "speed of a row on disk, of one in memory": [in_memory / on_disk],
    }


class _Watch:
    """Watches the peak of the anonymous memory."""

    def __enter__(self):
        self._peak, self._stop = [0.0], threading.Event()

        def watch():
            while not self._stop.wait(0.02):
                self._peak[0] = max(self._peak[0], memory("RssAnon"))

        self._thread = threading.Thread(target=watch)
        self._thread.start()
        return self._peak

    def __exit__(self, *error):
        self._stop.set()
        self._thread.join()


COSTS = {
    function.__name__: function
    for function in (
        imports,
        one_fit,
        first_fit,
        predictions,
        tabular_predictions,
        small_calls,
        lbfgs,
        mnist_memory,
        tabular_memory,
        sparse,
        validation,
        rows,
        many_fits,
        grid,
        file,
    )
}
NEED_MNIST = ("mnist_memory", "validation")
SLOW = ("file", "first_fit", "grid", "many_fits", "one_fit", "rows", "sparse", "tabular_memory")
TARGETS = {
    "import time": "<= 1.05 of sklearn.neural_network",
    "import memory": "<= 1.05 of sklearn.neural_network",
    "first fit beyond the import": "<= 0.8 s",
    "the same, program kept": "<= 0.8 s",
    "import of TensorFlow": "about 2.2 s",
    "predict 1 rows": "<= 0.7 of scikit-learn's time",
    "predict 10,000 rows": "<= 1.0 of scikit-learn's time",
    "predict 1 rows of a table, ms": "<= 3",
    "predict 10,000 rows of a table, ms": "<= 300",
    **{
        f"partial_fit of 150 rows, {kind}, {dtype}, of scikit-learn's time": target
        for dtype in ("float32", "float64")
        for kind, target in (("classifier", "<= 0.9"), ("regressor", "<= 1.0"))
    },
    "one epoch of iris, of scikit-learn's time": "<= 0.9",
    "L-BFGS, moons, times as fast as scikit-learn": ">= 1.0",
    "L-BFGS, iris, times as fast as scikit-learn": ">= 1.2",
    "peak of a table of 12,000 x 100 above imports, MB": "<= 400 MB",
    "peak of MNIST above imports, MB": "<= 324 MB (1.3 times the data and 100 MB)",
    "sparse epoch, float32": ">= 3 times scikit-learn",
    "sparse epoch, float64": ">= 3 times scikit-learn",
    "validation of 5,000 rows": "<= 1.15",
    "a row of 100,000, of one of 10,000": "0.85 to 1.15",
    "a row of 1,000,000, of one of 10,000": "0.85 to 1.15",
    "growth over 190 fits of a shape, MB": "0",
    "growth over 80 more fits of 40 shapes, MB": "bounded",
    "anonymous memory of a fit of 6.3 GB on disk, MB": "<= 700 MB",
    "speed of a row on disk, of one in memory": ">= 0.5",
    **{
        f"search, {dtype}, {who}, {when}": target
        for dtype in ("float32", "float64")
        for who in ("threading", "loky")
        for when, target in (
            ("first, whole process", "<= 1.0 of scikit-learn's time"),
            ("programs kept, first, whole process", "<= 1.0 of scikit-learn's time"),
            ("second", ">= 3 times scikit-learn"),
        )
    },
}


def measure(name, n_rounds):
    """Run one of the functions in its own process, and return its figures."""
    command = [sys.executable, "-m", "benchmarks.costs", name, str(n_rounds)]
    environment = os.environ | {ENVIRONMENT_VARIABLE: ""}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"{name}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def table(figures):
    """Return the rows of a table: medians with their spread."""
    rows = []
    for name, values in figures.items():
        middle, low, high = (f"{f(values):.3g}" for f in (median, min, max))
        rows.append(f"| {name} | {middle} | {low} to {high} | {TARGETS.get(name, '')} |")
    return rows


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps(COSTS[sys.argv[1]](int(sys.argv[2]))))
