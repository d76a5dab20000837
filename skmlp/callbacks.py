"""Callbacks of training, beside those of :mod:`sklearn.callback`."""

import copy
import math
import os
from numbers import Integral, Real
from typing import Any

import joblib

from skmlp._estimators.base import BaseTFMLP
from skmlp._estimators.checkpoint_file import CheckpointFile
from skmlp._estimators.fit_callbacks import learning_rate_setter
from skmlp._model.records import Snapshot
from skmlp._sklearn import CallbackContext, Interval, validate_params, without_running_callbacks

__all__ = ["Checkpoint", "set_learning_rate"]


def set_learning_rate(context: CallbackContext, rate: float) -> None:
    """Change the learning rate of a fit that is under way.

    Call it in the method `on_fit_task_begin` of your callback, when an epoch begins. The new rate
    replaces `learning_rate_init` for this epoch and all later epochs. A schedule of the learning
    rate goes on, and multiplies the new rate. The parameter of the estimator does not change.

    Parameters
    ----------
    context : CallbackContext
        The context that the callback receives.

    rate : float
        The new learning rate, above 0.

    Raises
    ------
    ValueError
        If no epoch of a TFMLPClassifier or a TFMLPRegressor begins, or if the rate is not a finite
        number above 0.

    See Also
    --------
    skmlp.TFMLPClassifier : Its parameter `learning_rate` has schedules that need no callback.

    Notes
    -----
    The rate can't be changed at the end of an epoch, because a :class:`Checkpoint` may already have
    been written for the epoch: training would not be resumed bit for bit. If your callback decides
    at the end of an epoch, it must keep the decision until the next epoch begins.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skmlp import TFMLPClassifier
    >>> from skmlp.callbacks import set_learning_rate
    >>> class Slower:
    ...     def setup(self, estimator, context):
    ...         pass
    ...     def on_fit_task_begin(self, estimator, context):
    ...         if context.task_name == "epoch" and context.task_id == 20:
    ...             set_learning_rate(context, 0.001)
    ...     def on_fit_task_end(self, estimator, context):
    ...         pass
    ...     def teardown(self, estimator, context):
    ...         pass
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = TFMLPClassifier(learning_rate_init=0.01, tol=0.01, random_state=0)
    >>> clf.set_callbacks(Slower()).fit(X, y).learning_rate_init
    0.01
    """
    setter = learning_rate_setter(context)
    if setter is None:
        raise ValueError(
            "set_learning_rate expects the context of an epoch that begins, which "
            f"on_fit_task_begin of a callback receives; got {context!r}."
        )
    if not isinstance(rate, Real) or not 0 < rate < math.inf:
        raise ValueError(f"rate must be a finite number above 0, got {rate!r}.")
    setter(float(rate))


