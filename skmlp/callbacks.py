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

    Call it in the `on_fit_task_begin` of a callback of your own, when an epoch begins. The rate
    holds for that epoch and those after it, in the place of `learning_rate_init`: a schedule of
    the learning rate goes on from where it is, times the new rate. The parameter of the estimator
    stays as it was.

    Parameters
    ----------
    context : CallbackContext
        The context that the callback is given.

    rate : float
        The new learning rate, above 0.

    Raises
    ------
    ValueError
        If no epoch of a TFMLPClassifier or a TFMLPRegressor begins; or if the rate is not a finite
        number above 0.

    See Also
    --------
    skmlp.TFMLPClassifier : Its parameter `learning_rate` has schedules that need no callback.

    Notes
    -----
    At the end of an epoch a :class:`Checkpoint` may have been written, by a callback that was
    called earlier. Only at the beginning is the change sure to be a part of the next one, so that
    training is resumed bit for bit. A callback that decides at the end keeps its decision until
    then.

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
            "set_learning_rate expects the context of an epoch that begins, as on_fit_task_begin "
            f"of a callback is given it; got {context!r}."
        )
    if not isinstance(rate, Real) or not 0 < rate < math.inf:
        raise ValueError(f"rate must be a finite number above 0, got {rate!r}.")
    setter(float(rate))


class Checkpoint:
    """Callback that writes the model to a file every few epochs, for training to be resumed.

    The file is the fitted estimator, as if training had ended with that epoch, and what training
    needs to go on from there bit for bit: what the solver has kept, the random numbers, the
    stopping rule and, with early stopping, the best weights so far. It is replaced in one step: a
    process that is killed at any time leaves the whole file of the last time.

    Parameters
    ----------
    path : str or os.PathLike
        The file to write; `~` is the home directory. Its directory has to exist: none is made, for
        a mistake in its name to be seen. Each fit needs a file of its own.

    every : int, default=1
        How many epochs there are between two writes.

    resume : bool, default=False
        Whether `fit` goes on from the file, if it exists. False starts anew and writes over it.

    See Also
    --------
    sklearn.callback.ProgressBar : Shows how far training is.
    sklearn.callback.ScoringMonitor : Scores the training data after every epoch.

    Notes
    -----
    `fit` goes on only with the same data and parameters, which it checks by hashes of them. Equal
    values are the same, whatever their type and layout. A larger `max_iter` is not another
    parameter: it trains a model for longer.

    The same bits are promised on the same machine by the same versions of the libraries.

    Before training starts a small file is written beside `path` and removed, so that a place where
    nothing can be written is an error then, and not after the first epochs. What `path` names is
    left as it is until then.

    The file is written by :func:`joblib.dump` and read by :func:`joblib.load`, which is a pickle:
    load only files that you trust. Callbacks are not part of it.

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
        """Check that the estimator can be resumed, and write a file beside the path and remove it.

        scikit-learn calls it when `fit` starts.

        Parameters
        ----------
        estimator : TFMLPClassifier or TFMLPRegressor
            The estimator that is about to be fitted.

        context : CallbackContext
            The context of the fit.

        Raises
        ------
        TypeError
            If it is another estimator, such as a pipeline around one, or one for tables.
        ValueError
            If its solver is 'lbfgs'.
        OSError
            If the file can't be written: it would be in a directory that does not exist, is a
            directory itself or no file, or the system refuses it. The message has the reason.

        See Also
        --------
        Checkpoint.teardown : Is called when `fit` has ended.

        Examples
        --------
        >>> from skmlp import TFMLPClassifier
        >>> from skmlp.callbacks import Checkpoint
        >>> clf = TFMLPClassifier().set_callbacks(Checkpoint("model.joblib"))  # fit calls it
        """
        if not isinstance(estimator, BaseTFMLP):
            raise TypeError(
                "Checkpoint expects a TFMLPClassifier or a TFMLPRegressor, got "
                f"{type(estimator).__name__}. In a pipeline, set it on the step. A fit of an "
                "estimator for tables can't be resumed."
            )
        if estimator.solver == "lbfgs":
            raise ValueError(
                "Checkpoint expects solver='adam' or 'sgd', got 'lbfgs': what L-BFGS has kept is "
                "inside SciPy, and can't be resumed."
            )
        CheckpointFile(self.path).check()

    def on_fit_task_begin(self, estimator: Any, context: CallbackContext) -> None:
        """Do nothing.

        scikit-learn calls it when an epoch starts.

        Parameters
        ----------
        estimator : TFMLPClassifier or TFMLPRegressor
            The estimator that is being fitted.

        context : CallbackContext
            The context of the epoch.

        See Also
        --------
        Checkpoint.on_fit_task_end : Writes the file.

        Examples
        --------
        >>> from skmlp import TFMLPClassifier
        >>> from skmlp.callbacks import Checkpoint
        >>> clf = TFMLPClassifier().set_callbacks(Checkpoint("model.joblib"))  # fit calls it
        """

    def on_fit_task_end(
        self, estimator: Any, context: CallbackContext, *, fitted_estimator: Any = None
    ) -> None:
        """Write the model, if it is time.

        scikit-learn calls it when an epoch has ended.

        Parameters
        ----------
        estimator : TFMLPClassifier or TFMLPRegressor
            The estimator that is being fitted.

        context : CallbackContext
            The context of the epoch, or of the whole fit, at whose end nothing is written.

        fitted_estimator : TFMLPClassifier or TFMLPRegressor
            The estimator as if training had ended with the epoch.

        See Also
        --------
        Checkpoint.load_snapshot : Reads what it needs to go on.

        Examples
        --------
        >>> from skmlp import TFMLPClassifier
        >>> from skmlp.callbacks import Checkpoint
        >>> clf = TFMLPClassifier().set_callbacks(Checkpoint("model.joblib"))  # fit calls it
        """
        is_epoch = hasattr(fitted_estimator, "_training_state")
        if is_epoch and fitted_estimator.n_iter_ % self.every == 0:
            # A copy, as other callbacks are given the estimator too.
            model = without_running_callbacks(copy.copy(fitted_estimator))
            CheckpointFile(self.path).write(lambda file: joblib.dump(model, file))

    def teardown(self, estimator: Any, context: CallbackContext) -> None:
        """Do nothing.

        scikit-learn calls it when `fit` has ended.

        Parameters
        ----------
        estimator : TFMLPClassifier or TFMLPRegressor
            The estimator that was fitted.

        context : CallbackContext
            The context of the fit.

        See Also
        --------
        Checkpoint.setup : Is called when `fit` starts.

        Examples
        --------
        >>> from skmlp import TFMLPClassifier
        >>> from skmlp.callbacks import Checkpoint
        >>> clf = TFMLPClassifier().set_callbacks(Checkpoint("model.joblib"))  # fit calls it
        """

    def load_snapshot(self) -> Snapshot | None:
        """Return where training is to go on, or None if it is to start anew.

        The estimator calls it when `fit` starts.

        Returns
        -------
        Snapshot or None
            The state that training goes on from.

        Raises
        ------
        ValueError
            If the file is not one that a checkpoint has written.
        OSError
            If the file can't be read.

        See Also
        --------
        Checkpoint.on_fit_task_end : Writes the file.

        Examples
        --------
        >>> from skmlp import TFMLPClassifier
        >>> from skmlp.callbacks import Checkpoint
        >>> clf = TFMLPClassifier().set_callbacks(Checkpoint("model.joblib", resume=True))
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
