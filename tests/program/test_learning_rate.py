"""The schedules of the learning rate, against scikit-learn's optimizer, formulas and Keras."""

import pickle
import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.neural_network._stochastic_optimizers import SGDOptimizer

from skmlp import TFMLPClassifier
from skmlp._engine.learning_rate import LearningRate
from skmlp._model.records import Optimizer
from skmlp._program.schedules import SCHEDULES, make_schedule
from skmlp.callbacks import Checkpoint, set_learning_rate
from tests.helpers import Callback, fit_quietly, load

pytestmark = pytest.mark.uncompiled  # but for one test of a kind: rates are of the host

N_SAMPLES = 150
HYPER = {"learning_rate_init": 0.1, "power_t": 0.3}


def make(schedule, n_epochs=0, rate=0.1):
    optimizer = Optimizer("sgd", HYPER, schedule, rate, 0, [])
    return LearningRate(optimizer, N_SAMPLES, 3, 20, n_epochs, n_epochs * N_SAMPLES)


def scikit_learn_rates(schedule, plateaus):
    """Return scikit-learn's rate in each epoch, and at the end, with plateaus after some epochs."""
    theirs = SGDOptimizer([], 0.1, schedule, power_t=0.3)
    rates = [theirs.learning_rate]
    for epoch in range(1, 9):
        theirs.iteration_ends(epoch * N_SAMPLES)
        if epoch in plateaus:
            theirs.trigger_stopping("", verbose=False)
        rates.append(theirs.learning_rate)
    return rates


@pytest.mark.parametrize("schedule", ["constant", "invscaling", "adaptive"])
@pytest.mark.parametrize("n_epochs_a_call", [1, 2, 4])
def test_rates_are_scikit_learns_bit_for_bit(schedule, n_epochs_a_call):
    """Check the rates of coming batches, and after epochs with plateaus between."""
    plateaus = {4, 8} if schedule == "adaptive" else set()
    expected = scikit_learn_rates(schedule, plateaus)
    ours, after = make(schedule), []
    for first in range(0, 8, n_epochs_a_call):
        rates = ours.upcoming(n_epochs_a_call, 1, 3)
        assert rates.shape == (n_epochs_a_call, 2)
        assert rates[:, 0].tolist() == expected[first : first + n_epochs_a_call]
        np.testing.assert_array_equal(rates[:, 0], rates[:, 1])
        after += ours.complete(n_epochs_a_call)
        if first + n_epochs_a_call in plateaus:
            assert ours.goes_on_after_plateau()
            after[-1] = ours.rate
    assert after == expected[1:]
    assert ours.samples_seen == 8 * N_SAMPLES


def test_an_adaptive_rate_ends_where_scikit_learns_does():
    """Check divisions until the rate is too small; other schedules never divide."""
    theirs, ours = SGDOptimizer([], 0.1, "adaptive"), make("adaptive")
    for _ in range(12):
        assert ours.goes_on_after_plateau() is not theirs.trigger_stopping("", verbose=False)
        assert ours.rate == theirs.learning_rate
    for schedule in ("constant", "invscaling"):
        assert not make(schedule).goes_on_after_plateau()


def test_a_power_that_overflows_is_a_rate_of_zero():
    """Check a power for which Python raises OverflowError."""
    schedule = SCHEDULES["invscaling"](HYPER | {"power_t": 1e6})
    assert schedule.after_epoch(0.1, 1000) == 0.0


def test_a_schedule_is_told_how_far_the_fit_is():
    """Check the progress of batches, from 0 to 1, in whole and partial epochs."""
    seen = []
    make(lambda t: seen.append(t) or 1.0, n_epochs=18).upcoming(2, 0, 3)
    np.testing.assert_allclose(seen, np.arange(54, 60) / 60)


def half(t):
    """Return 1, and 0.25 from the half of a fit on: a function that a checkpoint can name."""
    return 1.0 if t < 0.5 else 0.25


FACTORS = {
    "cosine": lambda t: (1 + np.cos(np.pi * t)) / 2,
    "coslog": lambda t: (1 - np.cos(2 * np.pi * np.log2(1 + 15 * t))) / 2,
    half: half,
}
over_fit = pytest.mark.parametrize(
    "schedule", FACTORS, ids=lambda value: getattr(value, "__name__", str(value))
)
stochastic = pytest.mark.parametrize("solver", ["adam", "sgd"])


@over_fit
@pytest.mark.parametrize("n_epochs_a_call", [1, 4])
def test_schedules_over_a_fit_are_their_formulas(schedule, n_epochs_a_call):
    """Check every batch of 20 epochs, the base rate, and that a plateau ends training."""
    ours, rates = make(schedule), []
    for _ in range(0, 20, n_epochs_a_call):
        rates += ours.upcoming(n_epochs_a_call, 0, 3).ravel().tolist()
        assert ours.complete(n_epochs_a_call) == [0.1] * n_epochs_a_call
    expected = [0.1 * FACTORS[schedule](batch / 60) for batch in range(60)]
    np.testing.assert_allclose(rates, expected, rtol=1e-13, atol=1e-17)
    assert not ours.goes_on_after_plateau()


