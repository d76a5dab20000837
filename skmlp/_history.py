"""What training records: a report a call, the curves of a fit, where the stopping rule stands."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Progress:
    """Where the stopping rule stands."""

    best_loss: float = np.inf
    best_score: float = -np.inf
    no_improvement_count: int = 0


@dataclass(frozen=True)
class Report:
    """What a call of the program did: the curves of the epochs that it completed."""

    loss: list[float]
    validation_loss: list[float]
    validation_score: list[float]
    stopped: bool


@dataclass
class History:
    """The curves of a fit, a value an epoch."""

    loss_curve: list[float] = field(default_factory=list)
    validation_loss_curve: list[float] = field(default_factory=list)
    validation_scores: list[float] = field(default_factory=list)

    @property
    def n_epochs(self) -> int:
        """Number of epochs completed."""
        return len(self.loss_curve)

    def extend(self, report: Report) -> None:
        """Append the epochs of a call."""
        self.loss_curve += report.loss
        self.validation_loss_curve += report.validation_loss
        self.validation_scores += report.validation_score
