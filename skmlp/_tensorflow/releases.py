"""The tricks that are played on TensorFlow, the releases they were tried with, and one switch.

A trick is on if its row here allows it; every module of this folder asks `is_on`. README.md has the
same rows with what each trick gains and rests on.
"""

import os
import sys
from dataclasses import dataclass

PLAIN_VARIABLE = "SKMLP_PLAIN_TENSORFLOW"
"""Turns all tricks off, so that a fault can be told from one of TensorFlow's: see `is_plain`."""


@dataclass(frozen=True)
class Trick:
    """One use of TensorFlow that its documentation does not cover.

    Parameters
    ----------
    tried : tuple of str
        The releases with which its tests passed, as prefixes of version numbers.
    elsewhere : str
        What happens with any other release.
    is_gated : bool, default=True
        Whether the trick is off with any other release. One that is not gated checks for itself
        that it works, or does nothing to TensorFlow.
    """

    tried: tuple[str, ...]
    elsewhere: str
    is_gated: bool = True


_TRIED = ("2.20.", "2.21.", "2.22.0rc0")

TRICKS: dict[str, Trick] = {
    "without_keras": Trick(_TRIED, "TensorFlow imports Keras too, and its import takes longer"),
    "without_collections": Trick(_TRIED, "on; it concerns Python alone", is_gated=False),
    "quiet": Trick(_TRIED, "on; lines of an unknown form are printed", is_gated=False),
    "xla_flags": Trick(
        _TRIED,
        "XLA has its own defaults, and no product is cut: small networks are slow",
    ),
    "kept_programs": Trick(_TRIED, "every process compiles its programs"),
    "shared_memory": Trick(_TRIED, "checked by the first fit; copies if it fails", is_gated=False),
    "eager_context": Trick(
        _TRIED, "`tf.init_scope`, if the private part is missing", is_gated=False
    ),
}


def is_on(name: str) -> bool:
    """Tell whether a trick may be played, with this release and in this process."""
    return why_off(name) is None


def why_off(name: str) -> str | None:
    """Return why a trick may not be played, or None if it may."""
    trick = TRICKS[name]
    if is_plain():
        return f"switched off by {PLAIN_VARIABLE}"
    if not trick.is_gated:
        return None
    version = release()
    if version is None:
        return "no distribution named tensorflow is installed"
    return None if version.startswith(trick.tried) else f"not tried with TensorFlow {version}"


def is_plain() -> bool:
    """Tell whether the user wants TensorFlow as it is; set the variable before the first fit."""
    return os.environ.get(PLAIN_VARIABLE, "") not in ("", "0")


def release() -> str | None:
    """Return the version of TensorFlow, which need not be imported, or None if it is unknown."""
    imported = getattr(sys.modules.get("tensorflow"), "__version__", None)
    # A candidate calls itself 2.22.0-rc0, and its distribution 2.22.0rc0.
    return imported.replace("-", "") if isinstance(imported, str) else installed_release()


def installed_release() -> str | None:
    """Return the version of the distribution "tensorflow"; None for others, as tensorflow-cpu."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("tensorflow")
    except PackageNotFoundError:
        return None
