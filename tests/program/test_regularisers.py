"""Weight decay, smoothed labels and dropout, against formulas and Keras with the same weights."""

import pickle
from functools import cache

import numpy as np
import pytest
import scipy.sparse
from scipy.optimize import approx_fprime
from sklearn.base import clone
from sklearn.neural_network import MLPClassifier

from skmlp import TFMLPClassifier, TFMLPRegressor
from skmlp._engine import compiling, program_cache, session
from skmlp._engine.objective import Objective
from skmlp._model.network import Architecture, initialise
from skmlp._model.records import Optimizer
from skmlp._program.regularisers import Regularisation, drop_units
from skmlp._program.spec import ProgramSpec
from skmlp._program.values import BatchNumbers
from skmlp._tensorflow.loading import load as load_tensorflow
from skmlp.callbacks import Checkpoint
from tests.helpers import LOSS_OF, Callback, fit_quietly, load, run_python, sampled_cases
from tests.training.test_lbfgs import make_samples

pytestmark = pytest.mark.uncompiled  # but for one test of a kind: formulas hold in graphs too

stochastic = pytest.mark.parametrize("solver", ["adam", "sgd"])


def start_of(est, X, y):
    """Return the initial weights of an estimator, as a fit with a rate near 0 leaves them."""
    start = clone(est).set_params(learning_rate="constant", learning_rate_init=1e-300, max_iter=1)
    return fit_quietly(start, X, y)


def train_by_keras(start, optimizer, X, targets, *, loss, n_epochs, batch_size):
    """Return weights and biases trained by Keras, with the samples in the given order."""
    model = start.to_keras()
    model.compile(optimizer, loss)
    for _ in range(n_epochs):
        for first in range(0, len(X), batch_size):
            rows = slice(first, first + batch_size)
            model.train_on_batch(X[rows], targets[rows])
    arrays = model.get_weights()
    return arrays[::2], arrays[1::2]


@pytest.mark.parametrize(
    ("solver", "problem"),
    [
        pytest.param("adam", "iris", marks=pytest.mark.compiled),
        ("adam", "digits"),
        ("sgd", "iris"),
        ("sgd", "digits"),
    ],
)
def test_weight_decay_is_that_of_keras(solver, problem):
    """Check four epochs of AdamW and SGDW with the same weights, small matrices and a large one."""
    import keras

    X, y = load(problem)
    X, y, size, decay = X[:150], y[:150], 50, 0.05
    params = {"solver": solver, "learning_rate_init": 0.01, "max_iter": 4, "alpha": 0.0}
    params |= {"batch_size": size, "shuffle": False, "random_state": 0, "epsilon": 1e-300}
    clf = TFMLPClassifier((70,), weight_decay=decay, **params)
    start = start_of(clf, X, y)
    fit_quietly(clf, X, y)
    if solver == "adam":
        # Keras's epsilon is inside the corrected root, so both have a negligible epsilon.
        optimizer = keras.optimizers.AdamW(0.01, weight_decay=decay, epsilon=1e-300)
    else:
        optimizer = keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True, weight_decay=decay)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    coefs, intercepts = train_by_keras(
        start,
        optimizer,
        X,
        np.eye(len(clf.classes_))[y],
        loss=keras.losses.CategoricalCrossentropy(),
        n_epochs=4,
        batch_size=size,
    )
    for ours, theirs in zip(clf.coefs_ + clf.intercepts_, coefs + intercepts, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=5e-6)  # Keras has rates in float32


