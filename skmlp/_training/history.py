"""What training records: a report a call, the curves of a fit, and what it ends with."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from skmlp._model.network import Parameters
from skmlp._program.solvers import Optimizer
from skmlp._program.stopping import START, Standing


@dataclass(frozen=True)
class Report:
    """What a call of the program did: the curves of the epochs that it completed."""

    loss: list[float]
    validation_loss: list[float]
    validation_score: list[float]
    learning_rate: list[float]
    stopped: bool


@dataclass
class History:
    """The curves of a fit, a value an epoch."""

    loss_curve: list[float] = field(default_factory=list)
    validation_loss_curve: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)

    @property
    def n_epochs(self) -> int:
        """Number of epochs completed."""
        return len(self.loss_curve)

    def extend(self, report: Report) -> None:
        """Append the epochs of a call."""
        self.loss_curve += report.loss
        self.validation_loss_curve += report.validation_loss
        self.validation_scores += report.validation_score
        self.learning_rates += report.learning_rate

    def copy(self) -> "History":
        """Return a copy, which later epochs do not change."""
        return History(*(list(curve) for curve in vars(self).values()))


@dataclass(frozen=True)
class Trained:
    """What a fit ends with.

    Parameters
    ----------
    parameters : Parameters
        Weights and biases.
    history : History
        The curves.
    loss : float
        The last loss.
    n_iter : int
        Number of epochs or iterations.
    warn : callable or None
        Warns of what the user should know, if anything; called when all is done.
    standing : Standing
        Where the stopping rule stands.
    optimizer : Optimizer or None
        What the solver has kept.
    samples_seen : int
        Number of samples that the epochs of all fits had.
    """

    parameters: Parameters
    history: History
    loss: float
    n_iter: int
    warn: Callable[[], Any] | None
    standing: Standing = START
    optimizer: Optimizer | None = None
    samples_seen: int = 0
