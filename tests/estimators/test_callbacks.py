"""Callbacks of scikit-learn: what they see of a fit, and that they can end it."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmlp import TFMLPClassifier, TFMLPRegressor
from skmlp._data.samples import SampleSet, without_validation
from skmlp._engine.session import TrainingSession
from skmlp._estimators.fit_callbacks import TaskCallbacks
from skmlp._model.network import Architecture, Parameters
from skmlp._program.stopping import StoppingRule
from skmlp._training.lbfgs import LBFGS
from skmlp._training.log import TrainingLog
from tests.helpers import PEERS, Callback, assert_same_fit, fit_quietly, load, make_plan, run_python

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program

PROBLEMS = {TFMLPClassifier: "iris", TFMLPRegressor: "two_targets"}
both = pytest.mark.parametrize("estimator", PROBLEMS)


class Recorder(Callback):
    """Records what each hook is given, and asks to stop after some tasks."""

    def __init__(self, stop_after=None):
        self.hooks = []
        self.fitted = []
        self.given = []
        self._stop_after = stop_after

    def setup(self, estimator, context):
        self.hooks.append("setup")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.hooks.append(f"begin {context.task_name} {context.task_id}")
        self.given.append((X, y, metadata))

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        self.hooks.append(f"end {context.task_name} {context.task_id}")
        self.given.append((X, y, metadata))
        if context.task_name != "fit":
            self.fitted.append(fitted_estimator)
        return len(self.fitted) == self._stop_after

    def teardown(self, estimator, context):
        self.hooks.append("teardown")


class Failing(Callback):
    """Fails at one of its hooks, in the second task."""

    def __init__(self, hook, error=RuntimeError):
        self._hook = hook
        self._error = error
        self.is_torn_down = False

    def _fail_at(self, hook, context):
        if self._hook == hook and (context.parent is None or context.task_id == 1):
            raise self._error("the callback fails")

    def setup(self, estimator, context):
        self._fail_at("setup", context)

    def on_fit_task_begin(self, estimator, context):
        self._fail_at(f"begin {context.task_name}", context)

    def on_fit_task_end(self, estimator, context):
        self._fail_at(f"end {context.task_name}", context)

    def teardown(self, estimator, context):
        self.is_torn_down = True


def make(estimator, **params):
    return estimator(**{"random_state": 0, "max_iter": 6, "learning_rate_init": 0.01} | params)


def fit_with(callback, estimator, *, fit_params=None, **params):
    X, y = load(PROBLEMS[estimator])
    est = make(estimator, **params).set_callbacks(callback)
    return fit_quietly(est, X, y, **(fit_params or {}))


@both
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"solver": "sgd", "learning_rate": "invscaling", "hidden_layer_sizes": (7, 5)},
        {"solver": "lbfgs", "activation": "tanh", "max_iter": 5},
    ],
)
def test_each_epoch_is_seen_as_a_fit_that_ended_there(estimator, params):
    """Check each epoch against scikit-learn's estimator trained for as many."""
    X, y = load(PROBLEMS[estimator])
    recorder = Recorder()
    fit_with(recorder, estimator, **params)
    params = {"random_state": 0, "learning_rate_init": 0.01} | params
    assert len(recorder.fitted) == params.get("max_iter", 6)
    for number, ours in enumerate(recorder.fitted, start=1):
        theirs = fit_quietly(PEERS[estimator](**params | {"max_iter": number}), X, y)
        assert_same_fit(theirs, ours, X)


@both
def test_each_epoch_of_early_stopping_is_seen_with_its_own_weights(estimator):
    """Check that its score is that epoch's, not the best epoch's."""
    X, y = load(PROBLEMS[estimator])
    recorder = Recorder()
    fit_with(
        recorder,
        estimator,
        early_stopping=True,
        max_iter=40,
        learning_rate_init=0.1,
        n_iter_no_change=3,
        fit_params={"X_val": X[::3], "y_val": y[::3]},
    )
    for number, fitted in enumerate(recorder.fitted, start=1):
        assert fitted.n_iter_ == len(fitted.validation_scores_) == number
        assert fitted.score(X[::3], y[::3]) == pytest.approx(fitted.validation_scores_[-1])
        assert fitted.best_validation_score_ == max(fitted.validation_scores_)
    scores = recorder.fitted[-1].validation_scores_
    assert scores[-1] < max(scores)


