"""Finds the samples of a fit that this process holds, and their positions in batches."""

from typing import NamedTuple

import numpy as np


class HeldBatches(NamedTuple):
    """The rows of some batches that this process holds. Unused places are -1."""

    places: np.ndarray  # (n_batches, most rows of a batch): indices in the arrays of this process
    positions: np.ndarray  # of the same shape: the numbers of the rows in their batch
    counts: np.ndarray  # (n_batches,)

    def padded(self, n_rows: int) -> "HeldBatches":
        """Return the same batches with room for `n_rows` rows in each batch."""
        widths = [(0, 0), (0, n_rows - self.places.shape[1])]
        places, positions = (
            np.pad(each, widths, constant_values=-1) for each in (self.places, self.positions)
        )
        return HeldBatches(places, positions, self.counts)


class HeldRows:
    """The rows of a fit that this process holds.

    Parameters
    ----------
    places : ndarray of int of shape (n_rows,)
        For each row of the fit its index in the arrays of this process, or -1 if another process
        holds the row.
    """

    def __init__(self, places: np.ndarray):
        self._places = places

    def places_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the places of the rows that this process holds, in the order of `rows`."""
        places = self._places[rows]
        return places[places >= 0]

    def count(self, order: np.ndarray, size: int) -> np.ndarray:
        """Return the number of rows that this process holds, for each batch of an epoch."""
        is_here = self._places[order] >= 0
        return np.add.reduceat(is_here, np.arange(0, len(order), size), dtype=np.int64)

    def arrange(self, order: np.ndarray, first: int, last: int, size: int) -> HeldBatches:
        """Return the rows of some batches that this process holds.

        Parameters
        ----------
        order : ndarray of shape (n_train,)
            The rows in the order in which an epoch takes them.
        first, last : int
            Number of the first batch, and the number after that of the last batch.
        size : int
            Number of samples of a batch, over all processes.
        """
        places = self._places[order[first * size : last * size]]
        n_batches = -(-len(places) // size)
        here = np.flatnonzero(places >= 0)
        counts = np.diff(np.searchsorted(here, np.arange(n_batches + 1) * size))
        arranged = np.full((2, n_batches, counts.max(initial=0)), -1, places.dtype)
        is_row = np.arange(arranged.shape[2]) < counts[:, np.newaxis]
        arranged[0][is_row] = places[here]
        arranged[1][is_row] = here - np.repeat(np.arange(n_batches) * size, counts)
        return HeldBatches(arranged[0], arranged[1], counts)


def likely_counts(n_samples: int, n_here: int, size: int) -> list[int]:
    """Return likely bounds, in ascending order, of the rows of a random batch in one process.

    The number of these rows is hypergeometric. A step takes as long as the worker with the most
    rows of the batch. The bounds are therefore close to each other where the largest number is
    likely to be. One batch in a million has more rows than the last bound, which is five standard
    deviations above the mean. The memory for batches then grows.
    """
    share = n_here / n_samples
    deviation = np.sqrt(size * share * (1 - share))
    counts = np.ceil(size * share + deviation * np.array([0.5, 1.5, 3.0, 5.0]))
    return np.minimum(counts, min(size, n_here)).astype(int).tolist()
