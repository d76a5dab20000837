"""Fits on a cluster equal fits in one process, for each pair of values of two factors."""

import itertools
from contextlib import ExitStack

import numpy as np
import pytest

from skmlp import TFMLPClassifier, TFMLPRegressor
from skmlp.dask import DaskTFMLPClassifier, DaskTFMLPRegressor
from tests.dask.test_numbers import LABELS, NET, WEIGHT, N, X, Y, assert_same_fit
from tests.helpers import fit_quietly

distributed = pytest.importorskip("distributed", reason='pip install "skmlp[dask]"')
da = pytest.importorskip("dask.array", reason='pip install "skmlp[dask]"')

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Batches of"),
]

FACTORS = {
    "n_workers": (1, 2, 3),
    "solver": ("adam", "sgd"),
    "task": ("classes", "labels", "numbers"),
    "option": (
        "none",
        "weights",
        "class_weight",
        "early stopping",
        "validation set",
        "validation set on one worker",
    ),
    "partitions": ("even", "uneven", "empty", "unknown", "sorted"),
}
"""The factors of a fit, and their values. "sorted" puts each class on one worker alone."""

CHUNKS = {
    "even": (100, 100, 100, 100),
    "uneven": (7, 250, 42, 101),
    "empty": (0, 200, 0, 0, 199, 1),
    "unknown": (100, 100, 100, 100),
    "sorted": (134, 133, 133),
}

TARGETS = {"classes": Y, "labels": LABELS, "numbers": X[:, 20:30].sum(axis=1) / 5}


def is_possible(case):
    names = dict(zip(FACTORS, case, strict=True))
    return names["option"] != "class_weight" or names["task"] == "classes"


def pairs_of(case):
    return set(itertools.combinations(enumerate(case), 2))


def pairwise():
    """Return cases that together have each possible pair of values of two factors.

    The cases are chosen one by one. The next case is the case with the most pairs that are missing
    from the cases chosen before.
    """
    cases = [case for case in itertools.product(*FACTORS.values()) if is_possible(case)]
    np.random.RandomState(0).shuffle(cases)  # otherwise the first values would win all ties
    left = set().union(*map(pairs_of, cases))
    chosen = []
    while left:
        chosen.append(max(cases, key=lambda case: len(pairs_of(case) & left)))
        left -= pairs_of(chosen[-1])
    return sorted(chosen)


def chunked(array, partitions):
    """Return a dask array, cut into partitions in the named way."""
    sizes = CHUNKS[partitions]
    lazy = da.from_array(array, chunks=(sizes, *array.shape[1:]))
    if partitions != "unknown":
        return lazy
    return lazy[da.from_array(np.ones(N, bool), chunks=(sizes,))]


@pytest.fixture(scope="module")
def client_of():
    """Return a function that returns a client of some workers. One cluster runs at a time."""
    with ExitStack() as running:
        clusters = {}

        def start(n_workers):
            if n_workers not in clusters:
                running.close()
                clusters.clear()
                cluster = distributed.LocalCluster(
                    n_workers=n_workers,
                    threads_per_worker=1,
                    host="127.0.0.1",
                    dashboard_address="127.0.0.1:0",
                )
                running.enter_context(cluster)
                clusters[n_workers] = running.enter_context(distributed.Client(cluster))
            return clusters[n_workers]

        yield start


@pytest.mark.parametrize(tuple(FACTORS), pairwise())
def test_numbers_of_one_process(n_workers, solver, task, option, partitions, client_of):
    """Check the weights and curves of each case."""
    y, order = TARGETS[task], np.arange(N)
    if partitions == "sorted":
        order = np.argsort(y if y.ndim == 1 else y[:, 0], kind="stable")
    params = NET | {"solver": solver, "max_iter": 3}
    if option == "class_weight":
        params["class_weight"] = "balanced"
    if option == "early stopping":
        params |= {"early_stopping": True, "n_iter_no_change": 1, "tol": 0.05, "max_iter": 6}
    given, lazy = {}, {}
    if option == "weights":
        given["sample_weight"] = WEIGHT[order]
        lazy["sample_weight"] = chunked(WEIGHT[order], partitions)
    if option.startswith("validation set"):
        validation = {"X_val": X[::4], "y_val": y[::4], "sample_weight_val": WEIGHT[::4]}
        rows = (30, 40, 30)
        if option.endswith("one worker"):
            rows = (100,)
            params["early_stopping"] = True  # the best weights are kept
        given |= validation
        for name, array in validation.items():
            lazy[name] = da.from_array(array, chunks=(rows, *array.shape[1:]))
    kinds = (TFMLPClassifier, DaskTFMLPClassifier)
    plain, ours = (TFMLPRegressor, DaskTFMLPRegressor) if task == "numbers" else kinds
    plain = fit_quietly(plain(**params), X[order], y[order], **given)
    ours = ours(**params, client=client_of(n_workers))
    fit_quietly(ours, chunked(X[order], partitions), chunked(y[order], partitions), **lazy)
    assert_same_fit(ours, plain, X)