@both
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_callbacks_change_no_number(estimator, solver):
    """Check a fit with early stopping, against one without callbacks."""
    params = {"early_stopping": True, "max_iter": 60, "solver": solver, "n_iter_no_change": 3}
    seen = fit_with(Recorder(), estimator, **params)
    X, y = load(PROBLEMS[estimator])
    plain = fit_quietly(make(estimator, **params), X, y)
    assert seen.n_iter_ == plain.n_iter_
    assert seen.loss_curve_ == plain.loss_curve_
    np.testing.assert_array_equal(seen.coefs_[0], plain.coefs_[0])
    assert vars(seen).keys() - {"_skl_callbacks"} == vars(plain).keys()


@both
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_a_callback_stops_training(estimator, solver):
    """Check the model against scikit-learn's; that there is no warning; and the random state."""
    X, y = load(PROBLEMS[estimator])
    params = {"solver": solver, "learning_rate_init": 0.01, "max_iter": 50}
    ours, theirs = np.random.RandomState(3), np.random.RandomState(3)
    est = estimator(random_state=ours, **params).set_callbacks(Recorder(stop_after=4)).fit(X, y)
    peer = PEERS[estimator](random_state=theirs, **params | {"max_iter": 4})
    assert_same_fit(fit_quietly(peer, X, y), est, X)
    assert ours.uniform() == theirs.uniform()


def test_a_callback_stops_early_stopping_at_the_best_weights():
    """Check that a stop by a callback keeps what a stop by the score keeps."""
    X, y = load("iris")
    scores = iter([0.1, 0.9, 0.3, 0.2])
    recorder = Recorder(stop_after=4)
    params = {"early_stopping": True, "scoring": lambda estimator, X, y: next(scores)}
    est = make(TFMLPClassifier, **params).set_callbacks(recorder).fit(X, y)
    np.testing.assert_array_equal(est.coefs_[0], recorder.fitted[1].coefs_[0])
    assert est.best_validation_score_ == 0.9
    assert est.n_iter_ == 4


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_log_tells_that_a_callback_stopped(solver, capsys):
    """Check the last line, which gives no other reason."""
    fit_with(Recorder(stop_after=2), TFMLPClassifier, verbose=1, solver=solver)
    printed = capsys.readouterr().out
    assert "did not improve" not in printed
    assert printed.splitlines()[-1] == "A callback asked to stop. Stopping."


@both
@pytest.mark.parametrize(
    ("solver", "task"), [("adam", "epoch"), ("sgd", "epoch"), ("lbfgs", "iteration")]
)
def test_hooks_come_in_order_and_are_given_the_data(estimator, solver, task):
    """Check names and numbers of the tasks, X, y and the weights."""
    X, y = load(PROBLEMS[estimator])
    weight = np.ones(len(X))
    recorder = Recorder()
    params = {"solver": solver, "max_iter": 3}
    fit_with(recorder, estimator, fit_params={"sample_weight": weight}, **params)
    tasks = [f"{hook} {task} {number}" for number in range(3) for hook in ("begin", "end")]
    assert recorder.hooks == ["setup", "begin fit 0", *tasks, "end fit 0", "teardown"]
    for given_X, given_y, metadata in recorder.given:
        assert given_X is X
        assert given_y is y
        assert metadata.keys() == {"sample_weight"}
        assert metadata["sample_weight"] is weight