def test_coslog_has_four_cycles():
    """Check where it is 0 and 1: at shares (2**k - 1) / 15 of the fit, and between them."""
    ends = (2.0 ** np.arange(5) - 1) / 15
    peaks = (2.0 ** (np.arange(4) + 0.5) - 1) / 15
    schedule = make_schedule("coslog", HYPER)
    np.testing.assert_allclose(schedule.batch_rates(1.0, ends), 0, atol=1e-12)
    np.testing.assert_allclose(schedule.batch_rates(1.0, peaks), 1, atol=1e-12)


def keras_fit(clf, X, y, factors):
    """Return weights trained by Keras, unshuffled, with a given rate for each batch."""
    import keras

    model = clf.to_keras()
    if clf.solver == "adam":
        # Keras has Adam's epsilon inside the corrected root, so both have a negligible epsilon.
        optimizer = keras.optimizers.Adam(epsilon=1e-300)
    else:
        optimizer = keras.optimizers.SGD(momentum=clf.momentum, nesterov=clf.nesterovs_momentum)
    model.compile(optimizer, keras.losses.CategoricalCrossentropy())
    targets = np.eye(3)[y]
    starts = [start for _ in range(clf.max_iter) for start in range(0, len(X), clf.batch_size)]
    for start, factor in zip(starts, factors, strict=True):
        optimizer.learning_rate.assign(clf.learning_rate_init * factor)
        rows = slice(start, start + clf.batch_size)
        model.train_on_batch(X[rows], targets[rows])
    return model.get_weights()[::2]


@pytest.mark.parametrize("solver", [pytest.param("adam", marks=pytest.mark.compiled), "sgd"])
@over_fit
def test_a_fit_is_that_of_keras(solver, schedule):
    """Check weights against Keras with the same initial weights and the factor of each batch."""
    X, y = load("iris")
    params = {"solver": solver, "learning_rate_init": 0.01, "max_iter": 4, "alpha": 0.0}
    params |= {"batch_size": 50, "shuffle": False, "random_state": 0, "epsilon": 1e-300}
    start = TFMLPClassifier((5,), **params | {"learning_rate_init": 1e-300})
    start = fit_quietly(start, X, y)
    clf = fit_quietly(TFMLPClassifier((5,), learning_rate=schedule, **params), X, y)
    start.learning_rate_init = 0.01
    factors = [FACTORS[schedule](batch / 12) for batch in range(12)]
    for ours, theirs in zip(clf.coefs_, keras_fit(start, X, y, factors), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-6)  # Keras has rates in float32


@stochastic
def test_warm_starts_begin_the_schedule_anew(solver):
    """Check two warm fits of 3 epochs against the factors of 3 epochs, twice."""
    X, y = load("iris")
    seen = []

    def spy(t):
        seen.append(t)
        return 1.0

    params = {"solver": solver, "max_iter": 3, "batch_size": 50, "random_state": 0}
    est = TFMLPClassifier(4, learning_rate=spy, warm_start=True, **params)
    plain = TFMLPClassifier(4, warm_start=True, **params)
    for _ in range(2):
        fit_quietly(est, X, y)
        fit_quietly(plain, X, y)
    np.testing.assert_allclose(seen, [*np.arange(9) / 9] * 2)
    np.testing.assert_array_equal(est.coefs_[0], plain.coefs_[0])


@over_fit
def test_what_can_not_follow_a_schedule_over_a_fit_is_named(schedule):
    """Check partial_fit, also after a fit, and L-BFGS, which ignores only old names."""
    X, y = load("iris")
    clf = TFMLPClassifier(4, max_iter=2, learning_rate=schedule, random_state=0)
    message = "partial_fit is not available for learning_rate=.*the length of the training"
    for est in (clf, fit_quietly(clone(clf), X, y)):
        before = dict(vars(est))
        assert not hasattr(est, "partial_fit")
        with pytest.raises(AttributeError) as error:
            est.partial_fit(X, y, classes=[0, 1, 2])
        assert re.match(message, str(error.value.__cause__))
        assert vars(est) == before
    with pytest.raises(ValueError, match=r"learning_rate=.* needs solver='adam' or 'sgd', got"):
        clf.set_params(solver="lbfgs").fit(X, y)
    fit_quietly(clf.set_params(learning_rate="adaptive"), X, y)


