"""Checkpoints: the contents of the file, and resumed training with the same bits."""

import os
import signal

import joblib
import numpy as np
import pytest
import scipy.sparse
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import TFMLPClassifier, TFMLPRegressor, callbacks
from skmlp._engine.session import TrainingSession
from skmlp.callbacks import Checkpoint
from tests.helpers import Callback, assert_same_fit, fit_quietly, load, run_python

pytestmark = pytest.mark.uncompiled  # but for one test of a kind: files are of the host

N_EPOCHS = 12
CONFIGURATIONS = {
    "adam": {},
    "adam, float32": {"dtype": "float32", "hidden_layer_sizes": (9, 7)},
    "sgd": {"solver": "sgd"},
    "sgd, invscaling": {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.3},
    "sgd, adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 10},
    "sgd, float32": {"solver": "sgd", "dtype": "float32", "nesterovs_momentum": False},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 20},
    "early stopping, float32, sgd": {
        "early_stopping": True,
        "n_iter_no_change": 20,
        "dtype": "float32",
        "solver": "sgd",
    },
    "early stopping that stops": {"early_stopping": True, "tol": 0.5, "n_iter_no_change": 7},
    "stops by the loss": {"tol": 10, "n_iter_no_change": 7},
    "scored on the host": {"early_stopping": True, "scoring": "balanced_accuracy"},
    "no shuffle, batches with a rest": {"shuffle": False, "batch_size": 44},
    "batches that are printed": {"verbose": 2},
}
"""Names and parameters of the fits that are killed and resumed."""


class Crash(Callback):
    """Ends the process, or the fit, after some epochs."""

    def __init__(self, after, kills=False):
        self._after = after
        self._kills = kills

    def on_fit_task_end(self, estimator, context):
        if context.task_name == "epoch" and context.task_id + 1 == self._after:
            if self._kills:
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError("the process ends")


def make(estimator=TFMLPClassifier, **params):
    defaults = {"random_state": 0, "max_iter": N_EPOCHS, "learning_rate_init": 0.02}
    return estimator(**defaults | {"batch_size": 50} | params)


def crash(est, path, X, y, *, after=6, every=5, fit_params=None):
    """Fit until something ends the fit; the file then holds the epoch before, or an earlier one."""
    est.set_callbacks(Checkpoint(path, every=every), Crash(after))
    with pytest.raises(RuntimeError, match="the process ends"):
        fit_quietly(est, X, y, **(fit_params or {}))


def resume(est, path, X, y, **fit_params):
    return fit_quietly(
        est.set_callbacks(Checkpoint(path, every=5, resume=True)), X, y, **fit_params
    )


def assert_same_bits(actual, expected):
    """Check all fitted numbers."""
    names = ("n_iter_", "t_", "loss_", "best_loss_", "loss_curve_", "validation_scores_")
    names += ("validation_loss_curve_", "best_validation_score_", "_no_improvement_count")
    for name in names:
        assert getattr(actual, name) == getattr(expected, name), name
    ours, theirs = actual._optimizer, expected._optimizer
    assert (ours.step, ours.learning_rate) == (theirs.step, theirs.learning_rate)
    pairs = [(actual.coefs_, expected.coefs_), (actual.intercepts_, expected.intercepts_)]
    for arrays, others in pairs + list(zip(ours.slots, theirs.slots, strict=True)):
        for array, other in zip(arrays, others, strict=True):
            assert array.dtype == other.dtype
            np.testing.assert_array_equal(array, other)


FAST = ("adam", "sgd, invscaling", "early stopping, float32, sgd", "scored on the host")
"""The kinds whose tests are fast."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            marks=[pytest.mark.slow] * (name not in FAST)
            + [pytest.mark.compiled] * (name == "adam"),
        )
        for name in CONFIGURATIONS
    ],
)
def test_what_is_resumed_ends_as_if_it_had_not_been_ended(name, tmp_path):
    """Check every bit against an uninterrupted fit."""
    params = CONFIGURATIONS[name]
    X, y = load("iris")
    expected = fit_quietly(make(**params), X, y)
    assert expected.n_iter_ > 6
    crash(make(**params), tmp_path / "file", X, y)
    assert joblib.load(tmp_path / "file").n_iter_ == 5
    assert_same_bits(resume(make(**params), tmp_path / "file", X, y), expected)


KILLED = """
import warnings
from sklearn.exceptions import ConvergenceWarning
from skmlp.callbacks import Checkpoint
from tests.helpers import load
from tests.test_checkpoint import CONFIGURATIONS, Crash, make

