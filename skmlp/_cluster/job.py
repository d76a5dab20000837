"""The part of one process in training a network, as it is told of it."""

from dataclasses import dataclass
from typing import Any

from skmlp._cluster.spool import SpoolFile


@dataclass(frozen=True)
class Extent:
    """A run of rows of the fit that lie one after the other in a file of this process."""

    first: int  # in the samples of the fit
    place: int  # in the file
    n_rows: int


@dataclass(frozen=True)
class Job:
    """The part of one process in training a network.

    Parameters
    ----------
    plan : Plan or None
        The whole training, which is the next message where it is None. The features in its samples
        are not there, but for their shape.
    addresses : list of str
        Host and port of each process.
    rank : int
        Which of them this one is.
    files : list of SpoolFile
        The features that are here, of the samples to train on and of a validation set.
    extents : list of list of Extent
        Which rows they are, for each file.
    state : TrainingState or None
        Where training goes on, if it does.
    is_told : bool
        Whether someone is told of every epoch, and may end training.
    processor : str
        A description of the processor. Different ones may round differently.
    seconds_to_meet : float
        How long to wait for the other processes.
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
