"""The stopping rule, against a plain loop and on both sides of the program."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skmlp._program.stopping import START, Rule, judge
from skmlp._tensorflow.loading import load as load_tensorflow

VALUES = st.one_of(st.floats(-3, 3), st.just(float("nan")), st.just(float("inf")))


def plain(values, tol, patience, is_score, divisor, rate):
    """Return after how many epochs training stops, the learning rate and the count there."""
    best, count = (-np.inf if is_score else np.inf), 0
    for epoch, value in enumerate(values, 1):
        improves = value >= best + tol if is_score else value <= best - tol
        count = 0 if improves else count + 1
        if value > best if is_score else value < best:
            best = value
        if count > patience:
            if divisor == 1 or rate <= 1e-6:
                return epoch, rate, count
            rate, count = rate / divisor, 0
    return None, rate, count


@given(
    values=st.lists(VALUES, max_size=30),
    tol=st.sampled_from([0.0, 0.1, 1.0]),
    patience=st.sampled_from([1, 2, 5, np.inf]),
    is_score=st.booleans(),
    divisor=st.sampled_from([1.0, 5.0]),
    rate=st.sampled_from([1e-3, 1e-5]),
)
def test_rule_is_that_of_scikit_learn(values, tol, patience, is_score, divisor, rate):
    """Check losses and scores, NaN among them, with and without an adaptive rate."""
    rule = Rule(tol, patience, float(is_score), divisor)
    standing = START._replace(learning_rate=rate)
    stopped = None
    for epoch, value in enumerate(np.array(values), 1):
        loss, score = (np.float64(0), value) if is_score else (value, np.float64(np.nan))
        standing = judge(np.where, rule, standing, loss, score)
        if standing.stopped:
            stopped = epoch
            break
    expected, expected_rate, count = plain(values, tol, patience, is_score, divisor, rate)
    assert stopped == expected
    assert standing.learning_rate == expected_rate
    assert standing.no_improvement_count == count


@pytest.mark.parametrize("loss", [0.5, 2.0, np.nan])
@pytest.mark.parametrize("score", [0.1, 0.9, np.nan])
@pytest.mark.parametrize("watches_score", [0.0, 1.0])
def test_tensors_are_judged_as_numbers(loss, score, watches_score):
    """Check that the program and the host agree."""
    tf = load_tensorflow()
    rule = Rule(0.01, 1, watches_score, 5.0)
    standing = START._replace(best_loss=1.0, best_score=0.5, learning_rate=0.1)
    standing = standing._replace(no_improvement_count=1.0)

    def tensors(values):
        return type(values)(*(tf.constant(np.float64(value)) for value in values))

    expected = judge(np.where, rule, standing, np.float64(loss), np.float64(score))
    pair = (tf.constant(np.float64(loss)), tf.constant(np.float64(score)))
    actual = judge(tf.where, tensors(rule), tensors(standing), *pair)
    for name, value in actual._asdict().items():
        assert value.dtype == tf.float64
        np.testing.assert_array_equal(value.numpy(), getattr(expected, name), err_msg=name)
