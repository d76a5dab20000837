"""The processes that train one network together, and the sums that they make."""

import time
from typing import Any

import numpy as np

from skmlp._program.collective import add_up
from skmlp._tensorflow import collectives

SECONDS_TO_MEET = 60.0
"""Seconds that the first sum waits for the other processes to start."""

_LONG_KEY = 2
"""The key of the sum of a long vector. Key 1 belongs to the sum of the gradients."""

_FIRST_KEY = 3
"""The key of the first sum. The sum of ``n`` numbers has the key ``_FIRST_KEY + n``."""


class Group:
    """The processes that train one network together. A group of one process sends nothing.

    Parameters
    ----------
    tf : module
        TensorFlow.
    addresses : list of str
        Host and port of each process.
    rank : int
        Index of this process in `addresses`. The process of rank 0 leads.
    """

    def __init__(self, tf: Any, addresses: list[str], rank: int):
        self._tf = tf
        self.size = len(addresses)
        self.rank = rank
        self._sums: dict[int, Any] = {}
        if self.size > 1:
            collectives.form_cluster(tf, addresses, rank)

    @property
    def leads(self) -> bool:
        """Whether this process decides for all."""
        return self.rank == 0

    def meet(self, seconds: float = SECONDS_TO_MEET) -> None:
        """Wait until all processes have started; raise TensorFlow's error if one does not."""
        if self.size == 1:
            return
        deadline = time.monotonic() + seconds
        tf = self._tf
        while True:
            try:
                # No device is named here: the full name that TensorFlow remembers for a device is
                # from before the cluster was formed.
                add_up(tf, self.size, tf.zeros([1]), _FIRST_KEY, timeout=seconds)
            except tf.errors.UnavailableError:  # the leader's server does not listen yet
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    def add(self, values: list[float] | np.ndarray) -> np.ndarray:
        """Return the sum of each number over all processes. All processes get the same bits."""
        vector = np.asarray(values, np.float64)
        if self.size == 1:
            return vector
        return self._sum_of(len(vector))(self._tf.constant(vector)).numpy()

    def agree(self, values: list[float]) -> list[float]:
        """Return the numbers that the leading process passes; the other numbers are ignored."""
        own = np.array(values, np.float64)
        return self.add(own if self.leads else np.zeros_like(own)).tolist()

    def gather(self, value: float) -> list[float]:
        """Return the numbers that all processes pass, in the order of the ranks."""
        row = np.zeros(self.size)
        row[self.rank] = value
        return self.add(row).tolist()

    def add_tensor(self, vector: Any) -> Any:
        """Return the sum over all processes of a vector, which may be long and of any type."""
        if self.size == 1:
            return vector
        return add_up(self._tf, self.size, vector, _LONG_KEY)

    def _sum_of(self, length: int) -> Any:
        """Return the function that adds up vectors of `length` numbers."""
        if length not in self._sums:
            tf = self._tf

            def add(vector: Any) -> Any:
                return add_up(tf, self.size, vector, _FIRST_KEY + length)

            signature = [tf.TensorSpec((length,), tf.float64)]
            self._sums[length] = tf.function(add, input_signature=signature, autograph=False)
        return self._sums[length]
