"""Several networks side by side: their program, folds, schedules, and their mean in NumPy."""

import math
import threading
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.special import expit, softmax
from threadpoolctl import threadpool_info

from skmlp._engine.members_session import MembersSession, _correction
from skmlp._model import members as _members
from skmlp._model.activations import ACTIVATIONS
from skmlp._model.members import Members, mean_outputs
from skmlp._program.members import (
    SCORED_ROWS,
    MembersData,
    MembersSpec,
    MembersState,
    StepNumbers,
    _adam,
    _drop,
    _loss_and_gradients,
)
from skmlp._tensorflow.loading import load as load_tensorflow
from skmlp._training import folds as _folds
from skmlp._training.folds import N_FOLDS, hold_out_folds, training_rows
from skmlp._training.members import MembersSettings, _initial, _keys, _numbers, _shuffled

pytestmark = pytest.mark.uncompiled  # but for one test of a kind

N_ROWS, N_FEATURES = 40, 5
SPEC = MembersSpec(
    n_members=3,
    layer_units=(N_FEATURES, 8, 6, 3),
    activation="mish",
    loss="cross_entropy",
    has_dropout=True,
    batch_rows=8,
    block_batches=4,
    rows=N_ROWS + 1,
    validation_rows=5,
)
SETTINGS = MembersSettings(
    hidden_layer_sizes=(8, 6),
    activation="mish",
    n_networks=3,
    max_iter=20,
    learning_rate_init=0.08,
    dropout=0.15,
    weight_decay=0.02,
    label_smoothing=0.1,
    batch_size=8,
    n_best_epochs=5,
)

rng = np.random.RandomState(0)
X = rng.standard_normal((N_ROWS, N_FEATURES)).astype(np.float32)
ONE_HOT = np.eye(3, dtype=np.float32)[rng.randint(0, 3, N_ROWS)]
NUMBERS = rng.standard_normal((N_ROWS, 3)).astype(np.float32)
WEIGHT = rng.uniform(0.2, 2, N_ROWS).astype(np.float32)
HELD_OUT = np.arange(15, dtype=np.int32).reshape(3, 5)


@pytest.fixture(scope="module")
def tf():
    return load_tensorflow()


def initial(spec=SPEC):
    """Return parameters of which none is zero or one."""
    generator = np.random.RandomState(1)
    params = _initial(spec, generator)
    return [p + 0.1 * generator.standard_normal(p.shape).astype(np.float32) for p in params]


def step(n_batches=None, **values):
    """Return the numbers of a batch, or of several equal batches."""
    numbers = StepNumbers(**{"rate": 0.05, "shrinkage": 0.001, "dropout": 0.3, "smoothing": 0.2})
    numbers = numbers._replace(**values)
    if n_batches is None:
        return StepNumbers(*map(np.float32, numbers))
    return StepNumbers(*(np.full(n_batches, value) for value in numbers))


def batches(n_batches=10, batch_rows=8, seed=0):
    generator = np.random.RandomState(seed)
    return generator.randint(0, N_ROWS, (n_batches, 3, batch_rows)).astype(np.int32)


def train(
    rows, spec=SPEC, targets=ONE_HOT, weight=WEIGHT, numbers=None, n_epochs=2, held_out=HELD_OUT
):
    """Return losses, sums of the rows held out, and parameters after some epochs, compiled."""
    session = MembersSession(spec, X, targets, weight, held_out, initial(spec))
    for epoch in range(n_epochs):
        keys = _keys(7, epoch * len(rows) + np.arange(len(rows)))
        losses, sums = session.run_epoch(rows, numbers or step(len(rows)), keys)
    return losses, sums, session.parameters()


# The program


