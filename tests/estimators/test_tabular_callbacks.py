"""Callbacks of estimators for tables: what they see of a fit, and that they can end it."""

import numpy as np
import pandas as pd
import pytest
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skmlp import TabularMLPClassifier, TabularMLPRegressor
from skmlp.callbacks import Checkpoint, set_learning_rate
from tests.helpers import Callback, Watcher

pytestmark = pytest.mark.uncompiled  # what a user sees, whatever runs the program

X = pd.DataFrame({"number": np.arange(90.0) % 7, "word": list("abc") * 30})
Y = np.arange(90) % 3
both = pytest.mark.parametrize("estimator", [TabularMLPClassifier, TabularMLPRegressor])


class Recorder(Callback):
    """Records tasks and fitted estimators, and asks to stop after some epochs."""

    def __init__(self, stop_after=None):
        self.hooks = []
        self.fitted = []
        self._stop_after = stop_after

    def setup(self, estimator, context):
        self.hooks.append(f"setup {context.max_subtasks}")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None):
        assert X is globals()["X"]
        assert y is Y
        self.hooks.append(f"begin {context.task_name} {context.task_id}")

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.hooks.append(f"end {context.task_name} {context.task_id}")
        if context.task_name == "epoch":
            self.fitted.append(fitted_estimator)
        return len(self.fitted) == self._stop_after

    def teardown(self, estimator, context):
        self.hooks.append("teardown")


class Failing(Callback):
    """Fails at the end of the second epoch."""

    def on_fit_task_end(self, estimator, context):
        if context.task_id == 1:
            raise RuntimeError("the callback fails")


def make(estimator, **params):
    defaults = {"hidden_layer_sizes": 4, "n_networks": 2, "n_best_epochs": 2, "random_state": 0}
    return estimator(**defaults | {"max_iter": 5} | params)


def assert_same_fit(actual, expected):
    """Check the trained numbers, and the predictions."""
    for name in ("n_iter_", "best_epochs_", "loss_curve_", "validation_scores_", "temperature_"):
        assert getattr(actual, name) == getattr(expected, name), name
    assert actual.validation_score_ == expected.validation_score_
    np.testing.assert_array_equal(actual.coefs_[0], expected.coefs_[0])
    method = "predict_proba" if hasattr(actual, "predict_proba") else "predict"
    np.testing.assert_array_equal(getattr(actual, method)(X), getattr(expected, method)(X))


@both
def test_hooks_are_called_in_order(estimator):
    """Check the fit, and as many epochs as were announced."""
    recorder = Recorder()
    make(estimator, max_iter=2).set_callbacks(recorder).fit(X, Y)
    epochs = [f"{moment} epoch {number}" for number in (0, 1) for moment in ("begin", "end")]
    assert recorder.hooks == ["setup 2", "begin fit 0", *epochs, "end fit 0", "teardown"]


@both
def test_callbacks_change_no_number(estimator):
    """Check every bit of a fit whose callback asks for everything."""
    expected = make(estimator).fit(X, Y)
    assert_same_fit(make(estimator).set_callbacks(Watcher()).fit(X, Y), expected)


@both
@pytest.mark.parametrize("stop_after", [1, 3, 5])
def test_an_epoch_is_seen_as_a_fit_that_ended_there(estimator, stop_after):
    """Check the estimator in a callback against a fit that ended after this epoch."""
    whole, stopping = Recorder(), Recorder(stop_after)
    make(estimator).set_callbacks(whole).fit(X, Y)
    ended = make(estimator).set_callbacks(stopping).fit(X, Y)
    assert ended.n_iter_ == stop_after
    assert_same_fit(whole.fitted[stop_after - 1], ended)
    assert_same_fit(stopping.fitted[-1], ended)


@both
def test_a_callback_that_fails_leaves_the_estimator_as_it_was(estimator):
    """Check a new one, and one that is fitted."""
    est = make(estimator).set_callbacks(Failing())
    before = set(vars(est))
    with pytest.raises(RuntimeError, match="the callback fails"):
        est.fit(X, Y)
    assert set(vars(est)) == before
    est.set_callbacks().fit(X, Y)
    coef = est.coefs_[0]
    with pytest.raises(RuntimeError, match="the callback fails"):
        est.set_callbacks(Failing()).fit(X, Y)
    assert est.coefs_[0] is coef


def test_an_interrupt_keeps_what_callbacks_have_seen():
    """Check Ctrl-C in a callback, at the end of the third epoch."""

    class Interrupt(Recorder):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
            super().on_fit_task_end(estimator, context, fitted_estimator=fitted_estimator)
            if len(self.fitted) == 3 and context.task_name == "epoch":
                raise KeyboardInterrupt

    recorder = Interrupt()
    clf = make(TabularMLPClassifier).set_callbacks(recorder)
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        clf.fit(X, Y)
    assert_same_fit(clf, recorder.fitted[-1])
    assert recorder.hooks[-2:] == ["end fit 0", "teardown"]


def test_scores_of_each_epoch_are_those_of_its_estimator():
    """Check scikit-learn's monitor, which predicts the table as it was given."""
    monitor, recorder = ScoringMonitor(scoring="accuracy"), Recorder()
    clf = make(TabularMLPClassifier).set_callbacks(monitor, recorder).fit(X, Y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert [row["accuracy"] for row in rows] == [each.score(X, Y) for each in recorder.fitted]
    assert rows[-1]["accuracy"] == clf.score(X, Y)


def test_pipelines_and_searches_pass_callbacks_on(capsys):
    """Check the bar's lines, and epochs within a search."""
    pytest.importorskip("rich")
    pipe = make_pipeline(make(TabularMLPClassifier)).set_callbacks(ProgressBar())
    pipe.fit(X, Y)
    printed = capsys.readouterr().out
    assert "TabularMLPClassifier - fit" in printed
    assert "100%" in printed
    fits = []

    class Count(Callback):
        def on_fit_task_end(self, estimator, context):
            fits.append(context.task_name)

    clf = make(TabularMLPClassifier, max_iter=1).set_callbacks(Count())
    GridSearchCV(clf, {"dropout": [0.0, 0.1]}, cv=2).fit(X, Y)
    assert fits == ["epoch", "fit"] * 5


@both
def test_what_can_not_be_done_is_named(estimator, tmp_path):
    """Check the errors for a checkpoint, and for another learning rate."""

    class Slower(Callback):
        def on_fit_task_begin(self, estimator, context):
            set_learning_rate(context, 0.1)

    checkpoint = Checkpoint(tmp_path / "file", resume=True)
    with pytest.raises(TypeError, match=f"got {estimator.__name__}.*tables can't be resumed"):
        make(estimator).set_callbacks(checkpoint).fit(X, Y)
    with pytest.raises(ValueError, match="set_learning_rate expects"):
        make(estimator).set_callbacks(Slower()).fit(X, Y)