warnings.simplefilter("ignore", ConvergenceWarning)
est = make(**CONFIGURATIONS[{name!r}]).set_callbacks(Checkpoint({path!r}), Crash(7, kills=True))
est.fit(*load("iris"))
"""


@pytest.mark.compiled  # as in the other process
@pytest.mark.parametrize(
    "name", [pytest.param("adam", marks=pytest.mark.slow), "early stopping, float32, sgd"]
)
def test_a_process_that_is_killed_is_resumed_by_another(name, tmp_path):
    """Check every bit against an uninterrupted fit in this process."""
    path = str(tmp_path / "file")
    done = run_python(KILLED.format(name=name, path=path))
    assert done.returncode == -signal.SIGKILL, done.stderr
    X, y = load("iris")
    params = CONFIGURATIONS[name]
    assert joblib.load(path).n_iter_ == 7
    expected = fit_quietly(make(**params), X, y)
    assert_same_bits(resume(make(**params), path, X, y), expected)


def scripted(estimator, X, y):
    """Return scores from a script, whatever the weights are."""
    return SCRIPT.pop(0)


SCRIPT = []


@pytest.mark.parametrize("after", [1, 2, 3, 4])
def test_the_best_weights_survive(after, tmp_path):
    """Check scores that are best in the second epoch; the fit ends before, at and after it."""
    X, y = load("iris")
    params = {"early_stopping": True, "max_iter": 5, "scoring": scripted}
    scores = [0.5, 0.9, np.nan, 0.9, 0.8]
    SCRIPT[:] = scores
    expected = fit_quietly(make(**params), X, y)
    SCRIPT[:] = scores
    crash(make(**params), tmp_path / "file", X, y, after=after, every=1)
    assert len(SCRIPT) == 5 - after
    resumed = resume(make(**params), tmp_path / "file", X, y)
    np.testing.assert_array_equal(resumed.validation_scores_, expected.validation_scores_)
    resumed.validation_scores_ = expected.validation_scores_  # NaN does not equal NaN
    assert_same_bits(resumed, expected)


@pytest.mark.parametrize("kind", ["validation set", "sparse", "weights", "regressor", "poisson"])
def test_any_data_is_resumed(kind, tmp_path):
    """Check every bit against an uninterrupted fit."""
    is_regressor = kind in ("regressor", "poisson")
    X, y = load({"regressor": "two_targets", "poisson": "counts"}.get(kind, "iris"))
    estimator = TFMLPRegressor if is_regressor else TFMLPClassifier
    params = {"loss": "poisson"} if kind == "poisson" else {}
    fit_params = {}
    if kind == "validation set":
        fit_params = {"X_val": X[::2], "y_val": y[::2], "sample_weight_val": X[::2, 0]}
    if kind == "weights":
        params = {"class_weight": "balanced", "validation_fraction": 30}
        fit_params = {"sample_weight": X[:, 0]}
    X = scipy.sparse.csr_array(X) if kind == "sparse" else X
    expected = fit_quietly(make(estimator, **params), X, y, **fit_params)
    crash(make(estimator, **params), tmp_path / "file", X, y, fit_params=fit_params)
    resumed = resume(make(estimator, **params), tmp_path / "file", X, y, **fit_params)
    assert_same_bits(resumed, expected)


def test_a_random_state_is_taken_from_the_file(tmp_path):
    """Check that objects end in the right state, and None leaves NumPy's alone."""
    X, y = load("iris")
    params = {"validation_fraction": 0.2}
    rng = np.random.RandomState(5)
    expected = fit_quietly(make(random_state=rng, **params), X, y)
    crash(make(random_state=np.random.RandomState(5), **params), tmp_path / "file", X, y)
    for other in (np.random.RandomState(77), None):
        before = np.random.get_state()[1].tolist()
        assert_same_bits(
            resume(make(random_state=other, **params), tmp_path / "file", X, y), expected
        )
        assert np.random.get_state()[1].tolist() == before
        if other is not None:
            assert other.uniform() == rng.uniform()


