"""A network trained by the workers of a Ray cluster has the numbers of a fit in one process."""

import os
import signal
import threading
from tempfile import TemporaryDirectory

import numpy as np
import pytest

import skmlp.ray
from skmlp import TFMLPClassifier, TFMLPRegressor
from skmlp.exceptions import WorkerLostError
from tests.dask.test_numbers import NET, WEIGHT, X, Y, assert_same_fit
from tests.helpers import Callback, fit_quietly, run_python
from tests.processes import training_processes, wait_until
from tests.promises.test_clusters import RAY_ENVIRONMENT

ray = pytest.importorskip("ray", reason='pip install "skmlp[ray]"')

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Stochastic Optimizer"),
]


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """Start Ray with two CPUs, and check that no training process is left."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory(prefix="ray") as directory:
        for name, value in RAY_ENVIRONMENT.items():
            patch.setenv(name, value)
        options = {"_temp_dir": directory, "_node_ip_address": "127.0.0.1"}
        ray.init("local", num_cpus=2, include_dashboard=False, **options)
        try:
            yield
            wait_until(lambda: not training_processes(), 15)
        finally:
            ray.shutdown()


def cut(array):
    """Return references to partitions of uneven size. One partition is empty."""
    return [ray.put(part) for part in np.split(array, [130, 130, 131, 380])]


def test_a_classifier_has_the_numbers_of_one_process():
    """Check weights and curves on two workers, with weights and a hold-out."""
    params = NET | {"early_stopping": True}
    plain = fit_quietly(TFMLPClassifier(**params), X, Y, sample_weight=WEIGHT)
    ours = TFMLPClassifier(**params)
    fitted = skmlp.ray.fit(ours, cut(X), cut(Y), cut(WEIGHT), n_workers=2)
    assert fitted is ours
    assert_same_fit(ours, plain, X)
    np.testing.assert_array_equal(ours.classes_, plain.classes_)


def test_a_regressor_with_a_validation_set_goes_on():
    """Check two fits of arrays in a row on one worker, and the state of the random numbers."""
    y = X[:, 20:30].sum(axis=1) / 5
    states = [np.random.RandomState(3), np.random.RandomState(3)]
    params = NET | {"solver": "sgd", "warm_start": True}
    plain, ours = (TFMLPRegressor(**params | {"random_state": state}) for state in states)
    for _ in range(2):
        plain.fit(X, y, X_val=X[:50], y_val=y[:50])
        skmlp.ray.fit(ours, [X[:99], X[99:]], [y[:99], y[99:]], n_workers=1, **validation(y))
    assert_same_fit(ours, plain, X)
    assert states[0].randint(2**31) == states[1].randint(2**31)


def validation(y):
    return {"X_val": [X[:50]], "y_val": [y[:50]]}


def test_a_process_that_is_lost_is_an_error():
    """Check that the error names one worker, and that the estimator is as before."""
    ours = TFMLPClassifier(**NET | {"max_iter": 100_000, "tol": 0, "n_iter_no_change": 100_000})

    def kill_one():
        wait_until(lambda: len(training_processes()) == 2, 60)
        os.kill(training_processes()[1], signal.SIGKILL)

    thread = threading.Thread(target=kill_one)
    thread.start()
    with pytest.raises(WorkerLostError, match="killed by SIGKILL") as info:
        skmlp.ray.fit(ours, cut(X), cut(Y), n_workers=2)
    thread.join()
    assert len(info.value.workers) == 1
    assert not hasattr(ours, "coefs_")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([X, X], [Y]), "y has 1 partitions, expected 2 as in X"),
        (([], []), "X has 0 partitions, expected 1"),
        (([X], [Y[:9]]), "y has 9 samples in partition 0, expected 400 as in X"),
        (([X * np.nan], [Y]), "X contains NaN"),
        (([Y], [Y]), "X has 1 dimensions"),
    ],
)
def test_samples_that_do_not_fit(arguments, message):
    """Check the error, and that the estimator is as before."""
    ours = TFMLPClassifier(**NET)
    with pytest.raises(ValueError, match=message):
        skmlp.ray.fit(ours, *arguments, n_workers=1)
    assert not hasattr(ours, "n_features_in_")


def test_a_validation_set_that_does_not_fit():
    """Check that the error names the argument: X is as it should be."""
    with pytest.raises(ValueError, match="X_val has 1 dimensions"):
        skmlp.ray.fit(TFMLPClassifier(**NET), [X], [Y], n_workers=1, X_val=[Y], y_val=[Y])


def test_what_is_not_served():
    """Check the errors for other estimators, other solvers and callbacks."""
    with pytest.raises(TypeError, match="must be a TFMLPClassifier or a TFMLPRegressor, got int"):
        skmlp.ray.fit(1, [X], [Y], n_workers=1)
    with pytest.raises(ValueError, match="solver='lbfgs'"):
        skmlp.ray.fit(TFMLPClassifier(solver="lbfgs"), [X], [Y], n_workers=1)
    with pytest.raises(ValueError, match="has callbacks"):
        skmlp.ray.fit(TFMLPClassifier().set_callbacks(Callback()), [X], [Y], n_workers=1)


def test_the_import_is_light():
    """Check that neither Ray nor TensorFlow is imported with the module."""
    done = run_python(
        "import sys, skmlp.ray\nassert not {'tensorflow', 'ray'} & set(sys.modules)\n"
    )
    assert done.returncode == 0, done.stderr
