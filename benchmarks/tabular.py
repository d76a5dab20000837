"""Fit tables with the tabular networks and their peers, and score unseen rows.

The tables are some that scikit-learn ships or generates, and every ``.npz`` file in the folder that
the environment variable ``SKMLP_TABULAR`` names: arrays ``X`` of numbers, ``y``, where float32 is
for regression, and ``cat`` of integers for categories, if there are any. Each is split into three
quarters and a quarter, three times. Each library fits them in a process of its own, with the
threads that it takes by default. ``python -m benchmarks.tabular PEER N_SPLITS TABLE...`` is such a
process, and prints JSON.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, median

import numpy as np
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_wine,
    make_classification,
    make_friedman1,
)
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skmlp._tensorflow.cache_directory import ENVIRONMENT_VARIABLE

TABLES_VARIABLE = "SKMLP_TABULAR"
NAME = "tabular: "  # start of the names of these measurements, for ``--only``
N_SPLITS = 3
OURS = "skmlp"
KEPT = "skmlp, programs kept"


@dataclass(frozen=True)
class Table:
    """A table with its target.

    Parameters
    ----------
    X : DataFrame of shape (n_samples, n_columns)
        Columns of numbers, some of which may be missing, and of categories.
    y : ndarray of shape (n_samples,)
        Classes or numbers.
    has_classes : bool
        Whether y has classes.
    """

    X: object
    y: np.ndarray
    has_classes: bool

    def split(self, seed):
        """Return X and y for training, and X and y for testing."""
        X_train, X_test, y_train, y_test = train_test_split(
            self.X, self.y, random_state=seed, stratify=self.y if self.has_classes else None
        )
        return (X_train, y_train), (X_test, y_test)


def _as_table(X, y, categories=None):
    """Make a table from an array of numbers and an array of category codes."""
    import pandas as pd

    frame = pd.DataFrame(np.asarray(X, float)).add_prefix("x")
    for number, column in enumerate(categories.T if categories is not None else ()):
        names = pd.Series(column).map(lambda value: f"c{value}")
        frame[f"c{number}"] = names.astype("category").to_numpy()
    frame = frame.astype(dict.fromkeys(frame.select_dtypes(exclude="number"), "category"))
    return Table(frame, y, y.dtype != np.float32)


def _mixed(X, y, n_categorical=4):
    """Cut some columns into categories, and remove a tenth of the numbers of some others."""
    rng = np.random.default_rng(0)
    steps = np.quantile(X[:, :n_categorical], np.linspace(0.1, 0.9, 7), axis=0)
    names = [
        rng.permutation(8)[np.searchsorted(cuts, x)]  # so that the codes have no order
        for cuts, x in zip(steps.T, X.T, strict=False)
    ]
    X = X[:, n_categorical:]
    X[:, ::2][rng.random(X[:, ::2].shape) < 0.1] = np.nan
    return _as_table(X, y, np.transpose(names))


def _mixed_classes():
    X, y = make_classification(
        4000, 20, n_informative=10, n_classes=3, flip_y=0.02, random_state=0, class_sep=1.5
    )
    return _mixed(X, y)


def _mixed_numbers():
    X, y = make_friedman1(3000, n_features=10, noise=1.0, random_state=0)
    return _mixed(np.roll(X, 2, axis=1), y.astype(np.float32))  # categories hide two that matter


def _shipped(load):
    X, y = load(return_X_y=True)
    return _as_table(X, y.astype(np.float32) if load is load_diabetes else y)


SHIPPED = {
    "breast cancer": lambda: _shipped(load_breast_cancer),
    "diabetes": lambda: _shipped(load_diabetes),
    "digits": lambda: _shipped(load_digits),
    "wine": lambda: _shipped(load_wine),
    "mixed, classes": _mixed_classes,
    "mixed, numbers": _mixed_numbers,
}
QUICK = ("breast cancer", "diabetes")


def files():
    """Return the paths of the files of tables by their names."""
    folder = os.environ.get(TABLES_VARIABLE)
    return {path.stem: path for path in sorted(Path(folder).glob("*.npz"))} if folder else {}


def load(name):
    """Return a table; a file takes precedence over a scikit-learn table of the same name."""
    path = files().get(name)
    if path is None:
        return SHIPPED[name]()
    with np.load(path) as arrays:
        return _as_table(arrays["X"], arrays["y"], arrays.get("cat"))


def _skmlp(has_classes, seed):
    from skmlp import TabularMLPClassifier, TabularMLPRegressor

    return (TabularMLPClassifier if has_classes else TabularMLPRegressor)(random_state=seed)


def _trees(has_classes, seed):
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    trees = HistGradientBoostingClassifier if has_classes else HistGradientBoostingRegressor
    return trees(random_state=seed)  # "from_dtype" finds the categories


def _prepared(scaler=None):
    """Return a transformer that imputes numbers and leaves categories as they are."""
    numbers = make_column_selector(dtype_include="number")
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    return make_column_transformer(
        (imputer if scaler is None else make_pipeline(imputer, scaler), numbers),
        remainder="passthrough" if scaler is None else OneHotEncoder(handle_unknown="ignore"),
        verbose_feature_names_out=False,
        sparse_threshold=0,
    )


def _scikit_learn(has_classes, seed):
    from sklearn.compose import TransformedTargetRegressor
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    if has_classes:
        network = MLPClassifier(random_state=seed)
    else:
        network = TransformedTargetRegressor(
            MLPRegressor(random_state=seed), transformer=StandardScaler()
        )
    return make_pipeline(_prepared(StandardScaler()), network)


def _pytabkit(kind):
    def make(has_classes, seed):
        import pytabkit

        name = f"{kind}_{'Classifier' if has_classes else 'Regressor'}"
        network = getattr(pytabkit, name)(random_state=seed, device="cpu")
        # It does not accept missing numbers.
        return make_pipeline(_prepared().set_output(transform="pandas"), network)

    return make


PEERS = {
    OURS: _skmlp,
    KEPT: _skmlp,
    "HistGradientBoosting": _trees,
    "scikit-learn's MLP": _scikit_learn,
    "pytabkit's RealMLP-TD": _pytabkit("RealMLP_TD"),
    "pytabkit's TabM-D": _pytabkit("TabM_D"),
}


def fit_and_score(peer, table, seed):
    """Return wall and CPU seconds of a fit, its accuracy or R2, and its log-loss."""
    (X, y), (X_test, y_test) = table.split(seed)
    start, cpu_start = time.perf_counter(), time.process_time()
    model = PEERS[peer](table.has_classes, seed).fit(X, y)
    answer = {"wall": time.perf_counter() - start, "cpu": time.process_time() - cpu_start}
    if table.has_classes:
        y_prob = model.predict_proba(X_test)
        answer["score"] = float(np.mean(model.classes_[y_prob.argmax(axis=1)] == y_test))
        answer["log-loss"] = log_loss(y_test, y_prob, labels=model.classes_)
    else:
        answer["score"] = model.score(X_test, y_test)
    return answer


def installed(is_quick):
    """Return the peers whose packages are installed; with `quickly` only fast peers."""
    others = [peer for peer in PEERS if peer.startswith("pytabkit")]
    if is_quick:
        return [peer for peer in PEERS if peer not in (*others, KEPT)]
    if find_spec("pytabkit"):
        return list(PEERS)
    print("not installed, so left out:", ", ".join(others), file=sys.stderr)
    return [peer for peer in PEERS if peer not in others]


def _run(peer, n_splits, names, kept):
    """Let a process fit all tables, and return a list of answers for each table."""
    command = [sys.executable, "-m", "benchmarks.tabular", peer, str(n_splits), *names]
    environment = os.environ | {
        ENVIRONMENT_VARIABLE: kept,
        "PYTHONWARNINGS": "ignore",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise RuntimeError(f"{peer}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(is_quick, only):
    """Return the answers of each peer for all tables whose names contain a text."""
    names = [name for name in (QUICK if is_quick else SHIPPED) if name not in files()]
    names += [] if is_quick else list(files())
    names = [name for name in names if only in NAME + name]
    answers = {}
    with tempfile.TemporaryDirectory() as kept:  # the run of OURS leaves its programs for KEPT
        for peer in installed(is_quick) if names else ():
            answers[peer] = _run(peer, 1 if is_quick else N_SPLITS, names, kept)
            print("\n".join(_means({peer: answers[peer]})), file=sys.stderr)
    return answers


HEAD = """
Tables: three quarters to train on, a quarter to score; the score is accuracy for classes, R2 for
numbers. Seconds are those of a fit, the median of the splits; the first fits of a process compile.