def test_a_warm_start_is_resumed(tmp_path):
    """Check a second fit that is resumed."""
    X, y = load("iris")
    expected, est = make(warm_start=True), make(warm_start=True)
    for _ in range(2):
        fit_quietly(expected, X, y)
    fit_quietly(est, X, y)
    crash(est, tmp_path / "file", X, y)
    resume(est, tmp_path / "file", X, y)
    assert len(est.loss_curve_) == 2 * N_EPOCHS
    assert_same_bits(est, expected)


def test_more_epochs_train_a_model_for_longer(tmp_path):
    """Check a complete fit that is resumed with a larger max_iter."""
    X, y = load("iris")
    path = tmp_path / "file"
    fit_quietly(make(max_iter=5).set_callbacks(Checkpoint(path, every=5)), X, y)
    assert_same_bits(resume(make(), path, X, y), fit_quietly(make(), X, y))


@pytest.mark.parametrize("params", [{"max_iter": 5}, {"tol": 10, "n_iter_no_change": 4}])
def test_a_fit_that_was_over_is_not_trained_again(params, tmp_path, monkeypatch):
    """Check that no batch runs, and that the model is the same."""
    X, y = load("iris")
    path = tmp_path / "file"
    expected = fit_quietly(make(**params).set_callbacks(Checkpoint(path)), X, y)
    monkeypatch.setattr(TrainingSession, "run", None)
    assert_same_bits(resume(make(**params), path, X, y), expected)


def test_the_step_of_a_pipeline_is_resumed(tmp_path):
    """Check the pipeline's model, and that the scaler is fitted again."""
    X, y = load("iris")
    expected = fit_quietly(make_pipeline(StandardScaler(), make()), X, y)
    pipe = make_pipeline(StandardScaler(), make())
    pipe[-1].set_callbacks(Checkpoint(tmp_path / "file", every=2), Crash(5))
    with pytest.raises(RuntimeError, match="the process ends"):
        pipe.fit(X, y)
    again = make_pipeline(StandardScaler(), make())
    again[-1].set_callbacks(Checkpoint(tmp_path / "file", resume=True))
    fit_quietly(again, X, y)
    assert_same_bits(again[-1], expected[-1])
    np.testing.assert_array_equal(again.predict_proba(X), expected.predict_proba(X))


def test_the_file_is_the_model_of_its_epoch(tmp_path):
    """Check the file of every second epoch against scikit-learn's model."""
    X, y = load("iris")
    path = tmp_path / "file"
    models = []

    class Load(Callback):
        def on_fit_task_end(self, estimator, context):
            if context.task_name == "epoch":
                models.append(joblib.load(path) if path.exists() else None)

    fit_quietly(make(max_iter=5).set_callbacks(Checkpoint(path, every=2), Load()), X, y)
    assert models[0] is None
    assert [model.n_iter_ for model in models[1:]] == [2, 2, 4, 4]
    for model in models[1::2]:
        params = {"batch_size": 50, "learning_rate_init": 0.02, "random_state": 0}
        theirs = MLPClassifier(**params, max_iter=model.n_iter_)
        assert_same_fit(fit_quietly(theirs, X, y), model, X)
        assert not any("callback" in name for name in vars(model))


def test_the_model_of_a_file_is_an_estimator_like_any_other(tmp_path):
    """Check that a new fit of it leaves nothing of the checkpoint."""
    X, y = load("iris")
    fit_quietly(make().set_callbacks(Checkpoint(tmp_path / "file")), X, y)
    model = joblib.load(tmp_path / "file")
    expected = fit_quietly(make(), X, y)
    assert_same_bits(model, expected)
    fit_quietly(model, X, y)
    assert_same_bits(model, expected)
    assert vars(model).keys() == vars(expected).keys()


def test_a_fit_that_is_not_resumed_writes_over_the_file(tmp_path):
    """Check that resume=False, the default, starts anew."""
    X, y = load("iris")
    path = tmp_path / "file"
    crash(make(), path, X, y)
    fit_quietly(make(alpha=1, max_iter=2).set_callbacks(Checkpoint(path)), X, y)
    assert joblib.load(path).n_iter_ == 2


