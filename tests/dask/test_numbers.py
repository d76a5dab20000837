"""A network trained by the workers of a Dask cluster has the numbers of a fit in one process."""

import sys
from contextlib import ExitStack
from functools import cache

import numpy as np
import pytest

from skmlp import TFMLPClassifier, TFMLPRegressor
from skmlp.dask import DaskTFMLPClassifier, DaskTFMLPRegressor
from tests.helpers import fit_quietly, load

distributed = pytest.importorskip("distributed", reason='pip install "skmlp[dask]"')
dask = pytest.importorskip("dask", reason='pip install "skmlp[dask]"')
da = pytest.importorskip("dask.array", reason='pip install "skmlp[dask]"')

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Batches of"),
]

DIGITS = load("digits")
N = 400
X, Y = (array[:N] for array in DIGITS)
WEIGHT = np.random.RandomState(0).randint(3, size=N).astype(float)
WEIGHT[100:132] = 0
LABELS = np.column_stack([Y > 4, Y % 2 == 0, Y == 3]).astype(int)
NET = {"hidden_layer_sizes": (20, 10), "max_iter": 4, "batch_size": 64, "random_state": 0}


@pytest.fixture(scope="module")
def client_of():
    """Return a function that returns the client of a number of workers of one thread each."""
    with ExitStack() as clusters:

        @cache
        def start(n_workers):
            cluster = distributed.LocalCluster(
                n_workers=n_workers,
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
            )
            clusters.enter_context(cluster)
            return clusters.enter_context(distributed.Client(cluster))

        yield start


@pytest.fixture
def two_workers(client_of):
    return client_of(2)


EVEN = (100, 100, 100, 100)
UNEVEN = (130, 0, 1, 249, 20)


def chunked(array, chunks=EVEN):
    return da.from_array(array, chunks=(chunks, *array.shape[1:]))


def of_unknown_chunks(array):
    """Return the same samples in chunks whose sizes are unknown until they are computed."""
    known = chunked(np.concatenate([array, array[:20]]), (*EVEN, 20))
    return known[chunked(np.arange(N + 20) < N, (*EVEN, 20))]


def assert_same_fit(ours, plain, X, atol=1e-10):
    """Check that a fit on a cluster has the numbers of a fit in this process."""
    close = {"rtol": 0, "atol": atol}
    assert ours.n_iter_ == plain.n_iter_
    assert ours.t_ == plain.t_
    for name in ("coefs_", "intercepts_"):
        for actual, expected in zip(getattr(ours, name), getattr(plain, name), strict=True):
            np.testing.assert_allclose(actual, expected, **close, err_msg=name)
    names = ["loss_", "loss_curve_", "best_loss_", "validation_scores_", "validation_loss_curve_"]
    for name in [*names, "best_validation_score_"]:
        actual, expected = getattr(ours, name), getattr(plain, name)
        if expected is None:
            assert actual is None, name
        else:
            np.testing.assert_allclose(actual, expected, **close, err_msg=name)
    local = ours.to_local() if hasattr(ours, "to_local") else ours
    np.testing.assert_allclose(local.predict(X), plain.predict(X), **close)


CASES = {
    "early stopping": {"early_stopping": True, "n_iter_no_change": 1, "tol": 0.1, "max_iter": 20},
    "class_weight": {"class_weight": "balanced", "solver": "sgd", "validation_fraction": 0.2},
    "widths": {"hidden_layer_sizes": 400, "batch_size": 300, "dropout": 0.2, "max_iter": 3},
    "sgd": {"solver": "sgd", "learning_rate": "adaptive"},
    "decay": {"weight_decay": 0.1, "learning_rate": "cosine", "label_smoothing": 0.1},
    "dropout": {"dropout": [0.5, 0.2], "validation_fraction": 0.2},
    "no shuffle": {"shuffle": False, "alpha": 0.1, "activation": "tanh"},
}


@pytest.mark.parametrize(
    ("case", "n_workers"),
    [
        ("sgd", 2),
        ("early stopping", 2),
        ("class_weight", 3),
        ("widths", 2),  # so large that gradients are compiled for several numbers of rows
        ("decay", 2),
        ("dropout", 3),
        ("no shuffle", 3),
    ],
)
def test_a_classifier_has_the_numbers_of_one_process(case, n_workers, client_of):
    """Check weights and curves of weighted samples in partitions of uneven size, one empty."""
    params = NET | CASES[case]
    plain = fit_quietly(TFMLPClassifier(**params), X, Y, sample_weight=WEIGHT)
    client = client_of(n_workers)
    ours = DaskTFMLPClassifier(**params, client=client)
    fit_quietly(ours, chunked(X, UNEVEN), chunked(Y, UNEVEN), sample_weight=chunked(WEIGHT, UNEVEN))
    assert_same_fit(ours, plain, X)
    assert not any(client.run(lambda: "tensorflow" in sys.modules).values())


def test_multilabel_and_unknown_chunks(two_workers):
    """Check indicator targets, in chunks whose sizes Dask does not know."""
    params = NET | {"scoring": "loss", "validation_fraction": 50}
    plain = fit_quietly(TFMLPClassifier(**params), X, LABELS)
    ours = DaskTFMLPClassifier(**params, client=two_workers)
    fit_quietly(ours, of_unknown_chunks(X), of_unknown_chunks(LABELS))
    assert_same_fit(ours, plain, X)


