"""Tells the callbacks of scikit-learn about a fit and its tasks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from skmlp._model.records import Snapshot
from skmlp._sklearn import (
    CallbackContext,
    CallbackSupportMixin,
    callbacks_of,
    init_callback_context,
)


@runtime_checkable
class KeepsTrainingState(Protocol):
    """A callback that receives the state of training, and may return one to go on from."""

    def load_snapshot(self) -> Snapshot | None: ...


class TaskCallbacks:
    """Tells callbacks about the tasks of a fit, one after the other.

    Parameters
    ----------
    estimator : BaseTFMLP
        The estimator that is being fitted.
    context : CallbackContext
        The context of the fit.
    arguments : dict
        The data and the metadata that callbacks receive.
    name : str
        Name of the tasks.
    describe : callable
        Returns the fitted attributes after a task, given the arguments of `end`. It is only called
        if a callback asks for the attributes.
    set_learning_rate : callable, default=None
        Changes the learning rate, where the tasks are epochs.
    """

    def __init__(
        self,
        estimator: CallbackSupportMixin,
        context: CallbackContext,
        arguments: dict[str, Any],
        name: str,
        describe: Callable[..., dict[str, Any]],
        set_learning_rate: Callable[[float], None] | None = None,
    ):
        self._context = context
        self._estimator: Any = estimator
        self._arguments = {"estimator": estimator, **arguments}
        self._name = name
        self._describe = describe
        self._set_learning_rate = set_learning_rate
        self._rate_at_start = getattr(estimator, "learning_rate_init", None)
        self._current: Any = None

    def begin(self) -> None:
        """Begin a task, if none is under way."""
        if self._current is None:
            self._current = self._context.subcontext(task_name=self._name)
            with _rate_can_be_set(self._current, self._set_learning_rate):
                self._current.call_on_fit_task_begin(**self._arguments)
            self._check_parameter()

    def end(self, *progress: Any) -> bool:
        """End the task, and tell whether a callback wants training to stop."""
        current, self._current = self._current, None
        stops = current.call_on_fit_task_end(
            **self._arguments, reconstruction_attributes=lambda: self._describe(*progress)
        )
        self._check_parameter()
        return stops

    def close(self) -> None:
        """End a task that is still under way when training ends, if there is one."""
        if self._current is not None:
            self._current.call_on_fit_task_end(**self._arguments)

    def _check_parameter(self) -> None:
        """Raise ValueError if a callback has set `learning_rate_init`, which fit has read."""
        rate = getattr(self._estimator, "learning_rate_init", None)
        if self._set_learning_rate is not None and rate != self._rate_at_start:
            raise ValueError(
                f"A callback has set learning_rate_init={rate!r} during fit, which would change "
                f"nothing; fit began with {self._rate_at_start!r}. Expected a call of "
                "skmlp.callbacks.set_learning_rate(context, rate) in on_fit_task_begin."
            )


_SETTER = "_skmlp_set_learning_rate"
"""The attribute of a context with the setter of the learning rate, while an epoch begins."""


@contextmanager
def _rate_can_be_set(
    context: CallbackContext, setter: Callable[[float], None] | None
) -> Iterator[None]:
    """Let callbacks change the learning rate in a block."""
    setattr(context, _SETTER, setter)
    try:
        yield
    finally:
        delattr(context, _SETTER)


def learning_rate_setter(context: CallbackContext) -> Callable[[float], None] | None:
    """Return the function that changes the learning rate; None unless an epoch begins."""
    return getattr(context, _SETTER, None)


@dataclass(frozen=True)
class FitCallbacks:
    """Tells callbacks about a fit.

    Parameters
    ----------
    estimator : BaseTFMLP
        The estimator that is being fitted.
    context : CallbackContext
        The context of the fit.
    arguments : dict
        The data and the metadata that callbacks receive: X, y and metadata.
    keeps_state : bool
        Whether a callback keeps the state of training.
    snapshot : Snapshot or None
        The state that training goes on from, if there is one.
    """

    estimator: Any
    context: CallbackContext
    arguments: dict[str, Any]
    keeps_state: bool
    snapshot: Snapshot | None

    def begin_fit(self) -> None:
        """Tell callbacks that the fit begins."""
        self.context.call_on_fit_task_begin(estimator=self.estimator, **self.arguments)

    def end_fit(self) -> None:
        """Tell callbacks that the estimator is fitted."""
        self.context.call_on_fit_task_end(
            estimator=self.estimator, **self.arguments, reconstruction_attributes={}
        )

    def tasks(
        self,
        name: str,
        describe: Callable[..., dict[str, Any]],
        set_learning_rate: Callable[[float], None] | None = None,
    ) -> TaskCallbacks:
        """Return the object that tells callbacks about the tasks of the fit."""
        return TaskCallbacks(
            self.estimator, self.context, self.arguments, name, describe, set_learning_rate
        )


def set_up_callbacks(estimator: Any, X: Any, y: Any, sample_weight: Any) -> FitCallbacks | None:
    """Set up the callbacks of an estimator that is about to be fitted; None if it has none.

    Parameters
    ----------
    estimator : BaseTFMLP
        The estimator.
    X, y, sample_weight
        The arguments of `fit`.
    """
    callbacks = callbacks_of(estimator)
    if not callbacks:
        return None
    keepers = [callback for callback in callbacks if isinstance(callback, KeepsTrainingState)]
    snapshots = [keeper.load_snapshot() for keeper in keepers]
    snapshot = next((found for found in snapshots if found is not None), None)
    n_done = 0 if snapshot is None else snapshot.state.history.n_epochs
    context = init_callback_context(estimator, max(estimator.max_iter - n_done, 0))
    metadata = None if sample_weight is None else {"sample_weight": sample_weight}
    arguments = {"X": X, "y": y, "metadata": metadata}
    return FitCallbacks(estimator, context, arguments, bool(keepers), snapshot)
