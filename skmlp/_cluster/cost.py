r"""The estimated cost of a step on several machines, by which a fit warns where they do not pay.

A step takes about

.. math::

    \frac{6 b p}{w c R} + \frac{b d s}{w G} + \frac{7 p s}{U}
    + 2 (w - 1) \left(L + \frac{p s}{w W}\right)

seconds, with :math:`p` parameters and :math:`d` features in numbers of :math:`s` bytes, batches of
:math:`b` samples, and :math:`w` workers of :math:`c` threads. The first term is the products of
matrices, the second the copy of the samples. Workers share both. The third term is the update,
which each worker makes. The last term is the sum of the gradients over a ring, in which every
worker sends :math:`2 (w - 1)` parts to the next one. A short vector is sent to all workers as a
whole, in :math:`w - 1` messages.
"""

from dataclasses import dataclass

from skmlp._model.network import Architecture
from skmlp._program.collective import SMALL

_OPERATIONS_A_SECOND = {4: 2.2e11, 8: 6.8e10}
"""Floating-point operations a second and thread, by the bytes of a number.

This rate and the rates below follow from the times of ``python -m benchmarks.clusters``, with
TensorFlow 2.21 on an AMD EPYC with AVX-512 (Zen 5). In float32, products with 1,024 rows reach
2.5e11, those with 8,192 rows 2e11. Older processors reach half of the rate, or less.
"""

_COPIED_BYTES_A_SECOND = 3.3e9
"""Bytes a second of rows that one thread takes at random from the file of a worker."""

_UPDATED_BYTES_A_SECOND = 2e10

_ARRAYS_OF_AN_UPDATE = 7
"""Adam reads a gradient, a weight and two moments, and writes the last three."""


@dataclass(frozen=True)
class Network:
    """The network between machines.

    Parameters
    ----------
    latency : float
        Seconds until a part of a sum has come to the next worker.
    bandwidth : float
        Bytes a second that a worker sends.
    """

    latency: float = 0.0004
    bandwidth: float = 6e8


LOOPBACK = Network()
"""TensorFlow's sums between processes of one machine: 0.4 ms for 40 kB, 10 to 13 ms for 7 MB.

TensorFlow's server spends this time on packing and unpacking messages. So a network of 10 Gbit/s is
not much slower.
"""


def seconds_a_step(
    architecture: Architecture,
    batch_size: int,
    itemsize: int,
    n_workers: int,
    n_threads: int,
    network: Network = LOOPBACK,
) -> float:
    """Return an estimate of the seconds that a step takes.

    Parameters
    ----------
    architecture : Architecture
        The network that is trained.
    batch_size : int
        Samples of a batch, of all workers.
    itemsize : int
        Bytes of a number.
    n_workers : int
        Number of workers.
    n_threads : int
        Threads of each.
    network : Network, default=LOOPBACK
        The network between the workers.
    """
    n_parameters = architecture.n_parameters
    rate = _OPERATIONS_A_SECOND[itemsize] * n_threads * n_workers
    computing = 6 * batch_size * n_parameters / rate
    sample_bytes = batch_size * architecture.layer_units[0] * itemsize
    copying = sample_bytes / _COPIED_BYTES_A_SECOND / n_workers
    n_bytes = n_parameters * itemsize
    updating = _ARRAYS_OF_AN_UPDATE * n_bytes / _UPDATED_BYTES_A_SECOND
    n_rounds, n_parts = (1, 1) if n_parameters < SMALL else (2, n_workers)
    n_messages = n_rounds * (n_workers - 1)
    adding = n_messages * (network.latency + n_bytes / n_parts / network.bandwidth)
    return computing + copying + updating + adding


def least_batch_that_pays(
    architecture: Architecture, itemsize: int, n_workers: int, n_threads: int
) -> int:
    """Return the size, a power of 2, from which workers are faster than one of them alone."""
    size = 1
    while seconds_a_step(architecture, size, itemsize, n_workers, n_threads) >= seconds_a_step(
        architecture, size, itemsize, 1, n_threads
    ):
        size *= 2
    return size
