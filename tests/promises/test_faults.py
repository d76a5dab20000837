"""Bad input: a clear error before any training, and an estimator that is left as it was."""

import copy
import pickle

import numpy as np
import pytest

from skmlp import TFMLPClassifier, TFMLPRegressor
from skmlp._engine import session as _engine
from tests.helpers import fit_quietly, load

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program

X, Y = load("iris")


@pytest.fixture
def no_training(monkeypatch):
    """Make the test fail if anything gets as far as the engine."""

    class NoTraining:
        def __init__(self, *args, **kwargs):
            raise AssertionError("training was started")

    monkeypatch.setattr("skmlp._training.fit.TrainingSession", NoTraining)
    monkeypatch.setattr("skmlp._training.fit.Objective", NoTraining)


def clf(**params):
    return TFMLPClassifier(
        **({"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0} | params)
    )


BAD_PARAMETERS = [
    ("hidden_layer_sizes", (0, -1, 2.5, "ten", None, (5, 0), (2.5,), {"a": 1})),
    ("activation", ("softplus", None, 1)),
    ("solver", ("rmsprop", None)),
    ("alpha", (-1e-9, "1", None, np.nan)),
    ("batch_size", (0, -5, 10.0, "full", None)),
    ("learning_rate", ("exponential", 0.1)),
    ("learning_rate_init", (0, -1.0, "fast", np.nan)),
    ("power_t", (-0.5, None)),
    ("max_iter", (0, 1.5, "many")),
    ("shuffle", ("yes", None, 2)),
    ("random_state", ("seed", -1, 1.5, np.random.default_rng(0))),
    ("tol", (-1e-4, None)),
    ("verbose", (-1, "loud")),
    ("warm_start", ("yes", None)),
    ("momentum", (-0.1, 1.1)),
    ("nesterovs_momentum", ("yes",)),
    ("early_stopping", ("yes", None)),
    ("validation_fraction", (-0.1, 1.0, 1.5, -3, "tenth", np.nan)),
    ("beta_1", (1.0, -0.1)),
    ("beta_2", (1.0, -0.1)),
    ("epsilon", (0.0, -1e-8)),
    ("n_iter_no_change", (0, 2.5, -1, None)),
    ("max_fun", (0, 1.5)),
    ("class_weight", ("even", 1, ({0: 1},))),
    ("scoring", ("accurate", 1)),
    ("init", ("zeros", None)),
    ("dtype", ("float16", "int", np.float32)),
    ("weight_decay", (-1e-9, None, np.nan)),
    ("label_smoothing", (1.0, -0.1, None)),
    ("dropout", (1.0, -0.1, None, (0.1, 0.2), (1.0,), "half")),
]


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in BAD_PARAMETERS for value in values]
)
def test_bad_parameters_are_named(name, value):
    """Check wrong types and ranges of every parameter."""
    with pytest.raises((ValueError, TypeError), match=name) as error:
        clf(**{name: value}).fit(X, Y)
    assert "training was started" not in str(error.value)


def test_every_parameter_is_constrained():
    """Check that no parameter is missing here or in the constraints."""
    names = set(TFMLPClassifier().get_params())
    assert set(TFMLPClassifier._parameter_constraints) == names
    assert {name for name, _ in BAD_PARAMETERS} == names


def with_value(value):
    changed = X.copy()
    changed[3, 1] = value
    return changed


