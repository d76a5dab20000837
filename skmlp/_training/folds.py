"""Splits the rows of each of several networks into held-out rows and training rows."""

import numpy as np

N_FOLDS = 8
"""Each network holds out one fold, an eighth of the rows."""

MAX_HELD_OUT = 2**15
"""The most rows that a network holds out, to bound the time and the memory of scoring.

On 2**15 rows, the standard error of an accuracy is at most 0.5 / sqrt(2**15), 0.28 points, for one
network, and half of that for four networks with rows of their own.
"""


def hold_out_folds(
    n_members: int,
    rows: np.ndarray,
    classes: np.ndarray | None,
    random_state: np.random.RandomState,
) -> np.ndarray:
    """Return the rows that each network holds out: its own fold, if there are enough rows.

    Parameters
    ----------
    n_members : int
        Number of networks.
    rows : ndarray of int
        The rows to choose from.
    classes : ndarray of shape (n_samples,) or None
        Class numbers of all samples. The folds keep the proportions of the classes. The only row of
        a class is not held out, as a network would not learn the class.
    random_state : RandomState
        Draws the folds.

    Returns
    -------
    held_out : ndarray of int of shape (n_members, n_held_out)
        The rows; no row if there are fewer than two to choose from.
    """
    rows = random_state.permutation(rows)
    if classes is not None:
        counts = np.bincount(classes[rows])
        rows = rows[counts[classes[rows]] > 1]
        rows = rows[np.argsort(classes[rows], kind="stable")]
    n_folds = min(max(N_FOLDS, n_members), len(rows))
    if n_folds < 2:
        return np.zeros((n_members, 0), np.int32)
    n_held_out = min(len(rows) // n_folds, MAX_HELD_OUT)
    n_used = min(n_members, n_folds)
    # Evenly spaced over all rows, which are sorted by class: otherwise all rows that no fold uses
    # would come from the last class.
    n_all = n_used * n_held_out
    places = (np.arange(n_all) * len(rows) + random_state.randint(len(rows))) // n_all
    folds = rows[places].reshape(n_held_out, n_used).T
    return folds[np.arange(n_members) % n_used].astype(np.int32)


def training_rows(rows: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """Return the rows that each network trains on, of shape (n_members, n_train)."""
    kept = [np.setdiff1d(rows, own, assume_unique=True) for own in held_out]
    return np.array(kept, np.int32)