def test_every_task_of_lbfgs_that_begins_ends():
    """Check a line search that fails after the last iteration."""

    def objective(vector):
        # The gradient has the wrong sign: no step improves.
        return float(vector @ vector), -2 * vector

    recorder = Recorder()
    est = TFMLPClassifier().set_callbacks(recorder)
    context = est._init_callback_context(max_subtasks=5)
    tasks = TaskCallbacks(est, context, {}, "iteration", dict)
    architecture = Architecture((2, 1), "relu", "binary_cross_entropy")
    samples = without_validation(SampleSet(np.zeros((1, 2)), np.zeros((1, 1), bool), np.ones(1)))
    log = TrainingLog(make_plan(samples, architecture), StoppingRule(0.1, 2))
    start = Parameters([np.ones((2, 1))], [np.ones(1)])
    solver = LBFGS(objective, architecture, log, listener=tasks)
    solver.run(start, max_iter=5, max_fun=100, tol=1e-9)
    assert recorder.hooks == ["setup", "begin iteration 0", "end iteration 0"]
    assert recorder.fitted == [None]


@pytest.mark.parametrize("has_callback", [False, True])
def test_without_callbacks_a_call_runs_many_epochs(has_callback, monkeypatch):
    """Check the calls of the program, and that no callback is set up needlessly."""
    calls = []
    run = TrainingSession.run

    def counting(self, orders, *args):
        calls.append(len(orders))
        return run(self, orders, *args)

    monkeypatch.setattr(TrainingSession, "run", counting)
    if not has_callback:
        monkeypatch.setattr(TFMLPClassifier, "_init_callback_context", None)
    X, y = load("iris")
    est = make(TFMLPClassifier, max_iter=64, tol=0)
    fit_quietly(est.set_callbacks(*[Callback()] * has_callback), X, y)
    assert sum(calls) == 64
    assert (max(calls) == 1) == has_callback
    assert len(calls) == 64 if has_callback else len(calls) < 16


def test_a_callback_that_asks_for_no_estimator_costs_no_copy(monkeypatch):
    """Check that parameters are fetched once, at the end."""
    fetched = []
    parameters = TrainingSession.parameters
    monkeypatch.setattr(
        TrainingSession, "parameters", lambda self: fetched.append(1) or parameters(self)
    )
    fit_with(Callback(), TFMLPClassifier)
    assert len(fetched) == 1


@both
@pytest.mark.parametrize("is_fitted", [False, True])
@pytest.mark.parametrize(
    ("hook", "error"),
    [
        ("setup", RuntimeError),
        ("begin fit", KeyboardInterrupt),
        ("begin epoch", RuntimeError),
        ("end epoch", RuntimeError),
        ("end fit", KeyboardInterrupt),
    ],
)
def test_a_callback_that_fails_leaves_the_estimator_as_it_was(estimator, hook, is_fitted, error):
    """Check all attributes, the random state, and that `teardown` is called."""
    X, y = load(PROBLEMS[estimator])
    est = make(estimator, random_state=np.random.RandomState(0), max_iter=4)
    if is_fitted:
        fit_quietly(est, X, y)
    callback = Failing(hook, error)
    est.set_callbacks(callback)
    before, drawn = dict(vars(est)), est.random_state.get_state()[1].tolist()
    with pytest.raises(error, match="the callback fails"):
        fit_quietly(est, X[:90], y[:90])
    assert vars(est).keys() == before.keys()
    assert all(vars(est)[name] is value for name, value in before.items())
    assert est.random_state.get_state()[1].tolist() == drawn
    assert callback.is_torn_down


@pytest.mark.parametrize("hook", ["begin epoch", "end epoch"])
def test_an_interrupt_in_a_callback_keeps_the_model(hook):
    """Check that Ctrl-C has the same effect as elsewhere in training."""
    X, y = load("iris")
    est = make(TFMLPClassifier).set_callbacks(Failing(hook, KeyboardInterrupt))
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        est.fit(X, y)
    assert est.n_iter_ == (1 if hook == "begin epoch" else 2)


def test_weights_that_are_not_finite_are_named_before_a_score_of_them_is():
    """Check that a fit without callbacks has the same error."""
    X, y = load("diabetes")
    est = TFMLPRegressor(solver="sgd", learning_rate_init=1e200, random_state=0, max_iter=50)
    est.set_callbacks(ScoringMonitor(scoring="r2"))
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        est.fit(X, y)


