"""Makes a program: compiled by XLA, read from the files of an earlier process, or uncompiled."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from skmlp._engine.memory import trim_memory
from skmlp._program import epochs, members, objective, values
from skmlp._program.members import MembersSpec
from skmlp._program.spec import ProgramSpec
from skmlp._tensorflow import kept_programs, switches

Spec = ProgramSpec | MembersSpec

MAX_COMPILED = 256
"""Maximum number of programs that a process compiles.

TensorFlow never unloads a compiled program, see
https://github.com/tensorflow/tensorflow/issues/64170. Without a limit, memory would grow for ever.
"""

MAPPINGS_LEFT = 8000
"""Memory mappings that stay free for the process. Linux limits their number.

The rest of the process needs them: its threads, its libraries, and programs that the user compiles.
Ours took 93 to 164 mappings each on Zen 5 (``python -m benchmarks.sweeps``).
"""


def do_nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Way:
    """One way to run a program.

    Parameters
    ----------
    function : callable
        The program as a function. The first call compiles the program, or reads it from disk.
    after_first_call : callable
        Called once, after the first call of the function.
    """

    function: Callable[..., Any]
    after_first_call: Callable[[], Any] = do_nothing


class Program:
    """A program. The first call compiles it, or reads it from disk.

    Parameters
    ----------
    tf : module
        TensorFlow.
    ways : iterator of callables
        Each returns a `Way` to run the same program. The first way that does not fail is used.
    """

    def __init__(self, tf: Any, ways: Iterator[Callable[[], Way]]):
        self._tf = tf
        self._ways = ways
        self._way = next(ways)()
        self._lock = threading.Lock()
        self.was_called = False

    def __call__(self, *args: Any) -> Any:
        """Run the program on the CPU. The first call returns most of the compiler's memory."""
        # Otherwise TensorFlow runs it on the first GPU that it sees, and takes all of its memory.
        with self._tf.device("CPU:0"):
            if self.was_called:
                return self._way.function(*args)
            with self._lock:
                if self.was_called:  # by another thread
                    return self._way.function(*args)
                result = self._call_first(*args)
                self._way.after_first_call()
                self.was_called = True
        trim_memory()
        return result

    def _call_first(self, *args: Any) -> Any:
        """Call the first way that does not fail."""
        try:
            with kept_programs.without_log_lines():
                return self._way.function(*args)
        except self._tf.errors.OpError:
            make_way = next(self._ways, None)
            if make_way is None:
                raise
            self._way = make_way()
        return self._call_first(*args)


class _Compiled:
    """Counts the programs that this process has compiled."""

    count = 0


def make_program(tf: Any, spec: Spec) -> Program:
    """Return a new program for a specification. The first call compiles it."""
    if not _can_compile():
        return Program(tf, iter([partial(_trace_only, tf, spec, False)]))
    _Compiled.count += 1
    ways = [partial(_read_or_name, tf, spec), partial(_replace_kept, tf, spec)]
    if not kept_programs.can_be_named():
        ways = [partial(_trace_only, tf, spec, True)]
    # If compiled code can't be kept, as on a full disk, TensorFlow does not compile the program.
    return Program(tf, iter([*ways, partial(_trace_only, tf, spec, False)]))


def _can_compile() -> bool:
    """Tell whether the process has memory mappings left for another compiled program.

    TensorFlow never unloads a compiled program. Each program takes one to a few hundred of the
    65,530 mappings that Linux gives a process by default. A process that needs more mappings
    crashes. A program that can't be compiled runs as a graph: slower, with the same numbers up to
    rounding.
    """
    if _Compiled.count >= MAX_COMPILED:
        return False
    try:
        limit = int(Path("/proc/sys/vm/max_map_count").read_text())
        with Path("/proc/self/maps").open("rb") as maps:
            n_left = limit - sum(1 for _ in maps)
    except (OSError, ValueError):  # not Linux
        return True
    return n_left > MAPPINGS_LEFT


def _trace_only(tf: Any, spec: Spec, compiles: bool) -> Way:
    """Trace the program as a TensorFlow function. Its name differs from process to process."""
    return Way(_trace_program(tf, spec, compiles))


def _read_or_name(tf: Any, spec: Spec) -> Way:
    """Read the program from disk, or trace it under a permanent name and keep it on disk."""
    name = _program_name(spec)
    kept = kept_programs.find(name)
    functions = kept or kept_programs.rename_functions(_trace_program(tf, spec, True), name)
    function = kept_programs.define(functions, structure=_program_parts(tf, spec)[2])
    if kept is not None:
        return Way(function)
    return Way(function, partial(kept_programs.keep, name, functions))


def _replace_kept(tf: Any, spec: Spec) -> Way:
    """Remove the files of the program, which can't be used, and trace the program again."""
    kept_programs.forget(_program_name(spec))
    return _trace_only(tf, spec, True)


def _trace_program(tf: Any, spec: Spec, compiles: bool) -> Any:
    """Return the program as a concrete function of TensorFlow's."""
    with tf.device("CPU:0"), switches.tracing(tf):
        program, signature, _ = _program_parts(tf, spec)
        function = tf.function(
            program, input_signature=signature, jit_compile=compiles, autograph=False
        )
        return function.get_concrete_function()


def _program_name(spec: Spec) -> str:
    return "skmlp_" + hashlib.sha256(repr(spec).encode()).hexdigest()[:32]


def _program_parts(tf: Any, spec: Spec) -> tuple[Any, tuple[Any, ...], Any]:
    """Return the Python function of a program, and the types of its arguments and results."""
    if isinstance(spec, MembersSpec):
        return _members_program(tf, spec)
    return _objective_program(tf, spec) if spec.solver == "lbfgs" else _training_program(tf, spec)


def _training_program(tf: Any, spec: ProgramSpec) -> tuple[Any, tuple[Any, ...], Any]:
    """Return the parts of the program that trains by epochs; see `_program_parts`."""
    state = values.state_signature(tf, spec)
    count, curves = tf.TensorSpec((), tf.int32), tf.TensorSpec((None, None), tf.float64)

    def program(data: Any, tables: Any, state: Any) -> Any:
        return epochs.run_epochs(tf, spec, data, tables, state)

    return program, (*values.call_signature(tf, spec), state), (count, curves, state)


def _objective_program(tf: Any, spec: ProgramSpec) -> tuple[Any, tuple[Any, ...], Any]:
    """Return the parts of the program that evaluates the objective; see `_program_parts`."""
    vector, sums = values.sums_signature(tf, spec)

    def program(data: Any, tables: Any, vector: Any, sums: Any) -> Any:
        return objective.add_batches(tf, spec, data, tables, vector, sums)

    return program, (*values.call_signature(tf, spec), vector, sums), sums


def _members_program(tf: Any, spec: MembersSpec) -> tuple[Any, tuple[Any, ...], Any]:
    """Return the parts of the program that trains several networks; see `_program_parts`."""
    data, tables, state = members.members_signature(tf, spec)
    losses = tf.TensorSpec((None,), tf.float32)
    held_out = tf.TensorSpec((None, None, None), tf.float32)

    def program(data: Any, tables: Any, state: Any) -> Any:
        return members.run_members(tf, spec, data, tables, state)

    return program, (data, tables, state), (losses, held_out, state)
