"""What is checked without scikit-learn, to save its time: the same as scikit-learn says."""

import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse
from sklearn.base import BaseEstimator
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from skmlp._data.checks import are_ready_to_train
from skmlp._data.labels import plain_binarizer, plain_labels
from skmlp._data.random_state import make_random_state

ACCEPTED = (np.float64, np.float32)


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, np.int64(7), np.uint32(8), True])
def test_a_seed_gives_the_numbers_of_numpy(seed):
    """Check the whole state, and what a copy draws."""
    made, expected = make_random_state(seed), np.random.RandomState(seed)
    states = [each.get_state(legacy=False) for each in (made, expected)]
    keys = [state["state"].pop("key") for state in states]
    np.testing.assert_array_equal(*keys)
    assert states[0] == states[1]
    made = pickle.loads(pickle.dumps(made))
    np.testing.assert_array_equal(made.normal(size=5), expected.normal(size=5))


def test_random_states_have_nothing_in_common():
    """Check that a second one does not change what the first one draws."""
    first = make_random_state(0)
    make_random_state(0).uniform()
    assert first.uniform() == np.random.RandomState(0).uniform()


@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)])
def test_other_random_states_are_those_of_scikit_learn(random_state):
    """Check the global one, and one of the user's."""
    assert make_random_state(random_state) is check_random_state(random_state)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_out_of_range_is_an_error(seed):
    with pytest.raises(ValueError, match="between 0 and"):
        make_random_state(seed)


PLAIN = [
    np.array([2, 0, 1, 1, 0, 2, 2]),
    np.array([3, 1, 3, 1], np.uint8),
    np.array([5, 5], np.int32),
    np.array([True, False, False, True]),
    np.array(["b", "a", "a", "b"], "U20"),
    np.array([0, 2**63, 2**63 + 1] * 2, np.uint64),
]
OTHERS = [
    np.array([0, 1, 2]),  # of more than 20, scikit-learn would warn
    np.arange(30),
    np.array([0.0, 1.0, 1.0, 0.0]),
    np.array([0.5, 1.5, 1.5, 0.5]),
    np.array(["a", "b", "b", "a"], dtype=object),
    np.array([b"a", b"b", b"b", b"a"]),
    np.array([[0, 1], [1, 0], [1, 1], [1, 1]]),
    np.array([], int),
]


@pytest.mark.parametrize("y", PLAIN, ids=str)
def test_plain_labels_are_those_of_scikit_learn(y):
    """Check all that its binarizer has learnt, and that it does not warn."""
    labels = plain_labels(y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_classification_targets(y)
        expected = LabelBinarizer().fit(y)
    assert labels.dtype == expected.classes_.dtype
    got, wanted = (dict(vars(each)) for each in (plain_binarizer(labels), expected))
    np.testing.assert_array_equal(got.pop("classes_"), wanted.pop("classes_"))
    assert got == wanted


@pytest.mark.parametrize("y", OTHERS, ids=str)
def test_scikit_learn_is_asked_about_other_labels(y):
    """Check labels of other types, and those that might be numbers of a regression."""
    assert plain_labels(y) is None


class Learner(BaseEstimator):
    """Has features to learn."""


def learnt(X, y, reset, features):
    """Return whether X and y are ready, with what is learnt, and the same by scikit-learn."""
    both = []
    for _ in range(2):
        learner = Learner()
        vars(learner).update(features)
        both.append(learner)
    is_ready = are_ready_to_train(both[0], X, y, ACCEPTED, reset)
    try:
        checked = validate_data(
            both[1], X, y, dtype=ACCEPTED, multi_output=True, reset=reset, accept_sparse="csr"
        )
    except ValueError:
        checked = None
    return is_ready, vars(both[0]), checked, vars(both[1])


X = np.arange(6.0).reshape(3, 2)


@pytest.mark.parametrize("dtype", ACCEPTED)
@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize(
    "y", [np.arange(3), np.arange(3.0), np.array(["a", "b", "c"]), np.ones((3, 2)), X[:, 0] > 1]
)
def test_arrays_that_are_ready_are_what_scikit_learn_returns(dtype, reset, y):
    """Check that it returns the same objects, and what is learnt of them."""
    features = {"feature_names_in_": ["a"], "n_features_in_": 1} if reset else {"n_features_in_": 2}
    own = X.astype(dtype)
    is_ready, learnt_here, checked, learnt_there = learnt(own, y, reset, features)
    assert is_ready
    assert checked[0] is own
    assert checked[1] is y
    assert learnt_here == learnt_there


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (X, np.arange(2)),
        (X * np.nan, np.arange(3)),
        (X, np.array([0, 1, np.inf])),
        (X[:, :1], np.arange(3)),
        (X[:0], np.arange(0)),
        (X[0], np.arange(2)),
        (X, np.arange(3) * 1j),
    ],
)
def test_what_scikit_learn_refuses_is_not_ready(X, y):
    """Check that nothing is learnt of it."""
    is_ready, learnt_here, checked, _ = learnt(X, y, False, {"n_features_in_": 2})
    assert checked is None
    assert not is_ready
    assert learnt_here == {"n_features_in_": 2}


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (X.tolist(), np.arange(3)),
        (X.astype(int), np.arange(3)),
        (X.astype(np.float16), np.arange(3)),
        (scipy.sparse.csr_array(X), np.arange(3)),
        (np.ma.array(X), np.arange(3)),
        (X, [0, 1, 2]),
        (X, np.arange(3).astype(object)),
        (X.astype(np.float32) + np.float32(3e38), np.arange(3)),  # whose sum overflows
    ],
)
def test_scikit_learn_is_asked_about_other_arrays(X, y):
    """Check what it takes or converts."""
    is_ready, _, checked, _ = learnt(X, y, True, {})
    assert checked is not None
    assert not is_ready


def test_names_of_features_are_scikit_learns_to_check():
    """Check an array without names for an estimator that has learnt some."""
    learner = Learner()
    learner.feature_names_in_, learner.n_features_in_ = np.array(["a", "b"]), 2
    assert not are_ready_to_train(learner, X, np.arange(3), ACCEPTED, reset=False)
