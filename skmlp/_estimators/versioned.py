"""The base class of all estimators: pickled states record the version of the package."""

import inspect
import re
from typing import Any

from sklearn.base import BaseEstimator

from skmlp._estimators.doc_link import DocLinkMixin
from skmlp._version import __version__
from skmlp._warn import warn_user
from skmlp.exceptions import InconsistentVersionWarning

_VERSION_KEY = "_skmlp_version"
"""The key of the version in a pickled state; no attribute of an estimator has this name."""


class VersionedEstimator(DocLinkMixin, BaseEstimator):
    """Base class that adds the version to a pickled state, and compares it on loading."""

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), _VERSION_KEY: __version__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        original = state.get(_VERSION_KEY)
        if original is not None and _major(original) > _major(__version__):
            warn_user(
                InconsistentVersionWarning(
                    estimator_name=type(self).__name__,
                    current_skmlp_version=__version__,
                    original_skmlp_version=original,
                )
            )
        own = {name: state[name] for name in state if name != _VERSION_KEY}
        super().__setstate__(_defaults_of_new_parameters(type(self), own) | own)


def _defaults_of_new_parameters(cls: type, state: dict[str, Any]) -> dict[str, Any]:
    """Return the defaults of the parameters that a state of an older version lacks."""
    parameters = inspect.signature(cls).parameters
    return {name: each.default for name, each in parameters.items() if name not in state}


def _major(version: str) -> int:
    match = re.match(r"\d+", version)
    return int(match[0]) if match else 0
