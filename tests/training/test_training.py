"""The training loop, with a trainer that only records calls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils import shuffle

from skmlp._data.samples import SampleSet, without_validation
from skmlp._engine.pace import SECONDS_A_CALL, Pace
from skmlp._engine.report import Report
from skmlp._model.network import Architecture, Parameters
from skmlp._model.records import History
from skmlp._program.stopping import StoppingRule
from skmlp._training.log import TrainingLog
from skmlp._training.loop import Loop
from skmlp._training.orders import EpochOrders
from tests.helpers import make_plan


class Recorder:
    """Pretends to train: counts batches, and stops or fails where it is told to."""

    max_epochs = 4
    max_batches = 3
    learning_rate = 0.1

    def __init__(self, n_batches, stop_after=None, interrupt_at_call=None):
        self.calls = []
        self.expected = []
        self.rows = []
        self._n_batches = n_batches
        self._stop_after = stop_after
        self._interrupt_at_call = interrupt_at_call
        self._n_epochs = 0

    def run(self, orders, first_batch, last_batch, next_last_batch):
        if len(self.calls) == self._interrupt_at_call:
            raise KeyboardInterrupt
        self.calls.append((len(orders), first_batch, last_batch))
        self.expected.append((last_batch, next_last_batch))
        if last_batch < self._n_batches:
            return Report([], [], [], [], False)
        left = len(orders)
        if self._stop_after is not None:
            left = min(left, self._stop_after - self._n_epochs)
        self.rows += [order.tolist() for order in orders[:left]]
        losses = [float(self._n_epochs + i) for i in range(left)]
        self._n_epochs += left
        return Report(losses, [], [], [0.1] * left, self._n_epochs == self._stop_after)

    def parameters(self):
        return Parameters([np.zeros((2, 1))], [np.zeros(1)])


class FixedPace(Pace):
    """Always the same number of batches."""

    def __init__(self, n_batches):
        self.n_batches = n_batches

    def update(self, n_batches, seconds):
        pass


def make_loop(
    recorder,
    *,
    n_samples=10,
    batch_size=2,
    pace=6,
    max_iter=7,
    verbose=0,
    seed=0,
    skip=0,
    **options,
):
    rng = np.random.RandomState(seed)
    samples = SampleSet(
        np.zeros((n_samples, 2)), np.zeros((n_samples, 1), bool), np.ones(n_samples)
    )
    architecture = Architecture((2, 1), "relu", "binary_cross_entropy")
    plan = make_plan(
        without_validation(samples), architecture, batch_size=batch_size, verbose=verbose
    )
    log = TrainingLog(plan, StoppingRule(0.1, 2))
    orders = EpochOrders(np.arange(n_samples), True, rng)
    orders.skip(skip)
    n_batches = -(-n_samples // batch_size)
    loop = Loop(recorder, orders, FixedPace(pace), n_batches, max_iter, log, **options)
    return loop, rng


def scikit_learn_orders(n_samples, n_epochs, rng):
    """Return the orders as scikit-learn's MLP draws them."""
    order, orders = np.arange(n_samples), []
    for _ in range(n_epochs):
        order = shuffle(order, random_state=rng)
        orders.append(order.tolist())
    return orders


@given(pace=st.integers(1, 40), max_iter=st.integers(1, 12), verbose=st.sampled_from([0, 2]))
def test_any_pace_runs_the_same_epochs(pace, max_iter, verbose):
    """Check that all batches of all epochs run once, in scikit-learn's order."""
    recorder = Recorder(n_batches=5)
    loop, _ = make_loop(recorder, pace=pace, max_iter=max_iter, verbose=verbose)
    outcome = loop.run()
    assert outcome.history.n_epochs == max_iter
    assert not outcome.stopped
    assert not outcome.interrupted
    assert recorder.rows == scikit_learn_orders(10, max_iter, np.random.RandomState(0))
    assert sum(n * (last - first) for n, first, last in recorder.calls) == 5 * max_iter


