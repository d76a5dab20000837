"""The estimators for Dask without a cluster: parameters, copies, refused arguments."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.utils import estimator_checks

from skmlp import TFMLPClassifier, TFMLPRegressor
from skmlp.dask import DaskTFMLPClassifier, DaskTFMLPRegressor
from tests.helpers import fit_quietly, run_python

da = pytest.importorskip("dask.array", reason='pip install "skmlp[dask]"')

PLAIN = {DaskTFMLPClassifier: TFMLPClassifier, DaskTFMLPRegressor: TFMLPRegressor}

X = da.from_array(np.random.RandomState(0).rand(20, 3), chunks=(10, 3))
Y = da.from_array(np.arange(20) % 2, chunks=10)


class NoClient:
    """Stands for the client of a cluster; any use of it is an error."""

    def __deepcopy__(self, memo):
        raise AssertionError("copied")

    def __reduce__(self):
        raise AssertionError("pickled")


@pytest.mark.parametrize("estimator", PLAIN)
def test_parameters_are_those_of_the_plain_estimator(estimator):
    """Check names and defaults, and the two new parameters."""
    plain = PLAIN[estimator]().get_params()
    assert estimator().get_params() == plain | {"client": None, "on_worker_loss": "continue"}


@pytest.mark.parametrize("estimator", PLAIN)
def test_clones_have_the_same_client_and_pickles_none(estimator):
    """Check that a client is neither copied nor pickled."""
    client = NoClient()
    est = estimator(hidden_layer_sizes=7, client=client)
    copied = clone(est)
    assert copied.client is client
    assert copied.hidden_layer_sizes == 7
    loaded = pickle.loads(pickle.dumps(est))
    assert loaded.client is None
    assert loaded.get_params() == est.get_params() | {"client": None}
    assert est.client is client


@pytest.mark.parametrize("estimator", PLAIN)
def test_to_local_is_the_plain_estimator(estimator):
    """Check the parameters and the attributes of a fit, without a cluster."""
    plain = PLAIN[estimator](max_iter=2, random_state=0)
    fit_quietly(plain, np.asarray(X), np.asarray(Y))
    est = estimator(**plain.get_params(), client=NoClient())
    for name, value in vars(plain).items():
        setattr(est, name, value)
    local = est.to_local()
    assert type(local) is PLAIN[estimator]
    assert local.get_params() == plain.get_params()
    np.testing.assert_array_equal(local.predict(np.asarray(X)), plain.predict(np.asarray(X)))
    np.testing.assert_array_equal(est.predict(np.asarray(X)), plain.predict(np.asarray(X)))
    lazy = est.predict(X)
    assert lazy.chunks[0] == (10, 10)
    # The last bit depends on the number of rows in a product.
    np.testing.assert_allclose(lazy.compute(scheduler="sync"), plain.predict(np.asarray(X)))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"solver": "lbfgs"}, "solver='lbfgs'; expected 'adam' or 'sgd'"),
        ({"scoring": "f1"}, "scoring='f1'; expected None or 'loss'"),
        ({"on_worker_loss": "wait"}, "on_worker_loss"),
        ({"alpha": -1}, "alpha"),
        ({"hidden_layer_sizes": (3, 0)}, "hidden_layer_sizes"),
    ],
)
def test_what_is_not_served_is_refused_at_once(params, message):
    """Check that the cluster is not asked for anything."""
    with pytest.raises(ValueError, match=message):
        DaskTFMLPClassifier(**params, client=NoClient()).fit(X, Y)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones((4, 2)), Y), "X must be a dask array, DataFrame or Series, got ndarray.*TFMLPC"),
        ((X, np.ones(20)), "y must be a dask array, DataFrame or Series, got ndarray"),
        ((X, None), "y must be a dask array.*NoneType"),
        ((X[:, 0], Y), "X has 1 dimensions"),
        ((X, Y[:10]), "y has 10 samples, expected 20 as in X"),
        ((X, Y, Y[:10]), "sample_weight has 10 samples, expected 20 as in X"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_at_once(arguments, message):
    """Check that the cluster is not asked for anything."""

    class Workers:
        def nthreads(self):
            return {"tcp://127.0.0.1:1": 1}

    with pytest.raises((TypeError, ValueError), match=message):
        DaskTFMLPClassifier(client=Workers()).fit(*arguments)


def test_no_client_is_an_error():
    """Check the message if no client was created."""
    with pytest.raises(ValueError, match="no client of a Dask cluster"):
        DaskTFMLPClassifier().fit(X, Y)


def test_there_is_no_partial_fit():
    """Check the error of `partial_fit`, and that `hasattr` is False."""
    assert not hasattr(DaskTFMLPClassifier(), "partial_fit")


@pytest.mark.parametrize("estimator", PLAIN.values())
def test_plain_estimators_refuse_dask(estimator):
    """Check that the error names the class for Dask."""
    with pytest.raises(TypeError, match=f"X is .* of Dask's.*skmlp.dask.Dask{estimator.__name__}"):
        estimator().fit(X, Y)
    with pytest.raises(TypeError, match="y is a collection of Dask's"):
        estimator().fit(np.asarray(X), Y)


def test_the_import_is_light():
    """Check that importing the classes imports neither Dask nor TensorFlow."""
    done = run_python(
        "import sys, skmlp.dask\n"
        "assert not {'tensorflow', 'dask', 'distributed'} & set(sys.modules)\n"
    )
    assert done.returncode == 0, done.stderr


CHECKS = [
    estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_estimators_unfitted,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_mixin_order,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_set_params,
    estimator_checks.check_valid_tag_types,
]
"""The checks of scikit-learn that fit nothing. Other checks fit arrays of one machine."""


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("estimator", PLAIN)
def test_checks_of_scikit_learn(estimator, check):
    """Run the checks of scikit-learn that fit nothing."""
    check(estimator.__name__, estimator())
