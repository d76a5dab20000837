"""How a program is compiled: by XLA, or from the files of an earlier process, or not at all."""

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
"""Number of programs that a process compiles.

TensorFlow never unloads a compiled program, see
https://github.com/tensorflow/tensorflow/issues/64170, so that more would take memory without end.
"""

MAPPINGS_LEFT = 8000
"""Memory mappings to leave to the process, of those that Linux allows."""


def do_nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True)
class Way:
    """One way to run a program.

    Parameters
    ----------
    function : callable
        The program as a function; its first call compiles it, or reads it from disk.
    after_first_call : callable
        Called once, after the first call of the function.
    """

    function: Callable[..., Any]
    after_first_call: Callable[[], Any] = do_nothing


class Program:
    """A program, which is compiled, or read from disk, by its first call.

    Parameters
    ----------
    tf : module
        TensorFlow.
    ways : iterator of callables
        Each returns a `Way`; all of them do the same. The first that does not fail is used.
    """

    def __init__(self, tf: Any, ways: Iterator[Callable[[], Way]]):
        self._tf = tf
        self._ways = ways
        self._way = next(ways)()
        self._lock = threading.Lock()
        self.was_called = False

    def __call__(self, *args: Any) -> Any:
        """Run it on the CPU. After the first call most of the compiler's memory is given back."""
        # TensorFlow would run it on the first GPU that it sees, and take all of its memory.
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
    """How many programs this process has compiled."""

    count = 0


def make_program(tf: Any, spec: Spec) -> Program:
    """Return the program for a specification, which no call has compiled yet."""
    if not _can_compile():
        return Program(tf, iter([partial(_trace_only, tf, spec, False)]))
    _Compiled.count += 1
    ways = [partial(_read_or_name, tf, spec), partial(_replace_kept, tf, spec)]
    if not kept_programs.can_be_named():
        ways = [partial(_trace_only, tf, spec, True)]
    # If compiled code can't be kept, on a full disk, TensorFlow does not compile.
    return Program(tf, iter([*ways, partial(_trace_only, tf, spec, False)]))


def _can_compile() -> bool:
    """Tell whether the process has memory mappings left for another compiled program.

    TensorFlow never unloads a compiled program, each of which takes a few hundred of the 65,530
    mappings that Linux gives a process by default; past them it crashes. A program that can't be
    compiled runs as a graph, with the same numbers up to rounding, but slower.
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
    """Trace the program as a function of TensorFlow's, under a name that does not stay."""
    return Way(_trace_program(tf, spec, compiles))


def _read_or_name(tf: Any, spec: Spec) -> Way:
    """Read the program from disk, or trace it under a name that stays, and keep it afterwards."""
    name = _program_name(spec)
    kept = kept_programs.find(name)
    functions = kept or kept_programs.rename_functions(_trace_program(tf, spec, True), name)
    function = kept_programs.define(functions, structure=_program_parts(tf, spec)[2])
    if kept is not None:
        return Way(function)
    return Way(function, partial(kept_programs.keep, name, functions))


def _replace_kept(tf: Any, spec: Spec) -> Way:
    """Trace the program again, and remove its files, which can't be used."""
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
    """Return the Python function of a program, the types of its arguments, and of its results."""
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