def test_partial_fit_calls_no_callbacks():
    """Check that it behaves as in scikit-learn's own estimators."""
    X, y = load("iris")
    recorder = Recorder()
    make(TFMLPClassifier).set_callbacks(recorder).partial_fit(X, y, classes=[0, 1, 2])
    assert recorder.hooks == []


def test_an_epoch_that_was_seen_can_be_trained_on():
    """Check partial_fit of it against partial_fit of a fit that ended there."""
    X, y = load("iris")
    recorder = Recorder()
    fit_with(recorder, TFMLPClassifier, max_iter=5)
    theirs = fit_quietly(MLPClassifier(random_state=0, max_iter=3, learning_rate_init=0.01), X, y)
    theirs.shuffle = False
    ours = recorder.fitted[2].set_params(shuffle=False)
    for _ in range(2):
        theirs.partial_fit(X, y)
        ours.partial_fit(X, y)
    np.testing.assert_allclose(ours.coefs_[0], theirs.coefs_[0], rtol=0, atol=1e-12)
    assert recorder.fitted[3].n_iter_ == 4  # the copy is another object


def test_a_warm_start_is_seen_with_its_earlier_curve():
    """Check the length of the curves of both fits."""
    recorder = Recorder()
    X, y = load("iris")
    est = make(TFMLPClassifier, warm_start=True, max_iter=3).set_callbacks(recorder)
    for _ in range(2):
        fit_quietly(est, X, y)
    assert [len(fitted.loss_curve_) for fitted in recorder.fitted] == [1, 2, 3, 4, 5, 6]
    assert [fitted.n_iter_ for fitted in recorder.fitted] == [1, 2, 3] * 2


@pytest.mark.parametrize("scoring", ["accuracy", ["accuracy", "neg_log_loss"]])
def test_scoring_monitor_scores_every_epoch(scoring):
    """Check weighted scores against scikit-learn's classifier with as many epochs."""
    X, y = load("iris")
    weight = np.random.RandomState(0).uniform(0.1, 3, size=len(X))
    monitor = ScoringMonitor(scoring=scoring)
    fit_with(monitor, TFMLPClassifier, fit_params={"sample_weight": weight}, max_iter=4)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    for number, row in enumerate(rows, start=1):
        peer = MLPClassifier(random_state=0, max_iter=number, learning_rate_init=0.01)
        fit_quietly(peer, X, y, sample_weight=weight)
        expected = accuracy_score(y, peer.predict(X), sample_weight=weight)
        assert row["accuracy"] == pytest.approx(expected)
    assert len(rows) == 4


@pytest.mark.parametrize("kind", ["frame", "sparse", "list"])
def test_scoring_monitor_takes_the_data_as_it_was_given(kind):
    """Check names of features, and labels: right scores, no warning."""
    X, y = load("iris")
    y = np.array(["setosa", "versicolor", "virginica"])[y]
    X = {"frame": pd.DataFrame, "sparse": scipy.sparse.csr_array, "list": np.ndarray.tolist}[kind](
        X
    )
    X = X.rename(columns=str) if kind == "frame" else X
    monitor = ScoringMonitor(scoring="accuracy")
    est = fit_quietly(make(TFMLPClassifier).set_callbacks(monitor), X, y)
    rows = monitor.get_logs().data
    assert [row["accuracy"] for row in rows if row["task_name"] == "fit"] == [est.score(X, y)]
    assert len(rows) == 7


def test_the_progress_bar_ends_at_the_whole(capsys):
    """Check what is printed for a fit that stops early, and in a pipeline."""
    X, y = load("iris")
    fit_with(ProgressBar(), TFMLPClassifier, early_stopping=True, max_iter=500, tol=0.1)
    assert "TFMLPClassifier - fit" in (printed := capsys.readouterr().out)
    assert "100%" in printed
    pipe = make_pipeline(StandardScaler(), make(TFMLPClassifier)).set_callbacks(ProgressBar())
    fit_quietly(pipe, X, y)
    printed = capsys.readouterr().out
    assert "Pipeline - fit" in printed
    assert "TFMLPClassifier - fit" in printed