def keras_loss(tf, spec, params, rows, masks, smoothing, of_network):
    """Return the loss of a network, written with Keras's functions."""
    import keras

    scale, *others = (param[of_network] for param in params)
    weights, biases = others[:3], others[3:]
    values = tf.constant(X[rows]) * scale
    for layer in range(3):
        values = values @ weights[layer] + biases[layer]
        if layer < 2:
            values = getattr(keras.activations, spec.activation)(values) * masks[layer][of_network]
    if spec.loss == "cross_entropy":
        loss = keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=smoothing, reduction=None
        )(ONE_HOT[rows], values)
    else:
        loss = 0.5 * tf.reduce_sum((values - NUMBERS[rows]) ** 2, axis=1)
    share = WEIGHT[rows] / WEIGHT[rows].sum()
    return tf.reduce_sum(loss * share)


@pytest.mark.parametrize("has_dropout", [False, True])
@pytest.mark.parametrize("loss", ["cross_entropy", "squared_error"])
@pytest.mark.parametrize("activation", ["mish", "tanh"])
def test_gradients_are_those_of_tensorflow(tf, loss, has_dropout, activation):
    """Check all parameters against Keras's layers and losses, with the masks that were drawn."""
    spec = replace(SPEC, loss=loss, has_dropout=has_dropout, activation=activation)
    rows, key, numbers = batches(1)[0], tf.constant(-77), step()
    targets = ONE_HOT if loss == "cross_entropy" else NUMBERS
    data = MembersData(tf.constant(X), tf.constant(targets), tf.constant(WEIGHT), None)
    params = [tf.constant(param) for param in initial()]
    _, grads = _loss_and_gradients(tf, spec, data, tf.constant(rows), numbers, key, params)
    ones = [tf.ones((3, 8, units)) for units in (8, 6)]
    masks = [
        _drop(tf, numbers.dropout, key, layer, each) if has_dropout else each
        for layer, each in enumerate(ones)
    ]
    if has_dropout:
        assert all(0 < (mask.numpy() == 0).mean() < 0.6 for mask in masks)
    for network in range(3):
        with tf.GradientTape() as tape:
            tape.watch(params)
            value = keras_loss(
                tf, spec, params, rows[network], masks, float(numbers.smoothing), network
            )
        for actual, expected in zip(grads, tape.gradient(value, params), strict=True):
            expected = tf.convert_to_tensor(expected)[network]
            np.testing.assert_allclose(actual[network], expected, rtol=2e-4, atol=2e-6)


def test_losses_are_means_by_weight_without_smoothing(tf):
    """Check the curves: no smoothing; for numbers the mean over outputs."""
    spec, rows = replace(SPEC, has_dropout=False), batches(1)[0]
    ones = [np.ones((3, 8, units), np.float32) for units in (8, 6)]
    for loss, targets, n_outputs in (("cross_entropy", ONE_HOT, 1), ("squared_error", NUMBERS, 3)):
        own = replace(spec, loss=loss)
        data = MembersData(tf.constant(X), tf.constant(targets), tf.constant(WEIGHT), None)
        params = [tf.constant(param) for param in initial()]
        args = (data, tf.constant(rows), step(), tf.constant(0), params)
        losses, _ = _loss_and_gradients(tf, own, *args)
        for network in range(3):
            expected = keras_loss(tf, own, params, rows[network], ones, 0.0, network) / n_outputs
            np.testing.assert_allclose(losses[network], expected, rtol=1e-5)


def test_steps_are_those_of_adamw(tf):
    """Check three steps against Keras's optimizer, each parameter with its own rate."""
    import keras

    rate, decay = 0.05, 0.02
    params = [tf.constant(param) for param in initial()]
    zeros = [tf.zeros_like(param) for param in params]
    state = MembersState(params, zeros, zeros)
    generator = np.random.RandomState(2)
    all_grads = [[generator.standard_normal(p.shape).astype("f") for p in params] for _ in range(3)]
    for number, grads in enumerate(all_grads, start=1):
        corrected = (rate * _correction(np.array(number))).astype(np.float32)
        numbers = step(rate=corrected, shrinkage=rate * decay)
        state = _adam(tf, SPEC, numbers, state, grads)
    factors = [6, 1 / math.sqrt(5), 1 / math.sqrt(8), 1 / math.sqrt(6), 0.1, 0.1, 0.1]
    for number, (start, factor) in enumerate(zip(params, factors, strict=True)):
        is_weight = 1 <= number <= 3
        variable = keras.Variable(start)
        optimizer = keras.optimizers.AdamW(
            rate * factor, decay / factor if is_weight else 0.0, beta_2=0.95, epsilon=1e-8
        )
        for grads in all_grads:
            optimizer.apply([tf.constant(grads[number])], [variable])
        np.testing.assert_allclose(state.params[number], variable.numpy(), rtol=2e-5, atol=2e-6)


