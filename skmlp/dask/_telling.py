"""Calls callbacks and prints lines at the client, as the leading process tells of epochs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from skmlp._lines import LinePrinter
from skmlp._model.records import History, Snapshot, TrainingState
from skmlp._training.attributes import fitted_attributes
from skmlp._training.fit import trained_from
from skmlp._training.plan import Plan
from skmlp._training.snapshot import check_same_fit, fingerprint


def make_listener(plan: Plan, callbacks: Any) -> tuple[Any, TrainingState | None]:
    """Return the listener of a fit and the state to go on from. Each may be None.

    Parameters
    ----------
    plan : Plan
        The training.
    callbacks : FitCallbacks or None
        The callbacks of the estimator.

    Raises
    ------
    ValueError
        If the checkpoint to go on from was written by another fit.
    """
    if callbacks is None:
        return (ClientListener(plan) if plan.settings.verbose else None), None
    state = None
    if callbacks.snapshot is not None:
        check_same_fit(callbacks.snapshot, plan)
        state = callbacks.snapshot.state
    listener = ClientListener(plan, fingerprint(plan) if callbacks.keeps_state else None)
    listener.tasks = callbacks.tasks("epoch", listener.describe, listener.set_learning_rate)
    return listener, state


@dataclass
class ClientListener:
    """Receives messages of the leading process, prints its lines, and calls callbacks.

    The state of training stays with the leading process unless a callback asks for it.

    Parameters
    ----------
    plan : Plan
        The training.
    mark : dict or None
        Hashes of the fit, if a callback keeps the state of training.
    """

    plan: Plan
    mark: dict[str, str] | None = None
    tasks: Any = None
    _printer: LinePrinter = field(default_factory=LinePrinter, init=False)
    _rate: float | None = field(default=None, init=False)
    _fetch: Callable[[], TrainingState] | None = field(default=None, init=False)

    def hear(self, message: tuple[Any, ...], fetch: Callable[[], TrainingState]) -> tuple[Any, ...]:
        """Return a tuple with the answer to a message, or an empty tuple if there is no answer.

        Parameters
        ----------
        message : tuple
            The kind of the message, and its values.
        fetch : callable
            Returns the present state of training.
        """
        kind, *values = message
        if kind == "line":
            self._printer.print(values[0])
            return ()
        if kind == "begin":
            self._rate = None
            self.tasks.begin()
            return (self._rate,)
        self._fetch = fetch
        return (self.tasks.end(*values),)

    def describe(self, history: History) -> dict[str, Any]:
        """Return the fitted attributes after an epoch, for a callback that asks for them."""
        assert self._fetch is not None
        state = self._fetch()
        attributes = fitted_attributes(self.plan, trained_from(state, state.parameters))
        if self.mark is not None:
            attributes["_training_state"] = Snapshot(state, self.plan.drawn_from, self.mark)
        return attributes

    def set_learning_rate(self, rate: float) -> None:
        """Set the learning rate of the epoch that begins."""
        self._rate = rate