def test_partial_fit_goes_on_at_a_constant_rate_after_a_schedule_has_ended():
    """Check an epoch after a schedule that multiplied by one, against a constant rate all along."""
    X, y = load("iris")
    ours = TFMLPClassifier(4, max_iter=2, learning_rate=lambda t: 1.0, random_state=0)
    fit_quietly(ours, X, y).set_params(learning_rate="constant").partial_fit(X, y)
    plain = fit_quietly(TFMLPClassifier(4, max_iter=2, random_state=0), X, y).partial_fit(X, y)
    np.testing.assert_array_equal(ours.coefs_[0], plain.coefs_[0])


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.1, None, "no"])
def test_what_is_no_factor_is_named(value):
    """Check that the error names parameter and value, and that nothing changes."""
    X, y = load("iris")
    clf = TFMLPClassifier(4, learning_rate=lambda t: value if t >= 0.5 else 1.0, max_iter=4)
    with pytest.raises(ValueError, match=rf"learning_rate must .* got {value!r} for t=0.5"):
        clf.fit(X, y)
    assert not hasattr(clf, "coefs_")


@pytest.mark.parametrize(
    "schedule", ["cosine", half], ids=lambda value: getattr(value, "__name__", str(value))
)
def test_a_fit_on_a_schedule_is_pickled_and_resumed(schedule, tmp_path):
    """Check a resumed fit's bits, that max_iter must be equal, and a lambda's error."""
    X, y = load("iris")
    params = {"learning_rate": schedule, "max_iter": 9, "random_state": 0, "batch_size": 50}
    expected = fit_quietly(TFMLPClassifier(4, **params), X, y)
    again = pickle.loads(pickle.dumps(expected))
    np.testing.assert_array_equal(again.predict_proba(X), expected.predict_proba(X))

    class Crash(Callback):
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "epoch" and context.task_id == 5:
                raise RuntimeError("the process ends")

    path = tmp_path / "file"
    with pytest.raises(RuntimeError, match="the process ends"):
        TFMLPClassifier(4, **params).set_callbacks(Checkpoint(path, every=4), Crash()).fit(X, y)
    resume = Checkpoint(path, resume=True)
    with pytest.raises(ValueError, match=r"of another fit.* got others for: max_iter\."):
        TFMLPClassifier(4, **params | {"max_iter": 10}).set_callbacks(resume).fit(X, y)
    resumed = fit_quietly(TFMLPClassifier(4, **params).set_callbacks(resume), X, y)
    assert resumed.loss_curve_ == expected.loss_curve_
    np.testing.assert_array_equal(resumed.coefs_[0], expected.coefs_[0])
    own = TFMLPClassifier(4, learning_rate=lambda t: 1.0).set_callbacks(Checkpoint(path))
    with pytest.raises(ValueError, match=r"learning_rate=<function .* can't be written to a ch"):
        own.fit(X, y)


class SetRates(Callback):
    """Sets the rate at the beginning of an epoch, by the number of the epoch in the fit."""

    def __init__(self, rates):
        self._rates = rates

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch" and context.task_id in self._rates:
            set_learning_rate(context, self._rates[context.task_id])


CHANGED = {"max_iter": 9, "random_state": 0, "batch_size": 50, "learning_rate_init": 0.02}


