"""The processes that train one network together, and the sums that they make."""

import time
from typing import Any

import numpy as np

from skmlp._program.collective import add_up
from skmlp._tensorflow import collectives

SECONDS_TO_MEET = 60.0
"""How long the first sum waits for processes that have not come."""

_LONG_KEY = 2  # 1 is the gradient's

_FIRST_KEY = 3


class Group:
    """The processes that train together. With one of them, nothing is sent.

    Parameters
    ----------
    tf : module
        TensorFlow.
    addresses : list of str
        Host and port of each process.
    rank : int
        Which of them this one is; the first decides.
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
        """Wait until all processes are there; what TensorFlow raises if one does not come."""
        if self.size == 1:
            return
        deadline = time.monotonic() + seconds
        tf = self._tf
        while True:
            try:
                # Without a device: TensorFlow remembers its full name from before the cluster.
                add_up(tf, self.size, tf.zeros([1]), _FIRST_KEY, timeout=seconds)
            except tf.errors.UnavailableError:  # the leader does not listen yet
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    def add(self, values: list[float] | np.ndarray) -> np.ndarray:
        """Return the sums over all processes of some numbers, the same bits on each of them."""
        vector = np.asarray(values, np.float64)
        if self.size == 1:
            return vector
        return self._sum_of(len(vector))(self._tf.constant(vector)).numpy()

    def agree(self, values: list[float]) -> list[float]:
        """Return the numbers of the process that leads."""
        own = np.array(values, np.float64)
        return self.add(own if self.leads else np.zeros_like(own)).tolist()

    def gather(self, value: float) -> list[float]:
        """Return the number of each process, by its rank."""
        row = np.zeros(self.size)
        row[self.rank] = value
        return self.add(row).tolist()

    def add_tensor(self, vector: Any) -> Any:
        """Return the sum over all processes of a long vector of any type."""
        if self.size == 1:
            return vector
        return add_up(self._tf, self.size, vector, _LONG_KEY)

    def _sum_of(self, length: int) -> Any:
        """Return the function that adds up vectors of a length."""
        if length not in self._sums:
            tf = self._tf

            def add(vector: Any) -> Any:
                return add_up(tf, self.size, vector, _FIRST_KEY + length)

            signature = [tf.TensorSpec((length,), tf.float64)]
            self._sums[length] = tf.function(add, input_signature=signature, autograph=False)
        return self._sums[length]