@pytest.mark.parametrize(
    ("kind", "estimator"),
    sampled_cases(["float64", "float32", "sparse"], [TFMLPClassifier, TFMLPRegressor]),
)
def test_a_step_with_decay_is_its_formula(estimator, kind):
    """Check that one step of SGD differs by eta * lambda * W from one without decay."""
    X, y = load("digits")
    X, dtype = X[:100], "float32" if kind == "float32" else "float64"
    X = scipy.sparse.csr_array(X) if kind == "sparse" else X
    params = {"solver": "sgd", "learning_rate_init": 0.1, "max_iter": 1, "random_state": 0}
    params |= {"hidden_layer_sizes": (70, 5), "dtype": dtype, "momentum": 0.0}
    est = fit_quietly(estimator(weight_decay=0.3, **params), X, y[:100])
    plain = fit_quietly(estimator(**params), X, y[:100])
    start = start_of(est, X, y[:100])
    rtol = 1e-13 if dtype == "float64" else 2e-6
    for after, without, before in zip(est.coefs_, plain.coefs_, start.coefs_, strict=True):
        expected = without - 0.1 * 0.3 * before.astype(float)
        np.testing.assert_allclose(after, expected, rtol=rtol, atol=rtol)
    for after, without in zip(est.intercepts_, plain.intercepts_, strict=True):
        np.testing.assert_array_equal(after, without)


@stochastic
def test_weights_without_a_gradient_shrink_by_the_schedule(solver):
    """Check features of zeros: weights shrink by all 1 - eta_t * lambda."""
    X, y = np.zeros((60, 4)), np.arange(60) % 2
    params = {"solver": solver, "max_iter": 3, "alpha": 0.0, "batch_size": 20, "random_state": 0}
    clf = TFMLPClassifier((5,), weight_decay=0.7, learning_rate="cosine", **params)
    start = start_of(clf, X, y)
    fit_quietly(clf.set_params(learning_rate_init=0.2), X, y)
    rates = 0.2 * (1 + np.cos(np.pi * np.arange(9) / 9)) / 2
    expected = start.coefs_[0] * np.prod(1 - 0.7 * rates)
    np.testing.assert_allclose(clf.coefs_[0], expected, rtol=1e-13)