BAD_DATA = {
    "lengths differ": (X, Y[:-1], {}, "inconsistent numbers of samples"),
    "NaN": (with_value(np.nan), Y, {}, "X contains NaN"),
    "infinity": (with_value(np.inf), Y, {}, "X contains infinity"),
    "3-D": (X[:, :, np.newaxis], Y, {}, "dim 3"),
    "1-D": (X[:, 0], Y, {}, "Expected 2D array"),
    "no samples": (X[:0], Y[:0], {}, "0 sample"),
    "no features": (X[:, :0], Y, {}, "0 feature"),
    "rows of different lengths": ([[1.0, 2.0], [3.0]], [0, 1], {}, "inhomogeneous shape"),
    "text": (np.full(X.shape, "a"), Y, {}, "could not convert string"),
    "complex": (X * 1j, Y, {}, "Complex data not supported"),
    "regression targets": (X, X[:, 0], {}, "Unknown label type: continuous"),
    "NaN in y": (X, np.where(Y == 1, np.nan, Y), {}, "y contains NaN"),
    "multioutput": (X, np.column_stack([Y, Y]), {}, "multioutput|not supported"),
    "no y": (X, None, {}, "requires y"),
    "negative weights": (X, Y, {"sample_weight": -np.ones(150)}, "Negative .*sample_weight"),
    "zero weights": (X, Y, {"sample_weight": np.zeros(150)}, "zero"),
    "few weights": (X, Y, {"sample_weight": np.ones(149)}, r"sample_weight.shape == \(149,\)"),
    "NaN weights": (X, Y, {"sample_weight": np.full(150, np.nan)}, "sample_weight contains NaN"),
    "2-D weights": (X, Y, {"sample_weight": np.ones((150, 2))}, "must be 1D"),
    "X_val alone": (X, Y, {"X_val": X}, "X_val was given without y_val"),
    "y_val alone": (X, Y, {"y_val": Y}, "y_val was given without X_val"),
    "sample_weight_val alone": (X, Y, {"sample_weight_val": Y}, "sample_weight_val was given"),
    "features of X_val": (X, Y, {"X_val": X[:, :3], "y_val": Y}, "X_val has 3 features"),
    "NaN in X_val": (X, Y, {"X_val": with_value(np.nan), "y_val": Y}, "X_val contains NaN"),
    "3-D X_val": (X, Y, {"X_val": X[:, :, np.newaxis], "y_val": Y}, "X_val.*dim 3"),
    "empty X_val": (X, Y, {"X_val": X[:0], "y_val": Y[:0]}, "X_val.*0 sample"),
    "lengths of X_val": (
        X,
        Y,
        {"X_val": X, "y_val": Y[:-1]},
        "y_val has 149 samples, expected 150 as in X_val",
    ),
    "unseen labels": (X, Y, {"X_val": X, "y_val": Y + 1}, r"y_val has labels .*\[3\]"),
    "text in y_val": (X, Y, {"X_val": X, "y_val": Y.astype(str)}, "y_val has labels"),
    "continuous y_val": (X, Y, {"X_val": X, "y_val": Y + 0.5}, "y_val has labels"),
    "NaN in y_val": (X, Y, {"X_val": X, "y_val": np.full(150, np.nan)}, "y_val contains NaN"),
    "2-D y_val": (X, Y, {"X_val": X, "y_val": np.eye(3, dtype=int)[Y]}, "y_val"),
    "negative weights of X_val": (
        X,
        Y,
        {"X_val": X, "y_val": Y, "sample_weight_val": -np.ones(150)},
        "sample_weight_val",
    ),
    "zero weights of X_val": (
        X,
        Y,
        {"X_val": X, "y_val": Y, "sample_weight_val": np.zeros(150)},
        "sample_weight_val",
    ),
    "huge weights of X_val": (
        X,
        Y,
        {"X_val": X, "y_val": Y, "sample_weight_val": np.full(150, 1e308)},
        "sample_weight_val: the sum is too large for float64",
    ),
    "huge weights": (X, Y, {"sample_weight": np.full(150, 1e308)}, "sample_weight: the sum is too"),
    "X_val too large for float32": (
        X.astype(np.float32),
        Y,
        {"X_val": X * 1e60, "y_val": Y},
        "X_val contains infinity or a value too large for dtype\\('float32'\\)",
    ),
    "indicators of y_val": (
        X,
        np.eye(3, dtype=int)[Y],
        {"X_val": X, "y_val": 2 * np.eye(3, dtype=int)[Y]},
        "y_val must be of 0 and 1",
    ),
    "number of labels in y_val": (
        X,
        np.eye(3, dtype=int)[Y],
        {"X_val": X, "y_val": np.eye(3, dtype=int)[Y][:, :2]},
        "y_val has 2 labels, expected 3 as in y",
    ),
    "few weights of X_val": (
        X,
        Y,
        {"X_val": X, "y_val": Y, "sample_weight_val": np.ones(3)},
        "sample_weight_val",
    ),
}


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize("case", BAD_DATA)
def test_bad_data_is_named(case):
    """Check arrays that are invalid, or do not fit together."""
    features, labels, fit_params, message = BAD_DATA[case]
    with pytest.raises(ValueError, match=message):
        clf().fit(features, labels, **fit_params)


