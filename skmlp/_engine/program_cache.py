"""Compiled programs and their cache."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from skmlp._engine.memory import trim_memory
from skmlp._program import epochs, members, objective, values
from skmlp._program.spec import ProgramSpec
from skmlp._tensorflow import cache_directory as _cache_directory
from skmlp._tensorflow import loading as _tensorflow
from skmlp._tensorflow.named_functions import define, name_functions

MAX_PROGRAMS = 256
"""Number of programs kept; the least recently used goes first.

As many are compiled in a process. TensorFlow never unloads one, so that to compile another instead
would take more memory without end.
"""

MAPPINGS_LEFT = 8000
"""Memory mappings to leave to the process, of those that Linux allows."""

_CAPACITIES = (
    "validation_rows",
    "batch_entries",
    "block_entries",
    "validation_entries",
    "validation_batch_entries",
)
"""What a program may have more of than is wanted."""


_Way = tuple[Callable[..., Any], Callable[[], Any]]


def _nothing() -> None:
    """Do nothing."""


class Program:
    """A program, which TensorFlow compiles by XLA, or reads from a file, at the first call.

    Parameters
    ----------
    tf : module
        TensorFlow.
    ways : iterator of callables
        Return functions that do the same, each with what is to be called after its first call. The
        first that does not fail is used.
    """

    def __init__(self, tf: Any, ways: Iterator[Callable[[], "_Way"]]):
        self._tf = tf
        self._ways = ways
        self._function, self._afterwards = next(ways)()
        self._lock = threading.Lock()
        self.was_called = False

    def __call__(self, *args: Any) -> Any:
        """Run it. After the first call most of what the compiler took is given back."""
        if self.was_called:
            return self._function(*args)
        with self._lock:
            if self.was_called:  # by another thread
                return self._function(*args)
            result = self._call_first(*args)
            self._afterwards()
            self.was_called = True
        trim_memory()
        return result

    def _call_first(self, *args: Any) -> Any:
        try:
            with _tensorflow.without_reading_errors():
                return self._function(*args)
        except self._tf.errors.OpError:
            way = next(self._ways, None)
            if way is None:
                raise
            self._function, self._afterwards = way()
        return self._call_first(*args)


class ProgramCache:
    """Compiled programs by what is static in them, bounded, and safe to use from threads.

    A program serves every fit whose samples fit into its capacity without wasting much of it, so
    that the folds of a cross-validation share one. Which one serves changes no result: rows
    beyond the samples count for nothing. (The rows of a batch do, by the order of a sum; they
    follow from the fit alone.)
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
            return self._add(tf, _with_spare_capacity(wanted))

    def _add(self, tf: Any, spec: ProgramSpec) -> tuple[ProgramSpec, Any]:
        self._programs[spec] = _trace(tf, spec)
        while len(self._programs) > self._max_programs:
            self._programs.popitem(last=False)
        return spec, self._programs[spec]


PROGRAMS = ProgramCache(MAX_PROGRAMS)


class _Compiled:
    """How many programs this process has compiled."""

    count = 0


def _can_compile() -> bool:
    """Tell whether the process has memory mappings left for another compiled program.

    TensorFlow never unloads a compiled program, each of which takes a few hundred of the 65,530
    mappings that Linux gives a process by default; past them it crashes. What can't be compiled
    runs as a graph, with the same numbers up to rounding, but slower.
    """
    if _Compiled.count >= MAX_PROGRAMS:
        return False
    try:
        limit = int(Path("/proc/sys/vm/max_map_count").read_text())
        with Path("/proc/self/maps").open("rb") as maps:
            n_left = limit - sum(1 for _ in maps)
    except (OSError, ValueError):  # not Linux
        return True
    return n_left > MAPPINGS_LEFT


def _trace(tf: Any, spec: ProgramSpec) -> Program:
    """Return the program, as the first of some functions that works."""
    if not _can_compile():
        return Program(tf, iter([partial(_anew, tf, spec, False)]))
    _Compiled.count += 1
    ways = [partial(_find, tf, spec), partial(_start_over, tf, spec)]
    if not _tensorflow.is_known(tf):
        ways = [partial(_anew, tf, spec, True)]
    # If what is compiled can't be kept, on a full disk, TensorFlow does not compile.
    return Program(tf, iter([*ways, partial(_anew, tf, spec, False)]))


def _trace_anew(tf: Any, spec: ProgramSpec, compiles: bool) -> Any:
    """Build the program as a function of TensorFlow's."""
    with tf.device("CPU:0"):
        program, signature, _ = _build(tf, spec)
        function = tf.function(
            program, input_signature=signature, jit_compile=compiles, autograph=False
        )
        return function.get_concrete_function()


def _anew(tf: Any, spec: ProgramSpec, compiles: bool) -> _Way:
    """Build the program as a function of TensorFlow's, which is not kept."""
    return _trace_anew(tf, spec, compiles), _nothing