def test_masks_have_the_share_and_the_scale(tf):
    """Check the share of zeros, the factor of the rest, and that all masks differ."""
    ones = tf.ones((4, 256, 64))
    for share in (0.05, 0.15, 0.5, 0.9):
        mask = _drop(tf, np.float32(share), tf.constant(12345), 0, ones).numpy()
        np.testing.assert_allclose(np.unique(mask), [0, 1 / (1 - share)], rtol=1e-6)
        deviation = math.sqrt(share * (1 - share) / mask.size)
        assert abs((mask == 0).mean() - share) < 5 * deviation
        by_unit = (mask == 0).mean(axis=(0, 1))
        assert abs(by_unit - share).max() < 5 * math.sqrt(share * (1 - share) / 1024)
    masks = [
        _drop(tf, np.float32(0.5), tf.constant(key), layer, ones).numpy().ravel()
        for key in [*_keys(3, np.arange(3)).tolist(), 0, -1]
        for layer in (0, 1)
    ]
    correlation = np.corrcoef(masks) - np.eye(len(masks))
    assert abs(correlation).max() < 5 / math.sqrt(masks[0].size)
    networks = np.corrcoef(masks[0].reshape(4, -1)) - np.eye(4)
    assert abs(networks).max() < 5 / math.sqrt(masks[0].size / 4)


def test_without_a_share_nothing_is_dropped(tf):
    values = tf.constant(np.reshape(NUMBERS, (1, -1, 1)))
    np.testing.assert_array_equal(_drop(tf, np.float32(0), tf.constant(5), 0, values), values)


