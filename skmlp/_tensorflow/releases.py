"""The table of tricks, with the releases with which they were tried, and one switch for all.

Every module of this folder asks `is_on` whether its trick is on. README.md has the same rows, and
says what each trick gains and rests on.
"""

import os
import sys
from dataclasses import dataclass

PLAIN_VARIABLE = "SKMLP_PLAIN_TENSORFLOW"
"""Turns all tricks off, to find out whether a fault is caused by a trick; see `is_plain`."""


@dataclass(frozen=True)
class Trick:
    """One use of TensorFlow that its documentation does not cover.

    Parameters
    ----------
    tried : tuple of str
        The releases with which the tests of the trick passed, as prefixes of version numbers.
    elsewhere : str
        The behaviour with any other release.
    is_gated : bool, default=True
        Whether the trick is off with any other release. A trick that is not gated checks that it
        works, or does nothing to TensorFlow.
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
    """Tell whether a trick is on, with this release and in this process."""
    return why_off(name) is None


def why_off(name: str) -> str | None:
    """Return why a trick is off, or None if it is on."""
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
    """Tell whether the user has turned all tricks off; the first fit reads the variable."""
    return os.environ.get(PLAIN_VARIABLE, "") not in ("", "0")


def release() -> str | None:
    """Return the version of TensorFlow, imported or not, or None if it is unknown."""
    imported = getattr(sys.modules.get("tensorflow"), "__version__", None)
    # The module of a release candidate says 2.22.0-rc0, and the distribution says 2.22.0rc0.
    return imported.replace("-", "") if isinstance(imported, str) else installed_release()


def installed_release() -> str | None:
    """Return the version of the distribution "tensorflow"; None for others like tensorflow-cpu."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("tensorflow")
    except PackageNotFoundError:
        return None