class Checkpoint:
    """Callback that writes the model to a file every few epochs, so that training can be resumed.

    The file holds the fitted estimator, as if training had ended with the epoch, and the state from
    which training goes on bit for bit: the solver, the random numbers, the stopping rule and, with
    early stopping, the best weights so far. The file is replaced in one step: whenever the process
    is killed, the last complete file remains.

    Parameters
    ----------
    path : str or os.PathLike
        The file to write; `~` is the home directory. The directory of the file must exist, so that
        a mistake in its name is noticed. Each fit needs its own file.

    every : int, default=1
        Number of epochs from one write to the next.

    resume : bool, default=False
        Whether `fit` goes on from the file, if it exists. False starts anew and overwrites it.

    See Also
    --------
    sklearn.callback.ProgressBar : Shows the progress of training.
    sklearn.callback.ScoringMonitor : Scores the training data after every epoch.

    Notes
    -----
    `fit` only goes on with the same data and parameters, and compares hashes of them. Equal values
    count as the same, whatever their type and layout. `max_iter` may be larger, to train a model
    for longer.

    Training gives the same bits on the same machine with the same versions of the libraries.

    Before training starts, a small file is written beside `path` and removed. If nothing can be
    written, `fit` thus fails at once instead of after the first epochs. An existing file at `path`
    stays until the first write.

    The file is a pickle, written by :func:`joblib.dump` and read by :func:`joblib.load`: load only
    files that you trust. Callbacks are not part of it.

    Examples
    --------
    >>> import joblib, tempfile
    >>> from pathlib import Path
    >>> from sklearn.datasets import load_iris
    >>> from skmlp import TFMLPClassifier
    >>> from skmlp.callbacks import Checkpoint
    >>> X, y = load_iris(return_X_y=True)
    >>> path = Path(tempfile.mkdtemp()) / "iris.joblib"
    >>> checkpoint = Checkpoint(path, every=10, resume=True)
    >>> clf = TFMLPClassifier(learning_rate_init=0.01, max_iter=500, random_state=0)
    >>> clf = clf.set_callbacks(checkpoint).fit(X, y)
    >>> model = joblib.load(path)
    >>> model.n_iter_ == clf.n_iter_ // 10 * 10
    True
    """

    @validate_params(
        {
            "path": [str, os.PathLike],
            "every": [Interval(Integral, 1, None, closed="left")],
            "resume": ["boolean"],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(
        self, path: str | os.PathLike[str], *, every: int = 1, resume: bool = False
    ) -> None:
        self.path = path
        self.every = every
        self.resume = resume

    def setup(self, estimator: Any, context: CallbackContext) -> None:
        """Check that the estimator can be resumed, and that the file can be written.

        scikit-learn calls this method when `fit` starts.

        Parameters
        ----------
        estimator : TFMLPClassifier or TFMLPRegressor
            The estimator that is about to be fitted.

        context : CallbackContext
            The context of the fit.

        Raises
        ------
        TypeError
            If it is another estimator, such as a pipeline or an estimator for tables.
        ValueError
            If its solver is 'lbfgs'.
        OSError
            If the file can't be written. The message has the reason.
        """
        if not isinstance(estimator, BaseTFMLP):
            raise TypeError(
                "Checkpoint expects a TFMLPClassifier or a TFMLPRegressor, got "
                f"{type(estimator).__name__}. In a pipeline, set it on the step. Estimators for "
                "tables can't be resumed."
            )
        if estimator.solver == "lbfgs":
            raise ValueError(
                "Checkpoint expects solver='adam' or 'sgd', got 'lbfgs': the state of L-BFGS is "
                "inside SciPy, and can't be resumed."
            )
        CheckpointFile(self.path).check()

    def on_fit_task_begin(self, estimator: Any, context: CallbackContext) -> None:
        """Do nothing.

        scikit-learn requires this method, and calls it when an epoch starts.

        Parameters
        ----------
        estimator : TFMLPClassifier or TFMLPRegressor
            The estimator that is being fitted.

        context : CallbackContext
            The context of the epoch.
        """

    def on_fit_task_end(
        self, estimator: Any, context: CallbackContext, *, fitted_estimator: Any = None
    ) -> None:
        """Write the model, every few epochs.

        scikit-learn calls this method when an epoch has ended.

        Parameters
        ----------
        estimator : TFMLPClassifier or TFMLPRegressor
            The estimator that is being fitted.

        context : CallbackContext
            The context of the epoch, or of the whole fit. Nothing is written for the whole fit.

        fitted_estimator : TFMLPClassifier or TFMLPRegressor
            The estimator as if training had ended with the epoch.
        """
        is_epoch = hasattr(fitted_estimator, "_training_state")
        if is_epoch and fitted_estimator.n_iter_ % self.every == 0:
            # A copy, as other callbacks receive the same estimator.
            model = without_running_callbacks(copy.copy(fitted_estimator))
            CheckpointFile(self.path).write(lambda file: joblib.dump(model, file))

    def teardown(self, estimator: Any, context: CallbackContext) -> None:
        """Do nothing.

        scikit-learn requires this method, and calls it when `fit` has ended.

        Parameters
        ----------
        estimator : TFMLPClassifier or TFMLPRegressor
            The estimator that was fitted.

        context : CallbackContext
            The context of the fit.
        """

    def load_snapshot(self) -> Snapshot | None:
        """Return the state that training goes on from, or None to start anew.

        The estimator calls this method when `fit` starts.

        Returns
        -------
        Snapshot or None
            The state that training goes on from.

        Raises
        ------
        ValueError
            If no checkpoint has written the file.
        OSError
            If the file can't be read.
        """
        if not self.resume:
            return None
        file = CheckpointFile(self.path)
        try:
            with file.naming_errors("read"):
                return joblib.load(file.path)._training_state if file.path.exists() else None
        except OSError:
            raise
        except Exception as error:
            raise ValueError(
                f"path={str(file.path)!r} is not a file that a Checkpoint has written."
            ) from error