@pytest.mark.compiled
def test_the_same_seeds_give_the_same_bits(tf):
    """Check two sessions of the compiled program, and that other keys change the bits."""
    first, second = train(batches()), train(batches())
    for one, other in zip(first[2], second[2], strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(first[1], second[1])
    without = train(batches(), numbers=step(10, dropout=0.0))
    assert (first[2][1] != without[2][1]).any()


@pytest.mark.compiled
def test_networks_are_independent():
    """Check that other rows for the third network change no bit of the others."""
    rows = batches()
    changed = rows.copy()
    changed[:, 2] = batches(seed=1)[:, 2]
    before, after = train(rows), train(changed)
    for one, other in zip((*before[:2], *before[2]), (*after[:2], *after[2]), strict=True):
        np.testing.assert_array_equal(one[:2], other[:2])
        assert (one[2] != other[2]).any()


MANY_HELD_OUT = rng.randint(0, N_ROWS, (3, 2 * SCORED_ROWS + 5)).astype(np.int32)


@pytest.mark.parametrize(
    "held_out",
    [
        pytest.param(HELD_OUT, id="few", marks=pytest.mark.compiled),
        pytest.param(MANY_HELD_OUT, id="in parts"),
    ],
)
def test_sums_held_out_are_those_of_the_networks(held_out):
    """Check them against a NumPy forward pass with the parameters after the epoch."""
    spec = replace(SPEC, validation_rows=held_out.shape[1])
    _, sums, (scale, *others) = train(batches(), spec, held_out=held_out)
    values = X[held_out].astype(np.float64) * scale
    for layer in range(3):
        values = values @ others[layer] + others[3 + layer]
        if layer < 2:
            ACTIVATIONS["mish"].apply(values)
    np.testing.assert_allclose(sums, values, rtol=1e-4, atol=1e-5)


def test_capacities_change_nothing():
    """Check room for many more rows, and blocks that hold all batches."""
    expected = train(batches())
    for spec in (
        replace(SPEC, rows=500, validation_rows=100),
        replace(SPEC, block_batches=16),
    ):
        for one, other in zip(expected[2], train(batches(), spec)[2], strict=True):
            np.testing.assert_allclose(other, one, rtol=1e-4, atol=1e-5)


def test_a_batch_of_fewer_rows_is_their_mean():
    """Check absent rows (-1) against a program with fewer rows, and against weight 0."""
    rows = batches(batch_rows=5)
    numbers = step(10, dropout=0.0)
    expected = train(rows, replace(SPEC, batch_rows=5), numbers=numbers)
    filled = np.concatenate([rows, np.full((10, 3, 3), -1, np.int32)], axis=2)
    weight = np.append(WEIGHT[:-1], np.float32(0))
    kept = np.where(rows == N_ROWS - 1, 0, rows)
    by_weight = np.concatenate([kept, np.full((10, 3, 3), N_ROWS - 1, np.int32)], axis=2)
    for actual, wanted in (
        (train(filled, numbers=numbers), expected),
        (
            train(by_weight, weight=weight, numbers=numbers),
            train(kept, replace(SPEC, batch_rows=5), numbers=numbers),
        ),
    ):
        np.testing.assert_allclose(actual[0], wanted[0], rtol=1e-5)
        for one, other in zip(actual[2], wanted[2], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_a_batch_without_weight_has_no_gradient():
    """Check that it gives no NaN, and that only decay changes the weights."""
    rows = np.full((1, 3, 8), -1, np.int32)
    losses, _, params = train(rows, n_epochs=1)
    np.testing.assert_array_equal(losses, 0)
    for number, (before, after) in enumerate(zip(initial(), params, strict=True)):
        kept = np.float32(1 - 0.001) if 1 <= number <= 3 else 1
        np.testing.assert_allclose(after, before * kept, rtol=1e-6)


# Batches and schedules


def test_schedules_by_their_formulas():
    """Check all batches of a fit against the formulas of RealMLP, one by one."""
    n_batches, n = 7, 7 * SETTINGS.max_iter
    numbers = _numbers(SETTINGS, np.arange(n), n_batches)
    for index in range(n):
        t = index / n
        rate = 0.08 * 0.5 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * t)))
        flat = 1.0 if t < 0.5 else 0.5 * (1 + math.cos(math.pi * (2 * t - 1)))
        expected = (rate, rate * 0.02 * flat, 0.15 * flat, 0.1)
        np.testing.assert_allclose([each[index] for each in numbers], expected, atol=1e-12)
    is_peak = np.diff(np.sign(np.diff(numbers.rate))) < 0
    assert is_peak.sum() == 4
    assert numbers.rate[0] == 0


def test_an_epoch_has_each_row_once_but_for_a_rest():
    """Check the rows of each network, in full batches and in one short batch."""
    rows = np.array([np.arange(10, 30), np.arange(40, 60)], np.int32)
    for n_batches, batch_rows, n_used in ((3, 6, 18), (5, 4, 20), (1, 32, 20)):
        shuffled = _shuffled(rows, n_batches, batch_rows, np.random.RandomState(0))
        assert shuffled.shape == (n_batches, 2, batch_rows)
        for network in range(2):
            used = shuffled[:, network].ravel()
            used = used[used >= 0]
            assert len(set(used)) == len(used) == n_used
            assert set(used) <= set(rows[network])


def test_keys_of_batches_differ():
    """Check all keys of a long fit, for small and large seeds."""
    for seed in (0, 2**31 - 1):
        keys = _keys(seed, np.arange(100_000))
        assert keys.dtype == np.int32
        assert len(np.unique(keys)) == 100_000


