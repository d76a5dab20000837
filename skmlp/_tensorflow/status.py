"""Tells `skmlp.show_versions` which tricks are on, without importing TensorFlow."""

from collections.abc import Callable

from skmlp._tensorflow import flags, kept_programs, quiet, sharing
from skmlp._tensorflow.releases import TRICKS, why_off

_CHECKS: dict[str, Callable[[], str | None]] = {
    "quiet": quiet.why_not,
    "xla_flags": flags.why_not,
    "shared_memory": sharing.why_not,
}
"""The tricks that may be off for more reasons than the table of releases has."""


def describe_tricks() -> dict[str, str | None]:
    """Return for each trick "on" or why it is off, and for kept programs their directory.

    Before the first fit, the answer is what the first fit would do.
    """
    described: dict[str, str | None] = {name: _describe(name) for name in TRICKS}
    return described | {"kept_programs": kept_programs.describe()}


def _describe(name: str) -> str:
    check = _CHECKS.get(name)
    why_not = why_off(name) if check is None else check()
    return "on" if why_not is None else f"off: {why_not}"
