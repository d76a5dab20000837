"""Searches over hidden units on joblib's engines: processes, threads, Dask and Ray."""

import doctest
import json
import os
import re
import secrets
import textwrap
from contextlib import contextmanager
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from joblib import Parallel, delayed, parallel_config
from scipy.stats import loguniform
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, RandomizedSearchCV
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import TFMLPClassifier
from tests.helpers import ROOT, load, run_python, run_script

pytestmark = pytest.mark.uncompiled  # up to rounding

X, Y = (array[:300] for array in load("digits"))
SIZES = [(4,), (16,), (16, 8)]


def searches(estimator):
    """Return each search over hidden units; its networks converge before max_iter."""
    net = estimator(batch_size=32, learning_rate_init=0.01, tol=0.01, random_state=0)
    net.set_params(n_iter_no_change=3)
    pipeline = Pipeline([("scale", StandardScaler()), ("net", net)])
    grid = {"net__hidden_layer_sizes": SIZES}
    drawn = grid | {"net__alpha": loguniform(1e-3, 10)}
    common = {"cv": 3, "scoring": "neg_log_loss"}
    return {
        "grid": GridSearchCV(pipeline, grid, **common),
        "random": RandomizedSearchCV(pipeline, drawn, n_iter=4, random_state=0, **common),
        "halving": HalvingGridSearchCV(pipeline, grid, factor=3, random_state=0, **common),
    }


def results(estimator):
    """Return the best parameters and the test scores of each search."""
    found = {}
    for name, search in searches(estimator).items():
        search.fit(X, Y)
        scores = {key: search.cv_results_[key] for key in search.cv_results_ if "test" in key}
        found[name] = search.best_params_, scores
    return found


def assert_same_results(actual, expected):
    """Check that each search makes the same choice, and has the same scores up to rounding."""
    for name, (best_params, scores) in expected.items():
        assert actual[name][0] == best_params, name
        assert actual[name][1].keys() == scores.keys(), name
        for key, values in scores.items():
            # A process that has compiled many programs runs others uncompiled: other last bits.
            np.testing.assert_allclose(
                actual[name][1][key], values, rtol=0, atol=1e-9, err_msg=f"{name}: {key}"
            )


@pytest.fixture(scope="module")
def expected():
    """Return the results of scikit-learn's classifier, one fit after another."""
    return results(MLPClassifier)


@pytest.fixture(scope="module")
def ours():
    """Return the results of our classifier, one fit after another, in this process."""
    return results(TFMLPClassifier)


@contextmanager
def loky():
    from joblib.externals.loky import get_reusable_executor

    with parallel_config("loky", n_jobs=2):
        yield
    get_reusable_executor().shutdown(wait=True)


@contextmanager
def threading():
    with parallel_config("threading", n_jobs=2):
        yield


@contextmanager
def dask():
    distributed = pytest.importorskip("distributed", reason='pip install "skmlp[dask]"')
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    )
    with cluster, distributed.Client(cluster) as client:
        assert len(client.ncores()) == 2
        with parallel_config("dask"):
            yield


@contextmanager
def ray():
    ray = pytest.importorskip("ray", reason='pip install "skmlp[ray]"')
    from ray.util.joblib import register_ray

    with TemporaryDirectory(prefix="ray") as directory:  # tmp_path is too long for Ray's sockets
        options = {"_temp_dir": directory, "_node_ip_address": "127.0.0.1"}
        ray.init("local", num_cpus=2, include_dashboard=False, **options)
        try:
            register_ray()
            with parallel_config("ray", n_jobs=2):
                yield
        finally:
            ray.shutdown()


ENGINES = {"loky": loky, "threading": threading, "dask": dask, "ray": ray}

RAY_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    # Without a token Ray makes one, and leaves it in the home directory.
    "RAY_AUTH_TOKEN": secrets.token_hex(32),
}


def test_searches_give_what_scikit_learn_gives(expected, ours):
    """Check best_params_ and scores of three searches, one fit after another."""
    assert_same_results(ours, expected)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_engines_give_what_one_process_gives(engine, expected, ours, monkeypatch):
    """Check best_params_ and scores of three searches in two workers."""
    for name, value in RAY_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with ENGINES[engine]():
        found = results(TFMLPClassifier)
        workers = Parallel()(delayed(os.getpid)() for _ in range(4))
    assert (os.getpid() in workers) == (engine == "threading")
    assert_same_results(found, expected)
    assert_same_results(found, ours)


def page(title):
    """Return the code of a section of the page "Beyond one machine"."""
    text = (ROOT / "docs" / "beyond_one_machine.rst").read_text()
    sections = re.split(r"\n(.+)\n---+\n", text)
    section = sections[sections.index(title) + 1]
    blocks = re.findall(r"\.\. code-block:: python\n\n((?: {3}.*\n|\n)+)", section)
    return "\n".join([doctest.script_from_examples(section), *map(textwrap.dedent, blocks)])


PRINT_RESULTS = """
if __name__ == "__main__":
    import json
    scores = search.cv_results_["mean_test_score"].tolist()
    print("RESULT", json.dumps([search.best_params_, scores]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "title"), [("distributed", "On a Dask cluster"), ("ray", "On Ray")]
)
def test_the_page_runs_as_it_stands(module, title, tmp_path):
    """Check the page's code for Dask and Ray against its search with MLPClassifier."""
    pytest.importorskip(module)
    script = tmp_path / "script.py"
    script.write_text(page("The search") + page(title) + PRINT_RESULTS)
    with TemporaryDirectory(prefix="ray") as directory:
        environment = RAY_ENVIRONMENT | {"RAY_TMPDIR": directory, "RAY_ADDRESS": None}
        process = run_script(script, timeout=400, **environment)
    assert process.returncode == 0, process.stderr
    best_params, scores = json.loads(process.stdout.rpartition("RESULT")[2])
    names = {}
    exec(page("The search"), names)
    theirs = MLPClassifier(learning_rate_init=0.01, tol=0.01, random_state=0)
    search = names["search"].set_params(estimator__net=theirs).fit(names["X"], names["y"])
    assert best_params == search.best_params_
    np.testing.assert_allclose(scores, search.cv_results_["mean_test_score"], rtol=0, atol=1e-9)


@pytest.mark.slow
def test_a_search_without_refit_needs_tensorflow_in_the_workers_alone():
    """Check that the calling process has not imported it."""
    code = page("The search") + (
        "import sys\n"
        "search.set_params(refit=False, n_jobs=2).fit(X, y)\n"
        "assert search.cv_results_['mean_test_score'].max() > -1\n"
        "assert 'tensorflow' not in sys.modules\n"
    )
    process = run_python(code, timeout=400)
    assert process.returncode == 0, process.stderr
