"""The training engine: compiled programs, their cache, and a fit's data and state on the device."""

import threading
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from skmlp import _program, _tensorflow
from skmlp._history import Progress, Report
from skmlp._network import Architecture, Parameters
from skmlp._program import Counts, Curves, Data, Hyper, ProgramSpec, State
from skmlp._samples import Samples

MAX_PROGRAMS = 32
"""Number of compiled programs kept; the least recently used goes first."""

MAPPINGS_LEFT = 8000
"""Memory mappings to leave to the process, of those that Linux allows."""

MAX_EPOCHS_A_CALL = 256
_ORDERS_A_CALL = 2**19  # entries of the table of orders, 2 MB
_MAX_VALIDATION_BATCH = 1024
_ALIGNMENT = 64  # bytes; what TensorFlow needs to use memory of NumPy's without a copy


class Session:
    """The data and the state of one fit on the device.

    Parameters
    ----------
    architecture : Architecture
        Sizes and activations of the network.
    batch_size : int
        Samples of a batch, at most the number of training samples.
    samples : Samples
        What is trained and scored on. Its first block gives the dtype of everything.
    hyper : Hyper
        Hyper-parameters, as floats.
    watch_validation : bool
        Whether training stops by the validation score instead of by the loss.
    parameters : Parameters
        Where training starts.
    progress : Progress
        Where the stopping rule starts.
    """

    def __init__(
        self,
        architecture: Architecture,
        batch_size: int,
        samples: Samples,
        hyper: Hyper,
        watch_validation: bool,
        parameters: Parameters,
        progress: Progress,
    ):
        self._tf = _tensorflow.load()
        n_train, n_validation = len(samples.train_rows), len(samples.validation_rows)
        wanted = ProgramSpec(
            architecture=architecture,
            dtype=samples.X[0].dtype.name,
            batch_rows=batch_size if batch_size < n_train else _round_up_batch(batch_size),
            validation_batch_rows=min(_round_up_batch(n_validation), _MAX_VALIDATION_BATCH),
            data_rows=samples.n_rows,
            validation_rows=n_validation,
            epochs=0,
        )
        self._spec, self._program = PROGRAMS.get(self._tf, wanted)
        self._counts = Counts(n_train, batch_size, n_validation, 0, 0, 0, int(watch_validation))
        self._hyper = self._tensor(np.array(hyper, np.float64))
        self._orders = np.full(
            (self._spec.epochs, self._spec.order_stride), samples.train_rows[0], np.int32
        )
        self._data = self._upload(samples)
        self._state = self._start(parameters, progress)

    @property
    def max_epochs(self) -> int:
        """The most epochs that one call can run."""
        return self._spec.epochs

    def run(self, orders: list[np.ndarray], first_batch: int, last_batch: int) -> Report:
        """Run one epoch for each order; of the first epoch only from ``first_batch`` on.

        An epoch whose last batch is not reached goes on in the next call.

        Parameters
        ----------
        orders : list of ndarray of shape (n_train,)
            The training rows in the order in which each epoch takes them.
        first_batch, last_batch : int
            The batches to run; ``last_batch`` itself is not.
        """
        for number, order in enumerate(orders):
            self._orders[number, : len(order)] = order
        counts = self._counts._replace(
            n_epochs=len(orders), first_batch=first_batch, last_batch=last_batch
        )
        done, self._state, curves = self._program(
            self._data,
            self._tensor(self._orders.ravel()),
            self._hyper,
            self._tensor(np.array(counts, np.int32)),
            self._state,
        )
        return self._report(int(done), curves)

    def parameters(self) -> Parameters:
        """Return a copy of the weights and biases."""
        return self._split(self._state.params)

    def best_parameters(self) -> Parameters:
        """Return a copy of the weights and biases that had the best validation score."""
        return self._split(self._state.best_params)

    def progress(self) -> Progress:
        """Return where the stopping rule stands."""
        return Progress(
            float(self._state.best_loss),
            float(self._state.best_score),
            int(self._state.no_improvement_count),
        )

    def _report(self, n_done: int, curves: Curves) -> Report:
        loss, validation_loss, score = (curve.numpy()[:n_done].tolist() for curve in curves)
        if not self._counts.n_validation:
            validation_loss, score = [], []
        return Report(loss, validation_loss, score, bool(self._state.stopped))

    def _split(self, params: list[Any]) -> Parameters:
        arrays = [np.array(param) for param in params]
        n_layers = len(arrays) // 2
        return Parameters(arrays[:n_layers], arrays[n_layers:])

    def _tensor(self, array: np.ndarray) -> Any:
        with self._tf.device("CPU:0"):
            return self._tf.convert_to_tensor(array)

    def _upload(self, samples: Samples) -> Data:
        """Pad the samples to the capacity of the program, in memory that TensorFlow can use."""
        rows, dtype = self._spec.data_rows, samples.X[0].dtype
        order = np.zeros(self._spec.validation_rows, np.int32)
        order[: len(samples.validation_rows)] = samples.validation_rows
        return Data(
            self._share(_pad(samples.X, rows, dtype)),
            self._share(_pad(samples.targets, rows, np.dtype(np.uint8))),
            self._share(_pad(samples.sample_weight, rows, dtype)),
            self._tensor(order),
        )

    def _share(self, array: np.ndarray) -> Any:
        """Return a tensor on the memory of an aligned array."""
        return self._tf.experimental.dlpack.from_dlpack(array.__dlpack__())

    def _start(self, parameters: Parameters, progress: Progress) -> State:
        arrays = parameters.coefs + parameters.intercepts
        params = [self._tensor(array) for array in arrays]
        moments = [self._tensor(np.zeros_like(array)) for array in arrays]
        zero = self._tensor(np.array(0.0))
        return State(
            params=params,
            first_moments=moments,
            second_moments=moments,
            step=self._tensor(np.array(0, np.int64)),
            loss_sum=zero,
            penalty_sums=moments[: len(parameters.coefs)],
            row_sum=zero,
            best_params=params if self._counts.n_validation else [],
            best_loss=self._tensor(np.array(progress.best_loss)),
            best_score=self._tensor(np.array(progress.best_score)),
            no_improvement_count=self._tensor(np.array(progress.no_improvement_count, np.int32)),
            stopped=self._tensor(np.array(False)),
        )