BAD_NUMBERS = {
    "negative counts": ({"y": -Y}, "y has negative values.*loss='poisson'"),
    "negative counts in y_val": ({"X_val": X, "y_val": -Y}, "y_val has negative values"),
    "number of targets in y_val": ({"y": np.c_[Y, Y], "X_val": X, "y_val": Y}, "y_val has 1 col"),
}


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize("case", BAD_NUMBERS)
def test_bad_numbers_are_named(case):
    """Check targets of a regressor."""
    arrays, message = BAD_NUMBERS[case]
    with pytest.raises(ValueError, match=message):
        TFMLPRegressor(loss="poisson").fit(**({"X": X, "y": Y} | arrays))


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize("fraction", [0.1, 20])
def test_two_validation_sets_are_refused(fraction):
    """Check X_val with validation_fraction."""
    with pytest.raises(ValueError, match="Both X_val and validation_fraction were given"):
        clf(validation_fraction=fraction).fit(X, Y, X_val=X, y_val=Y)


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize(
    ("fraction", "message"),
    [(150, "leaves nothing"), (0.999, "leaves nothing"), (1e-3, "too small"), (1, "too small")],
)
def test_a_hold_out_leaves_something_on_both_sides(fraction, message):
    """Check validation_fraction against the number of samples."""
    with pytest.raises(ValueError, match=message):
        clf(validation_fraction=fraction).fit(X, Y)


@pytest.mark.usefixtures("no_training")
def test_a_class_of_one_sample_cannot_be_split():
    """Check scikit-learn's message about classes that are too small to stratify."""
    with pytest.raises(ValueError, match="least populated class"):
        clf(early_stopping=True).fit(X[:4], [0, 0, 0, 1])


def test_warm_start_needs_the_same_classes_and_layers():
    """Check both error messages."""
    fitted = fit_quietly(clf(warm_start=True), X, Y)
    with pytest.raises(ValueError, match="same classes as in the previous call to fit"):
        fitted.fit(X[:100], Y[:100])
    with pytest.raises(ValueError, match="same kind as in the previous call"):
        fitted.fit(X, np.eye(3, dtype=int)[Y])
    with pytest.raises(ValueError, match="can only be used with the layers"):
        fitted.set_params(hidden_layer_sizes=(5,)).fit(X, Y)


def test_predictions_need_the_same_features():
    """Check another number of features, and NaN."""
    fitted = fit_quietly(clf(), X, Y)
    with pytest.raises(ValueError, match="X has 3 features, but TFMLPClassifier is expecting 4"):
        fitted.predict(X[:, :3])
    with pytest.raises(ValueError, match="X contains NaN"):
        fitted.predict_proba(with_value(np.nan))


def overflow(estimator):
    estimator.set_params(max_iter=20)
    estimator.fit(np.finfo(np.float64).max * np.random.RandomState(0).uniform(size=X.shape), Y)


def interrupt_at_once(estimator):
    raise_interrupt = lambda *args: (_ for _ in ()).throw(KeyboardInterrupt)  # noqa: E731
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_engine.TrainingSession, "run", raise_interrupt)
        estimator.fit(X, Y)


