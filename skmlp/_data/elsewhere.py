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
        The type in which the features were written to files.
    digest : tuple of str, default=()
        Hashes of the parts, by which a checkpoint recognises the features, if it needs to.
    """

    shape: tuple[int, int]
    dtype: np.dtype
    digest: tuple[str, ...] = ()

    ndim = 2

    def __len__(self) -> int:
        return self.shape[0]
