"""The report of a call of the program."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Report:
    """The curves of the epochs that a call has completed, and whether training is over."""

    loss: list[float]
    validation_loss: list[float]
    validation_score: list[float]
    learning_rate: list[float]
    stopped: bool