SEARCH = """
import warnings
import joblib
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from skmlp import TFMLPClassifier

warnings.simplefilter("error")
warnings.simplefilter("ignore", ConvergenceWarning)
X, y = load_iris(return_X_y=True)
monitor = ScoringMonitor(scoring="accuracy")
mlp = TFMLPClassifier(max_iter=3, random_state=0).set_callbacks(monitor)
pipe = Pipeline([("scale", StandardScaler()), ("mlp", mlp)])
grid = {"mlp__hidden_layer_sizes": [4, 8]}
search = GridSearchCV(pipe, grid, cv=3, n_jobs=2).set_callbacks(ProgressBar(None))
with joblib.parallel_config(BACKEND):
    search.fit(X, y)
rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
assert len(monitor.get_logs(select="all")) == 1
assert len({row["task_id_path"] for row in rows}) == len(rows) == (2 * 3 + 1) * 3, rows
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_a_search_in_parallel_gathers_what_callbacks_see(backend):
    """Check the rows of every epoch of every fit, and the bars, in a process of its own."""
    # ConvergenceWarning is ignored in workers, too.
    ignore = "ignore::UserWarning"
    done = run_python(SEARCH.replace("BACKEND", repr(backend)), PYTHONWARNINGS=ignore)
    assert done.returncode == 0, done.stderr
    assert "GridSearchCV - fit" in done.stdout
    assert done.stdout.count("TFMLPClassifier - fit") >= 7


def test_a_search_in_threads_gathers_what_callbacks_see():
    """Check the rows of every epoch of every fit."""
    X, y = load("iris")
    monitor = ScoringMonitor(scoring="accuracy")
    pipe = make_pipeline(StandardScaler(), make(TFMLPClassifier, max_iter=3, tol=0))
    pipe[-1].set_callbacks(monitor)
    grid = {"tfmlpclassifier__hidden_layer_sizes": [4, 8]}
    search = GridSearchCV(pipe, grid, cv=2, n_jobs=2)
    with joblib.parallel_config("threading"), pytest.warns(ConvergenceWarning):
        search.fit(X, y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len({row["task_id_path"] for row in rows}) == len(rows) == (2 * 2 + 1) * 3


def test_cross_validation_logs_a_run_a_fit():
    """Check functions that do not know callbacks: those of the estimator run nevertheless."""
    X, y = load("iris")
    monitor = ScoringMonitor(scoring="accuracy")
    est = make(TFMLPClassifier, max_iter=2).set_callbacks(monitor)
    with pytest.warns(ConvergenceWarning):
        cross_val_score(est, X, y, cv=3)
    assert len(monitor.get_logs(select="all")) == 3


@both
def test_callbacks_are_no_parameters(estimator):
    """Check get_params, clone, repr and pickle, and how callbacks are removed."""
    callback = ScoringMonitor(scoring="r2")
    est = make(estimator)
    params = est.get_params()
    assert est.set_callbacks(callback) is est
    assert est.get_params() == params
    assert clone(est)._skl_callbacks == [callback]
    assert "ScoringMonitor" not in repr(est)
    assert type(est).__name__ in est._repr_html_()
    for _ in range(2):
        back = pickle.loads(pickle.dumps(est))
        assert [type(cb) for cb in back._skl_callbacks] == [ScoringMonitor]
        X, y = load(PROBLEMS[estimator])
        fit_quietly(est, X, y)
    assert "_skl_callbacks" not in vars(est.set_callbacks())


@pytest.mark.parametrize("bad", [print, ScoringMonitor, "progress"])
def test_what_is_no_callback_is_refused(bad):
    """Check scikit-learn's error."""
    with pytest.raises(TypeError, match="FitCallback protocol"):
        TFMLPClassifier().set_callbacks(bad)