| table | peer | score | log-loss | seconds | CPU seconds |
|---|---|---|---|---|---|
"""
MEANS_HEAD = """
Means of all tables, over all splits. The first fits are one of each table, in a new process.

| task | peer | score | log-loss | seconds of a fit | CPU seconds | all first fits, seconds |
|---|---|---|---|---|---|---|
"""


def _number(values, digits=4):
    return f"{fmean(values):.{digits}f}" if values else ""


def _losses(fits):
    return [fit["log-loss"] for fit in fits if "log-loss" in fit]


def table(answers):
    """Return the lines of a table with a row for each data set and peer, and one of means."""
    lines = HEAD.splitlines()
    for name in next(iter(answers.values()), ()):
        for peer in (peer for peer in answers if peer != KEPT):
            fits = answers[peer][name]
            wall, cpu = (median(fit[clock] for fit in fits) for clock in ("wall", "cpu"))
            lines.append(
                f"| {name} | {peer} | {_number([fit['score'] for fit in fits])} "
                f"| {_number(_losses(fits))} | {wall:.2f} | {cpu:.2f} |"
            )
    return [*lines, *MEANS_HEAD.splitlines(), *_means(answers)] if answers else []


def _means(answers):
    """Return rows of means: one for classification, one for regression."""
    rows = []
    for task in ("classes", "numbers"):
        for peer, of_peer in answers.items():
            tables = [
                fits for fits in of_peer.values() if bool(_losses(fits)) == (task == "classes")
            ]
            fits = [fit for fits in tables for fit in fits]
            if fits:
                rows.append(
                    f"| {task} | {peer} | {_number([fit['score'] for fit in fits])} "
                    f"| {_number(_losses(fits))} | {_number([fit['wall'] for fit in fits], 2)} "
                    f"| {_number([fit['cpu'] for fit in fits], 2)} "
                    f"| {sum(fits[0]['wall'] for fits in tables):.1f} |"
                )
    return rows


def main():
    """Fit all tables with one peer, and print a list of answers for each table."""
    peer, n_splits, *names = sys.argv[1:]
    warnings.simplefilter("ignore")
    answers = {name: [] for name in names}
    for seed in range(int(n_splits)):
        for name in names:
            answers[name].append(fit_and_score(peer, load(name), seed))
    print(json.dumps(answers))


if __name__ == "__main__":
    main()