# Folds


def class_counts(classes, rows, n_classes):
    return np.bincount(classes[rows], minlength=n_classes)


@pytest.mark.parametrize("n_networks", [1, 4, 8, 16])
@pytest.mark.parametrize("n_rows", [2, 3, 5, 8, 10, 15, 23, 100, 1001])
@pytest.mark.parametrize("n_classes", [None, 2, 5])
def test_folds_are_disjoint_and_stratified(n_rows, n_classes, n_networks):
    """Check folds alone and together: within one row a class, and all rows are used."""
    generator = np.random.RandomState(n_rows)
    classes = None if n_classes is None else generator.randint(0, n_classes, n_rows)
    rows = np.arange(n_rows, dtype=np.int32)
    held_out = hold_out_folds(n_networks, rows, classes, generator)
    train = training_rows(rows, held_out)
    for own, others in zip(held_out, train, strict=True):
        assert sorted([*own, *others]) == rows.tolist()
    can_be_held = rows
    if classes is not None:
        counts = np.bincount(classes)
        can_be_held = rows[counts[classes] > 1]
        for own, others in zip(held_out, train, strict=True):
            assert set(classes[own]) <= set(classes[others])
    n_folds = min(max(N_FOLDS, n_networks), len(can_be_held))
    n_held_out = len(can_be_held) // n_folds if n_folds > 1 else 0
    assert held_out.shape == (n_networks, n_held_out)
    distinct = held_out[: min(n_networks, n_folds)].ravel()
    assert len(set(distinct)) == len(distinct)
    if classes is None or not n_held_out:
        return
    counts = class_counts(classes, can_be_held, n_classes)
    for some in (*held_out, distinct):
        expected = counts * len(some) / len(can_be_held)
        assert abs(class_counts(classes, some, n_classes) - expected).max() < 1


def test_large_folds_are_stratified_too(monkeypatch):
    """Check the largest number of rows that a network holds out."""
    monkeypatch.setattr(_folds, "MAX_HELD_OUT", 50)
    classes = np.repeat([0, 1, 2], [500, 300, 200])
    held_out = hold_out_folds(4, np.arange(1000), classes, np.random.RandomState(0))
    for own in held_out:
        np.testing.assert_array_equal(np.bincount(classes[own]), [25, 15, 10])


def test_every_row_may_be_held_out():
    """Check that the first rows and the last ones are not preferred."""
    classes = np.repeat([0, 1], [12, 11])
    counts = np.zeros(23)
    for seed in range(300):
        held_out = hold_out_folds(4, np.arange(23), classes, np.random.RandomState(seed))
        counts += np.bincount(held_out.ravel(), minlength=23)
    expected = 300 * 8 / 23
    assert abs(counts - expected).max() < 4.5 * math.sqrt(expected)


def test_a_class_of_one_row_is_never_held_out():
    """Check rare classes among frequent ones."""
    classes = np.array([0] * 20 + [1] * 20 + [2] * 2 + [3])
    for seed in range(50):
        held_out = hold_out_folds(16, np.arange(43), classes, np.random.RandomState(seed))
        assert 42 not in held_out
        assert all((classes[own] == 2).sum() < 2 for own in held_out)


def test_only_the_given_rows_are_held_out():
    """Check that rows of weight 0, which are not given, are never held out."""
    rows = np.arange(0, 100, 2, dtype=np.int32)
    held_out = hold_out_folds(4, rows, np.arange(100) % 3, np.random.RandomState(0))
    assert set(held_out.ravel()) <= set(rows)
    assert set(training_rows(rows, held_out).ravel()) <= set(rows)


# The mean of networks in NumPy

UNITS = (7, 12, 9, 3)
NETWORKS = Members(
    [rng.standard_normal((6, *pair)).astype(np.float32) / 2 for pair in pairwise(UNITS)],
    [rng.standard_normal((6, units)).astype(np.float32) for units in UNITS[1:]],
)
SAMPLES = rng.standard_normal((1000, 7)).astype(np.float32)
FUNCTIONS = {
    "tanh": np.tanh,
    "silu": lambda x: x * expit(x),
    "softmax": lambda x: softmax(x, axis=1),
    "identity": lambda x: x,
}


