"""TensorFlow settings of the user: fits have the same numbers, and leave the settings."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier

from skmlp import TabularMLPClassifier, TFMLPClassifier
from skmlp._tensorflow import switches
from skmlp._tensorflow.loading import eagerly, load
from tests.helpers import fit_quietly, run_python, sampled_cases
from tests.helpers import load as load_data

FITS = [
    (TFMLPClassifier, {"solver": "adam", "early_stopping": True}),
    (TFMLPClassifier, {"solver": "sgd", "dropout": 0.2}),
    (TFMLPClassifier, {"solver": "lbfgs"}),
    (TabularMLPClassifier, {"n_networks": 2}),
]


def fit_all():
    """Return the numbers of some fits, for comparison bit by bit."""
    numbers = []
    for estimator, params in FITS:
        model = estimator(hidden_layer_sizes=5, max_iter=4, random_state=0, **params)
        numbers += [fit_quietly(model, *load_data("iris")).loss_, *model.coefs_]
    return numbers


def assert_same_bits(actual, expected):
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_check_of_numbers_is_paused():
    """Check a function that TensorFlow calls after each operation; it resumes after the fit."""
    tf = load()
    expected = fit_all()
    tf.debugging.enable_check_numerics()
    try:
        assert_same_bits(fit_all(), expected)
        with pytest.raises(tf.errors.InvalidArgumentError, match="Infinity or NaN"):
            tf.math.log(tf.constant(0.0))
    finally:
        tf.debugging.disable_check_numerics()
    assert tf.math.log(tf.constant(0.0)) == -np.inf


def test_a_dump_of_operations_is_paused(tmp_path):
    """Check that operations of the user are dumped, and none of a fit."""
    tf = load()
    expected = fit_all()
    writer = tf.debugging.experimental.enable_dump_debug_info(str(tmp_path), "FULL_HEALTH")
    try:
        assert_same_bits(fit_all(), expected)
        tf.math.log(tf.constant(1.0))
        writer.FlushExecutionFiles()
    finally:
        tf.debugging.experimental.disable_dump_debug_info()
    written = b"".join(path.read_bytes() for path in tmp_path.glob("*.execution"))
    assert written.count(b"Log") == 1
    assert b"skmlp_" not in written


def test_asynchronous_execution_is_paused():
    """Check that the user's operations are asynchronous before and after a fit."""
    config = load().config.experimental
    expected = fit_all()
    config.set_synchronous_execution(False)
    try:
        assert_same_bits(fit_all(), expected)
        assert not config.get_synchronous_execution()
        with eagerly():
            assert config.get_synchronous_execution()
    finally:
        config.set_synchronous_execution(True)


def test_a_switch_is_put_back_after_an_error():
    """Check both kinds of switches."""
    tf = load()
    tf.debugging.enable_check_numerics()
    tf.config.experimental.set_synchronous_execution(False)
    try:
        with pytest.raises(ValueError, match="of a fit"), eagerly():
            raise ValueError("of a fit")
        assert not tf.config.experimental.get_synchronous_execution()
        tf.config.experimental.set_synchronous_execution(True)
        with pytest.raises(tf.errors.InvalidArgumentError, match="Infinity or NaN"):
            tf.math.log(tf.constant(0.0))
    finally:
        tf.debugging.disable_check_numerics()
        tf.config.experimental.set_synchronous_execution(True)


@pytest.mark.parametrize(("n_units", "solver"), sampled_cases([11, 12], ["adam", "lbfgs"]))
def test_programs_are_traced_as_in_tensorflow_2(n_units, solver):
    """Check TensorFlow 1's comparisons and shapes against scikit-learn."""
    v1 = load().compat.v1
    off, on = {
        11: (v1.disable_tensor_equality, v1.enable_tensor_equality),
        12: (v1.disable_v2_tensorshape, v1.enable_v2_tensorshape),
    }[n_units]
    params = {"hidden_layer_sizes": n_units, "solver": solver, "max_iter": 5, "random_state": 0}
    off()
    try:
        before = type(load().TensorShape([1])[0]), load().Tensor._USE_EQUALITY
        ours = fit_quietly(TFMLPClassifier(**params), *load_data("iris"))
        assert (type(load().TensorShape([1])[0]), load().Tensor._USE_EQUALITY) == before
    finally:
        on()
    theirs = fit_quietly(MLPClassifier(**params), *load_data("iris"))
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-10)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=0, atol=1e-10)


