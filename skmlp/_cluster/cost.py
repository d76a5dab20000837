r"""What a step costs on several machines, so that a fit can warn where it does not pay.

With :math:`p` parameters of :math:`s` bytes, batches of :math:`b` samples and :math:`w` workers of
:math:`c` threads, a step takes about

.. math::

    \frac{6 b p}{w c R} + \frac{7 p s}{U} + 2 (w - 1) L + 2 \frac{w - 1}{w} \frac{p s}{W}

seconds: the products of matrices, which are shared; the update, which each makes; and the sum of
the gradients over a ring, in which every worker sends :math:`2 (w - 1)` parts to the next one.
"""

from dataclasses import dataclass

from skmlp._model.network import Architecture

_OPERATIONS_A_SECOND = {4: 9e10, 8: 4.5e10}
"""Floating-point operations a second and thread, by the bytes of a number.

Measured on Zen 4 with TensorFlow 2.21 and one thread: 784-200-10 with batches of 100 took 1.06 ms,
784-1000-1000-10 with 1,024 took 101 ms. Other processors of servers do half of it to twice as much.
"""

_UPDATED_BYTES_A_SECOND = 1e10

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

    latency: float = 0.0006
    bandwidth: float = 3.2e8


LOOPBACK = Network()
"""TensorFlow's sums between processes of one machine: 1.2 ms for 1 kB, 30 ms for 7 MB.

That is what the server of TensorFlow takes to pack and unpack them, so that a network of 10 Gbit/s
is no slower.
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
    n_bytes = n_parameters * itemsize
    updating = _ARRAYS_OF_AN_UPDATE * n_bytes / _UPDATED_BYTES_A_SECOND
    n_parts = 2 * (n_workers - 1)
    adding = n_parts * (network.latency + n_bytes / n_workers / network.bandwidth)
    return computing + updating + adding


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