@pytest.mark.parametrize("activation", ["tanh", "silu"])
@pytest.mark.parametrize(
    ("out_activation", "temperature"), [("softmax", 1.0), ("softmax", 0.3), ("identity", 1.0)]
)
def test_mean_outputs_by_a_plain_loop(activation, out_activation, temperature):
    """Check few rows, many rows, and row numbers that parts do not divide, in float64."""
    outputs = []
    for network in range(6):
        values = SAMPLES.astype(np.float64)
        for layer, (coefs, intercepts) in enumerate(
            zip(NETWORKS.coefs, NETWORKS.intercepts, strict=True)
        ):
            values = values @ coefs[network].astype(np.float64) + intercepts[network]
            values = FUNCTIONS[activation](values) if layer < 2 else values / temperature
        outputs.append(FUNCTIONS[out_activation](values))
    expected = np.mean(outputs, axis=0)
    for n_rows in (1, 2, 64, 65, 256, 257, 1000):
        args = (SAMPLES[:n_rows], NETWORKS, activation, out_activation, temperature)
        tolerance = {"rtol": 1e-12} if n_rows <= 256 else {"rtol": 2e-5, "atol": 1e-5}
        for n_threads in (1, 2):
            actual = mean_outputs(*args, n_threads)
            assert actual.dtype == np.float64
            np.testing.assert_allclose(actual, expected[:n_rows], **tolerance)


def test_threads_change_no_bit():
    """Check many rows in one thread, in two, and in more threads than there are parts."""
    expected = mean_outputs(SAMPLES, NETWORKS, "silu", "softmax")
    for n_threads in (2, 3, 100):
        actual = mean_outputs(SAMPLES, NETWORKS, "silu", "softmax", n_threads=n_threads)
        np.testing.assert_array_equal(actual, expected)


def test_the_input_and_the_networks_are_left_alone():
    """Check that the computation writes to its own arrays only."""
    before = [array.copy() for array in (SAMPLES, *NETWORKS.coefs, *NETWORKS.intercepts)]
    for n_rows in (10, 1000):
        mean_outputs(SAMPLES[:n_rows], NETWORKS, "silu", "softmax", 0.5, 2)
    for array, old in zip((SAMPLES, *NETWORKS.coefs, *NETWORKS.intercepts), before, strict=True):
        np.testing.assert_array_equal(array, old)


def threads_of_blas():
    return [each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"]


def test_blas_has_its_threads_again_after_calls_at_the_same_time(monkeypatch):
    """Check two overlapping calls, and that both are right."""
    before, expected = threads_of_blas(), mean_outputs(SAMPLES, NETWORKS, "silu", "softmax")
    began = {name: threading.Event() for name in ("first", "second")}
    may_end = {name: threading.Event() for name in began}
    compute, results = _members._mean_outputs, {}

    def compute_slowly(members, activation, *args):
        name = {"silu": "first", "gelu": "second"}[activation]
        began[name].set()
        assert may_end[name].wait(30)
        return compute(members, "silu", *args)

    def call(name, activation):
        results[name] = mean_outputs(SAMPLES, NETWORKS, activation, "softmax", n_threads=2)

    monkeypatch.setattr(_members, "_mean_outputs", compute_slowly)
    threads = [
        threading.Thread(target=call, args=case) for case in (("first", "silu"), ("second", "gelu"))
    ]
    for name, thread in zip(began, threads, strict=True):
        thread.start()
        assert began[name].wait(30)
    for name, thread in zip(began, threads, strict=True):
        may_end[name].set()
        thread.join()
        np.testing.assert_array_equal(results[name], expected)
    assert threads_of_blas() == before
    assert not _members._HELPERS.locked()