@stochastic
def test_a_batch_without_weight_does_not_decay(solver):
    """Check a second batch of weight 0 against a fit without its samples."""
    X, y = load("iris")
    weight = np.where(np.arange(150) // 50 == 1, 0.0, 1.0)
    params = {"solver": solver, "batch_size": 50, "shuffle": False, "max_iter": 3}
    params |= {"random_state": 0, "weight_decay": 0.5, "learning_rate_init": 0.05}
    X, y = X[::-1], np.arange(150) % 3
    clf = fit_quietly(TFMLPClassifier(4, **params), X, y, sample_weight=weight)
    kept = weight > 0
    other = TFMLPClassifier(4, **params)
    fit_quietly(other, X[kept], y[kept], sample_weight=weight[kept] * 1.0)
    np.testing.assert_allclose(clf.coefs_[0], other.coefs_[0], rtol=1e-12)


def test_another_strength_is_not_another_program(monkeypatch):
    """Check that there are two programs, on and off, for all strengths."""
    monkeypatch.setattr(session, "PROGRAMS", program_cache.ProgramCache(4))
    X, y = load("iris")
    fit_quietly(TFMLPClassifier(3, batch_size=31, max_iter=1), X, y)
    for strength in (0.1, 0.2, 1e-5):
        params = {"weight_decay": strength, "dropout": strength, "label_smoothing": strength}
        fit_quietly(TFMLPClassifier(3, batch_size=31, max_iter=1, **params), X, y)
    assert len(session.PROGRAMS) == 2


TARGETS = {
    "multiclass": lambda y: y,
    "binary": lambda y: y > 0,
    "multilabel": lambda y: np.column_stack([y == 0, y > 0, y % 2]).astype(int),
}


@pytest.mark.parametrize(
    "kind", [pytest.param("multiclass", marks=pytest.mark.compiled), "binary", "multilabel"]
)
def test_smoothed_losses_and_gradients_are_those_of_keras(kind):
    """Check one step of SGD over all samples with the same weights: its loss, and its gradient."""
    import keras

    X, y = load("iris")
    y = TARGETS[kind](y)
    params = {"solver": "sgd", "learning_rate_init": 1.0, "momentum": 0.0, "max_iter": 1}
    params |= {"alpha": 0.0, "batch_size": 150, "random_state": 0, "label_smoothing": 0.3}
    clf = TFMLPClassifier(5, **params)
    start = start_of(clf, X, y)
    fit_quietly(clf, X, y)
    if kind == "multiclass":
        loss, expected_y = keras.losses.CategoricalCrossentropy, np.eye(3)[y]
    else:
        loss, expected_y = keras.losses.BinaryCrossentropy, y.reshape(150, -1).astype(float)
    n_summed = 3 if kind == "multilabel" else 1  # Keras takes the mean over the labels
    model = start.to_keras()
    loss = loss(label_smoothing=0.3, dtype="float64")
    with load_tensorflow().GradientTape() as tape:
        value = n_summed * loss(expected_y, model(X))
    gradients = tape.gradient(value, [weight.value for weight in model.weights])
    np.testing.assert_allclose(clf.loss_, float(value), rtol=1e-6)  # Keras clips at 1e-7
    before = start.coefs_[0], start.intercepts_[0], start.coefs_[1], start.intercepts_[1]
    after = clf.coefs_[0], clf.intercepts_[0], clf.coefs_[1], clf.intercepts_[1]
    for old, new, gradient in zip(before, after, gradients, strict=True):
        np.testing.assert_allclose(old - new, np.asarray(gradient), rtol=0, atol=1e-7)


@pytest.mark.parametrize("out_activation", ["softmax", "logistic"])
@pytest.mark.parametrize("is_sparse", [False, True])
def test_the_gradient_with_smoothing_is_a_finite_difference(out_activation, is_sparse):
    """Check every element of the gradient of L-BFGS's objective."""
    samples = make_samples(out_activation, is_sparse=is_sparse)
    units = (4, 5, samples.targets[0].shape[1])
    architecture = Architecture(units, "tanh", LOSS_OF[out_activation])
    start = initialise(architecture, "glorot_uniform", np.random.RandomState(1), np.float64)
    regularisation = Regularisation(label_smoothing=0.3)
    objective = Objective(architecture, 10, samples, 0.3, regularisation)
    vector = start.ravel()
    expected = approx_fprime(vector, lambda v: objective(v)[0], 1e-7)
    np.testing.assert_allclose(objective(vector)[1], expected, rtol=0, atol=2e-6)


@pytest.mark.parametrize(("kind", "solver"), sampled_cases(TARGETS, ["adam", "sgd", "lbfgs"]))
def test_the_validation_loss_is_without_smoothing(kind, solver):
    """Check it against the predictions, most of which stay near the smoothed targets."""
    X, y = load("iris")
    X, y = (X - X.mean(axis=0)) / X.std(axis=0), TARGETS[kind](y)
    params = {"solver": solver, "max_iter": 150, "learning_rate_init": 0.05, "random_state": 0}
    clf = TFMLPClassifier(10, label_smoothing=0.4, alpha=0.0, **params)
    fit_quietly(clf, X, y, X_val=X, y_val=y)
    proba = clf.predict_proba(X)
    if kind == "multilabel":
        expected = -np.log(np.where(y > 0, proba, 1 - proba)).sum(axis=1).mean()
    else:
        expected = -np.log(proba[np.arange(150), y.astype(int)]).mean()
    np.testing.assert_allclose(clf.validation_loss_curve_[-1], expected, rtol=1e-9)
    limit = 1 - 0.4 + 0.4 / 3 if kind == "multiclass" else 1 - 0.4 / 2
    assert 0.5 < np.median(proba.max(axis=1)) < limit + 0.05
    assert clf.loss_ > clf.validation_loss_curve_[-1]


def test_only_the_classifier_smooths_labels():
    """Check the parameters of both estimators, and refused values."""
    assert "label_smoothing" not in TFMLPRegressor().get_params()
    for value in (1.0, -0.1, np.nan, "much"):
        with pytest.raises(ValueError, match="'label_smoothing' parameter of TFMLPClassifier"):
            TFMLPClassifier(label_smoothing=value).fit(*load("iris"))


@cache
def mask_program(n_units, layer, columns):
    """Return a program that drops units of a layer, which compiles once for each shape."""
    tf = load_tensorflow()
    architecture = Architecture((2, *[n_units] * (layer + 1), 1), "relu", "squared_error")
    spec = ProgramSpec(architecture, "float64", "adam", False, 8, 1, 1, regularisers=columns)

    @tf.function(jit_compile=True)
    def program(values, numbers):
        row = BatchNumbers(*[None] * (len(BatchNumbers._fields) - 1), numbers)
        return drop_units(tf, spec, row, layer, values)

    return program


def masks(rate, shape, *, seed=0, step=1, layer=0, dtype=np.float64):
    """Return the output of a compiled program that drops units, for an input of ones."""
    tf = load_tensorflow()
    regularisation = Regularisation(dropout=(0.0,) * layer + (rate,))
    steps, ones = np.array([step]), np.ones(1)
    given = regularisation.numbers(ones, ones, steps, seed)
    numbers = {name: tf.constant(np.float64(np.ravel(value)[0])) for name, value in given.items()}
    program = mask_program(shape[1], layer, regularisation.columns)
    return program(tf.constant(np.ones(shape, dtype)), numbers).numpy()


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8, 1 - 1e-12, 1e-12])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_masks_have_the_mean_and_the_scale_of_dropout(rate, dtype):
    """Check the dropped share, of all, rows and units, and the factor of the rest."""
    shape = 400, 300
    mask = masks(rate, shape, dtype=dtype)
    kept = mask[mask != 0]
    np.testing.assert_allclose(kept, 1 / (1 - rate), rtol=np.finfo(dtype).eps)
    spread = np.sqrt(rate * (1 - rate))
    assert abs((mask == 0).mean() - rate) <= 4 * spread / np.sqrt(mask.size) + 1e-9
    for axis, n in enumerate(shape):
        deviations = ((mask == 0).mean(axis=axis) - rate) * np.sqrt(n)
        assert abs(deviations).max() <= 5 * spread + 1e-3
        if 0.05 < rate < 0.95:  # the spread is that of independent units
            assert 0.8 < deviations.std() / spread < 1.2


