"""How XLA compiles: flags of ours, which it reads once in a process, before it first compiles.

XLA ends the process for a flag that it does not know, with one line on standard error. The flags
are therefore set for the releases alone that they were tried with.
"""

import logging
import os
from pathlib import Path
from typing import Any

from skmlp._tensorflow.releases import is_on, is_plain, why_off

_VARIABLE = "XLA_FLAGS"

_SMALL_PRODUCTS = "xla_cpu_multi_thread_eigen"

_FLAGS = {
    # Operations one after the other, as handing a small one to another thread takes longer than
    # to run it: https://github.com/jax-ml/jax/issues/26145 has others who lose by threads.
    "xla_cpu_enable_concurrency_optimized_scheduler": "false",
    # Small matrix products by code of XLA's own: Eigen is slow at them, see
    # https://github.com/jax-ml/jax/issues/33004. In these releases Eigen, which multiplies larger
    # matrices, keeps its threads all the same.
    _SMALL_PRODUCTS: "false",
}
"""How XLA compiles. The flags of a user come first."""

_WIDE_VECTORS = {"xla_cpu_prefer_vector_width": "512"}
"""For a processor that keeps its speed when it computes with vectors of 512 bits."""

_LOGGER = logging.getLogger("skmlp")


class _State:
    """The flags that XLA has been given in this process."""

    cuts_products = False
    why_not: str | None = None


def cuts_products() -> bool:
    """Tell whether to cut products into pieces that XLA's own code multiplies.

    That is faster only if our flags are in force: Eigen would be slower with pieces.
    """
    return _State.cuts_products


def why_not() -> str | None:
    """Return why products are not cut, or None if they are, or will be by the first fit."""
    return _State.why_not or why_off("xla_flags") or _why_user_decides()


def all_flags() -> str:
    """Return the flags with which XLA compiles our programs: ours, then those of the user."""
    given = os.environ.get(_VARIABLE, "")
    if not is_on("xla_flags"):
        return given
    flags = _FLAGS | (_WIDE_VECTORS if _has_wide_vectors() else {})
    ours = [f"--{name}={value}" for name, value in flags.items() if name not in given]
    return " ".join([*ours, given])


def apply_flags(tensorflow: Any, tensor: Any, may_fail: bool) -> None:
    """Have XLA read the flags, which it does once, before it compiles for the first time.

    Parameters
    ----------
    tensorflow : module
        TensorFlow.
    tensor : tensor
        Any tensor on the device.
    may_fail : bool
        Whether TensorFlow keeps what it compiles: if it can't write there, it fails to compile, but
        only after XLA has read the flags.
    """
    if not is_on("xla_flags"):
        _tell_of_untried_release()
        return
    given = os.environ.get(_VARIABLE)
    _State.why_not = _why_user_decides()
    _State.cuts_products = _State.why_not is None
    try:
        os.environ[_VARIABLE] = all_flags()
        with tensorflow.device("CPU:0"):
            function = tensorflow.function(lambda x: -x, jit_compile=True, autograph=False)
            # Compiled whatever the user has switched on.
            function.get_concrete_function(tensor)(tensor)
    except tensorflow.errors.OpError:
        if not may_fail:
            raise
    finally:
        os.environ.pop(_VARIABLE, None)
        if given is not None:
            os.environ[_VARIABLE] = given


def note_too_late() -> None:
    """Note that TensorFlow has run before the first fit, and tell the user, who can mend it.

    By `logging`, as it is about speed alone: an error for those who make errors of warnings would
    stop a fit that is right, and they can silence the logger "skmlp".
    """
    _State.why_not = "TensorFlow had run before the first fit: XLA may have read its flags"
    if is_on("xla_flags") and _why_user_decides() is None:
        _LOGGER.warning(
            "TensorFlow had run before the first fit of skmlp, too late to set its flags and to "
            "keep compiled programs: small networks take up to 1.5 times as long. Let skmlp fit "
            "first, or see skmlp.show_versions()."
        )


def _tell_of_untried_release() -> None:
    """Say that a release was not tried; at level INFO, as there is nothing that the user can do."""
    if not is_plain():
        _LOGGER.info("%s: small networks take up to 1.5 times as long.", why_off("xla_flags"))


def _why_user_decides() -> str | None:
    is_set = _SMALL_PRODUCTS in os.environ.get(_VARIABLE, "")
    return f"{_VARIABLE} has {_SMALL_PRODUCTS}" if is_set else None


def _has_wide_vectors() -> bool:
    """Tell whether the processor is one of those (Ice Lake, Zen 4 and later); no if unknown."""
    try:
        return "avx512_vbmi2" in Path("/proc/cpuinfo").read_text()
    except OSError:  # not Linux
        return False