class ProgramCache:
    """Compiled programs by what is static in them, bounded, and safe to use from threads.

    A program serves every fit whose samples fit into its capacity without wasting much of it, so
    that the folds of a cross-validation share one. Which one serves changes no result: rows
    beyond the samples are never read. (The rows of a batch do, by the order of a sum; they follow
    from the fit alone.)
    """

    def __init__(self, max_programs: int):
        self._max_programs = max_programs
        self._programs: OrderedDict[ProgramSpec, Any] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._programs)

    def get(self, tf: Any, wanted: ProgramSpec) -> tuple[ProgramSpec, Any]:
        """Return a program that serves what is wanted, and its true capacity."""
        with self._lock:
            for spec in self._programs:
                if _serves(spec, wanted):
                    self._programs.move_to_end(spec)
                    return spec, self._programs[spec]
            spec = _with_spare_capacity(wanted)
            self._programs[spec] = _trace(tf, spec)
            while len(self._programs) > self._max_programs:
                self._programs.popitem(last=False)
            return spec, self._programs[spec]


PROGRAMS = ProgramCache(MAX_PROGRAMS)


def _can_compile() -> bool:
    """Tell whether the process has memory mappings left for another compiled program.

    TensorFlow never unloads a compiled program, each of which takes a few hundred of the 65,530
    mappings that Linux gives a process by default; past them it crashes. What can't be compiled
    runs as a graph, with the same numbers up to rounding, but slower.
    """
    try:
        limit = int(Path("/proc/sys/vm/max_map_count").read_text())
        with Path("/proc/self/maps").open("rb") as maps:
            n_left = limit - sum(1 for _ in maps)
    except (OSError, ValueError):  # not Linux
        return True
    return n_left > MAPPINGS_LEFT


def _trace(tf: Any, spec: ProgramSpec) -> Any:
    """Build the program as a function, which TensorFlow compiles by XLA at its first call."""

    def program(data: Data, orders: Any, hyper: Any, counts: Any, state: State) -> Any:
        return _program.run_epochs(
            tf, spec, data, orders, Hyper(*tf.unstack(hyper)), Counts(*tf.unstack(counts)), state
        )

    with tf.device("CPU:0"):
        function = tf.function(
            program,
            input_signature=_program.signature(tf, spec),
            jit_compile=_can_compile(),
            autograph=False,
        )
        return function.get_concrete_function()


def _serves(spec: ProgramSpec, wanted: ProgramSpec) -> bool:
    """Tell whether a program has the capacity for what is wanted, and not far too much."""
    same = replace(
        spec, data_rows=wanted.data_rows, validation_rows=wanted.validation_rows, epochs=0
    )
    return (
        same == wanted
        and _is_within(wanted.data_rows, spec.data_rows)
        and _is_within(wanted.validation_rows, spec.validation_rows)
    )


def _is_within(wanted: int, capacity: int) -> bool:
    return wanted <= capacity <= max(2 * wanted, wanted + 64) and (wanted > 0) == (capacity > 0)


def _with_spare_capacity(wanted: ProgramSpec) -> ProgramSpec:
    """Round capacities up, so that fits of similar size find room in the same program."""
    data_rows = _round_up_rows(wanted.data_rows)
    stride = replace(wanted, data_rows=data_rows).order_stride
    return replace(
        wanted,
        data_rows=data_rows,
        validation_rows=_round_up_rows(wanted.validation_rows) if wanted.validation_rows else 0,
        epochs=int(np.clip(_ORDERS_A_CALL // stride, 1, MAX_EPOCHS_A_CALL)),
    )


def _round_up_rows(n_rows: int) -> int:
    """Add a share of room that falls from 1/8 for few rows to 1/32 for many, in round figures."""
    spare = n_rows // (8 if n_rows < 4096 else 32)
    step = max(8, 2 ** (max(n_rows, 1).bit_length() - 6))
    return -(-(n_rows + spare) // step) * step


def _round_up_batch(n_rows: int) -> int:
    """Round the rows of a full batch: to a power of 2, or beyond 128 to an eighth of one."""
    if n_rows == 0:
        return 0
    power = 2 ** max(3, (n_rows - 1).bit_length())
    step = power if n_rows <= 128 else power // 8
    return -(-n_rows // step) * step


def _pad(blocks: list[np.ndarray], n_rows: int, dtype: np.dtype) -> np.ndarray:
    """Stack blocks of rows in aligned memory; the rows that are left are zero."""
    shape = (n_rows, *blocks[0].shape[1:])
    n_bytes = int(np.prod(shape)) * dtype.itemsize
    memory = np.empty(n_bytes + _ALIGNMENT, np.uint8)
    offset = -memory.ctypes.data % _ALIGNMENT
    padded = memory[offset : offset + n_bytes].view(dtype).reshape(shape)
    start = 0
    for block in blocks:
        padded[start : start + len(block)] = block
        start += len(block)
    padded[start:] = 0
    return padded