def test_masks_of_other_steps_layers_and_seeds_are_others():
    """Check that no two correlate, in place or shifted by rows or units."""
    shape = 128, 64
    choices = [{"step": n} for n in (1, 2, 3, 2**31, 2**32 + 5)]
    choices += [
        {"layer": 1},
        {"layer": 2},
        {"seed": 1},
        {"seed": 2**32 - 1},
        {"step": 2, "seed": 1},
    ]
    drawn = [(masks(0.5, shape, **choice) == 0) - 0.5 for choice in choices]
    # The largest of 3e5 normal numbers is about 5 standard deviations.
    limit = 6.5 * 0.25 / np.sqrt(shape[0] * shape[1])
    for i, first in enumerate(drawn):
        for second in drawn[i:]:
            products = np.fft.ifft2(np.fft.fft2(first) * np.conj(np.fft.fft2(second))).real
            products = np.abs(products) / first.size
            if second is first:
                products[0, 0] = 0.0  # each mask with itself
            assert products.max() < limit
    np.testing.assert_array_equal(masks(0.5, shape, step=3), masks(0.5, shape, step=3))


@pytest.mark.parametrize(
    ("activation", "solver_seed"),
    sampled_cases(["relu", "tanh", "silu"], [0, 1], n_compiled=1),
)
def test_a_step_with_dropout_is_that_of_keras(activation, solver_seed):
    """Check two SGD steps: TensorFlow's loss and gradients of Keras's masked model."""
    tf = load_tensorflow()
    X, y = load("iris")
    sizes, rates = (8, 6), (0.5, 0.25)
    params = {"solver": "sgd", "learning_rate_init": 0.05, "momentum": 0.0, "max_iter": 1}
    params |= {"activation": activation, "batch_size": 75, "shuffle": False, "alpha": 0.0}
    clf = TFMLPClassifier(sizes, dropout=rates, random_state=solver_seed, **params)
    model = start_of(clf, X, y).to_keras()
    fit_quietly(clf, X, y)
    losses = []
    for step in (1, 2):
        rows = slice(75 * (step - 1), 75 * step)
        with tf.GradientTape() as tape:
            values = tf.constant(X[rows])
            for number, layer in enumerate(model.layers):
                values = layer(values)
                if number < 2:
                    shape, seed = (75, sizes[number]), clf._optimizer.seed
                    values *= masks(rates[number], shape, seed=seed, step=step, layer=number)
            proba = tf.gather(values, y[rows], axis=1, batch_dims=1)
            losses.append(-tf.reduce_mean(tf.math.log(proba)))
        weights = [weight.value for weight in model.weights]
        for weight, gradient in zip(weights, tape.gradient(losses[-1], weights), strict=True):
            weight.assign_sub(0.05 * gradient)
    np.testing.assert_allclose(clf.loss_, np.mean(losses), rtol=1e-12)
    arrays = model.get_weights()
    for ours, theirs in zip(clf.coefs_, arrays[::2], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    for ours, theirs in zip(clf.intercepts_, arrays[1::2], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("is_sparse", "dtype"), sampled_cases([False, True], ["float32", "float64"])
)
def test_predictions_and_validation_drop_nothing(is_sparse, dtype):
    """Check the validation loss against predictions; the training loss is larger."""
    X, y = load("digits")
    X = scipy.sparse.csr_array(X) if is_sparse else X
    params = {"dropout": 0.5, "max_iter": 30, "random_state": 0, "dtype": dtype}
    clf = TFMLPClassifier(30, learning_rate_init=0.01, alpha=0.0, **params)
    fit_quietly(clf, X, y, X_val=X, y_val=y)
    expected = -np.log(clf.predict_proba(X)[np.arange(len(y)), y]).mean()
    np.testing.assert_allclose(clf.validation_loss_curve_[-1], expected, rtol=1e-5)
    np.testing.assert_array_equal(clf.predict_proba(X), clf.predict_proba(X))
    assert clf.loss_ > 2 * expected
    assert clf.score(X, y) > 0.95


@pytest.mark.parametrize("name", ["dropout", pytest.param("all", marks=pytest.mark.compiled)])
def test_dropout_does_not_depend_on_the_length_of_calls(name):
    """Check the bits of calls of many epochs, of one epoch, and of parts."""
    X, y = load("digits")
    params = {"max_iter": 5, "random_state": 0, "batch_size": 16} | REGULARISED[name]
    plain = fit_quietly(TFMLPClassifier(9, **params), X, y)
    one = fit_quietly(TFMLPClassifier(9, **params).set_callbacks(Callback()), X, y)
    parts = fit_quietly(TFMLPClassifier(9, verbose=2, **params), X, y)
    for other in (one, parts):
        assert other.loss_curve_ == plain.loss_curve_
        np.testing.assert_array_equal(other.coefs_[0], plain.coefs_[0])


LOSSES = """
import warnings
warnings.simplefilter("ignore")
from skmlp import TFMLPClassifier
from tests.helpers import load
X, y = load("digits")
for size in (20, (100, 60)):
    for dtype in ("float32", "float64"):
        clf = TFMLPClassifier(size, dropout=0.3, dtype=dtype, max_iter=3, random_state=0)
        print(*map(float.hex, clf.fit(X, y).loss_curve_))
"""


@pytest.mark.slow
def test_dropout_does_not_depend_on_the_number_of_threads():
    """Check processes with one thread and with four: the bits where Eigen's do not depend on it.

    More threads change how Eigen divides the larger network's products, even without dropout.
    """
    done = [run_python(LOSSES, TF_NUM_INTRAOP_THREADS=n, TF_NUM_INTEROP_THREADS=n) for n in "14"]
    assert [each.returncode for each in done] == [0, 0], done[0].stderr
    one, four = (each.stdout.splitlines() for each in done)
    assert one[:2] == four[:2]
    for line, other, rtol in zip(one[2:], four[2:], [1e-5, 1e-12], strict=True):
        losses = [[float.fromhex(number) for number in each.split()] for each in (line, other)]
        np.testing.assert_allclose(*losses, rtol=rtol)


def test_without_dropout_no_seed_is_drawn():
    """Check the random state after a fit: with 0 as in scikit-learn, else another."""
    X, y = load("iris")
    params = {"hidden_layer_sizes": 5, "max_iter": 2, "early_stopping": True, "shuffle": False}
    states = [np.random.RandomState(0) for _ in range(4)]
    fit_quietly(MLPClassifier(random_state=states[0], **params), X, y)
    for state, dropout in zip(states[1:], [0.0, [0], 0.2], strict=True):
        est = TFMLPClassifier(random_state=state, dropout=dropout, **params)
        fit_quietly(est, X, y)
        assert (est._optimizer.seed is None) == (dropout != 0.2)
    drawn = [state.uniform() for state in states]
    assert drawn[0] == drawn[1] == drawn[2] != drawn[3]


@pytest.mark.parametrize(
    "estimator", [TFMLPClassifier, pytest.param(TFMLPRegressor, marks=pytest.mark.slow)]
)
def test_each_layer_has_a_rate_of_its_own(estimator):
    """Check that a rate of 0 drops nothing, and that an array works like a tuple."""
    X, y = load("iris")
    params = {"hidden_layer_sizes": (8, 6), "max_iter": 3, "random_state": 0, "batch_size": 50}
    fits = [
        fit_quietly(estimator(dropout=dropout, **params), X, y)
        for dropout in ((0.4, 0.0), np.array([0.4, 0.0]), (0.0, 0.4), 0.4)
    ]
    assert fits[0].loss_curve_ == fits[1].loss_curve_
    assert len({each.loss_ for each in fits}) == 3


@pytest.mark.compiled
def test_the_masks_of_all_layers_are_drawn_without_a_compiler_too(monkeypatch):
    """Check a graph, for processes that can't compile any more."""
    X, y = load("iris")
    params = {"max_iter": 3, "random_state": 0, "batch_size": 50, **REGULARISED["all"]}
    compiled = fit_quietly(TFMLPClassifier((8, 6), **params), X, y)
    monkeypatch.setattr(program_cache, "PROGRAMS", program_cache.ProgramCache(2))
    monkeypatch.setattr(session, "PROGRAMS", program_cache.PROGRAMS)
    monkeypatch.setattr(compiling, "_can_compile", lambda: False)
    uncompiled = fit_quietly(TFMLPClassifier((8, 6), **params), X, y)
    np.testing.assert_allclose(uncompiled.loss_curve_, compiled.loss_curve_, rtol=1e-10)


@pytest.mark.parametrize(
    ("dropout", "message"),
    [
        (1.0, "'dropout' parameter of TFMLPClassifier"),
        (-0.1, "'dropout' parameter of TFMLPClassifier"),
        ("half", "'dropout' parameter of TFMLPClassifier"),
        ((0.1,), r"a number for each hidden layer, 2 in all; got \(0.1,\)"),
        ((0.1, 0.2, 0.3), "hidden layer, 2 in all; got"),
        (np.zeros((1, 2)), "hidden layer, 2 in all; got"),
        ((0.1, 1.0), r"dropout must be in \[0, 1\) for each hidden layer, got"),
        ((0.1, np.nan), r"dropout must be in \[0, 1\)"),
        ((0.1, "much"), "a sequence with a number for each hidden layer; got"),
    ],
)
def test_a_bad_dropout_is_named(dropout, message):
    """Check numbers, lengths and kinds."""
    with pytest.raises(ValueError, match=message):
        TFMLPClassifier((5, 4), dropout=dropout).fit(*load("iris"))


def test_a_record_without_a_seed_is_read():
    """Check a solver state in a file from a version without dropout."""
    state = {"solver": "adam", "hyper": {}, "schedule": "constant", "learning_rate": 0.1}
    record = Optimizer.__new__(Optimizer)
    record.__setstate__(state | {"step": 3, "slots": []})
    assert record.seed is None
    assert record.step == 3


def test_partial_fit_drops_other_units_in_each_call():
    """Check that the seed is kept, and that masks follow the steps."""
    X, y = load("iris")
    clf = TFMLPClassifier(8, dropout=0.5, random_state=0, shuffle=False)
    clf.partial_fit(X, y, classes=[0, 1, 2])
    seed, first = clf._optimizer.seed, masks(0.5, (150, 8), seed=clf._optimizer.seed, step=1)
    clf.partial_fit(X, y)
    assert (clf._optimizer.seed, clf._optimizer.step) == (seed, 2)
    assert (masks(0.5, (150, 8), seed=seed, step=2) != first).any()


class Crash(Callback):
    """Ends the fit after six epochs."""

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == 5:
            raise RuntimeError("the process ends")


REGULARISED = {
    "decay": {"weight_decay": 0.1},
    "smoothing": {"label_smoothing": 0.2},
    "dropout": {"dropout": 0.3},
    "all": {"dropout": 0.3, "label_smoothing": 0.2, "weight_decay": 0.1},
}
regularised = pytest.mark.parametrize("name", REGULARISED)


@pytest.mark.parametrize(
    ("name", "solver"),
    [
        pytest.param(
            name,
            solver,
            marks=[pytest.mark.slow] * (solver == "sgd" and name != "all")
            + [pytest.mark.compiled] * (solver == "adam" and name == "all"),
        )
        for name in REGULARISED
        for solver in ("adam", "sgd")
    ],
)
def test_a_regularised_fit_is_resumed_bit_for_bit(name, solver, tmp_path):
    """Check an interrupted fit against an uninterrupted one."""
    X, y = load("iris")
    params = {"solver": solver, "max_iter": 9, "random_state": 0, "batch_size": 50}
    params |= REGULARISED[name]
    expected = fit_quietly(TFMLPClassifier((8, 6), **params), X, y)
    path = tmp_path / "file"
    clf = TFMLPClassifier((8, 6), **params).set_callbacks(Checkpoint(path, every=4), Crash())
    with pytest.raises(RuntimeError, match="the process ends"):
        clf.fit(X, y)
    fit_quietly(clf.set_callbacks(Checkpoint(path, resume=True)), X, y)
    assert clf.loss_curve_ == expected.loss_curve_
    for ours, theirs in zip(clf.coefs_, expected.coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    other = TFMLPClassifier((8, 6), **params)
    other.set_params(**dict.fromkeys(REGULARISED[name], 0.0))
    other.set_callbacks(Checkpoint(path, resume=True))
    named = ", ".join(sorted(REGULARISED[name]))
    with pytest.raises(ValueError, match=f"another fit.* got others for: {named}\\."):
        other.fit(X, y)


@regularised
def test_partial_fit_goes_on_after_a_pickle_bit_for_bit(name):
    """Check three epochs, with and without a pickle in between."""
    X, y = load("iris")
    clf = TFMLPClassifier((8, 6), random_state=0, batch_size=50, **REGULARISED[name])
    clf.partial_fit(X, y, classes=[0, 1, 2])
    copy = pickle.loads(pickle.dumps(clf))
    for _ in range(2):
        clf.partial_fit(X, y)
        copy = pickle.loads(pickle.dumps(copy)).partial_fit(X, y)
    np.testing.assert_array_equal(copy.coefs_[0], clf.coefs_[0])
    assert copy.loss_ == clf.loss_


@pytest.mark.parametrize("name", ["weight_decay", "dropout"])
def test_lbfgs_refuses_what_happens_at_steps(name):
    """Check that the error names the parameter, before anything is changed."""
    X, y = load("iris")
    clf = TFMLPClassifier(4, solver="lbfgs", **{name: 0.1})
    before = dict(vars(clf))
    with pytest.raises(ValueError, match=f"^{name}=0.1 needs solver='adam' or 'sgd', got"):
        clf.fit(X, y)
    assert vars(clf) == before


def test_a_state_of_an_older_version_gets_the_defaults_of_new_parameters():
    """Check a pickle without any regulariser."""
    X, y = load("iris")
    clf = fit_quietly(TFMLPClassifier(4, max_iter=2, random_state=0), X, y)
    state = clf.__getstate__()
    for name in ("weight_decay", "label_smoothing", "dropout"):
        del state[name]
    old = TFMLPClassifier.__new__(TFMLPClassifier)
    old.__setstate__(state)
    assert old.get_params() == clf.get_params()
    np.testing.assert_array_equal(old.partial_fit(X, y).coefs_[0], clf.partial_fit(X, y).coefs_[0])
