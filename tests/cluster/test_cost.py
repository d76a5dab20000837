"""The estimate of the time of a step on several machines."""

import pytest

from skmlp._cluster.cost import Network, least_batch_that_pays, seconds_a_step
from skmlp._model.network import Architecture

MEASURED = [
    ((784, 200, 10), 100, 4, 0.57, 1.71),
    ((784, 1000, 1000, 10), 1024, 4, 49.1, 42.1),
    ((784, 1000, 1000, 10), 8192, 4, 467, 267),
    ((100, 100, 2), 8192, 4, 3.7, 2.9),
    ((784, 1000, 1000, 10), 1024, 8, 169, 122),
]
"""Layers, batch size, bytes of a number, and milliseconds of a step on one Dask worker and on two.

The workers have one thread each. The last row was measured without Dask.
``python -m benchmarks.clusters`` measured them on two cores of Zen 5.
"""


def network(units):
    return Architecture(units, "relu", "cross_entropy")


@pytest.mark.parametrize(("units", "batch_size", "itemsize", "alone", "together"), MEASURED)
def test_estimates_are_near_what_was_measured(units, batch_size, itemsize, alone, together):
    """Check times within a half, and the speed-up within a quarter."""
    estimates = [1e3 * seconds_a_step(network(units), batch_size, itemsize, n, 1) for n in (1, 2)]
    assert estimates == pytest.approx([alone, together], rel=0.5)
    assert estimates[0] / estimates[1] == pytest.approx(alone / together, rel=0.25)


def test_one_worker_sends_nothing():
    """Check that the time of a step on one worker does not depend on the network."""
    slow = Network(latency=1.0, bandwidth=1.0)
    alone = [seconds_a_step(network((10, 5, 2)), 100, 8, 1, 4, each) for each in (slow, Network())]
    assert alone[0] == alone[1]


@pytest.mark.parametrize("n_workers", [2, 4, 16])
def test_the_least_batch_that_pays(n_workers):
    """Check that this batch is faster than on one worker, and that half of the batch is not."""
    least = least_batch_that_pays(network((784, 200, 10)), 4, n_workers, 1)

    def gain(size):
        return seconds_a_step(network((784, 200, 10)), size, 4, 1, 1) - seconds_a_step(
            network((784, 200, 10)), size, 4, n_workers, 1
        )

    assert gain(least) > 0 >= gain(least // 2)
    assert 100 < least < 10_000
