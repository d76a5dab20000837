"""Each activation function in its four forms, against Keras and finite differences."""

import numpy as np
import onnxruntime
import pytest
from scipy.optimize import approx_fprime
from scipy.special import erf
from skl2onnx import to_onnx

from skmlp import TFMLPClassifier, TFMLPRegressor
from skmlp._engine.objective import Objective
from skmlp._model.activations import ACTIVATIONS, HIDDEN_ACTIVATIONS
from skmlp._model.network import Architecture, initialise
from skmlp._tensorflow.loading import load as load_tensorflow
from skmlp.onnx import register_converters
from tests.helpers import fit_quietly, load, paired_cases, sampled_cases, with_network
from tests.training.test_lbfgs import make_samples

pytestmark = pytest.mark.uncompiled  # but for one test of a kind; values are compared compiled too

NEW = ["leaky_relu", "elu", "selu", "silu", "gelu", "mish"]
new = pytest.mark.parametrize("activation", NEW)
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])

SUMS = np.array([-1e4, -800, -90, -20, -3, -1, -1e-3, 0, 1e-3, 0.5, 2, 9, 40, 1e3, 1e4])
"""Sums at which exponentials overflow in both types, and sums at which functions bend."""


def keras_function(activation):
    """Return the function of Keras, for tensors."""
    import keras

    if activation == "gelu":  # Keras's function has a float32 constant even in float64
        return lambda x: x / 2 * (1 + keras.ops.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))
    if activation == "leaky_relu":  # it has the same constant
        return lambda x: keras.ops.where(x > 0, x, 0.2 * x)
    return getattr(keras.activations, activation)


@pytest.fixture(scope="module")
def tf():
    return load_tensorflow()


@new
@dtypes
def test_values_are_those_of_keras(activation, dtype, tf):
    """Check NumPy's values and the program's, for sums of any size, without warnings."""
    sums = SUMS.astype(dtype)
    expected = np.asarray(keras_function(activation)(tf.constant(sums)))
    tolerance = 4 * np.finfo(dtype).eps * np.maximum(1, abs(sums))
    function, values = ACTIVATIONS[activation], sums.copy()
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        function.apply(values)
    assert values.dtype == dtype
    compiled = tf.function(lambda x: function.build(tf, x), jit_compile=True)
    built = compiled(tf.constant(sums)).numpy()
    for actual in (values, built):
        assert np.isfinite(actual).all()
        assert (abs(actual - expected) <= tolerance).all()


@new
@dtypes
def test_derivatives_are_those_of_tensorflow(activation, dtype, tf):
    """Check delta times the derivative against TensorFlow's own gradients of Keras's functions."""
    sums = tf.constant(SUMS.astype(dtype))
    delta = tf.constant(np.linspace(0.5, 2, len(SUMS)).astype(dtype))
    with tf.GradientTape() as tape:
        tape.watch(sums)
        total = tf.reduce_sum(keras_function(activation)(sums) * delta)
    expected = np.nan_to_num(tape.gradient(total, sums).numpy())  # Keras's function at -1e4
    function = ACTIVATIONS[activation]
    actual = function.backpropagate(tf, None, sums, function.build(tf, sums), delta).numpy()
    assert np.isfinite(actual).all()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=40 * np.finfo(dtype).eps)


def test_gelu_is_near_the_normal_distribution():
    """Check the tanh form against x times the normal distribution function."""
    x = np.linspace(-6, 6, 101)
    values = x.copy()
    ACTIVATIONS["gelu"].apply(values)
    np.testing.assert_allclose(values, x * (1 + erf(x / np.sqrt(2))) / 2, rtol=0, atol=5e-4)


def test_selu_keeps_mean_and_variance(tf):
    """Check the fixed point of Klambauer et al. (2017), over 16 layers of its initialisation."""
    architecture = Architecture((200,) * 17 + (1,), "selu", "squared_error")
    start = initialise(architecture, "glorot_uniform", np.random.RandomState(0), np.float64)
    values = np.random.RandomState(1).normal(size=(500, 200))
    for coef in start.coefs[:-1]:
        values = values @ coef
        ACTIVATIONS["selu"].apply(values)
    assert abs(values.mean()) < 0.1
    assert abs(values.std() - 1) < 0.1


