"""Which samples of a fit this process holds, and where they are in its batches."""

from typing import NamedTuple

import numpy as np


class HeldBatches(NamedTuple):
    """The rows of batches that are in this process, -1 where a batch has no more of them."""

    places: np.ndarray  # (n_batches, most rows of a batch), in the arrays of this process
    positions: np.ndarray  # of the same shape: the numbers of the rows in their batch
    counts: np.ndarray  # (n_batches,)

    def padded(self, n_rows: int) -> "HeldBatches":
        """Return the same with room for so many rows in a batch."""
        widths = [(0, 0), (0, n_rows - self.places.shape[1])]
        places, positions = (
            np.pad(each, widths, constant_values=-1) for each in (self.places, self.positions)
        )
        return HeldBatches(places, positions, self.counts)


class HeldRows:
    """The rows of a fit that lie in this process.

    Parameters
    ----------
    places : ndarray of int of shape (n_rows,)
        For each row of the fit its place in the arrays of this process, or -1 if another has it.
    """

    def __init__(self, places: np.ndarray):
        self._places = places

    def places_of(self, rows: np.ndarray) -> np.ndarray:
        """Return the places of those rows that are here, in their order."""
        places = self._places[rows]
        return places[places >= 0]

    def count(self, order: np.ndarray, size: int) -> np.ndarray:
        """Return how many rows of each batch of an epoch are here."""
        is_here = self._places[order] >= 0
        return np.add.reduceat(is_here, np.arange(0, len(order), size), dtype=np.int64)

    def arrange(self, order: np.ndarray, first: int, last: int, size: int) -> HeldBatches:
        """Return the rows of batches that are here.

        Parameters
        ----------
        order : ndarray of shape (n_train,)
            The rows in the order in which an epoch takes them.
        first, last : int
            The batches; ``last`` itself is not one of them.
        size : int
            Samples of a batch on all processes.
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
    """Return numbers of rows, which ascend, that batches drawn at random have here at most.

    The number is hypergeometric. A step takes as long as the worker that has most rows of its
    batch, so that the numbers lie close where that is likely to be. Five standard deviations are
    exceeded in one batch of a million; memory for the batches then grows.
    """
    share = n_here / n_samples
    deviation = np.sqrt(size * share * (1 - share))
    counts = np.ceil(size * share + deviation * np.array([0.5, 1.5, 3.0, 5.0]))
    return np.minimum(counts, min(size, n_here)).astype(int).tolist()