def test_a_program_that_another_thread_traces_is_not_disturbed():
    """Check that threads trace in turn, each with its switches."""
    tf, tracing, traced, may_end = load(), threading.Event(), [], threading.Event()

    def trace(name, began, end):
        with switches.tracing(tf):
            began.set()
            assert end.wait(30)
            traced.append((name, tf.Tensor._USE_EQUALITY))

    tf.compat.v1.disable_tensor_equality()
    try:
        second_began = threading.Event()
        second_began.end = threading.Event()
        second_began.end.set()
        threads = [
            threading.Thread(target=trace, args=("first", tracing, may_end)),
            threading.Thread(target=trace, args=("second", second_began, second_began.end)),
        ]
        threads[0].start()
        assert tracing.wait(30)
        threads[1].start()
        assert not second_began.wait(0.05)
        may_end.set()
        for thread in threads:
            thread.join()
        assert not tf.Tensor._USE_EQUALITY
    finally:
        tf.compat.v1.enable_tensor_equality()
    assert traced == [("first", True), ("second", True)]


@pytest.mark.parametrize("module", [None, SimpleNamespace(), SimpleNamespace(context=object)])
def test_a_release_without_these_functions_is_left_alone(monkeypatch, module):
    """Check a private module that is missing or changed."""
    monkeypatch.setitem(switches.sys.modules, switches.CONTEXT, module)
    if module is None:
        monkeypatch.delitem(switches.sys.modules, switches.CONTEXT)
    assert switches._op_callbacks() == []


BEFORE_THE_FIRST_FIT = """
import warnings; warnings.simplefilter("ignore")
import tensorflow as tf
SWITCHES
import numpy as np
from sklearn.datasets import load_iris
from sklearn.neural_network import MLPClassifier
from skmlp import TFMLPClassifier
from skmlp._tensorflow import flags, kept_programs
X, y = load_iris(return_X_y=True)
for solver in ("adam", "sgd", "lbfgs"):
    params = {"hidden_layer_sizes": 5, "solver": solver, "max_iter": 4, "random_state": 0}
    ours, theirs = (est(**params).fit(X, y) for est in (TFMLPClassifier, MLPClassifier))
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=0, atol=1e-10)
assert flags.why_not() is None
"""

KERAS = """
import keras
model = keras.Sequential([keras.layers.Dense(3)])
model.compile("adam", "mse")
assert np.isfinite(model.fit(X, X[:, :3], epochs=1, verbose=0).history["loss"]).all()
"""


@pytest.mark.tensorflow_internals
@pytest.mark.parametrize(
    ("switches", "after"),
    [
        (
            "tf.config.experimental.set_synchronous_execution(False)\n"
            "tf.debugging.enable_check_numerics()\ntf.config.run_functions_eagerly(True)",
            KERAS + "assert not tf.config.experimental.get_synchronous_execution()\n"
            "assert tf.config.functions_run_eagerly()",
        ),
        (
            "tf.compat.v1.disable_v2_behavior()",
            "assert not tf.executing_eagerly()\nassert not tf.Tensor._USE_EQUALITY\n",
        ),
        (
            "tf.config.experimental.enable_op_determinism()\ntf.config.optimizer.set_jit(True)\n"
            "tf.keras.mixed_precision.set_global_policy('mixed_float16')\n"
            "tf.config.set_soft_device_placement(False)\ntf.random.set_seed(3)\n"
            "tf.data.experimental.enable_debug_mode()\n"
            "tf.experimental.numpy.experimental_enable_numpy_behavior(dtype_conversion_mode='all')",
            "TFMLPClassifier(5, dropout=0.3, max_iter=2).fit(X, y)",
        ),
    ],
    ids=["eager", "tensorflow_1", "others"],
)
def test_switches_before_the_first_fit(switches, after):
    """Check the numbers, that our XLA flags are set, and that Keras works afterwards."""
    code = BEFORE_THE_FIRST_FIT.replace("SWITCHES", switches) + after
    done = run_python(code)
    assert done.returncode == 0, done.stderr


def test_a_cpu_that_is_hidden_is_named():
    """Check the error, and that it says what to do."""
    code = """
import tensorflow as tf
tf.config.set_visible_devices([], "CPU")
from skmlp import TFMLPClassifier
try:
    TFMLPClassifier().fit([[0.0], [1.0]], [0, 1])
except RuntimeError as error:
    print(error)
"""
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    assert "on the CPU, which is hidden" in done.stdout
    assert "tf.config.set_visible_devices" in done.stdout
