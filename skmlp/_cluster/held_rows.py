"""Which samples of a fit this process holds, and where they are in its batches."""

import numpy as np


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

    def arrange(
        self, order: np.ndarray, first: int, last: int, size: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the places of the rows of batches, -1 where there is none, and their numbers.

        Parameters
        ----------
        order : ndarray of shape (n_train,)
            The rows in the order in which an epoch takes them.
        first, last : int
            The batches; ``last`` itself is not one of them.
        size : int
            Samples of a batch on all processes.

        Returns
        -------
        places : ndarray of shape (n_batches, most rows of a batch)
        counts : ndarray of shape (n_batches,)
        """
        places = self._places[order[first * size : last * size]]
        n_batches = -(-len(places) // size)
        is_here = places >= 0
        batch = np.flatnonzero(is_here) // size
        counts = np.bincount(batch, minlength=n_batches)
        column = np.arange(len(batch)) - np.repeat(counts.cumsum() - counts, counts)
        arranged = np.full((n_batches, counts.max(initial=0)), -1, places.dtype)
        arranged[batch, column] = places[is_here]
        return arranged, counts


def likely_most(n_samples: int, n_here: int, size: int) -> int:
    """Return a number of rows that a batch drawn at random is unlikely to have here.

    The number is hypergeometric. Five standard deviations are exceeded in one batch of a million;
    memory for the batches then grows.
    """
    share = n_here / n_samples
    deviation = np.sqrt(size * share * (1 - share))
    return min(size, n_here, int(np.ceil(size * share + 5 * deviation)))
