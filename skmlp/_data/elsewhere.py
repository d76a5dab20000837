"""Features that lie in other processes, of which this one knows the shape alone."""

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
    digest : tuple of str, default=()
        Hashes of the parts, if a checkpoint needs to know them again.
    """

    shape: tuple[int, int]
    dtype: np.dtype
    digest: tuple[str, ...] = ()

    ndim = 2

    def __len__(self) -> int:
        return self.shape[0]
