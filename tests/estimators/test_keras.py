"""to_keras: the same outputs, and how Keras is imported."""

import os
import pickle
from functools import cache

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.exceptions import NotFittedError

from skmlp import TFMLPClassifier, TFMLPRegressor
from skmlp._tensorflow import forks
from tests.helpers import fit_quietly, load, run_python, sampled_cases, with_network

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program

X, Y = load("iris")
ACTIVATIONS = ["identity", "logistic", "tanh", "relu"]
TARGETS = {
    "binary": (TFMLPClassifier, {}, Y > 0),
    "multiclass": (TFMLPClassifier, {}, np.array(["a", "b", "c"])[Y]),
    "multilabel": (TFMLPClassifier, {}, np.eye(3, dtype=int)[Y]),
    "one target": (TFMLPRegressor, {}, X[:, 0] * 2),
    "two targets": (TFMLPRegressor, {}, X[:, :2]),
    "poisson": (TFMLPRegressor, {"loss": "poisson"}, Y),
}
TOLERANCES = {"float32": 1e-6, "float64": 1e-12}


@cache
def fit(target):
    """Return a fitted estimator, shared by tests because fitting compiles: do not change it."""
    estimator, params, y = TARGETS[target]
    est = estimator(hidden_layer_sizes=(7, 5), max_iter=20, random_state=0, **params)
    return fit_quietly(est, X, y)


def network_outputs(est, X):
    """Return the outputs that the Keras model should have, from public predictions."""
    if not hasattr(est, "predict_proba"):
        return est.predict(X).reshape(len(X), -1)
    y_prob = est.predict_proba(X)
    return y_prob[:, 1:] if est.n_outputs_ == 1 else y_prob


@pytest.mark.parametrize(
    ("activation", "target", "dtype"), sampled_cases(ACTIVATIONS, TARGETS, TOLERANCES)
)
def test_the_model_has_the_outputs_of_the_estimator(activation, target, dtype):
    """Check probabilities and values, relative to their size."""
    est = with_network(fit(target), activation, dtype)
    outputs = np.asarray(est.to_keras()(X.astype(dtype)))
    assert outputs.dtype == dtype
    expected = network_outputs(est, X)
    tolerance = TOLERANCES[dtype] * max(1, abs(expected).max())
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=tolerance)


def test_the_model_predicts_batch_by_batch():
    """Check ``predict`` of Keras, which computes from float32 by default."""
    est = fit("multiclass")
    y_prob = est.to_keras().predict(X, verbose=0)
    np.testing.assert_allclose(y_prob, est.predict_proba(X), rtol=0, atol=1e-6)


def test_the_model_has_the_layers_of_the_estimator():
    """Check names, units, shapes and types of the layers."""
    model = fit("multiclass").to_keras()
    assert [layer.units for layer in model.layers] == [7, 5, 3]
    assert [layer.name for layer in model.layers] == ["hidden_1", "hidden_2", "output"]
    assert (model.input_shape, model.output_shape) == ((None, 4), (None, 3))
    assert {weight.dtype for weight in model.weights} == {"float64"}


def test_the_model_has_weights_of_its_own():
    """Check that changing the model leaves the estimator as it was."""
    est = fit("two targets")
    before = est.predict(X)
    model = est.to_keras()
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    np.testing.assert_array_equal(est.predict(X), before)


# Keras converts its own variables to NumPy in a way that NumPy 2 deprecates.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_model_can_be_saved_and_trained_further(tmp_path):
    """Check a file of Keras, and a step of its own training."""
    import keras

    est = fit("binary")
    est.to_keras().save(tmp_path / "model.keras")
    model = keras.models.load_model(tmp_path / "model.keras")
    expected = network_outputs(est, X)
    np.testing.assert_allclose(np.asarray(model(X)), expected, rtol=0, atol=1e-12)
    model.compile(optimizer="sgd", loss="binary_crossentropy")
    model.train_on_batch(X, (Y > 0).astype(float)[:, None])
    assert np.isfinite(np.asarray(model(X))).all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_model_can_be_exported(tmp_path):
    """Check a SavedModel, which serves without Keras."""
    import tensorflow as tf

    est = fit("multiclass")
    est.to_keras().export(tmp_path / "served", verbose=False)
    served = tf.saved_model.load(tmp_path / "served")
    np.testing.assert_allclose(served.serve(X), est.predict_proba(X), rtol=0, atol=1e-12)


def test_estimators_fitted_on_sparse_data_have_a_model():
    """Check that the model takes the same data in dense form."""
    clf = TFMLPClassifier(max_iter=3, random_state=0, hidden_layer_sizes=5)
    clf = fit_quietly(clf, csr_array(X), Y)
    np.testing.assert_allclose(clf.to_keras()(X), clf.predict_proba(X), rtol=0, atol=1e-12)


@pytest.mark.parametrize("estimator", [TFMLPClassifier, TFMLPRegressor])
def test_only_a_fitted_estimator_has_a_model(estimator):
    """Check the error."""
    with pytest.raises(NotFittedError):
        estimator().to_keras()


def test_another_backend_is_refused(monkeypatch):
    """Check that the error names the environment variable of the backend."""
    import keras

    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match=r"'tensorflow'.*got 'jax'.*KERAS_BACKEND"):
        fit("binary").to_keras()


@pytest.fixture
def pickled(tmp_path):
    path = tmp_path / "clf.pkl"
    path.write_bytes(pickle.dumps(fit("multiclass")))
    return (
        "import os, pickle, sys; import numpy as np\n"
        f"clf = pickle.load(open({str(path)!r}, 'rb')); X = np.ones((2, 4))\n"
    )


def test_keras_is_imported_late_and_quietly(pickled):
    """Check modules and both streams in a process that converts a model."""
    done = run_python(
        pickled
        + "assert not {'keras', 'tensorflow'} & set(sys.modules)\n"
        + "gap = abs(np.asarray(clf.to_keras()(X)) - clf.predict_proba(X)).max()\n"
        + "assert gap < 1e-12"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_to_keras_in_a_process_that_was_forked_too_late_raises(monkeypatch):
    """Check the flag that a fork leaves."""
    monkeypatch.setattr(forks._Notes, "was_forked_too_late", True)
    with pytest.raises(RuntimeError, match="forked after TensorFlow had run"):
        fit("multiclass").to_keras()


@pytest.mark.tensorflow_internals
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_to_keras_in_a_forked_process_raises_at_once(pickled):
    """Check a real fork after TensorFlow has run."""
    done = run_python(
        pickled
        + "clf.to_keras(); pid = os.fork()\n"
        + "if pid == 0:\n"
        + "    try: clf.to_keras()\n"
        + "    except RuntimeError as error: print(error, flush=True); os._exit(3)\n"
        + "    os._exit(4)\n"
        + "assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("fit and to_keras need TensorFlow")
    assert "forked after TensorFlow had run" in done.stdout