FAILURES = {
    "parameter": (lambda e: e.set_params(alpha=-1.0).fit(X, Y), ValueError),
    "labels": (lambda e: e.fit(X[:, :2], X[:, 0]), ValueError),
    "weights": (lambda e: e.fit(X[:, :2], Y, np.zeros(150)), ValueError),
    "validation labels": (lambda e: e.fit(X[:9], Y[:9] + 5, X_val=X, y_val=Y), ValueError),
    "hold-out": (lambda e: e.set_params(validation_fraction=99).fit(X[:9], Y[:9]), ValueError),
    "overflow": (overflow, ValueError),
    "interrupt": (interrupt_at_once, KeyboardInterrupt),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_a_failed_fit_changes_nothing(failure):
    """Check every attribute after a fit that fails, early or late, on data of another kind."""
    pd = pytest.importorskip("pandas")
    fitted = fit_quietly(clf(), pd.DataFrame(X, columns=list("abcd")), Y)
    before = copy.deepcopy(vars(fitted))
    act, error = FAILURES[failure]
    with pytest.raises(error), np.errstate(all="ignore"):
        act(fitted)
    after = {k: v for k, v in vars(fitted).items() if k in before}
    changed = {"alpha", "validation_fraction", "max_iter"}  # set_params changed this
    assert vars(fitted).keys() == before.keys()
    for name in before.keys() - changed:
        assert pickle.dumps(after[name]) == pickle.dumps(before[name]), name


def test_a_failed_first_fit_leaves_no_attributes():
    """Check that the estimator counts as not fitted."""
    estimator = clf()
    with pytest.raises(ValueError, match="too small"):
        estimator.set_params(early_stopping=True).fit(X[:2], Y[:2])
    assert set(vars(estimator)) == set(estimator.get_params())


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_weights_that_overflow_are_refused(dtype, early_stopping):
    """Check scikit-learn's message."""
    rng = np.random.RandomState(0)
    huge = (np.finfo(dtype).max * rng.uniform(size=(60, 2))).astype(dtype)
    estimator = clf(early_stopping=early_stopping, max_iter=20, n_iter_no_change=20)
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        estimator.fit(huge, np.arange(60) % 2)


def test_a_batch_larger_than_the_data_warns():
    """Check that batch_size is clipped, with scikit-learn's warning."""
    estimator = clf(batch_size=151, n_iter_no_change=1, tol=10.0)
    with pytest.warns(UserWarning, match="batch_size.*It is going to be clipped"):
        estimator.fit(X, Y)


HUGE = 10**400


@pytest.mark.usefixtures("no_training")
@pytest.mark.parametrize("estimator", [TFMLPClassifier, TFMLPRegressor])
@pytest.mark.parametrize(
    ("name", "arrays"),
    [
        ("X", {"X": [[HUGE] * 4] * 150}),
        ("y", {"y": [1.5, 0.5, None] * 50}),
        ("sample_weight", {"sample_weight": [HUGE] * 150}),
        ("X_val", {"X_val": [[HUGE] * 4] * 150, "y_val": Y}),
        ("X", {"X": X[:, :, np.newaxis]}),
        ("X", {"X": None}),
        ("X and y", {"y": Y[:-1]}),
    ],
    ids=str,
)
def test_the_culprit_is_named(estimator, name, arrays):
    """Check numbers beyond float64, and errors that scikit-learn gives without a name."""
    with pytest.raises((ValueError, TypeError), match=rf"\b{name}\b"):
        estimator().fit(**({"X": X, "y": Y} | arrays))


def test_what_float32_can_not_hold_is_an_error_and_no_warning():
    """Check fit and predict with numbers beyond float32."""
    with pytest.raises(ValueError, match="X contains infinity or a value too large"):
        clf(dtype="float32").fit(X * 1e200, Y)
    fitted = fit_quietly(clf(dtype="float32"), X, Y)
    with pytest.raises(ValueError, match="X contains infinity or a value too large"):
        fitted.predict(X * 1e200)


def test_a_failed_fit_gives_back_what_it_drew():
    """Check a RandomState, from which the initial weights were drawn."""
    random_state = np.random.RandomState(0)
    with pytest.raises(ValueError, match="least populated class"):
        clf(early_stopping=True, random_state=random_state).fit(X[:4], [0, 0, 0, 1])
    assert random_state.uniform() == np.random.RandomState(0).uniform()


def test_scorers_that_do_not_fit_the_targets_are_named():
    """Check a score of probabilities for a regressor, and one of two classes for three."""
    with pytest.raises(ValueError, match="scoring='roc_auc' can't score"):
        TFMLPRegressor(scoring="roc_auc", early_stopping=True).fit(X, X[:, 0])
    with pytest.raises(ValueError, match="scoring='f1' can't score"):
        clf(scoring="f1", early_stopping=True).fit(X, Y)


def test_integers_that_floats_would_merge_are_not_merged():
    """Check labels in an array of objects."""
    labels = np.array([2**53, 2**53 + 1, 1.0], dtype=object)
    with pytest.raises(ValueError, match="y: Unknown label type"):
        clf().fit(X, labels[Y])
    whole = np.array([2**53, 2**53 + 1, 1], dtype=object)
    assert fit_quietly(clf(), X, whole[Y]).classes_.tolist() == [1, 2**53, 2**53 + 1]
