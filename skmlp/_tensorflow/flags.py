"""Sets flags of XLA, which a process reads once, before it first compiles.

XLA ends the process for an unknown flag, with one line on standard error. The flags are therefore
only set for releases with which they were tried.
"""

import logging
import os
from pathlib import Path
from typing import Any

from skmlp._tensorflow.releases import is_on, is_plain, why_off

_VARIABLE = "XLA_FLAGS"

_SMALL_PRODUCTS = "xla_cpu_multi_thread_eigen"

_FLAGS = {
    # Runs operations one after the other: handing a small operation to another thread takes longer
    # than running it. Others lose time by threads too: https://github.com/jax-ml/jax/issues/26145.
    "xla_cpu_enable_concurrency_optimized_scheduler": "false",
    # Has XLA's own code multiply small matrices: Eigen is slow at them, see
    # https://github.com/jax-ml/jax/issues/33004. In these releases Eigen still multiplies larger
    # matrices, and keeps its threads.
    _SMALL_PRODUCTS: "false",
}
"""Our flags and their values. A flag that the user has set keeps the user's value."""

_VECTOR_WIDTH = "xla_cpu_prefer_vector_width"

_WIDE_VECTORS = {_VECTOR_WIDTH: "512"}
"""The flags for a processor that does not slow down for vectors of 512 bits."""

_LOGGER = logging.getLogger("skmlp")


class _State:
    """Whether XLA has read our flags in this process."""

    cuts_products = False
    has_wide_vectors = False
    why_not: str | None = None


def cuts_products() -> bool:
    """Tell whether to cut products into pieces that XLA's own code multiplies.

    Pieces are only faster if our flags are in force; Eigen is slower with pieces.
    """
    return _State.cuts_products


def has_wide_vectors() -> bool:
    """Tell whether the code of XLA that multiplies pieces computes with vectors of 512 bits."""
    return _State.has_wide_vectors


def why_not() -> str | None:
    """Return why products are not cut, or None if they are, or will be by the first fit."""
    return _State.why_not or why_off("xla_flags") or _why_user_decides()


def all_flags() -> str:
    """Return all flags with which XLA compiles our programs: our flags, then the user's."""
    given = os.environ.get(_VARIABLE, "")
    if not is_on("xla_flags"):
        return given
    flags = _FLAGS | (_WIDE_VECTORS if _is_wide_processor() else {})
    ours = [f"--{name}={value}" for name, value in flags.items() if name not in given]
    return " ".join([*ours, given])


def apply_flags(tensorflow: Any, tensor: Any, may_fail: bool) -> None:
    """Make XLA read the flags, by compiling a first function.

    Parameters
    ----------
    tensorflow : module
        TensorFlow.
    tensor : tensor
        Any tensor on the device.
    may_fail : bool
        Whether TensorFlow keeps programs. If it can't write a program, compiling fails, but only
        after XLA has read the flags.
    """
    if not is_on("xla_flags"):
        _tell_of_untried_release()
        return
    given = os.environ.get(_VARIABLE)
    _State.why_not = _why_user_decides()
    _State.cuts_products = _State.why_not is None
    decides_width = _VECTOR_WIDTH in (given or "")
    _State.has_wide_vectors = _State.cuts_products and not decides_width and _is_wide_processor()
    try:
        os.environ[_VARIABLE] = all_flags()
        with tensorflow.device("CPU:0"):
            function = tensorflow.function(lambda x: -x, jit_compile=True, autograph=False)
            # Compiles also if the user has called `run_functions_eagerly`.
            function.get_concrete_function(tensor)(tensor)
    except tensorflow.errors.OpError:
        if not may_fail:
            raise
    finally:
        os.environ.pop(_VARIABLE, None)
        if given is not None:
            os.environ[_VARIABLE] = given


def note_too_late() -> None:
    """Note that TensorFlow has run before the first fit, and tell the user, who can change it.

    The message goes to the logger "skmlp", as it is only about speed: as a Python warning it would
    stop a fit that is right for users who turn warnings into errors.
    """
    _State.why_not = "TensorFlow had run before the first fit: XLA may have read its flags"
    if is_on("xla_flags") and _why_user_decides() is None:
        _LOGGER.warning(
            "TensorFlow had run before the first fit of skmlp: too late to set TensorFlow's flags "
            "and to keep compiled programs, so that small networks take up to 1.5 times as long. "
            "Let skmlp fit first, or see skmlp.show_versions()."
        )


def _tell_of_untried_release() -> None:
    """Say that a release was not tried, at level INFO, as the user can't change it."""
    if not is_plain():
        _LOGGER.info("%s: small networks take up to 1.5 times as long.", why_off("xla_flags"))


def _why_user_decides() -> str | None:
    is_set = _SMALL_PRODUCTS in os.environ.get(_VARIABLE, "")
    return f"{_VARIABLE} has {_SMALL_PRODUCTS}" if is_set else None


def _is_wide_processor() -> bool:
    """Tell whether vectors of 512 bits are fast (Ice Lake, Zen 4 and later); False if unknown."""
    try:
        return "avx512_vbmi2" in Path("/proc/cpuinfo").read_text()
    except OSError:  # not Linux
        return False