@given(pace=st.integers(1, 40), n_batches=st.integers(1, 250), verbose=st.sampled_from([0, 2]))
def test_the_next_call_of_an_epoch_is_known_before(pace, n_batches, verbose):
    """Check that samples are gathered ahead for the batches of the next call."""
    recorder = Recorder(n_batches)
    recorder.max_batches = 38
    loop, _ = make_loop(recorder, n_samples=2 * n_batches, pace=pace, max_iter=2, verbose=verbose)
    loop.run()
    following = [(first, last) for _, first, last in recorder.calls[1:]]
    for expected, (first, last) in zip(recorder.expected, following, strict=False):
        if first:  # a call in the same epoch
            assert expected == (first, last)
        else:
            assert expected == (n_batches, n_batches)


@given(stop_after=st.integers(1, 10), pace=st.integers(1, 40))
def test_orders_that_were_not_used_are_given_back(stop_after, pace):
    """Check that the random state ends as scikit-learn's."""
    loop, rng = make_loop(Recorder(5, stop_after=stop_after), pace=pace, max_iter=10)
    assert loop.run().stopped
    reference = np.random.RandomState(0)
    scikit_learn_orders(10, stop_after, reference)
    assert rng.uniform() == reference.uniform()


class Listener:
    """Records when epochs begin and end, and ends training after some of them."""

    def __init__(self, halt_after=None):
        self.seen = []
        self._halt_after = halt_after

    def begin(self):
        self.seen.append("begin")

    def end(self, history):
        self.seen.append(history.n_epochs)
        return history.n_epochs == self._halt_after


@given(pace=st.integers(1, 40), stop_after=st.integers(1, 8), halt_after=st.integers(1, 8))
def test_a_listener_is_told_of_each_epoch(pace, stop_after, halt_after):
    """Check its calls, what ended training, and the random state."""
    listener, recorder = Listener(halt_after), Recorder(5, stop_after=stop_after)
    loop, rng = make_loop(recorder, pace=pace, listener=listener)
    outcome = loop.run()
    n_epochs = min(stop_after, halt_after, 7)
    assert listener.seen == [step for epoch in range(n_epochs) for step in ("begin", epoch + 1)]
    assert (outcome.stopped, outcome.halted) == (stop_after == n_epochs, halt_after == n_epochs)
    reference = np.random.RandomState(0)
    assert recorder.rows == scikit_learn_orders(10, n_epochs, reference)
    assert rng.uniform() == reference.uniform()


def test_epochs_that_went_before_are_not_run_again():
    """Check orders and history of a loop that resumes after two epochs."""
    recorder = Recorder(5)
    history = History([3.0, 2.0], [], [], [0.1, 0.1])
    loop, _ = make_loop(recorder, max_iter=5, history=history, skip=2)
    assert loop.run().history.n_epochs == 5
    assert recorder.rows == scikit_learn_orders(10, 5, np.random.RandomState(0))[2:]
    loop, _ = make_loop(Recorder(5), history=history, stopped=True)
    assert loop.run().stopped


def test_an_interrupt_keeps_the_epochs_before_it():
    """Check the warning and the history."""
    loop, _ = make_loop(Recorder(5, interrupt_at_call=2), pace=5)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        outcome = loop.run()
    assert outcome.interrupted
    assert outcome.history.n_epochs == 2


def test_an_interrupt_of_the_first_epoch_is_not_a_model():
    """Check that nothing of an incomplete epoch is kept."""
    loop, _ = make_loop(Recorder(5, interrupt_at_call=2), pace=2)
    with pytest.raises(KeyboardInterrupt):
        loop.run()


def test_without_shuffle_nothing_is_drawn():
    """Check the rows and the random state."""
    rng = np.random.RandomState(0)
    orders = EpochOrders(np.array([3, 1, 2]), False, rng)
    assert [order.tolist() for order in orders.draw(2)] == [[3, 1, 2]] * 2
    orders.rewind(1)
    assert rng.uniform() == np.random.RandomState(0).uniform()


def test_pace_starts_carefully_and_grows():
    """Check the first guess by its formula, and how fast the pace adapts."""
    assert Pace(1e12).n_batches == 1
    pace = Pace(1e6)
    first = pace.n_batches
    assert first == int(SECONDS_A_CALL / (1e6 / 1e10 + 5e-5))
    pace.update(first, SECONDS_A_CALL / 100)
    assert pace.n_batches == 8 * first
    pace.update(100, 100.0)
    assert pace.n_batches == 4 * first
    pace.update(1000, SECONDS_A_CALL * 1000 / (3 * first))
    assert pace.n_batches == pytest.approx(3 * first, abs=1)
