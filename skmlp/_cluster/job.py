"""The message that tells a training process its part in training a network."""

from dataclasses import dataclass
from typing import Any

from skmlp._cluster.spool import SpoolFile


@dataclass(frozen=True)
class Extent:
    """Consecutive rows of the fit that are consecutive in a file of this process, too."""

    first: int  # index of the first row in the samples of the fit
    place: int  # index of the first row in the file
    n_rows: int


@dataclass(frozen=True)
class Job:
    """The part of one process in training a network.

    Parameters
    ----------
    plan : Plan or None
        The plan of the whole training. It has the shape of the features instead of the features. If
        it is None, the next message is a pair of the plan and the state.
    addresses : list of str
        Host and port of each process.
    rank : int
        Index of this process in `addresses`.
    files : list of SpoolFile
        The features that this process holds: a file for the samples to train on, and a file for
        the validation set if there is one.
    extents : list of list of Extent
        For each file, the rows of the fit that it has.
    state : TrainingState or None
        The state from which training goes on. None begins training.
    is_told : bool
        Whether a listener is told of every epoch, and may end training.
    processor : str
        A description of the processor. Processors of different descriptions may round differently.
    seconds_to_meet : float
        Seconds to wait until the other processes have started.
    """

    plan: Any
    addresses: list[str]
    rank: int
    files: list[SpoolFile]
    extents: list[list[Extent]]
    state: Any = None
    is_told: bool = False
    processor: str = ""
    seconds_to_meet: float = 60.0