@stochastic
def test_a_callback_sets_the_rate_of_the_next_epochs(solver):
    """Check against a schedule function with the same rates; the parameter is unchanged."""
    X, y = load("iris")
    rates = SetRates({0: 0.01, 4: 0.08, 6: 0.005})
    clf = TFMLPClassifier(4, solver=solver, **CHANGED).set_callbacks(rates)
    fit_quietly(clf, X, y)
    expected = TFMLPClassifier(4, solver=solver, **CHANGED)
    factors = [0.5] * 4 + [4.0] * 2 + [0.25] * 3
    expected.set_params(learning_rate=lambda t: factors[round(27 * t) // 3])
    fit_quietly(expected, X, y)
    np.testing.assert_allclose(clf.loss_curve_, expected.loss_curve_, rtol=1e-12)
    np.testing.assert_allclose(clf.coefs_[0], expected.coefs_[0], rtol=1e-10)
    assert clf.learning_rate_init == 0.02
    assert clf._optimizer.learning_rate == 0.005


def test_a_schedule_goes_on_from_the_rate_that_a_callback_sets():
    """Check the rates of epochs by their formulas: a cosine, a power, and divisions."""
    cosine, power, divided = make("cosine"), make("invscaling"), make("adaptive")
    for ours in (cosine, power, divided):
        ours.complete(5)
        ours.goes_on_after_plateau()
        ours.restart(0.4)
    share = 16 / 60
    np.testing.assert_allclose(
        cosine.upcoming(1, 1, 2), 0.4 * (1 + np.cos(np.pi * share)) / 2, rtol=1e-14
    )
    assert power.rate == 0.4 / (5 * N_SAMPLES + 1) ** 0.3
    assert power.complete(1) == [0.4 / (6 * N_SAMPLES + 1) ** 0.3]
    assert divided.rate == 0.4
    divided.goes_on_after_plateau()
    assert divided.rate == 0.4 / 5


@pytest.mark.parametrize("schedule", ["constant", "cosine", "invscaling"])
def test_a_rate_that_a_callback_has_set_is_resumed(schedule, tmp_path):
    """Check every bit, with the checkpoint before and after the callback that sets rates."""
    X, y = load("iris")
    params = CHANGED | {"solver": "sgd", "learning_rate": schedule}
    expected = TFMLPClassifier(4, **params).set_callbacks(SetRates({2: 0.1, 7: 0.05}))
    fit_quietly(expected, X, y)
    for number, rate in enumerate([0.1, 0.05]):
        path = tmp_path / f"file {number}"
        checkpoint = Checkpoint(path, every=4 + 3 * number)
        callbacks = [checkpoint, SetRates({2: 0.1, 7: 0.05})]
        clf = TFMLPClassifier(4, **params | {"max_iter": 9})
        clf.set_callbacks(*callbacks[:: 1 - 2 * number], CrashAtTheEnd(7))
        with pytest.raises(RuntimeError, match="the process ends"):
            clf.fit(X, y)
        # The resumed fit starts with epoch 5 or 8.
        rates = SetRates({3: 0.05} if number == 0 else {0: rate})
        clf.set_callbacks(Checkpoint(path, resume=True), rates)
        fit_quietly(clf, X, y)
        assert clf.loss_curve_ == expected.loss_curve_
        np.testing.assert_array_equal(clf.coefs_[0], expected.coefs_[0])
        assert clf._optimizer.hyper == expected._optimizer.hyper


class CrashAtTheEnd(Callback):
    """Ends the fit after some epochs."""

    def __init__(self, after):
        self._after = after

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == self._after:
            raise RuntimeError("the process ends")


class SetParameter(Callback):
    """Sets the parameter of the estimator in one of its hooks."""

    def __init__(self, hook):
        self._hook = hook

    def _set(self, estimator, hook, context):
        if hook == self._hook and context.task_name == "epoch" and context.task_id == 1:
            estimator.set_params(learning_rate_init=0.5)

    def on_fit_task_begin(self, estimator, context):
        self._set(estimator, "begin", context)

    def on_fit_task_end(self, estimator, context):
        self._set(estimator, "end", context)


@pytest.mark.parametrize("hook", ["begin", "end"])
def test_setting_the_parameter_in_a_callback_is_an_error(hook):
    """Check that the error says what to call, and that the estimator is as it was."""
    X, y = load("iris")
    clf = TFMLPClassifier(4, **CHANGED).set_callbacks(SetParameter(hook))
    with pytest.raises(ValueError, match=r"learning_rate_init=0.5 .*\.set_learning_rate\(context"):
        clf.fit(X, y)
    assert clf.learning_rate_init == 0.02
    assert not hasattr(clf, "coefs_")


class SetAt(Callback):
    """Sets the rate in a given hook of a given task."""

    def __init__(self, hook, task="epoch", rate=0.1):
        self._at = hook, task
        self._rate = rate

    def on_fit_task_begin(self, estimator, context):
        if self._at == ("begin", context.task_name):
            set_learning_rate(context, self._rate)

    def on_fit_task_end(self, estimator, context):
        if self._at == ("end", context.task_name):
            set_learning_rate(context, self._rate)


@pytest.mark.parametrize(
    ("callback", "solver", "message"),
    [
        (SetAt("end"), "adam", r"context of an epoch that begins.*task_name='epoch'"),
        (SetAt("begin", "fit"), "adam", r"context of an epoch that begins.*task_name='fit'"),
        (SetAt("begin", "iteration"), "lbfgs", r"epoch that begins.*task_name='iteration'"),
        *[
            (SetAt("begin", rate=rate), "sgd", r"rate must be a finite number above 0, got")
            for rate in (0, -1.0, np.nan, np.inf, "fast")
        ],
    ],
)
def test_a_rate_that_can_not_be_set_is_named(callback, solver, message):
    """Check a wrong hook, a wrong task, L-BFGS and bad numbers."""
    clf = TFMLPClassifier(4, solver=solver, **CHANGED).set_callbacks(callback)
    with pytest.raises(ValueError, match=message):
        clf.fit(*load("iris"))


def test_the_log_does_not_take_a_callback_for_a_plateau(capsys):
    """Check that the log does not blame the schedule for a lower rate."""
    X, y = load("iris")
    params = CHANGED | {"solver": "sgd", "learning_rate": "adaptive", "verbose": 1}
    clf = TFMLPClassifier(4, **params).set_callbacks(SetRates({3: 0.001}))
    fit_quietly(clf, X, y)
    assert "Setting learning rate" not in capsys.readouterr().out
