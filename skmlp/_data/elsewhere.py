"""Features that are in other processes; this process only knows their shape."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FeaturesElsewhere:
    """Stands for the features of samples in the plan of a training by several processes.

    Parameters
    ----------
    shape : tuple of int
        Number of samples and of features.
    dtype : dtype
        Their type, in which they were written down.
    checksum : int or None, default=None
        A checksum of the values, if a checkpoint needs to know them again.
    """

    shape: tuple[int, int]
    dtype: np.dtype
    checksum: int | None = None

    ndim = 2

    def __len__(self) -> int:
        return self.shape[0]
