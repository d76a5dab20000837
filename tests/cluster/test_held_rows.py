"""The rows of each batch that one of several processes holds."""

import numpy as np
import pytest

from skmlp._cluster.held_rows import HeldRows, likely_counts


def rows_of_processes(n_rows, n_processes, seed=0):
    """Deal rows out to processes at random. Return for each process the places of all rows."""
    owner = np.random.RandomState(seed).randint(n_processes, size=n_rows)
    places = np.full((n_processes, n_rows), -1)
    for process in range(n_processes):
        mine = np.flatnonzero(owner == process)
        places[process, mine] = np.arange(len(mine))
    return owner, places


@pytest.mark.parametrize(("first", "last"), [(0, 4), (1, 3), (3, 4)])
@pytest.mark.parametrize("n_processes", [1, 3])
def test_each_row_of_a_batch_is_in_one_process(n_processes, first, last):
    """Check the batches of 4, the last one short, against those of one process."""
    order = np.random.RandomState(1).permutation(37)
    owner, places = rows_of_processes(37, n_processes)
    found = [[] for _ in range(first, last)]
    for process in range(n_processes):
        mine = np.flatnonzero(owner == process)
        held = HeldRows(places[process]).arrange(order, first, last, 10)
        assert held.places.shape == (last - first, held.counts.max(initial=0))
        for batch, (row, position, count) in enumerate(
            zip(held.places, held.positions, held.counts, strict=True)
        ):
            assert (row[count:] == -1).all()
            rows = mine[row[:count]]
            np.testing.assert_array_equal(rows, order[(first + batch) * 10 + position[:count]])
            found[batch] += rows.tolist()
    for batch, rows in enumerate(found, start=first):
        assert sorted(rows) == sorted(order[batch * 10 : (batch + 1) * 10])


def test_rows_keep_their_order():
    """Check that a process has its rows of a batch in the order of the epoch."""
    held = HeldRows(np.array([-1, 0, 1, -1, 2]))
    batches = held.arrange(np.array([4, 0, 1, 2, 3]), 0, 2, 3)
    np.testing.assert_array_equal(batches.places, [[2, 0], [1, -1]])
    np.testing.assert_array_equal(batches.positions, [[0, 2], [0, -1]])
    np.testing.assert_array_equal(batches.counts, [2, 1])
    np.testing.assert_array_equal(batches.padded(3).places, [[2, 0, -1], [1, -1, -1]])


def test_a_process_without_rows_has_batches_of_none():
    """Check that empty batches have the shapes that the other processes expect."""
    batches = HeldRows(np.full(10, -1)).arrange(np.arange(10), 0, 3, 4)
    assert batches.places.shape == (3, 0)
    assert batches.counts.tolist() == [0, 0, 0]


def test_counts_of_an_epoch():
    """Check the number of rows in each batch, the last one short."""
    held = HeldRows(np.array([0, -1, 1, 2, -1, -1, 3]))
    assert held.count(np.arange(7), 3).tolist() == [2, 1, 1]


def test_likely_numbers_are_rarely_exceeded():
    """Check the bounds against draws, and that the last bound is far below the whole batch."""
    *_, usual, most = likely_counts(100_000, 25_000, 1000)
    drawn = np.random.RandomState(0).hypergeometric(25_000, 75_000, 1000, size=100_000)
    assert 250 < usual < drawn.max() <= most < 400
    assert (drawn > usual).mean() < 0.002
    assert likely_counts(10, 10, 4) == [4] * 4
    assert likely_counts(10, 0, 4) == [0] * 4