def test_the_progress_starts_where_training_goes_on(tmp_path):
    """Check the number of tasks that callbacks expect."""
    X, y = load("iris")
    crash(make(), tmp_path / "file", X, y)
    expected = []

    class Count(Callback):
        def setup(self, estimator, context):
            expected.append(context.max_subtasks)

    est = make().set_callbacks(Checkpoint(tmp_path / "file", resume=True), Count())
    fit_quietly(est, X, y)
    assert expected == [N_EPOCHS - 5]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"alpha": 1.0}, "alpha"),
        ({"hidden_layer_sizes": 7}, "hidden_layer_sizes, initial weights"),
        ({"random_state": 1}, "random_state"),
        ({"X": 1}, "X"),
        ({"y": 1}, "y"),
        ({"sample_weight": 1}, "sample_weight"),
        ({"n_iter_no_change": 11, "tol": 0.1}, "n_iter_no_change, tol"),
    ],
)
def test_another_fit_is_not_resumed(change, named, tmp_path):
    """Check that the error names the differences, and that nothing changes."""
    X, y = load("iris")
    crash(make(), tmp_path / "file", X, y)
    params = {name: value for name, value in change.items() if name not in ("X", "y")}
    weight = np.linspace(1, 2, len(X)) if params.pop("sample_weight", None) else None
    X = X + 1e-9 if "X" in change else X
    y = y[::-1] if "y" in change else y
    est = make(**params)
    with pytest.raises(ValueError, match=f"is of another fit.* got others for: {named}\\. "):
        resume(est, tmp_path / "file", X, y, sample_weight=weight)
    assert not hasattr(est, "coefs_")


@pytest.mark.parametrize("content", ["text", "a model"])
def test_what_is_no_checkpoint_is_named(content, tmp_path):
    """Check the path in the error."""
    path = tmp_path / "file"
    X, y = load("iris")
    if content == "text":
        path.write_text("text")
    else:
        joblib.dump(fit_quietly(make(), X, y), path)
    with pytest.raises(ValueError, match=r"path='.*file' is not a file that a Checkpoint"):
        resume(make(), path, X, y)


def test_a_write_that_fails_leaves_the_file_before_it(tmp_path, monkeypatch):
    """Check a disk that fills up during the second write."""
    X, y = load("iris")
    dump = joblib.dump

    def full(model, file):
        if model.n_iter_ > 1:
            file.write(b"half")
            raise OSError(28, "No space left on device")
        dump(model, file)

    monkeypatch.setattr(callbacks.joblib, "dump", full)
    with pytest.raises(OSError, match="No space left"):
        fit_quietly(make().set_callbacks(Checkpoint(tmp_path / "file")), X, y)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert joblib.load(tmp_path / "file").n_iter_ == 1


def test_a_relative_path_and_a_string_will_do(tmp_path, monkeypatch):
    """Check a file in the working directory."""
    monkeypatch.chdir(tmp_path)
    fit_quietly(make().set_callbacks(Checkpoint("file")), *load("iris"))
    assert joblib.load(tmp_path / "file").n_iter_ == N_EPOCHS


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"path": 3}, "path"),
        ({"every": 0}, "every"),
        ({"every": 1.5}, "every"),
        ({"resume": 2}, "resume"),
    ],
)
def test_bad_parameters_are_named(params, name):
    """Check scikit-learn's error."""
    with pytest.raises(ValueError, match=f"'{name}' parameter of Checkpoint"):
        Checkpoint(**{"path": "file"} | params)


def test_what_can_not_be_resumed_is_refused(tmp_path):
    """Check pipelines, L-BFGS, and objects that can't be pickled."""
    X, y = load("iris")
    checkpoint = Checkpoint(tmp_path / "file")
    pipe = make_pipeline(StandardScaler(), make()).set_callbacks(checkpoint)
    with pytest.raises(TypeError, match=r"got Pipeline\. In a pipeline, set it on the step"):
        pipe.fit(X, y)
    with pytest.raises(ValueError, match="expects solver='adam' or 'sgd', got 'lbfgs'"):
        make(solver="lbfgs").set_callbacks(checkpoint).fit(X, y)
    with pytest.raises(ValueError, match=r"scoring=<function .* can't be written to a checkpoint"):
        make(scoring=lambda estimator, X, y: 0).set_callbacks(checkpoint).fit(X, y)