@pytest.mark.parametrize("name", ["diabetes", "two_targets"])
def test_a_regressor_has_the_numbers_of_one_process(name, two_workers):
    """Check one target and two, with early stopping by R2."""
    X, y = (array[:N] for array in load(name))
    params = NET | {"early_stopping": True, "tol": 0.1}
    plain = fit_quietly(TFMLPRegressor(**params), X, y)
    ours = fit_quietly(DaskTFMLPRegressor(**params, client=two_workers), chunked(X), chunked(y))
    assert_same_fit(ours, plain, X)
    assert ours.score(chunked(X), chunked(y)) == pytest.approx(plain.score(X, y), abs=1e-12)


def test_samples_in_the_order_of_their_classes(two_workers):
    """Check unshuffled samples sorted by class: each batch lies on one worker."""
    order = np.argsort(Y, kind="stable")
    params = NET | {"shuffle": False}
    plain = fit_quietly(TFMLPClassifier(**params), X[order], Y[order])
    ours = DaskTFMLPClassifier(**params, client=two_workers)
    fit_quietly(ours, chunked(X[order]), chunked(Y[order]))
    assert_same_fit(ours, plain, X)


def test_a_warm_start_goes_on(two_workers):
    """Check weights and curves of two fits in a row."""
    params = NET | {"warm_start": True}
    plain = TFMLPClassifier(**params)
    ours = DaskTFMLPClassifier(**params, client=two_workers)
    for _ in range(2):
        fit_quietly(plain, X, Y)
        fit_quietly(ours, chunked(X), chunked(Y))
    assert_same_fit(ours, plain, X)


def test_a_random_state_is_drawn_from(two_workers):
    """Check that the user's RandomState ends as after a fit in this process."""
    states = [np.random.RandomState(3), np.random.RandomState(3)]
    fit_quietly(TFMLPClassifier(**NET | {"random_state": states[0]}), X, Y)
    ours = DaskTFMLPClassifier(**NET | {"random_state": states[1]}, client=two_workers)
    fit_quietly(ours, chunked(X), chunked(Y))
    assert states[0].randint(2**31) == states[1].randint(2**31)


def test_float32(two_workers):
    """Check losses and probabilities.

    Gradients are rounded to 24 bits. Sums of 64 gradients therefore depend on the order, by some
    1e-7 of their size. Four epochs of Adam amplify this difference less than a hundred times.
    """
    X32 = X.astype(np.float32)
    plain = fit_quietly(TFMLPClassifier(**NET), X32, Y)
    ours = fit_quietly(DaskTFMLPClassifier(**NET, client=two_workers), chunked(X32), chunked(Y))
    assert ours.coefs_[0].dtype == np.float32
    np.testing.assert_allclose(ours.loss_curve_, plain.loss_curve_, rtol=1e-5)
    probabilities = ours.predict_proba(chunked(X32)).compute()
    np.testing.assert_allclose(probabilities, plain.predict_proba(X32), rtol=0, atol=1e-5)


def test_data_frames(two_workers):
    """Check feature names, string labels, and predictions for columns in another order."""
    pd, dd = pytest.importorskip("pandas"), pytest.importorskip("dask.dataframe")
    frame = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(64)])
    labels = pd.Series([f"digit {label}" for label in Y])
    plain = fit_quietly(TFMLPClassifier(**NET), frame, labels)
    lazy = dd.from_pandas(frame, npartitions=3), dd.from_pandas(labels, npartitions=3)
    ours = fit_quietly(DaskTFMLPClassifier(**NET, client=two_workers), *lazy)
    proba = ours.predict_proba(lazy[0]).compute()
    np.testing.assert_allclose(proba, plain.predict_proba(frame), rtol=0, atol=1e-10)
    assert ours.predict(lazy[0]).compute().tolist() == plain.predict(frame).tolist()
    np.testing.assert_array_equal(ours.feature_names_in_, plain.feature_names_in_)
    assert ours.score(*lazy) == plain.score(frame, labels)
    with pytest.raises(ValueError, match="feature names"):
        ours.predict(lazy[0][frame.columns[::-1]])


def test_data_that_are_in_memory_stay_on_their_worker(two_workers):
    """Check persisted partitions, three of four on one worker."""
    workers = sorted(two_workers.nthreads())
    parts = []
    for i in range(4):
        (part,) = two_workers.scatter([X[100 * i : 100 * i + 100]], workers=[workers[i == 3]])
        parts.append(da.from_delayed(dask.delayed(part), (100, 64), X.dtype))
    lazy = two_workers.persist(da.concatenate(parts))
    plain = fit_quietly(TFMLPClassifier(**NET), X, Y)
    ours = fit_quietly(DaskTFMLPClassifier(**NET, client=two_workers), lazy, chunked(Y))
    assert_same_fit(ours, plain, X)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"X": np.nan}, "X.*NaN"),
        ({"sample_weight": -1.0}, "Negative values.*sample_weight"),
    ],
)
def test_bad_values_are_named(change, message, two_workers):
    """Check that the error names the array, as in one process, and that nothing is fitted."""
    arrays = {"X": X.copy(), "y": Y, "sample_weight": WEIGHT.copy()}
    (name, value), *_ = change.items()
    arrays[name][7] = value
    ours = DaskTFMLPClassifier(**NET, client=two_workers)
    with pytest.raises(ValueError, match=message):
        ours.fit(**{name: chunked(array) for name, array in arrays.items()})
    assert not hasattr(ours, "coefs_")
