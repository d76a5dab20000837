"""The stopping rule, against a plain loop, on the host and in the program."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skmlp._engine.learning_rate import LearningRate
from skmlp._model.records import Optimizer
from skmlp._program.stopping import START, StoppingRule, judge
from skmlp._tensorflow.loading import load as load_tensorflow

VALUES = st.one_of(st.floats(-3, 3), st.just(float("nan")), st.just(float("inf")))


def plain(values, tol, patience, is_score, is_adaptive, rate):
    """Return the epochs after which scikit-learn stops, and its learning rate and count then."""
    best, count = (-np.inf if is_score else np.inf), 0
    for epoch, value in enumerate(values, 1):
        improves = value >= best + tol if is_score else value <= best - tol
        count = 0 if improves else count + 1
        if value > best if is_score else value < best:
            best = value
        if count > patience:
            if not is_adaptive or rate <= 1e-6:
                return epoch, rate, count
            rate, count = rate / 5.0, 0
    return None, rate, count


@given(
    values=st.lists(VALUES, max_size=30),
    tol=st.sampled_from([0.0, 0.1, 1.0]),
    patience=st.sampled_from([1, 2, 5, np.inf]),
    is_score=st.booleans(),
    schedule=st.sampled_from(["constant", "adaptive"]),
    rate=st.sampled_from([1e-3, 1e-5]),
)
def test_rule_is_that_of_scikit_learn(values, tol, patience, is_score, schedule, rate):
    """Check losses and scores, NaN among them, with and without an adaptive rate."""
    rule = StoppingRule(tol, patience, float(is_score))
    rates = LearningRate(Optimizer("sgd", {}, schedule, rate, 0, []), 10, 1, 30, 0, 0)
    state, stopped = START, None
    for epoch, value in enumerate(np.array(values), 1):
        loss, score = (np.float64(0), value) if is_score else (value, np.float64(np.nan))
        state = judge(np.where, rule, state, loss, score)
        if state.stopped:
            if not rates.goes_on_after_plateau():
                stopped = epoch
                break
            state = state._replace(no_improvement_count=0.0, stopped=0.0)
    expected = plain(values, tol, patience, is_score, schedule == "adaptive", rate)
    assert (stopped, rates.rate, state.no_improvement_count) == expected


@pytest.mark.parametrize("loss", [0.5, 2.0, np.nan])
@pytest.mark.parametrize("score", [0.1, 0.9, np.nan])
@pytest.mark.parametrize("watches_score", [0.0, 1.0])
def test_tensors_are_judged_as_numbers(loss, score, watches_score):
    """Check that the program and the host agree."""
    tf = load_tensorflow()
    rule = StoppingRule(0.01, 1, watches_score)
    state = START._replace(best_loss=1.0, best_score=0.5, no_improvement_count=1.0)

    def tensors(values):
        return type(values)(*(tf.constant(np.float64(value)) for value in values))

    expected = judge(np.where, rule, state, np.float64(loss), np.float64(score))
    pair = (tf.constant(np.float64(loss)), tf.constant(np.float64(score)))
    actual = judge(tf.where, tensors(rule), tensors(state), *pair)
    for name, value in actual._asdict().items():
        assert value.dtype == tf.float64
        np.testing.assert_array_equal(value.numpy(), getattr(expected, name), err_msg=name)
