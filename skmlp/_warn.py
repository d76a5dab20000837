"""Warnings that point at the line of the user's, however deep in the package they are raised."""

import sys
import warnings
from pathlib import Path
from types import FrameType

import sklearn.base

_SKIPPED = (
    str(Path(__file__).parent),
    sklearn.base.__file__,  # the wrapper of a decorated fit
)


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the first frame outside of the package, as Python 3.12 does for given prefixes."""
    level = 2  # the caller's
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(_SKIPPED):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