def _find(tf: Any, spec: ProgramSpec) -> _Way:
    """Read the program from where it is kept, or build it, to be kept once it is compiled."""
    name, directory, internals = _name(spec), _tensorflow.kept_programs(), _tensorflow.internals()
    kept = None if directory is None else _cache_directory.find(directory, name)
    functions = kept or name_functions(internals, _trace_anew(tf, spec, True), name)
    function = define(internals, functions, structure=_build(tf, spec)[2])
    if kept is not None or directory is None:
        return function, _nothing
    return function, partial(_cache_directory.keep, directory, name, functions)


def _start_over(tf: Any, spec: ProgramSpec) -> _Way:
    """Build the program without what is kept of it, which can't be used."""
    directory = _tensorflow.kept_programs()
    if directory is not None:
        _cache_directory.forget(directory, _name(spec))
    return _anew(tf, spec, True)


def _name(spec: ProgramSpec) -> str:
    return "skmlp_" + hashlib.sha256(repr(spec).encode()).hexdigest()[:32]


def _build(tf: Any, spec: ProgramSpec) -> tuple[Any, tuple[Any, ...], Any]:
    """Return what is to be a program, the types of its arguments, and those of its results."""
    if isinstance(spec, members.MembersSpec):
        return _members(tf, spec)
    return _objective(tf, spec) if spec.solver == "lbfgs" else _training(tf, spec)


def _training(tf: Any, spec: ProgramSpec) -> tuple[Any, tuple[Any, ...], Any]:
    """Return the function that trains by epochs; see `_build`."""
    state = values.state_signature(tf, spec)
    count, curves = tf.TensorSpec((), tf.int32), tf.TensorSpec((None, None), tf.float64)

    def program(data: Any, tables: Any, state: Any) -> Any:
        return epochs.run_epochs(tf, spec, data, tables, state)

    return program, (*values.call_signature(tf, spec), state), (count, curves, state)


def _members(tf: Any, spec: Any) -> Any:
    """Return the function that trains several networks; see `_build`."""
    data, tables, state = members.members_signature(tf, spec)
    losses = tf.TensorSpec((None,), tf.float32)
    held_out = tf.TensorSpec((None, None, None), tf.float32)

    def program(data: Any, tables: Any, state: Any) -> Any:
        return members.run_members(tf, spec, data, tables, state)

    return program, (data, tables, state), (losses, held_out, state)


def _objective(tf: Any, spec: ProgramSpec) -> tuple[Any, tuple[Any, ...], Any]:
    """Return the function that evaluates the objective; see `_build`."""
    vector, sums = values.sums_signature(tf, spec)

    def program(data: Any, tables: Any, vector: Any, sums: Any) -> Any:
        return objective.add_batches(tf, spec, data, tables, vector, sums)

    return program, (*values.call_signature(tf, spec), vector, sums), sums


def _serves(spec: ProgramSpec, wanted: ProgramSpec) -> bool:
    """Tell whether a program has the capacity for what is wanted, and not far too much."""
    if type(spec) is not type(wanted):
        return False
    if isinstance(spec, members.MembersSpec):
        caps = {n: getattr(wanted, n) for n in spec.capacities}
        return replace(spec, **caps) == wanted and all(_is_within(c, getattr(spec, n)) for n, c in caps.items())
    if spec.architecture != wanted.architecture:  # of many programs most differ in it
        return False
    capacities: dict[str, Any] = {name: getattr(wanted, name) for name in _CAPACITIES}
    return replace(spec, **capacities) == wanted and all(
        _is_within(capacity, getattr(spec, name)) for name, capacity in capacities.items()
    )


def _is_within(wanted: int, capacity: int) -> bool:
    return wanted <= capacity <= max(2 * wanted, wanted + 64) and (wanted > 0) == (capacity > 0)


def _with_spare_capacity(wanted: ProgramSpec) -> ProgramSpec:
    """Round capacities up, so that fits of similar size find room in the same program."""
    if isinstance(wanted, members.MembersSpec):
        return replace(wanted, **{n: _round_up(getattr(wanted, n)) for n in wanted.capacities})
    spare: dict[str, Any] = {
        name: _round_up(n) if (n := getattr(wanted, name)) else 0 for name in _CAPACITIES
    }
    rows = wanted.validation_rows
    if rows == wanted.validation_batch_rows:
        spare["validation_rows"] = rows
    else:
        spare["validation_rows"] = -(-spare["validation_rows"] // 1024) * 1024
    return replace(wanted, **spare)


def _round_up(n_rows: int) -> int:
    """Add a share of room that falls from 1/8 for few rows to 1/32 for many, in round figures."""
    spare = n_rows // (8 if n_rows < 4096 else 32)
    step = max(8, 2 ** (max(n_rows, 1).bit_length() - 6))
    return -(-(n_rows + spare) // step) * step


def round_up_batch(n_rows: int) -> int:
    """Round the rows of a full batch: to a power of 2, or beyond 128 to an eighth of one."""
    if n_rows == 0:
        return 0
    power = 2 ** max(3, (n_rows - 1).bit_length())
    step = power if n_rows <= 128 else power // 8
    return -(-n_rows // step) * step
