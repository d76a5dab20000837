"""Warnings that point at the line of the user's, however deep in the package they are raised."""

import sys
import warnings
from pathlib import Path

import sklearn.base

_PACKAGE = str(Path(__file__).parent)
_WRAPPERS = (sklearn.base.__file__,)  # of a decorated fit


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the first frame outside of the package, as ``skip_file_prefixes`` of Python 3.12."""
    level, frame = 2, sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith((_PACKAGE, *_WRAPPERS)):
        level, frame = level + 1, frame.f_back  # type: ignore[assignment]
    warnings.warn(message, category, stacklevel=level - 1)
