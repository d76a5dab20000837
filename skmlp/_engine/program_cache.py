"""The cache of compiled programs, which finds a program that serves a fit."""

import threading
from collections import OrderedDict
from dataclasses import replace
from typing import Any, TypeVar, cast

from skmlp._engine.compiling import MAX_COMPILED, Program, Spec, make_program

AnySpec = TypeVar("AnySpec", bound=Spec)

MAX_PROGRAMS = MAX_COMPILED
"""Number of programs that the cache holds. The least recently used program is dropped first."""


class ProgramCache:
    """Compiled programs by their specifications. Bounded, and safe to use from threads.

    A program serves every fit whose samples fit into its capacity without wasting much of it. The
    folds of a cross-validation therefore share a program. The choice of the program changes no
    result: rows beyond the samples count for nothing. (The number of rows of a batch changes
    results, because it changes the order of sums, but it follows from the fit alone.)
    """

    def __init__(self, max_programs: int):
        self._max_programs = max_programs
        self._programs: OrderedDict[Spec, Program] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._programs)

    def get(self, tf: Any, wanted: AnySpec) -> tuple[AnySpec, Program]:
        """Return the specification of a program that serves the wanted one, and the program."""
        with self._lock:
            spec = wanted if wanted in self._programs else self._find(wanted)
            if spec is None:
                return self._add(tf, _with_spare_capacity(wanted))
            self._programs.move_to_end(spec)
            return cast(AnySpec, spec), self._programs[spec]

    def _find(self, wanted: Spec) -> Spec | None:
        return next((spec for spec in self._programs if _serves(spec, wanted)), None)

    def _add(self, tf: Any, spec: AnySpec) -> tuple[AnySpec, Program]:
        self._programs[spec] = make_program(tf, spec)
        while len(self._programs) > self._max_programs:
            self._programs.popitem(last=False)
        return spec, self._programs[spec]


PROGRAMS = ProgramCache(MAX_PROGRAMS)


def _serves(spec: Any, wanted: Any) -> bool:
    """Tell whether a program has the wanted capacities, and no far larger capacities.

    The number of epochs of a call may be larger by any factor. A sparse program whose capacities
    are twice the wanted ones, the most that is allowed, took 277 ms instead of 214 for two epochs
    on Zen 5 (``python -m benchmarks.sweeps``). A new program takes 400 to 900 ms to compile.
    """
    if type(spec) is not type(wanted) or spec.layer_units != wanted.layer_units:
        return False  # a quick test, because most programs differ in their layers
    capacities: dict[str, Any] = {name: getattr(wanted, name) for name in wanted.capacities}
    n_epochs = getattr(wanted, "epochs", 1)
    if getattr(spec, "epochs", 1) > n_epochs:
        spec = replace(spec, epochs=n_epochs)
    return replace(spec, **capacities) == wanted and all(
        _is_within(capacity, getattr(spec, name)) for name, capacity in capacities.items()
    )


def _is_within(wanted: int, capacity: int) -> bool:
    return wanted <= capacity <= max(2 * wanted, wanted + 64) and (wanted > 0) == (capacity > 0)


def _with_spare_capacity(wanted: AnySpec) -> AnySpec:
    """Round capacities up, so that fits of similar size find room in the same program."""
    spare: dict[str, Any] = {
        name: _round_up(n) if (n := getattr(wanted, name)) else 0 for name in wanted.capacities
    }
    batch_rows = getattr(wanted, "validation_batch_rows", None)
    if batch_rows is not None:  # the validation set is scored batch by batch
        is_single = wanted.validation_rows == batch_rows
        rows = -(-spare["validation_rows"] // 1024) * 1024
        spare["validation_rows"] = batch_rows if is_single else rows
    return replace(wanted, **spare)


def _round_up(n_rows: int) -> int:
    """Add spare rows, 1/8 below 4096 rows and 1/32 from there on, and round up.

    Two epochs of a sparse fit took 223 ms on Zen 5, and 214 ms without spare entries. Spare rows of
    a validation set take memory, but no time.
    """
    spare = n_rows // (8 if n_rows < 4096 else 32)
    step = max(8, 2 ** (max(n_rows, 1).bit_length() - 6))
    return -(-(n_rows + spare) // step) * step


def round_up_batch(n_rows: int) -> int:
    """Round the rows of a full batch up: to a power of 2; beyond 128 to eighths of a power of 2.

    On Zen 5, a full batch of 130, 270 and 520 rows of 30 features took 52, 92 and 215 us, 48, 84
    and 177 us with multiples of 8, and 74, 153 and 307 us with powers of 2. A fit of 200 epochs
    therefore loses up to 8 ms, and a program that it shares with fits of other sizes saves 400.
    """
    if n_rows == 0:
        return 0
    power = 2 ** max(3, (n_rows - 1).bit_length())
    step = power if n_rows <= 128 else power // 8
    return -(-n_rows // step) * step