@new
@pytest.mark.parametrize("fan_in", [4, 300])
def test_initial_weights_are_those_of_their_authors(activation, fan_in):
    """Check bounds against Keras's initialisers, and that biases are zero."""
    import keras

    architecture = Architecture((fan_in, 2000, 3), activation, "cross_entropy")
    start = initialise(architecture, "glorot_uniform", np.random.RandomState(0), np.float64)
    name = "LecunUniform" if activation == "selu" else "HeUniform"
    gain = 1 / np.sqrt(1 + 0.2**2) if activation == "leaky_relu" else 1.0
    for coef, intercept in zip(start.coefs, start.intercepts, strict=True):
        drawn = np.asarray(getattr(keras.initializers, name)(seed=0)(coef.shape))
        np.testing.assert_allclose(abs(coef).max(), gain * abs(drawn).max(), rtol=5e-3)
        np.testing.assert_allclose(coef.std(), gain * drawn.std(), rtol=0.05)
        assert not intercept.any()


@pytest.mark.parametrize(
    ("activation", "is_sparse"), sampled_cases(NEW, [False, True], n_compiled=1)
)
def test_gradient_is_a_finite_difference(activation, is_sparse):
    """Check every element of the gradient of the whole objective."""
    samples = make_samples("softmax", is_sparse=is_sparse)
    architecture = Architecture((4, 5, 3, 3), activation, "cross_entropy")
    start = initialise(architecture, "glorot_uniform", np.random.RandomState(1), np.float64)
    objective = Objective(architecture, 10, samples, alpha=0.3)
    vector = start.ravel()
    expected = approx_fprime(vector, lambda v: objective(v)[0], 1e-7)
    np.testing.assert_allclose(objective(vector)[1], expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize(
    ("activation", "solver"), sampled_cases(NEW, ["adam", "sgd", "lbfgs"], n_compiled=1)
)
def test_each_solver_trains_with_each_function(activation, solver):
    """Check that it fits a curve, and that the validation loss is that of the predictions."""
    X = np.linspace(-2, 2, 80)[:, np.newaxis]
    y = np.sin(2 * X[:, 0])
    params = {"solver": solver, "activation": activation, "max_iter": 400, "tol": 1e-6}
    est = TFMLPRegressor(
        hidden_layer_sizes=30, learning_rate_init=0.02, random_state=0, batch_size=40, **params
    )
    fit_quietly(est, X, y, X_val=X, y_val=y)
    assert est.score(X, y) > 0.95
    loss = ((est.predict(X) - y) ** 2).mean() / 2
    np.testing.assert_allclose(est.validation_loss_curve_[-1], loss, rtol=1e-9)


@pytest.fixture(scope="module")
def fitted():
    X, y = load("iris")
    return fit_quietly(TFMLPClassifier((7, 5), max_iter=20, random_state=0), X, y)


@pytest.mark.parametrize(
    ("activation", "dtype", "scale"),
    paired_cases(NEW, ["float32", "float64"], [1.0, 300.0]),
)
def test_keras_and_onnx_have_the_same_outputs(activation, dtype, scale, fitted):
    """Check sums of all sizes: to_keras within 1e-12 in float64, ONNX within 1e-5."""
    X = (scale * load("iris")[0]).astype(dtype)
    est = with_network(fitted, activation, dtype)
    expected = est.predict_proba(X)
    outputs = np.asarray(est.to_keras()(X))
    atol = (1e-12 if dtype == "float64" else 1e-6) * scale
    np.testing.assert_allclose(outputs, expected, rtol=0, atol=atol)
    register_converters()
    model = to_onnx(est, X[:1], options={"zipmap": False}).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    atol = (1e-12 if dtype == "float64" else 1e-5) * scale
    labels, probabilities = session.run(None, {"X": X})
    np.testing.assert_allclose(probabilities, expected, rtol=0, atol=atol)
    assert (labels == est.predict(X)).mean() > 0.98


# Keras converts its own variables to NumPy in a way that NumPy 2 deprecates.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_model_with_gelu_is_read_without_skmlp(fitted, tmp_path):
    """Check a Keras file: it has Keras's own layers, and the same outputs."""
    import keras

    X, _ = load("iris")
    model = with_network(fitted, "gelu").to_keras()
    assert {type(layer).__module__.split(".")[0] for layer in model.layers} == {"keras"}
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(np.asarray(again(X)), np.asarray(model(X)))


def test_what_is_no_hidden_activation_is_named():
    """Check that output functions are refused, and that the error lists valid names."""
    assert set(HIDDEN_ACTIVATIONS) == {"identity", "logistic", "tanh", "relu", *NEW}
    with pytest.raises(ValueError, match="'activation' parameter of TFMLPClassifier"):
        TFMLPClassifier(activation="softmax").fit(*load("iris"))
